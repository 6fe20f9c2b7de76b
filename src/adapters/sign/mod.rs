//! Request signatures that are not one backend's own business.
//!
//! Pure functions from a request and a key to headers; time comes in as an argument. Each scheme
//! has its vendor's known-answer vectors beside it.

pub mod http_signature;
