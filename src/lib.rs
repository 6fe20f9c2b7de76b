//! coffer: a Terraform and OpenTofu provider that manages secrets in any vault and never lets a
//! value into state, plan or logs.
//!
//! Layers, from the outside in: [`provider`] maps configuration to use cases, [`engine`] runs
//! them, [`domain`] knows what a secret is, [`adapters`] talk to vaults, [`plugin`] speaks the
//! Terraform plugin protocol and knows nothing of secrets. `docs/internals/architecture.md` tells
//! what each may use; `tests/it/layers.rs` enforces it.

pub mod adapters;
pub mod domain;
pub mod engine;
pub mod plugin;
pub mod provider;
