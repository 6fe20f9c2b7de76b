//! `coffer_secret` while it lives: creation, empty plans, changes, replacement, odd values.

use super::{configure, given, head, one_secret, stored};
use crate::support::cli::{Workspace, cases};

cases! {
    create
    default_profile_without_settings
    every_type
    value_change
    revert
    unknown_value
    metadata_change_stores_no_version
    taint_and_replace
    rename_replaces
    type_change
    empty_value
    largest_value
    value_above_the_limit
    invalid_arguments
    two_runs_at_once
    many_secrets
}

fn create(workspace: &mut Workspace) {
    configure(workspace, "correct horse battery staple", "");
    workspace
        .apply(&[])
        .succeeds()
        .says("1 added, 0 changed, 0 destroyed")
        .never_says("correct horse");
    let attribute = |name| workspace.attribute("coffer_secret.a", name);
    assert_eq!(attribute("id"), "main/app/a");
    assert_eq!(attribute("type"), "generic");
    assert_eq!(attribute("version"), "1");
    assert_eq!(attribute("value_wo"), "null");
    assert!(attribute("fingerprint").starts_with("cfp1.h2."), "{}", attribute("fingerprint"));
    assert_eq!(stored(workspace, "app/a"), "correct horse battery staple");
    workspace.plan(&[]).has_no_changes();
    workspace.plan(&["-refresh=false"]).has_no_changes();
}

fn default_profile_without_settings(workspace: &mut Workspace) {
    workspace.write(
        "main.tf",
        r#"
terraform {
  required_providers {
    coffer = {
      source = "coffer/coffer"
    }
  }
}

resource "coffer_secret" "a" {
  name     = "a"
  value_wo = "from the configuration"
}
"#,
    );
    workspace.apply(&[]).succeeds().says("1 added");
    assert_eq!(workspace.attribute("coffer_secret.a", "id"), "local/a");
    assert!(workspace.file(".coffer/vault.db").is_file());
    workspace.plan(&[]).has_no_changes();
}

fn every_type(workspace: &mut Workspace) {
    let head = head(workspace);
    workspace.write(
        "main.tf",
        &format!(
            r#"{head}
resource "coffer_secret" "bytes" {{
  name            = "bytes"
  value_base64_wo = "AP/+gA=="
}}

resource "coffer_secret" "key" {{
  name       = "key"
  api_key_wo = var.value
}}

resource "coffer_secret" "login" {{
  name          = "login"
  basic_auth_wo = {{ username = "app", password = var.value }}
}}

resource "coffer_secret" "map" {{
  name         = "map"
  key_value_wo = {{ A = var.value, "b.c" = "ü" }}
}}
"#
        ),
    );
    workspace.env("TF_VAR_value", "s3cr3t");
    workspace.apply(&[]).succeeds().says("4 added");
    for (name, kind) in
        [("bytes", "generic"), ("key", "api_key"), ("login", "basic_auth"), ("map", "key_value")]
    {
        assert_eq!(workspace.attribute(&format!("coffer_secret.{name}"), "type"), kind);
    }
    workspace.plan(&[]).has_no_changes();
    workspace.env("TF_VAR_value", "another");
    workspace.plan(&[]).has_changes().says("0 to add, 3 to change, 0 to destroy");
    workspace.apply(&[]).succeeds().says("0 added, 3 changed");
    workspace.plan(&[]).has_no_changes();
}

fn value_change(workspace: &mut Workspace) {
    given(workspace, "first", "");
    let before = workspace.attribute("coffer_secret.a", "fingerprint");
    workspace.env("TF_VAR_value", "second");
    workspace
        .plan(&[])
        .has_changes()
        .says("0 to add, 1 to change, 0 to destroy")
        .says("(known after apply)");
    workspace.apply(&[]).succeeds().says("0 added, 1 changed, 0 destroyed");
    assert_ne!(workspace.attribute("coffer_secret.a", "fingerprint"), before);
    assert_eq!(workspace.attribute("coffer_secret.a", "version"), "2");
    assert_eq!(stored(workspace, "app/a"), "second");
    workspace.plan(&[]).has_no_changes();
}

fn revert(workspace: &mut Workspace) {
    given(workspace, "first", "");
    let first = workspace.attribute("coffer_secret.a", "fingerprint");
    workspace.env("TF_VAR_value", "second");
    workspace.apply(&[]).succeeds();
    workspace.env("TF_VAR_value", "first");
    workspace.apply(&[]).succeeds().says("1 changed");
    assert_eq!(workspace.attribute("coffer_secret.a", "fingerprint"), first);
    assert_eq!(workspace.attribute("coffer_secret.a", "version"), "3");
    assert_eq!(stored(workspace, "app/a"), "first");
    workspace.plan(&[]).has_no_changes();
}

fn unknown_value(workspace: &mut Workspace) {
    let head = head(workspace);
    let configuration = |input: &str| {
        format!(
            r#"{head}
resource "terraform_data" "source" {{
  input = "{input}"
}}

resource "coffer_secret" "a" {{
  name     = "app/a"
  value_wo = terraform_data.source.output
}}
"#
        )
    };
    workspace.write("main.tf", &configuration("first"));
    workspace.apply(&[]).succeeds().says("2 added");
    workspace.plan(&[]).has_no_changes();
    workspace.write("main.tf", &configuration("second"));
    workspace.plan(&[]).has_changes().says("0 to add, 2 to change");
    workspace.apply(&[]).succeeds();
    assert_eq!(stored(workspace, "app/a"), "second");
    assert_eq!(workspace.attribute("coffer_secret.a", "version"), "2");
    workspace.plan(&[]).has_no_changes();
}

fn metadata_change_stores_no_version(workspace: &mut Workspace) {
    given(workspace, "value", "");
    let fingerprint = workspace.attribute("coffer_secret.a", "fingerprint");
    let more = r#"
  description  = "what it is for"
  content_type = "text/plain"
  expires_at   = "2100-01-01T00:00:00Z"
  tags         = { owner = "team" }
"#;
    workspace.write("main.tf", &one_secret(workspace, more));
    workspace.plan(&[]).has_changes().says("0 to add, 1 to change");
    workspace.apply(&[]).succeeds().says("1 changed");
    assert_eq!(workspace.attribute("coffer_secret.a", "version"), "1");
    assert_eq!(workspace.attribute("coffer_secret.a", "fingerprint"), fingerprint);
    assert_eq!(workspace.attribute("coffer_secret.a", "description"), "what it is for");
    workspace.plan(&[]).has_no_changes();
    workspace.write("main.tf", &one_secret(workspace, ""));
    workspace.apply(&[]).succeeds().says("1 changed");
    assert_eq!(workspace.attribute("coffer_secret.a", "description"), "null");
    workspace.plan(&[]).has_no_changes();
}

fn taint_and_replace(workspace: &mut Workspace) {
    given(workspace, "value", "");
    workspace.run(&["taint", "coffer_secret.a"]).succeeds();
    workspace.plan(&[]).has_changes().says("1 to add, 0 to change, 1 to destroy");
    workspace.apply(&[]).succeeds().says("1 added, 0 changed, 1 destroyed");
    assert_eq!(stored(workspace, "app/a"), "value");
    workspace.plan(&[]).has_no_changes();
    workspace.apply(&["-replace=coffer_secret.a"]).succeeds().says("1 added");
    workspace.plan(&[]).has_no_changes();
}

fn rename_replaces(workspace: &mut Workspace) {
    given(workspace, "value", "");
    let renamed = one_secret(workspace, "").replace("app/a", "app/b");
    workspace.write("main.tf", &renamed);
    workspace.plan(&[]).has_changes().says("forces replacement");
    workspace.apply(&[]).succeeds().says("1 added, 0 changed, 1 destroyed");
    assert_eq!(workspace.attribute("coffer_secret.a", "id"), "main/app/b");
    assert_eq!(stored(workspace, "app/b"), "value");
    workspace.plan(&[]).has_no_changes();
}

fn type_change(workspace: &mut Workspace) {
    given(workspace, "value", "");
    let other = one_secret(workspace, "").replace("value_wo = var.value", "api_key_wo = var.value");
    workspace.write("main.tf", &other);
    workspace.apply(&[]).succeeds();
    assert_eq!(workspace.attribute("coffer_secret.a", "type"), "api_key");
    workspace.plan(&[]).has_no_changes();
}

fn empty_value(workspace: &mut Workspace) {
    // A secret without content is almost always a variable that was forgotten.
    configure(workspace, "", "");
    workspace.plan(&[]).fails().says("value_wo");
    workspace.apply(&[]).fails().says("value_wo");
    assert!(workspace.state().is_null() || workspace.state()["resources"] == serde_json::json!([]));
}

fn largest_value(workspace: &mut Workspace) {
    let value = "x".repeat(LIMIT);
    workspace.write("value.auto.tfvars.json", &serde_json::json!({ "value": value }).to_string());
    workspace.write("main.tf", &one_secret(workspace, ""));
    workspace.apply(&[]).succeeds();
    assert_eq!(stored(workspace, "app/a").len(), LIMIT);
    workspace.plan(&[]).has_no_changes();
}

fn value_above_the_limit(workspace: &mut Workspace) {
    let value = "x".repeat(LIMIT + 1);
    workspace.write("value.auto.tfvars.json", &serde_json::json!({ "value": value }).to_string());
    workspace.write("main.tf", &one_secret(workspace, ""));
    workspace.plan(&[]).fails().says("value_wo").says(&LIMIT.to_string()).never_says("xxxx");
}

/// Largest value of the embedded vault.
const LIMIT: usize = 4 * 1024 * 1024;

fn invalid_arguments(workspace: &mut Workspace) {
    for (more, expected) in [
        ("api_key_wo = \"two contents\"", "api_key_wo"),
        ("deletion_policy = \"sometimes\"", "deletion_policy"),
        ("on_drift = \"sometimes\"", "on_drift"),
        ("profile = \"nowhere\"", "nowhere"),
        ("expires_at = \"tomorrow\"", "expires_at"),
    ] {
        configure(workspace, "hidden-value-1234", more);
        workspace.plan(&[]).fails().says(expected).never_says("hidden-value-1234");
    }
}

fn two_runs_at_once(workspace: &mut Workspace) {
    // Two projects on one vault, each with secrets of its own, at the same time.
    let mut other = workspace.beside("other");
    for (number, project) in [&mut *workspace, &mut other].into_iter().enumerate() {
        let head = head(project);
        let text = format!(
            r#"{head}
resource "coffer_secret" "a" {{
  count    = 20
  name     = "run-{number}/${{count.index}}"
  value_wo = "${{var.value}}-${{count.index}}"
}}
"#
        );
        project.write("main.tf", &text);
        project.env("TF_VAR_value", "at once");
    }
    let arguments = ["apply", "-no-color", "-auto-approve"];
    let running = [workspace.start(&arguments), other.start(&arguments)];
    for run in running {
        run.wait().succeeds().says("20 added");
    }
    workspace.plan(&[]).has_no_changes();
    other.plan(&[]).has_no_changes();
    assert_eq!(stored(workspace, "run-0/7"), "at once-7");
    assert_eq!(stored(workspace, "run-1/19"), "at once-19");
}

fn many_secrets(workspace: &mut Workspace) {
    let head = head(workspace);
    let text = format!(
        r#"{head}
resource "coffer_secret" "a" {{
  for_each = toset([for n in range(60) : "many/${{n}}"])
  name     = each.key
  value_wo = "${{var.value}} ${{each.key}}"
}}
"#
    );
    workspace.write("main.tf", &text);
    workspace.env("TF_VAR_value", "one of many");
    workspace.apply(&["-parallelism=40"]).succeeds().says("60 added");
    workspace.plan(&[]).has_no_changes();
    workspace.destroy().succeeds().says("60 destroyed");
}
