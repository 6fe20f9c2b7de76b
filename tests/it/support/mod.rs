//! What the tests share: no test of its own, one file per kind of help.

pub mod canary;
pub mod cli;
pub mod core;
pub mod core_checks;
pub mod core_proposal;
pub mod core_schema;
pub mod fault_proxy;
pub mod faulty;
pub mod http1;
pub mod in_process;
pub mod keys;
pub mod moto;
pub mod peer;
pub mod python;
pub mod rust_source;
pub mod scripted;
pub mod toy;
pub mod vault;
