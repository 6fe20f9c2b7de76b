//! From process start to gRPC: handshake, TLS, listener, side services, logging, the end.
//!
//! Knows nothing of providers: it serves any gRPC service ([`GrpcService`]) the way go-plugin
//! does. Who calls: `main.rs`, which asks [`decide`] how to start and then calls [`serve`] or
//! [`serve_debug`]. [`wire`](super::wire) provides the service.
//! Source: docs/internals/protocol.md, sections on environment, handshake, TLS and life cycle.

mod accept;
mod dispatch;
mod environment;
mod handshake;
pub mod harden;
mod listener;
pub mod logging;
mod panic;
mod reattach;
mod running;
mod server;
mod shutdown;
mod side;
mod tls;

pub use dispatch::GrpcService;
pub use environment::{
    COOKIE_NAME, COOKIE_VALUE, EnvironmentError, Launch, NETWORK_NAME, Network, PROTOCOL_VERSION,
    Start, decide,
};
pub use handshake::line as handshake_line;
pub use listener::Address;
pub use panic::catch as catch_panics;
pub use reattach::reattach_value;
pub use running::{Guard, Running};
pub use server::{Plugin, ServeError, serve, serve_debug};
pub use side::{health, proto};

/// The protocol version we speak, with its minor, for people and logs.
pub const PROTOCOL_MINOR: &str = "6.11";

/// Largest message we take. State can be large, and the default of tonic is 4 MiB.
pub const MAX_MESSAGE: usize = 256 << 20;
