//! AWS Secrets Manager: what only this backend has, beside the conformance and the acceptance suite.
//!
//! Sign-in is tried in child processes, because the vendor's chain reads the environment of the
//! process; the services that sign in are played by the test.

mod account;
mod child;
mod live;
mod sign_in;
