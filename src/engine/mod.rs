//! Use cases over a vault: create, refresh, change, move, remove and read a secret.
//!
//! Asynchronous and free of protocols: it knows the backend port and the domain, not Terraform and
//! not HTTP. Each use case says truthfully what is in the vault when it ends, also when it ends
//! with a failure. Reading order: [`context`], [`vault`], [`keys`], [`existing`], [`secret`],
//! [`seen`], [`refresh`], [`relocate`], [`remove`], [`version`],
//! [`sync`].

pub mod before;
pub mod context;
pub mod existing;
pub mod failure;
pub mod keys;
pub mod list;
mod outage;
pub mod refresh;
pub mod relocate;
pub mod remove;
pub mod secret;
pub mod seen;
pub mod sync;
pub mod vault;
pub mod version;

#[cfg(test)]
pub(crate) mod testing;
#[cfg(test)]
mod tests;
