//! A vault in memory for tests, with faults on demand.
//!
//! Behaves like the port says: nonces, expected versions, soft deletion. A fault makes the next
//! call of a method fail, before or after it took effect (a lost reply). Not a model of any
//! particular vault.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration as StdDuration;

use async_trait::async_trait;
use time::macros::datetime;
use time::{Duration, OffsetDateTime};

use super::context::{Run, World};
use super::vault::{DriftDetection, Vault, VaultOptions};
use crate::domain::fingerprint::{Fingerprint, Key, KeyRing, Salt};
use crate::domain::kind::{Content, Kind, field};
use crate::domain::material::Secret;
use crate::domain::port::*;
use crate::domain::rotation::RotationState;
use crate::domain::secret::SecretName;
use crate::domain::version::VersionRecord;

pub(crate) const NOW: OffsetDateTime = datetime!(2026-03-01 12:00 UTC);

/// When a fault strikes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum When {
    Before,
    After,
}

/// What happens to a call that was counted out.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Strike {
    /// It fails for good.
    Fail(When),
    /// It never answers.
    Hang(When),
}

/// What the vault holds of one secret.
#[derive(Debug)]
struct Entry {
    record: SecretRecord,
    contents: Vec<(Content, VersionRecord, [u8; 16])>,
}

#[derive(Debug, Default)]
struct State {
    entries: BTreeMap<String, Entry>,
    faults: Vec<(&'static str, When, BackendError)>,
    calls: Vec<&'static str>,
    hang: bool,
    mangle: bool,
    poor_lists: bool,
    strike: Option<(usize, Strike)>,
}

/// The vault.
#[derive(Debug)]
pub(crate) struct Memory {
    capability: Capability,
    state: Mutex<State>,
}

pub(crate) fn capability() -> Capability {
    Capability {
        versions: true,
        max_versions: None,
        max_value_bytes: 1024,
        empty_values: false,
        max_name_bytes: 64,
        name_punctuation: "-_/",
        unicode_names: false,
        case_sensitive_names: true,
        max_tags: 4,
        max_tag_value_chars: 256,
        max_description_chars: 1024,
        compare_and_set: true,
        soft_delete: Some(RecoveryWindow { min_days: 7, default_days: 30, max_days: 90 }),
        purge: true,
        delete_versions: true,
        disable: true,
        pending_versions: true,
        metadata_without_values: true,
        validity_times: true,
        backup: false,
        lists: Lists::Partial,
    }
}

/// As vaults give it out: it may be empty.
pub(crate) fn content(value: &str) -> Content {
    let fields = vec![(field::VALUE.to_owned(), Secret::from(value))];
    Content::restore(Kind::Generic, fields).unwrap()
}

pub(crate) fn ring() -> KeyRing {
    KeyRing::new(Some(Key::new(Secret::new(vec![7; 32])).unwrap()), Vec::new())
}

pub(crate) fn print(value: &str) -> Fingerprint {
    ring().fingerprint(&content(value), Salt([1; 16]))
}

pub(crate) fn name(text: &str) -> SecretName {
    SecretName::parse(text).unwrap()
}

/// A record of an active secret with one version of this content.
pub(crate) fn record(value: &str) -> SecretRecord {
    SecretRecord {
        replica_of: None,
        options: Options::new(),
        name: name("db"),
        backend_id: "memory:db".to_owned(),
        kind: Some(Kind::Generic),
        metadata: Metadata { enabled: true, ..Metadata::default() },
        lifecycle: Lifecycle::Active,
        current: Some(version(1, Some(print(value)))),
        latest: 1,
        salt: Some(Salt([1; 16])),
        created_at: Some(NOW),
        updated_at: Some(NOW),
    }
}

fn version(number: u64, fingerprint: Option<Fingerprint>) -> VersionRecord {
    VersionRecord {
        number,
        version_id: format!("v{number}"),
        rotation_states: [RotationState::Current, RotationState::Latest].into_iter().collect(),
        fingerprint,
        created_at: Some(NOW),
        deletion_scheduled_at: None,
    }
}

/// A run that is not stopped, with a fixed clock and counting randomness.
pub(crate) fn run() -> Run {
    run_for(StdDuration::from_secs(20))
}

pub(crate) fn run_for(timeout: StdDuration) -> Run {
    Run::new(world(), timeout, Arc::new(|| Box::pin(std::future::pending())))
}

pub(crate) fn world() -> World {
    use std::sync::atomic::{AtomicU64, Ordering};
    static COUNTER: AtomicU64 = AtomicU64::new(0);
    let random = || u128::from(COUNTER.fetch_add(1, Ordering::Relaxed)).to_be_bytes();
    World { now: || NOW, random }
}

pub(crate) fn vault(memory: &Arc<Memory>) -> Vault {
    vault_with(memory, DriftDetection::Metadata)
}

pub(crate) fn vault_with(memory: &Arc<Memory>, drift_detection: DriftDetection) -> Vault {
    let backend: Arc<dyn Backend> = Arc::<Memory>::clone(memory);
    Vault::new("main", backend, VaultOptions { drift_detection, ..VaultOptions::default() })
}

pub(crate) fn failing(kind: ErrorKind) -> BackendError {
    BackendError::permanent(kind, "test", "the test says so")
}

impl Memory {
    pub(crate) fn new() -> Arc<Self> {
        Self::with(capability())
    }

    pub(crate) fn with(capability: Capability) -> Arc<Self> {
        Arc::new(Self { capability, state: Mutex::default() })
    }

    /// Makes the next call of `method` fail.
    pub(crate) fn fail(&self, method: &'static str, when: When, error: BackendError) {
        self.lock().faults.push((method, when, error));
    }

    /// Strikes one call, after this many others.
    pub(crate) fn strike(&self, after: usize, strike: Strike) {
        self.lock().strike = Some((after, strike));
    }

    /// True when the call to strike was made; none is struck from here on.
    pub(crate) fn struck(&self) -> bool {
        self.lock().strike.take().is_none()
    }

    /// Names of all secrets.
    pub(crate) fn names(&self) -> Vec<String> {
        self.lock().entries.keys().cloned().collect()
    }

    /// Lets every further call wait for ever.
    pub(crate) fn hang(&self) {
        self.lock().hang = true;
    }

    /// Lets every read give other content than was written.
    pub(crate) fn mangle(&self) {
        self.lock().mangle = true;
    }

    /// Lets listings tell names only.
    pub(crate) fn poor_lists(&self) {
        self.lock().poor_lists = true;
    }

    /// Methods called since the last time this was asked.
    pub(crate) fn calls(&self) -> Vec<&'static str> {
        std::mem::take(&mut self.lock().calls)
    }

    /// Puts content as somebody would who is not coffer: without a print.
    pub(crate) fn meddle(&self, secret: &str, value: &str) {
        let mut state = self.lock();
        let entry = state.entries.get_mut(secret).unwrap();
        entry.add(content(value), None, [0xEE; 16]);
    }

    /// Changes a record as somebody would from outside.
    pub(crate) fn edit(&self, secret: &str, edit: impl FnOnce(&mut SecretRecord)) {
        edit(&mut self.lock().entries.get_mut(secret).unwrap().record);
    }

    /// The content of a secret's current version.
    pub(crate) fn value(&self, secret: &str) -> Option<String> {
        let state = self.lock();
        let (content, ..) = state.entries.get(secret)?.contents.last()?;
        Some(content.field("value")?.expose_text().ok()?.to_owned())
    }

    pub(crate) fn lifecycle(&self, secret: &str) -> Option<Lifecycle> {
        self.lock().entries.get(secret).map(|entry| entry.record.lifecycle)
    }

    pub(crate) fn latest(&self, secret: &str) -> u64 {
        self.lock().entries.get(secret).map_or(0, |entry| entry.record.latest)
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn counted_out(&self) -> Option<Strike> {
        let mut state = self.lock();
        match state.strike {
            Some((0, strike)) => {
                state.strike = None;
                Some(strike)
            }
            Some((after, strike)) => {
                state.strike = Some((after - 1, strike));
                None
            }
            None => None,
        }
    }

    async fn act<T>(
        &self,
        method: &'static str,
        work: impl FnOnce(&mut State) -> Result<T, BackendError> + Send,
    ) -> Result<T, BackendError> {
        if self.lock().hang {
            std::future::pending::<()>().await;
        }
        match self.counted_out() {
            Some(Strike::Hang(When::Before)) => std::future::pending::<()>().await,
            Some(Strike::Hang(When::After)) => {
                // The lock is gone before the wait.
                drop(work(&mut self.lock()));
                return std::future::pending().await;
            }
            Some(Strike::Fail(when)) => {
                let error = failing(ErrorKind::Unavailable);
                return match when {
                    When::Before => Err(error),
                    When::After => work(&mut self.lock()).and(Err(error)),
                };
            }
            None => {}
        }
        // Calls that are made side by side meet.
        tokio::task::yield_now().await;
        let mut state = self.lock();
        state.calls.push(method);
        let fault = state.faults.iter().position(|(m, ..)| *m == method);
        match fault.map(|place| state.faults.remove(place)) {
            Some((_, When::Before, error)) => Err(error),
            Some((_, When::After, error)) => work(&mut state).and(Err(error)),
            None => work(&mut state),
        }
    }
}

impl Entry {
    fn add(&mut self, content: Content, print: Option<Fingerprint>, nonce: [u8; 16]) {
        let number = self.record.latest + 1;
        let version = version(number, print);
        self.record.latest = number;
        self.record.kind = Some(content.kind());
        self.record.current = Some(version.clone());
        self.contents.push((content, version, nonce));
    }
}

impl State {
    fn entry(&mut self, name: &SecretName) -> Result<&mut Entry, BackendError> {
        self.entries.get_mut(name.as_str()).ok_or_else(|| failing(ErrorKind::NotFound))
    }
}

fn copy(content: &Content) -> Content {
    let fields = content.fields().iter().map(|(n, s)| (n.clone(), s.duplicate())).collect();
    Content::restore(content.kind(), fields).unwrap()
}

#[async_trait]
impl Backend for Memory {
    fn capability(&self) -> &Capability {
        &self.capability
    }

    async fn fingerprint_key_material(
        &self,
        _when_missing: WhenMissing,
    ) -> Result<Option<Secret>, BackendError> {
        Ok(Some(Secret::new(vec![5; 32])))
    }

    async fn read(&self, name: &SecretName) -> Result<SecretRecord, BackendError> {
        self.act("read", |state| Ok(state.entry(name)?.record.clone())).await
    }

    async fn list(
        &self,
        _filter: &ListFilter,
        page: Option<String>,
    ) -> Result<Page<SecretRecord>, BackendError> {
        let most = match self.capability.lists {
            Lists::Complete { page } | Lists::Recognisable { page } => page,
            Lists::Partial => usize::MAX,
        };
        let start: usize = page.map_or(0, |token| token.parse().expect("a token of ours"));
        self.act("list", |state| {
            let poor = state.poor_lists;
            let records = state.entries.values().map(|entry| entry.record.clone());
            let records = records.map(|mut record| {
                if matches!(self.capability.lists, Lists::Recognisable { .. }) {
                    record.created_at = None;
                    record.current.iter_mut().for_each(|current| current.version_id.clear());
                }
                if poor {
                    record.metadata.tags.clear();
                    record.current = None;
                }
                record
            });
            let items: Vec<_> = records.skip(start).take(most).collect();
            let end = start + items.len();
            let next = (end < state.entries.len()).then(|| end.to_string());
            Ok(Page { items, next })
        })
        .await
    }

    async fn list_versions(&self, name: &SecretName) -> Result<Vec<VersionRecord>, BackendError> {
        self.act("list_versions", |state| {
            Ok(state.entry(name)?.contents.iter().map(|(_, version, _)| version.clone()).collect())
        })
        .await
    }

    async fn create(&self, secret: NewSecret<'_>) -> Result<SecretRecord, BackendError> {
        self.act("create", |state| {
            if let Some(entry) = state.entries.get(secret.name.as_str()) {
                let same = entry.contents.first().is_some_and(|c| c.2 == secret.version.nonce);
                return if same {
                    Ok(entry.record.clone())
                } else {
                    Err(failing(ErrorKind::AlreadyExists))
                };
            }
            let lifecycle =
                if secret.metadata.enabled { Lifecycle::Active } else { Lifecycle::Disabled };
            let mut entry = Entry {
                record: SecretRecord {
                    replica_of: None,
                    options: Options::new(),
                    name: secret.name.clone(),
                    backend_id: format!("memory:{}", secret.name),
                    kind: None,
                    metadata: secret.metadata,
                    lifecycle,
                    current: None,
                    latest: 0,
                    salt: Some(secret.version.fingerprint.salt()),
                    created_at: Some(NOW),
                    updated_at: Some(NOW),
                },
                contents: Vec::new(),
            };
            let print = Some(secret.version.fingerprint.clone());
            entry.add(copy(secret.version.content), print, secret.version.nonce);
            let record = entry.record.clone();
            state.entries.insert(secret.name.as_str().to_owned(), entry);
            Ok(record)
        })
        .await
    }

    async fn put_version(
        &self,
        name: &SecretName,
        version: NewVersion<'_>,
    ) -> Result<VersionRecord, BackendError> {
        self.act("put_version", |state| {
            let entry = state.entry(name)?;
            if let Some((_, made, _)) = entry.contents.iter().find(|c| c.2 == version.nonce) {
                return Ok(made.clone());
            }
            if version.expected_version.is_some_and(|expected| expected != entry.record.latest) {
                return Err(failing(ErrorKind::Precondition));
            }
            entry.add(copy(version.content), Some(version.fingerprint.clone()), version.nonce);
            entry.record.current.clone().ok_or_else(|| failing(ErrorKind::Unexpected))
        })
        .await
    }

    async fn set_rotation_state(
        &self,
        _name: &SecretName,
        _number: u64,
        _state: RotationState,
    ) -> Result<(), BackendError> {
        Err(failing(ErrorKind::Unsupported))
    }

    async fn read_content(
        &self,
        name: &SecretName,
        selector: VersionSelector,
    ) -> Result<Read, BackendError> {
        self.act("read_content", |state| {
            let mangle = state.mangle;
            let entry = state.entry(name)?;
            let found = match selector {
                VersionSelector::State(RotationState::Current) => entry.contents.last(),
                VersionSelector::State(_) => None,
                VersionSelector::Number(number) => {
                    entry.contents.iter().find(|(_, version, _)| version.number == number)
                }
            };
            let (content, version, _) = found.ok_or_else(|| failing(ErrorKind::NotFound))?;
            let content = if mangle { self::content("mangled") } else { copy(content) };
            Ok(Read { version: version.clone(), content })
        })
        .await
    }

    async fn update_metadata(
        &self,
        name: &SecretName,
        patch: MetadataPatch,
    ) -> Result<SecretRecord, BackendError> {
        self.act("update_metadata", |state| {
            let record = &mut state.entry(name)?.record;
            let metadata = &mut record.metadata;
            if let Some(description) = patch.description {
                metadata.description = description;
            }
            if let Some(content_type) = patch.content_type {
                metadata.content_type = content_type;
            }
            if let Some(tags) = patch.tags {
                metadata.tags = tags;
            }
            if let Some(not_before) = patch.not_before {
                metadata.not_before = not_before;
            }
            if let Some(expires_at) = patch.expires_at {
                metadata.expires_at = expires_at;
            }
            if let Some(enabled) = patch.enabled {
                metadata.enabled = enabled;
                record.lifecycle = if enabled { Lifecycle::Active } else { Lifecycle::Disabled };
            }
            record.updated_at = Some(NOW + Duration::hours(1));
            Ok(record.clone())
        })
        .await
    }

    async fn soft_delete(
        &self,
        name: &SecretName,
        window: Option<Duration>,
    ) -> Result<SecretRecord, BackendError> {
        self.act("soft_delete", |state| {
            let record = &mut state.entry(name)?.record;
            let purge_at = Some(NOW + window.unwrap_or(Duration::days(30)));
            record.lifecycle = Lifecycle::Deleted { purge_at };
            Ok(record.clone())
        })
        .await
    }

    async fn recover(&self, name: &SecretName) -> Result<SecretRecord, BackendError> {
        self.act("recover", |state| {
            let record = &mut state.entry(name)?.record;
            record.lifecycle = Lifecycle::Active;
            Ok(record.clone())
        })
        .await
    }

    async fn purge(&self, name: &SecretName) -> Result<(), BackendError> {
        self.act("purge", |state| {
            let gone = state.entries.remove(name.as_str());
            gone.map(drop).ok_or_else(|| failing(ErrorKind::NotFound))
        })
        .await
    }

    async fn delete_version(&self, _name: &SecretName, _number: u64) -> Result<(), BackendError> {
        Err(failing(ErrorKind::Unsupported))
    }

    async fn backup(&self, _name: &SecretName) -> Result<Vec<u8>, BackendError> {
        Err(failing(ErrorKind::Unsupported))
    }

    async fn restore(&self, _backup: &[u8]) -> Result<SecretRecord, BackendError> {
        Err(failing(ErrorKind::Unsupported))
    }
}
