//! Core's proposed new state: configuration and prior state merged.
//!
//! The configuration wins; computed attributes that it leaves out take the prior value. Elements
//! correspond by index, by key, and in sets by content. Write-only values are in the proposal, as
//! core leaves them there. Source: docs/resource-instance-change-lifecycle of core.

use std::collections::BTreeMap;

use coffer::plugin::framework::schema::{Level, Nesting, Schema};
use coffer::plugin::framework::value::Value;

/// What core sends as `proposed_new_state`. `config` is not null.
pub fn proposed_new_state(schema: &Schema, prior: &Value, config: &Value) -> Value {
    object(schema.level(), prior, config)
}

fn object(level: Level<'_>, prior: &Value, config: &Value) -> Value {
    if !matches!(config, Value::Object(_)) {
        return config.clone();
    }
    let attributes = level.attributes.iter().map(|(name, attribute)| {
        let (prior, config) = (prior.get(name), config.get(name));
        let value = if config.is_null() && attribute.is_computed() {
            prior.clone()
        } else if let Some((nesting, inner)) = attribute.level() {
            nested(inner, nesting, prior, config)
        } else {
            config.clone()
        };
        (name.clone(), value)
    });
    let blocks = level.blocks.iter().map(|(name, block)| {
        let (nesting, inner) = block.level();
        (name.clone(), nested(inner, nesting, prior.get(name), config.get(name)))
    });
    Value::Object(attributes.chain(blocks).collect())
}

fn nested(level: Level<'_>, nesting: Nesting, prior: &Value, config: &Value) -> Value {
    match (nesting, config) {
        (Nesting::Single, Value::Object(_)) => object(level, prior, config),
        (Nesting::List, Value::List(items)) => {
            let before = |index: usize| match prior {
                Value::List(prior) => prior.get(index).unwrap_or(&Value::Null),
                _ => &Value::Null,
            };
            let merge = |(index, config)| object(level, before(index), config);
            Value::List(items.iter().enumerate().map(merge).collect())
        }
        (Nesting::Map, Value::Map(entries)) => {
            let merge = |(key, config): (&String, &Value)| {
                (key.clone(), object(level, prior.get(key), config))
            };
            Value::Map(entries.iter().map(merge).collect::<BTreeMap<_, _>>())
        }
        (Nesting::Set, Value::Set(items)) => {
            let mut left: Vec<&Value> = match prior {
                Value::Set(prior) => prior.iter().collect(),
                _ => Vec::new(),
            };
            let merge = |config: &Value| {
                let found = left.iter().position(|prior| comes_from(level, prior, config));
                let prior = found.map_or(&Value::Null, |index| left.remove(index));
                object(level, prior, config)
            };
            Value::Set(items.iter().map(merge).collect())
        }
        _ => config.clone(),
    }
}

/// True when a prior element can be what became of the configured one.
fn comes_from(level: Level<'_>, prior: &Value, config: &Value) -> bool {
    level.attributes.iter().all(|(name, attribute)| {
        let (prior, config) = (prior.get(name), config.get(name));
        config.same(prior) || config.is_null() && attribute.is_computed()
    })
}
