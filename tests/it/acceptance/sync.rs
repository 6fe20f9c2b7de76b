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
    names_by_regular_expression
    pending_and_previous_versions
    lost_state_is_taken_up_by_import
    status_without_state
    names_from_path_type_and_state
    destroy_that_fails_at_one_destination
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
            "\nresource \"coffer_secret\" \"{}\" {{\n  name            = \"{name}\"\n  \
             value_wo        = \"{value}\"\n  deletion_policy = \"destroy\"\n}}\n",
            name.replace('/', "-")
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

fn names_by_regular_expression(workspace: &mut Workspace) {
    apply(workspace, TWO, "");
    let by = |filters: &str| sync("").replace("names = [\"**\"]", filters);
    workspace.write("main.tf", &configuration(TWO, &by("regexp = \"d(b|c)|x\"")));
    workspace.plan(&[]).has_changes().says("prod/db").never_says("prod/api");
    // The whole name, and together with the other filters.
    workspace.write("main.tf", &configuration(TWO, &by("regexp = \"[a-z]\"")));
    workspace.plan(&[]).has_changes().never_says("prod/");
    apply(workspace, TWO, &by("regexp = \"[a-z]+\"\n    name_prefix = \"ap\""));
    assert_eq!(get(workspace, "two.db", "prod/api").as_deref(), Some("canary-two"));
    assert_eq!(get(workspace, "two.db", "prod/db"), None);
    workspace.plan(&[]).has_no_changes();
    for (wrong, says) in [
        ("(", "Regular expression is not valid"),
        ("(?=a)", "look-around"),
        ("((a{200}){200}){200}", "256 KiB"),
    ] {
        workspace.write("main.tf", &configuration(TWO, &by(&format!("regexp = {wrong:?}"))));
        workspace.plan(&[]).fails().says(says);
    }
}

/// The waiting version goes to the second vault, and later the one before the current.
fn pending_and_previous_versions(workspace: &mut Workspace) {
    let of = |state: &str| {
        let filters = format!("names = [\"**\"]\n    rotation_state = {state:?}");
        sync("").replace("names = [\"**\"]", &filters)
    };
    let next = |state: &str| {
        format!(
            r#"
resource "coffer_secret_version" "next" {{
  secret_id      = "main/db"
  value_wo       = "canary-next"
  rotation_state = "{state}"
}}
"#
        )
    };
    let secrets = |more: &str| {
        configuration(TWO, more).replace(
            "deletion_policy = \"destroy\"",
            "deletion_policy = \"destroy\"\n  manage_content  = \"initial\"",
        )
    };
    let apply = |text: &str| {
        workspace.write("main.tf", &secrets(text));
        workspace.apply(&[]).succeeds();
    };
    apply("");
    apply(&next("pending"));
    apply(&(next("pending") + &of("pending")));
    assert_eq!(get(workspace, "two.db", "prod/db").as_deref(), Some("canary-next"));
    assert_eq!(get(workspace, "two.db", "prod/api"), None);
    let state = workspace.attributes("coffer_secret_sync.s");
    assert_eq!(state["results"]["second"]["prod/api"]["result"], "skipped");
    assert_eq!(state["status"], "synced");
    workspace.plan(&[]).has_no_changes();
    // Nothing waits any more: the copy stays as it is.
    apply(&(next("current") + &of("pending")));
    workspace.plan(&[]).has_no_changes();
    assert_eq!(get(workspace, "two.db", "prod/db").as_deref(), Some("canary-next"));
    apply(&(next("current") + &of("previous")));
    assert_eq!(get(workspace, "two.db", "prod/db").as_deref(), Some("canary-one"));
    workspace.plan(&[]).has_no_changes();
    let import = of("previous")
        .replace("  \n}", "  initial_sync_behavior = \"import_prioritize_source\"\n}");
    workspace.write("main.tf", &secrets(&import));
    workspace.plan(&[]).fails().says("Import needs current versions");
}

fn lost_state_is_taken_up_by_import(workspace: &mut Workspace) {
    given(workspace, TWO, "");
    let before = workspace.attributes("coffer_secret_sync.s");
    let path = workspace.file("two.db");
    let versions = || ["prod/db", "prod/api"].map(|name| Vault::at(&path).latest(name).unwrap());
    assert_eq!(versions(), [1, 1]);
    workspace.run(&["state", "rm", "coffer_secret_sync.s"]).succeeds();
    let id = format!("prod.{}", before["id"].as_str().unwrap());
    workspace.run(&["import", "coffer_secret_sync.s", "prod"]).fails().says("<name>.<id>");
    workspace.run(&["import", "coffer_secret_sync.s", &id]).succeeds();
    // An import alone owns nothing yet, and so has nothing to remove.
    let plan = workspace.plan(&[]).has_changes();
    plan.says("= \"record\"")
        .says("1 to change")
        .never_says("\"create")
        .never_says("\"adopt")
        .never_says("\"update");
    workspace.apply(&[]).succeeds();
    assert_eq!(versions(), [1, 1]);
    let after = workspace.attributes("coffer_secret_sync.s");
    assert_eq!(after["id"], before["id"]);
    let prints =
        |state: &serde_json::Value| state["results"]["second"]["prod/db"]["fingerprint"].clone();
    assert_eq!(prints(&after), prints(&before));
    workspace.plan(&[]).has_no_changes();
    // By block, and copies that differ are written.
    let changed: &[(&str, &str)] = &[("db", "canary-new"), ("api", "canary-two")];
    apply(workspace, changed, &sync("enabled = false"));
    workspace.run(&["state", "rm", "coffer_secret_sync.s"]).succeeds();
    let block = format!("import {{\n  to = coffer_secret_sync.s\n  id = {id:?}\n}}\n");
    workspace.write("main.tf", &configuration(changed, &(sync("") + &block)));
    workspace.plan(&[]).has_changes().says("\"update from db,").says("= \"record\"");
    workspace.apply(&[]).succeeds();
    assert_eq!(get(workspace, "two.db", "prod/db").as_deref(), Some("canary-new"));
    assert_eq!(versions(), [2, 1]);
}

/// Another team's configuration: the same vaults under other names, and no state.
fn status_without_state(workspace: &mut Workspace) {
    given(workspace, TWO, "");
    let mut other = workspace.beside("monitoring");
    let ask = |arguments: &str| {
        let configuration = configuration(&[], "")
            .replace("main  =", "prod  =")
            .replace("default_profile = \"main\"", "default_profile = \"prod\"");
        let configuration = ["main", "two", "three"].iter().fold(configuration, |text, vault| {
            let path = workspace.file(&format!("{vault}.db"));
            text.replace(&format!("\"{vault}.db\""), &format!("{path:?}"))
        });
        format!(
            "{configuration}\ndata \"coffer_sync_status\" \"s\" {{\n  name = \"prod\"\n  \
             {arguments}\n}}\n"
        )
    };
    let told = |other: &mut Workspace, arguments: &str| {
        other.write("main.tf", &ask(arguments));
        other.apply(&[]).succeeds();
        let state = other.attributes("coffer_sync_status.s");
        assert!(!state.to_string().contains("canary-"), "a value is in the state");
        state
    };
    let from = "destinations = [\"two\"]\n  source_profile = \"prod\"";
    let state = told(&mut other, from);
    assert_eq!((&state["status"], &state["counts"]["synced"]), (&"synced".into(), &2.into()));
    let copy = state["copies"][1].clone();
    assert_eq!(copy["name"], "prod/db");
    assert_eq!(copy["key"], "db");
    assert_eq!(copy["source"], "main/db");
    assert_eq!(copy["sync_id"], workspace.attribute("coffer_secret_sync.s", "id"));
    assert_eq!(copy["fingerprint"], copy["source_fingerprint"]);
    assert!(copy["remote_version"].is_string() && copy["source_version"].is_string());

    // Unknown, when the sources cannot be found; and nothing in a vault without copies.
    let state = told(&mut other, "destinations = [\"two\"]");
    assert_eq!(state["copies"][0]["status"], "unknown");
    let message = state["copies"][0]["message"].as_str().unwrap();
    assert!(message.contains("source_profile"), "{message}");
    let state = told(&mut other, "destinations = [\"three\"]");
    assert_eq!((&state["status"], state["copies"].as_array().unwrap().len()), (&"empty".into(), 0));
    let id = "0".repeat(32);
    let state = told(&mut other, &format!("{from}\n  id = \"{id}\""));
    assert_eq!(state["status"], "empty");

    // One source is changed, the other one goes: the sync has not run since.
    apply(workspace, &[("db", "canary-new")], &sync("enabled = false"));
    let state = told(&mut other, from);
    assert_eq!(state["status"], "partial");
    assert_eq!(state["copies"][0]["status"], "orphaned");
    assert_eq!(state["copies"][1]["status"], "different");
    apply(workspace, &[("db", "canary-new")], &sync(""));
    let state = told(&mut other, from);
    assert_eq!(state["copies"][0]["status"], "deleted");
    assert_eq!(state["copies"][1]["status"], "synced");
    assert_eq!(state["counts"], serde_json::json!({ "deleted": 1, "synced": 1 }));
    assert_eq!(state["status"], "synced");

    other.write("main.tf", &ask("destinations = [\"nowhere\"]"));
    other.plan(&[]).fails().says("nowhere");
    std::fs::write(workspace.file("three.db"), "no vault").unwrap();
    other.write("main.tf", &ask("destinations = [\"three\"]"));
    other.plan(&[]).fails().says("look for the copies of the sync");
}

fn names_from_path_type_and_state(workspace: &mut Workspace) {
    let sync = |more: &str| {
        let schema = "{{versionState}}/{{path}}/{{type}}-{{secretKey}}";
        format!(
            "\nresource \"coffer_secret_sync\" \"s\" {{\n  name         = \"prod\"\n  source       = \
             {{ names = [\"**\"] }}\n  destinations = {{ second = {{ profile = \"two\", key_schema = \
             \"{schema}\" }} }}\n  {more}\n}}\n"
        )
    };
    let deep = &[("app/web/db", "canary-one"), ("app/api", "canary-two")];
    apply(workspace, deep, "");
    apply(workspace, deep, &sync(""));
    let copy = |name: &str| get(workspace, "two.db", name);
    assert_eq!(copy("current/app/web/generic-db").as_deref(), Some("canary-one"));
    assert_eq!(copy("current/app/generic-api").as_deref(), Some("canary-two"));
    workspace.plan(&[]).has_no_changes();
    // One without a folder has no path, and names that do not tell their keys cannot be imported.
    let flat = &[deep[0], deep[1], ("flat", "canary-three")];
    apply(workspace, flat, "");
    workspace.write("main.tf", &configuration(flat, &sync("")));
    workspace.plan(&[]).fails().says("{{path}}").says("flat");
    let importing = sync("initial_sync_behavior = \"import_prioritize_source\"");
    workspace.write("main.tf", &configuration(deep, &importing));
    workspace.plan(&[]).fails().says("Import needs names that tell their keys");
}

fn destroy_that_fails_at_one_destination(workspace: &mut Workspace) {
    let sync = r#"
resource "coffer_secret_sync" "s" {
  name         = "prod"
  source       = { names = ["**"] }
  on_destroy   = "delete"
  destinations = {
    first = { profile = "two" }
    last  = { profile = "three" }
  }
}
"#;
    apply(workspace, TWO, "");
    apply(workspace, TWO, sync);
    let (file, aside) = (workspace.file("two.db"), workspace.file("aside"));
    std::fs::rename(&file, &aside).unwrap();
    std::fs::write(&file, "no vault at all").unwrap();
    workspace.write("main.tf", &configuration(TWO, ""));
    workspace.apply(&[]).fails().says("Some copies were not removed");
    assert_eq!(get(workspace, "three.db", "db"), None, "the others are done");
    std::fs::rename(&aside, &file).unwrap();
    workspace.apply(&[]).succeeds();
    assert_eq!(get(workspace, "two.db", "db"), None);
}
