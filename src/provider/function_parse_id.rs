//! Function `parse_id`: an id taken apart.

use crate::domain::secret::{InvalidId, SecretId, VersionId};
use crate::plugin::framework::number::Number;
use crate::plugin::framework::object::{Function, FunctionError, Parameter, Signature};
use crate::plugin::framework::types::Type;
use crate::plugin::framework::value::Value;

/// `parse_id(id) -> { profile, name, version }`
#[derive(Debug)]
pub(super) struct ParseId;

impl Function for ParseId {
    fn signature(&self) -> Signature {
        Signature {
            summary: "Takes the id of a secret or of a version apart".to_owned(),
            description: "Returns an object with `profile`, `name` and `version`. `version` is \
                          null for the id of a secret (`<profile>/<name>`) and a number for that \
                          of a version (`<profile>/<name>#<number>`)."
                .to_owned(),
            parameters: vec![Parameter {
                name: "id",
                ty: Type::String,
                description: "`<profile>/<name>` or `<profile>/<name>#<number>`.".to_owned(),
                allow_null: false,
                allow_unknown: false,
            }],
            variadic: None,
            result: Type::object([
                ("profile", Type::String),
                ("name", Type::String),
                ("version", Type::Number),
            ]),
        }
    }

    fn call(&self, arguments: Vec<Value>) -> Result<Value, FunctionError> {
        let text = arguments.first().and_then(Value::as_str).unwrap_or_default();
        let wrong = |message: String| FunctionError { message, argument: Some(0) };
        let (secret, version) = if text.contains('#') {
            let id: VersionId = text.parse().map_err(|e: InvalidId| wrong(e.to_string()))?;
            (id.secret, i64::try_from(id.number).ok())
        } else {
            let id: SecretId = text.parse().map_err(|e: InvalidId| wrong(e.to_string()))?;
            (id, None)
        };
        Ok(Value::object([
            ("profile", Value::string(secret.profile.as_str())),
            ("name", Value::string(secret.name.as_str())),
            ("version", version.map_or(Value::Null, |n| Value::Number(Number::Int(n)))),
        ]))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn call(id: &str) -> Result<Value, FunctionError> {
        ParseId.call(vec![Value::string(id)])
    }

    #[test]
    fn id_of_a_secret_has_no_version() {
        let parts = call("main/app/db").unwrap();
        assert_eq!(parts.get("profile").as_str(), Some("main"));
        assert_eq!(parts.get("name").as_str(), Some("app/db"));
        assert!(parts.get("version").is_null());
    }

    #[test]
    fn id_of_a_version_has_a_number() {
        let parts = call("main/app/db#12").unwrap();
        assert_eq!(parts.get("version"), &Value::Number(Number::Int(12)));
    }

    #[test]
    fn other_text_is_refused_with_the_form() {
        let error = call("db").unwrap_err();
        assert_eq!(error.argument, Some(0));
        assert!(error.message.contains("<profile>/<name>"), "{}", error.message);
        assert!(call("main/db#0").is_err());
    }
}
