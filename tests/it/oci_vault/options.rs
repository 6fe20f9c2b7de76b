//! Options of a secret: told as they were set, changed one concern at a time.

use coffer::domain::port::{ErrorKind, MetadataPatch, OptionValue, Options};

use super::{Setting, name, refused, text};

fn object(fields: &[(&str, OptionValue)]) -> OptionValue {
    OptionValue::Map(fields.iter().map(|(k, v)| ((*k).to_owned(), v.clone())).collect())
}

fn all() -> Options {
    let target =
        object(&[("key_id", text("ocid1.k")), ("region", text("r")), ("vault_id", text("v"))]);
    let options = [
        ("metadata", object(&[("owner", text("team"))])),
        (
            "expiry_rule",
            object(&[
                ("block_reading", OptionValue::Bool(false)),
                ("version_interval_days", OptionValue::Integer(30)),
            ]),
        ),
        ("reuse_rule", text("existing_versions")),
        (
            "rotation",
            object(&[
                ("function_id", text("ocid1.fn")),
                ("interval_days", OptionValue::Integer(60)),
                ("scheduled", OptionValue::Bool(true)),
            ]),
        ),
        ("replication", object(&[("targets", OptionValue::List(vec![target]))])),
    ];
    options.map(|(name, value)| (name.to_owned(), value)).into()
}

fn told(record: &coffer::domain::port::SecretRecord, wanted: &Options) {
    for (name, value) in wanted {
        assert_eq!(&record.options[name], value, "{name}");
    }
}

#[tokio::test]
async fn options_of_a_creation_are_told_as_they_were_set() {
    let s = Setting::new();
    let record = s.create_with("one", all()).await.expect("created");
    told(&record, &all());
    told(&s.backend.read(&name()).await.unwrap(), &all());
    assert_eq!(record.options["key_id"], text(crate::fakes::oci_vault::KEY));
}

#[tokio::test]
async fn options_are_changed_one_concern_at_a_time() {
    let s = Setting::new();
    let plain = s.create("one").await.unwrap();
    assert_eq!(plain.options["rotation"], OptionValue::Null);
    assert_eq!(plain.options["reuse_rule"], text("off"));
    let patch = MetadataPatch {
        options: all(),
        description: Some(Some("described".to_owned())),
        content_type: Some(Some("text/plain".to_owned())),
        ..MetadataPatch::default()
    };
    s.fake.calls();
    let record = s.backend.update_metadata(&name(), patch.clone()).await.expect("changed");
    told(&record, &all());
    assert_eq!(record.metadata.description.as_deref(), Some("described"));
    assert_eq!(record.metadata.content_type.as_deref(), Some("text/plain"));
    let calls = s.fake.calls();
    assert_eq!(calls, ["UpdateSecret"; 4], "what is said, rules, rotation, replicas");
    s.backend.update_metadata(&name(), patch).await.expect("nothing to change");
    assert!(!s.fake.calls().contains(&"UpdateSecret"));
}

#[tokio::test]
async fn rules_and_replicas_can_be_taken_away() {
    let s = Setting::new();
    s.create_with("one", all()).await.unwrap();
    s.set("expiry_rule", object(&[])).await.expect("no expiry");
    s.set("reuse_rule", text("off")).await.expect("no reuse rule");
    let none = object(&[("targets", OptionValue::List(Vec::new()))]);
    let record = s.set("replication", none.clone()).await.expect("no replicas");
    assert_eq!(record.options["expiry_rule"], object(&[]));
    assert_eq!(record.options["reuse_rule"], text("off"));
    assert_eq!(record.options["replication"], none);
    assert!(s.fake.world(|world| world.secret("a").unwrap().rules.is_empty()));
}

#[tokio::test]
async fn reuse_rule_refuses_an_earlier_value_and_not_a_rollback() {
    let s = Setting::new();
    s.create_with("one", [("reuse_rule".to_owned(), text("existing_versions"))].into())
        .await
        .unwrap();
    s.put("two").await.unwrap();
    refused(s.put("one").await, ErrorKind::InvalidRequest, "used before");
    let current = coffer::domain::rotation::RotationState::Current;
    s.backend.set_rotation_state(&name(), 1, current).await.expect("rolled back");
    assert_eq!(s.value().await.unwrap(), "one");
}

#[tokio::test]
async fn wrong_options_are_refused_before_anything_is_sent() {
    let s = Setting::new();
    s.create("one").await.unwrap();
    s.fake.calls();
    for (option, value, words) in [
        ("expiry_rule", object(&[("version_interval_days", OptionValue::Integer(91))]), "1 to 90"),
        ("reuse_rule", text("sometimes"), "off, existing_versions"),
        ("rotation", object(&[("scheduled", OptionValue::Bool(true))]), "function_id"),
        ("metadata", object(&[("coffer-fingerprint", text("x"))]), "coffer's own"),
    ] {
        refused(s.set(option, value).await, ErrorKind::InvalidRequest, words);
    }
    assert!(!s.fake.calls().contains(&"UpdateSecret"));
}
