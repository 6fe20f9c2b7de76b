//! Reading: the ephemeral resource, the data source and the functions.

use super::{head, somebody_else_writes, stored};
use crate::support::cli::{Workspace, cases};

cases! {
    ephemeral_values_by_type
    ephemeral_of_a_version
    ephemeral_that_is_missing
    waits_for_a_write_in_the_same_run
    opened_only_at_apply
    missing_can_be_null
    data_source_has_no_value
    functions
    functions_refuse
}

fn ephemeral_values_by_type(workspace: &mut Workspace) {
    let mut other = workspace.beside("somebody-else");
    let text = format!(
        r#"{}
resource "coffer_secret" "login" {{
  name          = "login"
  basic_auth_wo = {{ username = "app", password = "p4ss" }}
}}

resource "coffer_secret" "map" {{
  name         = "map"
  key_value_wo = {{ A = "one", B = "two" }}
}}
"#,
        head(workspace)
    );
    other.write("main.tf", &text);
    other.env("TF_VAR_value", "unused");
    other.apply(&[]).succeeds();
    let text = format!(
        r#"{}
ephemeral "coffer_secret" "login" {{
  name = "login"
}}

ephemeral "coffer_secret" "map" {{
  name = "map"
}}

resource "coffer_secret" "joined" {{
  name = "joined"
  value_wo = join("/", [
    ephemeral.coffer_secret.login.basic_auth.username,
    ephemeral.coffer_secret.login.basic_auth.password,
    ephemeral.coffer_secret.map.key_value["B"],
  ])
}}
"#,
        head(workspace)
    );
    workspace.write("main.tf", &text);
    workspace.apply(&[]).succeeds().never_says("p4ss");
    assert_eq!(stored(workspace, "joined"), "app/p4ss/two");
    workspace.plan(&[]).has_no_changes();
}

fn ephemeral_of_a_version(workspace: &mut Workspace) {
    somebody_else_writes(workspace, "one");
    somebody_else_writes(workspace, "two");
    let text = |selector: &str| {
        format!(
            r#"{}
ephemeral "coffer_secret" "a" {{
  name = "app/a"
  {selector}
}}

resource "coffer_secret" "b" {{
  name     = "b"
  value_wo = ephemeral.coffer_secret.a.value
}}
"#,
            head(workspace)
        )
    };
    for (selector, expected) in [
        ("version = 1", "one"),
        ("rotation_state = \"current\"", "two"),
        ("rotation_state = \"previous\"", "one"),
        ("rotation_state = \"latest\"", "two"),
    ] {
        workspace.write("main.tf", &text(selector));
        workspace.apply(&[]).succeeds();
        assert_eq!(stored(workspace, "b"), expected, "{selector}");
    }
    workspace.write("main.tf", &text("version = 9"));
    workspace.plan(&[]).fails().says("9");
}

fn ephemeral_that_is_missing(workspace: &mut Workspace) {
    somebody_else_writes(workspace, "one");
    let head = head(workspace);
    workspace.write(
        "main.tf",
        &format!("{head}\nephemeral \"coffer_secret\" \"x\" {{\n  name = \"not/there\"\n}}\n"),
    );
    workspace.plan(&[]).fails().says("not/there");
}

fn waits_for_a_write_in_the_same_run(workspace: &mut Workspace) {
    // The secret is made in the same run that reads it.
    let text = format!(
        r#"{}
resource "coffer_secret" "a" {{
  name     = "app/a"
  value_wo = var.value
}}

ephemeral "coffer_secret" "a" {{
  name          = "app/a"
  depends_on_id = coffer_secret.a.version_id
}}

resource "coffer_secret" "b" {{
  name     = "app/b"
  value_wo = ephemeral.coffer_secret.a.value
}}
"#,
        head(workspace)
    );
    workspace.write("main.tf", &text);
    workspace.env("TF_VAR_value", "made and read in one run");
    workspace.apply(&[]).succeeds().says("2 added");
    assert_eq!(stored(workspace, "app/b"), "made and read in one run");
}

fn opened_only_at_apply(workspace: &mut Workspace) {
    somebody_else_writes(workspace, "one");
    let text = |more: &str| {
        format!(
            r#"{}
ephemeral "coffer_secret" "a" {{
  name = "app/a"
  open = terraform.applying
}}

resource "coffer_secret" "b" {{
  name     = "b"
  value_wo = ephemeral.coffer_secret.a.value
  {more}
}}
"#,
            head(workspace)
        )
    };
    workspace.write("main.tf", &text(""));
    workspace.apply(&[]).succeeds().says("1 added");
    assert_eq!(stored(workspace, "b"), "one");
    // The value is not known at plan, so it may change; the apply finds that it does not.
    workspace.plan(&[]).has_changes().says("1 to change");
    workspace.apply(&[]).succeeds().says("0 changed");
    // A version text makes the plan quiet.
    workspace.write("main.tf", &text("content_wo_version = 1"));
    workspace.apply(&[]).succeeds();
    workspace.plan(&[]).has_no_changes();
    assert_eq!(workspace.attribute("coffer_secret.b", "version"), "1");
}

fn missing_can_be_null(workspace: &mut Workspace) {
    somebody_else_writes(workspace, "one");
    let text = format!(
        r#"{}
ephemeral "coffer_secret" "x" {{
  name       = "not/there"
  on_missing = "null"
}}

resource "coffer_secret" "b" {{
  name     = "b"
  value_wo = coalesce(ephemeral.coffer_secret.x.value, "fallback")
}}
"#,
        head(workspace)
    );
    workspace.write("main.tf", &text);
    workspace.apply(&[]).succeeds();
    assert_eq!(stored(workspace, "b"), "fallback");
}

fn data_source_has_no_value(workspace: &mut Workspace) {
    somebody_else_writes(workspace, "canary-in-the-vault");
    let head = head(workspace);
    workspace.write(
        "main.tf",
        &format!("{head}\ndata \"coffer_secret\" \"a\" {{\n  name = \"app/a\"\n}}\n\noutput \"a\" {{\n  value = data.coffer_secret.a\n}}\n"),
    );
    workspace.apply(&[]).succeeds().says("main/app/a").says("cfp1.").never_says("canary-in");
    assert!(!workspace.read("terraform.tfstate").contains("canary-in"));
    workspace.plan(&[]).has_no_changes();
}

fn functions(workspace: &mut Workspace) {
    let head = head(workspace);
    workspace.write(
        "main.tf",
        &format!(
            r#"{head}
output "profile" {{
  value = provider::coffer::parse_id("main/app/a").profile
}}

output "name" {{
  value = provider::coffer::parse_id("main/app/a").name
}}

output "key" {{
  value = provider::coffer::render_key("{{{{environment}}}}-{{{{secretKey}}}}", "token", {{ environment = "prod" }})
}}
"#
        ),
    );
    workspace.apply(&[]).succeeds();
    let output = |name| workspace.run(&["output", "-raw", name]).succeeds().stdout;
    assert_eq!(output("profile"), "main");
    assert_eq!(output("name"), "app/a");
    assert_eq!(output("key"), "prod-token");
}

fn functions_refuse(workspace: &mut Workspace) {
    let head = head(workspace);
    for (call, expected) in [
        ("parse_id(\"no-slash\")", "no-slash"),
        ("render_key(\"no-placeholder\", \"a\", {})", "secretKey"),
        ("render_key(\"{{secretKey}}{{secretKey}}\", \"a\", {})", "secretKey"),
    ] {
        workspace.write(
            "main.tf",
            &format!("{head}\noutput \"x\" {{\n  value = provider::coffer::{call}\n}}\n"),
        );
        workspace.plan(&[]).fails().says(expected);
    }
}
