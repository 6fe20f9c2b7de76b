//! Which secrets of a vault are meant: prefix, pattern, tags, types.
//!
//! Shared by everything that lists. Responsible for reading the filters and for finding the
//! secrets that all of them let through.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use super::access::run;
use super::configure::Configured;
use super::errors::{self, Attempt};
use crate::domain::glob::Glob;
use crate::domain::port::{ListFilter, SecretRecord};
use crate::engine::list::list;
use crate::engine::vault::Vault;
use crate::plugin::framework::context::Context;
use crate::plugin::framework::convert::record;
use crate::plugin::framework::diag::Diagnostics;
use crate::plugin::framework::path::Path;

record! {
    /// The filters of a configuration; wholly known.
    #[derive(Debug, Default)]
    pub(super) struct Selection {
        profile: Option<String>,
        name_prefix: Option<String>,
        name_glob: Option<String>,
        tags: Option<BTreeMap<String, Option<String>>>,
        types: Option<BTreeSet<String>>,
    }
}

impl Selection {
    /// The vault, and the secrets in it that all filters let through, by name. `None` only after
    /// an error.
    pub(super) async fn find(
        &self,
        ctx: &Context,
        configured: &Configured,
        diags: &mut Diagnostics,
    ) -> Option<(Arc<Vault>, Vec<SecretRecord>)> {
        let at = || Path::attribute("profile");
        let found = configured
            .profile_name(self.profile.as_deref())
            .and_then(|profile| configured.vault(&profile));
        let vault = match found {
            Ok(vault) => vault,
            Err(problem) => {
                errors::no_vault(&problem, at(), diags);
                return None;
            }
        };
        let wanted = ListFilter { name_prefix: self.name_prefix.clone(), include_deleted: false };
        let mut records = match list(&vault, &run(ctx, None), &wanted).await {
            Ok(records) => records,
            Err(failure) => {
                let secret = self.name_prefix.as_deref().unwrap_or("*");
                let attempt = Attempt { verb: "list", secret, profile: vault.profile() };
                errors::report(&failure, attempt, at(), diags);
                return None;
            }
        };
        let glob = self.name_glob.as_deref().map(Glob::new);
        records.retain(|record| self.matches(glob.as_ref(), record));
        Some((vault, records))
    }

    fn matches(&self, glob: Option<&Glob>, record: &SecretRecord) -> bool {
        let tags = self.tags.iter().flatten().all(|(key, value)| {
            record.metadata.tags.get(key).is_some_and(|tag| Some(tag) == value.as_ref())
        });
        let types = self
            .types
            .as_ref()
            .is_none_or(|types| record.kind.is_some_and(|kind| types.contains(kind.code())));
        let prefix = self.name_prefix.as_deref().unwrap_or_default();
        let name = record.name.as_str();
        name.starts_with(prefix) && glob.is_none_or(|glob| glob.matches(name)) && tags && types
    }
}
