//! Options of a secret between configuration, state and the port.
//!
//! Responsible for turning attributes into [`OptionValue`]s and back, by what the backend's
//! descriptor declares, and for not inventing differences: of an object the user wrote, only the
//! fields that are set count. Leaves when to call it to the resource.

use std::collections::BTreeMap;

use super::settings::integer;
use crate::adapters::descriptor::{Descriptor, OptionKind, SecretOption};
use crate::domain::port::{OptionValue, Options};
use crate::plugin::framework::number::Number;
use crate::plugin::framework::value::Value;
use crate::provider::schema::options::with_options;

/// The options object of a plan: what is configured, else what `prior` has, else unknown.
pub(super) fn planned(backend: &Descriptor, config: &Value, prior: &Value) -> Value {
    object(backend, |option| {
        let configured = config.get(backend.name).get(option.name);
        if !configured.is_null() {
            return configured.clone();
        }
        match prior.get(backend.name) {
            known @ Value::Object(_) => known.get(option.name).clone(),
            _ => Value::UNKNOWN,
        }
    })
}

/// The options object of a state: what the vault tells, in the shape of `before`. What it does not
/// tell stays as it was.
pub(super) fn told(backend: &Descriptor, told: &Options, before: &Value) -> Value {
    object(backend, |option| {
        let before = before.get(backend.name).get(option.name);
        match told.get(option.name) {
            Some(value) => to_value(option.kind, value, before),
            None if before.is_wholly_known() => before.clone(),
            None => Value::Null,
        }
    })
}

/// The options that are known in `planned` and are not as in `prior`.
pub(super) fn changes(backend: &Descriptor, planned: &Value, prior: &Value) -> Options {
    let (planned, prior) = (planned.get(backend.name), prior.get(backend.name));
    let mut changes = Options::new();
    for option in backend.options {
        let wanted = planned.get(option.name);
        if wanted.is_wholly_known() && !wanted.is_null() && !wanted.same(prior.get(option.name)) {
            changes.insert(option.name.to_owned(), from_value(option.kind, wanted));
        }
    }
    changes
}

/// An object with every backend's attribute, null for all but one; null when that has no options.
fn object(backend: &Descriptor, value: impl Fn(&SecretOption) -> Value) -> Value {
    if backend.options.is_empty() {
        return Value::Null;
    }
    let own =
        Value::object(backend.options.iter().map(|option| (option.name.to_owned(), value(option))));
    Value::object(with_options().map(|other| {
        let value = if other.name == backend.name { own.clone() } else { Value::Null };
        (other.name.to_owned(), value)
    }))
}

fn from_value(kind: OptionKind, value: &Value) -> OptionValue {
    match (kind, value) {
        (OptionKind::Text, Value::String(text)) => OptionValue::Text(text.as_str().to_owned()),
        (OptionKind::Integer, number) => {
            integer(number).map_or(OptionValue::Null, OptionValue::Integer)
        }
        (OptionKind::Bool, Value::Bool(flag)) => OptionValue::Bool(*flag),
        (OptionKind::TextList, Value::List(items)) => {
            OptionValue::List(items.iter().map(|item| from_value(OptionKind::Text, item)).collect())
        }
        (OptionKind::TextMap, Value::Map(entries)) => OptionValue::Map(
            entries
                .iter()
                .map(|(key, value)| (key.clone(), from_value(OptionKind::Text, value)))
                .collect(),
        ),
        (OptionKind::Object(fields), object @ Value::Object(_)) => OptionValue::Map(
            fields
                .iter()
                .filter(|field| !object.get(field.name).is_null())
                .map(|field| {
                    (field.name.to_owned(), from_value(field.kind, object.get(field.name)))
                })
                .collect(),
        ),
        (OptionKind::ObjectList(fields), Value::List(items)) => OptionValue::List(
            items.iter().map(|item| from_value(OptionKind::Object(fields), item)).collect(),
        ),
        _ => OptionValue::Null,
    }
}

fn to_value(kind: OptionKind, value: &OptionValue, before: &Value) -> Value {
    match (kind, value) {
        (OptionKind::Text, OptionValue::Text(text)) => Value::string(text.as_str()),
        (OptionKind::Integer, OptionValue::Integer(number)) => Value::Number(Number::from(*number)),
        (OptionKind::Bool, OptionValue::Bool(flag)) => Value::Bool(*flag),
        (OptionKind::TextList, OptionValue::List(items)) => Value::List(
            items.iter().map(|item| to_value(OptionKind::Text, item, &Value::Null)).collect(),
        ),
        (OptionKind::TextMap, OptionValue::Map(entries)) => {
            let entries: BTreeMap<_, _> = entries
                .iter()
                .map(|(key, value)| (key.clone(), to_value(OptionKind::Text, value, &Value::Null)))
                .collect();
            Value::Map(entries)
        }
        (OptionKind::Object(fields), OptionValue::Map(entries)) => {
            Value::object(fields.iter().map(|field| {
                let had = before.get(field.name);
                // A field that the user left out of the object is none of theirs.
                let left_out = matches!(before, Value::Object(_)) && had.is_null();
                let value = match entries.get(field.name) {
                    Some(value) if !left_out => to_value(field.kind, value, had),
                    _ => Value::Null,
                };
                (field.name.to_owned(), value)
            }))
        }
        (OptionKind::ObjectList(fields), OptionValue::List(items)) => {
            let had = |place: usize| match before {
                Value::List(items) => items.get(place).unwrap_or(&Value::Null),
                _ => &Value::Null,
            };
            let kind = OptionKind::Object(fields);
            let items = items.iter().enumerate();
            Value::List(items.map(|(place, item)| to_value(kind, item, had(place))).collect())
        }
        _ => Value::Null,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::adapters::descriptor::OptionChange;

    const fn option(name: &'static str, kind: OptionKind) -> SecretOption {
        SecretOption { name, kind, change: OptionChange::InPlace, description: "" }
    }

    static FIELDS: &[SecretOption] =
        &[option("region", OptionKind::Text), option("days", OptionKind::Integer)];

    #[test]
    fn every_kind_comes_back() {
        let text = |text: &str| OptionValue::Text(text.to_owned());
        let object = OptionValue::Map(BTreeMap::from([
            ("days".to_owned(), OptionValue::Integer(3)),
            ("region".to_owned(), text("eu")),
        ]));
        for (kind, value) in [
            (OptionKind::Text, text("a")),
            (OptionKind::Integer, OptionValue::Integer(7)),
            (OptionKind::Bool, OptionValue::Bool(true)),
            (OptionKind::TextList, OptionValue::List(vec![text("a"), text("b")])),
            (OptionKind::TextMap, OptionValue::Map(BTreeMap::from([("k".to_owned(), text("v"))]))),
            (OptionKind::Object(FIELDS), object.clone()),
            (OptionKind::ObjectList(FIELDS), OptionValue::List(vec![object])),
        ] {
            let there = to_value(kind, &value, &Value::Null);
            assert_eq!(from_value(kind, &there), value, "{kind:?}");
        }
    }

    #[test]
    fn field_left_out_by_the_user_makes_no_difference() {
        let before = Value::object([("region", Value::string("eu")), ("days", Value::Null)]);
        let told = OptionValue::Map(BTreeMap::from([
            ("days".to_owned(), OptionValue::Integer(3)),
            ("region".to_owned(), OptionValue::Text("eu".to_owned())),
        ]));
        assert!(to_value(OptionKind::Object(FIELDS), &told, &before).same(&before));
    }
}
