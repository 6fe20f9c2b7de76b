//! Identities: what names an object in its vault or service, stored next to the state.
//!
//! Responsible for decoding, encoding and checking them, and for upgrading stored ones.
//! Source: protocol messages `ResourceIdentityData`; RPC UpgradeResourceIdentity.

use super::super::diag::Diagnostics;
use super::super::guard;
use super::super::path::Path;
use super::super::value::Value;
use super::Server;
use super::call::{Doing, guarded_sync};
use super::catalogue::{ResourceEntry, find};
use super::exchange::{Encoded, StoredState, ValueAnswer, lenient};

impl Server {
    /// UpgradeResourceIdentity.
    #[must_use]
    pub fn upgrade_identity(
        &self,
        type_name: &str,
        version: i64,
        stored: &StoredState,
    ) -> ValueAnswer {
        let mut diags = Diagnostics::new();
        let found = find(&self.catalogue.resources, "resource type", type_name, &mut diags);
        let upgraded = found.and_then(|entry| {
            let value = upgrade(entry, type_name, version, stored, &mut diags)?;
            encode(entry, Some(value), &mut diags)
        });
        ValueAnswer { value: upgraded.unwrap_or_else(Encoded::null), diagnostics: diags }
    }
}

fn upgrade(
    entry: &ResourceEntry,
    type_name: &str,
    version: i64,
    stored: &StoredState,
    diags: &mut Diagnostics,
) -> Option<Value> {
    let Some(shape) = &entry.identity else {
        diags.error(
            Path::root(),
            "This resource has no identity",
            format!("An identity of {type_name} is stored, but this version has none."),
        );
        return None;
    };
    if version > shape.schema.version {
        diags.error(
            Path::root(),
            "The stored identity is newer than the provider",
            format!(
                "It has version {version}, this provider knows up to {}. Next step: use the \
                 version of the provider that wrote it, or a newer one.",
                shape.schema.version
            ),
        );
        return None;
    }
    if version == shape.schema.version {
        return stored.current(&shape.ty, diags);
    }
    let json = stored.parse(diags)?;
    let doing = Doing { operation: "the upgrade of the identity", type_name };
    let mut own = Diagnostics::new();
    let upgraded = guarded_sync(doing, || entry.object.upgrade_identity(version, json, &mut own));
    diags.extend(own);
    match upgraded {
        Ok(json) => lenient(json?, &shape.ty, diags),
        Err(panic) => {
            diags.extend(panic);
            None
        }
    }
}

/// Reads an identity. `None` when there is none, or it cannot be read (an error then).
pub(super) fn decode(
    entry: &ResourceEntry,
    identity: Option<&Encoded>,
    diags: &mut Diagnostics,
) -> Option<Value> {
    let shape = entry.identity.as_ref()?;
    let identity = identity.filter(|identity| identity.is_present())?;
    identity.decode(&shape.ty, "identity", diags).filter(|identity| !identity.is_null())
}

/// Writes an identity, if the resource has one.
pub(super) fn encode(
    entry: &ResourceEntry,
    identity: Option<Value>,
    diags: &mut Diagnostics,
) -> Option<Encoded> {
    let shape = entry.identity.as_ref()?;
    let sealed = guard::planned(shape, identity.filter(|i| !i.is_null())?, diags);
    Some(Encoded::sealed(&sealed, &shape.ty, diags))
}

/// Reports an identity that should be there and is not, or is not wholly known.
pub(super) fn check_present(
    entry: &ResourceEntry,
    identity: Option<&Value>,
    diags: &mut Diagnostics,
) {
    let complete = identity.is_some_and(|i| !i.is_null() && i.is_wholly_known());
    if entry.identity.is_some() && !complete {
        diags.error(
            Path::root(),
            "The provider returned no identity",
            "The object was recorded without what identifies it. This is a bug in the provider, \
             please report it.",
        );
    }
}

/// Reports an identity that changed although this resource says it never does.
pub(super) fn check_unchanged(
    entry: &ResourceEntry,
    before: Option<&Value>,
    after: Option<&Value>,
    diags: &mut Diagnostics,
) {
    let (Some(before), Some(after)) = (before, after) else { return };
    if entry.identity.is_some() && !entry.object.mutable_identity() && !before.same(after) {
        diags.error(
            Path::root(),
            "The identity of the object changed",
            "The same object must keep its identity. This is a bug in the provider, please \
             report it.",
        );
    }
}
