//! Running validators and schema rules over a configuration.
//!
//! Responsible for attribute validators (null and unknown values are skipped), rules over several
//! attributes (an unknown value counts as "maybe") and the gate for clients that would store
//! write-only values. Leaves required, unknown and deprecated attributes to core, which checks them
//! against the schema itself. Source: protocol RPCs `Validate…Config`; client capability
//! `write_only_attributes_allowed`.

use super::diag::Diagnostics;
use super::path::{Path, Step};
use super::schema::{ConfigValidator, Level, Nesting, Schema};
use super::value::Value;

/// Runs everything the schema declares about a configuration.
pub fn config(schema: &Schema, config: &Value, diags: &mut Diagnostics) {
    attributes(schema.level(), config, &Path::root(), diags);
    for rule in &schema.validators {
        check_rule(rule, config, diags);
    }
}

/// Refuses write-only values for a client that does not know write-only attributes: it would
/// write them into the state.
pub fn write_only_gate(schema: &Schema, config: &Value, diags: &mut Diagnostics) {
    let mut set = Vec::new();
    find_write_only(schema.level(), config, &Path::root(), &mut set);
    for path in set {
        diags.error(
            path.clone(),
            "Write-only attribute is not supported by this version",
            format!(
                "{path} takes a value that must never be stored. That needs Terraform 1.11 or \
                 later, or OpenTofu 1.11 or later; the version in use would write the value into \
                 the state. Next step: use a newer version, or leave {path} out."
            ),
        );
    }
}

fn attributes(level: Level<'_>, object: &Value, path: &Path, diags: &mut Diagnostics) {
    for (name, attribute) in level.attributes {
        let value = object.get(name);
        if value.is_null() || value.is_unknown() {
            continue;
        }
        let place = path.clone().child(name);
        for validator in &attribute.validators {
            (validator.check)(value, &place, diags);
        }
    }
    for (name, nesting, inner) in level.nested() {
        let place = path.clone().child(name);
        each_object(nesting, object.get(name), &place, &mut |object, path| {
            attributes(inner, object, path, diags);
        });
    }
}

fn find_write_only(level: Level<'_>, object: &Value, path: &Path, found: &mut Vec<Path>) {
    for (name, attribute) in level.attributes {
        if attribute.write_only && !object.get(name).is_null() {
            found.push(path.clone().child(name));
        }
    }
    for (name, nesting, inner) in level.nested() {
        if level.attributes.get(name).is_some_and(|a| a.write_only) {
            continue;
        }
        let place = path.clone().child(name);
        each_object(nesting, object.get(name), &place, &mut |object, path| {
            find_write_only(inner, object, path, found);
        });
    }
}

/// Calls `f` for each known object that `value` collects. Elements of sets have no path of their
/// own; they are reported at the set.
fn each_object(nesting: Nesting, value: &Value, path: &Path, f: &mut impl FnMut(&Value, &Path)) {
    match (nesting, value) {
        (Nesting::Single, object @ Value::Object(_)) => f(object, path),
        (Nesting::List, Value::List(items)) => {
            for (item, index) in items.iter().zip(0..) {
                f(item, &path.clone().index(index));
            }
        }
        (Nesting::Set, Value::Set(items)) => items.iter().for_each(|item| f(item, path)),
        (Nesting::Map, Value::Map(entries)) => {
            for (key, entry) in entries {
                f(entry, &path.clone().key(key));
            }
        }
        _ => {}
    }
}

/// Whether a configuration sets something.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Given {
    No,
    Maybe,
    Yes,
}

fn given(config: &Value, path: &Path) -> Given {
    let mut at = config;
    for step in path.steps() {
        at = match (step, at) {
            (_, unknown) if unknown.is_unknown() => return Given::Maybe,
            (Step::Attribute(name), Value::Object(entries))
            | (Step::Key(name), Value::Map(entries)) => entries.get(name).unwrap_or(&Value::Null),
            (Step::Index(index), Value::List(items) | Value::Tuple(items)) => {
                usize::try_from(*index).ok().and_then(|i| items.get(i)).unwrap_or(&Value::Null)
            }
            _ => return Given::No,
        };
    }
    match at {
        unknown if unknown.is_unknown() => Given::Maybe,
        null if null.is_null() => Given::No,
        _ => Given::Yes,
    }
}

fn check_rule(rule: &ConfigValidator, config: &Value, diags: &mut Diagnostics) {
    let (ConfigValidator::ExactlyOneOf(paths)
    | ConfigValidator::AtMostOneOf(paths)
    | ConfigValidator::AtLeastOneOf(paths)
    | ConfigValidator::RequiredTogether(paths)) = rule;
    let with = |wanted: Given| paths.iter().filter(move |path| given(config, path) == wanted);
    let all = list(paths.iter());
    let maybe = with(Given::Maybe).next().is_some();
    if let (Some(first), Some(second)) = (with(Given::Yes).next(), with(Given::Yes).nth(1))
        && matches!(rule, ConfigValidator::ExactlyOneOf(_) | ConfigValidator::AtMostOneOf(_))
    {
        diags.error(
            second.clone(),
            "Attributes exclude each other",
            format!("{first} and {second} are both set. Next step: set only one of {all}."),
        );
    }
    let none = with(Given::Yes).next().is_none() && !maybe;
    if none && matches!(rule, ConfigValidator::ExactlyOneOf(_) | ConfigValidator::AtLeastOneOf(_)) {
        diags.error(
            common_parent(paths),
            "Missing attribute",
            format!("None of them is set, and one is needed. Next step: set one of {all}."),
        );
    }
    if let (Some(missing), Some(present)) = (with(Given::No).next(), with(Given::Yes).next())
        && matches!(rule, ConfigValidator::RequiredTogether(_))
    {
        diags.error(
            present.clone(),
            "Attributes belong together",
            format!("{present} is set and {missing} is not. Next step: set all of {all}, or none."),
        );
    }
}

fn list<'p>(paths: impl Iterator<Item = &'p Path>) -> String {
    paths.map(ToString::to_string).collect::<Vec<_>>().join(", ")
}

/// The deepest place that contains all of `paths`, for "none of them is set".
fn common_parent(paths: &[Path]) -> Path {
    let Some(first) = paths.first() else { return Path::root() };
    let shared = paths.iter().fold(first.steps().len().saturating_sub(1), |shared, path| {
        first.steps().iter().zip(path.steps()).take(shared).take_while(|(a, b)| a == b).count()
    });
    first.steps()[..shared].iter().fold(Path::root(), |path, step| match step {
        Step::Attribute(name) => path.child(name),
        Step::Key(key) => path.key(key),
        Step::Index(index) => path.index(*index),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::plugin::framework::schema::{Attribute, Presence};
    use crate::plugin::framework::types::Type;
    use crate::plugin::framework::validators;

    fn complaints(rule: ConfigValidator, config: &Value) -> Vec<String> {
        let mut diags = Diagnostics::new();
        super::config(&Schema::new("").rule(rule), config, &mut diags);
        diags.iter().map(|d| format!("{}: {}", d.path, d.summary)).collect()
    }

    fn object(a: Value, b: Value) -> Value {
        Value::object([("o", Value::object([("a", a), ("b", b)]))])
    }

    fn paths() -> Vec<Path> {
        ["a", "b"].map(|name| Path::attribute("o").child(name)).to_vec()
    }

    #[test]
    fn rules_count_unknown_values_as_maybe() {
        use ConfigValidator::{AtLeastOneOf, AtMostOneOf, ExactlyOneOf, RequiredTogether};
        let (yes, no, maybe) = (Value::string("x"), Value::Null, Value::UNKNOWN);
        let cases = [
            (&yes, &no, [0, 0, 0, 1]),
            (&yes, &yes, [1, 1, 0, 0]),
            (&no, &no, [1, 0, 1, 0]),
            (&yes, &maybe, [0, 0, 0, 0]),
            (&no, &maybe, [0, 0, 0, 0]),
            (&maybe, &maybe, [0, 0, 0, 0]),
        ];
        for (a, b, expected) in cases {
            let config = object(a.clone(), b.clone());
            let rules = [ExactlyOneOf, AtMostOneOf, AtLeastOneOf, RequiredTogether];
            let counts = rules.map(|rule| complaints(rule(paths()), &config).len());
            assert_eq!(counts, expected, "{a:?} {b:?}");
        }
    }

    #[test]
    fn rules_name_the_place() {
        let none = object(Value::Null, Value::Null);
        let found = complaints(ConfigValidator::ExactlyOneOf(paths()), &none);
        assert_eq!(found, ["o: Missing attribute"]);
        let both = object(Value::string("x"), Value::string("y"));
        let found = complaints(ConfigValidator::AtMostOneOf(paths()), &both);
        assert_eq!(found, ["o.b: Attributes exclude each other"]);
        let open = Value::object([("o", Value::UNKNOWN)]);
        let found = complaints(ConfigValidator::ExactlyOneOf(paths()), &open);
        assert_eq!(found, [] as [&str; 0], "everything below is unknown, too");
    }

    #[test]
    fn validators_run_at_any_depth_with_the_path() {
        let code = Attribute::optional(Type::String, "").check(validators::one_of(&["x"]));
        let deep = Attribute::nested(Nesting::Map, Presence::Optional, [("code", code)], "");
        let schema = Schema::new("").attribute("deep", deep);
        let entry = |value| Value::object([("code", value)]);
        let entries = [
            ("bad".to_owned(), entry(Value::string("y"))),
            ("good".to_owned(), entry(Value::string("x"))),
            ("null".to_owned(), entry(Value::Null)),
            ("open".to_owned(), entry(Value::UNKNOWN)),
        ];
        let mut diags = Diagnostics::new();
        let config = Value::object([("deep", Value::Map(entries.into()))]);
        super::config(&schema, &config, &mut diags);
        let found: Vec<_> = diags.iter().map(|d| d.path.to_string()).collect();
        assert_eq!(found, ["deep[\"bad\"].code"]);
    }

    #[test]
    fn gate_counts_unknown_values_as_set() {
        let schema =
            Schema::new("").attribute("w", Attribute::optional(Type::String, "").write_only());
        for (value, refused) in
            [(Value::Null, false), (Value::UNKNOWN, true), (Value::string("x"), true)]
        {
            let mut diags = Diagnostics::new();
            write_only_gate(&schema, &Value::object([("w", value)]), &mut diags);
            assert_eq!(diags.has_errors(), refused);
        }
    }
}
