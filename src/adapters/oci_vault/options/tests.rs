//! What is told is what was configured, and what is refused.

use super::*;

fn object(fields: &[(&str, OptionValue)]) -> OptionValue {
    OptionValue::Map(fields.iter().map(|(k, v)| ((*k).to_owned(), v.clone())).collect())
}

fn options(name: &str, value: OptionValue) -> Options {
    Options::from([(name.to_owned(), value)])
}

fn secret() -> Secret {
    serde_json::from_str(
        r#"{"id":"ocid1.s","compartmentId":"c","vaultId":"v","secretName":"n","keyId":"k",
            "lifecycleState":"ACTIVE","metadata":{"owner":"team","coffer-content-type":"x","n":3},
            "secretRules":[]}"#,
    )
    .unwrap()
}

#[test]
fn rules_come_back_as_configured() {
    let expiry = object(&[
        ("at", text("2027-01-31T00:00:00Z")),
        ("block_reading", OptionValue::Bool(true)),
        ("version_interval_days", OptionValue::Integer(30)),
    ]);
    let mut wanted = options(EXPIRY_RULE, expiry.clone());
    wanted.insert(REUSE_RULE.to_owned(), text("all_versions"));
    let rules = rules(&wanted, &[]).unwrap().unwrap();
    let told = told(&Secret { secret_rules: Some(rules.clone()), ..secret() });
    assert_eq!(told[EXPIRY_RULE], expiry);
    assert_eq!(told[REUSE_RULE], text("all_versions"));
    assert_eq!(super::rules(&wanted, &rules).unwrap(), None, "nothing to do");
    let off = options(REUSE_RULE, text("off"));
    let left = super::rules(&off, &rules).unwrap().unwrap();
    assert_eq!((left.len(), left[0].rule_type.as_str()), (1, EXPIRY));
}

#[test]
fn rotation_and_replication_come_back_as_configured() {
    let rotation_wanted = object(&[
        ("function_id", text("ocid1.fn")),
        ("interval_days", OptionValue::Integer(30)),
        ("scheduled", OptionValue::Bool(true)),
    ]);
    let target = object(&[("key_id", text("k")), ("region", text("r")), ("vault_id", text("v"))]);
    let replication_wanted = object(&[("targets", OptionValue::List(vec![target]))]);
    let secret = Secret {
        rotation_config: rotation(&options(ROTATION, rotation_wanted.clone())).unwrap(),
        replication_config: replication(&options(REPLICATION, replication_wanted.clone())).unwrap(),
        ..secret()
    };
    let told = told(&secret);
    assert_eq!(told[ROTATION], rotation_wanted);
    assert_eq!(told[REPLICATION], replication_wanted);
}

#[test]
fn metadata_is_told_without_our_own() {
    let told = told(&secret());
    assert_eq!(told[METADATA], object(&[("n", text("3")), ("owner", text("team"))]));
    assert_eq!(told[COMPARTMENT], text("c"));
    assert_eq!(told[KEY], text("k"));
    let own = object(&[("coffer-fingerprint", text("x"))]);
    assert!(metadata(&options(METADATA, own)).is_err());
}

#[test]
fn what_the_service_would_refuse_is_refused_with_the_reason() {
    let refuse = |value| rules(&options(EXPIRY_RULE, value), &[]).unwrap_err();
    assert!(refuse(object(&[("block_reading", OptionValue::Bool(true))])).contains("needs"));
    let days = object(&[("version_interval_days", OptionValue::Integer(91))]);
    assert!(refuse(days).contains("1 to 90"));
    let at = object(&[("at", text("2027-01-31T01:00:00+01:00"))]);
    assert!(refuse(at).contains("2027-01-31T00:00:00Z"));
    let both = object(&[("function_id", text("f")), ("autonomous_database_id", text("d"))]);
    assert!(rotation(&options(ROTATION, both)).is_err());
    let unscheduled = object(&[("function_id", text("f")), ("scheduled", OptionValue::Bool(true))]);
    assert!(rotation(&options(ROTATION, unscheduled)).is_err());
}
