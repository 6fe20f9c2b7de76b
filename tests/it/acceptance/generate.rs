//! `generate`: values that coffer makes, once, and never tells.

use std::process::Command;
use std::thread::sleep;
use std::time::{Duration, Instant};

use super::version::providers_of;
use super::{head, stored};
use crate::support::canary::{Canary, Search};
use crate::support::cli::{Workspace, cases};

cases! {
    value_is_made_once_and_stays
    changed_arguments_make_a_new_value
    due_rotation_shows_and_is_done
    key_pairs_tell_their_public_half
    existing_value_is_kept
    value_that_others_manage_is_left_to_them
    interrupted_create_is_gone_on_with
    generated_versions_are_staged
    interrupted_rotation_is_gone_on_with
    replaced_version_has_another_value
    impossible_orders_are_refused
    killed_creates
    nothing_made_is_told
}

/// Writes a secret `coffer_secret.a` with this `generate`.
fn order(workspace: &Workspace, generate: &str, more: &str) {
    let head = head(workspace);
    workspace.write(
        "main.tf",
        &format!(
            r#"{head}
resource "coffer_secret" "a" {{
  name            = "app/a"
  deletion_policy = "destroy"
  {more}
  generate = {{ {generate} }}
}}
"#
        ),
    );
}

fn value_is_made_once_and_stays(workspace: &mut Workspace) {
    let password = r#"kind = "password", length = 40, characters = { lower = 5, digits = 5 }"#;
    order(workspace, password, "");
    workspace.plan(&[]).has_changes().says("1 to add").says("generate");
    workspace.apply(&[]).succeeds();
    let value = stored(workspace, "app/a");
    assert_eq!(value.len(), 40);
    assert!(value.chars().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit()));
    assert!(!workspace.read("terraform.tfstate").contains(&value), "the state has the value");
    workspace.plan(&[]).has_no_changes();
    workspace.apply(&[]).succeeds();
    workspace.apply(&["-refresh-only"]).succeeds();
    order(workspace, password, "description = \"a text\"");
    workspace.plan(&[]).says("0 to add, 1 to change").never_says("fingerprint");
    workspace.apply(&[]).succeeds();
    assert_eq!(stored(workspace, "app/a"), value);
    let saved = workspace.run(&["plan", "-out=saved"]).succeeds();
    saved.never_says(&value);
    assert_eq!(workspace.attribute("coffer_secret.a", "type"), "generic");
}

fn changed_arguments_make_a_new_value(workspace: &mut Workspace) {
    let token = |keeper: &str| format!(r#"kind = "token", keepers = {{ owner = "{keeper}" }}"#);
    order(workspace, &token("anna"), "");
    workspace.apply(&[]).succeeds();
    let first = stored(workspace, "app/a");
    order(workspace, &token("berta"), "");
    workspace
        .plan(&[])
        .has_changes()
        .says("\"anna\" -> \"berta\"")
        .says("fingerprint")
        .says("0 to add, 1 to change, 0 to destroy");
    workspace.apply(&[]).succeeds();
    let second = stored(workspace, "app/a");
    assert_ne!(first, second);
    assert_eq!(workspace.attribute("coffer_secret.a", "version"), "2");
    workspace.plan(&[]).has_no_changes();
    order(workspace, r#"kind = "uuid""#, "");
    workspace.apply(&[]).succeeds();
    assert_eq!(stored(workspace, "app/a").len(), 36);
    order(workspace, r#"kind = "password", username = "app""#, "");
    workspace.plan(&[]).says("basic_auth");
    workspace.apply(&[]).succeeds();
    assert_eq!(workspace.attribute("coffer_secret.a", "type"), "basic_auth");
    workspace.plan(&[]).has_no_changes();
}

/// Lets the state say that the rotation was due long ago. A refresh would look again.
fn age(workspace: &Workspace) {
    let state = workspace.read("terraform.tfstate");
    let due = workspace.attribute("coffer_secret.a", "rotate_at");
    assert!(state.contains(&due));
    workspace.write("terraform.tfstate", &state.replace(&due, "2020-02-02T00:00:00Z"));
}

fn due_rotation_shows_and_is_done(workspace: &mut Workspace) {
    order(workspace, r#"kind = "token""#, "");
    workspace.apply(&[]).succeeds();
    let first = stored(workspace, "app/a");
    // Taking the rotation in makes no value.
    order(workspace, r#"kind = "token", rotate_after_days = 30"#, "");
    workspace.apply(&[]).succeeds();
    assert_eq!(stored(workspace, "app/a"), first);
    assert!(!workspace.attribute("coffer_secret.a", "rotate_at").is_empty());
    workspace.plan(&[]).has_no_changes();
    age(workspace);
    workspace
        .plan(&["-refresh=false"])
        .has_changes()
        .says("Rotation is due")
        .says("2020-02-02")
        .says("0 to add, 1 to change");
    workspace.apply(&["-refresh=false"]).succeeds();
    assert_ne!(stored(workspace, "app/a"), first);
    workspace.plan(&[]).has_no_changes();
}

fn key_pairs_tell_their_public_half(workspace: &mut Workspace) {
    order(workspace, r#"kind = "ed25519", format = "openssh""#, "");
    workspace.apply(&[]).succeeds();
    let public = workspace.attribute("coffer_secret.a", "public_key");
    assert!(public.starts_with("ssh-ed25519 AAAA"), "{public}");
    assert_eq!(workspace.attribute("coffer_secret.a", "type"), "private_key");
    workspace.plan(&[]).has_no_changes();
    order(workspace, r#"kind = "ec", length = 384"#, "");
    workspace.plan(&[]).says("public_key");
    workspace.apply(&[]).succeeds();
    let public = workspace.attribute("coffer_secret.a", "public_key");
    assert!(public.starts_with("-----BEGIN PUBLIC KEY-----"), "{public}");
    let state = workspace.read("terraform.tfstate");
    assert!(!state.contains("PRIVATE KEY"), "the private half is in the state");
    order(workspace, r#"kind = "token""#, "");
    workspace.apply(&[]).succeeds();
    assert!(workspace.attributes("coffer_secret.a")["public_key"].is_null());
}

fn existing_value_is_kept(workspace: &mut Workspace) {
    super::given(workspace, "by hand", "deletion_policy = \"destroy\"");
    order(workspace, r#"kind = "token""#, "");
    workspace.plan(&[]).says("Present value is kept");
    workspace.apply(&[]).succeeds();
    assert_eq!(stored(workspace, "app/a"), "by hand");
    workspace.plan(&[]).has_no_changes();
    // The same for an import.
    workspace.run(&["state", "rm", "coffer_secret.a"]).succeeds();
    workspace.run(&["import", "coffer_secret.a", "main/app/a"]).succeeds();
    workspace.apply(&[]).succeeds();
    assert_eq!(stored(workspace, "app/a"), "by hand");
    workspace.plan(&[]).has_no_changes();
}

/// With `manage_content = "initial"` only the first value is coffer's.
fn value_that_others_manage_is_left_to_them(workspace: &mut Workspace) {
    let initial = "manage_content = \"initial\"";
    let pair = |owner: &str| format!(r#"kind = "ed25519", keepers = {{ owner = "{owner}" }}"#);
    order(workspace, &pair("anna"), initial);
    workspace.apply(&[]).succeeds().never_says("No value is made");
    let first = workspace.attribute("coffer_secret.a", "fingerprint");
    let public = workspace.attribute("coffer_secret.a", "public_key");
    order(workspace, &pair("berta"), initial);
    workspace
        .plan(&[])
        .says("No value is made")
        .says("\"anna\" -> \"berta\"")
        .says("0 to add, 1 to change")
        .never_says("known after apply");
    workspace.apply(&[]).succeeds();
    assert_eq!(workspace.attribute("coffer_secret.a", "fingerprint"), first);
    assert_eq!(workspace.attribute("coffer_secret.a", "version"), "1");
    assert_eq!(workspace.attribute("coffer_secret.a", "public_key"), public);
    workspace.plan(&[]).has_no_changes().never_says("No value is made");
    // Taken back, a change of keepers makes one.
    order(workspace, &pair("carla"), "");
    workspace.plan(&[]).has_changes().says("fingerprint").never_says("No value is made");
    workspace.apply(&[]).succeeds();
    assert_ne!(workspace.attribute("coffer_secret.a", "fingerprint"), first);
    workspace.plan(&[]).has_no_changes();
    order(workspace, r#"kind = "token", rotate_after_days = 30"#, initial);
    workspace.run(&["validate"]).fails().says("generate.rotate_after_days").says("never be made");
}

fn interrupted_create_is_gone_on_with(workspace: &mut Workspace) {
    order(workspace, r#"kind = "rsa", length = 2048"#, "");
    workspace.apply(&[]).succeeds();
    let public = workspace.attribute("coffer_secret.a", "public_key");
    // Killed after the vault had it and before the state did.
    workspace.run(&["state", "rm", "coffer_secret.a"]).succeeds();
    workspace.plan(&[]).says("interrupted run will be taken over");
    workspace.apply(&[]).succeeds();
    assert_eq!(workspace.attribute("coffer_secret.a", "version"), "1");
    assert_eq!(workspace.attribute("coffer_secret.a", "public_key"), public);
    workspace.plan(&[]).has_no_changes();
    // Another kind is another secret.
    workspace.run(&["state", "rm", "coffer_secret.a"]).succeeds();
    order(workspace, r#"kind = "token""#, "");
    workspace.plan(&[]).fails().says("taken");
}

fn generated_versions_are_staged(workspace: &mut Workspace) {
    let head = head(workspace);
    let write = |workspace: &Workspace, state: &str, keeper: u8| {
        workspace.write(
            "main.tf",
            &format!(
                r#"{head}
resource "coffer_secret" "a" {{
  name           = "app/a"
  value_wo       = "one"
  manage_content = "initial"
}}

resource "coffer_secret_version" "next" {{
  secret_id      = coffer_secret.a.id
  rotation_state = "{state}"
  generate       = {{ kind = "password", keepers = {{ n = "{keeper}" }} }}
}}
"#
            ),
        );
    };
    write(workspace, "pending", 1);
    workspace.apply(&[]).succeeds();
    assert_eq!(stored(workspace, "app/a"), "one");
    workspace.plan(&[]).has_no_changes();
    write(workspace, "current", 1);
    workspace.apply(&[]).succeeds();
    let second = stored(workspace, "app/a");
    assert_eq!(second.len(), 32);
    workspace.plan(&[]).has_no_changes();
    write(workspace, "current", 2);
    workspace.plan(&[]).says("0 to add, 1 to change");
    workspace.apply(&[]).succeeds();
    assert_ne!(stored(workspace, "app/a"), second);
    assert_eq!(workspace.attribute("coffer_secret_version.next", "number"), "3");
    workspace.plan(&[]).has_no_changes();
    assert!(!workspace.read("terraform.tfstate").contains(&second));
}

fn impossible_orders_are_refused(workspace: &mut Workspace) {
    for (generate, says) in [
        (r#"kind = "password", length = 3"#, "generate.length"),
        (r#"kind = "password", length = 8, characters = { lower = 9 }"#, "at least 9"),
        (r#"kind = "password", characters = { digits = 1, exclude = "0123456789" }"#, "excluded"),
        (r#"kind = "rsa", length = 1024"#, "2048, 3072 or 4096"),
        (r#"kind = "ec", format = "openssh""#, "generate.format"),
        (r#"kind = "uuid", length = 5"#, "generate.length"),
        (r#"kind = "pin""#, "generate.kind"),
    ] {
        order(workspace, generate, "");
        workspace.run(&["validate"]).fails().says(says);
    }
    order(workspace, r#"kind = "uuid""#, "value_wo = \"x\"");
    workspace.run(&["validate"]).fails().says("value_wo");
    order(workspace, r#"kind = "uuid""#, "content_wo_version = \"x\"");
    workspace.run(&["validate"]).fails().says("content_wo_version");
}

/// The vault has the new value and the state does not: it is taken, not made once more.
fn interrupted_rotation_is_gone_on_with(workspace: &mut Workspace) {
    let pair = |owner: &str| {
        format!(r#"kind = "ed25519", format = "openssh", keepers = {{ owner = "{owner}" }}"#)
    };
    order(workspace, &pair("anna"), "");
    workspace.apply(&[]).succeeds();
    let before = workspace.read("terraform.tfstate");
    order(workspace, &pair("berta"), "");
    workspace.apply(&[]).succeeds();
    let public = workspace.attribute("coffer_secret.a", "public_key");
    workspace.write("terraform.tfstate", &before);
    workspace.apply(&[]).succeeds();
    assert_eq!(workspace.attribute("coffer_secret.a", "version"), "2");
    assert_eq!(workspace.attribute("coffer_secret.a", "public_key"), public);
    workspace.plan(&[]).has_no_changes();
    // Back to the first owner is another value again, not the first one.
    order(workspace, &pair("anna"), "");
    workspace.apply(&[]).succeeds();
    assert_eq!(workspace.attribute("coffer_secret.a", "version"), "3");
}

/// Replacing a version gets rid of its value, and two resources never share one.
fn replaced_version_has_another_value(workspace: &mut Workspace) {
    let head = head(workspace);
    let text = format!(
        r#"{head}
resource "coffer_secret" "a" {{
  name           = "app/a"
  value_wo       = "one"
  manage_content = "initial"
}}
"#
    );
    workspace.write("main.tf", &text);
    workspace.apply(&[]).succeeds();
    workspace.write(
        "main.tf",
        &format!(
            r#"{text}
resource "coffer_secret_version" "next" {{
  secret_id      = coffer_secret.a.id
  rotation_state = "pending"
  generate       = {{ kind = "token" }}
}}
"#
        ),
    );
    workspace.apply(&[]).succeeds();
    assert_eq!(workspace.attribute("coffer_secret_version.next", "number"), "2");
    workspace.apply(&["-replace=coffer_secret_version.next"]).succeeds();
    assert_eq!(workspace.attribute("coffer_secret_version.next", "number"), "3");
    workspace.plan(&[]).has_no_changes();
}

/// Killed at any moment of a create, one apply later there is one value.
fn killed_creates(workspace: &mut Workspace) {
    let mut rounds = 0;
    for delay in [0_u64, 10, 25, 60, 120] {
        order(workspace, r#"kind = "token""#, "");
        let running = workspace.start(&["apply", "-no-color", "-auto-approve"]);
        let until = Instant::now() + Duration::from_secs(60);
        while !running.output().contains("Creating...") && Instant::now() < until {
            sleep(Duration::from_millis(2));
        }
        sleep(Duration::from_millis(delay));
        for id in providers_of(running.pid()) {
            let _ = Command::new("kill").args(["-KILL", &id.to_string()]).status();
            rounds += 1;
        }
        let _ = running.wait();
        workspace.apply(&[]).succeeds();
        assert_eq!(workspace.attribute("coffer_secret.a", "version"), "1", "{delay} ms");
        workspace.plan(&[]).has_no_changes();
        workspace.destroy().succeeds();
    }
    assert!(rounds > 0, "nothing was ever killed");
}

/// No value is in a file or a message, at the loudest log.
fn nothing_made_is_told(workspace: &mut Workspace) {
    let log = workspace.root().join("trace.log");
    workspace.env("TF_LOG", "TRACE");
    workspace.env("TF_LOG_PATH", &log.to_string_lossy());
    let mut canaries = Vec::new();
    let mut texts = Vec::new();
    for keeper in [1, 2] {
        // Words of a phrase would be found in any text.
        let token = format!(r#"kind = "token", length = 40, keepers = {{ n = "{keeper}" }}"#);
        order(workspace, &token, "");
        texts.push(workspace.run(&["plan", "-no-color", "-out=saved.plan"]).succeeds().text());
        texts.push(workspace.apply(&[]).succeeds().text());
        canaries.push(Canary::of(&stored(workspace, "app/a")));
    }
    texts.push(workspace.run(&["show", "-json"]).succeeds().text());
    let search = Search::new(&canaries);
    for text in &texts {
        search.assert_none_in("a command", text);
    }
    let searched = search.assert_none_below(workspace.root());
    for name in ["trace.log", "terraform.tfstate", "saved.plan"] {
        assert!(searched.has(name), "{name} was not there to search: {:?}", searched.files);
    }
}
