//! Translates between protobuf messages and the framework's model, one file per RPC family.
//!
//! [`ProviderService`] is the gRPC service of a [`Server`](super::framework::server::Server).
//! [`proto`] is the generated code of `proto/tfplugin6.proto`; nothing outside this folder sees it
//! (tests excepted, which play the client). The experimental state-store group of the protocol is
//! not compiled in, so gRPC answers those calls with Unimplemented.

mod action;
mod change;
mod config;
mod data;
mod ephemeral;
mod function;
mod list;
mod message;
mod metadata;
mod resource;
mod schema;
mod service;
mod subject;
mod takeover;

pub use service::ProviderService;

/// Generated messages, server trait and client of protocol 6.11.
#[allow(
    missing_docs,
    missing_debug_implementations,
    unreachable_pub,
    clippy::pedantic,
    clippy::all,
    reason = "generated code"
)]
pub mod proto {
    tonic::include_proto!("tfplugin6");

    /// Shows how much there is, never what.
    impl std::fmt::Debug for DynamicValue {
        fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
            write!(
                f,
                "DynamicValue(msgpack: {} bytes, json: {} bytes)",
                self.msgpack.len(),
                self.json.len()
            )
        }
    }

    /// Shows how much there is, never what.
    impl std::fmt::Debug for RawState {
        fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
            write!(
                f,
                "RawState(json: {} bytes, flatmap: {} keys)",
                self.json.len(),
                self.flatmap.len()
            )
        }
    }
}
