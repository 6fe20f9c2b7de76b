//! The provider's own command line on a vault that a CLI has written.

use super::{given, head};
use crate::support::cli::{Workspace, cases};

cases! {
    looking_into_a_vault
    verifying
    another_key
    starting_by_hand
}

/// `vault COMMAND --path <the vault> ARGUMENTS…`
fn vault(workspace: &Workspace, command: &str, arguments: &[&str]) -> crate::support::cli::Outcome {
    let path = workspace.root().join("vault.db").to_string_lossy().into_owned();
    let mut all = vec!["vault", command, "--path", &path];
    all.extend(arguments);
    workspace.provider(&all)
}

fn looking_into_a_vault(workspace: &mut Workspace) {
    given(workspace, "first-value", "description = \"what for\"");
    given(workspace, "second-value", "description = \"what for\"");
    for (command, arguments) in
        [("list", vec![]), ("show", vec!["app/a"]), ("history", vec!["app/a"])]
    {
        let text = vault(workspace, command, &arguments).succeeds().never_says("-value");
        assert!(!text.stdout.is_empty(), "{command}");
        let mut arguments = arguments.clone();
        arguments.push("--json");
        let json = vault(workspace, command, &arguments).succeeds().never_says("-value");
        let json: serde_json::Value = serde_json::from_str(&json.stdout).expect("JSON");
        assert!(json.to_string().len() > 2, "{command}: {json}");
    }
    vault(workspace, "list", &[]).succeeds().says("app/a").says("generic");
    vault(workspace, "list", &["other/"]).succeeds().never_says("app/a");
    vault(workspace, "show", &["app/a"]).succeeds().says("what for").says("cfp1.h2.");
    let get = |arguments: &[&str]| vault(workspace, "get", arguments).succeeds().stdout;
    assert_eq!(get(&["app/a"]).trim_end(), "second-value");
    assert_eq!(get(&["app/a", "--version", "1"]).trim_end(), "first-value");
    assert_eq!(get(&["app/a", "--state", "previous"]).trim_end(), "first-value");
    vault(workspace, "get", &["not/there"]).fails().says("not/there");
    vault(workspace, "get", &["app/a", "--version", "9"]).fails().never_says("-value");
    workspace.destroy().succeeds();
    vault(workspace, "list", &[]).succeeds().never_says("app/a");
    vault(workspace, "list", &["--deleted"]).succeeds().says("app/a");
}

fn verifying(workspace: &mut Workspace) {
    given(workspace, "value", "");
    vault(workspace, "verify", &[]).succeeds();
    let path = workspace.root().join("vault.db");
    let mut bytes = std::fs::read(&path).expect("the vault is there");
    let middle = bytes.len() / 2;
    for byte in &mut bytes[middle..] {
        *byte ^= 0x40;
    }
    std::fs::write(&path, bytes).expect("the vault can be damaged");
    vault(workspace, "verify", &[]).fails();
}

fn another_key(workspace: &mut Workspace) {
    given(workspace, "value", "");
    let print = workspace.attribute("coffer_secret.a", "fingerprint");
    let new_key = workspace.root().join("new.key").to_string_lossy().into_owned();
    vault(workspace, "rekey", &["--new-key-file", &new_key]).succeeds();
    // The old key opens nothing any more; the new one opens everything, and no print changes.
    workspace.plan(&[]).fails().says("key");
    workspace.env("COFFER_EMBEDDED_KEY_FILE", &new_key);
    workspace.plan(&[]).has_no_changes();
    assert_eq!(workspace.attribute("coffer_secret.a", "fingerprint"), print);
    let read = vault(workspace, "get", &["app/a", "--key-file", &new_key]).succeeds();
    assert_eq!(read.stdout.trim_end(), "value");
}

fn starting_by_hand(workspace: &mut Workspace) {
    workspace.write("main.tf", &head(workspace));
    workspace.provider(&[]).fails().says("required_providers").says("--help");
    workspace.provider(&["--help"]).succeeds().says("vault").says("--debug");
    let version = workspace.provider(&["--version"]).succeeds().stdout;
    assert_eq!(version.trim(), concat!("terraform-provider-coffer ", env!("CARGO_PKG_VERSION")));
    let wrong = workspace.provider(&["vault", "steal"]);
    assert_eq!(wrong.code, Some(2), "{}", wrong.text());
}
