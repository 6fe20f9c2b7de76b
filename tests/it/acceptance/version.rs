//! `coffer_secret_version`: staged rotation, roll back, drift, destroy rules, import, kills.

use std::process::Command;
use std::thread::sleep;
use std::time::{Duration, Instant};

use super::{head, stored};
use crate::support::cli::{Workspace, cases};

cases! {
    staged_rotation_and_roll_back
    changed_content_is_a_new_version_in_place
    lost_current_is_healed
    destroy_rules
    import_is_followed_by_an_empty_plan
    refused_configurations
    killed_promotions
    retained_versions
}

/// A secret whose content belongs to its versions, and these versions.
fn with_versions(workspace: &Workspace, versions: &str) {
    let head = head(workspace);
    workspace.write(
        "main.tf",
        &format!(
            r#"{head}
resource "coffer_secret" "a" {{
  name            = "app/a"
  value_wo        = "one"
  manage_content  = "initial"
  deletion_policy = "destroy"
}}
{versions}
"#
        ),
    );
}

fn version(name: &str, arguments: &str) -> String {
    format!(
        "resource \"coffer_secret_version\" \"{name}\" {{\n  secret_id = coffer_secret.a.id\n  \
         {arguments}\n}}\n"
    )
}

fn states(workspace: &Workspace, name: &str) -> Vec<String> {
    let attributes = workspace.attributes(&format!("coffer_secret_version.{name}"));
    let states = attributes["rotation_states"].as_array().expect("a list").clone();
    states.iter().filter_map(|state| state.as_str().map(str::to_owned)).collect()
}

fn staged_rotation_and_roll_back(workspace: &mut Workspace) {
    with_versions(workspace, "");
    workspace.apply(&[]).succeeds();
    let two =
        |state: &str| version("two", &format!("value_wo = \"two\"\nrotation_state = {state:?}"));

    with_versions(workspace, &two("pending"));
    workspace.plan(&[]).has_changes().says("1 to add, 0 to change, 0 to destroy");
    workspace.apply(&[]).succeeds().says("1 added, 0 changed");
    assert_eq!(workspace.attribute("coffer_secret_version.two", "id"), "main/app/a#2");
    assert_eq!(states(workspace, "two"), ["latest", "pending"]);
    assert_eq!(stored(workspace, "app/a"), "one");
    workspace.plan(&[]).has_no_changes();

    with_versions(workspace, &two("current"));
    workspace
        .plan(&[])
        .has_changes()
        .says("0 to add, 1 to change, 0 to destroy")
        .says("\"pending\" -> \"current\"");
    workspace.apply(&[]).succeeds().says("0 added, 1 changed, 0 destroyed");
    assert_eq!(states(workspace, "two"), ["current", "latest"]);
    assert_eq!(stored(workspace, "app/a"), "two");
    // The secret has another current version now, and its content is not its business.
    workspace.plan(&[]).has_no_changes();

    let back = version("back", "number = 1\nrotation_state = \"current\"");
    with_versions(workspace, &format!("{}{back}", version("two", "value_wo = \"two\"")));
    workspace.apply(&[]).succeeds().says("1 added, 1 changed, 0 destroyed");
    assert_eq!(states(workspace, "back"), ["current"]);
    assert_eq!(stored(workspace, "app/a"), "one");
    workspace.plan(&[]).has_no_changes();
    assert_eq!(states(workspace, "two"), ["current", "latest"], "state is as old as its refresh");
    workspace.apply(&["-refresh-only"]).succeeds();
    assert_eq!(states(workspace, "two"), ["latest", "previous"]);
}

fn changed_content_is_a_new_version_in_place(workspace: &mut Workspace) {
    let changing = |value: &str| version("v", &format!("value_wo = {value:?}"));
    with_versions(workspace, &changing("two"));
    workspace.apply(&[]).succeeds().says("2 added");
    assert_eq!(workspace.attribute("coffer_secret_version.v", "number"), "2");
    with_versions(workspace, &changing("three"));
    workspace.plan(&[]).has_changes().says("0 to add, 1 to change, 0 to destroy");
    workspace.apply(&[]).succeeds().says("1 changed, 0 destroyed");
    assert_eq!(workspace.attribute("coffer_secret_version.v", "number"), "3");
    assert_eq!(stored(workspace, "app/a"), "three");
    workspace.plan(&[]).has_no_changes();
}

fn lost_current_is_healed(workspace: &mut Workspace) {
    let text = version("v", "value_wo = \"two\"\nrotation_state = \"current\"");
    with_versions(workspace, &text);
    workspace.apply(&[]).succeeds();
    let other = workspace.beside("somebody-else");
    let head = head(&other);
    other.write(
        "main.tf",
        &format!(
            "{head}\nresource \"coffer_secret_version\" \"x\" {{\n  secret_id = \"main/app/a\"\n  \
             value_wo = \"theirs\"\n}}\n"
        ),
    );
    other.apply(&[]).succeeds();
    assert_eq!(stored(workspace, "app/a"), "theirs");
    workspace.plan(&[]).has_changes().says("0 to add, 1 to change, 0 to destroy");
    workspace.apply(&[]).succeeds().says("1 changed");
    assert_eq!(stored(workspace, "app/a"), "two");
    workspace.plan(&[]).has_no_changes();
}

fn destroy_rules(workspace: &mut Workspace) {
    let two = version("two", "value_wo = \"two\"\non_destroy = \"delete\"");
    with_versions(workspace, &two);
    workspace.apply(&[]).succeeds();
    with_versions(workspace, "");
    workspace.plan(&[]).fails().says("Version is in use");
    // Two more: the second is deprecated then, and may go.
    let three = version("three", "value_wo = \"three\"");
    with_versions(workspace, &format!("{two}{three}"));
    workspace.apply(&[]).succeeds();
    let four = version("four", "value_wo = \"four\"\non_destroy = \"delete\"");
    with_versions(workspace, &format!("{two}{three}{four}"));
    workspace.apply(&[]).succeeds();
    with_versions(workspace, &format!("{three}{four}"));
    workspace.apply(&[]).succeeds().says("1 destroyed");
    assert_eq!(stored(workspace, "app/a"), "four");
    // Everything goes: the current version is left to the secret.
    workspace.destroy().succeeds().says("Version was kept").says("3 destroyed");
}

fn import_is_followed_by_an_empty_plan(workspace: &mut Workspace) {
    let text = version("v", "value_wo = \"two\"\nrotation_state = \"current\"");
    with_versions(workspace, &text);
    workspace.apply(&[]).succeeds();
    for arguments in [
        "value_wo = \"two\"\nrotation_state = \"current\"",
        "value_wo = \"two\"",
        "number = 2\nrotation_state = \"current\"",
    ] {
        workspace.run(&["state", "rm", "coffer_secret_version.v"]).succeeds();
        with_versions(workspace, &version("v", arguments));
        let import = ["import", "-no-color", "coffer_secret_version.v", "main/app/a#2"];
        workspace.run(&import).succeeds();
        workspace.plan(&[]).has_no_changes();
    }
    for id in ["main/app/a", "main/app/a#0", "main/app/a#9", "nowhere/app/a#2"] {
        workspace.run(&["state", "rm", "coffer_secret_version.v"]);
        workspace.run(&["import", "-no-color", "coffer_secret_version.v", id]).fails();
    }
}

fn refused_configurations(workspace: &mut Workspace) {
    with_versions(workspace, "");
    workspace.apply(&[]).succeeds();
    for (arguments, says) in [
        ("", "Neither content nor number"),
        ("number = 1\nvalue_wo = \"x\"", "number"),
        ("number = 9", "Version or secret is not there"),
        ("value_wo = \"x\"\nrotation_state = \"previous\"", "rotation_state"),
    ] {
        with_versions(workspace, &version("v", arguments));
        workspace.apply(&[]).fails().says(says);
    }
    with_versions(workspace, &version("v", "number = 1\nrotation_state = \"current\""));
    workspace.apply(&[]).succeeds();
    with_versions(workspace, &version("v", "number = 1\nrotation_state = \"pending\""));
    workspace.plan(&[]).fails().says("Current version cannot be made pending");
    // Core plans a destroy as an update first, and does not say that it is one.
    workspace.destroy().fails().says("Current version cannot be made pending");
    workspace.run(&["destroy", "-no-color", "-auto-approve", "-refresh=false"]).succeeds();
}

/// Providers that a CLI started.
pub(super) fn providers_of(pid: u32) -> Vec<u32> {
    let mut found = Vec::new();
    for entry in std::fs::read_dir("/proc").expect("there is a /proc").flatten() {
        let Some(id) = entry.file_name().to_str().and_then(|name| name.parse::<u32>().ok()) else {
            continue;
        };
        let stat = std::fs::read_to_string(entry.path().join("stat")).unwrap_or_default();
        // After the command in parentheses: state, then the parent.
        let parent = stat.rsplit(')').next().and_then(|rest| rest.split_whitespace().nth(1));
        if parent == Some(&pid.to_string()) {
            found.push(id);
        }
    }
    found
}

fn killed_promotions(workspace: &mut Workspace) {
    with_versions(workspace, "");
    workspace.apply(&[]).succeeds();
    let mut rounds = 0;
    for (round, delay) in [0_u64, 15, 40, 90, 160].into_iter().enumerate() {
        let number = round + 2;
        let text = version("v", &format!("value_wo = \"{number}\"\nrotation_state = \"current\""));
        with_versions(workspace, &text);
        let running = workspace.start(&["apply", "-no-color", "-auto-approve"]);
        let until = Instant::now() + Duration::from_secs(60);
        let begun = |text: &str| text.contains("Creating...") || text.contains("Modifying...");
        while !begun(&running.output()) && Instant::now() < until {
            sleep(Duration::from_millis(2));
        }
        sleep(Duration::from_millis(delay));
        for id in providers_of(running.pid()) {
            let _ = Command::new("kill").args(["-KILL", &id.to_string()]).status();
            rounds += 1;
        }
        let _ = running.wait();
        // Whatever was done when it was killed, readers read one of the two.
        let now = stored(workspace, "app/a");
        let before = if round == 0 { "one".to_owned() } else { (number - 1).to_string() };
        assert!(now == before || now == number.to_string(), "{now}");
        workspace.apply(&[]).succeeds();
        assert_eq!(stored(workspace, "app/a"), number.to_string());
        assert_eq!(workspace.attribute("coffer_secret_version.v", "number"), number.to_string());
        workspace.plan(&[]).has_no_changes();
    }
    assert!(rounds > 0, "nothing was ever killed");
}

fn retained_versions(workspace: &mut Workspace) {
    let head = head(workspace);
    let with = |value: &str, retain: &str| {
        format!(
            "{head}\nresource \"coffer_secret\" \"a\" {{\n  name = \"app/a\"\n  value_wo = \
             {value:?}\n  retain = {retain}\n}}\n"
        )
    };
    for value in ["1", "2", "3", "4", "5"] {
        workspace.write("main.tf", &with(value, "{ versions = 3 }"));
        workspace.apply(&[]).succeeds();
    }
    workspace.plan(&[]).has_no_changes();
    let listed = format!(
        "{}\ndata \"coffer_secret_versions\" \"a\" {{\n  secret_id = coffer_secret.a.id\n}}\n\
         data \"coffer_secrets\" \"all\" {{\n  name_glob = \"app/*\"\n  depends_on = [coffer_secret.a]\n}}\n\
         output \"numbers\" {{\n  value = join(\",\", data.coffer_secret_versions.a.versions[*].number)\n}}\n\
         output \"names\" {{\n  value = join(\",\", data.coffer_secrets.all.secrets[*].name)\n}}\n",
        with("5", "{ versions = 3, min_age = \"24h\" }")
    );
    workspace.write("main.tf", &listed);
    workspace.apply(&[]).succeeds();
    let output = |name| workspace.run(&["output", "-raw", name]).succeeds().stdout;
    assert_eq!((output("numbers"), output("names")), ("3,4,5".to_owned(), "app/a".to_owned()));
    // Young versions stay.
    workspace.write("main.tf", &listed.replace("\"5\"", "\"6\""));
    workspace.apply(&[]).succeeds();
    workspace.apply(&[]).succeeds();
    assert_eq!(workspace.run(&["output", "-raw", "numbers"]).succeeds().stdout, "3,4,5,6");
    workspace.write("main.tf", &with("6", "{ versions = 1000 }"));
    workspace.plan(&[]).fails().says("Vault cannot hold this");
}
