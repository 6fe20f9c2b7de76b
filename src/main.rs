//! The process: hardens itself, installs the wiping allocator and hands over to the command line.

use std::alloc::System;
use std::collections::BTreeMap;
use std::process::ExitCode;

use coffer::plugin::transport::{catch_panics, harden};
use zeroizing_alloc::ZeroAlloc;

mod cli;

/// Zeroes every heap block before it goes back to the system, whoever freed it (TLS and HTTP/2
/// buffers too). Growing a block is allocate, copy, zero, free: no old copy stays behind.
#[global_allocator]
static HEAP: ZeroAlloc<System> = ZeroAlloc(System);

fn main() -> ExitCode {
    // Variables that are not text cannot be meant for us.
    let environment: BTreeMap<String, String> = std::env::vars_os()
        .filter_map(|(name, value)| Some((name.into_string().ok()?, value.into_string().ok()?)))
        .collect();
    harden::harden(environment.get(harden::ALLOW_DUMPS_NAME).is_some_and(|v| v == "1"));
    catch_panics(cli::NAME, || cli::run(&environment)).unwrap_or(ExitCode::from(101))
}
