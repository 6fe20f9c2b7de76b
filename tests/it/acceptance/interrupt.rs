//! Ctrl-C in the middle of an apply: a truthful state, and a second run that finishes.

use std::process::Command;
use std::thread::sleep;
use std::time::{Duration, Instant};

use super::head;
use crate::support::cli::{Workspace, cases};

cases! {
    interrupted_apply
}

fn interrupted_apply(workspace: &mut Workspace) {
    let head = head(workspace);
    let text = format!(
        r#"{head}
resource "coffer_secret" "a" {{
  count    = 400
  name     = "many/${{count.index}}"
  value_wo = "${{var.value}}-${{count.index}}"
}}
"#
    );
    workspace.write("main.tf", &text);
    workspace.env("TF_VAR_value", "value");
    let running = workspace.start(&["apply", "-no-color", "-auto-approve", "-parallelism=2"]);
    let until = Instant::now() + Duration::from_secs(60);
    while !running.output().contains("Creation complete") && Instant::now() < until {
        sleep(Duration::from_millis(10));
    }
    let interrupted = Instant::now();
    let done = Command::new("kill").args(["-INT", &running.pid().to_string()]).status();
    assert!(done.is_ok_and(|status| status.success()));
    let outcome = running.wait();
    assert!(interrupted.elapsed() < Duration::from_secs(20), "{}", outcome.text());
    assert!(!outcome.text().contains("crash"), "{}", outcome.text());
    // What was made is in the state, what was not is not; the second run makes the rest.
    workspace.apply(&[]).succeeds();
    workspace.plan(&[]).has_no_changes();
}
