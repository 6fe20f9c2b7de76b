//! The integration tests, one binary: architecture, protocol, acceptance with real CLIs, leaks.

#![expect(
    clippy::unwrap_used,
    reason = "a test that cannot go on fails with the place and the error"
)]
#![expect(
    unreachable_pub,
    reason = "a test binary exports nothing; `pub` marks what modules share"
)]

mod acceptance;
mod apply;
mod aws_secrets_manager;
mod azure_key_vault;
mod conformance;
mod docs;
mod embedded;
mod examples;
mod fakes;
mod faults;
mod fuzz;
mod generated_keys;
mod guides;
mod handshake;
mod http_client;
mod layers;
mod leaks;
mod lifecycle;
mod memory;
mod oci_vault;
mod plan;
mod protocol;
mod provider;
mod rotation;
mod secret_protocol;
mod support;
mod throwaway_backend;
mod wire_numbers;
