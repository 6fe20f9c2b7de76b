//! `coffer_secret` from creation to destruction, on the embedded vault.

use crate::support::cli::{Workspace, cases};

cases! {
    create
}

/// A configuration with one secret whose value comes from an ephemeral variable.
pub(super) fn one_secret(more: &str) -> String {
    format!(
        r#"
terraform {{
  required_providers {{
    coffer = {{ source = "coffer/coffer" }}
  }}
}}

provider "coffer" {{}}

variable "value" {{
  type      = string
  ephemeral = true
}}

resource "coffer_secret" "a" {{
  name     = "app/password"
  value_wo = var.value
  {more}
}}
"#
    )
}

fn create(workspace: &mut Workspace) {
    workspace.write("main.tf", &one_secret(""));
    workspace.env("TF_VAR_value", "correct horse battery staple");
    workspace.apply(&[]).succeeds().says("1 added, 0 changed, 0 destroyed");
    assert_eq!(workspace.attribute("coffer_secret.a", "id"), "local/app/password");
    assert_eq!(workspace.attribute("coffer_secret.a", "version"), "1");
    assert_eq!(workspace.attribute("coffer_secret.a", "value_wo"), "null");
    assert!(workspace.attribute("coffer_secret.a", "fingerprint").starts_with("cfp1.h2."));
    workspace.plan(&[]).is_empty_plan();
}
