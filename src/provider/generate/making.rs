//! Whether a value is made: the one decision that plan and apply share.
//!
//! Responsible for comparing the argument with the state's, for when a rotation is due, and for the
//! salt by which a value that an interrupted run made is recognised
//! (docs/internals/adr/0011-generated-values.md). Pure: the time is an argument.

use std::collections::BTreeMap;

use time::{Duration, OffsetDateTime};

use super::ATTRIBUTE;
use crate::domain::fingerprint::{Fingerprint, Salt};
use crate::domain::policy::ManageContent;
use crate::plugin::framework::value::Value;
use crate::provider::settings::integer;
use crate::provider::times;

/// Whether a value is to be made.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::provider) enum Making {
    /// `generate` is not set, or the value stays.
    No,
    /// A value that exists is kept although `generate` is new.
    Kept,
    /// Others manage the content since its creation, so that it is kept although `generate` is new
    /// or changed.
    LeftToOthers,
    /// For the first time, or because an argument changed.
    Yes,
    /// Because it is due since then.
    Due(OffsetDateTime),
    /// Depends on what is not known before apply.
    Open,
}

impl Making {
    /// True when an apply makes a value.
    pub(in crate::provider) const fn makes(self) -> bool {
        matches!(self, Self::Yes | Self::Due(_))
    }
}

/// Decides whether a value is made. `prior` is the state, null for a create; `secret` is the id of
/// the secret.
pub(in crate::provider) fn making(
    config: &Value,
    prior: &Value,
    secret: &str,
    now: OffsetDateTime,
) -> Making {
    let (wanted, had) = (config.get(ATTRIBUTE), prior.get(ATTRIBUTE));
    if wanted.is_null() {
        return Making::No;
    }
    let others = !prior.is_null() && is_left_to_others(config);
    if !wanted.is_wholly_known() {
        return if others { Making::No } else { Making::Open };
    }
    if prior.is_null() {
        return Making::Yes;
    }
    if others {
        let changed = had.is_null() || !apart_from_days(wanted).same(&apart_from_days(had));
        return if changed { Making::LeftToOthers } else { Making::No };
    }
    let there = is_made(config, prior, secret);
    if had.is_null() {
        return if there { Making::No } else { Making::Kept };
    }
    if !apart_from_days(wanted).same(&apart_from_days(had)) {
        return if there { Making::No } else { Making::Yes };
    }
    match rotate_at(wanted, made_at(prior)) {
        Some(due) if due <= now => Making::Due(due),
        _ => Making::No,
    }
}

/// True when `manage_content` leaves the content to others once it was created.
fn is_left_to_others(config: &Value) -> bool {
    let code = config.get("manage_content").as_str().and_then(ManageContent::parse);
    code.is_some_and(|code| code != ManageContent::Always)
}

/// True when the print in the state tells that the value was made by this very order: by a run that
/// was interrupted before the state had it, or before an import.
pub(super) fn is_made(config: &Value, prior: &Value, secret: &str) -> bool {
    let print = prior.get("fingerprint").as_str().and_then(|text| text.parse::<Fingerprint>().ok());
    print.is_some_and(|print| print.salt() == salt(secret, config, Making::Yes))
}

/// The salt of a made value's print: of the secret, of all that a change of makes another value,
/// and of the time a rotation was due.
pub(in crate::provider) fn salt(secret: &str, config: &Value, making: Making) -> Salt {
    let due = match making {
        Making::Due(at) => times::format(at),
        _ => String::new(),
    };
    Salt::derived(&[secret, &canonical(&apart_from_days(config.get(ATTRIBUTE))), &due])
}

/// One text for equal values: names in order, lengths before texts.
fn canonical(value: &Value) -> String {
    let entries = |entries: &BTreeMap<String, Value>| {
        let one = |(name, value): (&String, &Value)| {
            format!("{}:{name}={}", name.len(), canonical(value))
        };
        let set = entries.iter().filter(|(_, value)| !value.is_null());
        format!("{{{}}}", set.map(one).collect::<Vec<_>>().join(","))
    };
    match value {
        Value::String(text) => format!("{}:{}", text.as_str().len(), text.as_str()),
        Value::Number(number) => number.to_string(),
        Value::Map(map) | Value::Object(map) => entries(map),
        _ => "-".to_owned(),
    }
}

fn made_at(state: &Value) -> Option<OffsetDateTime> {
    let due = times::parse(state.get("rotate_at").as_str()?)?;
    let days = integer(state.get(ATTRIBUTE).get("rotate_after_days"))?;
    Some(due - Duration::days(days))
}

pub(super) fn rotate_at(
    generate: &Value,
    made_at: Option<OffsetDateTime>,
) -> Option<OffsetDateTime> {
    made_at?.checked_add(Duration::days(integer(generate.get("rotate_after_days"))?))
}

fn apart_from_days(generate: &Value) -> Value {
    let mut rest = generate.clone();
    rest.set("rotate_after_days", Value::Null);
    rest
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::engine::testing::{NOW, content, ring};
    use crate::plugin::framework::convert::IntoValue as _;

    const ID: &str = "main/app/a";

    fn recipe(keeper: &str, days: Option<i64>) -> Value {
        Value::object([
            ("kind", Value::string("token")),
            ("keepers", Value::Map([("k".to_owned(), Value::string(keeper))].into())),
            ("rotate_after_days", days.into_value()),
        ])
    }

    fn config(generate: Value) -> Value {
        Value::object([(ATTRIBUTE, generate), ("manage_content", Value::Null)])
    }

    /// A state whose value was made by `generate`, due at `rotate_at`.
    fn state(generate: Value, rotate_at: Option<OffsetDateTime>) -> Value {
        Value::object([
            (ATTRIBUTE, generate),
            ("rotate_at", rotate_at.map_or(Value::Null, |at| Value::string(times::format(at)))),
        ])
    }

    fn decided(config: &Value, state: &Value) -> Making {
        making(config, state, ID, NOW)
    }

    #[test]
    fn value_is_made_first_and_when_the_recipe_changes() {
        let anna = config(recipe("anna", None));
        assert_eq!(decided(&anna, &Value::Null), Making::Yes);
        assert_eq!(decided(&anna, &state(recipe("anna", None), None)), Making::No);
        assert_eq!(decided(&anna, &state(recipe("berta", None), None)), Making::Yes);
        assert_eq!(decided(&config(Value::Null), &state(recipe("anna", None), None)), Making::No);
    }

    #[test]
    fn recipe_that_is_new_or_unknown_makes_nothing_yet() {
        let anna = config(recipe("anna", None));
        assert_eq!(decided(&anna, &state(Value::Null, None)), Making::Kept);
        assert_eq!(decided(&config(Value::UNKNOWN), &state(Value::Null, None)), Making::Open);
        assert_eq!(decided(&config(Value::UNKNOWN), &Value::Null), Making::Open);
    }

    #[test]
    fn rotation_is_due_from_its_moment_on() {
        let wanted = config(recipe("anna", Some(30)));
        let due = |at: OffsetDateTime| decided(&wanted, &state(recipe("anna", Some(30)), Some(at)));
        assert_eq!(due(NOW), Making::Due(NOW));
        assert_eq!(due(NOW + Duration::seconds(1)), Making::No);
        // Other days count from the same creation.
        let sooner = config(recipe("anna", Some(10)));
        let before = state(recipe("anna", Some(30)), Some(NOW + Duration::days(20)));
        assert_eq!(decided(&sooner, &before), Making::Due(NOW));
    }

    #[test]
    fn content_that_others_manage_is_left_to_them() {
        for code in ["initial", "never"] {
            let mut anna = config(recipe("anna", None));
            anna.set("manage_content", Value::string(code));
            let mut open = config(Value::UNKNOWN);
            open.set("manage_content", Value::string(code));
            assert_eq!(decided(&anna, &Value::Null), Making::Yes, "the first value");
            assert_eq!(decided(&anna, &state(recipe("anna", None), None)), Making::No);
            assert_eq!(decided(&anna, &state(recipe("berta", None), None)), Making::LeftToOthers);
            assert_eq!(decided(&anna, &state(Value::Null, None)), Making::LeftToOthers);
            assert_eq!(decided(&open, &state(recipe("anna", None), None)), Making::No);
        }
    }

    #[test]
    fn value_of_an_interrupted_run_is_recognised_by_its_salt() {
        let anna = config(recipe("anna", None));
        let mut before = state(recipe("berta", None), None);
        let print = ring().fingerprint(&content("made"), salt(ID, &anna, Making::Yes));
        before.set("fingerprint", Value::string(print.to_string()));
        assert_eq!(decided(&anna, &before), Making::No);
        assert_eq!(making(&anna, &before, "main/app/b", NOW), Making::Yes, "another secret");
        assert_eq!(decided(&config(recipe("carla", None)), &before), Making::Yes);
    }

    #[test]
    fn salt_tells_secrets_recipes_and_rotations_apart_but_not_days() {
        let of = |id, generate, making| salt(id, &config(generate), making);
        let one = of(ID, recipe("anna", None), Making::Yes);
        assert_eq!(one, of(ID, recipe("anna", Some(3)), Making::Yes));
        assert_ne!(one, of("main/app/b", recipe("anna", None), Making::Yes));
        assert_ne!(one, of(ID, recipe("berta", None), Making::Yes));
        let due = of(ID, recipe("anna", None), Making::Due(NOW));
        assert_ne!(one, due);
        assert_ne!(due, of(ID, recipe("anna", None), Making::Due(NOW + Duration::days(1))));
        // Texts that only look alike when they are put together.
        let split = |a: &str, b: &str| {
            let keepers = [(a.to_owned(), Value::string(b))].into();
            of(ID, Value::object([("keepers", Value::Map(keepers))]), Making::Yes)
        };
        assert_ne!(split("a", "1:b"), split("a=1", "b"));
    }
}
