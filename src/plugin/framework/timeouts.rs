//! The `timeouts` attribute.
