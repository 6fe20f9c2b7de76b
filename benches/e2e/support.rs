//! What the tests and this program share: servers, the Python with moto, the part of a client.

#[path = "../../tests/it/support/cli.rs"]
pub mod cli;
#[path = "../../tests/it/support/keys.rs"]
pub mod keys;
#[path = "../../tests/it/support/moto.rs"]
pub mod moto;
#[path = "../../tests/it/support/peer.rs"]
pub mod peer;
#[path = "../../tests/it/support/python.rs"]
pub mod python;
