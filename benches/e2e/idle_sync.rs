//! A sync that does nothing, with the schema and the results of `coffer_secret_sync`.
//!
//! What Terraform spends on an object with as many results, whoever provides it. Plans and answers
//! in the shape of the real one; how many copies there are at each destination comes in as the
//! number in `description`.

use async_trait::async_trait;
use coffer::plugin::framework::context::Context;
use coffer::plugin::framework::object::{
    ApplyRequest, DeleteRequest, PlanRequest, PlanResponse, ReadRequest, Resource, StateResponse,
};
use coffer::plugin::framework::schema::Schema;
use coffer::plugin::framework::value::Value;

const COMPUTED: &[&str] =
    &["id", "changes", "status", "last_synced_at", "last_message", "counts", "results"];
const TEXTS: [&str; 9] = [
    "key",
    "result",
    "class",
    "message",
    "remote_version",
    "fingerprint",
    "source_version",
    "source_fingerprint",
    "synced_at",
];
/// As long as an id or a print.
const TEXT: &str = "0123456789abcdef0123456789abcdef";

/// The resource.
#[derive(Debug)]
pub struct IdleSync(pub Schema);

#[async_trait]
impl Resource for IdleSync {
    fn schema(&self) -> Schema {
        self.0.clone()
    }

    async fn plan(&self, _: &Context, request: PlanRequest<'_>, response: &mut PlanResponse) {
        if request.prior.is_some() {
            return response.keep_prior(&request, COMPUTED);
        }
        response.mark_unknown(COMPUTED);
        let planned = &mut response.planned;
        planned.set("changes", copies(planned, || Value::string("create from app/secret")));
        planned.set("results", copies(planned, || Value::UNKNOWN));
    }

    async fn create(&self, _: &Context, request: ApplyRequest, response: &mut StateResponse) {
        let mut state = request.planned;
        for name in ["id", "status", "last_synced_at", "last_message"] {
            state.set(name, Value::string(TEXT));
        }
        state
            .set("counts", Value::Map([("synced".to_owned(), Value::Number(1_i64.into()))].into()));
        let result = || Value::object(TEXTS.map(|name| (name, Value::string(TEXT))));
        state.set("results", copies(&state, result));
        response.state = Some(state);
    }

    async fn read(&self, _: &Context, request: ReadRequest, response: &mut StateResponse) {
        let mut state = request.state;
        state.set("changes", Value::Map([].into()));
        response.state = Some(state);
    }

    async fn update(&self, _: &Context, request: ApplyRequest, response: &mut StateResponse) {
        response.state = Some(request.planned);
    }

    async fn delete(&self, _: &Context, _: DeleteRequest, _: &mut StateResponse) {}
}

/// Something for every copy at every destination.
fn copies(object: &Value, one: impl Fn() -> Value) -> Value {
    let count: usize = object.get("description").as_str().unwrap().parse().unwrap();
    let Value::Map(destinations) = object.get("destinations") else { panic!("a map") };
    let all = || (0..count).map(|i| (format!("app/secret-{i:04}"), one())).collect();
    Value::Map(destinations.keys().map(|label| (label.clone(), Value::Map(all()))).collect())
}
