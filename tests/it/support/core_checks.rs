//! Core's consistency checks, applied to what a provider answers.
//!
//! Responsible for judging plans, applied objects, stored objects and ephemeral results against a
//! schema, as Terraform and OpenTofu do. Each function returns what core would complain about;
//! nothing means core is content. Leaves calling the provider to `core`.
//! Source: core's checks after each operation; docs/internals/protocol.md.

use std::collections::BTreeMap;

use coffer::plugin::framework::codec::encode_msgpack;
use coffer::plugin::framework::path::Path;
use coffer::plugin::framework::schema::{Attribute, Level, Nesting, Presence, Schema};
use coffer::plugin::framework::value::Value;

/// What core would say.
pub type Violations = Vec<String>;

/// Checks the answer to PlanResourceChange.
pub fn plan(schema: &Schema, prior: &Value, config: &Value, planned: &Value) -> Violations {
    let mut found = conforms(schema, planned);
    write_only_is_null(schema.level(), planned, &Path::root(), &mut found);
    planned_object(schema.level(), prior, config, planned, &Path::root(), &mut found);
    found
}

/// Checks the replacement paths of a plan; the first plan of a create has none to check.
pub fn replacement_paths(prior: &Value, planned: &Value, paths: &[Path]) -> Violations {
    let dead = paths.iter().filter(|path| {
        !prior.is_null() && path.find(prior).is_none() && path.find(planned).is_none()
    });
    dead.map(|path| format!("{path}: replacement because of a non-existent attribute")).collect()
}

/// Checks the second plan, made with final values, against the first.
pub fn final_plan(first: &Value, second: &Value) -> Violations {
    let mut found = Violations::new();
    compatible(first, second, &Path::root(), &mut found);
    found.iter().map(|problem| format!("inconsistent final plan: {problem}")).collect()
}

/// Checks the answer to ApplyResourceChange without errors.
pub fn applied(schema: &Schema, planned: &Value, new: &Value) -> Violations {
    let mut found = stored(schema, new);
    compatible(planned, new, &Path::root(), &mut found);
    found
}

/// Checks an object that is going to be stored: by apply (with errors, too), read, import, upgrade,
/// move.
pub fn stored(schema: &Schema, value: &Value) -> Violations {
    let mut found = conforms(schema, value);
    write_only_is_null(schema.level(), value, &Path::root(), &mut found);
    if !value.is_wholly_known() {
        found.push("unknown values in an object to store".to_owned());
    }
    found
}

/// Checks the answer to ReadDataSource.
pub fn data(schema: &Schema, config: &Value, value: &Value) -> Violations {
    let mut found = stored(schema, value);
    if value.is_null() {
        found.push("null object".to_owned());
    }
    planned_object(schema.level(), &Value::Null, config, value, &Path::root(), &mut found);
    found
}

/// Checks the answer to OpenEphemeralResource; OpenTofu demands a known object.
pub fn ephemeral(schema: &Schema, config: &Value, result: &Value) -> Violations {
    data(schema, config, result)
}

fn conforms(schema: &Schema, value: &Value) -> Violations {
    match encode_msgpack(value, &schema.object_type()) {
        Ok(_) => Violations::new(),
        Err(problem) => vec![format!("does not conform to the schema: {problem}")],
    }
}

fn say(found: &mut Violations, path: &Path, problem: &str) {
    found.push(format!("{path}: {problem}"));
}

fn write_only_is_null(level: Level<'_>, value: &Value, path: &Path, found: &mut Violations) {
    for (name, attribute) in level.attributes {
        if attribute.write_only && !value.get(name).is_null() {
            say(found, &path.clone().child(name), "a value for a write-only attribute");
        }
    }
    for (name, nesting, inner) in level.nested() {
        for (object, path) in objects(nesting, value.get(name), &path.clone().child(name)) {
            write_only_is_null(inner, object, &path, found);
        }
    }
}

/// The objects of a nested attribute or block with their paths; elements of sets share one.
fn objects<'v>(nesting: Nesting, value: &'v Value, path: &Path) -> Vec<(&'v Value, Path)> {
    match (nesting, value) {
        (Nesting::Single, Value::Object(_)) => vec![(value, path.clone())],
        (Nesting::List, Value::List(items)) => {
            items.iter().zip(0..).map(|(item, i)| (item, path.clone().index(i))).collect()
        }
        (Nesting::Set, Value::Set(items)) => {
            items.iter().map(|item| (item, path.clone())).collect()
        }
        (Nesting::Map, Value::Map(entries)) => {
            entries.iter().map(|(key, item)| (item, path.clone().key(key))).collect()
        }
        _ => Vec::new(),
    }
}

fn planned_object(
    level: Level<'_>,
    prior: &Value,
    config: &Value,
    planned: &Value,
    path: &Path,
    found: &mut Violations,
) {
    if planned.is_null() != config.is_null() {
        let problem =
            if planned.is_null() { "planned for absence" } else { "planned for existence" };
        say(found, path, problem);
        return;
    }
    if planned.is_null() {
        return;
    }
    for (name, attribute) in level.attributes {
        let path = path.clone().child(name);
        let (prior, config) = (prior.get(name), config.get(name));
        planned_attribute(attribute, prior, config, planned.get(name), &path, found);
    }
    for (name, block) in level.blocks {
        let (nesting, inner) = block.level();
        let path = path.clone().child(name);
        let (prior, config, planned) = (prior.get(name), config.get(name), planned.get(name));
        if planned.same(config) {
            continue;
        }
        if config.is_unknown() != planned.is_unknown() {
            say(found, &path, "a block is known on one side only");
        } else if nesting != Nesting::Single && planned.is_null() {
            say(found, &path, "no blocks must be an empty collection and not null");
        } else {
            planned_nested(inner, nesting, [prior, config, planned], &path, found);
        }
    }
}

fn planned_attribute(
    attribute: &Attribute,
    prior: &Value,
    config: &Value,
    planned: &Value,
    path: &Path,
    found: &mut Violations,
) {
    let keeps_prior = planned.same(prior) && !prior.is_null() && !config.is_null();
    if attribute.write_only || planned.same(config) || keeps_prior {
        return;
    }
    if config.is_null() {
        if !attribute.is_computed() {
            say(found, path, "planned value for a non-computed attribute");
        }
        return;
    }
    match attribute.level() {
        Some((nesting, inner)) if !config.is_unknown() => {
            planned_nested(inner, nesting, [prior, config, planned], path, found);
        }
        _ => say(found, path, "does not match config value nor prior value"),
    }
}

fn planned_nested(
    level: Level<'_>,
    nesting: Nesting,
    [prior, config, planned]: [&Value; 3],
    path: &Path,
    found: &mut Violations,
) {
    if config.is_unknown() || planned.is_unknown() {
        if config.is_unknown() != planned.is_unknown() {
            say(found, path, "known on one side only");
        }
        return;
    }
    match nesting {
        Nesting::Single => planned_object(level, prior, config, planned, path, found),
        Nesting::List | Nesting::Map => {
            let [prior, config, planned] = [prior, config, planned].map(by_name);
            if config.keys().ne(planned.keys()) {
                say(found, path, "count or keys in plan disagree with config");
                return;
            }
            for (key, planned) in planned {
                let prior = prior.get(&key).copied().unwrap_or(&Value::Null);
                let path = match nesting {
                    Nesting::List => path.clone().index(key.parse().unwrap()),
                    _ => path.clone().key(&key),
                };
                if planned.is_unknown() && !config[&key].is_unknown() {
                    say(found, &path, "an element must not be unknown itself");
                }
                planned_object(level, prior, config[&key], planned, &path, found);
            }
        }
        Nesting::Set => {
            let count = |value: &Value| objects(Nesting::Set, value, path).len();
            if count(config) != count(planned) {
                say(found, path, "count in plan disagrees with config");
            }
        }
    }
}

/// The elements of a list by index (padded, so that order is kept) or of a map by key.
fn by_name(value: &Value) -> BTreeMap<String, &Value> {
    match value {
        Value::List(items) => {
            items.iter().enumerate().map(|(i, item)| (format!("{i:06}"), item)).collect()
        }
        Value::Map(entries) => entries.iter().map(|(key, item)| (key.clone(), item)).collect(),
        _ => BTreeMap::new(),
    }
}

/// What was planned as known is so still; what was unknown may be anything.
fn compatible(planned: &Value, new: &Value, path: &Path, found: &mut Violations) {
    match (planned, new) {
        (Value::Unknown(refinements), _) => {
            let must_not_be_null = refinements.as_ref().is_some_and(|r| r.null == Some(false));
            if must_not_be_null && new.is_null() {
                say(found, path, "was planned as not null, is null now");
            }
        }
        (Value::Null, new) if !new.is_null() => say(found, path, "was null, is present now"),
        (planned, Value::Null) if !planned.is_null() => {
            say(found, path, "was present, is null now")
        }
        (Value::List(a), Value::List(b)) | (Value::Tuple(a), Value::Tuple(b)) => {
            if a.len() != b.len() {
                say(found, path, "elements appeared or vanished");
            }
            for ((a, b), index) in a.iter().zip(b).zip(0..) {
                compatible(a, b, &path.clone().index(index), found);
            }
        }
        (Value::Map(a), Value::Map(b)) => {
            if a.keys().ne(b.keys()) {
                say(found, path, "keys appeared or vanished");
            }
            for (key, a) in a {
                compatible(a, b.get(key).unwrap_or(&Value::Null), &path.clone().key(key), found);
            }
        }
        (Value::Object(a), Value::Object(b)) => {
            for (name, a) in a {
                let b = b.get(name).unwrap_or(&Value::Null);
                compatible(a, b, &path.clone().child(name), found);
            }
        }
        (Value::Set(a), Value::Set(b)) => compatible_sets(a, b, path, found),
        (Value::Dynamic(a), Value::Dynamic(b)) if a.0 == b.0 => {
            compatible(&a.1, &b.1, path, found);
        }
        (a, b) if a.same(b) => {}
        _ => say(found, path, "inconsistent values"),
    }
}

/// Elements correspond if any pairing works; a set may only shrink, by elements that turned equal.
fn compatible_sets(planned: &[Value], new: &[Value], path: &Path, found: &mut Violations) {
    let fits = |a: &Value, b: &Value| {
        let mut problems = Violations::new();
        compatible(a, b, path, &mut problems);
        problems.is_empty()
    };
    if !new.iter().all(|b| planned.iter().any(|a| fits(a, b))) || new.len() > planned.len() {
        say(found, path, "an element of the set appeared");
    }
    if !planned.iter().all(|a| new.iter().any(|b| fits(a, b))) {
        say(found, path, "an element of the set vanished");
    }
}

/// Checks an identity: wholly known and with every attribute that an import needs.
pub fn identity(schema: &Schema, identity: &Value) -> Violations {
    let mut found = conforms(schema, identity);
    if identity.is_null() || !identity.is_wholly_known() {
        found.push("the identity is null or unknown".to_owned());
    }
    for (name, attribute) in &schema.attributes {
        if attribute.presence == Presence::Required && identity.get(name).is_null() {
            found.push(format!("the identity lacks {name}"));
        }
    }
    found
}
