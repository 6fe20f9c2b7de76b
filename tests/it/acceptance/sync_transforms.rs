//! `coffer_secret_sync`: what becomes of values on their way, and selections by pattern in runs that
//! change the secrets, too.

use crate::support::cli::{Workspace, cases};
use crate::support::vault::Vault;

cases! {
    every_transform_is_told_copied_and_settled
    what_a_transform_cannot_take_is_refused_at_plan
    value_that_does_not_suit_fails_alone
    pattern_and_changed_secrets_in_one_run
    chain_of_syncs_settles_run_by_run
}

const HEAD: &str = r#"
terraform {
  required_providers {
    coffer = {
      source = "coffer/coffer"
    }
  }
}

provider "coffer" {
  default_profile = "main"
  profiles = {
    main  = { embedded = { path = "main.db" } }
    two   = { embedded = { path = "two.db" } }
    three = { embedded = { path = "three.db" } }
  }
}
"#;

fn secret(name: &str, arguments: &str) -> String {
    format!(
        "\nresource \"coffer_secret\" \"{name}\" {{\n  name            = \"{name}\"\n  \
         deletion_policy = \"destroy\"\n  {arguments}\n}}\n"
    )
}

fn value(name: &str, value: &str) -> String {
    secret(name, &format!("value_wo = {value:?}"))
}

fn sync(name: &str, source: &str, destinations: &str) -> String {
    format!(
        "\nresource \"coffer_secret_sync\" \"{name}\" {{\n  name   = \"{name}\"\n  source = {source}\n  \
         destinations = {{\n{destinations}\n  }}\n}}\n"
    )
}

#[track_caller]
fn apply(workspace: &Workspace, parts: &[String]) {
    workspace.write("main.tf", &(HEAD.to_owned() + &parts.concat()));
    workspace.apply(&[]).succeeds();
}

fn get(workspace: &Workspace, vault: &str, name: &str) -> Option<String> {
    Vault::at(&workspace.file(vault)).value(name)
}

const CERT: &str = "-----BEGIN CERTIFICATE-----\nY2FuYXJ5\n-----END CERTIFICATE-----\n";
const CA: &str = "-----BEGIN CERTIFICATE-----\nY2FuYXJ5LWNh\n-----END CERTIFICATE-----\n";

fn every_transform_is_told_copied_and_settled(workspace: &mut Workspace) {
    let key = rcgen::KeyPair::generate().unwrap().serialize_pem().replace("\r\n", "\n");
    let secrets = |db: &str| {
        [
            value("db", &format!("{{\"user\":\"canary-ada\",\"password\":\"{db}\"}}")),
            value("api", "canary-api"),
            value("tls", &format!("{CERT}{CA}{key}")),
        ]
        .concat()
    };
    let copies = |field: &str| {
        let one = |label: &str, keys: &str, more: &str| {
            sync(
                label,
                &format!("{{ secrets = [{keys}] }}"),
                &format!("    to = {{ profile = \"two\", {more} }}"),
            )
        };
        [
            one("b64", "coffer_secret.api.id", r#"key_schema = "b64-{{secretKey}}", transform = { base64 = true }"#),
            one("field", "coffer_secret.db.id", &format!("key_schema = \"user-{{{{secretKey}}}}\", transform = {{ json_field = \"{field}\" }}")),
            one("parts", "coffer_secret.tls.id", r#"transform = { pem_split = ["private_key", "certificate", "chain"] }"#),
            one("all", "coffer_secret.api.id, coffer_secret.db.id", r#"key_schema = "{{environment}}_{{secretKey}}", environment = "APP", map = { api = "TOKEN" }, transform = { json_bundle = "config" }"#),
        ]
        .concat()
    };
    apply(workspace, &[secrets("canary-1"), copies("user")]);
    let two = |name: &str| get(workspace, "two.db", name).unwrap_or_default();
    assert_eq!(two("b64-api"), "Y2FuYXJ5LWFwaQ==");
    assert_eq!(two("user-db"), "canary-ada");
    assert_eq!(two("tls-certificate"), CERT);
    assert_eq!(two("tls-chain"), CA);
    let split = Vault::at(&workspace.file("two.db")).content("tls-private-key").unwrap();
    assert_eq!(split.field("pem").unwrap().expose(), key.as_bytes());
    let config = Vault::at(&workspace.file("two.db")).content("config").unwrap();
    let names: Vec<_> = config.fields().iter().map(|(name, _)| name.as_str()).collect();
    assert_eq!(names, ["APP_db", "TOKEN"]);
    assert_eq!(config.field("TOKEN").unwrap().expose(), b"canary-api");
    workspace.plan(&[]).has_no_changes();
    let state = workspace.state().to_string();
    assert!(!state.contains("canary-") && !state.contains("Y2FuYXJ5"), "a value is in the state");

    // Only what is made of a changed secret is written; a field that stays is a new version of the
    // same content, which nothing is written for.
    apply(workspace, &[secrets("canary-2"), copies("user")]);
    let versions = |name: &str| Vault::at(&workspace.file("two.db")).versions(name);
    assert_eq!([versions("b64-api"), versions("user-db"), versions("config")], [1, 1, 2]);
    workspace.plan(&[]).has_no_changes();

    // Another transform is another content of the same source.
    workspace.write("main.tf", &(HEAD.to_owned() + &secrets("canary-2") + &copies("password")));
    workspace.plan(&[]).has_changes().says("update from db, field password");
    workspace.apply(&[]).succeeds();
    assert_eq!(get(workspace, "two.db", "user-db").as_deref(), Some("canary-2"));
    workspace.plan(&[]).has_no_changes();
}

fn what_a_transform_cannot_take_is_refused_at_plan(workspace: &mut Workspace) {
    let login = secret("login", r#"basic_auth_wo = { username = "ada", password = "canary-p" }"#);
    apply(workspace, std::slice::from_ref(&login));
    let refused = |more: &str, why: &str| {
        let to = format!("    to = {{ profile = \"two\", {more} }}");
        let all = sync("s", "{ names = [\"**\"] }", &to);
        workspace.write("main.tf", &(HEAD.to_owned() + &login + &all));
        workspace.plan(&[]).fails().says(why);
    };
    refused("transform = { base64 = true }", "has several fields; choose one with json_field");
    refused("transform = { pem_split = [\"chain\"] }", "is not PEM text");
    refused("transform = { pem_split = [] }", "must be some of");
    refused("transform = { base64 = false }", "leave transform out");
    refused("transform = { base64 = true, json_field = \"a\" }", "Exactly one attribute");
    refused("transform = { json_bundle = \"a b\" }", "Copies cannot be made");
    assert_eq!(get(workspace, "two.db", "login"), None);
}

fn value_that_does_not_suit_fails_alone(workspace: &mut Workspace) {
    let secrets = [value("good", r#"{"f":"canary-f"}"#), value("bad", "canary-plain")].concat();
    let to = "    to = { profile = \"two\", transform = { json_field = \"f\" } }";
    let ids = "{ secrets = [coffer_secret.good.id, coffer_secret.bad.id] }";
    workspace.write("main.tf", &(HEAD.to_owned() + &secrets + &sync("s", ids, to)));
    let told = workspace.apply(&[]);
    let told = told.says("is not JSON");
    assert!(!told.text().contains("canary-"), "a value is in the output");
    assert_eq!(get(workspace, "two.db", "good").as_deref(), Some("canary-f"));
    assert_eq!(get(workspace, "two.db", "bad"), None);
    assert_eq!(workspace.attribute("coffer_secret_sync.s", "status"), "partial");
}

fn pattern_and_changed_secrets_in_one_run(workspace: &mut Workspace) {
    let all = sync("s", "{ names = [\"**\"] }", "    to = { profile = \"two\" }");
    let secrets =
        |n: u8| [value("a", &format!("canary-a{n}")), value("b", &format!("canary-b{n}"))];
    apply(workspace, &secrets(1));
    // Copies and a new secret, nothing of which is ordered.
    let more = |n: u8| [secrets(n).concat(), value("c", "canary-c"), all.clone()];
    apply(workspace, &more(1));
    workspace.apply(&[]).succeeds();
    workspace.plan(&[]).has_no_changes();
    assert_eq!(get(workspace, "two.db", "c").as_deref(), Some("canary-c"));
    for n in 2..5 {
        // Every second run has something of its own to do for the sync.
        let mut parts = more(n).to_vec();
        if n % 2 == 0 {
            Vault::at(&workspace.file("two.db")).purge("a");
        }
        if n == 4 {
            parts = vec![value("a", "canary-a4"), all.clone()];
        }
        apply(workspace, &parts);
        workspace.apply(&[]).succeeds();
        workspace.plan(&[]).has_no_changes();
        let expected = Some(format!("canary-a{n}"));
        assert_eq!(get(workspace, "two.db", "a"), expected, "{n}");
    }
    assert_eq!(get(workspace, "two.db", "b"), None, "the copy goes with its source");
}

fn chain_of_syncs_settles_run_by_run(workspace: &mut Workspace) {
    let chain = [
        sync("one", "{ names = [\"**\"] }", "    to = { profile = \"two\" }"),
        sync(
            "other",
            "{ profile = \"two\", names = [\"**\"] }",
            "    to = { profile = \"three\" }",
        ),
    ]
    .concat();
    apply(workspace, &[value("a", "canary-1")]);
    for n in 1..4 {
        apply(workspace, &[value("a", &format!("canary-{n}")), chain.clone()]);
        workspace.apply(&[]).succeeds();
        workspace.apply(&[]).succeeds();
        workspace.plan(&[]).has_no_changes();
        let expected = Some(format!("canary-{n}"));
        assert_eq!(get(workspace, "three.db", "a"), expected);
    }
}
