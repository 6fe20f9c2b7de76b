//! The integration tests, one binary: architecture, protocol, acceptance with real CLIs, leaks.

#![expect(
    unreachable_pub,
    reason = "a test binary exports nothing; `pub` marks what modules share"
)]

mod acceptance;
mod layers;
mod support;
mod wire_numbers;
