//! What a secret is: its names, types, canonical bytes, fingerprints, versions and states, and the
//! port through which a vault is used.
//!
//! Synchronous and deterministic: time and randomness are arguments, and nothing here touches
//! files, environment, network or a runtime (invariant I3). Reading order: [`material`], [`kind`],
//! [`canonical`], [`fingerprint`], [`secret`], [`version`], [`rotation`], [`ledger`], [`policy`],
//! [`limits`], [`port`], [`layout`], [`sync`].

pub mod canonical;
pub mod fingerprint;
pub mod generate;
pub mod glob;
pub mod key_schema;
pub mod kind;
pub mod layout;
pub mod ledger;
pub mod limits;
pub mod material;
pub mod policy;
pub mod port;
pub mod profile;
pub mod regexp;
pub mod rotation;
pub mod secret;
pub mod sync;
pub mod version;
