//! Changes made outside: found without a value in the state, overwritten or accepted.

use super::{given, one_secret, somebody_else_writes, stored};
use crate::support::cli::{Workspace, cases};

cases! {
    overwrite
    accept
    metadata
    gone
}

fn overwrite(workspace: &mut Workspace) {
    given(workspace, "ours", "");
    somebody_else_writes(workspace, "theirs");
    workspace.plan(&[]).has_changes().says("0 to add, 1 to change, 0 to destroy");
    workspace.apply(&[]).succeeds().says("1 changed");
    assert_eq!(stored(workspace, "app/a"), "ours");
    assert_eq!(workspace.attribute("coffer_secret.a", "version"), "3");
    workspace.plan(&[]).has_no_changes();
}

fn accept(workspace: &mut Workspace) {
    given(workspace, "ours", "on_drift = \"accept\"");
    somebody_else_writes(workspace, "theirs");
    workspace.plan(&[]).has_no_changes();
    workspace.apply(&[]).succeeds();
    assert_eq!(stored(workspace, "app/a"), "theirs");
    workspace.plan(&[]).has_no_changes();
    // The configuration itself changes: that is written again.
    workspace.env("TF_VAR_value", "ours, changed");
    workspace.plan(&[]).has_changes().says("1 to change");
    workspace.apply(&[]).succeeds().says("1 changed");
    assert_eq!(stored(workspace, "app/a"), "ours, changed");
    workspace.plan(&[]).has_no_changes();
}

fn metadata(workspace: &mut Workspace) {
    given(workspace, "value", "description = \"ours\"");
    let mut other = workspace.beside("somebody-else");
    given(
        &mut other,
        "value",
        "description = \"theirs\"\n  on_existing = \"adopt\"\n  deletion_policy = \"retain\"",
    );
    workspace.plan(&[]).has_changes().says("theirs").says("1 to change");
    workspace.apply(&[]).succeeds();
    assert_eq!(workspace.attribute("coffer_secret.a", "description"), "ours");
    assert_eq!(workspace.attribute("coffer_secret.a", "version"), "1");
    workspace.plan(&[]).has_no_changes();
}

fn gone(workspace: &mut Workspace) {
    given(workspace, "value", "");
    let mut other = workspace.beside("somebody-else");
    given(&mut other, "value", "on_existing = \"adopt\"\n  deletion_policy = \"destroy\"");
    other.destroy().succeeds();
    workspace.plan(&[]).has_changes().says("1 to add");
    workspace.apply(&[]).succeeds().says("1 added");
    assert_eq!(stored(workspace, "app/a"), "value");
    workspace.write("main.tf", &one_secret(workspace, ""));
    workspace.plan(&[]).has_no_changes();
}
