//! `moved` from the peers' types: the secret is found in a vault of ours by its identity, and the
//! value in the old state is dropped.
//!
//! The old state is written by hand. The CLI wants the schema of the peer's provider as long as
//! something of it is in the state; ours, installed under the peer's name, is what it gets to ask.

use super::{head, stored};
use crate::support::cli::{Workspace, cases};

cases! {
    between_names_of_one_type
}

fn between_names_of_one_type(workspace: &mut Workspace) {
    let resource = |name: &str| {
        format!(
            "\nresource \"coffer_secret\" \"{name}\" {{\n  name     = \"app/a\"\n  value_wo = var.value\n}}\n"
        )
    };
    let head = head(workspace);
    workspace.write("main.tf", &format!("{head}{}", resource("old")));
    workspace.env("TF_VAR_value", "value");
    workspace.apply(&[]).succeeds();
    let moved = "\nmoved {\n  from = coffer_secret.old\n  to   = coffer_secret.new\n}\n";
    workspace.write("main.tf", &format!("{head}{}{moved}", resource("new")));
    workspace.apply(&[]).succeeds().says("0 added, 0 changed, 0 destroyed");
    assert_eq!(workspace.attribute("coffer_secret.new", "id"), "main/app/a");
    assert_eq!(stored(workspace, "app/a"), "value");
    workspace.plan(&[]).has_no_changes();
}
