//! What destroying does, by policy, and what creating does with a name that is taken.

use coffer::domain::port::Lifecycle;

use super::{configure, given, one_secret, somebody_else_writes, stored};
use crate::support::cli::{Workspace, cases};
use crate::support::vault::Vault;

cases! {
    recoverable_then_created_again
    recovered_with_the_same_content_keeps_its_version
    recovered_with_other_content_gets_a_version
    prevent
    retain
    disable
    destroy_for_good
    taken_name_is_refused_at_plan
    taken_name_is_adopted
    deleted_name_is_refused_when_asked
    recovery_window_outside_the_limits
}

fn lifecycle(workspace: &Workspace) -> Option<Lifecycle> {
    let path = workspace.root().join("vault.db");
    Vault::at(&path).lifecycle("app/a")
}

fn recoverable_then_created_again(workspace: &mut Workspace) {
    given(workspace, "value", "recovery_window_days = 7");
    workspace.destroy().succeeds().says("1 destroyed");
    assert!(matches!(lifecycle(workspace), Some(Lifecycle::Deleted { .. })));
    workspace.apply(&[]).succeeds().says("1 added").says("recovered");
    assert_eq!(stored(workspace, "app/a"), "value");
    workspace.plan(&[]).has_no_changes();
}

fn recovered_with_the_same_content_keeps_its_version(workspace: &mut Workspace) {
    given(workspace, "value", "");
    let fingerprint = workspace.attribute("coffer_secret.a", "fingerprint");
    workspace.destroy().succeeds();
    workspace.apply(&[]).succeeds();
    assert_eq!(workspace.attribute("coffer_secret.a", "version"), "1");
    assert_eq!(workspace.attribute("coffer_secret.a", "fingerprint"), fingerprint);
}

fn recovered_with_other_content_gets_a_version(workspace: &mut Workspace) {
    given(workspace, "first", "description = \"before\"");
    workspace.destroy().succeeds();
    configure(workspace, "second", "description = \"after\"");
    workspace.apply(&[]).succeeds();
    assert_eq!(workspace.attribute("coffer_secret.a", "version"), "2");
    assert_eq!(workspace.attribute("coffer_secret.a", "description"), "after");
    assert_eq!(stored(workspace, "app/a"), "second");
    workspace.plan(&[]).has_no_changes();
}

fn prevent(workspace: &mut Workspace) {
    given(workspace, "value", "deletion_policy = \"prevent\"");
    workspace.destroy().fails().says("deletion_policy");
    workspace.plan(&["-destroy"]).fails().says("deletion_policy");
    assert_eq!(stored(workspace, "app/a"), "value");
    workspace.plan(&[]).has_no_changes();
    given(workspace, "value", "deletion_policy = \"destroy\"");
    workspace.destroy().succeeds().says("1 destroyed");
}

fn retain(workspace: &mut Workspace) {
    given(workspace, "value", "deletion_policy = \"retain\"");
    workspace.destroy().succeeds().says("1 destroyed");
    assert_eq!(stored(workspace, "app/a"), "value");
}

fn disable(workspace: &mut Workspace) {
    given(workspace, "value", "deletion_policy = \"disable\"");
    workspace.destroy().succeeds().says("1 destroyed");
    assert_eq!(lifecycle(workspace), Some(Lifecycle::Disabled));
}

fn destroy_for_good(workspace: &mut Workspace) {
    given(workspace, "value", "deletion_policy = \"destroy\"");
    workspace.destroy().succeeds().says("1 destroyed");
    assert_eq!(lifecycle(workspace), None);
    workspace.apply(&[]).succeeds().says("1 added");
    assert_eq!(workspace.attribute("coffer_secret.a", "version"), "1");
}

fn taken_name_is_refused_at_plan(workspace: &mut Workspace) {
    somebody_else_writes(workspace, "theirs");
    configure(workspace, "ours", "");
    workspace.plan(&[]).fails().says("app/a").says("adopt").never_says("theirs");
    assert_eq!(stored(workspace, "app/a"), "theirs");
}

fn taken_name_is_adopted(workspace: &mut Workspace) {
    somebody_else_writes(workspace, "theirs");
    given(workspace, "ours", "on_existing = \"adopt\"");
    assert_eq!(stored(workspace, "app/a"), "ours");
    assert_eq!(workspace.attribute("coffer_secret.a", "version"), "2");
    workspace.plan(&[]).has_no_changes();
}

fn deleted_name_is_refused_when_asked(workspace: &mut Workspace) {
    given(workspace, "value", "");
    workspace.destroy().succeeds();
    configure(workspace, "value", "on_existing = \"fail\"");
    workspace.plan(&[]).fails().says("app/a");
    workspace.write("main.tf", &one_secret(workspace, "on_existing = \"recover\""));
    workspace.apply(&[]).succeeds();
}

fn recovery_window_outside_the_limits(workspace: &mut Workspace) {
    configure(workspace, "value", "recovery_window_days = 100000");
    workspace.plan(&[]).fails().says("recovery_window_days");
}
