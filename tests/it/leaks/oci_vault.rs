//! No secret byte where it does not belong when the vault is Oracle Cloud's: requests, refusals
//! and sign-in, at the loudest log level.

use super::Watched;
use crate::fakes::oci_vault::{COMPARTMENT, Fake, Fault, KEY, VAULT, sign_in};
use crate::support::canary::{Canary, Search};
use crate::support::cli::{Workspace, cases};
use crate::support::keys;

cases! {
    requests_and_refusals
}

fn configuration(description: &str) -> String {
    let head = super::HEAD.replace(
        "provider \"coffer\" {}",
        &format!(
            r#"provider "coffer" {{
  profiles = {{
    local = {{
      oci_vault = {{
        vault_id        = "{VAULT}"
        compartment_id  = "{COMPARTMENT}"
        key_id          = "{KEY}"
        retry_seconds   = 1
      }}
      drift_detection = "content"
    }}
  }}
}}"#
        ),
    );
    format!(
        r#"{head}
resource "coffer_secret" "text" {{
  name        = "text"
  value_wo    = var.value
  description = "{description}"
}}

resource "coffer_secret" "login" {{
  name          = "login"
  basic_auth_wo = {{ username = base64encode(var.value), password = var.value }}
}}

resource "coffer_secret_version" "next" {{
  secret_id      = coffer_secret.text.id
  value_wo       = "${{var.value}} next"
  rotation_state = "pending"
}}

ephemeral "coffer_secret" "text" {{
  id = coffer_secret.text.id
}}
"#
    )
}

fn requests_and_refusals(workspace: &mut Workspace) {
    let fake = Fake::start();
    for (name, value) in sign_in() {
        workspace.env(name, &value);
    }
    workspace.env("COFFER_FINGERPRINT_KEY", keys::BASE64_256_BITS);
    workspace.env("OCI_CLI_ENDPOINT", &fake.url());
    let mut watched = Watched::new(workspace);
    watched.value(0);
    watched.workspace.write("main.tf", &configuration("first"));
    watched.plan_and_apply();
    watched.run(&["plan", "-no-color", "-detailed-exitcode"]).has_no_changes();
    watched.value(1);
    watched.plan_and_apply();
    watched.value(2);
    for (operation, status, code) in [
        ("UpdateSecret", 400, "InvalidParameter"),
        ("UpdateSecret", 500, "InternalServerError"),
        ("GetSecretBundle", 404, "NotAuthorizedOrNotFound"),
        ("GetSecret", 401, "NotAuthenticated"),
        ("ListSecretVersions", 429, "TooManyRequests"),
    ] {
        fake.fault(operation, Fault::Refuse { status, code, retry_after: None, times: 30 });
        watched.run(&["apply", "-no-color", "-auto-approve"]);
        fake.world(|world| world.faults.clear());
    }
    watched.run(&["destroy", "-no-color", "-auto-approve"]).succeeds();
    fake.world(|world| world.settings.echo_content = true);
    watched
        .workspace
        .write("main.tf", &configuration("second").replace("\"text\"\n  v", "\"new\"\n  v"));
    watched.run(&["apply", "-no-color", "-auto-approve"]).fails();
    watched.search_files(&["terraform.tfstate", "saved.plan", "trace.log"]);
    // The key that signs is as secret as a value.
    let key = Fake::private_key();
    let body: Vec<&str> = key.lines().filter(|line| !line.starts_with("-----")).collect();
    let log = watched.workspace.root().join("trace.log");
    let log = std::fs::read_to_string(log).expect("there is a log");
    let search = Search::new(&[Canary::of(body[3])]);
    search.assert_none_in("the log", &log);
    assert!(!log.contains("Signature version="), "no authorization is logged");
    assert!(log.contains("request"), "requests are logged");
}
