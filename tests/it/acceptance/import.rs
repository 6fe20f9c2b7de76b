//! Taking over what exists: by block, by command, by identity, with generated configuration.

use super::{given, head, one_secret, somebody_else_writes, stored};
use crate::support::cli::{Workspace, cases};

cases! {
    by_command
    by_block
    by_identity
    with_generated_configuration
    wrong_ids
}

/// A configuration that takes over `app/a` without saying anything of its content.
fn importing(workspace: &Workspace, target: &str) -> String {
    let head = head(workspace);
    format!(
        r#"{head}
import {{
  to = coffer_secret.a
  {target}
}}

resource "coffer_secret" "a" {{
  name = "app/a"
}}
"#
    )
}

#[track_caller]
fn is_taken_over(workspace: &mut Workspace) {
    assert_eq!(workspace.attribute("coffer_secret.a", "id"), "main/app/a");
    assert!(workspace.attribute("coffer_secret.a", "fingerprint").starts_with("cfp1."));
    assert_eq!(workspace.attribute("coffer_secret.a", "version"), "1");
    workspace.plan(&[]).has_no_changes();
    // The same content from now on by configuration: nothing to do. Another: one change.
    workspace.write("main.tf", &one_secret(workspace, ""));
    workspace.env("TF_VAR_value", "theirs");
    workspace.plan(&[]).has_no_changes();
    workspace.env("TF_VAR_value", "ours");
    workspace.apply(&[]).succeeds().says("1 changed");
    assert_eq!(stored(workspace, "app/a"), "ours");
    workspace.plan(&[]).has_no_changes();
}

fn by_command(workspace: &mut Workspace) {
    somebody_else_writes(workspace, "theirs");
    let text = importing(workspace, "id = \"unused\"");
    let without_block: String = [
        text.split("import {").next().unwrap_or_default(),
        "resource \"coffer_secret\" \"a\" {\n  name = \"app/a\"\n}\n",
    ]
    .concat();
    workspace.write("main.tf", &without_block);
    workspace.run(&["import", "-no-color", "coffer_secret.a", "main/app/a"]).succeeds();
    is_taken_over(workspace);
}

fn by_block(workspace: &mut Workspace) {
    somebody_else_writes(workspace, "theirs");
    workspace.write("main.tf", &importing(workspace, "id = \"main/app/a\""));
    workspace.plan(&[]).has_changes().says("1 to import, 0 to add, 0 to change, 0 to destroy");
    workspace.apply(&[]).succeeds().says("1 imported, 0 added, 0 changed");
    is_taken_over(workspace);
}

fn by_identity(workspace: &mut Workspace) {
    if workspace.cli().is_tofu() || workspace.cli().version() < (1, 12) {
        // Identity came with Terraform 1.12; an older one says that it does not know it.
        workspace.write("main.tf", &importing(workspace, "identity = {}"));
        workspace.plan(&[]).fails();
        return;
    }
    somebody_else_writes(workspace, "theirs");
    let target = "identity = {\n    profile = \"main\"\n    name    = \"app/a\"\n  }";
    workspace.write("main.tf", &importing(workspace, target));
    workspace.apply(&[]).succeeds().says("1 imported, 0 added, 0 changed");
    is_taken_over(workspace);
}

fn with_generated_configuration(workspace: &mut Workspace) {
    somebody_else_writes(workspace, "theirs");
    let head = head(workspace);
    let block = format!("{head}\nimport {{\n  to = coffer_secret.a\n  id = \"main/app/a\"\n}}\n");
    workspace.write("main.tf", &block);
    workspace.plan(&["-generate-config-out=generated.tf"]).has_changes().says("1 to import");
    let generated = workspace.read("generated.tf");
    assert!(generated.contains("\"app/a\""), "{generated}");
    assert!(!generated.contains("theirs"), "{generated}");
    workspace.apply(&[]).succeeds().says("1 imported, 0 added, 0 changed");
    workspace.plan(&[]).has_no_changes();
    assert_eq!(stored(workspace, "app/a"), "theirs");
}

fn wrong_ids(workspace: &mut Workspace) {
    given(workspace, "value", "");
    let head = head(workspace);
    workspace.write(
        "main.tf",
        &format!("{head}\nresource \"coffer_secret\" \"b\" {{\n  name = \"b\"\n}}\n"),
    );
    for id in ["", "no-slash", "nowhere/app/a", "main/", "main/not-there"] {
        workspace.run(&["import", "-no-color", "coffer_secret.b", id]).fails();
    }
}
