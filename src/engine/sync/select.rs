//! Finding the secrets to copy: by a rule, by name, or both.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;

use super::{Original, Source, look_all};
use crate::domain::port::{ListFilter, Lists, SecretRecord};
use crate::domain::profile::ProfileName;
use crate::domain::secret::{SecretId, SecretName};
use crate::engine::context::Run;
use crate::engine::failure::Failure;
use crate::engine::list::list;
use crate::engine::vault::Vault;

/// Which secrets to copy.
pub struct Selector<'s> {
    /// Rule for all secrets of the vault; `None` for none of them.
    pub rule: Option<&'s (dyn Fn(&SecretRecord) -> bool + Send + Sync)>,
    /// Secrets by name; one that is not there yet counts as one that this run makes.
    pub names: &'s [SecretName],
    /// Most secrets looked at at once.
    pub parallelism: usize,
}

impl fmt::Debug for Selector<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Selector").field("names", &self.names).finish_non_exhaustive()
    }
}

/// The secrets that the selector finds, by key, which is the name.
///
/// # Errors
/// When anything could not be read: a secret that was not seen must not look like one that is gone.
pub async fn select(
    vault: &Arc<Vault>,
    profile: &ProfileName,
    run: &Run,
    selector: &Selector<'_>,
) -> Result<Source, Failure> {
    let mut found: BTreeMap<SecretName, Option<SecretRecord>> = BTreeMap::new();
    let mut open: Vec<SecretName> = selector.names.to_vec();
    if let Some(rule) = selector.rule {
        let listed = list(vault, run, &ListFilter::default()).await?;
        if matches!(vault.capability().lists, Lists::Complete { .. }) {
            let matching = listed.into_iter().filter(|record| rule(record));
            found.extend(matching.map(|record| (record.name.clone(), Some(record))));
        } else {
            // What a page leaves out may be what the rule asks for.
            let names: Vec<_> = listed.into_iter().map(|record| record.name).collect();
            let (records, failures) = look_all(vault, run, &names, selector.parallelism).await?;
            if let Some(failure) = failures.into_values().next() {
                return Err(failure);
            }
            let matching = records.into_iter().filter(|(_, record)| rule(record));
            found.extend(matching.map(|(name, record)| (name, Some(record))));
        }
    }
    open.retain(|name| !found.contains_key(name));
    let (mut records, failures) = look_all(vault, run, &open, selector.parallelism).await?;
    if let Some(failure) = failures.into_values().next() {
        return Err(failure);
    }
    found.extend(open.into_iter().map(|name| {
        let record = records.remove(&name);
        (name, record)
    }));
    let secrets = found.into_iter().map(|(name, record)| {
        let open = record.is_none();
        let id = SecretId::new(profile.clone(), name.clone());
        (name.as_str().to_owned(), Original { id, record, open })
    });
    Ok(Source { vault: Arc::clone(vault), secrets: secrets.collect() })
}
