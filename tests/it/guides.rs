//! The guides: what they tell people to write works as they say.
//!
//! The fenced `terraform` blocks of a guide are taken out and applied one after the other, as a
//! reader would. One block is not: it needs the provider `random`, which is not here.

use std::fs;
use std::path::Path;

use crate::support::cli::{Outcome, Workspace, cases};

cases! {
    formatted
    getting_started
    no_secrets_in_state
    fingerprints_and_versions
    profiles
    generation
    sync
}

const REQUIRED: &str = r#"
terraform {
  required_providers {
    coffer = {
      source = "coffer/coffer"
    }
  }
}
"#;

fn guide(name: &str) -> String {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join(format!("docs/guides/{name}.md"));
    fs::read_to_string(&path).unwrap_or_else(|problem| panic!("{}: {problem}", path.display()))
}

/// The fenced blocks of a language.
fn blocks(text: &str, language: &str) -> Vec<String> {
    let opening = format!("```{language}\n");
    let blocks = text.split(&opening).skip(1);
    blocks.filter_map(|rest| Some(rest.split_once("```")?.0.to_owned())).collect()
}

fn formatted(workspace: &mut Workspace) {
    let names = [
        "getting-started",
        "no-secrets-in-state",
        "fingerprints-and-versions",
        "profiles",
        "generation",
        "sync",
    ];
    for name in names {
        let blocks = blocks(&guide(name), "terraform");
        assert!(!blocks.is_empty(), "{name} has no examples");
        for (place, block) in blocks.iter().enumerate() {
            workspace.write(&format!("{name}-{place}.tf"), block);
        }
    }
    workspace.run(&["fmt", "-check", "-diff"]).succeeds();
}

fn getting_started(workspace: &mut Workspace) {
    let text = guide("getting-started");
    let blocks = blocks(&text, "terraform");
    assert_eq!(blocks.len(), 2);
    workspace.write("main.tf", &blocks[0]);
    workspace.env("TF_VAR_database_password", "correct horse battery staple");
    workspace
        .apply(&[])
        .succeeds()
        .says("Note from the vault of profile \"local\"")
        .says("Apply complete! Resources: 1 added, 0 changed, 0 destroyed.");
    workspace.plan(&[]).has_no_changes();
    workspace.env("TF_VAR_database_password", "another horse");
    workspace.apply(&[]).succeeds().says("0 added, 1 changed, 0 destroyed");
    workspace.write("use.tf", &blocks[1]);
    workspace.apply(&[]).succeeds().says("1 added, 0 changed, 0 destroyed");
    workspace.plan(&[]).has_no_changes();
    // One apply is enough, as the guide says: the reader waits for the write.
    workspace.env("TF_VAR_database_password", "a third horse");
    workspace.apply(&[]).succeeds().says("0 added, 2 changed, 0 destroyed");
    workspace.plan(&[]).has_no_changes();
    workspace.destroy().succeeds();
    workspace.apply(&[]).succeeds().says("2 added");
    workspace.plan(&[]).has_no_changes();
}

fn no_secrets_in_state(workspace: &mut Workspace) {
    let text = guide("no-secrets-in-state");
    let examples = blocks(&text, "terraform");
    assert_eq!(examples.len(), 2);
    workspace.write("main.tf", REQUIRED);
    workspace.write("in.tf", &examples[0]);
    workspace.env("TF_VAR_database_password", "needle-5d41402abc4b");
    workspace.apply(&[]).succeeds();
    let state = fs::read_to_string(workspace.file("terraform.tfstate")).unwrap();
    let state: serde_json::Value = serde_json::from_str(&state).unwrap();
    let attributes = state["resources"][0]["instances"][0]["attributes"].as_object().unwrap();
    let told: serde_json::Value = serde_json::from_str(&blocks(&text, "json")[0]).unwrap();
    let known = attributes.iter().filter(|(_, value)| !value.is_null()).map(|(name, _)| name);
    let told: Vec<_> = told.as_object().unwrap().keys().cloned().collect();
    assert_eq!(known.cloned().collect::<Vec<_>>(), told, "the guide shows another state");
    workspace.write("out.tf", &examples[1]);
    workspace.apply(&[]).succeeds();
    workspace.plan(&[]).has_no_changes();
    let state = fs::read_to_string(workspace.file("terraform.tfstate")).unwrap();
    assert!(state.contains("reports/database-password") && !state.contains("needle-5d4"));
}

fn fingerprints_and_versions(workspace: &mut Workspace) {
    let text = guide("fingerprints-and-versions");
    let blocks = blocks(&text, "terraform");
    let [keys, random, before] = blocks.as_slice() else { panic!("{} blocks", blocks.len()) };
    assert!(random.contains("random_password"));
    let old = "MDAwMDAwMDAwMDAwMDAwMDAwMDAwMDAwMDAwMDAwMDA=";
    let new = "MTExMTExMTExMTExMTExMTExMTExMTExMTExMTExMTE=";
    workspace.write("main.tf", REQUIRED);
    let secret = |value: &str| {
        format!(
            "resource \"coffer_secret\" \"database\" {{\n  name = \"app/database-password\"\n  value_wo = \"{value}\"\n}}\n"
        )
    };
    workspace.write("secret.tf", &secret("one"));
    workspace.env("COFFER_FINGERPRINT_KEY", old);
    workspace.apply(&[]).succeeds();
    // The key is changed, the old one is retired: nothing to do.
    workspace.write("provider.tf", keys);
    workspace.env("COFFER_FINGERPRINT_KEY", new);
    workspace.env("COFFER_FINGERPRINT_KEY_2025", old);
    workspace.plan(&[]).has_no_changes();
    // The old one is gone as well: a warning, and nothing is rewritten.
    workspace.env("COFFER_FINGERPRINT_KEY_2025", new);
    workspace.plan(&[]).has_no_changes().says("Content cannot be compared");
    workspace.env("COFFER_FINGERPRINT_KEY_2025", old);
    workspace.write("secret.tf", &secret("two"));
    workspace.apply(&[]).succeeds().says("0 added, 1 changed");
    workspace.write("before.tf", before);
    workspace.write(
        "copy.tf",
        "resource \"coffer_secret\" \"copy\" {\n  name = \"copy\"\n  value_wo = ephemeral.coffer_secret.before.value\n}\n",
    );
    workspace.apply(&[]).succeeds();
    workspace.plan(&[]).has_no_changes();
}

fn profiles(workspace: &mut Workspace) {
    let blocks = blocks(&guide("profiles"), "terraform");
    workspace.write("main.tf", REQUIRED);
    workspace
        .write("variable.tf", "variable \"token\" {\n  type = string\n  ephemeral = true\n}\n");
    workspace.write("profiles.tf", &blocks[0]);
    workspace.env("TF_VAR_token", "text");
    workspace.apply(&[]).succeeds().says("2 added");
    workspace.plan(&[]).has_no_changes();
    // Without a default, a resource must name its profile.
    let undecided = blocks[0].replace("  default_profile = \"app\"\n", "");
    assert_ne!(undecided, blocks[0]);
    workspace.write("profiles.tf", &undecided);
    workspace.plan(&[]).fails().says("profile");
}

fn generation(workspace: &mut Workspace) {
    let examples = blocks(&guide("generation"), "terraform");
    assert_eq!(examples.len(), 2);
    workspace.write("required.tf", REQUIRED);
    for (place, example) in examples.iter().enumerate() {
        workspace.write(&format!("{place}.tf"), example);
    }
    workspace.apply(&[]).succeeds().says("2 added");
    workspace.plan(&[]).has_no_changes();
}

/// Says what a block of the guide shows, line by line; `…` stands for lines left out.
#[track_caller]
fn shows(plan: Outcome, block: &str) {
    let lines = block.lines().map(str::trim).filter(|line| !line.is_empty() && *line != "…");
    lines.fold(plan, |plan, line| {
        let words: Vec<_> = line.split_whitespace().collect();
        plan.says(&words.join(" "))
    });
}

/// The story of the guide: every plan it shows is one that is really made.
fn sync(workspace: &mut Workspace) {
    let text = guide("sync");
    let examples = blocks(&text, "terraform");
    let [setup, sync, by_id, schema, adopt, status, action] = examples.as_slice() else {
        panic!("{} examples", examples.len())
    };
    let plans = blocks(&text, "text");
    let [first, update, rename, drift, conflict, adopted, orphan] = plans.as_slice() else {
        panic!("{} plans", plans.len())
    };
    let values =
        |mail: &str| format!(r#"{{"app/database":"one","app/mail":"{mail}","app/queue":"three"}}"#);
    let sources = ["apply", "-no-color", "-auto-approve", "-target=coffer_secret.app"];
    workspace.write("main.tf", setup);
    workspace.env("TF_VAR_passwords", &values("two"));
    workspace.apply(&[]).succeeds().says("2 added");
    workspace.write("sync.tf", sync);
    shows(workspace.plan(&[]).has_changes(), first);
    workspace.apply(&[]).succeeds();
    workspace.plan(&[]).has_no_changes();

    workspace.env("TF_VAR_passwords", &values("new"));
    workspace.run(&sources).succeeds();
    shows(workspace.plan(&[]).has_changes(), update);
    workspace.apply(&[]).succeeds();
    // By id, a change and its copy are one run.
    let listed = sync.replace("source = { names = [\"app/**\"] }", by_id.trim());
    assert_ne!(&listed, sync);
    workspace.write("sync.tf", &listed);
    workspace.env("TF_VAR_passwords", &values("newer"));
    workspace.apply(&[]).succeeds().says("0 added, 2 changed");
    workspace.plan(&[]).has_no_changes();

    let renamed =
        sync.replace("{ profile = \"standby\" }", schema.trim().trim_start_matches("standby = "));
    assert_ne!(&renamed, sync);
    workspace.write("sync.tf", &renamed);
    shows(workspace.plan(&[]).has_changes(), rename);
    workspace.apply(&[]).succeeds();

    let other = workspace.beside("other");
    let vault = workspace.file("standby.db");
    let theirs = |name: &str| {
        format!(
            "resource \"coffer_secret\" \"{name}\" {{\n  name = \"prod/app/{name}\"\n  \
             value_wo = \"by hand\"\n  on_existing = \"adopt\"\n  \
             deletion_policy = \"retain\"\n}}\n"
        )
    };
    let provider = format!(
        "provider \"coffer\" {{\n  profiles = {{\n    standby = {{ embedded = {{ path = {vault:?} }} }}\n  }}\n}}\n"
    );
    let both = theirs("mail") + &theirs("queue");
    other.write("main.tf", &format!("{REQUIRED}{provider}{both}"));
    other.apply(&[]).succeeds();
    shows(workspace.plan(&[]).has_changes(), drift);
    workspace.apply(&[]).succeeds();

    workspace.write("main.tf", &setup.replace("\"app/mail\"]", "\"app/mail\", \"app/queue\"]"));
    workspace.run(&sources).succeeds();
    shows(workspace.plan(&[]).has_no_changes(), conflict);
    let adopting = renamed.replace("\n  destinations", &format!("\n  {adopt}\n  destinations"));
    workspace.write("sync.tf", &adopting);
    shows(workspace.plan(&[]).has_changes(), adopted);
    workspace.apply(&[]).succeeds();

    workspace.write("status.tf", status);
    workspace.apply(&[]).succeeds();
    assert_eq!(workspace.attribute("coffer_sync_status.standby", "status"), "synced");

    workspace.write("main.tf", &setup.replace(", \"app/mail\"]", ", \"app/queue\"]"));
    workspace.run(&sources).succeeds();
    shows(workspace.plan(&[]).has_changes(), orphan);
    workspace.apply(&[]).succeeds();
    workspace.plan(&[]).has_no_changes();
    if !workspace.cli().is_tofu() && workspace.cli().version() >= (1, 14) {
        workspace.write("action.tf", action);
        let run = workspace.apply(&["-invoke=action.coffer_sync.standby"]);
        run.succeeds().says("2 as they should be");
    }
    workspace.destroy().succeeds();
}
