//! Conversion between values and Rust types.
