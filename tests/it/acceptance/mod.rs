//! Acceptance: real Terraform and OpenTofu commands against the real provider.
//!
//! One file per subject. A case is a function over a workspace; `cases!` makes one test of it for
//! each CLI (`acceptance::secret::create::terraform_1_15`).

mod secret;
