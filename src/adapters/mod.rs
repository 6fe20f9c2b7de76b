//! Adapters: one folder per vault, each implementing the backend port.
//!
//! An adapter uses `domain` and, for remote vaults, `adapters/http` and `adapters/sign`; never
//! another backend, the provider, the engine or the plugin layer. [`catalog`] is the one list of
//! them, [`descriptor`] what a line of it says.

pub mod aws_secrets_manager;
pub mod azure_key_vault;
pub mod catalog;
pub mod descriptor;
pub mod embedded;
pub mod http;
pub mod oci_vault;
pub mod sign;
