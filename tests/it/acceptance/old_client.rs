//! A client without write-only arguments: refused with our words, nothing written.

use super::one_secret;
use crate::support::cli::{Cli, Workspace, run_case};

#[test]
fn opentofu_1_6_is_refused() {
    run_case(Cli::OpenTofu16, concat!(module_path!(), "::opentofu_1_6_is_refused"), |workspace| {
        let text = one_secret(workspace, "").replace("ephemeral = true", "sensitive = true");
        workspace.write("main.tf", &text);
        workspace.env("TF_VAR_value", "hidden-value-1234");
        refused(workspace, &["plan", "-no-color"]);
        refused(workspace, &["apply", "-no-color", "-auto-approve"]);
        assert!(!workspace.root().join("vault.db").exists());
    });
}

fn refused(workspace: &Workspace, arguments: &[&str]) {
    workspace
        .run(arguments)
        .fails()
        .says("Write-only attribute is not supported")
        .says("1.11")
        .never_says("hidden-value-1234");
}
