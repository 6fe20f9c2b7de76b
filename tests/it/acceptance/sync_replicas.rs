//! Syncs that have the service keep replicas, with moto as AWS and boto3 as everybody else.

use crate::support::cli::{Workspace, cases, report_ignored};
use crate::support::keys;
use crate::support::moto::{self, Moto};

cases! {
    replicas_come_follow_and_go
    what_is_no_replica_is_left_alone
    refused_where_it_cannot_be
}

struct Regions<'w> {
    workspace: &'w mut Workspace,
    moto: &'static Moto,
    from: String,
    to: String,
}

impl<'w> Regions<'w> {
    fn new(workspace: &'w mut Workspace, case: &str) -> Option<Self> {
        match moto::shared() {
            Ok(moto) => {
                workspace.env("AWS_ACCESS_KEY_ID", "coffer");
                workspace.env("AWS_SECRET_ACCESS_KEY", "not-checked");
                workspace.env("COFFER_FINGERPRINT_KEY", keys::BASE64_256_BITS);
                Some(Self { workspace, moto, from: moto.region(), to: moto.region() })
            }
            Err(reason) => {
                report_ignored("moto", case, &reason);
                None
            }
        }
    }

    fn write(&self, secrets: &[(&str, &str)], destination: &str, more: &str) {
        let (url, from, to) = (self.moto.url(), &self.from, &self.to);
        let mut text = format!(
            r#"
terraform {{
  required_providers {{
    coffer = {{
      source = "coffer/coffer"
    }}
  }}
}}

provider "coffer" {{
  default_profile = "from"
  profiles = {{
    from  = {{ aws_secrets_manager = {{ region = {from:?}, endpoint = {url:?} }} }}
    to    = {{ aws_secrets_manager = {{ region = {to:?}, endpoint = {url:?} }} }}
    other = {{ aws_secrets_manager = {{ region = {to:?}, endpoint = {url:?}, shared_config_profile = "x" }} }}
    file  = {{ embedded = {{ path = "file.db" }} }}
  }}
}}
"#
        );
        for (name, value) in secrets {
            text += &format!(
                "\nresource \"coffer_secret\" \"{name}\" {{\n  name            = \"{name}\"\n  \
                 value_wo        = \"{value}\"\n  deletion_policy = \"destroy\"\n}}\n"
            );
        }
        if !destination.is_empty() {
            text += &format!(
                "\nresource \"coffer_secret_sync\" \"s\" {{\n  name         = \"s\"\n  source       = {{ \
                 names = [\"*\"] }}\n  destinations = {{ d = {{ {destination} }} }}\n  {more}\n}}\n"
            );
        }
        self.workspace.write("main.tf", &text);
    }

    #[track_caller]
    fn apply(&self, secrets: &[(&str, &str)], destination: &str, more: &str) {
        self.write(secrets, destination, more);
        self.workspace.apply(&[]).succeeds();
    }

    /// Value and primary region of a secret in the second region; `-` for none.
    fn there(&self, name: &str) -> String {
        let script = format!(
            "try:\n  v = client.get_secret_value(SecretId={name:?}, VersionStage='AWSCURRENT')\n  \
             print(v['SecretString'], client.describe_secret(SecretId={name:?}).get('PrimaryRegion'))\n\
             except client.exceptions.ResourceNotFoundException:\n  print('-')"
        );
        self.moto.boto3(&self.to, &script)
    }
}

const NATIVE: &str = r#"profile = "to", native_replication = true"#;
const TWO: &[(&str, &str)] = &[("db", "one"), ("api", "two")];

fn replicas_come_follow_and_go(workspace: &mut Workspace) {
    let Some(regions) = Regions::new(workspace, "sync_replicas::replicas_come_follow_and_go")
    else {
        return;
    };
    let from = regions.from.clone();
    regions.apply(TWO, "", "");
    regions.write(TWO, NATIVE, "");
    regions.workspace.plan(&[]).has_changes().says("\"replicate, source version 1\"");
    regions.workspace.apply(&[]).succeeds();
    assert_eq!(regions.there("db"), format!("one {from}"));
    assert_eq!(regions.there("api"), format!("two {from}"));
    regions.workspace.plan(&[]).has_no_changes();
    // The service brings the change; the sync only records it.
    let changed = &[("db", "new"), TWO[1]];
    regions.write(changed, NATIVE, "");
    regions.workspace.apply(&["-target=coffer_secret.db"]).succeeds();
    assert_eq!(regions.there("db"), format!("new {from}"));
    regions.workspace.plan(&[]).has_changes().says("\"follow the source, source version 2\"");
    regions.workspace.apply(&[]).succeeds();
    regions.workspace.plan(&[]).has_no_changes();
    // A replica that somebody removed comes back.
    let remove = format!(
        "client.remove_regions_from_replication(SecretId='db', RemoveReplicaRegions=[{:?}])",
        regions.to
    );
    regions.moto.boto3(&from, &remove);
    assert_eq!(regions.there("db"), "-");
    regions.workspace.plan(&[]).has_changes().says("replicate");
    regions.workspace.apply(&[]).succeeds();
    assert_eq!(regions.there("db"), format!("new {from}"));
    // One that is not selected any more ends, and its source stays.
    regions.write(changed, NATIVE, "");
    let text = std::fs::read_to_string(regions.workspace.file("main.tf")).unwrap();
    regions.workspace.write("main.tf", &text.replace("names = [\"*\"]", "names = [\"db\"]"));
    regions.workspace.plan(&[]).has_changes().says("\"delete\"");
    regions.workspace.apply(&[]).succeeds();
    assert_eq!(regions.there("api"), "-");
    regions.workspace.plan(&[]).has_no_changes();
    // And with the sync, where that is wanted.
    regions.apply(changed, NATIVE, "on_destroy = \"delete\"");
    regions.apply(changed, "", "");
    assert_eq!(regions.there("db"), "-");
    regions.workspace.plan(&[]).has_no_changes();
    let state = regions.workspace.state().to_string();
    assert!(!state.contains("\"new\""), "a value is in the state");
}

fn what_is_no_replica_is_left_alone(workspace: &mut Workspace) {
    let Some(regions) = Regions::new(workspace, "sync_replicas::what_is_no_replica_is_left_alone")
    else {
        return;
    };
    regions.moto.boto3(&regions.to, "client.create_secret(Name='db', SecretString='theirs')");
    regions.apply(TWO, "", "");
    regions.write(TWO, NATIVE, "");
    regions.workspace.apply(&[]).succeeds().says("not a replica of the source");
    assert!(regions.there("db").starts_with("theirs"));
    assert!(regions.there("api").starts_with("two"));
    // Copies cannot be written where the service keeps replicas, nor these be removed there.
    regions.apply(TWO, r#"profile = "to""#, "");
    regions.workspace.plan(&[]).has_no_changes();
    assert!(regions.there("db").starts_with("theirs"));
    regions.write(TWO, r#"profile = "to", key_schema = "c-{{secretKey}}""#, "");
    regions.workspace.plan(&[]).has_changes().says("forget, and leave it in the vault");
    regions.workspace.apply(&[]).succeeds();
    assert_eq!(regions.there("c-db"), "one None");
    assert!(regions.there("api").starts_with("two"));
    // Copies do not become replicas behind anybody's back.
    regions.apply(TWO, r#"profile = "to", map = { api = "x", db = "y" }"#, "");
    regions.apply(TWO, "", "");
    regions.moto.boto3(&regions.from, "client.create_secret(Name='x', SecretString='another')");
    regions.write(TWO, NATIVE, "");
    let text = std::fs::read_to_string(regions.workspace.file("main.tf")).unwrap();
    regions.workspace.write("main.tf", &text.replace("names = [\"*\"]", "names = [\"x\"]"));
    regions.workspace.apply(&[]).succeeds().says("not a replica of the source");
    assert_eq!(regions.there("x"), "two None");
}

fn refused_where_it_cannot_be(workspace: &mut Workspace) {
    let Some(regions) = Regions::new(workspace, "sync_replicas::refused_where_it_cannot_be") else {
        return;
    };
    regions.apply(TWO, "", "");
    let native = "native_replication = true";
    for (destination, said) in [
        (format!("profile = \"file\", {native}"), "keeps no replicas by itself"),
        (format!("profile = \"other\", {native}"), "sign in differently"),
        (format!("profile = \"to\", key_schema = \"x-{{{{secretKey}}}}\", {native}"), "x-api"),
        (format!("profile = \"to\", transform = {{ base64 = true }}, {native}"), "transform"),
    ] {
        regions.write(TWO, &destination, "");
        regions.workspace.plan(&[]).fails().says(said);
    }
    assert_eq!(regions.there("db"), "-");
}
