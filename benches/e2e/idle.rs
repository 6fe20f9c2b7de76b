//! A provider that does nothing, with the schemas of `coffer_secret` and `coffer_secret_sync`.
//!
//! What Terraform spends on objects of that shape, whoever provides them: the second floor of the
//! comparison. The benchmark's own binary serves it when Terraform starts it as a plugin.

use std::collections::BTreeMap;
use std::sync::Arc;

use async_trait::async_trait;
use coffer::plugin::framework::context::Context;
use coffer::plugin::framework::diag::Diagnostics;
use coffer::plugin::framework::object::{
    ApplyRequest, ConfigureRequest, DeleteRequest, Provider, ReadRequest, Resource, StateResponse,
};
use coffer::plugin::framework::schema::Schema;
use coffer::plugin::framework::server::{Server, ServerInfo};
use coffer::plugin::framework::types::Type;
use coffer::plugin::framework::value::Value;
use coffer::plugin::transport::{Plugin, Running, Start, decide, serve};
use coffer::plugin::wire::ProviderService;
use coffer::provider::Coffer;

use super::idle_sync::IdleSync;

/// Serves when Terraform started this process; false when a person did.
pub fn serves() -> bool {
    let environment: BTreeMap<String, String> = std::env::vars().collect();
    let Ok(Start::Plugin(launch)) = decide(&environment, true) else { return false };
    let runtime =
        tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
    let served = runtime.block_on(async {
        let info = ServerInfo { name: "idle", version: "0.1.0" };
        let server = Arc::new(Server::new(Arc::new(Idle), info));
        let running = Running::new();
        let (counter, stopped) = (running.clone(), Arc::clone(&server));
        let service = ProviderService::new(server).counted_by(move || counter.begin());
        let stop = Box::new(move || stopped.stop());
        let service = service.into_server();
        serve(Plugin { service, running, stop, address: "coffer/idle" }, launch).await
    });
    runtime.shutdown_background();
    served.unwrap();
    true
}

#[derive(Debug)]
struct Idle;

#[async_trait]
impl Provider for Idle {
    fn schema(&self) -> Schema {
        Schema::new("Does nothing.")
    }

    async fn configure(&self, _: &Context, _: ConfigureRequest, _: &mut Diagnostics) {}

    fn resources(&self) -> Vec<(&'static str, Arc<dyn Resource>)> {
        let all: BTreeMap<_, _> = Coffer::new().resources().into_iter().collect();
        vec![
            ("idle_secret", Arc::new(Shaped(all["coffer_secret"].schema()))),
            ("idle_secret_sync", Arc::new(IdleSync(all["coffer_secret_sync"].schema()))),
        ]
    }
}

#[derive(Debug)]
struct Shaped(Schema);

#[async_trait]
impl Resource for Shaped {
    fn schema(&self) -> Schema {
        self.0.clone()
    }

    async fn create(&self, _: &Context, request: ApplyRequest, response: &mut StateResponse) {
        let mut state = request.planned;
        for (name, attribute) in &self.0.attributes {
            if state.get(name).is_unknown() {
                let decided = match attribute.value_type() {
                    Type::String => Value::string("0123456789abcdef0123456789abcdef"),
                    Type::Number => Value::Number(1_i64.into()),
                    _ => Value::Null,
                };
                state.set(name, decided);
            }
        }
        response.state = Some(state);
    }

    async fn read(&self, _: &Context, _: ReadRequest, _: &mut StateResponse) {}

    async fn update(&self, _: &Context, request: ApplyRequest, response: &mut StateResponse) {
        response.state = Some(request.planned);
    }

    async fn delete(&self, _: &Context, _: DeleteRequest, _: &mut StateResponse) {}
}
