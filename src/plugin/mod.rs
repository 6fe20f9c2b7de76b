//! The plugin layer: the Terraform plugin protocol 6 for providers written in Rust.
//!
//! Compiles without the rest of coffer (invariant I2). [`transport`] starts and secures the
//! process, [`wire`] translates protobuf messages, [`framework`] is what a provider sees.

pub mod framework;
pub mod transport;
pub mod wire;
