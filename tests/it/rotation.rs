//! Rotation without downtime: a reader that polls all the time, through a second client of the same
//! vault, while versions are staged, promoted, rolled back and deleted. And rotation that fails: at
//! every call, before and after it took effect, and when what was stored reads back wrongly.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;

use coffer::adapters::catalog::BACKENDS;
use coffer::adapters::descriptor::{Setting, Settings};
use coffer::domain::fingerprint::{Key, KeyRing};
use coffer::domain::kind::{Content, field};
use coffer::domain::material::Secret;
use coffer::domain::policy::OnExisting;
use coffer::domain::port::{Backend, ErrorKind, Metadata, VersionSelector};
use coffer::domain::rotation::RotationState;
use coffer::domain::secret::SecretName;
use coffer::engine::context::{Run, World};
use coffer::engine::failure::Failure;
use coffer::engine::secret::{Creation, create};
use coffer::engine::vault::{Vault, VaultOptions};
use coffer::engine::version::{Goal, Left, Upload, discard, promote, upload};
use time::OffsetDateTime;

use crate::support::faulty::{Faulty, When};

const READS: u64 = 10_000;

fn random() -> [u8; 16] {
    static NEXT: AtomicU64 = AtomicU64::new(1);
    u128::from(NEXT.fetch_add(1, Ordering::Relaxed)).to_be_bytes()
}

fn run() -> Run {
    let world = World { now: OffsetDateTime::now_utc, random };
    Run::new(world, Duration::from_secs(300), Arc::new(|| Box::pin(std::future::pending())))
}

fn open(path: &std::path::Path) -> Arc<dyn Backend> {
    let descriptor = BACKENDS.iter().find(|backend| backend.name == "embedded").unwrap();
    let mut settings = Settings::default();
    settings.set("path", Setting::Text(path.to_string_lossy().into_owned()));
    (descriptor.open)(settings).unwrap()
}

fn version(content: &Content, goal: Goal) -> Upload<'_> {
    Upload { content, goal }
}

fn content(value: &str) -> Content {
    Content::generic(Secret::from(value)).unwrap()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn reader_never_fails_during_staged_rotations() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("vault.db");
    let vault = Vault::new("main", open(&path), VaultOptions::default());
    let ring = KeyRing::new(Some(Key::new(Secret::new(vec![7; 32])).unwrap()), Vec::new());
    let (run, name) = (run(), SecretName::parse("app/a").unwrap());
    let first = content("0");
    let wanted = Creation {
        made: false,
        options: coffer::domain::port::Options::new(),
        name: &name,
        metadata: Metadata { enabled: true, ..Metadata::default() },
        content: Some(&first),
        on_existing: OnExisting::Fail,
        salt: None,
    };
    assert_eq!(create(&vault, &run, &ring, &wanted).await.failure, None);

    let (reads, done) = (Arc::new(AtomicU64::new(0)), Arc::new(AtomicBool::new(false)));
    let reader = tokio::spawn({
        let (backend, name) = (open(&path), name.clone());
        let (reads, done) = (reads.clone(), done.clone());
        async move {
            let selector = VersionSelector::State(RotationState::Current);
            while !done.load(Ordering::Relaxed) {
                let read = backend.read_content(&name, selector).await.expect("readers can read");
                let value = read.content.field(field::VALUE).expect("a value");
                // A pending version never reaches a reader: their values say so.
                assert!(!value.expose_text().unwrap().starts_with("pending only"));
                reads.fetch_add(1, Ordering::Relaxed);
            }
        }
    });

    let mut rotations: u64 = 0;
    while (reads.load(Ordering::Relaxed) < READS || rotations < 20) && !reader.is_finished() {
        rotations += 1;
        let waiting = content(&format!("pending only {rotations}"));
        let staged = upload(&vault, &run, &ring, &name, version(&waiting, Goal::Pending)).await;
        assert_eq!(staged.failure, None);
        let next = content(&format!("current {rotations}"));
        let made = upload(&vault, &run, &ring, &name, version(&next, Goal::Current)).await;
        assert_eq!(made.failure, None);
        let number = made.found.unwrap().version.number;
        let before = vault_current_before(&vault, &run, &name).await;
        if let Some(before) = before {
            assert_eq!(promote(&vault, &run, &ring, &name, before).await.failure, None);
            assert_eq!(promote(&vault, &run, &ring, &name, number).await.failure, None);
        }
        let (_, versions) =
            coffer::engine::version::list(&vault, &run, &name).await.unwrap().unwrap();
        for version in versions {
            if version.rotation_states.contains(RotationState::Deprecated) {
                let left = discard(&vault, &run, &name, version.number).await.unwrap();
                assert_eq!(left, Left::Done);
            }
        }
    }
    done.store(true, Ordering::Relaxed);
    reader.await.unwrap();
    assert!(reads.load(Ordering::Relaxed) >= READS);
}

/// Number of the version that was current before the present one.
async fn vault_current_before(vault: &Vault, run: &Run, name: &SecretName) -> Option<u64> {
    let (_, versions) = coffer::engine::version::list(vault, run, name).await.unwrap()?;
    let previous = |v: &&coffer::domain::version::VersionRecord| {
        v.rotation_states.contains(RotationState::Previous)
    };
    versions.iter().find(previous).map(|version| version.number)
}

#[tokio::test]
async fn same_content_is_not_uploaded_again_and_rollback_uploads_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let vault = Vault::new("main", open(&folder.path().join("v.db")), VaultOptions::default());
    let ring = KeyRing::new(Some(Key::new(Secret::new(vec![7; 32])).unwrap()), Vec::new());
    let (run, name) = (run(), SecretName::parse("a").unwrap());
    let (one, two) = (content("one"), content("two"));
    let wanted = Creation {
        made: false,
        options: coffer::domain::port::Options::new(),
        name: &name,
        metadata: Metadata { enabled: true, ..Metadata::default() },
        content: Some(&one),
        on_existing: OnExisting::Fail,
        salt: None,
    };
    assert_eq!(create(&vault, &run, &ring, &wanted).await.failure, None);
    let staged = upload(&vault, &run, &ring, &name, version(&two, Goal::Pending)).await;
    assert!(!staged.reused && staged.failure.is_none());
    // The same again, as after a kill between upload and promotion.
    let again = upload(&vault, &run, &ring, &name, version(&two, Goal::Current)).await;
    assert!(again.reused && again.failure.is_none());
    let found = again.found.unwrap();
    assert_eq!((found.version.number, found.record.latest), (2, 2));
    let back = promote(&vault, &run, &ring, &name, 1).await.found.unwrap();
    assert!(back.version.rotation_states.contains(RotationState::Current));
    assert_eq!(back.record.latest, 2);
    let kept = discard(&vault, &run, &name, 2).await.unwrap();
    assert_eq!(kept, Left::Kept(RotationState::Previous));
}

/// A secret `a` with the content `one`, in a vault that fails on demand.
struct Rotation {
    _folder: tempfile::TempDir,
    faulty: Arc<Faulty>,
    vault: Vault,
    ring: KeyRing,
    name: SecretName,
}

impl Rotation {
    async fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let faulty = Faulty::new(open(&folder.path().join("vault.db")));
        let backend: Arc<dyn Backend> = Arc::<Faulty>::clone(&faulty);
        let vault = Vault::new("main", backend, VaultOptions::default());
        let ring = KeyRing::new(Some(Key::new(Secret::new(vec![7; 32])).unwrap()), Vec::new());
        let name = SecretName::parse("a").unwrap();
        let one = content("one");
        let wanted = Creation {
            made: false,
            options: coffer::domain::port::Options::new(),
            name: &name,
            metadata: Metadata { enabled: true, ..Metadata::default() },
            content: Some(&one),
            on_existing: OnExisting::Fail,
            salt: None,
        };
        assert_eq!(create(&vault, &run(), &ring, &wanted).await.failure, None);
        faulty.calls();
        Self { _folder: folder, faulty, vault, ring, name }
    }

    async fn upload(&self, goal: Goal) -> Option<Failure> {
        let two = content("two");
        upload(&self.vault, &run(), &self.ring, &self.name, version(&two, goal)).await.failure
    }

    /// Numbers and states of all versions.
    async fn states(&self) -> Vec<(u64, String)> {
        self.faulty.calls();
        let listed = coffer::engine::version::list(&self.vault, &run(), &self.name).await;
        let (_, versions) = listed.unwrap().unwrap();
        versions.iter().map(|v| (v.number, v.rotation_states.to_string())).collect()
    }

    async fn current(&self) -> String {
        let selector = VersionSelector::State(RotationState::Current);
        let backend: &dyn Backend = &*self.faulty;
        let read = backend.read_content(&self.name, selector).await.unwrap();
        read.content.field("value").unwrap().expose_text().unwrap().to_owned()
    }
}

const ROTATED: [(u64, &str); 2] = [(1, "previous"), (2, "current, latest")];

#[tokio::test]
async fn version_that_reads_back_wrongly_is_not_promoted() {
    let rotation = Rotation::new().await;
    assert_eq!(rotation.upload(Goal::Pending).await, None);
    rotation.faulty.mangle(Some("damaged"));
    let promoted = promote(&rotation.vault, &run(), &rotation.ring, &rotation.name, 2).await;
    assert_eq!(promoted.failure, Some(Failure::NotVerified));
    // Uploading the same as current stops at the same place.
    assert_eq!(rotation.upload(Goal::Current).await, Some(Failure::NotVerified));
    rotation.faulty.mangle(None);
    assert_eq!(rotation.current().await, "one");
    let waiting = [(1, "current".to_owned()), (2, "latest, pending".to_owned())];
    assert_eq!(rotation.states().await, waiting);
    assert_eq!(rotation.upload(Goal::Current).await, None);
    assert_eq!(rotation.states().await, ROTATED.map(|(n, s)| (n, s.to_owned())));
}

/// There is room for one pending version. While another resource's waits there, a new version goes
/// to readers directly, and comes back when it is not what was stored.
#[tokio::test]
async fn version_beside_a_pending_one_is_taken_back_when_it_reads_back_wrongly() {
    let rotation = Rotation::new().await;
    let waiting = content("waiting");
    let staged = version(&waiting, Goal::Pending);
    let staged = upload(&rotation.vault, &run(), &rotation.ring, &rotation.name, staged).await;
    assert_eq!(staged.failure, None);
    rotation.faulty.mangle(Some("damaged"));
    let two = content("two");
    let wanted = version(&two, Goal::Current);
    let damaged = upload(&rotation.vault, &run(), &rotation.ring, &rotation.name, wanted).await;
    assert_eq!(damaged.failure, Some(Failure::NotVerified));
    let found = damaged.found.unwrap();
    assert!(!found.version.rotation_states.contains(RotationState::Current), "the truth is told");
    rotation.faulty.mangle(None);
    assert_eq!(rotation.current().await, "one");
    let states = rotation.states().await;
    assert_eq!(states[..2], [(1, "current".to_owned()), (2, "pending".to_owned())]);
    // Run again, it is read back before it is promoted, and the other one waits on.
    assert_eq!(rotation.upload(Goal::Current).await, None);
    let rotated = [(1, "previous"), (2, "pending"), (3, "current, latest")];
    assert_eq!(rotation.states().await, rotated.map(|(n, s)| (n, s.to_owned())));
}

#[tokio::test]
async fn version_beside_a_pending_one_that_cannot_be_taken_back_is_told() {
    let calls = |fault: Option<usize>| async move {
        let rotation = Rotation::new().await;
        let waiting = content("waiting");
        let staged = version(&waiting, Goal::Pending);
        let staged = upload(&rotation.vault, &run(), &rotation.ring, &rotation.name, staged).await;
        assert_eq!(staged.failure, None);
        rotation.faulty.calls();
        rotation.faulty.mangle(Some("damaged"));
        if let Some(call) = fault {
            rotation.faulty.fail(call, When::Before);
        }
        (rotation.upload(Goal::Current).await, rotation.faulty.calls())
    };
    let (failure, made) = calls(None).await;
    assert_eq!(failure, Some(Failure::NotVerified));
    let back = made.iter().position(|call| *call == "set_rotation_state").unwrap();
    let read = made.iter().position(|call| *call == "read_content").unwrap();
    assert_eq!(calls(Some(back)).await.0, Some(Failure::NotTakenBack));
    // What cannot be read back is not taken from readers.
    assert_eq!(calls(Some(read)).await.0, None);
}

#[tokio::test]
async fn rotation_that_fails_at_any_call_ends_well_when_it_is_run_again() {
    let calls = {
        let rotation = Rotation::new().await;
        assert_eq!(rotation.upload(Goal::Current).await, None);
        rotation.faulty.calls()
    };
    assert!(calls.contains(&"put_version") && calls.contains(&"set_rotation_state"), "{calls:?}");
    for (number, operation) in calls.iter().enumerate() {
        for when in [When::Before, When::After] {
            let rotation = Rotation::new().await;
            rotation.faulty.fail(number, when);
            let failed = rotation.upload(Goal::Current).await;
            assert!(failed.is_some(), "{operation} {when:?}");
            rotation.faulty.calls();
            assert!(["one", "two"].contains(&rotation.current().await.as_str()));
            assert_eq!(rotation.upload(Goal::Current).await, None, "{operation} {when:?}");
            assert_eq!(rotation.current().await, "two");
            let states = rotation.states().await;
            assert_eq!(states, ROTATED.map(|(n, s)| (n, s.to_owned())), "{operation} {when:?}");
        }
    }
}

#[tokio::test]
async fn rotation_that_is_dropped_at_any_call_ends_well_when_it_is_run_again() {
    for polls in 1..40 {
        let rotation = Rotation::new().await;
        {
            let mut work = std::pin::pin!(rotation.upload(Goal::Current));
            for _ in 0..polls {
                let step = std::future::poll_fn(|context| {
                    std::task::Poll::Ready(work.as_mut().poll(context).is_ready())
                });
                if step.await {
                    break;
                }
                tokio::task::yield_now().await;
            }
        }
        let mut ended = rotation.upload(Goal::Current).await;
        // What was dropped may be on its way still, and be stored after the second run has looked:
        // then it is told, and the next run ends well.
        if ended.as_ref().and_then(Failure::kind) == Some(ErrorKind::Precondition) {
            ended = rotation.upload(Goal::Current).await;
        }
        assert_eq!(ended, None, "{polls} polls");
        assert_eq!(rotation.current().await, "two");
        assert_eq!(rotation.states().await, ROTATED.map(|(n, s)| (n, s.to_owned())));
    }
}
