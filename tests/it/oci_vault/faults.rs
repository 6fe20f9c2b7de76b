//! Lost answers, refusals that pass, and refusals that do not.

use coffer::domain::port::{ErrorKind, Lifecycle, Status};
use coffer::domain::rotation::RotationState;

use super::{Setting, name, refused, text};
use crate::fakes::oci_vault::{Fault, OTHER_COMPARTMENT, backend_with};

const LOST: Fault = Fault::LoseAnswer { times: 1 };

const fn refuse(status: u16, code: &'static str, times: u32) -> Fault {
    Fault::Refuse { status, code, retry_after: None, times }
}

#[tokio::test]
async fn lost_answer_of_a_creation_makes_one_secret() {
    let s = Setting::new();
    s.fake.fault("CreateSecret", LOST);
    let record = s.create("one").await.expect("it was created");
    assert_eq!(record.latest, 1);
    let created = s.fake.calls().iter().filter(|call| **call == "CreateSecret").count();
    assert_eq!(created, 1, "it was looked for and not sent again");
}

#[tokio::test]
async fn lost_answer_of_a_version_makes_one_version() {
    let s = Setting::new();
    s.create("one").await.unwrap();
    s.fake.fault("UpdateSecret", LOST);
    let version = s.put("two").await.expect("it was stored");
    assert_eq!(version.number, 2);
    assert_eq!(s.versions().await.len(), 2);
    assert_eq!(s.value().await.unwrap(), "two");
}

#[tokio::test]
async fn lost_answers_of_actions_are_looked_for() {
    let s = Setting::new();
    s.create("one").await.unwrap();
    s.put("two").await.unwrap();
    s.put("three").await.unwrap();
    s.fake.fault("UpdateSecret", LOST);
    s.backend.set_rotation_state(&name(), 2, RotationState::Current).await.expect("moved");
    s.fake.fault("ScheduleSecretVersionDeletion", LOST);
    s.backend.delete_version(&name(), 1).await.expect("deleted");
    s.fake.fault("ChangeSecretCompartment", LOST);
    let moved = s.set("compartment_id", text(OTHER_COMPARTMENT)).await.expect("moved");
    assert_eq!(moved.options["compartment_id"], text(OTHER_COMPARTMENT));
    s.fake.fault("ScheduleSecretDeletion", LOST);
    let deleted = s.backend.soft_delete(&name(), None).await.expect("deleted");
    assert!(matches!(deleted.lifecycle, Lifecycle::Deleted { purge_at: Some(_) }));
    s.fake.fault("CancelSecretDeletion", LOST);
    let recovered = s.backend.recover(&name()).await.expect("recovered");
    assert_eq!(recovered.lifecycle, Lifecycle::Active);
    assert_eq!(s.value().await.unwrap(), "two");
}

#[tokio::test]
async fn refusals_that_pass_are_waited_out() {
    let s = Setting::new();
    s.fake.fault("CreateSecret", refuse(503, "ServiceUnavailable", 2));
    s.create("one").await.expect("created");
    s.fake.fault("GetSecret", refuse(429, "TooManyRequests", 2));
    s.fake.fault("UpdateSecret", refuse(409, "IncorrectState", 2));
    s.fake.fault("UpdateSecret", refuse(409, "LockConflict", 1));
    assert_eq!(s.put("two").await.expect("stored").number, 2);
    s.fake.fault(
        "GetSecretBundle",
        Fault::Refuse { status: 429, code: "TooManyRequests", retry_after: Some(1), times: 1 },
    );
    let start = std::time::Instant::now();
    assert_eq!(s.value().await.unwrap(), "two");
    assert!(start.elapsed().as_millis() >= 1000, "the service said when");
}

#[tokio::test]
async fn refusal_that_stays_is_told_with_the_request_id() {
    let s = Setting::new();
    s.create("one").await.unwrap();
    s.fake.fault("UpdateSecret", refuse(400, "LimitExceeded", 1));
    let error = refused(s.put("two").await, ErrorKind::InvalidRequest, "a limit");
    assert_eq!(error.status, Status::Permanent);
    assert!(error.context.iter().any(|(key, id)| *key == "request_id" && id.ends_with("0001")));
    assert!(error.context.contains(&("code", "LimitExceeded".to_owned())));
}

#[tokio::test]
async fn hidden_secret_is_never_called_gone() {
    let s = Setting::new();
    s.create("one").await.unwrap();
    s.fake.fault("GetSecret", Fault::Deny);
    refused(s.backend.read(&name()).await, ErrorKind::PermissionDenied, "read secrets");
    s.fake.world(|world| world.faults.clear());
    s.fake.fault("ListSecretVersions", Fault::Deny);
    let read = s.backend.read(&name()).await;
    refused(read, ErrorKind::PermissionDenied, "inspect secret-versions");
    s.fake.world(|world| world.faults.clear());
    s.fake.fault("GetSecretBundle", Fault::Deny);
    refused(s.value().await, ErrorKind::PermissionDenied, "read secret-bundles");
    s.fake.world(|world| world.faults.clear());
    let fresh = backend_with(&s.fake, |_| {});
    s.fake.fault("ListSecrets", Fault::Deny);
    refused(fresh.read(&name()).await, ErrorKind::PermissionDenied, "inspect secrets");
    s.fake.world(|world| world.faults.clear());
    fresh.read(&name()).await.expect("it was there all the time");
}

#[tokio::test]
async fn empty_listing_of_a_missing_vault_proves_nothing() {
    let s = Setting::new();
    s.fake.world(|world| world.settings.vault_state = None);
    let error = refused(s.backend.read(&name()).await, ErrorKind::PermissionDenied, "vault_id");
    assert!(error.message.contains("inspect vaults"));
    s.fake.world(|world| world.settings.vault_state = Some("PENDING_DELETION"));
    refused(s.backend.read(&name()).await, ErrorKind::Precondition, "PENDING_DELETION");
    s.fake.world(|world| world.settings.vault_state = Some("ACTIVE"));
    refused(s.backend.read(&name()).await, ErrorKind::NotFound, "no secret a");
}

#[tokio::test]
async fn stale_reads_do_not_make_a_version_twice() {
    let s = Setting::new();
    s.create("one").await.unwrap();
    // The write is done and its answer lost; for a while, reads show the time before.
    s.fake.world(|world| world.freeze_reads());
    s.fake.fault("UpdateSecret", LOST);
    let fake = &s.fake;
    let thaw = async {
        tokio::time::sleep(std::time::Duration::from_millis(700)).await;
        fake.world(|world| world.stale = None);
    };
    let (version, ()) = tokio::join!(s.put("two"), thaw);
    assert_eq!(version.expect("it was stored").number, 2);
    assert_eq!(s.versions().await.len(), 2);
}

#[tokio::test]
async fn errors_hold_nothing_of_a_value() {
    const VALUE: &str = "canary-5d0e-value";
    let s = Setting::new();
    s.fake.world(|world| world.settings.echo_content = true);
    let error = s.create(VALUE).await.expect_err("refused");
    let shown = format!("{error} {error:?}");
    assert!(!shown.contains("canary") && !shown.contains("Y2FuYXJ5"), "{shown}");
    assert!(error.context.contains(&("code", "InvalidParameter".to_owned())));
}
