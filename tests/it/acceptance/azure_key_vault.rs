//! Key Vault with real CLIs: the life of a secret, with the rights that each step needs.

use crate::fakes::azure_key_vault::{
    Action, CLIENT_SECRET, EVERY_PERMISSION, Fake, Fault, LIST_ONLY,
};
use crate::support::canary::{Canary, Search};
use crate::support::cli::{Workspace, cases};

cases! {
    life_of_a_secret
    plan_needs_the_right_to_list_only
    expiry_is_set_and_cleared
    staged_rotation_and_roll_back
    deleted_secret_is_recovered_without_a_needless_version
    destroyed_for_good
    import_of_somebody_elses
    drift_is_found_and_mended
    disabled_secret_is_managed
    limits_are_refused_at_plan
    wrong_credential
    missing_right
    vault_that_is_gone
    managed_identity
    azure_cli
    nothing_secret_is_left_behind
}

const SECRET: &str = "/secrets/app-password";

fn configuration(more: &str, rest: &str) -> String {
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
  profiles = {{
    prod = {{
      azure_key_vault = {{
        vault_url     = "https://kv1.vault.azure.net"
        retry_seconds = 5
      }}
    }}
  }}
}}

variable "value" {{
  type      = string
  ephemeral = true
}}

resource "coffer_secret" "a" {{
  name     = "app-password"
  value_wo = var.value
  {more}
}}
{rest}
"#
    )
}

fn served(workspace: &mut Workspace) -> Fake {
    let fake = Fake::quick();
    fake.serve(workspace);
    workspace.env("TF_VAR_value", "one");
    workspace.write("main.tf", &configuration("", ""));
    fake
}

fn life_of_a_secret(workspace: &mut Workspace) {
    let fake = served(workspace);
    let tags = r#"tags = { env = "prod" }
  description = "for the database"
  content_type = "text/x-password""#;
    workspace.write("main.tf", &configuration(tags, ""));
    workspace.apply(&[]).succeeds().says("1 added");
    assert_eq!(fake.values("kv1", "app-password"), ["one"]);
    let stored = fake.newest("kv1", "app-password");
    assert_eq!(stored["contentType"], "text/x-password");
    assert_eq!(stored["tags"]["env"], "prod");
    assert_eq!(stored["tags"]["coffer-description"], "for the database");
    let id = workspace.attribute("coffer_secret.a", "backend_id");
    assert_eq!(id, "https://kv1.vault.azure.net/secrets/app-password");
    workspace.plan(&[]).has_no_changes();
    workspace.env("TF_VAR_value", "two");
    workspace.apply(&[]).succeeds().says("1 changed");
    assert_eq!(fake.values("kv1", "app-password"), ["one", "two"]);
    assert_eq!(workspace.attribute("coffer_secret.a", "version"), "2");
    workspace.write("main.tf", &configuration("tags = { env = \"test\" }", ""));
    workspace.apply(&[]).succeeds().says("1 changed");
    assert_eq!(fake.values("kv1", "app-password").len(), 2, "metadata makes no version");
    workspace.plan(&[]).has_no_changes();
    assert!(!workspace.read("terraform.tfstate").contains("\"two\""));
    workspace.destroy().succeeds();
    assert_eq!(fake.names("kv1"), (vec![], vec!["app-password".to_owned()]));
}

fn plan_needs_the_right_to_list_only(workspace: &mut Workspace) {
    let fake = served(workspace);
    workspace.apply(&[]).succeeds();
    fake.grant("app-1", LIST_ONLY);
    fake.clear_journal();
    workspace.plan(&[]).has_no_changes();
    assert_eq!(fake.count("GET", &format!("{SECRET}/versions")), 1);
    // Besides that, only what the vault was asked without a token.
    let with_token = fake.journal().iter().filter(|s| s.authorized).count();
    assert_eq!(with_token, 1, "{:?}", fake.journal());
}

fn expiry_is_set_and_cleared(workspace: &mut Workspace) {
    let fake = served(workspace);
    let times = "not_before = \"2026-01-01T00:00:00Z\"\n  expires_at = \"2099-01-01T00:00:00Z\"";
    workspace.write("main.tf", &configuration(times, ""));
    workspace.apply(&[]).succeeds();
    assert_eq!(fake.newest("kv1", "app-password")["attributes"]["exp"], 4_070_908_800_i64);
    workspace.plan(&[]).has_no_changes();
    workspace.write("main.tf", &configuration("", ""));
    workspace.apply(&[]).succeeds().says("1 changed");
    assert!(fake.newest("kv1", "app-password")["attributes"].get("exp").is_none());
    assert_eq!(fake.values("kv1", "app-password").len(), 1);
    workspace.plan(&[]).has_no_changes();
}

fn staged_rotation_and_roll_back(workspace: &mut Workspace) {
    let fake = served(workspace);
    let initial = "manage_content = \"initial\"";
    let next = |arguments: &str| {
        format!(
            "resource \"coffer_secret_version\" \"next\" {{\n  secret_id = coffer_secret.a.id\n  \
             {arguments}\n}}\n"
        )
    };
    let two = |state: &str| next(&format!("value_wo = \"two\"\n  rotation_state = {state:?}"));
    workspace.write("main.tf", &configuration(initial, &two("pending")));
    workspace.apply(&[]).succeeds();
    assert_eq!(fake.values("kv1", "app-password"), ["one"]);
    assert_eq!(fake.values("kv1", "app-password--pending"), ["two"]);
    workspace.plan(&[]).has_no_changes();
    workspace.write("main.tf", &configuration(initial, &two("current")));
    workspace.apply(&[]).succeeds().says("1 changed");
    assert_eq!(fake.values("kv1", "app-password"), ["one", "two"]);
    workspace.plan(&[]).has_no_changes();
    let back = next("number = 1\n  rotation_state = \"current\"");
    workspace.write("main.tf", &configuration(initial, &back));
    workspace.apply(&[]).succeeds();
    assert_eq!(fake.values("kv1", "app-password"), ["one", "two", "one"]);
    workspace.plan(&[]).has_no_changes();
    workspace.destroy().succeeds();
    assert!(fake.names("kv1").0.is_empty());
}

fn deleted_secret_is_recovered_without_a_needless_version(workspace: &mut Workspace) {
    let fake = served(workspace);
    fake.configure(|options| options.settle = 1);
    workspace.apply(&[]).succeeds();
    workspace.destroy().succeeds();
    workspace.apply(&[]).succeeds().says("recovered");
    assert_eq!(fake.values("kv1", "app-password"), ["one"]);
    workspace.plan(&[]).has_no_changes();
    workspace.destroy().succeeds();
    workspace.env("TF_VAR_value", "two");
    workspace.apply(&[]).succeeds().says("recovered");
    assert_eq!(fake.values("kv1", "app-password"), ["one", "two"]);
}

fn destroyed_for_good(workspace: &mut Workspace) {
    let fake = served(workspace);
    fake.configure(|options| options.settle = 2);
    workspace.write("main.tf", &configuration("deletion_policy = \"destroy\"", ""));
    workspace.apply(&[]).succeeds();
    workspace.destroy().succeeds();
    assert_eq!(fake.names("kv1"), (vec![], vec![]));
    workspace.apply(&[]).succeeds();
    fake.configure(|options| options.purge_protection = true);
    workspace.destroy().fails().says("purge protection").says("recoverable");
    assert_eq!(fake.values("kv1", "app-password"), ["one"]);
}

fn import_of_somebody_elses(workspace: &mut Workspace) {
    let fake = served(workspace);
    fake.somebody_stores_with("kv1", "app-password", "theirs", &[("team", "x")]);
    let taken = "tags = { team = \"x\" }";
    workspace.write("main.tf", &configuration(taken, "").replace("value_wo = var.value", ""));
    workspace.run(&["import", "-no-color", "coffer_secret.a", "prod/app-password"]).succeeds();
    workspace.plan(&[]).has_no_changes();
    workspace.write("main.tf", &configuration(taken, ""));
    workspace.env("TF_VAR_value", "theirs");
    workspace.apply(&[]).succeeds();
    assert_eq!(fake.values("kv1", "app-password"), ["theirs"], "the same content is not written");
    workspace.env("TF_VAR_value", "ours");
    workspace.apply(&[]).succeeds().says("1 changed");
    assert_eq!(fake.values("kv1", "app-password"), ["theirs", "ours"]);
    workspace.plan(&[]).has_no_changes();
}

fn drift_is_found_and_mended(workspace: &mut Workspace) {
    let fake = served(workspace);
    workspace.apply(&[]).succeeds();
    fake.advance(time::Duration::seconds(5));
    fake.somebody_stores("kv1", "app-password", "changed outside");
    fake.grant("app-1", LIST_ONLY);
    workspace.plan(&[]).has_changes();
    fake.grant("app-1", EVERY_PERMISSION);
    fake.advance(time::Duration::seconds(5));
    workspace.apply(&[]).succeeds();
    assert_eq!(fake.values("kv1", "app-password"), ["one", "changed outside", "one"]);
    workspace.plan(&[]).has_no_changes();
}

fn disabled_secret_is_managed(workspace: &mut Workspace) {
    let fake = served(workspace);
    workspace.write("main.tf", &configuration("enabled = false", ""));
    workspace.apply(&[]).succeeds();
    assert_eq!(fake.newest("kv1", "app-password")["attributes"]["enabled"], false);
    workspace.plan(&[]).has_no_changes();
    workspace.env("TF_VAR_value", "two");
    workspace.apply(&[]).succeeds();
    assert_eq!(fake.newest("kv1", "app-password")["attributes"]["enabled"], false);
    workspace.write("main.tf", &configuration("", ""));
    workspace.apply(&[]).succeeds();
    assert_eq!(fake.newest("kv1", "app-password")["attributes"]["enabled"], true);
}

fn limits_are_refused_at_plan(workspace: &mut Workspace) {
    let fake = served(workspace);
    let many: String = (0..13).map(|n| format!("t{n} = \"v\", ")).collect();
    workspace.write("main.tf", &configuration(&format!("tags = {{ {many} }}"), ""));
    workspace.plan(&[]).fails().says("at most 12 tags");
    workspace.write("main.tf", &configuration("", ""));
    workspace.env("TF_VAR_value", &"x".repeat(25_601));
    workspace.plan(&[]).fails().says("25600 bytes");
    workspace.env("TF_VAR_value", "one");
    let text = configuration("", "").replace("app-password", "app/password");
    workspace.write("main.tf", &text);
    workspace.plan(&[]).fails().says("contains '/'");
    workspace.write("main.tf", &configuration("retain = { versions = 2 }", ""));
    workspace.plan(&[]).fails().says("deletes no single version");
    assert_eq!(fake.count("PUT", "/"), 0);
}

fn wrong_credential(workspace: &mut Workspace) {
    let fake = served(workspace);
    workspace.env("AZURE_CLIENT_SECRET", "canary-wrong-client-secret");
    let outcome = workspace.plan(&[]).fails().says("AADSTS7000215").says("\"prod\"");
    outcome.never_says("canary").never_says(CLIENT_SECRET);
    assert!(fake.names("kv1").0.is_empty());
}

fn missing_right(workspace: &mut Workspace) {
    let fake = served(workspace);
    fake.grant("app-1", LIST_ONLY);
    let outcome = workspace.apply(&[]).fails().says("Vault refused permission");
    outcome.says("Microsoft.KeyVault/vaults/secrets/setSecret/action").says("request_id");
}

fn vault_that_is_gone(workspace: &mut Workspace) {
    let fake = served(workspace);
    workspace.apply(&[]).succeeds();
    drop(fake);
    let text = configuration("", "").replace("retry_seconds = 5", "retry_seconds = 0");
    workspace.write("main.tf", &text);
    let outcome = workspace.plan(&[]).fails().says("\"prod\"");
    outcome.never_says("will be created");
}

fn managed_identity(workspace: &mut Workspace) {
    let fake = served(workspace);
    fake.managed_identity("header of this machine", EVERY_PERMISSION);
    workspace.unset_env("AZURE_CLIENT_ID");
    workspace.unset_env("AZURE_CLIENT_SECRET");
    workspace.env("IDENTITY_ENDPOINT", &fake.identity_endpoint());
    workspace.env("IDENTITY_HEADER", "header of this machine");
    workspace.apply(&[]).succeeds();
    assert!(fake.count("GET", "/msi/token") > 0);
    assert_eq!(fake.values("kv1", "app-password"), ["one"]);
    // Nobody to ask: the Azure CLI, which is not here.
    workspace.unset_env("IDENTITY_ENDPOINT");
    workspace.plan(&[]).fails().says("az");
}

fn azure_cli(workspace: &mut Workspace) {
    use std::os::unix::fs::PermissionsExt as _;
    let fake = served(workspace);
    workspace.unset_env("AZURE_CLIENT_ID");
    workspace.unset_env("AZURE_CLIENT_SECRET");
    let token = fake.token(EVERY_PERMISSION);
    let answer = serde_json::json!({
        "accessToken": token, "expires_on": 4_000_000_000_i64, "tokenType": "Bearer",
    });
    let az = workspace.root().join("home/az");
    let script = format!(
        "#!/bin/sh\ncase \"$*\" in *https://vault.azure.net/.default*) echo '{answer}';; *) exit 1;; esac\n"
    );
    std::fs::write(&az, script).expect("the workspace is writable");
    std::fs::set_permissions(&az, std::fs::Permissions::from_mode(0o755)).expect("a mode");
    let path = std::env::var("PATH").unwrap_or_default();
    let home = az.parent().expect("a file has a parent").display().to_string();
    workspace.env("PATH", &format!("{home}:{path}"));
    workspace.apply(&[]).succeeds();
    assert_eq!(fake.values("kv1", "app-password"), ["one"]);
}

/// Everything that a life and its failures leave behind, at the loudest log level.
fn nothing_secret_is_left_behind(workspace: &mut Workspace) {
    let fake = served(workspace);
    let values = [Canary::new(), Canary::new(), Canary::of(CLIENT_SECRET)];
    let search = Search::new(&values);
    let log = workspace.root().join("trace.log");
    workspace.env("TF_LOG", "TRACE");
    workspace.env("TF_LOG_PATH", &log.to_string_lossy());
    let next = "resource \"coffer_secret_version\" \"next\" {\n  secret_id = coffer_secret.a.id\n  \
                value_wo = var.value\n  rotation_state = \"pending\"\n}\n";
    let initial = "manage_content = \"initial\"";
    workspace.env("TF_VAR_value", values[0].text());
    workspace.write("main.tf", &configuration(initial, ""));
    let run = |workspace: &Workspace, arguments: &[&str]| {
        let outcome = workspace.run(arguments);
        search.assert_none_in(&outcome.command, &outcome.text());
        outcome
    };
    run(workspace, &["apply", "-no-color", "-auto-approve"]).succeeds();
    workspace.env("TF_VAR_value", values[1].text());
    workspace.write("main.tf", &configuration(initial, next));
    run(workspace, &["plan", "-no-color", "-out=saved.plan"]).succeeds();
    run(workspace, &["apply", "-no-color", "saved.plan"]).succeeds();
    let echo = serde_json::json!({ "error": {
        "code": "BadParameter", "message": values[1].text(),
    } });
    let echo = Action::Answer(400, Vec::new(), echo.to_string());
    fake.fault(Fault::once("PUT", "/secrets", echo));
    let current = next.replace("pending", "current");
    workspace.write("main.tf", &configuration(initial, &current));
    run(workspace, &["apply", "-no-color", "-auto-approve"]).fails();
    run(workspace, &["apply", "-no-color", "-auto-approve"]).succeeds();
    assert_eq!(
        fake.values("kv1", "app-password").last().map(String::as_str),
        Some(values[1].text())
    );
    let searched = search.assert_none_below(workspace.root());
    assert!(searched.has("trace.log") && searched.has("terraform.tfstate"));
    let log = std::fs::read_to_string(log).expect("there is a log");
    assert!(log.contains("/secrets/app-password"), "requests were logged");
}
