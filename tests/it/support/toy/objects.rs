//! The toy's other objects: data source, ephemeral resource, function, list, action.

use std::sync::Arc;

use async_trait::async_trait;
use coffer::plugin::framework::context::Context;
use coffer::plugin::framework::diag::Diagnostics;
use coffer::plugin::framework::object::{
    Action, DataSource, EphemeralResource, Function, FunctionError, ListResource, Listed, Opened,
    Parameter, Renewed, Signature,
};
use coffer::plugin::framework::path::Path;
use coffer::plugin::framework::private::Private;
use coffer::plugin::framework::schema::{Attribute, Schema};
use coffer::plugin::framework::types::Type;
use coffer::plugin::framework::value::Value;
use serde_json::json;

use super::{SECRET, World, thing};

#[derive(Debug)]
pub(super) struct Lookup;

#[async_trait]
impl DataSource for Lookup {
    fn schema(&self) -> Schema {
        Schema::new("Looks up.")
            .attribute("name", Attribute::required(Type::String, "Name."))
            .attribute("length", Attribute::computed(Type::Number, "Its length."))
    }

    async fn read(&self, _: &Context, config: Value, diags: &mut Diagnostics) -> Option<Value> {
        let name = config.get("name").as_str()?.to_owned();
        let length = i64::try_from(name.len()).unwrap();
        match name.as_str() {
            "nothing" => return None,
            "panic" => panic!("{SECRET}"),
            "error" => diags.error(Path::attribute("name"), "Not found", "Nowhere."),
            _ => {}
        }
        let mut state = config;
        state.set("length", Value::Number(length.into()));
        if name == "undecided" {
            state.set("length", Value::UNKNOWN);
        }
        Some(state)
    }
}

#[derive(Debug)]
pub(super) struct Token {
    pub(super) world: Arc<World>,
}

#[async_trait]
impl EphemeralResource for Token {
    fn schema(&self) -> Schema {
        Schema::new("A token.")
            .attribute("audience", Attribute::required(Type::String, "For whom."))
            .attribute("token", Attribute::computed(Type::String, "The token.").sensitive())
    }

    async fn open(&self, _: &Context, config: Value, _: &mut Diagnostics) -> Option<Opened> {
        match config.get("audience").as_str() {
            Some("nobody") => return None,
            Some("panic") => panic!("{SECRET}"),
            _ => {}
        }
        let mut private = Private::default();
        private.set("lease", json!(1));
        let result = Value::object([("token", Value::string(SECRET))]);
        Some(Opened { result, private, renew_at: Some(1_900_000_000) })
    }

    async fn renew(
        &self,
        _: &Context,
        mut private: Private,
        _: &mut Diagnostics,
    ) -> Option<Renewed> {
        let lease = private.get("lease")?.as_i64()?;
        private.set("lease", json!(lease + 1));
        (lease < 3).then(|| Renewed { private, renew_at: (lease < 2).then_some(1_900_000_060) })
    }

    async fn close(&self, _: &Context, private: Private, _: &mut Diagnostics) {
        self.world.note(format!("closed lease {}", private.get("lease").unwrap_or(&json!(null))));
    }
}

#[derive(Debug)]
pub(super) struct Join;

impl Function for Join {
    fn signature(&self) -> Signature {
        let parameter = |name, ty, allow_null| Parameter {
            name,
            ty,
            description: "Something.".to_owned(),
            allow_null,
            allow_unknown: false,
        };
        Signature {
            summary: "Joins.".to_owned(),
            description: "Joins texts.".to_owned(),
            parameters: vec![parameter("separator", Type::String, false)],
            variadic: Some(parameter("texts", Type::String, true)),
            result: Type::String,
        }
    }

    fn call(&self, arguments: Vec<Value>) -> Result<Value, FunctionError> {
        let (separator, texts) = arguments.split_first().unwrap();
        match separator.as_str() {
            Some("panic") => panic!("{SECRET}"),
            Some("fail") => {
                let message = "that separator is not liked".to_owned();
                return Err(FunctionError { message, argument: Some(0) });
            }
            Some("misfit") => return Ok(Value::Bool(true)),
            _ => {}
        }
        let texts: Vec<_> = texts.iter().filter_map(Value::as_str).collect();
        Ok(Value::string(texts.join(separator.as_str().unwrap_or_default())))
    }
}

#[derive(Debug)]
pub(super) struct Things;

#[async_trait]
impl ListResource for Things {
    fn schema(&self) -> Schema {
        Schema::new("Things.")
            .attribute("prefix", Attribute::optional(Type::String, "Start of the name."))
    }

    async fn list(
        &self,
        _: &Context,
        config: Value,
        include_resource: bool,
        emit: &mut (dyn FnMut(Listed) -> bool + Send),
        diags: &mut Diagnostics,
    ) {
        let prefix = config.get("prefix").as_str().unwrap_or("thing");
        for number in 0..5 {
            let name = format!("{prefix}{number}");
            let state = Value::object([
                ("name", Value::string(name.as_str())),
                ("secret_wo", Value::string(SECRET)),
            ]);
            let listed = Listed {
                identity: thing::identity(&name),
                display_name: name,
                resource: include_resource.then_some(state),
            };
            if !emit(listed) {
                return;
            }
        }
        if prefix == "broken" {
            diags.error(Path::root(), "That is not all", "The rest is out of reach.");
        }
    }
}

#[derive(Debug)]
pub(super) struct Ping {
    pub(super) world: Arc<World>,
}

#[async_trait]
impl Action for Ping {
    fn schema(&self) -> Schema {
        Schema::new("Pings.")
            .attribute("host", Attribute::required(Type::String, "Whom."))
            .attribute("key_wo", Attribute::optional(Type::String, "Key.").write_only())
    }

    async fn plan(&self, _: &Context, config: &Value, diags: &mut Diagnostics) {
        if config.get("host").as_str() == Some("nowhere") {
            diags.error(Path::attribute("host"), "No such host", "It is nowhere.");
        }
    }

    async fn invoke(
        &self,
        _: &Context,
        config: Value,
        progress: &mut (dyn FnMut(String) + Send),
        diags: &mut Diagnostics,
    ) {
        progress("asking".to_owned());
        match config.get("host").as_str() {
            Some("panic") => panic!("{SECRET}"),
            Some("deaf") => diags.error(Path::attribute("host"), "No answer", "It is deaf."),
            Some("slow") => {
                self.world.begun.notify_one();
                tokio::time::sleep(std::time::Duration::from_millis(200)).await;
                self.world.ended.notify_one();
            }
            _ => progress("answered".to_owned()),
        }
    }
}
