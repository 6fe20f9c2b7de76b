//! The copies of a sync as they stand, found by their owner tags, and their sources.
//!
//! Needs no state and reads no value. What the copies are worth is
//! [`domain::sync::standing`](crate::domain::sync::standing)'s.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::look_all;
use crate::domain::port::{ListFilter, Lists, SecretRecord};
use crate::domain::secret::SecretName;
use crate::domain::sync::owner::Identity;
use crate::engine::context::Run;
use crate::engine::failure::Failure;
use crate::engine::list::list;
use crate::engine::vault::Vault;

/// A copy and the sync whose it is.
#[derive(Debug)]
pub struct Copy {
    /// The sync.
    pub owner: Identity,
    /// The copy.
    pub record: SecretRecord,
}

/// The copies of a sync in a vault, soft-deleted ones too, by name: those of one instance, or those
/// of every sync called `name`.
///
/// # Errors
/// When anything could not be read: a copy that was not seen must not look like one that is gone.
pub async fn copies(
    vault: &Arc<Vault>,
    run: &Run,
    name: &str,
    instance: Option<&str>,
    parallelism: usize,
) -> Result<Vec<Copy>, Failure> {
    let ours = |record: &SecretRecord| {
        let owner = Identity::of(&record.metadata.tags)?;
        // A sync may have been renamed since; its instance stays.
        let wanted = instance.map_or(owner.name == name, |instance| owner.instance == instance);
        wanted.then_some(owner)
    };
    let filter = ListFilter { name_prefix: None, include_deleted: true };
    let mut found = list(vault, run, &filter).await?;
    found.retain(|record| ours(record).is_some());
    if matches!(vault.capability().lists, Lists::Partial) {
        let names: Vec<_> = found.into_iter().map(|record| record.name).collect();
        found = look(vault, run, &names, parallelism).await?.into_values().collect();
    }
    let copies =
        found.into_iter().filter_map(|record| Some(Copy { owner: ours(&record)?, record }));
    Ok(copies.collect())
}

/// The secrets of these names that are there.
///
/// # Errors
/// When any of them could not be looked at.
pub async fn look(
    vault: &Arc<Vault>,
    run: &Run,
    names: &[SecretName],
    parallelism: usize,
) -> Result<BTreeMap<SecretName, SecretRecord>, Failure> {
    let (records, failures) = look_all(vault, run, names, parallelism).await?;
    match failures.into_values().next() {
        Some(failure) => Err(failure),
        None => Ok(records),
    }
}
