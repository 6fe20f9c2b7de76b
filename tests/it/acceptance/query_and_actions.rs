//! What needs Terraform 1.14: the list resource of `terraform query`, and actions. An older CLI
//! and OpenTofu do not know them; the provider then works as if it had none.

use super::{head, stored};
use crate::support::cli::{Workspace, cases};
use crate::support::vault::Vault;

cases! {
    query_finds_secrets_and_writes_configuration
    actions_promote_and_roll_back
    recovering_by_action
    actions_that_cannot_work_say_why
    rotating_by_action
    syncing_by_action
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

const SYNCED: &str = r#"
terraform {
  required_providers {
    coffer = {
      source = "coffer/coffer"
    }
  }
}

provider "coffer" {
  default_profile = "main"
  profiles = {
    main = { embedded = { path = "main.db" } }
    two  = { embedded = { path = "two.db" } }
  }
}

resource "coffer_secret" "db" {
  name     = "db"
  value_wo = "canary-ONE"
}

resource "coffer_secret" "api" {
  name     = "api"
  value_wo = "canary-two"
}

resource "coffer_secret" "theirs" {
  profile  = "two"
  name     = "theirs"
  value_wo = "canary-theirs"
}

action "coffer_sync" "now" {
  config {
    name         = "prod"
    source       = { names = ["**"] }
    destinations = { second = { profile = "two", map = { api = "API" } } }
  }
}
"#;

/// Runs without a state, updates its own, and leaves what a resource of the name wrote its own.
fn syncing_by_action(workspace: &mut Workspace) {
    if !knows(workspace, &["plan", "-invoke=action.coffer_sync.now"]) {
        return;
    }
    let now = "-invoke=action.coffer_sync.now";
    workspace.write("main.tf", SYNCED);
    workspace.apply(&[]).succeeds();
    let path = workspace.file("two.db");
    let copy = |name: &str| Vault::at(&path).value(name);
    workspace.apply(&[now]).succeeds().says("second: 2 created, 0 updated").never_says("canary-");
    assert_eq!(
        (copy("db").as_deref(), copy("API").as_deref()),
        (Some("canary-ONE"), Some("canary-two"))
    );
    workspace.apply(&[now]).succeeds().says("0 created, 0 updated, 0 adopted, 2 as they should be");
    // Only what changed, in a secret that the action wrote itself.
    let changed = SYNCED.replace("ONE", "new");
    workspace.write("main.tf", &changed);
    workspace.apply(&[]).succeeds();
    workspace.apply(&[now]).succeeds().says("0 created, 1 updated, 0 adopted, 1 as they should be");
    assert_eq!(copy("db").as_deref(), Some("canary-new"));
    // Somebody else's secret, and one that has no source any more, stay.
    let taken = changed
        .replace("map = { api = \"API\" }", "map = { api = \"theirs\" }")
        .replace("names = [\"**\"]", "names = [\"api\"]");
    workspace.write("main.tf", &taken);
    let said = workspace.apply(&[now]).succeeds();
    said.says("1 left alone").says("conflict: not written by this sync");
    assert_eq!(copy("theirs").as_deref(), Some("canary-theirs"));
    assert_eq!(copy("db").as_deref(), Some("canary-new"));
    // A resource of the name takes the copies over; the action then works for it.
    let sync = r#"
resource "coffer_secret_sync" "s" {
  name         = "prod"
  source       = { names = ["**"] }
  destinations = { second = { profile = "two", map = { api = "API" } } }
}
"#;
    workspace.write("main.tf", &(changed.clone() + sync));
    workspace.plan(&[]).has_changes().says("\"adopt from api, source version");
    workspace.apply(&[]).succeeds();
    let later = SYNCED.replace("ONE", "later") + sync;
    let later = later.replace(
        "  name         = \"prod\"\n  source",
        "  name         = \"prod\"\n  auto_sync    = false\n  source",
    );
    workspace.write("main.tf", &later);
    workspace.apply(&[]).succeeds();
    workspace.apply(&[now]).succeeds().says("1 updated");
    assert_eq!(copy("db").as_deref(), Some("canary-later"));
    workspace.write("main.tf", &later.replace("auto_sync    = false", "auto_sync    = true"));
    workspace.plan(&[]).has_changes().says("\"record\"").never_says("\"update");
    workspace.apply(&[]).succeeds();
    workspace.plan(&[]).has_no_changes();
    // What cannot work is told by the plan.
    for (wrong, right, says) in [
        ("profile = \"nowhere\"", "profile = \"two\", map = { api = \"API\" }", "nowhere"),
        ("source       = {}", "source       = { names = [\"**\"] }", "Nothing is selected"),
        ("name         = \"Prod\"", "name         = \"prod\"", "small letters"),
    ] {
        assert!(SYNCED.contains(right));
        workspace.write("main.tf", &SYNCED.replace(right, wrong));
        workspace.run(&["plan", now]).fails().says(says);
    }
}
