//! What the tests share: no test of its own, one file per kind of help.

pub mod canary;
pub mod cli;
pub mod peer;
pub mod rust_source;
