//! A provider with one object of every kind, and faults on demand.
//!
//! Exercises what the plugin layer offers: nested attributes and blocks of all kinds, defaults,
//! write-only values, identity, private data, replacement. What a `fault` attribute names goes
//! wrong. Keeps its things in memory.

mod objects;
mod thing;

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};

use async_trait::async_trait;
use coffer::plugin::framework::context::Context;
use coffer::plugin::framework::diag::Diagnostics;
use coffer::plugin::framework::object::{
    Action, ConfigureRequest, DataSource, EphemeralResource, Function, ListResource, Provider,
    Resource,
};
use coffer::plugin::framework::path::Path;
use coffer::plugin::framework::schema::{Attribute, Schema};
use coffer::plugin::framework::types::Type;
use coffer::plugin::framework::value::Value;
use tokio::sync::Notify;

/// The managed resource.
pub const THING: &str = "toy_thing";
/// The write-only value that tests look for where it must not be.
pub const SECRET: &str = "s3cr3t-canary-4711";

/// What the toy's objects share with the test.
#[derive(Debug, Default)]
pub struct World {
    /// Existing things by name.
    pub things: Mutex<BTreeMap<String, Value>>,
    /// Calls worth telling, in order.
    pub log: Mutex<Vec<String>>,
    /// Told when a slow call has begun.
    pub begun: Notify,
    /// Told when a slow call has ended.
    pub ended: Notify,
}

impl World {
    pub fn note(&self, text: impl Into<String>) {
        self.log.lock().unwrap().push(text.into());
    }

    pub fn notes(&self) -> Vec<String> {
        self.log.lock().unwrap().clone()
    }
}

/// The provider.
#[derive(Debug, Default)]
pub struct Toy {
    pub world: Arc<World>,
}

#[async_trait]
impl Provider for Toy {
    fn schema(&self) -> Schema {
        Schema::new("A toy.").attribute("mood", Attribute::optional(Type::String, "Its mood."))
    }

    async fn validate(&self, _ctx: &Context, config: &Value, diags: &mut Diagnostics) {
        if config.get("mood").as_str() == Some("bad") {
            diags.error(Path::attribute("mood"), "Invalid mood", "Moods must be good.");
        }
    }

    async fn configure(&self, _: &Context, request: ConfigureRequest, diags: &mut Diagnostics) {
        if request.config.get("mood").as_str() == Some("panic") {
            panic!("{SECRET}");
        }
        if request.config.get("mood").is_unknown() {
            diags.warning(Path::attribute("mood"), "The mood is unknown", "It will do.");
        }
        self.world.note(format!("configured by {}", request.terraform_version));
    }

    fn resources(&self) -> Vec<(&'static str, Arc<dyn Resource>)> {
        vec![(THING, Arc::new(thing::Thing { world: Arc::clone(&self.world) }))]
    }

    fn data_sources(&self) -> Vec<(&'static str, Arc<dyn DataSource>)> {
        vec![("toy_lookup", Arc::new(objects::Lookup))]
    }

    fn ephemeral_resources(&self) -> Vec<(&'static str, Arc<dyn EphemeralResource>)> {
        vec![("toy_token", Arc::new(objects::Token { world: Arc::clone(&self.world) }))]
    }

    fn functions(&self) -> Vec<(&'static str, Arc<dyn Function>)> {
        vec![("join", Arc::new(objects::Join))]
    }

    fn list_resources(&self) -> Vec<(&'static str, Arc<dyn ListResource>)> {
        vec![(THING, Arc::new(objects::Things))]
    }

    fn actions(&self) -> Vec<(&'static str, Arc<dyn Action>)> {
        vec![("toy_ping", Arc::new(objects::Ping { world: Arc::clone(&self.world) }))]
    }
}
