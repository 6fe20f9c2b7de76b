//! Secrets in OCI Vault: real CLIs against the fake that the vendor's own client has judged.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use coffer::domain::fingerprint::{Key, KeyRing, Salt};
use coffer::domain::kind::Content;
use coffer::domain::material::Secret;
use coffer::domain::port::{NewVersion, Stage, VersionSelector};
use coffer::domain::rotation::RotationState;
use coffer::domain::secret::SecretName;

use crate::fakes::oci_vault::{
    COMPARTMENT, Fake, Fault, KEY, OTHER_COMPARTMENT, USER, VAULT, backend, sign_in,
};
use crate::support::cli::{Workspace, cases};
use crate::support::keys;

cases! {
    life_of_a_secret
    staged_promoted_and_rolled_back
    move_to_another_compartment
    options_in_place
    deleted_and_recovered
    import_of_ours_and_of_others
    drift
    wrong_key
    missing_rights
    vault_that_is_gone
    what_the_vault_cannot_do
}

/// A fake, and a workspace that signs in there through its environment.
fn given(workspace: &mut Workspace) -> Fake {
    let fake = Fake::start();
    for (name, value) in sign_in() {
        workspace.env(name, &value);
    }
    workspace.env("COFFER_FINGERPRINT_KEY", keys::BASE64_256_BITS);
    workspace.env("OCI_CLI_ENDPOINT", &fake.url());
    workspace.env("TF_VAR_value", "one");
    fake
}

fn configuration(resources: &str) -> String {
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
    main = {{
      oci_vault = {{
        vault_id              = "{VAULT}"
        compartment_id        = "{COMPARTMENT}"
        other_compartment_ids = ["{OTHER_COMPARTMENT}"]
        key_id                = "{KEY}"
      }}
    }}
  }}
}}

variable "value" {{
  type      = string
  ephemeral = true
  default   = null
}}
{resources}
"#
    )
}

fn secret(more: &str) -> String {
    configuration(&format!(
        r#"
resource "coffer_secret" "a" {{
  name     = "app-a"
  value_wo = var.value
  {more}
}}
"#
    ))
}

fn name() -> SecretName {
    SecretName::parse("app-a").unwrap()
}

fn wait<T>(future: impl Future<Output = T>) -> T {
    tokio::runtime::Runtime::new().expect("a runtime starts").block_on(future)
}

fn stored(fake: &Fake) -> String {
    let selector = VersionSelector::State(RotationState::Current);
    let backend = backend(fake);
    let read = wait(backend.read_content(&name(), selector)).expect("it can be read");
    read.content.field("value").unwrap().expose_text().unwrap().to_owned()
}

fn attribute(workspace: &Workspace, name: &str) -> String {
    workspace.attribute("coffer_secret.a", name)
}

fn life_of_a_secret(workspace: &mut Workspace) {
    let fake = given(workspace);
    workspace.write("main.tf", &secret("description = \"first\"\n  tags = { team = \"a\" }"));
    workspace.apply(&[]).succeeds().says("1 added");
    assert_eq!(attribute(workspace, "id"), "main/app-a");
    assert!(attribute(workspace, "backend_id").starts_with("ocid1.vaultsecret."));
    assert!(attribute(workspace, "version_id").ends_with("/version/1"));
    assert!(attribute(workspace, "fingerprint").starts_with("cfp1.h2."));
    workspace.plan(&[]).has_no_changes();
    workspace.env("TF_VAR_value", "two");
    workspace.plan(&[]).has_changes().says("0 to add, 1 to change, 0 to destroy");
    workspace.apply(&[]).succeeds().says("1 changed");
    assert_eq!(stored(&fake), "two");
    assert_eq!(attribute(workspace, "version"), "2");
    workspace.plan(&[]).has_no_changes();
    // The first value again: another version, since the service keeps both.
    workspace.env("TF_VAR_value", "one");
    workspace.apply(&[]).succeeds().says("1 changed");
    assert_eq!((stored(&fake), attribute(workspace, "version")), ("one".into(), "3".into()));
    workspace.write("main.tf", &secret("description = \"second\""));
    workspace.apply(&[]).succeeds().says("1 changed");
    assert_eq!(attribute(workspace, "version"), "3", "metadata makes no version");
    workspace.plan(&[]).has_no_changes();
    workspace.destroy().succeeds().says("1 destroyed");
    assert_eq!(fake.world(|world| world.secret("app-a").unwrap().state), "PENDING_DELETION");
}

fn staged_promoted_and_rolled_back(workspace: &mut Workspace) {
    let fake = given(workspace);
    let with = |versions: &str| {
        configuration(&format!(
            r#"
resource "coffer_secret" "a" {{
  name           = "app-a"
  value_wo       = "one"
  manage_content = "initial"
}}
{versions}
"#
        ))
    };
    let two = |state: &str| {
        format!(
            "resource \"coffer_secret_version\" \"two\" {{\n  secret_id = coffer_secret.a.id\n  \
             value_wo = \"two\"\n  rotation_state = {state:?}\n}}\n"
        )
    };
    workspace.write("main.tf", &with(&two("pending")));
    workspace.apply(&[]).succeeds().says("2 added");
    assert_eq!(stored(&fake), "one");
    workspace.plan(&[]).has_no_changes();
    workspace.write("main.tf", &with(&two("current")));
    workspace.apply(&[]).succeeds().says("0 added, 1 changed");
    assert_eq!(stored(&fake), "two");
    workspace.plan(&[]).has_no_changes();
    let back = "resource \"coffer_secret_version\" \"back\" {\n  secret_id = coffer_secret.a.id\n  \
                number = 1\n  rotation_state = \"current\"\n}\n";
    workspace.write("main.tf", &with(back));
    workspace.apply(&[]).succeeds();
    assert_eq!(stored(&fake), "one");
    assert_eq!(fake.world(|world| world.secret("app-a").unwrap().versions.len()), 2);
    workspace.plan(&[]).has_no_changes();
    workspace.destroy().succeeds();
}

fn move_to_another_compartment(workspace: &mut Workspace) {
    let fake = given(workspace);
    workspace.write("main.tf", &secret(""));
    workspace.apply(&[]).succeeds();
    let (id, compartment) = (attribute(workspace, "backend_id"), || {
        fake.world(|world| world.secret("app-a").unwrap().compartment.clone())
    });
    assert_eq!(compartment(), COMPARTMENT);
    let there = |to: &str| {
        secret(&format!("options = {{\n    oci_vault = {{ compartment_id = \"{to}\" }}\n  }}"))
    };
    workspace.write("main.tf", &there(OTHER_COMPARTMENT));
    workspace.plan(&[]).has_changes().says("0 to add, 1 to change, 0 to destroy");
    workspace.apply(&[]).succeeds().says("1 changed");
    assert_eq!((compartment(), attribute(workspace, "backend_id")), (OTHER_COMPARTMENT.into(), id));
    workspace.plan(&[]).has_no_changes();
    // Left out, it is the vault's own affair.
    workspace.write("main.tf", &secret(""));
    workspace.plan(&[]).has_no_changes();
    workspace.write("main.tf", &there("ocid1.compartment.oc1..unknown"));
    workspace.apply(&[]).fails().says("other_compartment_ids");
    // Somebody moves it back: drift of a configured option.
    workspace.write("main.tf", &there(OTHER_COMPARTMENT));
    fake.world(|world| COMPARTMENT.clone_into(&mut world.secret("app-a").unwrap().compartment));
    workspace.plan(&[]).has_changes().says("1 to change");
    workspace.apply(&[]).succeeds();
    assert_eq!(compartment(), OTHER_COMPARTMENT);
}

fn options_in_place(workspace: &mut Workspace) {
    let fake = given(workspace);
    let with = |days: u32, owner: &str| {
        secret(&format!(
            r#"options = {{
    oci_vault = {{
      metadata    = {{ owner = "{owner}" }}
      expiry_rule = {{ version_interval_days = {days} }}
      reuse_rule  = "existing_versions"
      rotation    = {{ function_id = "ocid1.fnfunc.oc1..a", interval_days = 60, scheduled = true }}
      replication = {{
        targets = [{{ region = "us-phoenix-1", vault_id = "ocid1.vault.oc1.phx.a", key_id = "ocid1.key.oc1.phx.a" }}]
      }}
    }}
  }}"#
        ))
    };
    workspace.write("main.tf", &with(30, "team"));
    workspace.apply(&[]).succeeds().says("1 added");
    workspace.plan(&[]).has_no_changes();
    workspace.write("main.tf", &with(60, "others"));
    workspace.plan(&[]).has_changes().says("1 to change");
    workspace.apply(&[]).succeeds().says("1 changed");
    assert_eq!(attribute(workspace, "version"), "1");
    workspace.plan(&[]).has_no_changes();
    let shown = fake.world(|world| world.secret("app-a").unwrap().show());
    assert_eq!(shown["metadata"]["owner"], "others");
    let rules = shown["secretRules"].as_array().unwrap();
    assert!(rules.iter().any(|rule| rule["secretVersionExpiryInterval"] == "P60D"), "{rules:?}");
    // Another key is another secret.
    let key =
        secret("options = {\n    oci_vault = { key_id = \"ocid1.key.oc1.iad.fake.other\" }\n  }");
    workspace.write("main.tf", &key);
    workspace.plan(&[]).has_changes().says("must be replaced");
}

fn deleted_and_recovered(workspace: &mut Workspace) {
    let fake = given(workspace);
    workspace.write("main.tf", &secret("recovery_window_days = 3"));
    workspace.apply(&[]).succeeds();
    workspace.destroy().succeeds();
    let left = fake.world(|world| {
        let secret = world.secret("app-a").unwrap();
        (secret.deletion.unwrap() - time::OffsetDateTime::now_utc()).whole_hours()
    });
    assert!((71..=72).contains(&left), "{left} hours");
    workspace.apply(&[]).succeeds().says("1 added").says("recovered");
    assert_eq!((stored(&fake), attribute(workspace, "version")), ("one".into(), "1".into()));
    workspace.destroy().succeeds();
    workspace.env("TF_VAR_value", "two");
    workspace.apply(&[]).succeeds().says("1 added");
    assert_eq!((stored(&fake), attribute(workspace, "version")), ("two".into(), "2".into()));
    workspace.plan(&[]).has_no_changes();
    workspace.write("main.tf", &secret("recovery_window_days = 31"));
    workspace.plan(&[]).fails().says("1 to 30 days");
}

fn import_of_ours_and_of_others(workspace: &mut Workspace) {
    let fake = given(workspace);
    workspace.write("main.tf", &secret(""));
    workspace.apply(&[]).succeeds();
    for foreign in [false, true] {
        if foreign {
            fake.world(|world| world.secret("app-a").unwrap().versions[0].name = None);
        }
        workspace.run(&["state", "rm", "coffer_secret.a"]).succeeds();
        workspace.run(&["import", "-input=false", "coffer_secret.a", "main/app-a"]).succeeds();
        workspace.plan(&[]).has_no_changes();
        workspace.env("TF_VAR_value", "one");
        workspace.plan(&[]).has_no_changes();
    }
}

fn drift(workspace: &mut Workspace) {
    let fake = given(workspace);
    workspace.write("main.tf", &secret("description = \"ours\""));
    workspace.apply(&[]).succeeds();
    let content = Content::generic(Secret::from("theirs")).unwrap();
    let key = STANDARD.decode(keys::BASE64_256_BITS).unwrap();
    let ring = KeyRing::new(Some(Key::new(Secret::new(key)).unwrap()), Vec::new());
    let print = ring.fingerprint(&content, Salt([3; 16]));
    let version = NewVersion {
        content: &content,
        fingerprint: &print,
        stage: Stage::Current,
        expected_version: None,
        nonce: [1; 16],
    };
    wait(backend(&fake).put_version(&name(), version)).expect("somebody else writes");
    fake.world(|world| world.secret("app-a").unwrap().description = Some("theirs".to_owned()));
    workspace.plan(&[]).has_changes().says("1 to change");
    workspace.apply(&[]).succeeds().says("1 changed");
    assert_eq!((stored(&fake), attribute(workspace, "version")), ("one".into(), "3".into()));
    assert_eq!(attribute(workspace, "description"), "ours");
    workspace.plan(&[]).has_no_changes();
}

fn wrong_key(workspace: &mut Workspace) {
    let fake = given(workspace);
    workspace.write("main.tf", &secret(""));
    workspace.env("OCI_CLI_FINGERPRINT", "00:11");
    workspace
        .plan(&[])
        .fails()
        .says("the signature was not accepted")
        .says("main")
        .never_says("BEGIN");
    assert!(fake.world(|world| world.rejected.contains(&"unknown keyId".to_owned())));
    workspace.env("OCI_CLI_KEY_CONTENT", "no key at all");
    workspace.plan(&[]).fails().says("private_key is not usable").never_says("no key at all");
    workspace.unset_env("OCI_CLI_KEY_CONTENT");
    workspace.plan(&[]).fails().says("private_key_path");
    assert!(USER.starts_with("ocid1.user."));
}

fn missing_rights(workspace: &mut Workspace) {
    let fake = given(workspace);
    workspace.write("main.tf", &secret(""));
    workspace.apply(&[]).succeeds();
    // A plan needs no values.
    fake.fault("GetSecretBundle", Fault::Deny);
    workspace.plan(&[]).has_no_changes();
    // Rights that are taken away never make a secret look gone.
    for (operation, words) in [
        ("GetSecret", "read secrets"),
        ("ListSecretVersions", "inspect secret-versions"),
        ("ListSecrets", "inspect secrets"),
    ] {
        fake.fault(operation, Fault::Deny);
        workspace.plan(&[]).fails().says(words).never_says("to add");
        fake.world(|world| world.faults.clear());
    }
    workspace.env("TF_VAR_value", "two");
    fake.fault("UpdateSecret", Fault::Deny);
    workspace.apply(&[]).fails().says("this identity may not").says("FAKE/0001");
    fake.world(|world| world.faults.clear());
    assert_eq!(stored(&fake), "one");
    workspace.apply(&[]).succeeds().says("1 changed");
}

fn vault_that_is_gone(workspace: &mut Workspace) {
    let fake = given(workspace);
    workspace.write("main.tf", &secret(""));
    workspace.apply(&[]).succeeds();
    fake.world(|world| {
        world.forget_everything();
        world.settings.vault_state = None;
    });
    workspace.plan(&[]).fails().says("vault_id").never_says("to add");
    // The secret alone is gone: that is drift.
    fake.world(|world| world.settings.vault_state = Some("ACTIVE"));
    workspace.plan(&[]).has_changes().says("1 to add");
    workspace.apply(&[]).succeeds().says("1 added");
}

fn what_the_vault_cannot_do(workspace: &mut Workspace) {
    let fake = given(workspace);
    for (arguments, words) in [
        ("deletion_policy = \"destroy\"", "destroys nothing at once"),
        ("enabled = false", "cannot disable"),
        ("expires_at = \"2040-01-01T00:00:00Z\"", "times of validity"),
    ] {
        workspace.write("main.tf", &secret(arguments));
        workspace.plan(&[]).fails().says(words);
    }
    workspace.write("main.tf", &secret("").replace("\"app-a\"", "\"app/a\""));
    workspace.plan(&[]).fails().says("app/a");
    workspace.write("main.tf", &secret(""));
    workspace.env("TF_VAR_value", &"x".repeat(25_601));
    workspace.plan(&[]).fails().says("25600 bytes");
    assert!(!fake.calls().contains(&"CreateSecret"));
}
