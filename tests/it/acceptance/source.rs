//! Where the value comes from and when: ephemeral values that differ between plan and apply,
//! explicit versions, saved plans, refreshes without configuration.

use super::{configure, given, head, one_secret, somebody_else_writes, stored};
use crate::support::cli::{Workspace, cases};

cases! {
    saved_plan
    saved_plan_with_another_value
    saved_plan_with_the_old_value
    ephemeral_source_that_differs_each_time
    ephemeral_source_with_an_explicit_version
    explicit_version_is_the_only_trigger
    no_value_leaves_the_content_alone
    initial_content_only
    refresh_only
}

fn saved_plan(workspace: &mut Workspace) {
    configure(workspace, "first", "");
    workspace.plan(&["-out=plan"]).has_changes();
    workspace.apply(&["plan"]).succeeds().says("1 added");
    workspace.env("TF_VAR_value", "second");
    workspace.plan(&["-out=plan"]).has_changes();
    workspace.apply(&["plan"]).succeeds().says("1 changed");
    assert_eq!(stored(workspace, "app/a"), "second");
    workspace.plan(&[]).has_no_changes();
}

fn saved_plan_with_another_value(workspace: &mut Workspace) {
    given(workspace, "first", "");
    workspace.env("TF_VAR_value", "second");
    workspace.plan(&["-out=plan"]).has_changes();
    workspace.env("TF_VAR_value", "third");
    workspace.apply(&["plan"]).succeeds().says("1 changed");
    assert_eq!(stored(workspace, "app/a"), "third");
    workspace.plan(&[]).has_no_changes();
}

fn saved_plan_with_the_old_value(workspace: &mut Workspace) {
    given(workspace, "first", "");
    workspace.env("TF_VAR_value", "second");
    workspace.plan(&["-out=plan"]).has_changes();
    workspace.env("TF_VAR_value", "first");
    workspace.apply(&["plan"]).succeeds();
    assert_eq!(stored(workspace, "app/a"), "first");
    assert_eq!(workspace.attribute("coffer_secret.a", "version"), "1");
    workspace.plan(&[]).has_no_changes();
}

/// A second secret takes its value from the first, which somebody else changes all the time.
fn chained(workspace: &Workspace, more: &str) -> String {
    let head = head(workspace);
    format!(
        r#"{head}
ephemeral "coffer_secret" "source" {{
  name = "app/a"
}}

resource "coffer_secret" "b" {{
  name     = "app/b"
  value_wo = ephemeral.coffer_secret.source.value
  {more}
}}
"#
    )
}

fn ephemeral_source_that_differs_each_time(workspace: &mut Workspace) {
    somebody_else_writes(workspace, "one");
    workspace.write("main.tf", &chained(workspace, ""));
    workspace.plan(&["-out=plan"]).has_changes();
    somebody_else_writes(workspace, "two");
    workspace.apply(&["plan"]).succeeds().says("1 added");
    assert_eq!(stored(workspace, "app/b"), "two");
    workspace.plan(&[]).has_no_changes();
    somebody_else_writes(workspace, "three");
    workspace.plan(&["-out=plan"]).has_changes();
    somebody_else_writes(workspace, "four");
    workspace.apply(&["plan"]).succeeds().says("1 changed");
    assert_eq!(stored(workspace, "app/b"), "four");
    workspace.plan(&[]).has_no_changes();
}

fn ephemeral_source_with_an_explicit_version(workspace: &mut Workspace) {
    somebody_else_writes(workspace, "one");
    workspace.write("main.tf", &chained(workspace, "content_wo_version = 1"));
    workspace.apply(&[]).succeeds().says("1 added");
    somebody_else_writes(workspace, "two");
    workspace.plan(&[]).has_no_changes().says("content_wo_version");
    assert_eq!(stored(workspace, "app/b"), "one");
    workspace.write("main.tf", &chained(workspace, "content_wo_version = 2"));
    workspace.apply(&[]).succeeds().says("1 changed");
    assert_eq!(stored(workspace, "app/b"), "two");
    workspace.plan(&[]).has_no_changes();
}

fn explicit_version_is_the_only_trigger(workspace: &mut Workspace) {
    given(workspace, "first", "content_wo_version = \"v1\"");
    workspace.env("TF_VAR_value", "second");
    // Nothing is written, but that the value differs does not go unmentioned.
    workspace.plan(&[]).has_no_changes().says("content_wo_version");
    workspace.apply(&[]).succeeds();
    assert_eq!(stored(workspace, "app/a"), "first");
    workspace.write("main.tf", &one_secret(workspace, "content_wo_version = \"v2\""));
    workspace.apply(&[]).succeeds().says("1 changed");
    assert_eq!(stored(workspace, "app/a"), "second");
    workspace.plan(&[]).has_no_changes();
}

fn no_value_leaves_the_content_alone(workspace: &mut Workspace) {
    given(workspace, "value", "");
    workspace.unset_env("TF_VAR_value");
    workspace.plan(&[]).has_no_changes();
    workspace.write("main.tf", &one_secret(workspace, "description = \"changed\""));
    workspace.apply(&[]).succeeds().says("1 changed");
    assert_eq!(stored(workspace, "app/a"), "value");
    assert_eq!(workspace.attribute("coffer_secret.a", "version"), "1");
    workspace.plan(&[]).has_no_changes();
}

fn initial_content_only(workspace: &mut Workspace) {
    given(workspace, "first", "manage_content = \"initial\"");
    workspace.env("TF_VAR_value", "second");
    workspace.plan(&[]).has_no_changes();
    somebody_else_writes(workspace, "rotated elsewhere");
    workspace.apply(&[]).succeeds();
    assert_eq!(stored(workspace, "app/a"), "rotated elsewhere");
    workspace.plan(&[]).has_no_changes();
}

fn refresh_only(workspace: &mut Workspace) {
    given(workspace, "value", "");
    let fingerprint = workspace.attribute("coffer_secret.a", "fingerprint");
    // By its words: Terraform 1.11 exits with 2, because it compares numbers by their precision.
    workspace.run(&["plan", "-no-color", "-refresh-only"]).succeeds().says("No changes");
    somebody_else_writes(workspace, "changed outside");
    workspace.plan(&["-refresh-only"]).has_changes().says("changed outside of");
    workspace.apply(&["-refresh-only"]).succeeds();
    assert_ne!(workspace.attribute("coffer_secret.a", "fingerprint"), fingerprint);
    assert_eq!(stored(workspace, "app/a"), "changed outside");
    workspace.plan(&[]).has_changes().says("1 to change");
    workspace.apply(&[]).succeeds();
    assert_eq!(stored(workspace, "app/a"), "value");
    workspace.plan(&[]).has_no_changes();
}
