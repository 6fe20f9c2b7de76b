//! Use cases against the vault in memory: what is written, what is told, and what is true after a
//! failure half-way.

use std::sync::Arc;
use std::time::Duration as StdDuration;

use super::context::Run;
use super::failure::{Failure, Taken};
use super::keys::{Keys, OnMissingKey};
use super::refresh::{Known, Looked, refresh};
use super::relocate::{Relocation, Step, relocate};
use super::remove::remove;
use super::secret::{Change, Creation, Note, Observed, Outcome, create, look, update};
use super::testing::*;
use super::vault::{DriftDetection, Vault};
use crate::domain::fingerprint::Key;
use crate::domain::kind::Content;
use crate::domain::material::Secret;
use crate::domain::policy::{DeletionPolicy, OnExisting};
use crate::domain::port::*;
use crate::domain::secret::SecretName;

fn creation<'c>(name: &'c SecretName, content: Option<&'c Content>) -> Creation<'c> {
    Creation {
        made: false,
        options: crate::domain::port::Options::new(),
        name,
        metadata: Metadata { enabled: true, ..Metadata::default() },
        content,
        on_existing: OnExisting::Recover,
        salt: None,
    }
}

async fn make(vault: &Vault, value: &str) -> Outcome {
    let (name, content) = (name("db"), content(value));
    create(vault, &run(), &ring(), &creation(&name, Some(&content))).await
}

async fn change(vault: &Vault, value: &str, planned: &str, patch: MetadataPatch) -> Outcome {
    let (name, content) = (name("db"), content(value));
    let change = Change {
        salt: None,
        name: &name,
        content: Some(&content),
        patch,
        planned_version: Some(planned.to_owned()),
        fingerprint: None,
    };
    update(vault, &run(), &ring(), &change).await
}

fn keys() -> Keys {
    let key = || Key::new(Secret::new(vec![7; 32])).unwrap();
    Keys::new(Box::new(move || Ok((Some(key()), Vec::new()))), Vec::new(), OnMissingKey::Error)
}

fn temporary() -> BackendError {
    BackendError::temporary(ErrorKind::Unavailable, "test", "the test says so")
}

#[tokio::test]
async fn create_writes_one_version_and_its_print() {
    let memory = Memory::new();
    let outcome = make(&vault(&memory), "one").await;
    assert_eq!(outcome.failure, None);
    let observed = outcome.observed.unwrap();
    assert_eq!(observed.record.latest, 1);
    assert_eq!(observed.fingerprint, observed.record.current.unwrap().fingerprint);
    assert_eq!(memory.value("db").as_deref(), Some("one"));
    assert_eq!(memory.calls(), ["read", "create"]);
}

#[tokio::test]
async fn lost_reply_of_a_create_does_not_write_twice() {
    let memory = Memory::new();
    memory.fail("create", When::After, temporary());
    let outcome = make(&vault(&memory), "one").await;
    assert_eq!(outcome.failure, None);
    assert_eq!(memory.latest("db"), 1);
    assert_eq!(memory.calls(), ["read", "create", "create"]);
}

#[tokio::test]
async fn failed_create_leaves_nothing_to_record() {
    let memory = Memory::new();
    memory.fail("create", When::Before, failing(ErrorKind::PermissionDenied));
    let outcome = make(&vault(&memory), "one").await;
    assert_eq!(outcome.failure.unwrap().kind(), Some(ErrorKind::PermissionDenied));
    assert_eq!(outcome.observed, None);
}

#[tokio::test]
async fn create_without_content_is_refused() {
    let memory = Memory::new();
    let name = name("db");
    let outcome = create(&vault(&memory), &run(), &ring(), &creation(&name, None)).await;
    assert_eq!(outcome.failure, Some(Failure::NoContent));
}

#[tokio::test]
async fn refused_look_never_counts_as_free() {
    let memory = Memory::new();
    memory.fail("read", When::Before, failing(ErrorKind::PermissionDenied));
    let outcome = make(&vault(&memory), "one").await;
    assert_eq!(outcome.failure.unwrap().kind(), Some(ErrorKind::PermissionDenied));
    assert_eq!(memory.calls(), ["read"]);
}

#[tokio::test]
async fn active_name_is_refused() {
    let memory = Memory::new();
    make(&vault(&memory), "one").await;
    let outcome = make(&vault(&memory), "two").await;
    assert_eq!(outcome.failure, Some(Failure::Taken(Taken::Active)));
    assert_eq!(memory.value("db").as_deref(), Some("one"));
}

#[tokio::test]
async fn create_after_an_interrupted_create_takes_it_over() {
    let memory = Memory::new();
    let first = make(&vault(&memory), "one").await;
    let second = make(&vault(&memory), "one").await;
    assert_eq!(second.notes, [Note::Resumed]);
    assert_eq!(second.observed, first.observed);
    assert_eq!(memory.latest("db"), 1);
}

#[tokio::test]
async fn deleted_secret_with_the_same_content_is_recovered_without_a_version() {
    let memory = Memory::new();
    let vault = vault(&memory);
    make(&vault, "one").await;
    remove(&vault, &run(), &name("db"), DeletionPolicy::Recoverable, None).await.unwrap();
    let outcome = make(&vault, "one").await;
    assert_eq!(outcome.notes, [Note::Recovered { new_version: false }]);
    assert_eq!((outcome.failure, memory.latest("db")), (None, 1));
    assert_eq!(memory.lifecycle("db"), Some(Lifecycle::Active));
}

#[tokio::test]
async fn deleted_secret_with_other_content_is_recovered_with_a_version() {
    let memory = Memory::new();
    let vault = vault(&memory);
    make(&vault, "one").await;
    remove(&vault, &run(), &name("db"), DeletionPolicy::Recoverable, None).await.unwrap();
    let outcome = make(&vault, "two").await;
    assert_eq!(outcome.notes, [Note::Recovered { new_version: true }]);
    assert_eq!(memory.value("db").as_deref(), Some("two"));
    let observed = outcome.observed.unwrap();
    let salts = (observed.record.salt, observed.fingerprint.map(|print| print.salt()));
    assert_eq!(salts.0, salts.1, "the salt is kept for the life of the secret");
}

#[tokio::test]
async fn recovery_that_fails_half_way_tells_what_was_recovered() {
    let memory = Memory::new();
    let vault = vault(&memory);
    make(&vault, "one").await;
    remove(&vault, &run(), &name("db"), DeletionPolicy::Recoverable, None).await.unwrap();
    memory.fail("put_version", When::Before, failing(ErrorKind::PermissionDenied));
    let outcome = make(&vault, "two").await;
    assert!(outcome.failure.is_some());
    let observed = outcome.observed.unwrap();
    assert_eq!(observed.record.lifecycle, Lifecycle::Active);
    assert_eq!(observed.record.latest, 1);
}

#[tokio::test]
async fn adopted_secret_without_a_print_keeps_its_version_when_equal() {
    for (value, latest) in [("theirs", 2), ("ours", 3)] {
        let memory = Memory::new();
        let vault = vault(&memory);
        make(&vault, "first").await;
        memory.meddle("db", "theirs");
        let (name, content) = (name("db"), content(value));
        let wanted = Creation { on_existing: OnExisting::Adopt, ..creation(&name, Some(&content)) };
        let outcome = create(&vault, &run(), &ring(), &wanted).await;
        assert_eq!(outcome.notes, [Note::Adopted { new_version: latest == 3 }]);
        assert_eq!(memory.latest("db"), latest);
        assert!(outcome.observed.unwrap().fingerprint.is_some());
    }
}

#[tokio::test]
async fn update_writes_a_version_only_when_the_content_differs() {
    let memory = Memory::new();
    let vault = vault(&memory);
    make(&vault, "one").await;
    let same = change(&vault, "one", "v1", MetadataPatch::default()).await;
    assert_eq!((same.failure, memory.latest("db")), (None, 1));
    let other = change(&vault, "two", "v1", MetadataPatch::default()).await;
    assert_eq!((other.failure, memory.latest("db")), (None, 2));
}

#[tokio::test]
async fn update_never_overwrites_what_somebody_else_wrote() {
    let memory = Memory::new();
    let vault = vault(&memory);
    make(&vault, "one").await;
    memory.meddle("db", "theirs");
    let outcome = change(&vault, "ours", "v1", MetadataPatch::default()).await;
    let planned = Some("v1".to_owned());
    let found = Some("v2".to_owned());
    assert_eq!(outcome.failure, Some(Failure::ChangedSincePlan { planned, found }));
    assert_eq!(memory.value("db").as_deref(), Some("theirs"));
}

#[tokio::test]
async fn write_between_look_and_write_is_not_overwritten() {
    let memory = Memory::new();
    let vault = vault(&memory);
    make(&vault, "one").await;
    memory.fail("put_version", When::Before, failing(ErrorKind::Precondition));
    let outcome = change(&vault, "two", "v1", MetadataPatch::default()).await;
    assert_eq!(outcome.failure.unwrap().kind(), Some(ErrorKind::Precondition));
    assert_eq!(outcome.observed.unwrap().record.latest, 1);
}

#[tokio::test]
async fn update_that_fails_half_way_tells_the_new_version() {
    let memory = Memory::new();
    let vault = vault(&memory);
    make(&vault, "one").await;
    memory.fail("update_metadata", When::Before, failing(ErrorKind::PermissionDenied));
    let patch = MetadataPatch { enabled: Some(false), ..MetadataPatch::default() };
    let outcome = change(&vault, "two", "v1", patch).await;
    assert!(outcome.failure.is_some());
    let observed = outcome.observed.unwrap();
    assert_eq!(observed.record.latest, 2);
    assert_eq!(observed.record.lifecycle, Lifecycle::Active);
    assert_eq!(observed.fingerprint, observed.record.current.unwrap().fingerprint);
}

#[tokio::test]
async fn update_of_a_deleted_secret_is_refused() {
    let memory = Memory::new();
    let vault = vault(&memory);
    make(&vault, "one").await;
    remove(&vault, &run(), &name("db"), DeletionPolicy::Recoverable, None).await.unwrap();
    let outcome = change(&vault, "two", "v1", MetadataPatch::default()).await;
    assert_eq!(outcome.failure, Some(Failure::Vanished));
}

#[tokio::test]
async fn each_deletion_policy_does_what_it_says() {
    let after = |policy| async move {
        let memory = Memory::new();
        let vault = vault(&memory);
        make(&vault, "one").await;
        let result = remove(&vault, &run(), &name("db"), policy, None).await;
        (result, memory.lifecycle("db"))
    };
    let (result, lifecycle) = after(DeletionPolicy::Recoverable).await;
    assert!(matches!((result, lifecycle), (Ok(()), Some(Lifecycle::Deleted { .. }))));
    assert_eq!(after(DeletionPolicy::Retain).await, (Ok(()), Some(Lifecycle::Active)));
    assert_eq!(after(DeletionPolicy::Disable).await, (Ok(()), Some(Lifecycle::Disabled)));
    assert_eq!(after(DeletionPolicy::Destroy).await, (Ok(()), None));
    let prevented = (Err(Failure::Prevented), Some(Lifecycle::Active));
    assert_eq!(after(DeletionPolicy::Prevent).await, prevented);
}

#[tokio::test]
async fn recoverable_never_destroys() {
    let memory = Memory::with(Capability { soft_delete: None, ..capability() });
    let vault = vault(&memory);
    make(&vault, "one").await;
    let result = remove(&vault, &run(), &name("db"), DeletionPolicy::Recoverable, None).await;
    assert!(matches!(result, Err(Failure::Incapable { .. })));
    assert_eq!(memory.lifecycle("db"), Some(Lifecycle::Active));
}

#[tokio::test]
async fn removing_what_is_gone_succeeds() {
    let memory = Memory::new();
    for policy in [DeletionPolicy::Recoverable, DeletionPolicy::Destroy, DeletionPolicy::Disable] {
        remove(&vault(&memory), &run(), &name("db"), policy, None).await.unwrap();
    }
}

#[tokio::test]
async fn refresh_tells_gone_from_deleted() {
    let memory = Memory::new();
    let vault = vault(&memory);
    let look = || async {
        refresh(&vault, &run(), &keys(), &name("db"), &Known::default(), &|_| false).await.unwrap()
    };
    assert!(matches!(look().await, Looked::Gone));
    make(&vault, "one").await;
    assert!(matches!(look().await, Looked::There(_)));
    remove(&vault, &run(), &name("db"), DeletionPolicy::Recoverable, None).await.unwrap();
    assert!(matches!(look().await, Looked::Deleted { .. }));
}

#[tokio::test]
async fn refused_refresh_never_counts_as_gone() {
    for kind in [ErrorKind::PermissionDenied, ErrorKind::Unauthenticated] {
        let memory = Memory::new();
        memory.fail("read", When::Before, failing(kind));
        let known = Known::default();
        let result =
            refresh(&vault(&memory), &run(), &keys(), &name("db"), &known, &|_| false).await;
        assert_eq!(result.unwrap_err().kind(), Some(kind));
    }
}

async fn refreshed(vault: &Vault, known: &Known) -> Observed {
    let looked = refresh(vault, &run(), &keys(), &name("db"), known, &|_| false).await.unwrap();
    let Looked::There(observed) = looked else { panic!("it is in use") };
    *observed
}

#[tokio::test]
async fn refresh_by_metadata_reads_no_value() {
    let memory = Memory::new();
    let vault = vault(&memory);
    make(&vault, "one").await;
    memory.meddle("db", "theirs");
    memory.calls();
    let known = Known {
        version_id: Some("v1".to_owned()),
        fingerprint: Some(print("one")),
        created_at: None,
        first_time: false,
    };
    let seen = refreshed(&vault, &known).await;
    assert_eq!(seen.fingerprint, None, "a version without a print is of unknown content");
    assert_eq!(memory.calls(), ["read"]);
}

#[tokio::test]
async fn refresh_keeps_the_known_print_of_an_unchanged_version() {
    let memory = Memory::new();
    let vault = vault(&memory);
    make(&vault, "one").await;
    memory.edit("db", |record| record.current.iter_mut().for_each(|v| v.fingerprint = None));
    let known = Known {
        version_id: Some("v1".to_owned()),
        fingerprint: Some(print("one")),
        created_at: None,
        first_time: false,
    };
    let seen = refreshed(&vault, &known).await;
    assert_eq!(seen.fingerprint, Some(print("one")));
}

#[tokio::test]
async fn refresh_by_content_prints_what_others_wrote() {
    let memory = Memory::new();
    let vault = vault_with(&memory, DriftDetection::Content);
    make(&vault, "one").await;
    memory.meddle("db", "theirs");
    let known = Known::default();
    let seen = refreshed(&vault, &known).await;
    let expected = ring().fingerprint(&content("theirs"), seen.record.salt.unwrap());
    assert_eq!(seen.fingerprint, Some(expected));
}

#[tokio::test]
async fn import_takes_the_print_of_the_content_where_it_may_be_read() {
    let memory = Memory::new();
    let vault = vault(&memory);
    make(&vault, "one").await;
    memory.meddle("db", "theirs");
    let known = Known { first_time: true, ..Known::default() };
    let seen = refreshed(&vault, &known).await;
    assert!(seen.fingerprint.is_some());
    memory.fail("read_content", When::Before, failing(ErrorKind::PermissionDenied));
    let seen = refreshed(&vault, &known).await;
    assert_eq!(seen.fingerprint, None);
}

fn relocation<'c>(name: &'c SecretName, content: Option<&'c Content>) -> Relocation<'c> {
    Relocation {
        options: crate::domain::port::Options::new(),
        name,
        metadata: Metadata { enabled: true, ..Metadata::default() },
        content,
        fingerprint: Some(print("one")),
        on_existing: OnExisting::Recover,
        deletion_policy: DeletionPolicy::Destroy,
        window: None,
    }
}

#[tokio::test]
async fn move_carries_content_and_salt_over() {
    let (from, to) = (Memory::new(), Memory::new());
    let (source, target) = (vault(&from), vault(&to));
    make(&source, "one").await;
    let name = name("db");
    let moved =
        relocate(&source, &target, &run(), &ring(), &relocation(&name, None)).await.unwrap();
    assert_eq!(moved.observed.fingerprint, Some(print("one")));
    assert_eq!(to.value("db").as_deref(), Some("one"));
    assert_eq!(from.lifecycle("db"), None);
}

#[tokio::test]
async fn move_whose_last_step_fails_is_finished_by_the_next_one() {
    let (from, to) = (Memory::new(), Memory::new());
    let (source, target) = (vault(&from), vault(&to));
    make(&source, "one").await;
    from.fail("purge", When::Before, failing(ErrorKind::PermissionDenied));
    let name = name("db");
    let wanted = relocation(&name, None);
    let stuck = relocate(&source, &target, &run(), &ring(), &wanted).await.unwrap_err();
    assert_eq!(stuck.step, Step::RemoveSource);
    assert_eq!(from.value("db").as_deref(), Some("one"));
    let moved = relocate(&source, &target, &run(), &ring(), &wanted).await.unwrap();
    assert_eq!(moved.notes, [Note::Resumed]);
    assert_eq!((from.lifecycle("db"), to.latest("db")), (None, 1));
}

#[tokio::test]
async fn copy_that_reads_back_differently_is_not_trusted() {
    let (from, to) = (Memory::new(), Memory::new());
    let (source, target) = (vault(&from), vault(&to));
    make(&source, "one").await;
    to.mangle();
    let name = name("db");
    let wanted = relocation(&name, None);
    let stuck = relocate(&source, &target, &run(), &ring(), &wanted).await.unwrap_err();
    assert_eq!((stuck.step, stuck.failure), (Step::Verify, Failure::NotVerified));
    assert_eq!(from.value("db").as_deref(), Some("one"));
}

#[tokio::test]
async fn passing_failures_are_tried_again_and_others_are_not() {
    let memory = Memory::new();
    for _ in 0..3 {
        memory.fail("read", When::Before, temporary());
    }
    assert_eq!(look(&vault(&memory), &run(), &name("db")).await, Ok(None));
    assert_eq!(memory.calls().len(), 4);
    memory.fail("read", When::Before, failing(ErrorKind::Unavailable));
    assert!(look(&vault(&memory), &run(), &name("db")).await.is_err());
    assert_eq!(memory.calls().len(), 1);
}

#[tokio::test]
async fn silent_vault_ends_at_the_time_limit() {
    let memory = Memory::new();
    memory.hang();
    let run = run_for(StdDuration::from_millis(30));
    let failure = look(&vault(&memory), &run, &name("db")).await.unwrap_err();
    assert!(matches!(failure, Failure::TimedOut { operation: "read", .. }));
}

#[tokio::test]
async fn stop_ends_a_silent_call_within_two_seconds_and_starts_no_other() {
    let memory = Memory::new();
    let stopped = || {
        Arc::new(|| -> std::pin::Pin<Box<dyn Future<Output = ()> + Send>> {
            Box::pin(tokio::time::sleep(StdDuration::from_millis(20)))
        })
    };
    memory.hang();
    let run = Run::new(world(), StdDuration::from_secs(60), stopped());
    let begun = std::time::Instant::now();
    let failure = look(&vault(&memory), &run, &name("db")).await.unwrap_err();
    assert_eq!(failure, Failure::Stopped { operation: "read", in_flight: true });
    assert!(begun.elapsed() < StdDuration::from_secs(2));
    let already = Arc::new(|| -> std::pin::Pin<Box<dyn Future<Output = ()> + Send>> {
        Box::pin(std::future::ready(()))
    });
    let run = Run::new(world(), StdDuration::from_secs(60), already);
    let failure = look(&vault(&memory), &run, &name("db")).await.unwrap_err();
    assert_eq!(failure, Failure::Stopped { operation: "read", in_flight: false });
}

#[tokio::test]
async fn limits_of_a_profile_slow_calls_down() {
    let memory = Memory::new();
    let options = super::vault::VaultOptions {
        requests_per_second: Some(50),
        concurrency: Some(1),
        ..Default::default()
    };
    let backend: Arc<dyn Backend> = memory;
    let vault = Vault::new("main", backend, options);
    let begun = std::time::Instant::now();
    for _ in 0..4 {
        look(&vault, &run(), &name("db")).await.unwrap();
    }
    assert!(begun.elapsed() >= StdDuration::from_millis(60));
}
