//! The plan pipeline: from core's proposal to a plan that core accepts.
//!
//! Responsible for defaults, for marking computed attributes unknown when the object will change,
//! for replacement rules, and for the helpers with which a resource corrects the outcome. Nulling
//! of write-only values is [`guard`](super::guard)'s; the call of the resource and the checks after
//! it are the [`server`](super::server)'s.
//! Source: core's proposed new state and plan checks; the order is that of the Go framework.

use super::object::{PlanRequest, PlanResponse};
use super::path::Path;
use super::schema::{Level, Nesting, OnChange, Presence, Schema};
use super::value::Value;

/// Fills in defaults where the configuration leaves an attribute out.
pub fn fill_defaults(schema: &Schema, config: &Value, planned: &mut Value) {
    defaults(schema.level(), config, planned);
}

/// Marks computed attributes that the configuration leaves out as unknown, except those with a
/// default and those that keep their prior value.
pub fn mark_unknown(schema: &Schema, config: &Value, prior: Option<&Value>, planned: &mut Value) {
    unknowns(schema.level(), config, prior, planned, Scope::All);
}

/// The attributes whose planned change makes it a replacement.
#[must_use]
pub fn replacements(schema: &Schema, config: &Value, prior: &Value, planned: &Value) -> Vec<Path> {
    let mut paths = Vec::new();
    let states = States { config, prior, planned };
    replaced(schema.level(), states, &Path::root(), &mut paths);
    paths
}

/// Sorts paths and removes repetitions.
pub fn normalise(paths: &mut Vec<Path>) {
    paths.sort_by_cached_key(ToString::to_string);
    paths.dedup();
}

impl PlanResponse {
    /// True when the plan differs from the prior state (always for a create).
    #[must_use]
    pub fn is_change(&self, request: &PlanRequest<'_>) -> bool {
        request.prior.is_none_or(|prior| !self.planned.same(prior))
    }

    /// Says that the object will change although its attributes do not show it, as with a new
    /// write-only value: all computed attributes that the configuration leaves out and that still
    /// have their prior value become unknown, except those that keep it by schema.
    pub fn mark_changed(&mut self, request: &PlanRequest<'_>) {
        if let prior @ Some(_) = request.prior {
            let level = request.schema.level();
            unknowns(level, request.config, prior, &mut self.planned, Scope::Untouched);
        }
    }

    /// Plans top-level attributes as unknown.
    pub fn mark_unknown(&mut self, names: &[&str]) {
        for name in names {
            self.planned.set(name, Value::UNKNOWN);
        }
    }

    /// Plans top-level attributes as unchanged: computed ones that the pipeline marked unknown
    /// because something else changes. Does nothing for a create.
    pub fn keep_prior(&mut self, request: &PlanRequest<'_>, names: &[&str]) {
        let Some(prior) = request.prior else { return };
        for name in names {
            self.planned.set(name, prior.get(name).clone());
        }
    }

    /// Makes the change a replacement because of a top-level attribute. A write-only attribute
    /// may be named, too.
    pub fn replace_because_of(&mut self, name: &str) {
        self.requires_replace.push(Path::attribute(name));
    }
}

fn defaults(level: Level<'_>, config: &Value, planned: &mut Value) {
    let Value::Object(entries) = planned else { return };
    for (name, attribute) in level.attributes {
        if let Some(default) = &attribute.default
            && config.get(name).is_null()
        {
            entries.insert(name.clone(), default.clone());
        }
    }
    for (name, nesting, inner) in level.nested() {
        let Some(planned) = entries.get_mut(name) else { continue };
        let config = config.get(name);
        each_planned(inner, nesting, config, None, planned, &mut |config, _, planned| {
            defaults(inner, config, planned);
        });
    }
}

/// Which computed attributes become unknown.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Scope {
    /// All of them.
    All,
    /// Those that still have their prior value.
    Untouched,
}

fn unknowns(
    level: Level<'_>,
    config: &Value,
    prior: Option<&Value>,
    planned: &mut Value,
    scope: Scope,
) {
    let Value::Object(entries) = planned else { return };
    for (name, attribute) in level.attributes {
        let decided_elsewhere = attribute.write_only
            || !attribute.is_computed()
            || attribute.default.is_some()
            || attribute.keep_prior && prior.is_some()
            || !config.get(name).is_null();
        let Some(entry) = entries.get_mut(name) else { continue };
        let touched =
            scope == Scope::Untouched && prior.is_some_and(|prior| !entry.same(prior.get(name)));
        if !decided_elsewhere && !touched {
            *entry = Value::UNKNOWN;
        }
    }
    for (name, nesting, inner) in level.nested() {
        let Some(planned) = entries.get_mut(name) else { continue };
        let (config, prior) = (config.get(name), prior.map(|prior| prior.get(name)));
        each_planned(inner, nesting, config, prior, planned, &mut |config, prior, planned| {
            unknowns(inner, config, prior, planned, scope);
        });
    }
}

/// Calls `f` for each planned object that comes from the configuration, with its counterparts
/// there and in the prior state: by index, by key, or for sets by content.
fn each_planned(
    level: Level<'_>,
    nesting: Nesting,
    config: &Value,
    prior: Option<&Value>,
    planned: &mut Value,
    f: &mut impl FnMut(&Value, Option<&Value>, &mut Value),
) {
    match (nesting, config, planned) {
        (Nesting::Single, Value::Object(_), planned @ Value::Object(_)) => {
            f(config, prior.filter(|prior| !prior.is_null()), planned);
        }
        (Nesting::List, Value::List(config), Value::List(planned)) => {
            for (index, (config, planned)) in config.iter().zip(planned).enumerate() {
                let prior = match prior {
                    Some(Value::List(prior)) => prior.get(index),
                    _ => None,
                };
                f(config, prior, planned);
            }
        }
        (Nesting::Map, Value::Map(config), Value::Map(planned)) => {
            for (key, planned) in planned {
                let prior = match prior {
                    Some(Value::Map(prior)) => prior.get(key),
                    _ => None,
                };
                if let Some(config) = config.get(key) {
                    f(config, prior, planned);
                }
            }
        }
        (Nesting::Set, Value::Set(config), Value::Set(planned)) => {
            for planned in planned {
                let Some(config) = config.iter().find(|c| realises(level, c, planned)) else {
                    continue;
                };
                let prior = match prior {
                    Some(Value::Set(prior)) => prior.iter().find(|p| realises(level, config, p)),
                    _ => None,
                };
                f(config, prior, planned);
            }
        }
        _ => {}
    }
}

/// True when `object` is what becomes of `config`: equal but for what the provider decides.
fn realises(level: Level<'_>, config: &Value, object: &Value) -> bool {
    let attributes = level.attributes.iter().all(|(name, attribute)| {
        let (wanted, has) = (config.get(name), object.get(name));
        attribute.write_only
            || wanted.is_unknown()
            || wanted.is_null() && attribute.is_computed()
            || attribute.level().is_some() && wanted.is_null() == has.is_null()
            || wanted.same(has)
    });
    attributes
        && level.nested().all(|(name, nesting, inner)| {
            let is_write_only = level.attributes.get(name).is_some_and(|a| a.write_only);
            is_write_only || realises_nested(inner, nesting, config.get(name), object.get(name))
        })
}

fn realises_nested(level: Level<'_>, nesting: Nesting, config: &Value, object: &Value) -> bool {
    match (nesting, config, object) {
        (Nesting::Single, Value::Object(_), Value::Object(_)) => realises(level, config, object),
        (Nesting::List, Value::List(config), Value::List(items)) => {
            config.len() == items.len()
                && config.iter().zip(items).all(|(c, item)| realises(level, c, item))
        }
        (Nesting::Map, Value::Map(config), Value::Map(entries)) => {
            config.len() == entries.len()
                && config
                    .iter()
                    .all(|(key, c)| entries.get(key).is_some_and(|entry| realises(level, c, entry)))
        }
        (Nesting::Set, Value::Set(config), Value::Set(items)) => {
            config.len() == items.len()
                && config.iter().all(|c| items.iter().any(|item| realises(level, c, item)))
        }
        // Null against null, or something unknown: the attribute check has decided.
        _ => true,
    }
}

/// One object in its three forms.
#[derive(Clone, Copy)]
struct States<'v> {
    config: &'v Value,
    prior: &'v Value,
    planned: &'v Value,
}

impl<'v> States<'v> {
    fn map(self, mut f: impl FnMut(&'v Value) -> &'v Value) -> Self {
        Self { config: f(self.config), prior: f(self.prior), planned: f(self.planned) }
    }
}

fn replaced(level: Level<'_>, states: States<'_>, path: &Path, paths: &mut Vec<Path>) {
    for (name, attribute) in level.attributes {
        let States { config, prior, planned } = states.map(|value| value.get(name));
        // A value that only the provider decides and has not decided yet forces nothing.
        let undecided = planned.is_unknown() && config.is_null();
        let forces = attribute.on_change == OnChange::Replace && !attribute.write_only;
        if forces && !undecided && !prior.same(planned) {
            paths.push(path.clone().child(name));
        }
    }
    for (name, nesting, inner) in level.nested() {
        let place = path.clone().child(name);
        let states = states.map(|value| value.get(name));
        match nesting {
            Nesting::Single => replaced(inner, states, &place, paths),
            Nesting::List => {
                let count = list_len(states.prior).max(list_len(states.planned));
                for (index, step) in (0..count).zip(0..) {
                    let states = states.map(|value| element(value, index));
                    replaced(inner, states, &place.clone().index(step), paths);
                }
            }
            Nesting::Map => {
                for key in keys(states.prior).chain(keys(states.planned)) {
                    let states = states.map(|value| value.get(key));
                    replaced(inner, states, &place.clone().key(key), paths);
                }
            }
            // Elements of a set have no path that core could follow: the set stands for them.
            Nesting::Set => {
                if forces_any(inner) && !states.prior.same(states.planned) {
                    paths.push(place);
                }
            }
        }
    }
}

fn forces_any(level: Level<'_>) -> bool {
    level.attributes.values().any(|a| a.on_change == OnChange::Replace)
        || level.nested().any(|(_, _, inner)| forces_any(inner))
}

const fn list_len(value: &Value) -> usize {
    match value {
        Value::List(items) => items.len(),
        _ => 0,
    }
}

fn element(value: &Value, index: usize) -> &Value {
    const NULL: &Value = &Value::Null;
    match value {
        Value::List(items) => items.get(index).unwrap_or(NULL),
        _ => NULL,
    }
}

fn keys(value: &Value) -> impl Iterator<Item = &str> {
    let entries = match value {
        Value::Map(entries) => Some(entries),
        _ => None,
    };
    entries.into_iter().flat_map(|entries| entries.keys().map(String::as_str))
}

/// The configuration that would give `state`: without what only the provider decides, without
/// write-only and deprecated attributes, and without what a default gives anyway.
#[must_use]
pub fn config_from_state(schema: &Schema, state: &Value) -> Value {
    let mut config = state.clone();
    keep_configurable(schema.level(), &mut config);
    config
}

fn keep_configurable(level: Level<'_>, object: &mut Value) {
    let Value::Object(entries) = object else { return };
    for (name, attribute) in level.attributes {
        let Some(entry) = entries.get_mut(name) else { continue };
        let by_default = attribute.default.as_ref().is_some_and(|default| default.same(entry));
        if attribute.presence == Presence::Computed
            || attribute.write_only
            || attribute.deprecation.is_some()
            || by_default
        {
            *entry = Value::Null;
        }
    }
    for (name, _, inner) in level.nested() {
        let Some(entry) = entries.get_mut(name) else { continue };
        match entry {
            Value::Object(_) => keep_configurable(inner, entry),
            Value::List(items) | Value::Set(items) => {
                items.iter_mut().for_each(|item| keep_configurable(inner, item));
            }
            Value::Map(entries) => {
                entries.values_mut().for_each(|item| keep_configurable(inner, item));
            }
            _ => {}
        }
        let optional = level.attributes.get(name).is_some_and(|a| a.presence != Presence::Required);
        if optional && is_hollow(entry) {
            *entry = Value::Null;
        }
    }
}

/// True for an object of nulls only: nothing that a configuration would say.
fn is_hollow(value: &Value) -> bool {
    matches!(value, Value::Object(entries) if entries.values().all(Value::is_null))
}
