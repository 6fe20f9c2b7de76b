//! What is done to a vault while the network makes trouble, and what must be true then.
//!
//! Operations are use cases of the engine, as an apply runs them. What was there before comes in,
//! as a plan knows it from state.

use std::collections::BTreeMap;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use coffer::domain::fingerprint::KeyRing;
use coffer::domain::kind::Content;
use coffer::domain::policy::{DeletionPolicy, OnExisting};
use coffer::domain::port::{
    Backend, Capability, Lifecycle, ListFilter, Metadata, MetadataPatch, Options, SecretRecord,
    Stage, VersionSelector,
};
use coffer::domain::rotation::RotationState;
use coffer::domain::secret::SecretName;
use coffer::engine::context::{Run, World};
use coffer::engine::failure::Failure;
use coffer::engine::keys::{Keys, OnMissingKey};
use coffer::engine::refresh::{Known, Looked, refresh};
use coffer::engine::secret::{self, Change, Creation};
use coffer::engine::vault::{Vault, VaultOptions};
use coffer::engine::{list as listing, remove, version};
use time::OffsetDateTime;

use crate::conformance::harness::{CURRENT, generic, key, name, nonce, print};

type Later<T> = Pin<Box<dyn Future<Output = T> + Send>>;
/// The record before the operation, as state has it.
type Before = Option<SecretRecord>;

/// Does an operation.
type Act = fn(Arc<dyn Backend>, Secrets, Before) -> Later<Result<(), Failure>>;
/// Says what is not as it must be.
type Assert = fn(Arc<dyn Backend>, Secrets) -> Later<Result<(), String>>;

/// One operation.
pub struct Operation {
    /// For people.
    pub name: &'static str,
    /// Whether a vault can do it.
    pub possible: fn(&Capability) -> bool,
    /// Brings the vault to where it starts.
    pub arrange: fn(Arc<dyn Backend>, Secrets) -> Later<Before>,
    /// Does it.
    pub act: Act,
    /// What must be true then, or what is not.
    pub assert: Assert,
}

/// The secret of one case.
#[derive(Debug, Clone)]
pub struct Secrets {
    /// Its name.
    pub name: SecretName,
    /// Its first value.
    pub value: String,
    /// Its second.
    pub next: String,
}

impl Secrets {
    /// A secret of a case.
    pub fn new(case: &str) -> Self {
        let case = case.replace('_', "-");
        let value = format!("canary-one-{case}");
        Self { name: name(&case), next: format!("canary-two-{case}"), value }
    }

    fn content(&self) -> Content {
        generic(self.value.as_bytes())
    }

    fn next_content(&self) -> Content {
        generic(self.next.as_bytes())
    }
}

fn ring() -> KeyRing {
    KeyRing::new(Some(key()), Vec::new())
}

fn a_run() -> Run {
    let world = World { now: OffsetDateTime::now_utc, random: nonce };
    Run::new(world, Duration::from_secs(60), Arc::new(|| Box::pin(std::future::pending())))
}

fn vault(backend: Arc<dyn Backend>) -> Vault {
    Vault::new("main", backend, VaultOptions::default())
}

fn done(outcome: secret::Outcome) -> Result<(), Failure> {
    outcome.failure.map_or(Ok(()), Err)
}

fn nothing(_: Arc<dyn Backend>, _: Secrets) -> Later<Before> {
    Box::pin(async { None })
}

/// A secret with one version.
fn one_version(backend: Arc<dyn Backend>, secrets: Secrets) -> Later<Before> {
    Box::pin(async move {
        let act = (create().act)(Arc::clone(&backend), secrets.clone(), None).await;
        act.expect("nothing goes wrong");
        Some(backend.read(&secrets.name).await.expect("it is there"))
    })
}

/// A secret with a second, pending version.
fn a_pending_version(backend: Arc<dyn Backend>, secrets: Secrets) -> Later<Before> {
    Box::pin(async move {
        one_version(Arc::clone(&backend), secrets.clone()).await;
        let content = secrets.next_content();
        let version = coffer::domain::port::NewVersion {
            content: &content,
            fingerprint: &print(&content),
            stage: Stage::Pending,
            expected_version: None,
            nonce: nonce(),
        };
        backend.put_version(&secrets.name, version).await.expect("nothing goes wrong");
        Some(backend.read(&secrets.name).await.expect("it is there"))
    })
}

fn deleted(backend: Arc<dyn Backend>, secrets: Secrets) -> Later<Before> {
    Box::pin(async move {
        one_version(Arc::clone(&backend), secrets.clone()).await;
        backend.soft_delete(&secrets.name, None).await.expect("nothing goes wrong");
        None
    })
}

/// Checks the lifecycle, the value and the states of all versions.
async fn holds(
    backend: &dyn Backend,
    secrets: &Secrets,
    value: &str,
    states: &[&str],
) -> Result<SecretRecord, String> {
    let record = backend.read(&secrets.name).await.map_err(|error| format!("{error:?}"))?;
    if record.lifecycle != Lifecycle::Active {
        return Err(format!("it is {:?}", record.lifecycle));
    }
    let read = backend.read_content(&secrets.name, CURRENT).await;
    let read = read.map_err(|error| format!("{error:?}"))?;
    if read.content != generic(value.as_bytes()) {
        return Err("readers get another value".to_owned());
    }
    let versions = backend.list_versions(&secrets.name).await;
    let versions = versions.map_err(|error| format!("{error:?}"))?;
    let found: Vec<_> = versions.iter().map(|v| v.rotation_states.to_string()).collect();
    if found != states {
        return Err(format!("the versions are {found:?}, not {states:?}"));
    }
    Ok(record)
}

fn creation<'c>(secrets: &'c Secrets, content: &'c Content) -> Creation<'c> {
    Creation {
        made: false,
        name: &secrets.name,
        metadata: Metadata { enabled: true, ..Metadata::default() },
        options: Options::new(),
        content: Some(content),
        on_existing: OnExisting::Recover,
        salt: None,
    }
}

fn create_it(backend: Arc<dyn Backend>, secrets: Secrets, _: Before) -> Later<Result<(), Failure>> {
    Box::pin(async move {
        let content = secrets.content();
        let creation = creation(&secrets, &content);
        done(secret::create(&vault(backend), &a_run(), &ring(), &creation).await)
    })
}

fn holds_first(backend: Arc<dyn Backend>, secrets: Secrets) -> Later<Result<(), String>> {
    Box::pin(async move {
        holds(&*backend, &secrets, &secrets.value, &["current, latest"]).await.map(|_| ())
    })
}

/// A new secret.
pub fn create() -> Operation {
    Operation {
        name: "create",
        possible: |_| true,
        arrange: nothing,
        act: create_it,
        assert: holds_first,
    }
}

/// A new version that becomes current.
pub fn put_version() -> Operation {
    Operation {
        name: "put_version",
        possible: |capability| capability.versions,
        arrange: one_version,
        act: |backend, secrets, before| {
            Box::pin(async move {
                let (content, before) = (secrets.next_content(), before.expect("it was there"));
                let current = before.current.expect("it had a version");
                let change = Change {
                    salt: None,
                    name: &secrets.name,
                    content: Some(&content),
                    patch: MetadataPatch::default(),
                    planned_version: Some(current.version_id),
                    fingerprint: current.fingerprint,
                };
                done(secret::update(&vault(backend), &a_run(), &ring(), &change).await)
            })
        },
        assert: |backend, secrets| {
            Box::pin(async move {
                let states = ["previous", "current, latest"];
                holds(&*backend, &secrets, &secrets.next, &states).await.map(|_| ())
            })
        },
    }
}

/// A pending version becomes current.
pub fn set_rotation_state() -> Operation {
    Operation {
        name: "set_rotation_state",
        possible: |capability| capability.pending_versions,
        arrange: a_pending_version,
        act: |backend, secrets, _| {
            Box::pin(async move {
                let vault = vault(backend);
                let outcome = version::promote(&vault, &a_run(), &ring(), &secrets.name, 2).await;
                outcome.failure.map_or(Ok(()), Err)
            })
        },
        assert: |backend, secrets| {
            Box::pin(async move {
                let states = ["previous", "current, latest"];
                holds(&*backend, &secrets, &secrets.next, &states).await.map(|_| ())
            })
        },
    }
}

/// Tags change, the content does not.
pub fn update_metadata() -> Operation {
    Operation {
        name: "update_metadata",
        possible: |capability| capability.max_tags > 0,
        arrange: one_version,
        act: |backend, secrets, _| {
            Box::pin(async move {
                let tags = BTreeMap::from([("team".to_owned(), "red".to_owned())]);
                let change = Change {
                    salt: None,
                    name: &secrets.name,
                    content: None,
                    patch: MetadataPatch { tags: Some(tags), ..MetadataPatch::default() },
                    planned_version: None,
                    fingerprint: None,
                };
                done(secret::update(&vault(backend), &a_run(), &ring(), &change).await)
            })
        },
        assert: |backend, secrets| {
            Box::pin(async move {
                let states = ["current, latest"];
                let record = holds(&*backend, &secrets, &secrets.value, &states).await?;
                match record.metadata.tags.get("team").map(String::as_str) {
                    Some("red") => Ok(()),
                    other => Err(format!("the tag is {other:?}")),
                }
            })
        },
    }
}

/// The secret goes, and can be recovered.
pub fn soft_delete() -> Operation {
    Operation {
        name: "soft_delete",
        possible: |capability| capability.soft_delete.is_some(),
        arrange: one_version,
        act: |backend, secrets, _| {
            Box::pin(async move {
                let policy = DeletionPolicy::Recoverable;
                remove::remove(&vault(backend), &a_run(), &secrets.name, policy, None).await
            })
        },
        assert: |backend, secrets| {
            Box::pin(async move {
                let record = backend.read(&secrets.name).await.map_err(|e| format!("{e:?}"))?;
                if !matches!(record.lifecycle, Lifecycle::Deleted { .. }) {
                    return Err(format!("it is {:?}", record.lifecycle));
                }
                let back = backend.recover(&secrets.name).await;
                back.map_err(|error| format!("it does not come back: {error:?}"))?;
                holds(&*backend, &secrets, &secrets.value, &["current, latest"]).await.map(|_| ())
            })
        },
    }
}

/// A deleted secret comes back as it was.
pub fn recover() -> Operation {
    Operation {
        name: "recover",
        possible: |capability| capability.soft_delete.is_some(),
        arrange: deleted,
        act: create_it,
        assert: holds_first,
    }
}

/// A refresh, and the value.
pub fn read() -> Operation {
    Operation {
        name: "read",
        possible: |_| true,
        arrange: one_version,
        act: |backend, secrets, _| {
            Box::pin(async move {
                let vault = vault(backend);
                let loader = || Ok((Some(key()), Vec::new()));
                let keys = Keys::new(Box::new(loader), Vec::new(), OnMissingKey::Error);
                let (run, known) = (a_run(), Known::default());
                let seen = refresh(&vault, &run, &keys, &secrets.name, &known, &|_| true).await?;
                if !matches!(seen, Looked::There(_)) {
                    return Err(Failure::Vanished);
                }
                let current = VersionSelector::State(RotationState::Current);
                let read =
                    coffer::engine::refresh::read_content(&vault, &run, &secrets.name, current)
                        .await?;
                if read.content == secrets.content() { Ok(()) } else { Err(Failure::NotVerified) }
            })
        },
        assert: holds_first,
    }
}

/// A listing has the secret.
pub fn list() -> Operation {
    Operation {
        name: "list",
        possible: |_| true,
        arrange: one_version,
        act: |backend, secrets, _| {
            Box::pin(async move {
                let filter = ListFilter {
                    name_prefix: Some(secrets.name.to_string()),
                    ..ListFilter::default()
                };
                let found = listing::list(&vault(backend), &a_run(), &filter).await?;
                let there = found.iter().any(|record| record.name == secrets.name);
                if there { Ok(()) } else { Err(Failure::Vanished) }
            })
        },
        assert: holds_first,
    }
}
