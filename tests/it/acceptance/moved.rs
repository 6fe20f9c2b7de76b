//! `moved`: from another name, and from the peers' types, where the secret is found in a vault of
//! ours by its name and the value in the old state is dropped.
//!
//! The old state is written by hand. The CLI wants a provider for everything in it; ours, installed
//! under the peer's name, is enough, because nothing is asked of it.

use super::{head, somebody_else_writes, stored};
use crate::support::cli::{Workspace, cases};

cases! {
    between_names_of_one_type
    from_the_peers
    from_a_peer_but_not_there
    from_a_type_nobody_knows
}

/// Type, provider, and state with the name of the secret and a value that must go.
const PEERS: &[(&str, &str, &str)] = &[
    (
        "aws_secretsmanager_secret",
        "hashicorp/aws",
        r#"{"id":"arn:aws:x","name":"app/a","description":"old-canary"}"#,
    ),
    (
        "azurerm_key_vault_secret",
        "hashicorp/azurerm",
        r#"{"id":"https://x","name":"app/a","value":"old-canary"}"#,
    ),
    (
        "vault_kv_secret_v2",
        "hashicorp/vault",
        r#"{"id":"x","name":"app/a","data_json":"old-canary"}"#,
    ),
    (
        "oci_vault_secret",
        "oracle/oci",
        r#"{"id":"ocid1.x","secret_name":"app/a","secret_content":[{"content":"old-canary"}]}"#,
    ),
    (
        "google_secret_manager_secret",
        "hashicorp/google",
        r#"{"id":"projects/x","secret_id":"app/a","labels":{"x":"old-canary"}}"#,
    ),
];

fn between_names_of_one_type(workspace: &mut Workspace) {
    let head = head(workspace);
    let resource = |name: &str| {
        format!(
            "\nresource \"coffer_secret\" \"{name}\" {{\n  name     = \"app/a\"\n  value_wo = var.value\n}}\n"
        )
    };
    workspace.write("main.tf", &format!("{head}{}", resource("old")));
    workspace.env("TF_VAR_value", "value");
    workspace.apply(&[]).succeeds();
    let moved = "\nmoved {\n  from = coffer_secret.old\n  to   = coffer_secret.new\n}\n";
    workspace.write("main.tf", &format!("{head}{}{moved}", resource("new")));
    workspace.apply(&[]).succeeds().says("0 added, 0 changed, 0 destroyed");
    assert_eq!(workspace.attribute("coffer_secret.new", "id"), "main/app/a");
    assert_eq!(stored(workspace, "app/a"), "value");
    workspace.plan(&[]).has_no_changes();
}

/// A state with an object of a peer, and a configuration that moves it.
fn of_peer(workspace: &Workspace, ty: &str, source: &str, attributes: &str) {
    workspace.pose_as(&[source]);
    let attributes: serde_json::Value = serde_json::from_str(attributes).unwrap();
    let state = serde_json::json!({
        "version": 4,
        "terraform_version": "1.11.0",
        "serial": 1,
        "lineage": "9e0d345b-42f6-2614-8249-e02007e56336",
        "outputs": {},
        "resources": [{
            "mode": "managed",
            "type": ty,
            "name": "old",
            "provider": workspace.address(source),
            "instances": [{ "schema_version": 0, "attributes": attributes }],
        }],
    });
    workspace.write("terraform.tfstate", &state.to_string());
    let head = head(workspace);
    workspace.write(
        "main.tf",
        &format!(
            r#"{head}
moved {{
  from = {ty}.old
  to   = coffer_secret.a
}}

resource "coffer_secret" "a" {{
  name     = "app/a"
  value_wo = var.value
}}
"#
        ),
    );
}

fn from_the_peers(workspace: &mut Workspace) {
    somebody_else_writes(workspace, "value");
    for (ty, source, attributes) in PEERS {
        of_peer(workspace, ty, source, attributes);
        workspace.env("TF_VAR_value", "value");
        workspace.plan(&["-refresh=false"]).fails().says("Moved secret was not looked at");
        workspace
            .run(&["plan", "-no-color"])
            .succeeds()
            .says(&format!("{ty}.old has moved to coffer_secret.a"))
            .says("0 to add, 0 to change, 0 to destroy");
        workspace.apply(&[]).succeeds().says("0 added, 0 changed, 0 destroyed");
        assert_eq!(workspace.attribute("coffer_secret.a", "id"), "main/app/a");
        assert!(!workspace.read("terraform.tfstate").contains("old-canary"), "{ty}");
        workspace.plan(&[]).has_no_changes();
        workspace.plan(&["-refresh=false"]).has_no_changes();
    }
    workspace.env("TF_VAR_value", "changed");
    workspace.apply(&[]).succeeds().says("1 changed");
    assert_eq!(stored(workspace, "app/a"), "changed");
}

fn from_a_peer_but_not_there(workspace: &mut Workspace) {
    let (ty, source, attributes) = PEERS[0];
    of_peer(workspace, ty, source, attributes);
    workspace.env("TF_VAR_value", "value");
    workspace.plan(&[]).fails().says("Moved secret was not found").says("default_profile");
}

fn from_a_type_nobody_knows(workspace: &mut Workspace) {
    of_peer(workspace, "example_secret", "example/example", r#"{"name":"app/a"}"#);
    workspace.plan(&[]).fails().says("example_secret");
}
