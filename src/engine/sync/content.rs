//! What a copy is made of, read from the source.
//!
//! Responsible for reading exactly the versions that were looked at, one after the other, and for
//! the values being gone when the copy is made.

use super::Original;
use crate::domain::kind::Content;
use crate::domain::port::{BackendError, ErrorKind, Read, VersionSelector};
use crate::domain::rotation::RotationState;
use crate::domain::secret::SecretName;
use crate::domain::sync::plan::Version;
use crate::domain::sync::recipe::Recipe;
use crate::engine::context::Run;
use crate::engine::failure::Failure;
use crate::engine::vault::Vault;

/// What a copy is to hold.
pub(super) struct Made {
    pub(super) content: Content,
    /// The versions it was made of.
    pub(super) versions: Vec<Version>,
}

/// Reads the versions of the inputs that are in `state` and makes the content of the copy. A secret
/// that this run changes at the same time may have been looked at before the change.
///
/// # Errors
/// That somebody else made another version than was looked at, that a value does not suit the
/// recipe, and whatever the vault answers.
pub(super) async fn make(
    vault: &Vault,
    run: &Run,
    recipe: &Recipe,
    inputs: &[&Original],
    state: RotationState,
) -> Result<Made, Failure> {
    let mut contents = Vec::with_capacity(inputs.len());
    let mut versions = Vec::with_capacity(inputs.len());
    for original in inputs {
        let looked_at = original.version().ok_or(Failure::Vanished)?;
        let read = read(vault, run, &original.id.name, state).await?;
        let found = Version { id: read.version.version_id, print: read.version.fingerprint };
        if found.id != looked_at.id && !vault.before().knows(&original.id.name) {
            let (planned, found) = (Some(looked_at.id), Some(found.id));
            return Err(Failure::ChangedSincePlan { planned, found });
        }
        contents.push(read.content);
        versions.push(found);
    }
    let content = recipe.make(contents).map_err(|error| refused(error.to_string()))?;
    Ok(Made { content, versions })
}

/// The version of a secret that is in a state.
///
/// # Errors
/// Whatever the vault answers.
pub(super) async fn read(
    vault: &Vault,
    run: &Run,
    name: &SecretName,
    state: RotationState,
) -> Result<Read, Failure> {
    let selector = VersionSelector::State(state);
    vault.call(run, "read_content", |backend| backend.read_content(name, selector)).await
}

/// A value that cannot be copied as it is to be.
pub(super) fn refused(message: String) -> Failure {
    BackendError::permanent(ErrorKind::InvalidRequest, "sync", message).into()
}
