//! What needs Terraform 1.14: the list resource of `terraform query`, and actions. An older CLI
//! and OpenTofu do not know them; the provider then works as if it had none.

use super::{head, stored};
use crate::support::cli::{Workspace, cases};

cases! {
    query_finds_secrets_and_writes_configuration
    actions_promote_and_roll_back
    recovering_by_action
    actions_that_cannot_work_say_why
    rotating_by_action
}

/// True for a CLI that knows queries and actions; for others, after seeing it refuse.
fn knows(workspace: &mut Workspace, command: &[&str]) -> bool {
    if !workspace.cli().is_tofu() && workspace.cli().version() >= (1, 14) {
        return true;
    }
    workspace.write("main.tf", &head(workspace));
    workspace.run(command).fails();
    false
}

const SECRETS: &str = r#"
resource "coffer_secret" "a" {
  name        = "app/a"
  value_wo    = "canary-query-one"
  description = "first"
  tags        = { team = "payments" }
}

resource "coffer_secret" "b" {
  name             = "app/b"
  basic_auth_wo    = { username = "u", password = "canary-query-two" }
}

resource "coffer_secret" "other" {
  name     = "other"
  value_wo = "canary-query-three"
}
"#;

fn query_finds_secrets_and_writes_configuration(workspace: &mut Workspace) {
    if !knows(workspace, &["query"]) {
        return;
    }
    let head = head(workspace);
    let owner = workspace.beside("owner");
    owner.write("main.tf", &format!("{head}{SECRETS}"));
    owner.apply(&[]).succeeds();

    workspace.write("main.tf", &head);
    workspace.write(
        "app.tfquery.hcl",
        "list \"coffer_secret\" \"app\" {\n  provider = coffer\n  include_resource = true\n  config {\n    name_glob = \"app/*\"\n  }\n}\n",
    );
    let found = workspace.run(&["query"]).succeeds();
    found.says("app/a").says("app/b").never_says("other").never_says("canary-query");

    workspace.run(&["query", "-generate-config-out=found.tf"]).succeeds();
    let written = workspace.read("found.tf");
    assert!(!written.contains("canary-query"), "{written}");
    assert!(written.contains("import {") && written.contains("first"), "{written}");
    workspace.plan(&[]).says("2 to import, 0 to add, 0 to change, 0 to destroy");
    workspace.apply(&[]).succeeds();
    workspace.plan(&[]).has_no_changes();

    let one = |config: &str| {
        format!(
            "list \"coffer_secret\" \"app\" {{\n  provider = coffer\n  config {{\n    {config}\n  }}\n}}\n"
        )
    };
    workspace.write("app.tfquery.hcl", &one("tags = { team = \"payments\" }"));
    workspace.run(&["query"]).succeeds().says("app/a").never_says("app/b");
    workspace.write("app.tfquery.hcl", &one("types = [\"basic_auth\"]"));
    workspace.run(&["query"]).succeeds().says("app/b").never_says("app/a");
    workspace.write("app.tfquery.hcl", &one("types = [\"basic\"]"));
    workspace.run(&["query"]).fails().says("Type of secret does not exist");
    workspace.write("app.tfquery.hcl", &one("profile = \"nowhere\""));
    workspace.run(&["query"]).fails().says("nowhere");
}

/// A secret with a current and a pending version, and all actions on it.
fn staged(workspace: &Workspace) {
    let head = head(workspace);
    workspace.write(
        "main.tf",
        &format!(
            r#"{head}
resource "coffer_secret" "a" {{
  name           = "app/a"
  value_wo       = "one"
  manage_content = "initial"
}}

resource "coffer_secret_version" "next" {{
  secret_id = coffer_secret.a.id
  value_wo  = "two"

  rotation_state = "pending"
}}

action "coffer_promote" "a" {{
  config {{
    secret_id = "main/app/a"
  }}
}}

action "coffer_promote" "first" {{
  config {{
    secret_id = "main/app/a"
    number    = 1
  }}
}}

action "coffer_rollback" "a" {{
  config {{
    secret_id = "main/app/a"
  }}
}}

action "coffer_recover" "a" {{
  config {{
    secret_id = "main/app/a"
  }}
}}
"#
        ),
    );
}

fn invoke(action: &str) -> [String; 1] {
    [format!("-invoke=action.{action}")]
}

fn actions_promote_and_roll_back(workspace: &mut Workspace) {
    if !knows(workspace, &["plan", "-invoke=action.coffer_promote.a"]) {
        return;
    }
    staged(workspace);
    workspace.apply(&[]).succeeds();
    assert_eq!(stored(workspace, "app/a"), "one");

    workspace.apply(&[&invoke("coffer_promote.a")[0]]).succeeds().says("Version 2 of main/app/a");
    assert_eq!(stored(workspace, "app/a"), "two");
    workspace.apply(&[&invoke("coffer_promote.a")[0]]).fails().says("no pending version");

    workspace.apply(&[&invoke("coffer_rollback.a")[0]]).succeeds().says("Version 1 of main/app/a");
    assert_eq!(stored(workspace, "app/a"), "one");
    // The version before that is the one it was rolled back from.
    workspace.apply(&[&invoke("coffer_rollback.a")[0]]).succeeds().says("Version 2 of main/app/a");
    assert_eq!(stored(workspace, "app/a"), "two");

    workspace.apply(&[&invoke("coffer_promote.first")[0]]).succeeds();
    assert_eq!(stored(workspace, "app/a"), "one");
    let state = workspace.read("terraform.tfstate");
    assert!(!state.contains("\"two\""), "{state}");
}

fn recovering_by_action(workspace: &mut Workspace) {
    if !knows(workspace, &["plan", "-invoke=action.coffer_recover.a"]) {
        return;
    }
    staged(workspace);
    workspace.apply(&[]).succeeds();
    workspace
        .apply(&[&invoke("coffer_recover.a")[0]])
        .succeeds()
        .says("main/app/a is in use already");
    workspace.destroy().succeeds();
    staged(workspace);
    workspace.apply(&[&invoke("coffer_recover.a")[0]]).succeeds().says("recovered");
    assert_eq!(stored(workspace, "app/a"), "one");
}

fn actions_that_cannot_work_say_why(workspace: &mut Workspace) {
    if !knows(workspace, &["plan", "-invoke=action.coffer_recover.a"]) {
        return;
    }
    staged(workspace);
    workspace.apply(&[&invoke("coffer_recover.a")[0]]).fails().says("Secret cannot be recovered");
    workspace.apply(&[&invoke("coffer_promote.a")[0]]).fails().says("not there");
    let wrong = workspace.read("main.tf").replace("main/app/a", "nowhere/app/a");
    workspace.write("main.tf", &wrong);
    workspace.run(&["plan", &invoke("coffer_promote.a")[0]]).fails().says("nowhere");
    let wrong = wrong.replace("nowhere/app/a", "app");
    workspace.write("main.tf", &wrong);
    workspace.run(&["validate"]).fails().says("secret_id");
}

fn rotating_by_action(workspace: &mut Workspace) {
    if !knows(workspace, &["plan", "-invoke=action.coffer_rotate.a"]) {
        return;
    }
    staged(workspace);
    let action = |name: &str, more: &str| {
        format!(
            "action \"coffer_rotate\" \"{name}\" {{\n  config {{\n    secret_id = \"main/app/a\"\n    \
             {more}\n  }}\n}}\n"
        )
    };
    let main = workspace.read("main.tf").replace("rotation_state = \"pending\"", "");
    let now = action("now", "generate = { kind = \"password\", length = 24 }");
    let later = action("later", "generate = { kind = \"uuid\" }\n    rotation_state = \"pending\"");
    workspace.write("main.tf", &format!("{main}{now}{later}"));
    workspace.apply(&[]).succeeds();
    assert_eq!(stored(workspace, "app/a"), "two");
    let said = workspace.apply(&[&invoke("coffer_rotate.now")[0]]).succeeds();
    let value = stored(workspace, "app/a");
    assert_eq!(value.len(), 24);
    said.says("Version 3 of main/app/a is current").never_says(&value);
    workspace.apply(&[&invoke("coffer_rotate.later")[0]]).succeeds().says("Version 4");
    assert_eq!(stored(workspace, "app/a"), value);
    workspace.apply(&[&invoke("coffer_promote.a")[0]]).succeeds();
    assert_eq!(stored(workspace, "app/a").len(), 36);
    workspace.plan(&[]).has_no_changes();
    let wrong = action("now", "generate = { kind = \"uuid\", length = 24 }");
    workspace.write("main.tf", &format!("{main}{wrong}"));
    workspace.run(&["plan", &invoke("coffer_rotate.now")[0]]).fails().says("generate.length");
}
