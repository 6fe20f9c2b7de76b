//! The protocol-free part of the plugin layer: types, values, schemas, plans and object traits.
//!
//! Knows nothing of gRPC, protobuf or secrets; [`wire`](super::wire) translates to it and a
//! provider is written against it. Reading order: [`types`], [`value`], [`schema`], [`object`],
//! [`plan`], [`server`].

pub mod codec;
pub mod context;
pub mod convert;
pub mod diag;
pub mod guard;
pub mod number;
pub mod object;
pub mod path;
pub mod plan;
pub mod private;
pub mod schema;
pub mod schema_check;
pub mod server;
pub mod timeouts;
pub mod types;
pub mod validate;
pub mod validators;
pub mod value;
