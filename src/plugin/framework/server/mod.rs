//! Dispatch by type name: decode, validate or plan, call, guard, encode.
//!
//! Responsible for everything between the wire and a provider's objects, one file per object kind,
//! without a protobuf type. Every method answers; problems are diagnostics. Leaves protobuf to
//! [`wire`](crate::plugin::wire) and starting the process to
//! [`transport`](crate::plugin::transport). Source: the protocol's RPC catalogue.

mod action;
mod apply;
mod call;
mod catalogue;
mod config;
mod data_source;
mod ephemeral;
mod exchange;
mod function;
mod identity;
mod import;
mod list;
mod plan;
mod resource;

use std::sync::Arc;

pub use apply::ApplyCall;
pub use catalogue::{Catalogue, FunctionEntry, ObjectEntry, ResourceEntry};
pub use ephemeral::{OpenAnswer, RenewAnswer};
pub use exchange::{ClientCapabilities, Encoded, StateAnswer, StoredState, ValueAnswer};
pub use import::{ImportCall, MoveCall};
pub use list::ListedAnswer;
pub use plan::{PlanAnswer, PlanCall};
pub use resource::ReadCall;

use super::object::Provider;
use super::schema_check::Problem;
use call::Calls;

/// What the server says about itself.
#[derive(Debug, Clone)]
pub struct ServerInfo {
    /// Provider type name, the prefix of all its types (`coffer`).
    pub name: &'static str,
    /// Version of the provider.
    pub version: &'static str,
}

/// A provider, ready to be called.
#[derive(Debug)]
pub struct Server {
    info: ServerInfo,
    provider: Arc<dyn Provider>,
    catalogue: Catalogue,
    calls: Calls,
}

impl Server {
    /// Takes a provider and builds its schemas, once.
    #[must_use]
    pub fn new(provider: Arc<dyn Provider>, info: ServerInfo) -> Self {
        let catalogue = Catalogue::new(&*provider);
        Self { info, provider, catalogue, calls: Calls::default() }
    }

    /// Name and version of the provider.
    #[must_use]
    pub const fn info(&self) -> &ServerInfo {
        &self.info
    }

    /// The objects and their schemas.
    #[must_use]
    pub const fn catalogue(&self) -> &Catalogue {
        &self.catalogue
    }

    /// What core would refuse about the schemas, with the object it is about. Empty for a provider
    /// that works; checked by a test of every provider and at debug start.
    #[must_use]
    pub fn schema_problems(&self) -> Vec<(String, Problem)> {
        self.catalogue.problems()
    }

    /// Cancels all running calls (StopProvider). Later calls are not affected.
    pub fn stop(&self) {
        self.calls.cancel_all();
    }
}
