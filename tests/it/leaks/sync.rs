//! No secret byte where it does not belong: syncs, their status, runs by action, imports, failures.

use std::fs;

use super::{HEAD, Watched};
use crate::support::cli::{Workspace, cases};

cases! {
    syncs
}

const SYNC: &str = r#"
resource "coffer_secret_sync" "s" {
  name         = "s"
  source       = { regexp = "[a-z]", rotation_state = "current" }
  destinations = { second = { profile = "two", key_schema = "x/{{secretKey}}" } }
}

data "coffer_sync_status" "s" {
  name         = "s"
  destinations = ["two"]
  depends_on   = [coffer_secret_sync.s]
}

output "copies" {
  value = data.coffer_sync_status.s.copies
}
"#;

const ACTION: &str = r#"
action "coffer_sync" "now" {
  config {
    name         = "s"
    source       = { names = ["*"] }
    destinations = { second = { profile = "two", key_schema = "x/{{secretKey}}" } }
  }
}
"#;

fn syncs(workspace: &mut Workspace) {
    let mut watched = Watched::new(workspace);
    let provider = "provider \"coffer\" {\n  default_profile = \"main\"\n  profiles = {\n    main = { \
                    embedded = { path = \"main.db\" } }\n    two = { embedded = { path = \"two.db\" } \
                    }\n  }\n}\n";
    let secret =
        "resource \"coffer_secret\" \"a\" {\n  name     = \"a\"\n  value_wo = var.value\n}\n";
    let text = |more: &str| HEAD.replace("provider \"coffer\" {}", provider) + secret + more;
    watched.value(0);
    watched.workspace.write("main.tf", &text(""));
    watched.plan_and_apply();
    watched.workspace.write("main.tf", &text(SYNC));
    watched.plan_and_apply();
    assert_eq!(watched.workspace.attribute("coffer_sync_status.s", "status"), "synced");
    watched.value(1);
    watched.run(&["apply", "-no-color", "-auto-approve", "-target=coffer_secret.a"]).succeeds();
    let cli = watched.workspace.cli();
    if !cli.is_tofu() && cli.version() >= (1, 14) {
        watched.workspace.write("main.tf", &text(&format!("{SYNC}{ACTION}")));
        let now = ["apply", "-no-color", "-auto-approve", "-invoke=action.coffer_sync.now"];
        watched.run(&now).succeeds().says("1 updated");
        fs::rename(watched.workspace.file("two.db"), watched.workspace.file("kept")).unwrap();
        fs::write(watched.workspace.file("two.db"), "no vault at all").unwrap();
        watched.run(&now).fails();
        fs::rename(watched.workspace.file("kept"), watched.workspace.file("two.db")).unwrap();
    }
    let id = watched.workspace.attribute("coffer_secret_sync.s", "id");
    watched.run(&["state", "rm", "coffer_secret_sync.s"]).succeeds();
    watched.run(&["import", "-no-color", "coffer_secret_sync.s", &format!("s.{id}")]).succeeds();
    watched.plan_and_apply();
    watched.run(&["plan", "-no-color", "-detailed-exitcode"]).has_no_changes();
    watched.run(&["destroy", "-no-color", "-auto-approve"]).succeeds();
    watched.search_files(&["terraform.tfstate", "saved.plan", "main.db", "two.db", "trace.log"]);
}
