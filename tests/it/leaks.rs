//! No secret byte where it does not belong: every file that a CLI and the provider leave behind,
//! everything they print, at the loudest log level, on every path that works and every path that
//! fails.
//!
//! Values are canaries, given through the environment only, so any file that holds a trace of one
//! is a leak. The memory of the process is searched elsewhere (`memory`).

use std::fs;

use crate::support::canary::{Canary, Search};
use crate::support::cli::{Outcome, Workspace, cases};
use crate::support::keys;

mod copies;
mod oci_vault;
mod sync;

cases! {
    life_of_a_secret
    failures
    import_and_reading
    versions
    generated_values
    copies_of_sync_to
}

/// A workspace that logs everything to a file, and its canaries.
struct Watched<'w> {
    workspace: &'w mut Workspace,
    search: Search,
    canaries: Vec<Canary>,
}

impl<'w> Watched<'w> {
    fn new(workspace: &'w mut Workspace) -> Self {
        let mut canaries: Vec<Canary> = (0..4).map(|_| Canary::new()).collect();
        // A key store cannot be made of any value; a part of one is searched that is encrypted.
        let store = keys::base64("java.jks");
        canaries.push(Canary::of(&store[200..300]));
        let search = Search::new(&canaries);
        workspace.env("TF_VAR_store", &store);
        let log = workspace.root().join("trace.log");
        workspace.env("TF_LOG", "TRACE");
        workspace.env("TF_LOG_PATH", &log.to_string_lossy());
        Self { workspace, search, canaries }
    }

    fn value(&mut self, number: usize) {
        let text = self.canaries[number].text().to_owned();
        self.workspace.env("TF_VAR_value", &text);
    }

    /// Runs a command and searches what it printed.
    #[track_caller]
    fn run(&self, arguments: &[&str]) -> Outcome {
        let outcome = self.workspace.run(arguments);
        self.search.assert_none_in(&outcome.command, &outcome.text());
        outcome
    }

    #[track_caller]
    fn plan_and_apply(&self) {
        let saved = ["plan", "-no-color", "-out=saved.plan"];
        self.run(&saved).succeeds();
        self.run(&["show", "-json", "saved.plan"]).succeeds();
        self.run(&["show", "-no-color", "saved.plan"]).succeeds();
        self.run(&["apply", "-no-color", "saved.plan"]).succeeds();
        self.run(&["show", "-json"]).succeeds();
        self.run(&["output", "-json"]).succeeds();
    }

    /// Searches everything that is in the workspace.
    #[track_caller]
    fn search_files(&self, expected: &[&str]) {
        let searched = self.search.assert_none_below(self.workspace.root());
        for name in expected {
            assert!(searched.has(name), "{name} was not there to search: {:?}", searched.files);
        }
        let log =
            fs::read_to_string(self.workspace.root().join("trace.log")).expect("there is a log");
        assert!(log.contains("[TRACE]"), "the log is not at its loudest");
    }
}

const HEAD: &str = r#"
terraform {
  required_providers {
    coffer = {
      source = "coffer/coffer"
    }
  }
}

provider "coffer" {}

variable "value" {
  type      = string
  ephemeral = true
}

variable "store" {
  type      = string
  ephemeral = true
}
"#;

fn every_type(description: &str) -> String {
    let pem = keys::text("ec.sec1.pem").replace('\n', "\\n");
    format!(
        r#"{HEAD}
resource "coffer_secret" "text" {{
  name        = "text"
  value_wo    = var.value
  description = "{description}"
}}

resource "coffer_secret" "bytes" {{
  name            = "bytes"
  value_base64_wo = base64encode(var.value)
}}

resource "coffer_secret" "key" {{
  name       = "key"
  api_key_wo = base64encode(var.value)
}}

resource "coffer_secret" "login" {{
  name          = "login"
  basic_auth_wo = {{ username = base64encode(var.value), password = var.value }}
}}

resource "coffer_secret" "map" {{
  name         = "map"
  key_value_wo = {{ A = var.value }}
}}

resource "coffer_secret" "token" {{
  name   = "token"
  jwt_wo = join(".", ["eyJhbGciOiJub25lIn0", replace(replace(replace(base64encode(jsonencode({{ claim = var.value }})), "+", "-"), "/", "_"), "=", ""), ""])
}}

resource "coffer_secret" "pem" {{
  name           = "pem"
  private_key_wo = {{ pem = "${{var.value}}\n{pem}" }}
}}

resource "coffer_secret" "store" {{
  name         = "store"
  key_store_wo = {{ base64 = var.store, password = "throwaway", format = "JKS", comparison = "semantic" }}
}}

resource "coffer_secret" "symmetric" {{
  name          = "symmetric"
  secret_key_wo = {{ base64 = base64encode(var.value), algorithm = "HMAC-SHA256" }}
}}

output "secrets" {{
  sensitive = true
  value     = [coffer_secret.store, coffer_secret.token, coffer_secret.pem, coffer_secret.symmetric, coffer_secret.text, coffer_secret.bytes, coffer_secret.key, coffer_secret.login, coffer_secret.map]
}}
"#
    )
}

fn life_of_a_secret(workspace: &mut Workspace) {
    let mut watched = Watched::new(workspace);
    watched.value(0);
    watched.workspace.write("main.tf", &every_type("first"));
    watched.plan_and_apply();
    watched.run(&["plan", "-no-color", "-detailed-exitcode"]).has_no_changes();
    watched.value(1);
    watched.plan_and_apply();
    watched.workspace.write("main.tf", &every_type("second"));
    watched.plan_and_apply();
    watched.run(&["plan", "-no-color", "-refresh-only"]).succeeds();
    watched.run(&["apply", "-no-color", "-auto-approve", "-replace=coffer_secret.text"]).succeeds();
    watched.run(&["providers", "schema", "-json"]).succeeds();
    watched.run(&["destroy", "-no-color", "-auto-approve"]).succeeds();
    watched.value(2);
    watched.plan_and_apply();
    watched.search_files(&[
        "terraform.tfstate",
        "terraform.tfstate.backup",
        "saved.plan",
        "tfplan",
        "tfstate",
        "vault.db",
        "trace.log",
    ]);
}

fn failures(workspace: &mut Workspace) {
    let mut watched = Watched::new(workspace);
    watched.value(0);
    let secret =
        |arguments: &str| format!("{HEAD}\nresource \"coffer_secret\" \"a\" {{\n{arguments}\n}}\n");
    let refused = [
        "name = \"a\"\nvalue_wo = var.value\napi_key_wo = var.value",
        "name = \"a\"\nvalue_base64_wo = var.value",
        "name = \"a\"\napi_key_wo = \"${var.value}\\nsecond line\"",
        "name = \"a\"\nbasic_auth_wo = { username = \"${var.value}:\", password = \"\" }",
        "name = \"a\"\nkey_value_wo = { (var.value) = \"\", \"\" = var.value }",
        "name = \"a\"\nvalue_wo = join(\"\", [for n in range(20000) : var.value])",
        "name = \"a\"\njwt_wo = var.value",
        "name = \"a\"\njwt_wo = \"${base64encode(var.value)}.e30.AA\"",
        "name = \"a\"\nprivate_key_wo = { pem = var.value }",
        "name = \"a\"\nprivate_key_wo = { pem = \"-----BEGIN PRIVATE KEY-----${base64encode(var.value)}-----END PRIVATE KEY-----\" }",
        "name = \"a\"\nsecret_key_wo = { base64 = var.value }",
        "name = \"a\"\nsecret_key_wo = { base64 = base64encode(var.value), algorithm = \"AES\" }",
        "name = \"a\"\nsecret_key_wo = { base64 = base64encode(var.value), algorithm = var.value }",
        "name = \"a\"\nkey_store_wo = { base64 = var.store, password = var.value, format = \"JKS\" }",
        "name = \"a\"\nkey_store_wo = { base64 = base64encode(var.value), password = \"\", format = \"PKCS12\" }",
        "name = \"a\"\nkey_store_wo = { base64 = var.store, password = \"throwaway\", format = var.value }",
        "name = \"a\"\nvalue_wo = var.value\nprofile = \"nowhere\"",
        "name = \"a\"\nvalue_wo = var.value\ntags = { a = [] }",
        "name = \"a\"\nvalue_wo = [var.value]",
        "name = \"a\"\nvalue_wo = var.value\ncontent_wo_version = var.value",
        "name = var.value\nvalue_wo = var.value",
    ];
    for arguments in refused {
        watched.workspace.write("main.tf", &secret(arguments));
        watched.run(&["plan", "-no-color"]).fails();
        watched.run(&["apply", "-no-color", "-auto-approve"]).fails();
    }
    // A vault that is there, and what can go wrong with it.
    watched.workspace.write(
        "main.tf",
        &secret("name = \"a\"\nvalue_wo = var.value\ndeletion_policy = \"prevent\""),
    );
    watched.plan_and_apply();
    watched.run(&["destroy", "-no-color", "-auto-approve"]).fails();
    watched.value(1);
    let other = watched.workspace.beside("somebody-else");
    for file in ["vault.db", "vault.db.key"] {
        fs::create_dir_all(other.file(".coffer")).expect("a directory can be made");
        fs::copy(
            watched.workspace.file(&format!(".coffer/{file}")),
            other.file(&format!(".coffer/{file}")),
        )
        .expect("the vault can be copied");
    }
    other.write("main.tf", &secret("name = \"a\"\nvalue_wo = var.value"));
    let outcome = other.run(&["plan", "-no-color"]);
    watched.search.assert_none_in("a taken name", &outcome.fails().text());
    for key in ["HxwbGhkYFxYVFBMSERAPDg0MCwoJCAcGBQQDAgEAAQI=", "not a key"] {
        watched.workspace.env("COFFER_EMBEDDED_KEY", key);
        watched.run(&["plan", "-no-color"]).fails();
        watched.run(&["apply", "-no-color", "-auto-approve"]).fails();
    }
    watched.workspace.unset_env("COFFER_EMBEDDED_KEY");
    let vault = watched.workspace.file(".coffer/vault.db");
    let mut bytes = fs::read(&vault).expect("the vault is there");
    let middle = bytes.len() / 2;
    for byte in &mut bytes[middle..] {
        *byte ^= 0x55;
    }
    fs::write(&vault, bytes).expect("the vault can be damaged");
    watched.run(&["plan", "-no-color"]);
    watched.run(&["apply", "-no-color", "-auto-approve"]).fails();
    fs::write(&vault, "no vault at all").expect("the vault can be damaged");
    watched.run(&["apply", "-no-color", "-auto-approve"]).fails();
    watched.search_files(&["terraform.tfstate", "vault.db", "trace.log"]);
}

fn import_and_reading(workspace: &mut Workspace) {
    let mut watched = Watched::new(workspace);
    watched.value(0);
    watched.workspace.write("main.tf", &every_type("imported later"));
    watched.plan_and_apply();
    fs::remove_file(watched.workspace.file("terraform.tfstate")).expect("the state can be lost");
    let text = format!(
        r#"{HEAD}
import {{
  to = coffer_secret.text
  id = "local/text"
}}

data "coffer_secret" "text" {{
  name = "text"
}}

ephemeral "coffer_secret" "login" {{
  name = "login"
}}

ephemeral "coffer_secret" "pem" {{
  name = "pem"
}}

ephemeral "coffer_secret" "store" {{
  name = "store"
}}

resource "coffer_secret" "copies" {{
  name         = "copies"
  key_value_wo = {{
    pem   = ephemeral.coffer_secret.pem.private_key.pem
    store = ephemeral.coffer_secret.store.key_store.base64
  }}
}}

resource "coffer_secret" "copy" {{
  name     = "copy"
  value_wo = ephemeral.coffer_secret.login.basic_auth.password
}}

output "text" {{
  value = data.coffer_secret.text
}}
"#
    );
    watched.workspace.write("main.tf", &text);
    watched.run(&["plan", "-no-color", "-generate-config-out=generated.tf"]).succeeds();
    watched.plan_and_apply();
    watched.run(&["plan", "-no-color", "-detailed-exitcode"]).has_no_changes();
    // An ephemeral value where none may go: the CLI refuses, and says nothing of it.
    watched
        .workspace
        .write("more.tf", "output \"leak\" {\n  value = ephemeral.coffer_secret.login\n}\n");
    watched.run(&["plan", "-no-color"]).fails();
    watched.search_files(&["generated.tf", "terraform.tfstate", "tfplan", "trace.log"]);
}

fn versions(workspace: &mut Workspace) {
    let mut watched = Watched::new(workspace);
    watched.value(0);
    let text = |version: &str| {
        format!(
            r#"{HEAD}
resource "coffer_secret" "a" {{
  name           = "a"
  value_wo       = "first"
  manage_content = "initial"
}}

resource "coffer_secret_version" "v" {{
  secret_id = coffer_secret.a.id
  {version}
}}

data "coffer_secret_versions" "a" {{
  secret_id = coffer_secret.a.id
}}

data "coffer_secrets" "all" {{
  depends_on = [coffer_secret_version.v]
}}

output "all" {{
  value = [data.coffer_secret_versions.a, data.coffer_secrets.all, coffer_secret_version.v.id]
}}
"#
        )
    };
    for version in [
        "value_wo = var.value\nrotation_state = \"pending\"",
        "value_wo = var.value\nrotation_state = \"current\"",
        "key_value_wo = { k = var.value }",
    ] {
        watched.workspace.write("main.tf", &text(version));
        watched.plan_and_apply();
    }
    watched.value(1);
    watched.plan_and_apply();
    watched.workspace.write("main.tf", &text("value_wo = var.value\nnumber = 1"));
    watched.run(&["plan", "-no-color"]).fails();
    watched.workspace.write("main.tf", &text("basic_auth_wo = { username = var.value }"));
    watched.run(&["plan", "-no-color"]).fails();
    watched.workspace.write("main.tf", &text("number = 1\nrotation_state = \"current\""));
    watched.plan_and_apply();
    watched.run(&["destroy", "-no-color", "-auto-approve"]).succeeds();
    watched.search_files(&["terraform.tfstate", "tfplan", "vault.db", "trace.log"]);
}

/// What coffer makes is known to nobody before: it is read from the vault, then searched for.
fn generated_values(workspace: &mut Workspace) {
    let mut watched = Watched::new(workspace);
    watched.value(0);
    let text = |keeper: &str| {
        format!(
            r#"{HEAD}
resource "coffer_secret" "password" {{
  name     = "password"
  generate = {{ kind = "password", length = 40, keepers = {{ k = "{keeper}" }} }}
}}

resource "coffer_secret" "token" {{
  name     = "token"
  generate = {{ kind = "token", keepers = {{ k = "{keeper}" }} }}
}}

resource "coffer_secret_version" "next" {{
  secret_id      = coffer_secret.token.id
  rotation_state = "pending"
  generate       = {{ kind = "uuid", keepers = {{ k = "{keeper}" }} }}
}}
"#
        )
    };
    let mut made = Vec::new();
    for keeper in ["1", "2"] {
        watched.workspace.write("main.tf", &text(keeper));
        watched.plan_and_apply();
        for arguments in [
            &["vault", "get", "password"][..],
            &["vault", "get", "token"],
            &["vault", "get", "token", "--state", "pending"],
        ] {
            made.push(Canary::of(&watched.workspace.provider(arguments).succeeds().stdout));
        }
    }
    let search = Search::new(&made);
    let searched = search.assert_none_below(watched.workspace.root());
    for name in ["terraform.tfstate", "saved.plan", "trace.log"] {
        assert!(searched.has(name), "{name} was not there to search: {:?}", searched.files);
    }
}

/// Copies are read and written by coffer itself, and a target that fails has its say, too.
fn copies_of_sync_to(workspace: &mut Workspace) {
    let mut watched = Watched::new(workspace);
    let head = HEAD.replace(
        "provider \"coffer\" {}",
        "provider \"coffer\" {\n  default_profile = \"main\"\n  profiles = {\n    main = {\n      \
         embedded = { path = \"main.db\" }\n      sync_to  = [\"two\", \"three\"]\n    }\n    two \
         = { embedded = { path = \"two.db\" } }\n    three = { embedded = { path = \"three.db\" } \
         }\n  }\n}",
    );
    let text = |more: &str| {
        format!(
            "{head}\nresource \"coffer_secret\" \"a\" {{\n  name     = \"a\"\n  value_wo = \
             var.value\n}}\n{more}"
        )
    };
    watched.value(0);
    watched.workspace.write("main.tf", &text(""));
    watched.plan_and_apply();
    watched.run(&["plan", "-no-color", "-detailed-exitcode"]).has_no_changes();
    watched.value(1);
    fs::write(watched.workspace.file("three.db"), "no vault at all").expect("it can be damaged");
    watched.run(&["apply", "-no-color", "-auto-approve"]).fails();
    fs::remove_file(watched.workspace.file("three.db")).expect("it was there");
    watched.plan_and_apply();
    let version = "\nresource \"coffer_secret_version\" \"v\" {\n  secret_id = \
                   coffer_secret.a.id\n  value_wo = join(\"\", [\"next\", var.value])\n}\n";
    watched.workspace.write("main.tf", &text(version));
    watched.plan_and_apply();
    watched.run(&["destroy", "-no-color", "-auto-approve"]).succeeds();
    watched.search_files(&["terraform.tfstate", "saved.plan", "main.db", "two.db", "trace.log"]);
}
