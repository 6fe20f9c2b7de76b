//! `coffer_secret_sync`: plans that tell, copies, drift, conflicts, removals, partial failures.

use crate::support::cli::{Workspace, cases};
use crate::support::vault::Vault;

cases! {
    copies_in_the_run_that_makes_the_sources
    only_changes_are_copied_and_told
    source_changed_in_the_same_run_is_copied_in_it
    orphans_go_as_the_policy_says
    foreign_secrets_are_left_alone_until_adopted
    seeded_request
    broken_destination_leaves_the_others_done
    refused_configurations
    destroy_leaves_or_removes_the_copies
    disabled_and_triggered
}

/// Profiles `main`, `two` and `three`, and secrets by name and value in `main`.
fn configuration(secrets: &[(&str, &str)], sync: &str) -> String {
    let mut text = r#"
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
    main  = { embedded = { path = "main.db" } }
    two   = { embedded = { path = "two.db" } }
    three = { embedded = { path = "three.db" } }
  }
}
"#
    .to_owned();
    for (name, value) in secrets {
        text += &format!(
            "\nresource \"coffer_secret\" \"{name}\" {{\n  name            = \"{name}\"\n  \
             value_wo        = \"{value}\"\n  deletion_policy = \"destroy\"\n}}\n"
        );
    }
    text + sync
}

const TWO: &[(&str, &str)] = &[("db", "canary-one"), ("api", "canary-two")];

fn sync(more: &str) -> String {
    format!(
        r#"
resource "coffer_secret_sync" "s" {{
  name   = "prod"
  source = {{ names = ["**"] }}
  destinations = {{
    second = {{ profile = "two", key_schema = "{{{{environment}}}}/{{{{secretKey}}}}", environment = "prod" }}
  }}
  {more}
}}
"#
    )
}

fn get(workspace: &Workspace, vault: &str, name: &str) -> Option<String> {
    Vault::at(&workspace.file(vault)).value(name)
}

#[track_caller]
fn apply(workspace: &Workspace, secrets: &[(&str, &str)], sync: &str) {
    workspace.write("main.tf", &configuration(secrets, sync));
    workspace.apply(&[]).succeeds();
}

/// The secrets, and after them the sync.
#[track_caller]
fn given(workspace: &Workspace, secrets: &[(&str, &str)], more: &str) {
    apply(workspace, secrets, "");
    apply(workspace, secrets, &sync(more));
}

fn copies_in_the_run_that_makes_the_sources(workspace: &mut Workspace) {
    let by_id = r#"
resource "coffer_secret_sync" "s" {
  name   = "prod"
  source = { secrets = [coffer_secret.db.id, coffer_secret.api.id] }
  destinations = {
    second = { profile = "two" }
    third  = { profile = "three", key_schema = "x-{{secretKey}}", map = { api = "interface" } }
  }
}
"#;
    apply(workspace, TWO, by_id);
    for (vault, db, api) in [("two.db", "db", "api"), ("three.db", "x-db", "interface")] {
        assert_eq!(get(workspace, vault, db).as_deref(), Some("canary-one"));
        assert_eq!(get(workspace, vault, api).as_deref(), Some("canary-two"));
    }
    workspace.plan(&[]).has_no_changes();
    let state = workspace.state().to_string();
    assert!(!state.contains("canary-"), "a value is in the state");
}

fn only_changes_are_copied_and_told(workspace: &mut Workspace) {
    apply(workspace, TWO, "");
    workspace.write("main.tf", &configuration(TWO, &sync("")));
    let plan = workspace.plan(&[]).has_changes().says("create from db").says("create from api");
    assert!(!plan.text().contains("canary-"), "a value is in the plan");
    workspace.apply(&[]).succeeds();
    assert_eq!(workspace.attribute("coffer_secret_sync.s", "status"), "synced");
    workspace.plan(&[]).has_no_changes();
    let before = workspace.attributes("coffer_secret_sync.s");
    assert_eq!(before["results"]["second"]["prod/db"]["result"], "synced");
    assert_eq!(before["counts"]["synced"], 2);

    let changed: &[(&str, &str)] = &[("db", "canary-new"), ("api", "canary-two")];
    // The secret first, so that the plan of the sync can tell.
    workspace.write("main.tf", &configuration(changed, &sync("")));
    workspace.apply(&["-target=coffer_secret.db"]).succeeds();
    workspace.plan(&[]).has_changes().says("update from db").never_says("update from api");
    workspace.apply(&[]).succeeds();
    assert_eq!(get(workspace, "two.db", "prod/db").as_deref(), Some("canary-new"));
    workspace.plan(&[]).has_no_changes();
    let after = workspace.attributes("coffer_secret_sync.s");
    let entry = |state: &serde_json::Value| state["results"]["second"]["prod/api"].clone();
    assert_eq!(entry(&after), entry(&before), "times change only when something else does");
}

fn source_changed_in_the_same_run_is_copied_in_it(workspace: &mut Workspace) {
    let by_id = "secrets = [coffer_secret.db.id, coffer_secret.api.id]";
    let by_id = sync("").replace("names = [\"**\"]", by_id);
    apply(workspace, TWO, &by_id);
    assert_eq!(get(workspace, "two.db", "prod/db").as_deref(), Some("canary-one"));
    workspace.plan(&[]).has_no_changes();
    let changed: &[(&str, &str)] = &[("db", "canary-new"), ("api", "canary-two")];
    apply(workspace, changed, &by_id);
    assert_eq!(get(workspace, "two.db", "prod/db").as_deref(), Some("canary-new"));
    workspace.plan(&[]).has_no_changes();
}

fn orphans_go_as_the_policy_says(workspace: &mut Workspace) {
    given(workspace, TWO, "");
    apply(workspace, &TWO[..1], &sync(""));
    workspace.plan(&[]).has_changes().says("soft-delete");
    workspace.apply(&[]).succeeds();
    assert_eq!(get(workspace, "two.db", "prod/api"), None);
    assert_eq!(get(workspace, "two.db", "prod/db").as_deref(), Some("canary-one"));
    workspace.plan(&[]).has_no_changes();
    // Back again: the copy is recovered.
    workspace.write("main.tf", &configuration(TWO, &sync("")));
    workspace.apply(&["-target=coffer_secret.api"]).succeeds();
    workspace.plan(&[]).has_changes().says("recover and update");
    workspace.apply(&[]).succeeds();
    assert_eq!(get(workspace, "two.db", "prod/api").as_deref(), Some("canary-two"));
    // More than allowed is refused before anything is done.
    apply(workspace, &[], &sync("max_deletes = 5\n  enabled = false"));
    workspace.write("main.tf", &configuration(&[], &sync("max_deletes = 1")));
    workspace.plan(&[]).fails().says("More deletions than allowed");
    assert_eq!(get(workspace, "two.db", "prod/db").as_deref(), Some("canary-one"));
}

const THEIRS: &str = r#"
resource "coffer_secret" "theirs" {
  profile         = "two"
  name            = "prod/db"
  value_wo        = "theirs"
  manage_content  = "initial"
  deletion_policy = "retain"
}
"#;

fn foreign_secrets_are_left_alone_until_adopted(workspace: &mut Workspace) {
    apply(workspace, TWO, THEIRS);
    workspace.write("main.tf", &configuration(TWO, &sync("")));
    workspace.apply(&[]).succeeds().says("conflict: not written by this sync");
    assert_eq!(get(workspace, "two.db", "prod/db").as_deref(), Some("theirs"));
    assert_eq!(workspace.attribute("coffer_secret_sync.s", "status"), "partial");
    workspace.plan(&[]).has_no_changes();
    workspace.write("main.tf", &configuration(TWO, &sync("adopt = [\"prod/db\"]")));
    workspace.plan(&[]).has_changes().says("overwriting what was there");
    workspace.apply(&[]).succeeds();
    assert_eq!(get(workspace, "two.db", "prod/db").as_deref(), Some("canary-one"));
    assert_eq!(workspace.attribute("coffer_secret_sync.s", "status"), "synced");
    workspace.plan(&[]).has_no_changes();
}

/// The request of the vendor's page: initial behaviour, key schema, options, and what it tells.
fn seeded_request(workspace: &mut Workspace) {
    apply(workspace, TWO, THEIRS);
    let request = sync(
        r#"description           = "an example sync"
  auto_sync                = true
  initial_sync_behavior    = "import_prioritize_destination"
  disable_secret_deletion  = true"#,
    );
    workspace.write("main.tf", &configuration(TWO, &request));
    workspace.plan(&[]).has_changes().says("import into the source");
    workspace.apply(&[]).succeeds();
    assert_eq!(get(workspace, "main.db", "db").as_deref(), Some("theirs"));
    assert_eq!(get(workspace, "two.db", "prod/api").as_deref(), Some("canary-two"));
    let sync = workspace.attributes("coffer_secret_sync.s");
    assert_eq!(sync["status"], "synced");
    assert!(sync["last_synced_at"].is_string() && sync["last_message"].is_string());
}

fn broken_destination_leaves_the_others_done(workspace: &mut Workspace) {
    apply(workspace, TWO, "");
    std::fs::write(workspace.file("three.db"), "no vault").unwrap();
    let both = r#"
resource "coffer_secret_sync" "s" {
  name   = "prod"
  source = { names = ["**"] }
  destinations = {
    good = { profile = "two" }
    bad  = { profile = "three" }
  }
}
"#;
    workspace.write("main.tf", &configuration(TWO, both));
    workspace.apply(&[]).succeeds().says("Sync is not complete");
    assert_eq!(get(workspace, "two.db", "db").as_deref(), Some("canary-one"));
    assert_eq!(workspace.attribute("coffer_secret_sync.s", "status"), "partial");
    std::fs::remove_file(workspace.file("three.db")).unwrap();
    workspace.plan(&[]).has_changes().says("0 to add, 1 to change, 0 to destroy");
    workspace.apply(&[]).succeeds();
    assert_eq!(get(workspace, "three.db", "db").as_deref(), Some("canary-one"));
    workspace.plan(&[]).has_no_changes();
}

fn refused_configurations(workspace: &mut Workspace) {
    apply(workspace, TWO, "");
    let refused = |sync: &str, says: &str| {
        workspace.write("main.tf", &configuration(TWO, sync));
        workspace.plan(&[]).fails().says(says);
    };
    let with = |source: &str, destinations: &str| {
        format!(
            "resource \"coffer_secret_sync\" \"s\" {{\n  name = \"s\"\n  source = {source}\n  \
             destinations = {destinations}\n}}\n"
        )
    };
    let two = r#"{ second = { profile = "two" } }"#;
    refused(&with("{}", two), "Nothing is selected");
    refused(&with(r#"{ names = ["**"] }"#, r#"{ a = { profile = "main" } }"#), "onto its source");
    refused(&with(r#"{ secrets = ["two/x"] }"#, two), "Secret is in another profile");
    let shared = r#"{ a = { profile = "two", map = { db = "api" } } }"#;
    refused(&with(r#"{ names = ["**"] }"#, shared), "would share the name");
    let schema = r#"{ a = { profile = "two", key_schema = "fixed" } }"#;
    refused(&with(r#"{ names = ["**"] }"#, schema), "Key schema is not valid");
}

fn destroy_leaves_or_removes_the_copies(workspace: &mut Workspace) {
    given(workspace, TWO, "");
    apply(workspace, TWO, "");
    assert_eq!(get(workspace, "two.db", "prod/db").as_deref(), Some("canary-one"));
    // The copies carry name and print of the sync, so a new one of that name takes them over.
    workspace.write("main.tf", &configuration(TWO, &sync("on_destroy = \"delete\"")));
    workspace.plan(&[]).has_changes().says("adopt");
    workspace.apply(&[]).succeeds();
    apply(workspace, TWO, "");
    assert_eq!(get(workspace, "two.db", "prod/db"), None);
}

fn disabled_and_triggered(workspace: &mut Workspace) {
    given(workspace, TWO, "auto_sync = false\n  sync_trigger = \"1\"");
    let changed: &[(&str, &str)] = &[("db", "canary-new"), ("api", "canary-two")];
    apply(workspace, changed, &sync("auto_sync = false\n  sync_trigger = \"1\""));
    workspace.plan(&[]).has_no_changes();
    assert_eq!(get(workspace, "two.db", "prod/db").as_deref(), Some("canary-one"));
    apply(workspace, changed, &sync("auto_sync = false\n  sync_trigger = \"2\""));
    assert_eq!(get(workspace, "two.db", "prod/db").as_deref(), Some("canary-new"));
    apply(workspace, changed, &sync("enabled = false"));
    assert_eq!(workspace.attribute("coffer_secret_sync.s", "status"), "disabled");
    workspace.plan(&[]).has_no_changes();
    apply(workspace, changed, &sync(""));
    assert_eq!(workspace.attribute("coffer_secret_sync.s", "status"), "synced");
    workspace.plan(&[]).has_no_changes();
}
