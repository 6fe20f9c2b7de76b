//! Keeping copies of secrets in other vaults: what is to be done, decided without a value.
//!
//! [`naming`] proves that every key has a name of its own at the destination, [`plan`] compares
//! source, ledger and destination, [`owner`] says whose a copy is, [`route`] finds circles,
//! [`recipe`] makes a copy of one secret or several, [`standing`] tells what a copy is worth without
//! a ledger. All of it is pure: metadata and fingerprints come in, steps go out. Leaves reading and
//! writing to the engine.

mod json;
pub mod naming;
pub mod owner;
pub mod pem;
pub mod plan;
pub mod recipe;
pub mod route;
pub mod standing;
