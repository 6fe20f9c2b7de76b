//! Acceptance: real Terraform and OpenTofu commands against the real provider.
//!
//! One file per subject. A case is a function over a workspace; `cases!` makes one test of it for
//! each CLI (`acceptance::secret::create::terraform_1_15`). Here is what the cases share: the
//! configuration they write and the somebody else who changes the vault behind their back.

use crate::support::cli::Workspace;
use crate::support::vault::Vault;

mod aws_secrets_manager;
mod azure_key_vault;
mod command_line;
mod deletion;
mod down;
mod drift;
mod generate;
mod import;
mod interrupt;
mod moved;
mod oci_vault;
mod old_client;
mod profiles;
mod query_and_actions;
mod reading;
mod secret;
mod source;
mod sync;
mod sync_remote;
mod sync_replicas;
mod sync_to;
mod sync_transforms;
mod types;
mod version;

/// The head of every configuration: the provider with one vault in the workspace's root, and an
/// ephemeral variable `value`.
fn head(workspace: &Workspace) -> String {
    let vault = workspace.root().join("vault.db");
    format!(
        r#"
terraform {{
  required_providers {{
    coffer = {{
      source = "coffer/coffer"
    }}
  }}
}}

provider "coffer" {{
  profiles = {{
    main = {{ embedded = {{ path = {vault:?} }} }}
  }}
}}

variable "value" {{
  type      = string
  ephemeral = true
  default   = null
}}
"#
    )
}

/// The configuration with one secret `coffer_secret.a`, named `app/a`, whose value is the
/// variable; `more` are further arguments.
fn one_secret(workspace: &Workspace, more: &str) -> String {
    let head = head(workspace);
    format!(
        r#"{head}
resource "coffer_secret" "a" {{
  name     = "app/a"
  value_wo = var.value
  {more}
}}
"#
    )
}

/// Writes the configuration with one secret and sets its value.
fn configure(workspace: &mut Workspace, value: &str, more: &str) {
    workspace.write("main.tf", &one_secret(workspace, more));
    workspace.env("TF_VAR_value", value);
}

/// Writes the configuration with one secret and applies it.
#[track_caller]
fn given(workspace: &mut Workspace, value: &str, more: &str) {
    configure(workspace, value, more);
    workspace.apply(&[]).succeeds();
}

/// Somebody else stores `value` under `app/a` in the same vault.
#[track_caller]
fn somebody_else_writes(workspace: &Workspace, value: &str) {
    let mut other = workspace.beside("somebody-else");
    given(&mut other, value, "on_existing = \"adopt\"\n  deletion_policy = \"retain\"");
}

/// What the vault holds under a name.
#[track_caller]
fn stored(workspace: &Workspace, name: &str) -> String {
    let path = workspace.root().join("vault.db");
    Vault::at(&path).value(name).unwrap_or_else(|| panic!("{name} cannot be read"))
}
