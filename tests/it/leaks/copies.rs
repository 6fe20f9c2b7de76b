//! No secret byte where it does not belong when secrets are copied: plans, conflicts, imports,
//! failures and removals, between vaults of several services, at the loudest log level.

use super::Watched;
use crate::fakes::azure_key_vault::Fake as Azure;
use crate::fakes::oci_vault::{COMPARTMENT, Fake as Oci, Fault, KEY, VAULT, sign_in};
use crate::support::cli::{Workspace, cases};
use crate::support::keys;

cases! {
    copies
}

fn configuration(secrets: &str, sync: &str) -> String {
    let profiles = format!(
        r#"provider "coffer" {{
  default_profile = "main"
  profiles = {{
    main  = {{ embedded = {{ path = "main.db" }} }}
    other = {{ embedded = {{ path = "other.db" }} }}
    azure = {{ azure_key_vault = {{ vault_url = "https://kv1.vault.azure.net", retry_seconds = 1 }} }}
    oci = {{
      oci_vault = {{
        vault_id       = "{VAULT}"
        compartment_id = "{COMPARTMENT}"
        key_id         = "{KEY}"
        retry_seconds  = 1
      }}
    }}
  }}
}}"#
    );
    let head = super::HEAD.replace("provider \"coffer\" {}", &profiles);
    format!("{head}\n{secrets}\n{sync}\n")
}

const SECRETS: &str = r#"
resource "coffer_secret" "text" {
  name            = "text"
  value_wo        = var.value
  deletion_policy = "destroy"
}

resource "coffer_secret" "login" {
  name            = "login"
  basic_auth_wo   = { username = base64encode(var.value), password = var.value }
  deletion_policy = "destroy"
}
"#;

const THEIRS: &str = r#"
resource "coffer_secret" "theirs" {
  profile         = "other"
  name            = "there"
  value_wo        = "${var.value} there"
  manage_content  = "initial"
  deletion_policy = "retain"
}

resource "coffer_secret" "conflict" {
  profile         = "azure"
  name            = "text"
  value_wo        = "${var.value} conflict"
  manage_content  = "initial"
  deletion_policy = "retain"
}
"#;

fn sync(more: &str) -> String {
    format!(
        r#"
resource "coffer_secret_sync" "s" {{
  name         = "s"
  source       = {{ names = ["**"] }}
  destinations = {{
    other = {{ profile = "other" }}
    azure = {{ profile = "azure" }}
    oci   = {{ profile = "oci", key_schema = "p-{{{{secretKey}}}}" }}
  }}
  {more}
}}
"#
    )
}

fn copies(workspace: &mut Workspace) {
    let azure = Azure::quick();
    azure.serve(workspace);
    let oci = Oci::start();
    for (name, value) in sign_in() {
        workspace.env(name, &value);
    }
    workspace.env("COFFER_FINGERPRINT_KEY", keys::BASE64_256_BITS);
    workspace.env("OCI_CLI_ENDPOINT", &oci.url());
    let mut watched = Watched::new(workspace);
    let write = |watched: &Watched<'_>, secrets: &str, sync: &str| {
        watched.workspace.write("main.tf", &configuration(secrets, sync));
    };
    let with_theirs = format!("{SECRETS}{THEIRS}");
    watched.value(0);
    write(&watched, &with_theirs, "");
    watched.plan_and_apply();
    // A conflict, and what could not be written.
    write(&watched, &with_theirs, &sync(""));
    let refuse = |status, code| Fault::Refuse { status, code, retry_after: None, times: 30 };
    oci.fault("CreateSecret", refuse(400, "InvalidParameter"));
    watched.plan_and_apply();
    oci.world(|world| world.faults.clear());
    watched.plan_and_apply();
    watched.run(&["plan", "-no-color", "-detailed-exitcode"]).has_no_changes();
    // An import into the source, and taking over by comparing.
    write(
        &watched,
        &with_theirs,
        &sync("initial_sync_behavior = \"import_prioritize_destination\""),
    );
    watched.plan_and_apply();
    write(&watched, &with_theirs, &sync("adopt = [\"text\"]"));
    watched.plan_and_apply();
    // New values, and services that fail, refuse and echo what they were given.
    watched.value(1);
    watched.run(&["apply", "-no-color", "-auto-approve", "-target=coffer_secret.text"]).succeeds();
    watched.plan_and_apply();
    watched.value(2);
    watched.run(&["apply", "-no-color", "-auto-approve", "-target=coffer_secret.login"]).succeeds();
    for (operation, status, code) in [
        ("UpdateSecret", 400, "InvalidParameter"),
        ("UpdateSecret", 500, "InternalServerError"),
        ("GetSecret", 404, "NotAuthorizedOrNotFound"),
        ("ListSecretVersions", 429, "TooManyRequests"),
    ] {
        oci.fault(operation, refuse(status, code));
        watched.run(&["apply", "-no-color", "-auto-approve"]);
        oci.world(|world| world.faults.clear());
    }
    oci.world(|world| world.settings.echo_content = true);
    watched.run(&["apply", "-no-color", "-auto-approve"]);
    oci.world(|world| world.settings.echo_content = false);
    watched.plan_and_apply();
    // A plan that is not true any more.
    watched.value(3);
    watched.run(&["apply", "-no-color", "-auto-approve", "-target=coffer_secret.text"]).succeeds();
    watched.run(&["plan", "-no-color", "-out=late.plan"]).succeeds();
    azure.somebody_stores("kv1", "text", "of somebody else");
    watched.run(&["apply", "-no-color", "late.plan"]).fails();
    watched.plan_and_apply();
    // The end of a source, and of everything.
    write(&watched, THEIRS, &sync("max_deletes = 10"));
    watched.plan_and_apply();
    watched.plan_and_apply();
    watched.run(&["destroy", "-no-color", "-auto-approve"]).succeeds();
    watched.search_files(&[
        "terraform.tfstate",
        "saved.plan",
        "late.plan",
        "other.db",
        "trace.log",
    ]);
}
