//! The toy's managed resource.

use std::sync::Arc;

use async_trait::async_trait;
use coffer::plugin::framework::context::Context;
use coffer::plugin::framework::diag::Diagnostics;
use coffer::plugin::framework::number::Number;
use coffer::plugin::framework::object::{
    ApplyRequest, DeleteRequest, ImportRequest, MoveRequest, MoveResponse, PlanRequest,
    PlanResponse, ReadRequest, Resource, StateResponse,
};
use coffer::plugin::framework::path::Path;
use coffer::plugin::framework::private::Private;
use coffer::plugin::framework::schema::{
    Attribute, Block, BlockNesting, ConfigValidator, Level, Nesting, Presence, Schema,
};
use coffer::plugin::framework::timeouts;
use coffer::plugin::framework::types::Type;
use coffer::plugin::framework::validators;
use coffer::plugin::framework::value::Value;
use serde_json::json;

use super::{SECRET, World};

#[derive(Debug)]
pub(super) struct Thing {
    pub(super) world: Arc<World>,
}

#[async_trait]
impl Resource for Thing {
    fn schema(&self) -> Schema {
        schema()
    }

    fn identity_schema(&self) -> Option<Schema> {
        let name = Attribute::required(Type::String, "Name.");
        let realm = Attribute::optional(Type::String, "Realm.");
        Some(Schema::new("").attribute("name", name).attribute("realm", realm))
    }

    async fn plan(&self, _: &Context, request: PlanRequest<'_>, response: &mut PlanResponse) {
        match request.config.get("plan_fault").as_str() {
            Some("panic") => panic!("{SECRET}"),
            Some("leak") => response.planned.set("secret_wo", Value::string(SECRET)),
            Some("misfit") => response.planned.set("id", Value::Bool(true)),
            Some("identity") => response.identity = Some(identity("another")),
            Some("dead path") => response.replace_because_of("nonsense"),
            Some("replace") => response.replace_because_of("secret_wo"),
            Some("error") => {
                let path = Path::attribute("plan_fault");
                response.diagnostics.error(path, "No such plan", "It was asked for.");
            }
            _ => {}
        }
        if request.planned_private.is_some() {
            self.world.note("planned private data came back");
        }
        response.private.set("planned", json!(true));
        plan_print(&request, response);
        if request.prior.is_none() && !request.config.get("name").is_unknown() {
            response.identity = request.config.get("name").as_str().map(identity);
        }
    }

    async fn plan_destroy(
        &self,
        _: &Context,
        prior: &Value,
        private: &Private,
        diags: &mut Diagnostics,
    ) {
        self.world.note(format!("plan to destroy, private {}", private.get("count").is_some()));
        if prior.get("fault").as_str() == Some("keep me") {
            diags.error(Path::root(), "It stays", "It wants to be kept.");
        }
    }

    async fn create(&self, ctx: &Context, request: ApplyRequest, response: &mut StateResponse) {
        let name = request.planned.get("name").as_str().unwrap_or_default().to_owned();
        let fault = request.planned.get("fault").as_str().unwrap_or_default().to_owned();
        match fault.as_str() {
            "wait" => {
                self.world.begun.notify_one();
                ctx.cancellation().cancelled().await;
                response.diagnostics.error(Path::root(), "Cancelled", "As was asked.");
            }
            "linger" => {
                self.world.begun.notify_one();
                tokio::time::sleep(std::time::Duration::from_millis(200)).await;
            }
            _ => {}
        }
        let mut state = settled(&request, 1);
        match fault.as_str() {
            "undecided" => state.set("id", Value::UNKNOWN),
            "misfit" => {
                state.set("id", Value::Bool(true));
                state.set("surplus", Value::Bool(true));
            }
            "leak" => {
                state.set("secret_wo", Value::string(SECRET));
                let login = [("user", Value::string(SECRET)), ("password", Value::Null)];
                state.set("login_wo", Value::object(login));
            }
            _ => {}
        }
        self.world.things.lock().unwrap().insert(name.clone(), state.clone());
        response.private.set("count", json!(1));
        response.private.remove("planned");
        response.state = Some(state);
        response.identity = Some(identity(&name));
        match fault.as_str() {
            "half" => {
                let leaking = response.state.as_mut().unwrap();
                leaking.set("secret_wo", Value::string(SECRET));
                leaking.set("revision", Value::UNKNOWN);
                response.diagnostics.error(Path::attribute("name"), "Half done", "No more.");
            }
            "panic" => panic!("{SECRET}"),
            "no state" => response.state = None,
            "no identity" => response.identity = None,
            "other identity" => response.identity = Some(identity("another")),
            "linger" => self.world.ended.notify_one(),
            _ => {}
        }
    }

    async fn read(&self, _: &Context, request: ReadRequest, response: &mut StateResponse) {
        let name = request.state.get("name").as_str().unwrap_or_default();
        match request.state.get("fault").as_str() {
            Some("read leak") => {
                let state = response.state.as_mut().unwrap();
                state.set("secret_wo", Value::string(SECRET));
            }
            Some("read error") => {
                response.diagnostics.error(Path::root(), "Not readable", "At the moment.");
            }
            Some("read identity") => response.identity = Some(identity("another")),
            _ => {}
        }
        match self.world.things.lock().unwrap().get(name) {
            None => response.state = None,
            Some(thing) if request.state.get("id").is_null() => {
                response.state = Some(thing.clone());
                response.identity = Some(identity(name));
            }
            Some(_) => {}
        }
    }

    async fn update(&self, _: &Context, request: ApplyRequest, response: &mut StateResponse) {
        let count = request.private.get("count").and_then(serde_json::Value::as_i64).unwrap_or(0);
        match request.planned.get("fault").as_str() {
            Some("update error") => {
                response.diagnostics.error(Path::root(), "Not now", "It is busy.");
                return;
            }
            Some("update none") => {
                response.state = None;
                return;
            }
            Some("update panic") => panic!("{SECRET}"),
            Some("update leak") => {
                response.state = Some(request.config);
                response.diagnostics.error(Path::root(), "Not now", "It is busy.");
                return;
            }
            _ => {}
        }
        let state = settled(&request, count + 1);
        let name = state.get("name").as_str().unwrap_or_default().to_owned();
        self.world.things.lock().unwrap().insert(name, state.clone());
        response.private.set("count", json!(count + 1));
        response.private.remove("planned");
        response.state = Some(state);
    }

    async fn delete(&self, _: &Context, request: DeleteRequest, response: &mut StateResponse) {
        if request.prior.get("fault").as_str() == Some("delete error") {
            response.diagnostics.error(Path::root(), "It clings", "Still there.");
            return;
        }
        let name = request.prior.get("name").as_str().unwrap_or_default();
        self.world.things.lock().unwrap().remove(name);
    }

    async fn import(&self, _: &Context, request: ImportRequest, response: &mut StateResponse) {
        let name = match &request {
            ImportRequest::Id(id) => id.as_str(),
            ImportRequest::Identity(identity) => identity.get("name").as_str().unwrap_or_default(),
        };
        match name {
            "nothing" => return,
            "undecided" => {
                response.state = Some(Value::object([("name", Value::UNKNOWN)]));
                return;
            }
            "panic" => panic!("{SECRET}"),
            _ => {}
        }
        let leak = if name == "leak" { Value::string(SECRET) } else { Value::Null };
        response.state = Some(Value::object([("name", Value::string(name)), ("secret_wo", leak)]));
    }

    async fn move_state(&self, _: &Context, request: MoveRequest, response: &mut MoveResponse) {
        if request.source_type == "other_thing" {
            let name = request.source_state["title"].as_str().unwrap_or_default();
            let secret = request.source_state["secret"].as_str().unwrap_or_default();
            response.state = Some(Value::object([
                ("name", Value::string(name)),
                ("secret_wo", Value::string(secret)),
            ]));
            response.identity = Some(identity(name));
            response.private.set("moved", json!(true));
        }
    }

    fn upgrade(
        &self,
        version: i64,
        mut state: serde_json::Value,
        diags: &mut Diagnostics,
    ) -> Option<serde_json::Value> {
        match version {
            1 => {
                let title = state.get_mut("title").map(serde_json::Value::take);
                state["name"] = title.unwrap_or_default();
                state["secret_wo"] = json!(SECRET);
                Some(state)
            }
            0 => panic!("{SECRET}"),
            _ => {
                diags.error(Path::root(), "Too old", "That version never existed.");
                None
            }
        }
    }
}

pub(super) fn schema() -> Schema {
    let part = [
        ("name", Attribute::required(Type::String, "Name.")),
        (
            "weight",
            Attribute::optional(Type::Number, "Weight.").default(Value::Number(1_i64.into())),
        ),
        ("serial", Attribute::computed(Type::String, "Serial number.").keeps_prior()),
        ("note", Attribute::optional_computed(Type::String, "Note.")),
    ];
    let login = [
        ("user", Attribute::optional(Type::String, "User.").write_only()),
        ("password", Attribute::optional(Type::String, "Password.").write_only()),
    ];
    let rule = Block::new(BlockNesting::List, "A rule.")
        .attribute("port", Attribute::required(Type::Number, "Port."))
        .attribute("uid", Attribute::computed(Type::String, "Id of the rule."));
    let hook = Block::new(BlockNesting::Set, "A hook.")
        .attribute("url", Attribute::required(Type::String, "Address."))
        .attribute("retries", Attribute::optional(Type::Number, "How often."));
    let nested = |nesting| Attribute::nested(nesting, Presence::Optional, part.clone(), "Parts.");
    let limit = [("max", Attribute::required(Type::Number, "Most."))];
    let limit = Attribute::nested(Nesting::Single, Presence::Optional, limit, "A limit.");
    let either = ["left", "right"].map(Path::attribute).to_vec();
    let mut schema = Schema::new("A thing.")
        .attribute("name", Attribute::required(Type::String, "Name.").replaces())
        .attribute("note", Attribute::optional(Type::String, "Note."))
        .attribute("mode", {
            let mode = Attribute::optional(Type::String, "Mode.").default(Value::string("plain"));
            mode.check(validators::one_of(&["plain", "fancy"]))
        })
        .attribute("size", Attribute::optional_computed(Type::Number, "Size."))
        .attribute("tags", Attribute::optional(Type::map(Type::String), "Tags."))
        .attribute("labels", Attribute::optional(Type::set(Type::String), "Labels."))
        .attribute("anything", Attribute::optional(Type::Dynamic, "Anything."))
        .attribute("fault", Attribute::optional(Type::String, "What goes wrong."))
        .attribute("plan_fault", Attribute::optional(Type::String, "What goes wrong in plans."))
        .attribute("left", Attribute::optional(Type::String, "Not with right."))
        .attribute("right", Attribute::optional(Type::String, "Not with left."))
        .attribute("secret_wo", Attribute::optional(Type::String, "Secret.").write_only())
        .attribute("login_wo", {
            let login = Attribute::nested(Nesting::Single, Presence::Optional, login, "Login.");
            login.write_only()
        })
        .attribute("limit", limit)
        .attribute("parts", nested(Nesting::List))
        .attribute("zones", nested(Nesting::Map))
        .attribute("bits", nested(Nesting::Set))
        .attribute("vault", {
            let key = Attribute::optional(Type::String, "Key.").write_only();
            let hint = Attribute::optional(Type::String, "Hint.");
            let content = [("key_wo", key), ("hint", hint)];
            Attribute::nested(Nesting::Map, Presence::Optional, content, "Vaults.")
        })
        .attribute("id", Attribute::computed(Type::String, "Id.").keeps_prior())
        .attribute("print", Attribute::computed(Type::String, "Print of the secret."))
        .attribute("revision", Attribute::computed(Type::Number, "How often written."))
        .attribute(timeouts::ATTRIBUTE, timeouts::attribute(&[timeouts::Operation::Create]))
        .block("rule", rule)
        .block("hook", hook)
        .rule(ConfigValidator::AtMostOneOf(either));
    schema.version = 2;
    schema
}

pub(super) fn identity(name: &str) -> Value {
    Value::object([("name", Value::string(name)), ("realm", Value::Null)])
}

/// A stand-in for a fingerprint; not secret for the toy's purposes.
fn print(secret: &str) -> String {
    let sum = secret.bytes().fold(7_u64, |sum, b| sum.wrapping_mul(31).wrapping_add(b.into()));
    format!("print-{sum:x}")
}

/// A new secret changes the print and the revision; without one nothing happens to them.
fn plan_print(request: &PlanRequest<'_>, response: &mut PlanResponse) {
    let Some(prior) = request.prior else { return };
    let secret = request.config.get("secret_wo");
    let same = match secret.as_str() {
        Some(secret) => prior.get("print").as_str() == Some(&print(secret)),
        None => !secret.is_unknown(),
    };
    if same {
        response.keep_prior(request, &["print"]);
    } else {
        response.mark_changed(request);
        response.mark_unknown(&["print", "revision"]);
    }
}

/// The planned object with all unknown parts decided.
fn settled(request: &ApplyRequest, revision: i64) -> Value {
    let mut state = request.planned.clone();
    decide(schema().level(), &mut state);
    let before = request.prior.as_ref().map_or(&Value::Null, |prior| prior.get("print"));
    if request.planned.get("print").is_unknown() {
        let now = request.config.get("secret_wo").as_str().map(|s| Value::string(print(s)));
        state.set("print", now.unwrap_or_else(|| before.clone()));
    }
    if request.planned.get("revision").is_unknown() {
        state.set("revision", Value::Number(Number::Int(revision)));
    }
    state
}

fn decide(level: Level<'_>, object: &mut Value) {
    let Value::Object(entries) = object else { return };
    for (name, attribute) in level.attributes {
        let Some(entry) = entries.get_mut(name) else { continue };
        if entry.is_unknown() {
            *entry = match attribute.value_type() {
                Type::Number => Value::Number(7_i64.into()),
                _ => Value::string(format!("made-{name}")),
            };
        }
    }
    for (name, _, inner) in level.nested() {
        match entries.get_mut(name) {
            Some(object @ Value::Object(_)) => decide(inner, object),
            Some(Value::List(items) | Value::Set(items)) => {
                items.iter_mut().for_each(|item| decide(inner, item));
            }
            Some(Value::Map(items)) => {
                items.values_mut().for_each(|item| decide(inner, item));
            }
            _ => {}
        }
    }
}
