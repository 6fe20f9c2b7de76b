//! States on their way, versions and their limit, names that are held.

use std::collections::BTreeSet;

use coffer::adapters::descriptor::Setting as Value;
use coffer::domain::port::{ErrorKind, Lifecycle, MetadataPatch, Status};
use coffer::domain::rotation::RotationState;
use time::Duration;

use super::{Setting, name, refused};
use crate::fakes::oci_vault::backend_with;

#[tokio::test]
async fn writes_wait_until_they_are_done() {
    let s = Setting::new();
    s.fake.world(|world| world.settings.delay = Duration::milliseconds(400));
    let record = s.create("one").await.expect("created");
    assert_eq!(record.lifecycle, Lifecycle::Active);
    s.put("two").await.expect("stored");
    s.put("three").await.expect("stored at once after it");
    let deleted = s.backend.soft_delete(&name(), None).await.expect("deleted");
    assert!(matches!(deleted.lifecycle, Lifecycle::Deleted { .. }));
    s.backend.recover(&name()).await.expect("recovered");
    assert_eq!(s.value().await.unwrap(), "three");
}

#[tokio::test]
async fn change_that_never_ends_is_told() {
    let mut s = Setting::new();
    s.create("one").await.unwrap();
    s.backend = backend_with(&s.fake, |settings| {
        settings.set("wait_seconds", Value::Integer(1));
    });
    s.fake.world(|world| world.settings.stuck = true);
    let error = refused(s.put("two").await, ErrorKind::Unavailable, "wait_seconds");
    assert_eq!(error.status, Status::Exhausted);
    let record = s.backend.read(&name()).await.expect("reading waits for nothing");
    assert_eq!(record.lifecycle, Lifecycle::Active);
    s.fake.world(|world| world.settings.stuck = false);
    assert_eq!(s.versions().await.len(), 2, "the change was accepted");
}

#[tokio::test]
async fn change_that_fails_is_told_with_the_vaults_details() {
    let s = Setting::new();
    s.create("one").await.unwrap();
    s.fake.world(|world| world.settings.fail_next = Some("the key is disabled".to_owned()));
    refused(s.put("two").await, ErrorKind::Precondition, "the key is disabled");
    let error = refused(s.put("two").await, ErrorKind::Precondition, "FAILED");
    assert!(error.message.contains("Next step"));
}

#[tokio::test]
async fn full_secret_is_refused_with_the_next_step() {
    let s = Setting::new();
    s.create("0").await.unwrap();
    for number in 1..30 {
        s.put(&number.to_string()).await.expect("there is room");
    }
    refused(s.put("30").await, ErrorKind::InvalidRequest, "retain");
    s.backend.delete_version(&name(), 1).await.expect("a deprecated one goes");
    assert_eq!(s.put("30").await.expect("there is room again").number, 31);
}

#[tokio::test]
async fn same_value_comes_again_as_another_version() {
    let s = Setting::new();
    s.create("a").await.unwrap();
    s.put("b").await.unwrap();
    s.put("a").await.unwrap();
    let versions = s.versions().await;
    assert_eq!(versions[0].fingerprint, versions[2].fingerprint);
    let names = s.fake.world(|world| {
        world.secret("a").unwrap().versions.iter().map(|v| v.name.clone()).collect::<BTreeSet<_>>()
    });
    assert_eq!(names.len(), 3);
    assert_eq!(s.value().await.unwrap(), "a");
}

#[tokio::test]
async fn version_that_waits_for_its_deletion_can_be_current_again() {
    let s = Setting::new();
    for value in ["one", "two", "three"] {
        if value == "one" {
            s.create(value).await.unwrap();
        } else {
            s.put(value).await.unwrap();
        }
    }
    s.backend.delete_version(&name(), 1).await.expect("scheduled");
    s.backend.delete_version(&name(), 1).await.expect("scheduled already");
    assert!(s.versions().await[0].deletion_scheduled_at.is_some());
    s.backend.set_rotation_state(&name(), 1, RotationState::Current).await.expect("rolled back");
    assert_eq!(s.value().await.unwrap(), "one");
    assert!(s.versions().await[0].deletion_scheduled_at.is_none());
}

#[tokio::test]
async fn retiring_is_refused_with_the_reason() {
    let s = Setting::new();
    s.create("one").await.unwrap();
    s.put("two").await.unwrap();
    let deprecated = RotationState::Deprecated;
    let previous = s.backend.set_rotation_state(&name(), 1, deprecated).await;
    refused(previous, ErrorKind::Unsupported, "no call to retire");
    let current = s.backend.set_rotation_state(&name(), 2, deprecated).await;
    refused(current, ErrorKind::Precondition, "make another version current");
}

#[tokio::test]
async fn name_of_a_destroyed_secret_may_be_held() {
    let s = Setting::new();
    s.create("one").await.unwrap();
    s.backend.soft_delete(&name(), Some(Duration::days(1))).await.unwrap();
    let error = refused(s.create("two").await, ErrorKind::AlreadyExists, "waits for its deletion");
    assert!(error.context.iter().any(|(key, _)| *key == "deleted"));
    s.fake.advance(Duration::days(2));
    refused(s.backend.read(&name()).await, ErrorKind::NotFound, "no secret a");
    refused(s.create("two").await, ErrorKind::AlreadyExists, "Choose another name");
    s.fake.world(|world| world.settings.reserve_names = false);
    s.create("two").await.expect("the name is free");
    assert_eq!(s.value().await.unwrap(), "two");
}

#[tokio::test]
async fn somebody_elses_secret_is_read_as_it_is() {
    let s = Setting::new();
    s.create("one").await.unwrap();
    s.fake.world(|world| {
        let secret = world.secret("a").unwrap();
        secret.versions[0].name = Some("2024-01-release".to_owned());
    });
    let record = s.backend.read(&name()).await.unwrap();
    assert_eq!((record.kind, record.salt), (None, None));
    assert_eq!(record.current.unwrap().fingerprint, None);
    assert_eq!(s.value().await.unwrap(), "one");
}

#[tokio::test]
async fn replica_is_read_and_not_written() {
    let mut s = Setting::new();
    s.create("one").await.unwrap();
    s.fake.world(|world| world.secret("a").unwrap().replica = true);
    s.backend = backend_with(&s.fake, |_| {});
    assert_eq!(s.value().await.unwrap(), "one");
    refused(s.put("two").await, ErrorKind::Precondition, "replica");
    let patch = MetadataPatch { description: Some(Some("x".into())), ..Default::default() };
    refused(s.backend.update_metadata(&name(), patch).await, ErrorKind::Precondition, "replica");
    refused(s.backend.soft_delete(&name(), None).await, ErrorKind::Precondition, "replica");
}
