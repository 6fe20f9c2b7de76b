//! `sync_to` of a profile: copies that live and die with their secret, and say how they are.

use serde_json::Value;

use crate::support::cli::{Workspace, cases};
use crate::support::vault::Vault;

cases! {
    copies_follow_their_secret
    generated_values_are_copied
    without_sync_to_nothing_is_told
    failed_target_is_told_and_done_later
    drift_is_seen_and_corrected
    change_between_plan_and_apply_is_not_overwritten
    foreign_secret_is_left_alone
    targets_come_and_go
    deletion_policy_counts_for_copies
    copy_that_cannot_be_removed_keeps_the_secret
    promoted_version_is_copied_in_the_same_run
    secret_that_moves_keeps_its_copies
    state_that_was_lost_is_no_conflict
    copy_of_an_earlier_secret_is_taken_over_where_wanted
    target_that_is_down_at_refresh_keeps_what_is_known
    secret_that_moves_to_its_copy_is_no_accident
    value_that_a_target_cannot_hold_is_refused
    refused_configurations
}

/// Profiles `main`, `two`, `three`, where `main` is copied to `targets`, and what follows.
fn configuration(targets: &str, more: &str) -> String {
    let sync_to = if targets.is_empty() { String::new() } else { format!("sync_to = {targets}") };
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
  default_profile = "main"
  profiles = {{
    main = {{
      embedded = {{ path = "main.db" }}
      {sync_to}
    }}
    two   = {{ embedded = {{ path = "two.db" }} }}
    three = {{ embedded = {{ path = "three.db" }} }}
  }}
}}
{more}
"#
    )
}

fn secret(value: &str, more: &str) -> String {
    format!(
        r#"
resource "coffer_secret" "a" {{
  name     = "a"
  value_wo = "{value}"
  {more}
}}
"#
    )
}

const BOTH: &str = r#"["two", "three"]"#;
const TWO: &str = r#"["two"]"#;

fn configure(workspace: &Workspace, targets: &str, more: &str) {
    workspace.write("main.tf", &configuration(targets, more));
}

#[track_caller]
fn apply(workspace: &Workspace, targets: &str, more: &str) {
    configure(workspace, targets, more);
    workspace.apply(&[]).succeeds();
}

fn get(workspace: &Workspace, vault: &str) -> Option<String> {
    Vault::at(&workspace.file(vault)).value("a")
}

fn copy(workspace: &Workspace, target: &str) -> Value {
    workspace.attributes("coffer_secret.a")["sync_targets"][target].clone()
}

/// Somebody else stores a value under the name in the vault of a target.
#[track_caller]
fn somebody_writes(workspace: &Workspace, vault: &str, value: &str) {
    let path = workspace.file(vault);
    let other = workspace.beside("somebody-else");
    let adopting = "on_existing = \"adopt\"\n  deletion_policy = \"retain\"";
    let text = configuration("", &secret(value, adopting));
    other.write("main.tf", &text.replace("\"main.db\"", &format!("{path:?}")));
    other.apply(&[]).succeeds();
    std::fs::remove_file(other.file("terraform.tfstate")).unwrap();
}

fn copies_follow_their_secret(workspace: &mut Workspace) {
    let one = secret("canary-one", "deletion_policy = \"destroy\"");
    configure(workspace, BOTH, &one);
    let plan = workspace.plan(&[]).has_changes().says("sync_targets").says("\"create\"");
    assert!(!plan.text().contains("canary-"), "a value is in the plan");
    workspace.apply(&[]).succeeds();
    for (vault, target) in [("two.db", "two"), ("three.db", "three")] {
        assert_eq!(get(workspace, vault).as_deref(), Some("canary-one"));
        let copy = copy(workspace, target);
        assert_eq!(copy["result"], "synced");
        assert_eq!(copy["fingerprint"], workspace.attributes("coffer_secret.a")["fingerprint"]);
        assert_eq!(copy["source_version"], workspace.attributes("coffer_secret.a")["version_id"]);
        assert!(copy["message"].is_null() && copy["class"].is_null());
    }
    workspace.plan(&[]).has_no_changes();
    let before = workspace.attributes("coffer_secret.a")["sync_targets"].clone();
    workspace.apply(&[]).succeeds();
    assert_eq!(workspace.attributes("coffer_secret.a")["sync_targets"], before);

    configure(workspace, BOTH, &secret("canary-two", "deletion_policy = \"destroy\""));
    workspace.plan(&[]).has_changes().says("\"create\" -> \"update\"");
    workspace.apply(&[]).succeeds();
    for vault in ["two.db", "three.db"] {
        assert_eq!(get(workspace, vault).as_deref(), Some("canary-two"));
    }
    workspace.plan(&[]).has_no_changes();
    // Metadata is the secret's own, and no reason to write a copy.
    let described = "deletion_policy = \"destroy\"\n  description = \"about it\"";
    configure(workspace, BOTH, &secret("canary-two", described));
    workspace.plan(&[]).has_changes().never_says("sync_targets");
    workspace.apply(&[]).succeeds();
    let state = workspace.state().to_string();
    assert!(!state.contains("canary-"), "a value is in the state");
    workspace.destroy().succeeds();
    for vault in ["main.db", "two.db", "three.db"] {
        assert_eq!(get(workspace, vault), None);
    }
}

fn generated_values_are_copied(workspace: &mut Workspace) {
    let made = |keeper: &str| {
        format!(
            "resource \"coffer_secret\" \"a\" {{\n  name = \"a\"\n  generate = {{ kind = \
             \"password\", keepers = {{ k = \"{keeper}\" }} }}\n}}\n"
        )
    };
    apply(workspace, BOTH, &made("1"));
    let first = get(workspace, "main.db");
    assert!(first.is_some());
    assert_eq!(get(workspace, "two.db"), first);
    workspace.plan(&[]).has_no_changes();
    configure(workspace, BOTH, &made("2"));
    workspace.plan(&[]).has_changes().says("\"create\" -> \"update\"");
    workspace.apply(&[]).succeeds();
    let second = get(workspace, "main.db");
    assert_ne!(second, first);
    assert_eq!(get(workspace, "two.db"), second);
    assert_eq!(get(workspace, "three.db"), second);
    workspace.plan(&[]).has_no_changes();
}

fn without_sync_to_nothing_is_told(workspace: &mut Workspace) {
    configure(workspace, "", &secret("one", ""));
    workspace.plan(&[]).has_changes().never_says("sync_targets");
    workspace.apply(&[]).succeeds();
    assert!(workspace.attributes("coffer_secret.a")["sync_targets"].is_null());
    workspace.plan(&[]).has_no_changes();
    apply(workspace, "", &secret("two", ""));
    assert!(!workspace.file("two.db").exists(), "a vault was made that nothing asked for");
}

fn failed_target_is_told_and_done_later(workspace: &mut Workspace) {
    std::fs::write(workspace.file("three.db"), "no vault").unwrap();
    configure(workspace, BOTH, &secret("one", ""));
    workspace.apply(&[]).succeeds().says("Secret was not copied everywhere");
    assert_eq!(get(workspace, "main.db").as_deref(), Some("one"));
    assert_eq!(get(workspace, "two.db").as_deref(), Some("one"));
    let failed = copy(workspace, "three");
    assert_eq!((&failed["result"], &failed["class"]), (&"failed".into(), &"remote".into()));
    assert!(failed["message"].is_string() && failed["remote_version"].is_null());
    // The plan has it to do, and the target that is done is not touched.
    let plan = workspace.plan(&[]).has_changes();
    plan.says("0 to add, 1 to change, 0 to destroy").says("\"three\"");
    let done = copy(workspace, "two");
    std::fs::remove_file(workspace.file("three.db")).unwrap();
    workspace.apply(&[]).succeeds();
    assert_eq!(get(workspace, "three.db").as_deref(), Some("one"));
    assert_eq!(copy(workspace, "two"), done);
    workspace.plan(&[]).has_no_changes();

    // A change of the secret is not undone by a target that fails.
    let vault = std::fs::read(workspace.file("two.db")).unwrap();
    std::fs::write(workspace.file("two.db"), "no vault").unwrap();
    configure(workspace, BOTH, &secret("two", ""));
    workspace.apply(&[]).fails().says("Secret was not copied everywhere").says("two: ");
    assert_eq!(get(workspace, "main.db").as_deref(), Some("two"));
    assert_eq!(get(workspace, "three.db").as_deref(), Some("two"));
    assert_eq!(copy(workspace, "two")["result"], "failed");
    std::fs::write(workspace.file("two.db"), vault).unwrap();
    let plan = workspace.plan(&[]).has_changes();
    plan.says("0 to add, 1 to change, 0 to destroy").never_says("version_id");
    workspace.apply(&[]).succeeds();
    assert_eq!(get(workspace, "two.db").as_deref(), Some("two"));
    workspace.plan(&[]).has_no_changes();
}

fn drift_is_seen_and_corrected(workspace: &mut Workspace) {
    apply(workspace, BOTH, &secret("one", ""));
    somebody_writes(workspace, "two.db", "theirs");
    workspace.plan(&[]).has_changes().says("overwriting a change made outside");
    workspace.apply(&[]).succeeds();
    assert_eq!(get(workspace, "two.db").as_deref(), Some("one"));
    workspace.plan(&[]).has_no_changes();
    std::fs::remove_file(workspace.file("three.db")).unwrap();
    workspace.plan(&[]).has_changes().says("the copy is not there");
    workspace.apply(&[]).succeeds();
    assert_eq!(get(workspace, "three.db").as_deref(), Some("one"));
    workspace.plan(&[]).has_no_changes();
}

fn change_between_plan_and_apply_is_not_overwritten(workspace: &mut Workspace) {
    apply(workspace, TWO, &secret("one", ""));
    configure(workspace, TWO, &secret("two", ""));
    workspace.run(&["plan", "-out=saved.plan"]).succeeds();
    somebody_writes(workspace, "two.db", "theirs");
    workspace.run(&["apply", "-no-color", "saved.plan"]).fails().says("changed since the plan");
    assert_eq!(get(workspace, "main.db").as_deref(), Some("two"));
    assert_eq!(get(workspace, "two.db").as_deref(), Some("theirs"));
    workspace.plan(&[]).has_changes().says("overwriting a change made outside");
    workspace.apply(&[]).succeeds();
    assert_eq!(get(workspace, "two.db").as_deref(), Some("two"));
    workspace.plan(&[]).has_no_changes();
}

fn foreign_secret_is_left_alone(workspace: &mut Workspace) {
    somebody_writes(workspace, "two.db", "theirs");
    configure(workspace, BOTH, &secret("one", ""));
    workspace.plan(&[]).has_changes().says("Copy is not made");
    workspace.apply(&[]).succeeds().says("Copy was not made");
    assert_eq!(get(workspace, "two.db").as_deref(), Some("theirs"));
    assert_eq!(get(workspace, "three.db").as_deref(), Some("one"));
    assert_eq!(copy(workspace, "two")["result"], "conflict");
    workspace.plan(&[]).has_no_changes();
    apply(workspace, BOTH, &secret("two", ""));
    assert_eq!(get(workspace, "two.db").as_deref(), Some("theirs"));
    assert_eq!(get(workspace, "three.db").as_deref(), Some("two"));
    workspace.plan(&[]).has_no_changes();
    // The name becomes free.
    std::fs::remove_file(workspace.file("two.db")).unwrap();
    workspace.plan(&[]).has_changes().says("the copy is not there");
    workspace.apply(&[]).succeeds();
    assert_eq!(get(workspace, "two.db").as_deref(), Some("two"));
    workspace.plan(&[]).has_no_changes();
}

fn targets_come_and_go(workspace: &mut Workspace) {
    apply(workspace, "", &secret("one", ""));
    configure(workspace, TWO, &secret("one", ""));
    let plan = workspace.plan(&[]).has_changes().says("0 to add, 1 to change, 0 to destroy");
    plan.says("\"create\"").never_says("version_id ");
    workspace.apply(&[]).succeeds();
    assert_eq!(get(workspace, "two.db").as_deref(), Some("one"));
    configure(workspace, "[\"three\"]", &secret("one", ""));
    workspace.plan(&[]).has_changes().says("Copy is left behind");
    workspace.apply(&[]).succeeds();
    assert_eq!(get(workspace, "two.db").as_deref(), Some("one"));
    assert_eq!(get(workspace, "three.db").as_deref(), Some("one"));
    assert!(copy(workspace, "two").is_null());
    workspace.plan(&[]).has_no_changes();
    configure(workspace, "", &secret("one", ""));
    workspace.plan(&[]).has_changes().says("Copy is left behind");
    workspace.apply(&[]).succeeds();
    assert!(workspace.attributes("coffer_secret.a")["sync_targets"].is_null());
    workspace.plan(&[]).has_no_changes();
}

fn deletion_policy_counts_for_copies(workspace: &mut Workspace) {
    apply(workspace, BOTH, &secret("one", "deletion_policy = \"retain\""));
    workspace.destroy().succeeds();
    assert_eq!(get(workspace, "two.db").as_deref(), Some("one"));
    // Another secret of that name goes on with the copies that are there.
    apply(workspace, BOTH, &secret("one", "on_existing = \"adopt\""));
    assert_eq!(copy(workspace, "two")["result"], "synced");
    workspace.plan(&[]).has_no_changes();
    somebody_writes(workspace, "three.db", "theirs");
    workspace.destroy().succeeds().says("somebody changed it");
    assert_eq!(get(workspace, "main.db"), None);
    assert_eq!(get(workspace, "two.db"), None);
    assert_eq!(get(workspace, "three.db").as_deref(), Some("theirs"));
    // What was soft-deleted comes back with its secret.
    apply(workspace, TWO, &secret("one", "deletion_policy = \"destroy\""));
    assert_eq!(get(workspace, "two.db").as_deref(), Some("one"));
    // Another name is another secret: the copies go with the old one.
    let renamed = secret("one", "").replace("name     = \"a\"", "name     = \"b\"");
    apply(workspace, TWO, &renamed);
    assert_eq!(get(workspace, "two.db"), None);
    let there = Vault::at(&workspace.file("two.db")).value("b");
    assert_eq!(there.as_deref(), Some("one"));
    workspace.plan(&[]).has_no_changes();
}

fn copy_that_cannot_be_removed_keeps_the_secret(workspace: &mut Workspace) {
    apply(workspace, BOTH, &secret("one", "deletion_policy = \"destroy\""));
    let vault = std::fs::read(workspace.file("three.db")).unwrap();
    std::fs::write(workspace.file("three.db"), "no vault").unwrap();
    workspace.run(&["destroy", "-no-color", "-auto-approve"]).fails().says("Copy was not removed");
    assert_eq!(get(workspace, "main.db").as_deref(), Some("one"));
    assert_eq!(get(workspace, "two.db"), None);
    std::fs::write(workspace.file("three.db"), vault).unwrap();
    workspace.destroy().succeeds();
    assert_eq!(get(workspace, "main.db"), None);
    assert_eq!(get(workspace, "three.db"), None);
}

fn promoted_version_is_copied_in_the_same_run(workspace: &mut Workspace) {
    let version = |state: &str| {
        format!(
            "{}\nresource \"coffer_secret_version\" \"next\" {{\n  secret_id = \
             coffer_secret.a.id\n  value_wo = \"next\"\n  rotation_state = \"{state}\"\n}}\n",
            secret("one", "manage_content = \"initial\"")
        )
    };
    apply(workspace, TWO, &version("pending"));
    assert_eq!(get(workspace, "two.db").as_deref(), Some("one"));
    workspace.plan(&[]).has_no_changes();
    apply(workspace, TWO, &version("current"));
    assert_eq!(get(workspace, "main.db").as_deref(), Some("next"));
    assert_eq!(get(workspace, "two.db").as_deref(), Some("next"));
    workspace.plan(&[]).has_no_changes();
    assert_eq!(copy(workspace, "two")["result"], "synced");
}

fn secret_that_moves_keeps_its_copies(workspace: &mut Workspace) {
    apply(workspace, TWO, &secret("one", "deletion_policy = \"destroy\""));
    let moved = |text: String| text.replace("three = {", "three = { sync_to = [\"two\"],");
    let text = configuration(TWO, &secret("one", "profile = \"three\""));
    workspace.write("main.tf", &moved(text));
    workspace.apply(&[]).succeeds();
    assert_eq!(get(workspace, "main.db"), None);
    assert_eq!(get(workspace, "three.db").as_deref(), Some("one"));
    assert_eq!(get(workspace, "two.db").as_deref(), Some("one"));
    workspace.plan(&[]).has_no_changes();
    let text = configuration(TWO, &secret("two", "profile = \"three\""));
    workspace.write("main.tf", &moved(text));
    workspace.apply(&[]).succeeds();
    assert_eq!(get(workspace, "two.db").as_deref(), Some("two"));
    workspace.plan(&[]).has_no_changes();
}

fn state_that_was_lost_is_no_conflict(workspace: &mut Workspace) {
    apply(workspace, TWO, &secret("one", ""));
    workspace.run(&["state", "rm", "coffer_secret.a"]).succeeds();
    workspace.run(&["import", "coffer_secret.a", "main/a"]).succeeds();
    let plan = workspace.plan(&[]).has_changes();
    plan.says("\"adopt\"").never_says("Copy is not made").never_says("to add, 0");
    workspace.apply(&[]).succeeds();
    assert_eq!(copy(workspace, "two")["result"], "synced");
    workspace.plan(&[]).has_no_changes();
    apply(workspace, TWO, &secret("two", ""));
    assert_eq!(get(workspace, "two.db").as_deref(), Some("two"));
}

fn copy_of_an_earlier_secret_is_taken_over_where_wanted(workspace: &mut Workspace) {
    apply(workspace, TWO, &secret("one", ""));
    // Somebody deletes the secret for good: the next one of that name is another.
    Vault::at(&workspace.file("main.db")).purge("a");
    configure(workspace, TWO, &secret("two", ""));
    workspace.plan(&[]).has_changes().says("on_existing = \"adopt\" takes it over");
    workspace.apply(&[]).succeeds().says("Copy was not made");
    assert_eq!(get(workspace, "two.db").as_deref(), Some("one"));
    workspace.plan(&[]).has_no_changes();
    apply(workspace, TWO, &secret("two", "on_existing = \"adopt\""));
    workspace.plan(&[]).has_changes().says("overwriting what was there");
    workspace.apply(&[]).succeeds();
    assert_eq!(get(workspace, "two.db").as_deref(), Some("two"));
    assert_eq!(copy(workspace, "two")["result"], "synced");
    workspace.plan(&[]).has_no_changes();
    // The same in one step, where the secret is made with it; what is foreign stays all the same.
    Vault::at(&workspace.file("main.db")).purge("a");
    somebody_writes(workspace, "three.db", "theirs");
    configure(workspace, BOTH, &secret("three", "on_existing = \"adopt\""));
    workspace.apply(&[]).succeeds();
    assert_eq!(get(workspace, "two.db").as_deref(), Some("three"));
    assert_eq!(get(workspace, "three.db").as_deref(), Some("theirs"));
    assert_eq!(copy(workspace, "three")["result"], "conflict");
    workspace.plan(&[]).has_no_changes();
}

fn target_that_is_down_at_refresh_keeps_what_is_known(workspace: &mut Workspace) {
    apply(workspace, BOTH, &secret("one", ""));
    let done = copy(workspace, "two");
    let vault = std::fs::read(workspace.file("two.db")).unwrap();
    std::fs::write(workspace.file("two.db"), "no vault").unwrap();
    workspace.plan(&[]).has_no_changes().says("Copy could not be looked at");
    workspace.apply(&[]).succeeds();
    assert_eq!(copy(workspace, "two"), done);
    std::fs::write(workspace.file("two.db"), vault).unwrap();
    workspace.plan(&[]).has_no_changes().never_says("could not be looked at");
}

fn secret_that_moves_to_its_copy_is_no_accident(workspace: &mut Workspace) {
    apply(workspace, TWO, &secret("one", ""));
    configure(workspace, TWO, &secret("one", "profile = \"two\""));
    workspace.run(&["apply", "-no-color", "-auto-approve"]).fails();
    assert_eq!(get(workspace, "main.db").as_deref(), Some("one"));
    assert_eq!(get(workspace, "two.db").as_deref(), Some("one"));
    configure(workspace, TWO, &secret("one", ""));
    workspace.apply(&[]).succeeds();
    workspace.plan(&[]).has_no_changes();
    // Out of sync_to first, then it can be taken over.
    configure(workspace, "", &secret("one", "profile = \"two\"\n  on_existing = \"adopt\""));
    workspace.apply(&[]).succeeds();
    assert_eq!(get(workspace, "two.db").as_deref(), Some("one"));
    workspace.plan(&[]).has_no_changes();
}

fn value_that_a_target_cannot_hold_is_refused(workspace: &mut Workspace) {
    let azure = r#"azure_key_vault = { vault_url = "https://kv1.vault.azure.net", tenant_id = "72f988bf-86f1-41af-91ab-2d7cd011db47", client_id = "72f988bf-86f1-41af-91ab-2d7cd011db47", client_secret = "not-used" }"#;
    let text = |more: &str| {
        let text = configuration(TWO, more);
        text.replace("embedded = { path = \"two.db\" }", azure)
    };
    let big = "x".repeat(30_000);
    for (refused, at) in [
        (secret("one", "").replace("name     = \"a\"", "name     = \"a/b\""), "= \"a/b\""),
        (secret(&big, ""), "value_wo ="),
    ] {
        workspace.write("main.tf", &text(&refused));
        let plan = workspace.plan(&[]).fails().says("Vault of a copy cannot hold this");
        plan.says("profile \"two\"").says(at);
        assert!(!workspace.file("main.db").exists(), "the secret was made all the same");
    }
}

fn refused_configurations(workspace: &mut Workspace) {
    let refused = |text: &str, says: &str| {
        workspace.write("main.tf", text);
        workspace.plan(&[]).fails().says(says);
    };
    let one = secret("one", "");
    refused(&configuration("[\"main\"]", &one), "Profile copies to itself");
    refused(&configuration("[\"four\"]", &one), "Target of sync_to does not exist");
    let circle = configuration(BOTH, &one);
    let circle = circle.replace("three = {", "three = { sync_to = [\"main\"],");
    refused(&circle, "Profiles copy in a circle");
    // The copy has a resource of its own, or another sync.
    let own =
        one.replace("\"a\" {", "\"own\" {").replace("value_wo", "profile  = \"two\"\n  value_wo");
    refused(&configuration(TWO, &format!("{one}{own}")), "Secret is written twice");
    apply(workspace, TWO, &one);
    let sync = r#"
resource "coffer_secret_sync" "s" {
  name         = "s"
  source       = { secrets = [coffer_secret.a.id] }
  destinations = { two = { profile = "two" } }
}
"#;
    refused(&configuration(TWO, &format!("{one}{sync}")), "sync_to of main/a");
    configure(workspace, TWO, &format!("{one}{own}"));
    workspace.run(&["import", "coffer_secret.own", "two/a"]).fails().says("Secret is a copy");
}
