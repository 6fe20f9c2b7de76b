//! From content arguments to typed content, and from content to the result of an ephemeral
//! resource.
//!
//! Responsible for which argument makes which type, for strict decoding of base64, and for saying
//! at which attribute a rule is broken. Values stay in wiping memory; no message contains one.
//! Leaves the rules of a type to [`domain::kind`](crate::domain::kind).

use std::collections::BTreeMap;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use super::generate::{self, Making, Order};
use crate::domain::kind::{Content, EncryptedToken, InvalidContent, Kind, field};
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
    /// What stands for content when no argument gives any: a value that will be made.
    pub(super) fn or_made(self, making: Making, config: &Value) -> Self {
        match (self, making) {
            (Self::Nothing, Making::Open) => Self::Unknown { kind: None },
            (Self::Nothing, making) if making.makes() => {
                match Order::read(config.get(generate::ATTRIBUTE)) {
                    Ok(order) => Self::Unknown { kind: Some(order.kind()) },
                    Err(_) => Self::Invalid,
                }
            }
            (given, _) => given,
        }
    }

    /// The type, when certain.
    pub(super) const fn kind(&self) -> Option<Kind> {
        match self {
            Self::Known { content, .. } => Some(content.kind()),
            Self::Unknown { kind } => *kind,
            Self::Nothing | Self::Invalid => None,
        }
    }

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
    make: fn(&Value, EncryptedToken) -> Result<Content, Problem>,
}

/// The write-only switch beside the content arguments. Being write-only it is in no state, so that
/// it makes no difference after an import.
const ALLOW_ENCRYPTED: &str = "jwt_allow_encrypted_wo";

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
    Argument { name: "jwt_wo", kind: Kind::JwtToken, make: jwt },
    Argument { name: "basic_auth_wo", kind: Kind::BasicAuth, make: basic_auth },
    Argument { name: "private_key_wo", kind: Kind::PrivateKey, make: private_key },
    Argument { name: "secret_key_wo", kind: Kind::SecretKey, make: secret_key },
    Argument { name: "key_store_wo", kind: Kind::KeyStore, make: key_store },
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
    let switch = config.get(ALLOW_ENCRYPTED);
    if !value.is_wholly_known() || (argument.kind == Kind::JwtToken && switch.is_unknown()) {
        let certain = match value {
            Value::Unknown(Some(refinements)) => refinements.null == Some(false),
            Value::Unknown(None) => false,
            _ => true,
        };
        return Given::Unknown { kind: certain.then_some(argument.kind) };
    }
    let encrypted = match switch {
        Value::Bool(true) => EncryptedToken::Allowed,
        _ => EncryptedToken::Refused,
    };
    match (argument.make)(value, encrypted) {
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

/// The parts of an object, each with the field it makes.
struct Parts<const R: usize, const O: usize> {
    required: [(&'static str, &'static str); R],
    optional: [(&'static str, &'static str); O],
}

impl<const R: usize, const O: usize> Parts<R, O> {
    /// The values. The schema cannot require them, since Terraform generates an object of nulls.
    fn read(&self, value: &Value) -> Result<([Secret; R], [Option<Secret>; O]), Problem> {
        for (name, _) in self.required {
            if value.get(name).is_null() {
                return Err(Problem { below: Some(name), rule: format!("{name}: is not set") });
            }
        }
        let optional = |name| {
            let value = value.get(name);
            (!value.is_null()).then(|| secret(value))
        };
        Ok((
            self.required.map(|(name, _)| secret(value.get(name))),
            self.optional.map(|(name, _)| optional(name)),
        ))
    }

    /// Says where a rule is broken, by the name that the user knows.
    fn problem(&self, error: InvalidContent) -> Problem {
        let mut parts = self.required.iter().chain(&self.optional);
        match parts.find(|(_, field)| *field == error.field) {
            Some((name, _)) => {
                Problem { below: Some(name), rule: format!("{name}: {}", error.rule) }
            }
            None => Problem::from(error),
        }
    }
}

const BASIC_AUTH: Parts<2, 0> = Parts {
    required: [("username", field::USERNAME), ("password", field::PASSWORD)],
    optional: [],
};
const PRIVATE_KEY: Parts<1, 1> =
    Parts { required: [("pem", field::PEM)], optional: [("passphrase", field::PASSPHRASE)] };
const SECRET_KEY: Parts<1, 1> =
    Parts { required: [("base64", field::BYTES)], optional: [("algorithm", field::ALGORITHM)] };
const KEY_STORE: Parts<3, 1> = Parts {
    required: [("base64", field::BYTES), ("password", field::PASSWORD), ("format", field::FORMAT)],
    optional: [("comparison", field::COMPARISON)],
};

/// Strict: standard alphabet, padding, nothing else.
fn decoded(text: &Secret) -> Option<Secret> {
    STANDARD.decode(text.expose()).ok().map(Secret::new)
}

const NOT_BASE64: &str = "is not base64 (standard alphabet, with padding)";

fn decoded_part(text: &Secret) -> Result<Secret, Problem> {
    let rule = || Problem { below: Some("base64"), rule: format!("base64: {NOT_BASE64}") };
    decoded(text).ok_or_else(rule)
}

fn text(value: &Value, _: EncryptedToken) -> Result<Content, Problem> {
    Ok(Content::generic(secret(value))?)
}

fn bytes(value: &Value, _: EncryptedToken) -> Result<Content, Problem> {
    let rule = || Problem { below: None, rule: format!("value: {NOT_BASE64}") };
    Ok(Content::generic(decoded(&secret(value)).ok_or_else(rule)?)?)
}

fn api_key(value: &Value, _: EncryptedToken) -> Result<Content, Problem> {
    Ok(Content::api_key(secret(value))?)
}

fn jwt(value: &Value, encrypted: EncryptedToken) -> Result<Content, Problem> {
    Ok(Content::jwt_token(secret(value), encrypted)?)
}

fn basic_auth(value: &Value, _: EncryptedToken) -> Result<Content, Problem> {
    let ([username, password], []) = BASIC_AUTH.read(value)?;
    Content::basic_auth(username, password).map_err(|error| BASIC_AUTH.problem(error))
}

fn private_key(value: &Value, _: EncryptedToken) -> Result<Content, Problem> {
    let ([pem], [passphrase]) = PRIVATE_KEY.read(value)?;
    Content::private_key(pem, passphrase).map_err(|error| PRIVATE_KEY.problem(error))
}

fn secret_key(value: &Value, _: EncryptedToken) -> Result<Content, Problem> {
    let ([base64], [algorithm]) = SECRET_KEY.read(value)?;
    let bytes = decoded_part(&base64)?;
    Content::secret_key(bytes, algorithm).map_err(|error| SECRET_KEY.problem(error))
}

fn key_store(value: &Value, _: EncryptedToken) -> Result<Content, Problem> {
    let ([base64, password, format], [comparison]) = KEY_STORE.read(value)?;
    let bytes = decoded_part(&base64)?;
    Content::key_store(bytes, password, format, comparison)
        .map_err(|error| KEY_STORE.problem(error))
}

fn key_value(value: &Value, _: EncryptedToken) -> Result<Content, Problem> {
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
    let base64 = |name: &str| {
        let bytes = content.and_then(|content| content.field(name));
        bytes.map_or(Value::Null, |bytes| Value::string(STANDARD.encode(bytes.expose())))
    };
    vec![
        ("value", when(Kind::Generic, &|| field(field::VALUE))),
        ("value_base64", when(Kind::Generic, &|| base64(field::VALUE))),
        ("api_key", when(Kind::ApiKey, &|| field(field::VALUE))),
        ("jwt", when(Kind::JwtToken, &|| field(field::VALUE))),
        (
            "basic_auth",
            when(Kind::BasicAuth, &|| {
                Value::object([
                    ("username", field(field::USERNAME)),
                    ("password", field(field::PASSWORD)),
                ])
            }),
        ),
        (
            "private_key",
            when(Kind::PrivateKey, &|| {
                Value::object([
                    ("pem", field(field::PEM)),
                    ("passphrase", field(field::PASSPHRASE)),
                ])
            }),
        ),
        (
            "secret_key",
            when(Kind::SecretKey, &|| {
                Value::object([
                    ("base64", base64(field::BYTES)),
                    ("algorithm", field(field::ALGORITHM)),
                ])
            }),
        ),
        (
            "key_store",
            when(Kind::KeyStore, &|| {
                Value::object([
                    ("base64", base64(field::BYTES)),
                    ("password", field(field::PASSWORD)),
                    ("format", field(field::FORMAT)),
                ])
            }),
        ),
        ("key_value", when(Kind::KeyValue, &|| entries(content))),
    ]
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

    const PEM: &str =
        include_str!(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/fixtures/keys/ec.sec1.pem"));
    const STORE: &[u8] =
        include_bytes!(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/fixtures/keys/java.jks"));
    const KEY: &str = "AAECAwQFBgcICQoLDA0ODw==";

    fn key(base64: Value, algorithm: Value) -> Value {
        Value::object([("base64", base64), ("algorithm", algorithm)])
    }

    fn store(format: &str, comparison: Value) -> Value {
        Value::object([
            ("base64", Value::string(STANDARD.encode(STORE))),
            ("password", Value::string("throwaway")),
            ("format", Value::string(format)),
            ("comparison", comparison),
        ])
    }

    #[test]
    fn encrypted_token_needs_its_switch() {
        let token = "eyJhbGciOiJkaXIiLCJlbmMiOiJBMjU2R0NNIn0..AA.AA.AA";
        let with = |switch| {
            given(vec![("jwt_wo", Value::string(token)), ("jwt_allow_encrypted_wo", switch)]).0
        };
        assert!(matches!(with(Value::Bool(true)), Given::Known { .. }));
        assert!(matches!(with(Value::Bool(false)), Given::Invalid));
        assert!(matches!(with(Value::Null), Given::Invalid));
        let unknown = with(Value::UNKNOWN);
        assert!(matches!(unknown, Given::Unknown { kind: Some(Kind::JwtToken) }));
    }

    #[test]
    fn broken_rules_of_objects_are_told_by_attribute() {
        for (argument, value, child, rule) in [
            ("secret_key_wo", key(Value::string("*"), Value::Null), "base64", "is not base64"),
            ("secret_key_wo", key(Value::string("AA=="), Value::string("AES")), "base64", "16, 24"),
            ("secret_key_wo", key(Value::string(KEY), Value::string("X")), "algorithm", "one of"),
            ("secret_key_wo", key(Value::Null, Value::string("AES")), "base64", "is not set"),
            ("key_store_wo", store("PKCS12", Value::Null), "base64", "is not a PKCS#12 store"),
            ("key_store_wo", store("jks", Value::Null), "format", "one of PKCS12, JKS"),
            ("private_key_wo", Value::object([("pem", Value::string("x"))]), "pem", "PEM text"),
        ] {
            let (value, diags) = given(vec![(argument, value)]);
            assert!(matches!(value, Given::Invalid), "{argument}");
            let diagnostic = diags.iter().next().unwrap();
            assert_eq!(diagnostic.path, Path::attribute(argument).child(child));
            assert!(diagnostic.detail.contains(&format!("{child}: ")), "{diagnostic:?}");
            assert!(diagnostic.detail.contains(rule), "{diagnostic:?}");
        }
    }

    #[test]
    fn keys_and_stores_are_revealed_as_they_were_given() {
        let revealed = |argument, value| {
            let (given, _) = given(vec![(argument, value)]);
            let all = reveal(given.content());
            all.into_iter().find(|(_, value)| !value.is_null()).unwrap()
        };
        let (name, value) = revealed("key_store_wo", store("JKS", Value::Null));
        assert_eq!((name, value.get("format")), ("key_store", &Value::string("JKS")));
        assert_eq!(value.get("base64"), &Value::string(STANDARD.encode(STORE)));
        let pem = Value::object([("pem", Value::string(PEM))]);
        let (name, value) = revealed("private_key_wo", pem);
        assert_eq!((name, value.get("pem")), ("private_key", &Value::string(PEM)));
        assert!(value.get("passphrase").is_null());
        let (name, value) = revealed("secret_key_wo", key(Value::string(KEY), Value::Null));
        assert_eq!((name, value.get("base64")), ("secret_key", &Value::string(KEY)));
    }

    #[test]
    fn each_argument_makes_its_type() {
        for (attribute, value, kind) in [
            ("value_wo", Value::string("x"), Kind::Generic),
            ("value_base64_wo", Value::string("AP8="), Kind::Generic),
            ("api_key_wo", Value::string("x"), Kind::ApiKey),
            ("basic_auth_wo", auth(Value::string("u"), Value::string("p")), Kind::BasicAuth),
            ("jwt_wo", Value::string("eyJhbGciOiJub25lIn0.e30."), Kind::JwtToken),
            ("private_key_wo", Value::object([("pem", Value::string(PEM))]), Kind::PrivateKey),
            ("secret_key_wo", key(Value::string(KEY), Value::string("AES")), Kind::SecretKey),
            ("secret_key_wo", key(Value::string("AP8="), Value::Null), Kind::SecretKey),
            ("key_store_wo", store("JKS", Value::string("semantic")), Kind::KeyStore),
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
        let others: Vec<_> = schema
            .attributes
            .iter()
            .filter(|(name, a)| a.write_only && !names.contains(&name.as_str()))
            .map(|(name, _)| name.as_str())
            .collect();
        assert_eq!(others, [ALLOW_ENCRYPTED]);
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
