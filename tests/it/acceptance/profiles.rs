//! Several vaults in one run, moving between them, and vaults that cannot be opened.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;

use super::{configure, given, one_secret};
use crate::support::cli::{Workspace, cases};
use crate::support::vault::Vault;

cases! {
    two_profiles_in_one_run
    moving_between_profiles
    wrong_key
    key_file_is_private
    key_file_open_to_others
    passphrase
    one_bad_profile_fails_only_its_secrets
    profile_with_two_backends
}

const KEY_A: &str = "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=";
const KEY_B: &str = "HxwbGhkYFxYVFBMSERAPDg0MCwoJCAcGBQQDAgEAAQI=";

fn two_vaults(body: &str) -> String {
    format!(
        r#"
terraform {{
  required_providers {{
    coffer = {{
      source = "coffer/coffer"
    }}
  }}
}}

provider "coffer" {{
  default_profile = "one"
  profiles = {{
    one = {{ embedded = {{ path = "one.db" }} }}
    two = {{ embedded = {{ path = "two.db" }} }}
  }}
}}

variable "value" {{
  type      = string
  ephemeral = true
}}
{body}
"#
    )
}

fn get(workspace: &Workspace, vault: &str, name: &str) -> Option<String> {
    Vault::at(&workspace.file(vault)).value(name)
}

fn two_profiles_in_one_run(workspace: &mut Workspace) {
    let body = r#"
resource "coffer_secret" "a" {
  name     = "same-name"
  value_wo = var.value
}

resource "coffer_secret" "b" {
  profile  = "two"
  name     = "same-name"
  value_wo = "other"
}
"#;
    workspace.write("main.tf", &two_vaults(body));
    workspace.env("TF_VAR_value", "value");
    workspace.apply(&[]).succeeds().says("2 added");
    assert_eq!(workspace.attribute("coffer_secret.a", "id"), "one/same-name");
    assert_eq!(workspace.attribute("coffer_secret.b", "id"), "two/same-name");
    assert_eq!(get(workspace, "one.db", "same-name").as_deref(), Some("value"));
    assert_eq!(get(workspace, "two.db", "same-name").as_deref(), Some("other"));
    workspace.plan(&[]).has_no_changes();
    workspace.destroy().succeeds().says("2 destroyed");
}

fn moving_between_profiles(workspace: &mut Workspace) {
    let body = |profile: &str| {
        format!(
            r#"
resource "coffer_secret" "a" {{
  profile  = "{profile}"
  name     = "wanderer"
  value_wo = var.value
}}
"#
        )
    };
    workspace.write("main.tf", &two_vaults(&body("one")));
    workspace.env("TF_VAR_value", "value");
    workspace.apply(&[]).succeeds();
    workspace.write("main.tf", &two_vaults(&body("two")));
    workspace.plan(&[]).has_changes().says("0 to add, 1 to change, 0 to destroy");
    workspace.apply(&[]).succeeds().says("1 changed");
    assert_eq!(workspace.attribute("coffer_secret.a", "id"), "two/wanderer");
    assert_eq!(get(workspace, "two.db", "wanderer").as_deref(), Some("value"));
    assert_eq!(get(workspace, "one.db", "wanderer"), None);
    workspace.plan(&[]).has_no_changes();
}

fn wrong_key(workspace: &mut Workspace) {
    workspace.env("COFFER_EMBEDDED_KEY", KEY_A);
    given(workspace, "value", "");
    let before = fs::read(workspace.root().join("vault.db")).expect("the vault is there");
    workspace.env("COFFER_EMBEDDED_KEY", KEY_B);
    let outcome = workspace.plan(&[]).fails().says("key").never_says(KEY_A).never_says(KEY_B);
    assert_eq!(outcome.text().matches("Error:").count(), 1, "{}", outcome.text());
    workspace.apply(&[]).fails();
    assert!(fs::read(workspace.root().join("vault.db")).expect("the vault is there") == before);
    workspace.env("COFFER_EMBEDDED_KEY", "too short");
    workspace.plan(&[]).fails().says("32 bytes").never_says("too short");
    workspace.env("COFFER_EMBEDDED_KEY", KEY_A);
    workspace.plan(&[]).has_no_changes();
    let path = workspace.root().join("vault.db");
    assert_eq!(Vault::at(&path).under(KEY_A).value("app/a").as_deref(), Some("value"));
}

fn key_file_is_private(workspace: &mut Workspace) {
    configure(workspace, "value", "");
    workspace.apply(&[]).succeeds().says("vault.db.key");
    let mode = |name: &str| {
        let path = workspace.root().join(name);
        fs::metadata(path).expect("the file is there").permissions().mode() & 0o777
    };
    assert_eq!(mode("vault.db.key"), 0o600);
    assert_eq!(mode("vault.db"), 0o600);
    // Said once, not on every run.
    workspace.plan(&[]).has_no_changes().never_says("vault.db.key");
}

fn key_file_open_to_others(workspace: &mut Workspace) {
    given(workspace, "value", "");
    let key = workspace.root().join("vault.db.key");
    fs::set_permissions(&key, fs::Permissions::from_mode(0o644)).expect("the mode can be set");
    workspace.plan(&[]).fails().says("vault.db.key").says("chmod 600");
    fs::set_permissions(&key, fs::Permissions::from_mode(0o600)).expect("the mode can be set");
    workspace.plan(&[]).has_no_changes();
}

fn passphrase(workspace: &mut Workspace) {
    workspace.env("COFFER_EMBEDDED_PASSPHRASE", "a long enough passphrase");
    given(workspace, "value", "");
    workspace.plan(&[]).has_no_changes();
    assert!(!workspace.root().join("vault.db.key").exists());
    workspace.env("COFFER_EMBEDDED_PASSPHRASE", "another passphrase");
    workspace.plan(&[]).fails().says("passphrase").never_says("another passphrase");
}

fn one_bad_profile_fails_only_its_secrets(workspace: &mut Workspace) {
    let body = r#"
resource "coffer_secret" "good" {
  name     = "good"
  value_wo = var.value
}

resource "coffer_secret" "bad" {
  profile  = "two"
  name     = "bad"
  value_wo = var.value
}
"#;
    workspace.write("main.tf", &two_vaults(body));
    workspace.write("two.db", "this is not a vault, but a file with some text in it\n");
    workspace.env("TF_VAR_value", "value");
    workspace.plan(&[]).fails().says("two").never_says("coffer_secret.good,");
    workspace.apply(&["-target=coffer_secret.good"]).succeeds().says("1 added");
    assert_eq!(workspace.read("two.db"), "this is not a vault, but a file with some text in it\n");
}

fn profile_with_two_backends(workspace: &mut Workspace) {
    let text =
        one_secret(workspace, "").replace("main = { embedded", "empty = {}\n    main = { embedded");
    workspace.write("main.tf", &text);
    workspace.env("TF_VAR_value", "value");
    workspace.plan(&[]).fails().says("empty").says("embedded");
}
