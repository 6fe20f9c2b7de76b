//! Versions and metadata where the service has neither numbers nor stages nor descriptions.

use std::collections::BTreeMap;

use coffer::domain::port::{
    ErrorKind, ListFilter, Metadata, MetadataPatch, Stage, VersionSelector,
};
use coffer::domain::rotation::RotationState;
use time::{Duration, OffsetDateTime};

use super::{Vault, name};
use crate::fakes::azure_key_vault::Fake;

#[tokio::test]
async fn versions_of_others_are_seen_counted_and_kept() {
    let vault = Vault::new(Fake::quick());
    vault.create("one").await.unwrap();
    vault.fake.advance(Duration::seconds(2));
    vault.fake.somebody_stores("kv1", "app-password", "theirs");
    let record = vault.read().await.unwrap();
    let current = record.current.expect("there is one");
    assert_eq!((current.number, record.latest, record.kind), (2, 2, None));
    assert_eq!(current.fingerprint, None);
    assert_eq!(vault.current().await, "theirs");
    vault.fake.advance(Duration::seconds(2));
    assert_eq!(vault.put("three", Stage::Current).await.unwrap().number, 3);
    let expected = [(1, "deprecated"), (2, "previous"), (3, "current, latest")];
    assert_eq!(vault.states().await, expected.map(|(n, s)| (n, s.to_owned())));
    vault.fake.advance(Duration::seconds(2));
    vault.promote(2).await.unwrap();
    assert_eq!(vault.current().await, "theirs");
}

#[tokio::test]
async fn copied_tags_prove_nothing() {
    let vault = Vault::new(Fake::quick());
    vault.create("one").await.unwrap();
    let tags = vault.fake.newest("kv1", "app-password")["tags"].clone();
    let tags: BTreeMap<String, String> = serde_json::from_value(tags).unwrap();
    let tags: Vec<_> = tags.iter().map(|(n, v)| (n.as_str(), v.as_str())).collect();
    vault.fake.advance(Duration::seconds(2));
    vault.fake.somebody_stores_with("kv1", "app-password", "theirs", &tags);
    let current = vault.read().await.unwrap().current.expect("there is one");
    assert_eq!((current.number, current.fingerprint), (2, None), "drift is seen");
}

#[tokio::test]
async fn pending_version_waits_beside_and_leaves_when_promoted() {
    let vault = Vault::new(Fake::quick());
    vault.create("one").await.unwrap();
    assert_eq!(vault.put("two", Stage::Pending).await.unwrap().number, 2);
    assert_eq!(vault.fake.values("kv1", "app-password"), ["one"], "readers see nothing of it");
    assert_eq!(vault.fake.values("kv1", "app-password--pending"), ["two"]);
    let listed = vault.backend.list(&Default::default(), None).await.unwrap();
    assert_eq!(listed.items.len(), 1, "the sibling is not listed");
    assert_eq!(vault.value(VersionSelector::Number(2)).await.unwrap(), "two");
    vault.promote(2).await.unwrap();
    assert_eq!(vault.fake.values("kv1", "app-password"), ["one", "two"]);
    assert_eq!(vault.fake.newest("kv1", "app-password--pending")["attributes"]["enabled"], false);
    vault.fake.clear_journal();
    vault.read().await.unwrap();
    assert_eq!(vault.fake.journal().len(), 1, "nothing waits, so nobody looks");
    // The next rotation uses the same place.
    assert_eq!(vault.put("three", Stage::Pending).await.unwrap().number, 3);
    vault.backend.soft_delete(&name(), None).await.unwrap();
    assert_eq!(vault.fake.names("kv1").0, Vec::<String>::new(), "the sibling goes, too");
    vault.backend.recover(&name()).await.unwrap();
    let pending = VersionSelector::State(RotationState::Pending);
    assert_eq!(vault.value(pending).await.unwrap(), "three");
    vault.backend.purge(&name()).await.unwrap();
    assert_eq!(vault.fake.names("kv1"), (vec![], vec![]));
}

#[tokio::test]
async fn sibling_of_somebody_elses_is_left_alone() {
    let vault = Vault::new(Fake::quick());
    vault.create("one").await.unwrap();
    vault.fake.somebody_stores("kv1", "app-password--pending", "theirs");
    let error = vault.put("two", Stage::Pending).await.expect_err("the place is taken");
    assert_eq!(error.kind, ErrorKind::InvalidRequest);
    assert_eq!(vault.fake.values("kv1", "app-password--pending"), ["theirs"]);
}

#[tokio::test]
async fn retired_version_is_no_longer_previous() {
    let vault = Vault::new(Fake::quick());
    vault.create("one").await.unwrap();
    vault.put("two", Stage::Current).await.unwrap();
    let retire = RotationState::Deprecated;
    vault.backend.set_rotation_state(&name(), 1, retire).await.unwrap();
    assert_eq!(vault.states().await[0], (1, "deprecated".to_owned()));
    let refused = vault.backend.set_rotation_state(&name(), 2, retire).await.unwrap_err();
    assert_eq!(refused.kind, ErrorKind::Precondition);
}

fn in_a_year() -> OffsetDateTime {
    OffsetDateTime::from_unix_timestamp(4_000_000_000).expect("a time")
}

#[tokio::test]
async fn expiry_is_cleared_in_place_or_by_the_same_value_again() {
    for clears in [true, false] {
        let fake = Fake::quick();
        fake.configure(|options| options.null_clears = clears);
        let vault = Vault::new(fake);
        let metadata =
            Metadata { expires_at: Some(in_a_year()), enabled: true, ..Metadata::default() };
        vault.create_with("one", metadata).await.unwrap();
        let patch = MetadataPatch { expires_at: Some(None), ..MetadataPatch::default() };
        let record = vault.backend.update_metadata(&name(), patch).await.unwrap();
        assert_eq!((record.metadata.expires_at, record.latest), (None, 1), "clears: {clears}");
        assert_eq!(record.current.unwrap().number, 1);
        let versions = vault.fake.values("kv1", "app-password").len();
        assert_eq!(versions, if clears { 1 } else { 2 });
        assert_eq!(vault.read().await.unwrap().metadata.expires_at, None);
        assert_eq!(vault.current().await, "one");
    }
}

#[tokio::test]
async fn metadata_is_one_patch_and_content_one_put() {
    let vault = Vault::new(Fake::quick());
    vault.create("one").await.unwrap();
    vault.fake.clear_journal();
    let tags = [("env".to_owned(), "prod".to_owned())].into();
    let patch = MetadataPatch { tags: Some(tags), ..MetadataPatch::default() };
    vault.backend.update_metadata(&name(), patch.clone()).await.unwrap();
    assert_eq!((vault.fake.count("PATCH", "/"), vault.fake.journal().len()), (1, 2));
    vault.backend.update_metadata(&name(), patch).await.unwrap();
    assert_eq!(vault.fake.count("PATCH", "/"), 1, "what is so already is not sent");
    vault.fake.clear_journal();
    vault.put("two", Stage::Current).await.unwrap();
    assert_eq!((vault.fake.count("PUT", "/"), vault.fake.journal().len()), (1, 2));
    let record = vault.read().await.unwrap();
    assert_eq!(record.metadata.tags["env"], "prod", "a new version keeps the tags");
}

#[tokio::test]
async fn coffers_own_tags_do_not_show_and_cannot_be_set() {
    let vault = Vault::new(Fake::quick());
    let tags = [("coffer-fingerprint".to_owned(), "x".to_owned())].into();
    let metadata = Metadata { tags, enabled: true, ..Metadata::default() };
    let error = vault.create_with("one", metadata).await.unwrap_err();
    assert_eq!(error.kind, ErrorKind::InvalidRequest);
    vault.create("one").await.unwrap();
    assert!(vault.read().await.unwrap().metadata.tags.is_empty());
    assert_eq!(vault.fake.newest("kv1", "app-password")["tags"].as_object().unwrap().len(), 2);
}

/// A listing has no ids of versions. It tells of a current one only where nothing else counts.
#[tokio::test]
async fn listing_tells_a_version_only_of_what_coffer_wrote_last() {
    let vault = Vault::new(Fake::quick());
    vault.create("one").await.unwrap();
    let listed = async || {
        let page = vault.backend.list(&ListFilter::default(), None).await.expect("a page");
        let [record] = page.items.try_into().expect("one secret");
        record.current.map(|current| (current.number, current.version_id))
    };
    let told = |number| Some((number, String::new()));
    assert_eq!(listed().await, told(1));
    vault.put("two", Stage::Current).await.unwrap();
    assert_eq!(listed().await, told(2));
    vault.put("three", Stage::Pending).await.unwrap();
    assert_eq!(listed().await, None, "something waits");
    vault.promote(3).await.unwrap();
    vault.promote(1).await.unwrap();
    assert_eq!(listed().await, None, "a roll-back repeats a version");
    vault.put("four", Stage::Current).await.unwrap();
    assert_eq!(listed().await, told(4));
    vault.fake.somebody_stores("kv1", "app-password", "theirs");
    assert_eq!(listed().await, None, "somebody else's");
}
