//! Keeping copies of secrets in another vault: look, plan, write, remove.
//!
//! Responsible for one destination: [`preview`] looks at it and plans, [`carry_out`] does what was
//! planned. The decisions are [`domain::sync::plan`](crate::domain::sync::plan)'s. Everything is
//! looked at before anything is written; copies are written side by side, as many at once as the
//! caller says, and one value is in memory for the time of its own write only. Removals come last,
//! and only when every write succeeded. Leaves selection and state to the provider.

use std::collections::BTreeMap;
use std::sync::Arc;

use tokio::task::{JoinError, JoinSet};

use super::context::Run;
use super::failure::Failure;
use super::list::list;
use super::secret::look;
use super::vault::Vault;
use crate::domain::fingerprint::KeyRing;
use crate::domain::policy::InitialSync;
use crate::domain::port::{Lifecycle, ListFilter, Lists, OptionValue, Options, SecretRecord};
use crate::domain::rotation::RotationState;
use crate::domain::secret::{SecretId, SecretName};
use crate::domain::sync::owner::{Identity, Owner};
use crate::domain::sync::plan::{
    Action, Desired, Entry, Present, Rules, Seen, Steps, Version, imports, plan,
};
use crate::domain::sync::recipe::{Recipe, Transform};
use crate::domain::version::VersionRecord;

mod content;
pub mod native;
mod remove;
pub mod select;
pub mod status;
mod write;

#[cfg(test)]
mod tests;

use native::Native;
pub use remove::policy;

/// From how many names on a destination is listed instead of asked for each.
const LIST_FROM: usize = 20;

/// The secrets to copy, and where they are.
#[derive(Debug)]
pub struct Source {
    /// Their vault.
    pub vault: Arc<Vault>,
    /// Which version of each secret is copied.
    pub state: RotationState,
    /// By key.
    pub secrets: BTreeMap<String, Original>,
}

/// A secret to copy.
#[derive(Debug, Clone)]
pub struct Original {
    /// Where it is.
    pub id: SecretId,
    /// What it is; `None` when this run will make it first.
    pub record: Option<SecretRecord>,
    /// The version to copy; `None` when there is none, or this run will make it first.
    pub chosen: Option<VersionRecord>,
    /// This run will change it first.
    pub open: bool,
    /// The version before this run changed it, when it did after the plan was made.
    pub planned: Option<Planned>,
}

/// A version that is not there any more.
#[derive(Debug, Clone)]
pub struct Planned {
    /// What is known of it.
    pub version: Version,
    /// Its number, when that is known.
    pub number: Option<u64>,
}

impl Original {
    /// The version to copy, when it is known.
    fn version(&self) -> Option<Version> {
        let chosen = self.chosen.as_ref().filter(|_| !self.open)?;
        Some(Version { id: chosen.version_id.clone(), print: chosen.fingerprint.clone() })
    }

    /// True when it has no version to copy, and this run makes none.
    const fn is_empty(&self) -> bool {
        self.chosen.is_none() && !self.open
    }

    /// True when this run changed it after the plan was made.
    #[must_use]
    pub fn is_late(&self) -> bool {
        self.planned.is_some()
            && self.planned.as_ref().map(|planned| &planned.version.id)
                != self.version().as_ref().map(|v| &v.id)
    }

    /// The version that the plan was made with.
    fn planned_version(&self) -> Option<Version> {
        let planned = self.planned.as_ref().map(|planned| planned.version.clone());
        planned.or_else(|| self.version())
    }

    /// The number of the version that the plan was made with, when that is known.
    #[must_use]
    pub fn planned_number(&self) -> Option<u64> {
        match &self.planned {
            Some(planned) => planned.number,
            None => self.chosen.as_ref().map(|chosen| chosen.number),
        }
    }
}

impl Source {
    /// What goes into a copy; `None` when something of it is not selected.
    pub fn inputs(&self, recipe: &Recipe) -> Option<Vec<&Original>> {
        recipe.inputs.iter().map(|input| self.secrets.get(&input.key)).collect()
    }
}

/// The version of the source of a copy, of the versions that `of` gives of its inputs.
fn source_version(recipe: &Recipe, mut versions: Vec<Version>) -> Option<Version> {
    let ids: Vec<&str> = versions.iter().map(|version| version.id.as_str()).collect();
    let id = recipe.version_id(&ids);
    let last = versions.pop()?;
    let print = last.print.filter(|_| recipe.transform == Transform::Identity);
    Some(Version { id, print })
}

/// One destination.
#[derive(Debug)]
pub struct Target {
    /// Its vault.
    pub vault: Arc<Vault>,
    /// Who owns the copies.
    pub identity: Identity,
    /// What to do with what is there.
    pub rules: Rules,
    /// Most secrets at once.
    pub parallelism: usize,
    /// What the copies are made of, by key.
    pub recipes: BTreeMap<String, Recipe>,
    /// What the backend's descriptor declares beyond the content.
    pub options: Options,
    /// The service keeps replicas there by itself.
    pub native: Option<Native>,
}

impl Target {
    /// The options that a secret has otherwise than it should. What the vault did not tell is taken
    /// to be right.
    fn unmet(&self, record: &SecretRecord) -> Options {
        let differs = |(name, wanted): &(&String, &OptionValue)| {
            record.options.get(*name).is_some_and(|now| !covers(now, wanted))
        };
        let options = self.options.iter().filter(differs);
        options.map(|(name, value)| (name.clone(), value.clone())).collect()
    }
}

/// True when `now` has all that is wanted; it may have more fields.
fn covers(now: &OptionValue, wanted: &OptionValue) -> bool {
    match (now, wanted) {
        (OptionValue::Map(now), OptionValue::Map(wanted)) => {
            wanted.iter().all(|(name, wanted)| now.get(name).is_some_and(|now| covers(now, wanted)))
        }
        (now, wanted) => now == wanted,
    }
}

/// What a destination is, and what is to be done there.
#[derive(Debug, Default)]
pub struct Preview {
    /// By name at the destination.
    pub steps: Steps,
    /// What stands there.
    pub records: BTreeMap<SecretName, SecretRecord>,
    /// What could not be looked at, and why.
    pub failures: BTreeMap<SecretName, Failure>,
}

/// How a step ended.
#[derive(Debug)]
pub struct Done {
    /// What the ledger says of the name now.
    pub entry: Option<Entry>,
    /// Why it did not succeed.
    pub failure: Option<Failure>,
}

/// Gives a name found at the destination its key, when it is one to import.
pub type Importable<'i> = &'i (dyn Fn(&SecretName) -> Option<String> + Send + Sync);

/// Looks at the destination and plans. `names` are the names of the keys there.
///
/// # Errors
/// When the destination cannot be looked at as a whole; what concerns one name is in the preview.
pub async fn preview(
    source: &Source,
    target: &Target,
    run: &Run,
    names: &BTreeMap<String, SecretName>,
    ledger: &BTreeMap<SecretName, Entry>,
    importable: Importable<'_>,
) -> Result<Preview, Failure> {
    let mut desired = BTreeMap::new();
    for (key, recipe) in &target.recipes {
        if let (Some(name), Some(inputs)) = (names.get(key), source.inputs(recipe)) {
            let versions =
                inputs.iter().map(|input| input.planned_version()).collect::<Option<_>>();
            let version = versions.and_then(|all| source_version(recipe, all));
            let empty = version.is_none() && inputs.iter().any(|original| original.is_empty());
            desired.insert(name.clone(), Desired { key: key.clone(), version, empty });
        }
    }
    let mut wanted: Vec<SecretName> = desired.keys().chain(ledger.keys()).cloned().collect();
    wanted.sort_unstable();
    wanted.dedup();
    let importing = imports(target.rules.initial);
    let mut preview = Preview::default();
    let mut foreign = BTreeMap::new();
    let complete = matches!(target.vault.capability().lists, Lists::Complete { .. });
    let listed = importing || complete && wanted.len() >= LIST_FROM;
    if listed {
        let filter = ListFilter { name_prefix: None, include_deleted: true };
        for record in list(&target.vault, run, &filter).await? {
            if importing && let Some(key) = importable(&record.name) {
                foreign.insert(record.name.clone(), key);
            }
            preview.records.insert(record.name.clone(), record);
        }
    }
    if !(complete && listed) {
        // A listing that is not complete may lack whose a secret is, also of those to import.
        let mut asked = wanted.clone();
        asked.extend(foreign.keys().filter(|name| wanted.binary_search(name).is_err()).cloned());
        let (records, failures) = look_all(&target.vault, run, &asked, target.parallelism).await?;
        preview.records.extend(records);
        preview.failures = failures;
    }
    let mut seen = BTreeMap::new();
    for name in wanted.iter().chain(foreign.keys()) {
        let sight = match preview.records.get(name) {
            _ if preview.failures.contains_key(name) => Seen::Unreadable,
            None => Seen::Absent,
            Some(record) => {
                let key = desired.get(name).filter(|_| !ledger.contains_key(name));
                let recipe = key.and_then(|desired| target.recipes.get(&desired.key));
                let equal = match recipe {
                    Some(recipe) => compare(source, target, run, recipe, record).await?,
                    None => None,
                };
                Seen::Present(present(&target.identity, record, equal))
            }
        };
        seen.insert(name.clone(), sight);
    }
    preview.steps = plan(&target.rules, &desired, ledger, &seen, &foreign);
    if let Some(native) = &target.native {
        let orphans = target.rules.on_orphan;
        native.adapt(&mut preview.steps, &preview.records, orphans);
        return Ok(preview);
    }
    native::spare(&mut preview.steps, &preview.records);
    for (name, step) in &mut preview.steps {
        let record = preview.records.get(name);
        let unmet = record.is_some_and(|record| !target.unmet(record).is_empty());
        if step.action == Action::Keep && unmet {
            step.action = Action::Adjust;
        }
    }
    Ok(preview)
}

fn present(identity: &Identity, record: &SecretRecord, equal: Option<bool>) -> Present {
    Present {
        owner: identity.owner(&record.metadata.tags),
        lifecycle: record.lifecycle,
        version: record.current.as_ref().map(|version| Version {
            id: version.version_id.clone(),
            print: version.fingerprint.clone(),
        }),
        equal,
    }
}

type Looked = (BTreeMap<SecretName, SecretRecord>, BTreeMap<SecretName, Failure>);

/// Looks at each name, several at once: what is there, and what could not be looked at.
async fn look_all(
    vault: &Arc<Vault>,
    run: &Run,
    names: &[SecretName],
    parallelism: usize,
) -> Result<Looked, Failure> {
    let mut looks = JoinSet::new();
    let mut names = names.iter();
    let (mut records, mut failures) = Looked::default();
    loop {
        // A task is only there while it runs: thousands that wait would be memory, too.
        let free = parallelism.max(1) - looks.len();
        for name in names.by_ref().take(free) {
            let (vault, run, name) = (Arc::clone(vault), run.clone(), name.clone());
            looks.spawn(async move {
                let found = look(&vault, &run, &name).await;
                (name, found)
            });
        }
        let Some(finished) = looks.join_next().await else { break };
        match finished {
            Ok((name, Ok(Some(record)))) => drop(records.insert(name, record)),
            Ok((_, Ok(None))) => {}
            Ok((name, Err(failure))) => drop(failures.insert(name, failure)),
            Err(_) => return Err(Failure::Stopped { operation: "read", in_flight: false }),
        }
    }
    Ok((records, failures))
}

/// Whether a secret that is nobody's has the content of the source, where that decides something.
async fn compare(
    source: &Source,
    target: &Target,
    run: &Run,
    recipe: &Recipe,
    record: &SecretRecord,
) -> Result<Option<bool>, Failure> {
    let decides = match target.rules.initial {
        InitialSync::AdoptIfEqual
        | InitialSync::ImportPrioritizeSource
        | InitialSync::ImportPrioritizeDestination => true,
        _ => target.rules.adopt.contains(&record.name),
    };
    let foreign = target.identity.owner(&record.metadata.tags) == Owner::Nobody;
    let Some(inputs) = source.inputs(recipe) else { return Ok(None) };
    let open = inputs.iter().any(|original| original.version().is_none());
    if !decides || !foreign || open || record.lifecycle != Lifecycle::Active {
        return Ok(None);
    }
    let ours = content::make(&source.vault, run, recipe, &inputs, source.state).await?;
    let theirs = content::read(&target.vault, run, &record.name, RotationState::Current).await?;
    Ok(Some(ours.content == theirs.content))
}

/// Does what was planned, and says of every step that changes something how it ended. Writes come
/// first, removals after them and only when all writes succeeded.
pub async fn carry_out(
    source: &Source,
    target: &Arc<Target>,
    run: &Run,
    ring: &Arc<KeyRing>,
    preview: &Preview,
    ledger: &BTreeMap<SecretName, Entry>,
) -> BTreeMap<SecretName, Done> {
    let mut done = BTreeMap::new();
    let mut writes = JoinSet::new();
    for (name, step) in &preview.steps {
        if !step.action.writes() && step.action != Action::Record {
            continue;
        }
        // A task is only there while it runs: thousands that wait would be memory, too.
        if writes.len() >= target.parallelism.max(1) {
            note(&mut done, writes.join_next().await);
        }
        let recipe = target.recipes.get(&step.key).cloned();
        let inputs = recipe.as_ref().and_then(|recipe| source.inputs(recipe));
        let job = write::Job {
            source: Arc::clone(&source.vault),
            state: source.state,
            target: Arc::clone(target),
            ring: Arc::clone(ring),
            run: run.clone(),
            name: name.clone(),
            step: step.clone(),
            inputs: inputs.into_iter().flatten().cloned().collect(),
            recipe,
            found: preview.records.get(name).cloned(),
        };
        let before = ledger.get(name).cloned();
        // Until it says otherwise, the name is as it was.
        let failure = Some(Failure::Stopped { operation: "sync", in_flight: true });
        done.insert(name.clone(), Done { entry: before.clone(), failure });
        writes.spawn(async move {
            let finished = match job.write().await {
                Ok(entry) => Done { entry: Some(entry), failure: None },
                Err(failure) => Done { entry: before, failure: Some(failure) },
            };
            (job.name, finished)
        });
    }
    while !writes.is_empty() {
        note(&mut done, writes.join_next().await);
    }
    let written = done.values().all(|done| done.failure.is_none());
    for (name, step) in &preview.steps {
        let entry = ledger.get(name);
        let finished = match (step.action, entry) {
            (Action::Forget, _) => Done { entry: None, failure: None },
            (Action::Remove(removal), Some(entry)) if written => {
                match remove::remove(target, run, name, entry, removal).await {
                    Ok(()) => Done { entry: None, failure: None },
                    Err(failure) => Done { entry: Some(entry.clone()), failure: Some(failure) },
                }
            }
            (Action::Remove(_), entry) => {
                let failure = Some(Failure::Held);
                Done { entry: entry.cloned(), failure }
            }
            _ => continue,
        };
        done.insert(name.clone(), finished);
    }
    done
}

/// Notes how a write ended. One that did not end stays noted as stopped.
fn note(
    done: &mut BTreeMap<SecretName, Done>,
    finished: Option<Result<(SecretName, Done), JoinError>>,
) {
    if let Some(Ok((name, finished))) = finished {
        done.insert(name, finished);
    }
}
