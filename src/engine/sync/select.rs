//! Finding the secrets to copy: by a rule, by name, or both.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;

use tokio::sync::Semaphore;
use tokio::task::JoinSet;

use super::{Original, Planned, Source, look_all};
use crate::domain::port::{Lifecycle, ListFilter, Lists, SecretRecord};
use crate::domain::profile::ProfileName;
use crate::domain::rotation::RotationState;
use crate::domain::secret::{SecretId, SecretName};
use crate::domain::sync::plan::Version;
use crate::domain::version::VersionRecord;
use crate::engine::before::Was;
use crate::engine::context::Run;
use crate::engine::failure::Failure;
use crate::engine::list::list;
use crate::engine::vault::Vault;

/// Says of a secret whether it is to be copied.
pub type Rule<'s> = &'s (dyn Fn(&SecretRecord) -> bool + Send + Sync);

/// Which secrets to copy.
pub struct Selector<'s> {
    /// Rule for all secrets of the vault; `None` for none of them.
    pub rule: Option<Rule<'s>>,
    /// Secrets by name; one that is not there yet counts as one that this run makes.
    pub names: &'s [SecretName],
    /// Which version of each secret is copied.
    pub state: RotationState,
    /// Most secrets looked at at once.
    pub parallelism: usize,
    /// The version that was copied last, by key.
    pub copied: &'s (dyn Fn(&str) -> Option<Version> + Send + Sync),
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
    let state = selector.state;
    let mut chosen = match state {
        RotationState::Current => BTreeMap::new(),
        _ => versions(vault, run, &found, selector).await?,
    };
    let secrets = found.into_iter().map(|(name, record)| {
        let open = record.is_none();
        let chosen = match state {
            RotationState::Current => record.as_ref().and_then(|record| record.current.clone()),
            _ => chosen.remove(&name),
        };
        let id = SecretId::new(profile.clone(), name.clone());
        (name.as_str().to_owned(), Original { id, record, chosen, open, planned: None })
    });
    let mut secrets = secrets.collect();
    if let Some(rule) = selector.rule {
        as_planned(vault, profile, selector, rule, &mut secrets);
    }
    Ok(Source { vault: Arc::clone(vault), state, secrets })
}

/// Makes the selection by rule the one that the plan was made with, whatever this run changed since
/// then: nothing orders the other objects of the run and the sync, and a plan must not depend on
/// who was first. Secrets that are named are ordered by the reference to them.
fn as_planned(
    vault: &Vault,
    profile: &ProfileName,
    selector: &Selector<'_>,
    rule: Rule<'_>,
    secrets: &mut BTreeMap<String, Original>,
) {
    let changed = vault.before().all();
    for (name, was) in changed.into_iter().filter(|(name, _)| !selector.names.contains(name)) {
        let key = name.as_str().to_owned();
        let planned = match was {
            Was::There(_) if selector.state != RotationState::Current => continue,
            Was::There(record) if is_selectable(&record) && rule(&record) => {
                record.current.map(|v| Planned {
                    number: Some(v.number),
                    version: Version { id: v.version_id, print: v.fingerprint },
                })
            }
            Was::Removed => {
                (selector.copied)(&key).map(|version| Planned { version, number: None })
            }
            Was::Absent | Was::There(_) => None,
        };
        let Some(planned) = planned else {
            secrets.remove(&key);
            continue;
        };
        let id = SecretId::new(profile.clone(), name);
        let gone = Original { id, record: None, chosen: None, open: false, planned: None };
        secrets.entry(key).or_insert(gone).planned = Some(planned);
    }
}

fn is_selectable(record: &SecretRecord) -> bool {
    !matches!(record.lifecycle, Lifecycle::Deleted { .. })
}

/// The versions that are in the state asked for. Records tell of the current one only.
async fn versions(
    vault: &Arc<Vault>,
    run: &Run,
    found: &BTreeMap<SecretName, Option<SecretRecord>>,
    selector: &Selector<'_>,
) -> Result<BTreeMap<SecretName, VersionRecord>, Failure> {
    let slots = Arc::new(Semaphore::new(selector.parallelism.max(1)));
    let mut lists = JoinSet::new();
    let live = found.iter().filter(|(_, record)| {
        record.as_ref().is_some_and(|r| !matches!(r.lifecycle, Lifecycle::Deleted { .. }))
    });
    for (name, _) in live {
        let (vault, run, name) = (Arc::clone(vault), run.clone(), name.clone());
        let slots = Arc::clone(&slots);
        lists.spawn(async move {
            let _slot = slots.acquire_owned().await.ok();
            let listed = vault.call(&run, "list_versions", |b| b.list_versions(&name)).await;
            (name, listed)
        });
    }
    let mut chosen = BTreeMap::new();
    while let Some(finished) = lists.join_next().await {
        let stopped = |_| Failure::Stopped { operation: "list_versions", in_flight: false };
        let (name, listed) = finished.map_err(stopped)?;
        let mut listed = listed?.into_iter();
        if let Some(version) = listed.find(|v| v.rotation_states.contains(selector.state)) {
            chosen.insert(name, version);
        }
    }
    Ok(chosen)
}
