//! From content arguments to typed content, and from content to the result of an ephemeral
//! resource.
//!
//! Responsible for which argument makes which type, for strict decoding of base64, and for saying
//! at which attribute a rule is broken. Values stay in wiping memory; no message contains one.
//! Leaves the rules of a type to [`domain::kind`](crate::domain::kind).

use std::collections::BTreeMap;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use crate::domain::kind::{Content, InvalidContent, Kind, field};
use crate::domain::material::Secret;
use crate::plugin::framework::diag::Diagnostics;
use crate::plugin::framework::path::Path;
use crate::plugin::framework::value::{Text, Value};

/// What the configuration gives as content.
#[derive(Debug)]
pub(super) enum Given {
    /// No argument is set.
    Nothing,
    /// An argument is set whose value is not known before apply. The type is known when it is
    /// certain that the argument will not turn out null.
    Unknown {
        /// Type, if certain.
        kind: Option<Kind>,
    },
    /// This, from the argument at the path.
    Known {
        /// The content.
        content: Content,
        /// Where it was given.
        path: Path,
    },
    /// It breaks a rule; that was reported.
    Invalid,
}

impl Given {
    /// The content, when known.
    pub(super) const fn content(&self) -> Option<&Content> {
        match self {
            Self::Known { content, .. } => Some(content),
            _ => None,
        }
    }
}

/// One content argument: its name, the type it makes and how.
struct Argument {
    name: &'static str,
    kind: Kind,
    make: fn(&Value) -> Result<Content, Problem>,
}

/// A broken rule and the nested attribute it concerns.
struct Problem {
    below: Option<&'static str>,
    rule: String,
}

/// Every argument that carries content. Another type is another line.
const ARGUMENTS: &[Argument] = &[
    Argument { name: "value_wo", kind: Kind::Generic, make: text },
    Argument { name: "value_base64_wo", kind: Kind::Generic, make: bytes },
    Argument { name: "api_key_wo", kind: Kind::ApiKey, make: api_key },
    Argument { name: "basic_auth_wo", kind: Kind::BasicAuth, make: basic_auth },
    Argument { name: "key_value_wo", kind: Kind::KeyValue, make: key_value },
];

/// Reads the content arguments of a configuration.
pub(super) fn read(config: &Value, diags: &mut Diagnostics) -> Given {
    let mut set = ARGUMENTS.iter().filter(|argument| is_set(config.get(argument.name)));
    let Some(argument) = set.next() else { return Given::Nothing };
    let value = config.get(argument.name);
    if let Some(second) = set.next() {
        let unknown = [argument, second].iter().any(|a| config.get(a.name).is_unknown());
        // Of two unknown arguments one may still turn out null.
        if unknown {
            return Given::Unknown { kind: None };
        }
        diags.error(
            Path::attribute(second.name),
            "More than one content argument",
            format!(
                "{} and {} are both set. A secret has one content: set one of them.",
                argument.name, second.name
            ),
        );
        return Given::Invalid;
    }
    if !value.is_wholly_known() {
        let certain = match value {
            Value::Unknown(Some(refinements)) => refinements.null == Some(false),
            Value::Unknown(None) => false,
            _ => true,
        };
        return Given::Unknown { kind: certain.then_some(argument.kind) };
    }
    match (argument.make)(value) {
        Ok(content) => Given::Known { content, path: Path::attribute(argument.name) },
        Err(problem) => {
            let path = Path::attribute(argument.name);
            diags.error(
                match problem.below {
                    Some(name) => path.child(name),
                    None => path,
                },
                "Content is not valid",
                format!(
                    "A secret of type {} cannot hold this: {}. The value itself is not shown.",
                    argument.kind, problem.rule
                ),
            );
            Given::Invalid
        }
    }
}

/// True for an argument that carries something. An object of nulls is what Terraform generates for
/// an import, and says nothing.
fn is_set(value: &Value) -> bool {
    match value {
        Value::Object(fields) => !fields.values().all(Value::is_null),
        value => !value.is_null(),
    }
}

/// A copy in wiping memory.
fn secret(value: &Value) -> Secret {
    Secret::from(value.as_str().unwrap_or_default())
}

impl From<InvalidContent> for Problem {
    fn from(error: InvalidContent) -> Self {
        Self { below: None, rule: error.to_string() }
    }
}

fn text(value: &Value) -> Result<Content, Problem> {
    Ok(Content::generic(secret(value))?)
}

fn bytes(value: &Value) -> Result<Content, Problem> {
    let rule = || Problem {
        below: None,
        rule: "value: is not base64 (standard alphabet, with padding)".to_owned(),
    };
    let decoded = STANDARD.decode(value.as_str().unwrap_or_default()).map_err(|_| rule())?;
    Ok(Content::generic(Secret::new(decoded))?)
}

fn api_key(value: &Value) -> Result<Content, Problem> {
    Ok(Content::api_key(secret(value))?)
}

fn basic_auth(value: &Value) -> Result<Content, Problem> {
    let (username, password) = (value.get("username"), value.get("password"));
    for (name, value) in [(field::USERNAME, username), (field::PASSWORD, password)] {
        if value.is_null() {
            return Err(Problem { below: Some(name), rule: format!("{name}: is not set") });
        }
    }
    Content::basic_auth(secret(username), secret(password)).map_err(|error| Problem {
        below: [field::USERNAME, field::PASSWORD].into_iter().find(|name| *name == error.field),
        rule: error.to_string(),
    })
}

fn key_value(value: &Value) -> Result<Content, Problem> {
    let entries: BTreeMap<String, Secret> = match value {
        Value::Map(entries) => {
            if entries.values().any(Value::is_null) {
                let rule = "an entry is null; leave the key out or give it a text".to_owned();
                return Err(Problem { below: None, rule });
            }
            entries.iter().map(|(key, value)| (key.clone(), secret(value))).collect()
        }
        _ => BTreeMap::new(),
    };
    Ok(Content::key_value(entries)?)
}

/// The attributes of an ephemeral result that carry the content, all null but those of its type.
pub(super) fn reveal(content: Option<&Content>) -> Vec<(&'static str, Value)> {
    let field = |name: &str| {
        let text = content.and_then(|content| content.field(name)?.expose_text().ok());
        text.map_or(Value::Null, |text| Value::String(Text::from(text)))
    };
    let kind = content.map(Content::kind);
    let when = |wanted: Kind, value: &dyn Fn() -> Value| {
        if kind == Some(wanted) { value() } else { Value::Null }
    };
    vec![
        ("value", when(Kind::Generic, &|| field(field::VALUE))),
        ("value_base64", when(Kind::Generic, &|| base64(content))),
        ("api_key", when(Kind::ApiKey, &|| field(field::VALUE))),
        (
            "basic_auth",
            when(Kind::BasicAuth, &|| {
                Value::object([
                    ("username", field(field::USERNAME)),
                    ("password", field(field::PASSWORD)),
                ])
            }),
        ),
        ("key_value", when(Kind::KeyValue, &|| entries(content))),
    ]
}

fn base64(content: Option<&Content>) -> Value {
    let bytes = content.and_then(|content| content.field(field::VALUE));
    bytes.map_or(Value::Null, |bytes| Value::string(STANDARD.encode(bytes.expose())))
}

fn entries(content: Option<&Content>) -> Value {
    let fields = content.map_or(&[][..], Content::fields);
    let text = |value: &Secret| value.expose_text().map_or(Value::Null, Value::string);
    Value::Map(fields.iter().map(|(key, value)| (key.clone(), text(value))).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn given(attributes: Vec<(&str, Value)>) -> (Given, Diagnostics) {
        let mut diags = Diagnostics::new();
        let given = read(&Value::object(attributes), &mut diags);
        (given, diags)
    }

    fn auth(username: Value, password: Value) -> Value {
        Value::object([("username", username), ("password", password)])
    }

    #[test]
    fn each_argument_makes_its_type() {
        for (attribute, value, kind) in [
            ("value_wo", Value::string("x"), Kind::Generic),
            ("value_base64_wo", Value::string("AP8="), Kind::Generic),
            ("api_key_wo", Value::string("x"), Kind::ApiKey),
            ("basic_auth_wo", auth(Value::string("u"), Value::string("p")), Kind::BasicAuth),
            (
                "key_value_wo",
                Value::Map([("k".to_owned(), Value::string("v"))].into()),
                Kind::KeyValue,
            ),
        ] {
            let (given, diags) = given(vec![(attribute, value)]);
            assert!(!diags.has_errors(), "{diags:?}");
            assert_eq!(given.content().map(Content::kind), Some(kind), "{attribute}");
        }
    }

    #[test]
    fn every_argument_is_in_the_schema_and_write_only() {
        let schema = crate::provider::schema::secret::schema();
        let names: Vec<_> = ARGUMENTS.iter().map(|argument| argument.name).collect();
        assert_eq!(names, crate::provider::schema::secret::CONTENT_ARGUMENTS);
        assert!(names.iter().all(|name| schema.attributes[*name].write_only));
        let write_only = schema.attributes.values().filter(|a| a.write_only).count();
        assert_eq!(write_only, names.len());
    }

    #[test]
    fn unknown_value_has_a_type_only_when_it_cannot_be_null() {
        let (value, _) = given(vec![("value_wo", Value::UNKNOWN)]);
        assert!(matches!(value, Given::Unknown { kind: None }));
        let half = auth(Value::string("u"), Value::UNKNOWN);
        let (value, _) = given(vec![("basic_auth_wo", half)]);
        assert!(matches!(value, Given::Unknown { kind: Some(Kind::BasicAuth) }));
        let two = vec![("value_wo", Value::UNKNOWN), ("api_key_wo", Value::UNKNOWN)];
        assert!(matches!(given(two).0, Given::Unknown { kind: None }));
    }

    #[test]
    fn object_of_nulls_is_no_content_and_half_of_it_is_refused() {
        let (value, diags) = given(vec![("basic_auth_wo", auth(Value::Null, Value::Null))]);
        assert!(matches!(value, Given::Nothing) && !diags.has_errors());
        let half = auth(Value::string("u"), Value::Null);
        let (value, diags) = given(vec![("basic_auth_wo", half)]);
        assert!(matches!(value, Given::Invalid));
        let path = Path::attribute("basic_auth_wo").child("password");
        assert_eq!(diags.iter().next().unwrap().path, path);
    }

    #[test]
    fn two_known_contents_are_refused() {
        let (value, diags) =
            given(vec![("value_wo", Value::string("a")), ("api_key_wo", Value::string("b"))]);
        assert!(matches!(value, Given::Invalid));
        assert_eq!(diags.iter().next().unwrap().path, Path::attribute("api_key_wo"));
    }

    #[test]
    fn broken_rule_is_told_at_its_attribute_without_the_value() {
        let canary = "canary:user";
        let (value, diags) =
            given(vec![("basic_auth_wo", auth(Value::string(canary), Value::string("p")))]);
        assert!(matches!(value, Given::Invalid));
        let diagnostic = diags.iter().next().unwrap();
        assert_eq!(diagnostic.path, Path::attribute("basic_auth_wo").child("username"));
        assert!(!format!("{diagnostic:?}").contains(canary));
    }

    #[test]
    fn content_is_revealed_in_the_attribute_of_its_type_only() {
        let content = Content::generic(Secret::new(vec![0, 0xFF])).unwrap();
        let revealed = reveal(Some(&content));
        let set: Vec<_> = revealed.iter().filter(|(_, value)| !value.is_null()).collect();
        assert_eq!(set, [&("value_base64", Value::string("AP8="))]);
        assert!(reveal(None).iter().all(|(_, value)| value.is_null()));
    }
}
