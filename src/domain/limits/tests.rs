//! Every limit of a vault, at it and one beyond.

use super::*;
use crate::domain::port::{Lists, RecoveryWindow};

fn vault() -> Capability {
    Capability {
        versions: true,
        max_versions: None,
        max_value_bytes: 8,
        empty_values: false,
        max_name_bytes: 10,
        name_punctuation: "-/",
        unicode_names: false,
        case_sensitive_names: true,
        max_tags: 2,
        max_tag_value_chars: 256,
        max_description_chars: 1024,
        compare_and_set: true,
        soft_delete: Some(RecoveryWindow { min_days: 7, default_days: 30, max_days: 30 }),
        purge: true,
        delete_versions: true,
        disable: true,
        pending_versions: true,
        metadata_without_values: true,
        validity_times: true,
        backup: true,
        lists: Lists::Partial,
    }
}

fn poor_vault() -> Capability {
    Capability {
        soft_delete: None,
        disable: false,
        pending_versions: false,
        validity_times: false,
        max_tags: 0,
        ..vault()
    }
}

fn told(vault: &Capability, wanted: &Wanted<'_>) -> Vec<String> {
    violations(vault, wanted).iter().map(ToString::to_string).collect()
}

#[test]
fn names_beyond_length_or_alphabet_are_violations() {
    let name = |text: &str| check_name(&vault(), &SecretName::parse(text).unwrap());
    assert_eq!(name("app/db-123"), None);
    assert_eq!(
        name("app/db-1234").unwrap(),
        r#"this vault takes names of at most 10 bytes, "app/db-1234" has 11"#
    );
    assert_eq!(
        name("a_b").unwrap(),
        r#"this vault takes names of ASCII letters and digits and "-" "/", "a_b" contains '_'"#
    );
    let world = Capability { unicode_names: true, ..vault() };
    assert_eq!(check_name(&world, &SecretName::parse("schlüssel").unwrap()), None);
    assert!(name("schlüssel").is_some());
}

#[test]
fn content_beyond_size_or_empty_is_a_violation_that_shows_nothing_of_it() {
    let told =
        |content: &Content| told(&vault(), &Wanted { content: Some(content), ..Wanted::default() });
    assert!(told(&Content::generic("12345678".into()).unwrap()).is_empty());
    let message = told(&Content::generic("canary789".into()).unwrap()).concat();
    assert!(message.starts_with("content: this vault holds values of at most 8 bytes"));
    assert!(!message.contains("canary") && !message.contains('9'));
    let empty = Content::restore(Kind::Generic, vec![("value".to_owned(), "".into())]).unwrap();
    let message = told(&empty).concat();
    assert!(message.contains("cannot hold empty values"), "{message}");
    let entries = BTreeMap::from([("k".to_owned(), "".into())]);
    assert!(told(&Content::key_value(entries).unwrap()).is_empty(), "it is stored as JSON");
}

#[test]
fn windows_and_policies_must_suit_the_vault() {
    let window = |vault: &Capability, days| {
        told(vault, &Wanted { recovery_window_days: Some(days), ..Wanted::default() }).concat()
    };
    assert_eq!(window(&vault(), 7), "");
    assert_eq!(window(&vault(), 30), "");
    for days in [6, 31, -1] {
        assert_eq!(
            window(&vault(), days),
            format!(
                "recovery_window_days: this vault keeps deleted secrets for 7 to 30 days, not {days}"
            )
        );
    }
    assert!(window(&poor_vault(), 7).contains("cannot delete recoverably"));

    for policy in DeletionPolicy::ALL {
        let wanted = Wanted { deletion_policy: Some(*policy), ..Wanted::default() };
        assert!(told(&vault(), &wanted).is_empty());
        let refused = matches!(policy, DeletionPolicy::Recoverable | DeletionPolicy::Disable);
        assert_eq!(!told(&poor_vault(), &wanted).is_empty(), refused);
    }
    let wanted = Wanted { deletion_policy: Some(DeletionPolicy::Recoverable), ..Wanted::default() };
    assert!(told(&poor_vault(), &wanted).concat().contains(r#"deletion_policy = "destroy""#));
}

#[test]
fn everything_a_poor_vault_lacks_is_told_at_once_and_in_order() {
    let name = SecretName::parse("a.b").unwrap();
    let tags = BTreeMap::from([("a".to_owned(), String::new())]);
    let wanted = Wanted {
        name: Some(&name),
        stage: Some(Stage::Pending),
        tags: Some(&tags),
        not_before: Some(OffsetDateTime::UNIX_EPOCH),
        expires_at: Some(OffsetDateTime::UNIX_EPOCH),
        enabled: Some(false),
        ..Wanted::default()
    };
    let subjects: Vec<_> =
        violations(&poor_vault(), &wanted).iter().map(|v| v.subject.argument()).collect();
    assert_eq!(subjects, ["name", "rotation_state", "tags", "not_before", "expires_at", "enabled"]);
    assert_eq!(
        told(&vault(), &Wanted { name: None, ..wanted }),
        ["expires_at: must be later than not_before, or the secret is never valid"]
    );
    assert!(violations(&poor_vault(), &Wanted::default()).is_empty());
}
