//! Function `render_key`: the name that a key schema gives a secret at a destination.

use crate::domain::key_schema::{InvalidSchema, KeySchema, Placeholder, Values};
use crate::plugin::framework::object::{Function, FunctionError, Parameter, Signature};
use crate::plugin::framework::types::Type;
use crate::plugin::framework::value::Value;

/// `render_key(schema, key, placeholders) -> name`
#[derive(Debug)]
pub(super) struct RenderKey;

impl Function for RenderKey {
    fn signature(&self) -> Signature {
        let parameter = |name, ty, description: &str, allow_null| Parameter {
            name,
            ty,
            description: description.to_owned(),
            allow_null,
            allow_unknown: false,
        };
        Signature {
            summary: "Renders the name of a secret at a destination".to_owned(),
            description: format!(
                "A key schema is a text with `{{{{secretKey}}}}` exactly once, and perhaps further \
                 placeholders: {}. The result is the name that a sync with this schema gives the \
                 secret.",
                Placeholder::ALL.map(|p| format!("`{p}`")).join(", ")
            ),
            parameters: vec![
                parameter("schema", Type::String, "The key schema.", false),
                parameter("key", Type::String, "Name of the secret in its source.", false),
                parameter(
                    "placeholders",
                    Type::map(Type::String),
                    "What the further placeholders stand for, by name without braces; may be null \
                     or empty.",
                    true,
                ),
            ],
            variadic: None,
            result: Type::String,
        }
    }

    fn call(&self, arguments: Vec<Value>) -> Result<Value, FunctionError> {
        // The command line tool ends the sentence.
        let wrong = |argument, message: String| FunctionError { message, argument: Some(argument) };
        let text = |place: usize| arguments.get(place).and_then(Value::as_str).unwrap_or_default();
        let schema: KeySchema =
            text(0).parse().map_err(|e: InvalidSchema| wrong(0, e.to_string()))?;
        let values = placeholders(arguments.get(2)).map_err(|message| wrong(2, message))?;
        if let Some(missing) = schema.placeholders().find(|p| !values.contains_key(p)) {
            return Err(wrong(2, format!("the schema uses {missing}, which has no value here")));
        }
        let name = schema.render(text(1), &values).map_err(|e| wrong(1, e.to_string()))?;
        Ok(Value::string(name.as_str()))
    }
}

fn placeholders(map: Option<&Value>) -> Result<Values, String> {
    let Some(Value::Map(entries)) = map else { return Ok(Values::new()) };
    let mut values = Values::new();
    for (name, value) in entries {
        let placeholder =
            Placeholder::ALL.into_iter().find(|p| p.name() == name).ok_or_else(|| {
                let known = Placeholder::ALL.map(Placeholder::name).join(", ");
                format!("there is no placeholder {name:?}; known ones: {known}")
            })?;
        let text = value.as_str().ok_or_else(|| format!("the value of {name:?} is null"))?;
        values.insert(placeholder, text.to_owned());
    }
    Ok(values)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn call(schema: &str, key: &str, values: &[(&str, &str)]) -> Result<Value, FunctionError> {
        let map = values.iter().map(|(k, v)| ((*k).to_owned(), Value::string(*v))).collect();
        RenderKey.call(vec![Value::string(schema), Value::string(key), Value::Map(map)])
    }

    #[test]
    fn schema_is_rendered() {
        let name = call("{{environment}}-{{secretKey}}", "db", &[("environment", "prod")]).unwrap();
        assert_eq!(name.as_str(), Some("prod-db"));
        let none = vec![Value::string("x/{{secretKey}}"), Value::string("db"), Value::Null];
        assert_eq!(RenderKey.call(none).unwrap().as_str(), Some("x/db"));
    }

    #[test]
    fn each_mistake_is_told_at_its_argument() {
        assert_eq!(call("fixed", "db", &[]).unwrap_err().argument, Some(0));
        assert_eq!(call("{{secretKey}}", "", &[]).unwrap_err().argument, Some(1));
        assert_eq!(call("{{type}}{{secretKey}}", "db", &[]).unwrap_err().argument, Some(2));
        assert_eq!(
            call("{{secretKey}}", "db", &[("enviroment", "x")]).unwrap_err().argument,
            Some(2)
        );
    }
}
