//! Lost replies, throttling, refusals, and states that settle.

use std::time::Duration;

use coffer::domain::port::{ErrorKind, Lifecycle, Stage, Status};

use super::{Vault, name};
use crate::fakes::azure_key_vault::{Action, EVERY_PERMISSION, Fake, Fault};

const SECRET: &str = "/secrets/app-password";

#[tokio::test]
async fn lost_reply_of_a_creation_makes_one_version() {
    for action in [Action::Reset, Action::Half, Action::error(500, "Internal", None)] {
        let vault = Vault::new(Fake::quick());
        vault.fake.fault(Fault::after_commit("PUT", SECRET, action.clone()));
        let record = vault.create("one").await.unwrap_or_else(|e| panic!("{action:?}: {e}"));
        assert_eq!(record.latest, 1);
        assert_eq!(vault.fake.values("kv1", "app-password"), ["one"], "{action:?}");
        assert_eq!(vault.fake.count("PUT", SECRET), 1, "it was looked for and not sent again");
    }
}

#[tokio::test]
async fn lost_reply_of_a_version_makes_one_version() {
    let vault = Vault::new(Fake::quick());
    vault.create("one").await.unwrap();
    vault.fake.fault(Fault::after_commit("PUT", SECRET, Action::Reset));
    assert_eq!(vault.put("two", Stage::Current).await.unwrap().number, 2);
    assert_eq!(vault.fake.values("kv1", "app-password"), ["one", "two"]);
    vault.fake.fault(Fault::after_commit("PUT", SECRET, Action::Reset));
    vault.promote(1).await.unwrap();
    assert_eq!(vault.fake.values("kv1", "app-password"), ["one", "two", "one"]);
    assert_eq!(vault.read().await.unwrap().current.unwrap().number, 1);
}

#[tokio::test]
async fn request_that_got_lost_is_not_sent_again_by_the_client() {
    let vault = Vault::new(Fake::quick());
    vault.fake.fault(Fault::once("PUT", SECRET, Action::Reset));
    let error = vault.create("one").await.expect_err("nothing was stored");
    // The caller repeats the whole call with the same nonce, which looks first.
    assert_eq!(error.status, Status::Temporary);
    assert_eq!(vault.fake.count("PUT", SECRET), 1);
    assert_eq!(vault.create("one").await.unwrap().latest, 1);
}

#[tokio::test]
async fn throttling_is_waited_out() {
    let vault = Vault::new(Fake::quick());
    vault.fake.fault(Fault::once("PUT", SECRET, Action::throttled()).times(2));
    vault.create("one").await.unwrap();
    vault.fake.fault(Fault::once("GET", SECRET, Action::throttled()).times(2));
    assert_eq!(vault.read().await.unwrap().latest, 1);
    assert_eq!(vault.fake.values("kv1", "app-password"), ["one"]);
}

#[tokio::test]
async fn deletion_and_recovery_settle() {
    let fake = Fake::start();
    fake.configure(|options| options.recovers_late = true);
    let vault = Vault::new(fake);
    vault.create("one").await.unwrap();
    let deleted = vault.backend.soft_delete(&name(), None).await.unwrap();
    assert!(matches!(deleted.lifecycle, Lifecycle::Deleted { purge_at: Some(_) }));
    let error = vault.create("two").await.expect_err("the name is taken");
    assert_eq!(error.kind, ErrorKind::AlreadyExists, "{error}");
    vault.backend.recover(&name()).await.unwrap();
    // The service says that it is back, and refuses the first write all the same.
    assert_eq!(vault.put("two", Stage::Current).await.unwrap().number, 2);
    vault.backend.purge(&name()).await.unwrap();
    assert_eq!(vault.fake.names("kv1"), (vec![], vec![]));
    assert_eq!(vault.create("three").await.unwrap().latest, 1);
}

#[tokio::test]
async fn disabled_secret_is_deleted_found_and_recovered() {
    let vault = Vault::new(Fake::quick());
    vault.create("one").await.unwrap();
    let disable =
        coffer::domain::port::MetadataPatch { enabled: Some(false), ..Default::default() };
    vault.backend.update_metadata(&name(), disable).await.unwrap();
    vault.backend.soft_delete(&name(), None).await.unwrap();
    let record = vault.read().await.unwrap();
    assert!(matches!(record.lifecycle, Lifecycle::Deleted { purge_at: Some(_) }));
    assert_eq!(vault.backend.recover(&name()).await.unwrap().lifecycle, Lifecycle::Disabled);
}

#[tokio::test]
async fn purge_protection_is_respected_before_anything_is_deleted() {
    let fake = Fake::quick();
    fake.configure(|options| options.purge_protection = true);
    let vault = Vault::new(fake);
    vault.create("one").await.unwrap();
    let error = vault.backend.purge(&name()).await.expect_err("it is refused");
    assert_eq!(error.kind, ErrorKind::Unsupported);
    assert_eq!(vault.current().await, "one");
    assert_eq!(vault.fake.count("DELETE", "/"), 0);
}

#[tokio::test]
async fn missing_rights_are_named_and_nothing_is_called_gone() {
    let fake = Fake::quick();
    let token = fake.token(&["get"]);
    let vault = Vault::open(fake, &token, |_| {});
    let error = vault.read().await.expect_err("it may not be listed");
    assert_eq!(error.kind, ErrorKind::PermissionDenied);
    let action = "Microsoft.KeyVault/vaults/secrets/readMetadata/action".to_owned();
    assert!(error.context.contains(&("action", action)), "{error:?}");
    assert!(error.context.iter().any(|(key, _)| *key == "request_id"), "{error:?}");
}

#[tokio::test]
async fn principal_that_may_only_list_reads_metadata_and_sees_what_is_deleted() {
    let vault = Vault::new(Fake::quick());
    vault.create("one").await.unwrap();
    let token = vault.fake.token(&["list"]);
    let reader = Vault::open(vault.fake, &token, |_| {});
    reader.fake.clear_journal();
    assert_eq!(reader.read().await.unwrap().latest, 1);
    assert_eq!(reader.fake.journal().len(), 1, "one request a secret");
    assert_eq!(
        reader.value(coffer::domain::port::VersionSelector::Number(1)).await.unwrap_err().kind,
        ErrorKind::PermissionDenied
    );
    let writer = reader.fake.token(EVERY_PERMISSION);
    let writer = Vault::open(reader.fake, &writer, |_| {});
    writer.backend.soft_delete(&name(), None).await.unwrap();
    let token = writer.fake.token(&["list"]);
    let reader = Vault::open(writer.fake, &token, |_| {});
    assert!(matches!(reader.read().await.unwrap().lifecycle, Lifecycle::Deleted { .. }));
}

#[tokio::test]
async fn empty_pages_and_links_elsewhere_lead_to_every_version() {
    let fake = Fake::quick();
    fake.configure(|options| options.empty_pages = true);
    for number in 0..60 {
        fake.somebody_stores("kv1", "app-password", &number.to_string());
    }
    let vault = Vault::new(fake);
    assert_eq!(vault.backend.list_versions(&name()).await.unwrap().len(), 60);
    assert!(vault.fake.journal().iter().all(|seen| seen.host == "kv1.vault.azure.net"));
}

#[tokio::test]
async fn call_ends_when_it_is_dropped() {
    let vault = Vault::new(Fake::quick());
    vault.fake.fault(Fault::once("GET", SECRET, Action::Hang));
    let read = tokio::time::timeout(Duration::from_millis(300), vault.read()).await;
    assert!(read.is_err());
    vault.fake.fault(Fault::once("GET", SECRET, Action::Delay(Duration::from_millis(50))));
    assert_eq!(vault.read().await.unwrap_err().kind, ErrorKind::NotFound);
}
