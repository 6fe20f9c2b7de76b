//! THE list of backends: one line each (invariant I4).
//!
//! Provider schema, documentation, conformance tests and error texts follow from it.

use super::descriptor::Descriptor;
use super::{aws_secrets_manager, azure_key_vault, embedded, oci_vault};

/// Every backend, in the order of the documentation.
pub static BACKENDS: &[&Descriptor] = &[
    &embedded::DESCRIPTOR,
    &oci_vault::DESCRIPTOR,
    &azure_key_vault::DESCRIPTOR,
    &aws_secrets_manager::DESCRIPTOR,
];
