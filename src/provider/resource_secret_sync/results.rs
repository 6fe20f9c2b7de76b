//! The ledger in state: what is known of every copy, by destination and name there.

use std::collections::BTreeMap;

use crate::domain::port::ErrorKind;
use crate::domain::secret::SecretName;
use crate::domain::sync::plan::{Action, Entry, Step, Version};
use crate::engine::failure::Failure;
use crate::engine::sync::Done;
use crate::plugin::framework::number::Number;
use crate::plugin::framework::value::Value;
use crate::provider::{errors, schema};

/// Attributes of one copy; all of them are texts.
pub(in crate::provider) const ATTRIBUTES: [&str; 9] = [
    "key",
    "result",
    "class",
    "message",
    "remote_version",
    "fingerprint",
    "source_version",
    "source_fingerprint",
    "synced_at",
];

/// The state of a sync of which nothing is known yet.
pub(super) fn blank() -> Value {
    let attributes = schema::secret_sync::schema().attributes;
    let mut state = Value::object(attributes.into_keys().map(|name| (name, Value::Null)));
    for name in ["results", "changes", "counts"] {
        state.set(name, Value::Map(BTreeMap::new()));
    }
    state
}

/// What state says of one destination.
pub(in crate::provider) type Ledger = BTreeMap<SecretName, Entry>;

/// The ledger of a destination.
pub(super) fn ledger(state: Option<&Value>, label: &str) -> Ledger {
    let Some(Value::Map(results)) = state.map(|state| state.get("results").get(label)) else {
        return Ledger::new();
    };
    results
        .iter()
        .filter_map(|(name, result)| Some((SecretName::parse(name).ok()?, entry(result)?)))
        .collect()
}

/// The version of a secret that was copied last, to whatever destination.
pub(super) fn copied(state: Option<&Value>, key: &str) -> Option<Version> {
    let Some(Value::Map(destinations)) = state.map(|state| state.get("results")) else {
        return None;
    };
    let results = destinations.values().filter_map(|results| match results {
        Value::Map(results) => Some(results.values()),
        _ => None,
    });
    let mut entries = results.flatten().filter_map(entry);
    entries.find(|entry| entry.key == key).map(|entry| entry.source)
}

/// What a result says of a copy; `None` when it was never written.
pub(in crate::provider) fn entry(result: &Value) -> Option<Entry> {
    let text = |name: &str| result.get(name).as_str().map(str::to_owned);
    let version = |id: &str, print: &str| {
        Some(Version { id: text(id)?, print: text(print).and_then(|print| print.parse().ok()) })
    };
    Some(Entry {
        key: text("key")?,
        source: version("source_version", "source_fingerprint")?,
        copy: version("remote_version", "fingerprint")?,
    })
}

/// What state is to say of a copy after a run. `before` is what it said.
pub(in crate::provider) fn result(
    step: &Step,
    done: Option<&Done>,
    entry: Option<&Entry>,
    before: &Value,
    now: &str,
) -> Value {
    let failure = done.and_then(|done| done.failure.as_ref());
    let (result, message) = match (failure, step.action) {
        (Some(failure), _) => ("failed", Some(told(failure))),
        (None, Action::Drifted | Action::Spared) => ("drifted", Some(step.to_string())),
        (None, Action::Conflict(_)) => ("conflict", Some(step.to_string())),
        (None, Action::Held | Action::Skipped) => ("skipped", Some(step.to_string())),
        (None, Action::Unreadable) => ("failed", Some(step.to_string())),
        (None, _) => ("synced", None),
    };
    let text = |text: Option<&str>| text.map_or(Value::Null, Value::string);
    let print = |version: Option<&Version>| match version.and_then(|v| v.print.as_ref()) {
        Some(print) => Value::string(print.as_str()),
        None => Value::Null,
    };
    let written = done.is_some_and(|done| done.failure.is_none());
    let source = entry.map(|entry| &entry.source);
    let copy = entry.map(|entry| &entry.copy);
    Value::object([
        ("key", Value::string(step.key.as_str())),
        ("result", Value::string(result)),
        ("class", text(failure.map(class))),
        ("message", text(message.as_deref())),
        ("remote_version", text(copy.map(|version| version.id.as_str()))),
        ("fingerprint", print(copy)),
        ("source_version", text(source.map(|version| version.id.as_str()))),
        ("source_fingerprint", print(source)),
        ("synced_at", if written { Value::string(now) } else { before.get("synced_at").clone() }),
    ])
}

/// What state is to say of the copies at a destination that could not be looked at: what it said
/// before, and of those that were planned, why they are not there.
pub(super) fn unreached(planned: &Value, before: &Value, failure: &Failure) -> Value {
    let mut results = match before {
        Value::Map(results) => results.clone(),
        _ => BTreeMap::new(),
    };
    let Value::Map(planned) = planned else { return Value::Map(results) };
    for name in planned.keys().filter(|name| before.get(name).is_null()) {
        let texts = ATTRIBUTES.map(|attribute| {
            let value = match attribute {
                "key" => Value::string(name.as_str()),
                "result" => Value::string("failed"),
                "class" => Value::string(class(failure)),
                "message" => Value::string(told(failure)),
                _ => Value::Null,
            };
            (attribute, value)
        });
        results.insert(name.clone(), Value::object(texts));
    }
    Value::Map(results)
}

/// How many copies have which result.
pub(super) fn counts(results: &Value) -> Value {
    let mut counts: BTreeMap<String, i64> = BTreeMap::new();
    if let Value::Map(destinations) = results {
        for result in destinations.values().filter_map(|d| match d {
            Value::Map(results) => Some(results.values()),
            _ => None,
        }) {
            for result in result {
                let code = result.get("result").as_str().unwrap_or("failed").to_owned();
                *counts.entry(code).or_default() += 1;
            }
        }
    }
    let numbers = counts.into_iter().map(|(code, n)| (code, Value::Number(Number::Int(n))));
    Value::Map(numbers.collect())
}

/// Whose a failure is: ours (a defect or a stop), the caller's (rights, arguments, somebody who
/// wrote at the same time), or the vault's.
pub(in crate::provider) fn class(failure: &Failure) -> &'static str {
    match failure {
        Failure::Backend(error) => match error.kind {
            ErrorKind::RateLimited | ErrorKind::Unavailable | ErrorKind::Corrupt => "remote",
            ErrorKind::Unexpected => "ours",
            _ => "caller",
        },
        Failure::TimedOut { .. } => "remote",
        Failure::Stopped { .. } | Failure::Held | Failure::NotVerified | Failure::NotTakenBack => {
            "ours"
        }
        _ => "caller",
    }
}

/// A failure in a line.
pub(in crate::provider) fn told(failure: &Failure) -> String {
    match failure {
        Failure::Backend(error) => format!("{error} ({})", errors::kind(error.kind)),
        Failure::ChangedSincePlan { .. } => {
            "source or copy changed since the plan was made; nothing was overwritten".to_owned()
        }
        other => other.to_string(),
    }
}
