//! The examples: formatted, complete, and every one of them applied with each CLI.
//!
//! They are what people copy, so nothing is mended here: a file that is only a part (an import
//! block, a data source) is put next to the examples it belongs to.

use std::fs;
use std::path::{Path, PathBuf};

use crate::fakes::{azure_key_vault, oci_vault};
use crate::support::cli::{Workspace, cases, report_ignored};
use crate::support::vault::Vault;
use crate::support::{keys, moto, python};

cases! {
    formatted
    complete
    provider
    provider_with_profiles
    resource_with_readers_and_functions
    resource_keys
    imports
    version_and_its_imports
    quickstart
    scenarios
    scenario_oci_vault_blog
    scenario_aws_staged_rotation
    scenario_oci_vault_sync
    sync_with_status_and_imports
    scenario_ilm_sync_profiles
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

const ONE_SECRET: &str =
    "\nresource \"coffer_secret\" \"one\" {\n  name     = \"one\"\n  value_wo = \"text\"\n}\n";

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("examples")
}

fn example(path: &str) -> String {
    fs::read_to_string(root().join(path)).unwrap_or_else(|problem| panic!("{path}: {problem}"))
}

fn formatted(workspace: &mut Workspace) {
    let root = root();
    let outcome = workspace.run(&["fmt", "-check", "-recursive", "-diff", &root.to_string_lossy()]);
    outcome.succeeds();
}

/// Every object of the schema has its example, and every example folder its object.
fn complete(workspace: &mut Workspace) {
    workspace.write("main.tf", REQUIRED);
    let schema = workspace.run(&["providers", "schema", "-json"]).succeeds();
    let schema: serde_json::Value = serde_json::from_str(&schema.stdout).unwrap();
    let schemas = schema["provider_schemas"].as_object().unwrap();
    let provider = schemas.values().next().unwrap();
    for (kind, folder, file) in [
        ("resource_schemas", "resources", "resource.tf"),
        ("data_source_schemas", "data-sources", "data-source.tf"),
        ("ephemeral_resource_schemas", "ephemeral-resources", "ephemeral-resource.tf"),
        ("functions", "functions", "function.tf"),
        ("list_resource_schemas", "list-resources", "list-resource.tf"),
        ("action_schemas", "actions", "action.tf"),
    ] {
        let new = matches!(kind, "list_resource_schemas" | "action_schemas");
        if new && (workspace.cli().is_tofu() || workspace.cli().version() < (1, 14)) {
            assert!(provider[kind].is_null(), "{kind}");
            continue;
        }
        let mut names: Vec<String> = provider[kind]
            .as_object()
            .into_iter()
            .flatten()
            .map(|(name, _)| name.clone())
            .collect();
        names.sort();
        assert!(!names.is_empty(), "{kind}: {provider}");
        let mut folders: Vec<String> = fs::read_dir(root().join(folder))
            .unwrap()
            .map(|entry| entry.unwrap().file_name().to_string_lossy().into_owned())
            .collect();
        folders.sort();
        assert_eq!(names, folders, "{folder}");
        for name in names {
            assert!(root().join(folder).join(&name).join(file).is_file(), "{folder}/{name}/{file}");
        }
    }
}

fn provider(workspace: &mut Workspace) {
    workspace.write("main.tf", &example("provider/provider.tf"));
    workspace.env("TF_VAR_api_token", "text");
    lives(workspace);
}

fn provider_with_profiles(workspace: &mut Workspace) {
    workspace.write("main.tf", REQUIRED);
    workspace.write("provider.tf", &example("provider/provider-embedded.tf"));
    workspace.write("secret.tf", ONE_SECRET);
    lives(workspace);
}

fn resource_with_readers_and_functions(workspace: &mut Workspace) {
    workspace.write("main.tf", REQUIRED);
    workspace.write("resource.tf", &example("resources/coffer_secret/resource.tf"));
    workspace.env("TF_VAR_database_password", "text");
    workspace.apply(&[]).succeeds();
    workspace.plan(&[]).has_no_changes();
    for path in [
        "data-sources/coffer_secret/data-source.tf",
        "data-sources/coffer_secret_versions/data-source.tf",
        "data-sources/coffer_secrets/data-source.tf",
        "ephemeral-resources/coffer_secret/ephemeral-resource.tf",
        "functions/parse_id/function.tf",
        "functions/render_key/function.tf",
    ] {
        workspace.write(&path.replace('/', "-"), &example(path));
        workspace.apply(&[]).succeeds();
    }
    let output = |name| workspace.run(&["output", "-raw", name]).succeeds().stdout;
    assert_eq!(output("profile"), "local");
    assert_eq!(output("name"), "app/database-password");
    // The comment in the example says what comes out.
    assert!(
        example("functions/render_key/function.tf").contains(&format!("# {:?}", output("key")))
    );
    lives(workspace);
}

fn resource_keys(workspace: &mut Workspace) {
    workspace.write("main.tf", REQUIRED);
    workspace.write("resource-keys.tf", &example("resources/coffer_secret/resource-keys.tf"));
    workspace.env("TF_VAR_session_token", keys::TOKEN);
    workspace.env("TF_VAR_tls_key", &keys::text("rsa.pkcs8.pem"));
    workspace.env("TF_VAR_signing_key", keys::BASE64_256_BITS);
    let store = keys::base64("java.p12");
    let store = serde_json::json!({ "base64": store, "password": keys::PASSWORD });
    workspace.env("TF_VAR_key_store", &store.to_string());
    lives(workspace);
}

fn imports(workspace: &mut Workspace) {
    workspace.write("main.tf", REQUIRED);
    workspace.write("resource.tf", &example("resources/coffer_secret/resource.tf"));
    workspace.env("TF_VAR_database_password", "text");
    workspace.apply(&[]).succeeds();
    let identity = !workspace.cli().is_tofu() && workspace.cli().version() >= (1, 12);
    let blocks = [("import-by-string-id.tf", true), ("import-by-identity.tf", identity)];
    for (file, known) in blocks {
        if !known {
            continue;
        }
        workspace.run(&["state", "rm", "coffer_secret.example"]).succeeds();
        workspace.write("import.tf", &example(&format!("resources/coffer_secret/{file}")));
        workspace.apply(&[]).succeeds().says("1 imported, 0 added, 0 changed");
        fs::remove_file(workspace.file("import.tf")).unwrap();
    }
    workspace.run(&["state", "rm", "coffer_secret.example"]).succeeds();
    let script = example("resources/coffer_secret/import.sh");
    let command = script.lines().find(|line| line.starts_with("terraform ")).unwrap();
    let arguments: Vec<&str> = command.split_whitespace().skip(1).collect();
    workspace.run(&arguments).succeeds();
    lives(workspace);
}

fn version_and_its_imports(workspace: &mut Workspace) {
    let folder = "resources/coffer_secret_version";
    workspace.write("main.tf", REQUIRED);
    workspace.write("resource.tf", &example(&format!("{folder}/resource.tf")));
    workspace.env("TF_VAR_database_password", "one");
    workspace.env("TF_VAR_next_database_password", "two");
    workspace.apply(&[]).succeeds();
    let identity = !workspace.cli().is_tofu() && workspace.cli().version() >= (1, 12);
    for (file, known) in [("import-by-string-id.tf", true), ("import-by-identity.tf", identity)] {
        if known {
            workspace.run(&["state", "rm", "coffer_secret_version.example"]).succeeds();
            workspace.write("import.tf", &example(&format!("{folder}/{file}")));
            workspace.apply(&[]).succeeds().says("1 imported, 0 added, 0 changed");
            fs::remove_file(workspace.file("import.tf")).unwrap();
        }
    }
    lives(workspace);
}

fn quickstart(workspace: &mut Workspace) {
    workspace.write("main.tf", &example("quickstart/main.tf"));
    workspace.env("TF_VAR_api_token", "text");
    lives(workspace);
}

fn scenarios(workspace: &mut Workspace) {
    let mut folders: Vec<PathBuf> = fs::read_dir(root().join("scenarios"))
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .collect();
    folders.sort();
    assert!(!folders.is_empty());
    for folder in folders {
        let name = folder.file_name().unwrap().to_string_lossy().into_owned();
        assert!(folder.join("README.md").is_file(), "{name} has no README.md");
        if SERVED.contains(&name.as_str()) {
            continue;
        }
        let mut project = workspace.beside(&name);
        project.write("main.tf", &fs::read_to_string(folder.join("main.tf")).unwrap());
        project.env("TF_VAR_api_token", "text");
        let fake = name.contains("-azure-").then(|| {
            let fake = azure_key_vault::Fake::quick();
            fake.serve(&mut project);
            fake
        });
        lives(&mut project);
        drop(fake);
    }
}

/// Scenarios that need a server; each has a case of its own.
const SERVED: &[&str] = &[OCI_VAULT_BLOG, AWS_STAGED_ROTATION, OCI_VAULT_SYNC];

const OCI_VAULT_BLOG: &str = "05-oci-vault-blog";
const AWS_STAGED_ROTATION: &str = "10-aws-staged-rotation";
const OCI_VAULT_SYNC: &str = "11-oci-vault-sync";

/// The article's steps as changes of the configuration, and its program, in the same vault.
fn scenario_oci_vault_blog(workspace: &mut Workspace) {
    let fake = oci_vault::Fake::start();
    for (name, value) in oci_vault::sign_in() {
        workspace.env(name, &value);
    }
    for (name, value) in [
        ("OCI_CLI_ENDPOINT", fake.url().as_str()),
        ("COFFER_FINGERPRINT_KEY", keys::BASE64_256_BITS),
        ("TF_VAR_vault_id", oci_vault::VAULT),
        ("TF_VAR_key_id", oci_vault::KEY),
        ("TF_VAR_compartment_id", oci_vault::COMPARTMENT),
        ("TF_VAR_target_compartment_id", oci_vault::OTHER_COMPARTMENT),
        ("TF_VAR_database_password", "first"),
    ] {
        workspace.env(name, value);
    }
    workspace.write("main.tf", &example(&format!("scenarios/{OCI_VAULT_BLOG}/main.tf")));
    workspace.apply(&[]).succeeds().says("1 added");
    workspace.env("TF_VAR_database_password", "second");
    workspace.apply(&[]).succeeds().says("1 changed");
    workspace.apply(&["-var", "moved=true"]).succeeds().says("1 changed");
    workspace.plan(&["-var", "moved=true"]).has_no_changes();
    let look = |name: &str| {
        fake.world(|world| {
            let secret = world.secret(name).expect("it is there");
            (secret.state, secret.compartment.clone(), secret.versions.len())
        })
    };
    let there = oci_vault::OTHER_COMPARTMENT.to_owned();
    assert_eq!(look("database-password"), ("ACTIVE", there.clone(), 2));
    workspace.destroy().succeeds();
    assert_eq!(look("database-password"), ("PENDING_DELETION", there.clone(), 2));
    if python::interpreter_for("examples::scenario_oci_vault_blog").is_some() {
        run_program(workspace, &fake);
        assert_eq!(look("program"), ("PENDING_DELETION", there, 2));
    }
}

/// The program signs in with a configuration file, as the article's does.
fn run_program(workspace: &Workspace, fake: &oci_vault::Fake) {
    let home = workspace.root().join("home");
    let key = home.join("key.pem");
    fs::write(&key, oci_vault::Fake::private_key()).unwrap();
    fs::create_dir_all(home.join(".oci")).unwrap();
    let config = format!(
        "[DEFAULT]\nuser={}\ntenancy={}\nfingerprint={}\nregion=us-ashburn-1\nkey_file={}\n",
        oci_vault::USER,
        oci_vault::TENANCY,
        oci_vault::FINGERPRINT,
        key.display()
    );
    fs::write(home.join(".oci/config"), config).unwrap();
    let url = fake.url();
    let said = python::run(
        &example(&format!("scenarios/{OCI_VAULT_BLOG}/program.py")),
        &[
            oci_vault::VAULT,
            oci_vault::KEY,
            oci_vault::COMPARTMENT,
            oci_vault::OTHER_COMPARTMENT,
            &url,
        ],
        &[("HOME", &home.to_string_lossy())],
    );
    assert_eq!(said.trim(), "PENDING_DELETION");
}

/// The steps of the page, with boto3 looking in between, and the program in the same account.
fn scenario_aws_staged_rotation(workspace: &mut Workspace) {
    let moto = match moto::shared() {
        Ok(moto) => moto,
        Err(reason) => {
            return report_ignored("moto", "examples::scenario_aws_staged_rotation", &reason);
        }
    };
    let (region, url) = (moto.region(), moto.url());
    let program = example(&format!("scenarios/{AWS_STAGED_ROTATION}/program.py"));
    let account = [
        ("AWS_ACCESS_KEY_ID", "somebody"),
        ("AWS_SECRET_ACCESS_KEY", "else"),
        ("AWS_DEFAULT_REGION", region.as_str()),
        ("AWS_ENDPOINT_URL", url.as_str()),
    ];
    assert_eq!(python::run(&program, &["program"], &account).trim(), "second");
    for (name, value) in account {
        workspace.env(name, value);
    }
    for (name, value) in [
        ("COFFER_FINGERPRINT_KEY", keys::BASE64_256_BITS),
        ("TF_VAR_region", region.as_str()),
        ("TF_VAR_database_password", "first"),
        ("TF_VAR_next_password", "second"),
    ] {
        workspace.env(name, value);
    }
    let read = |stage: &str| {
        let name = "SecretId='app/database-password'";
        let call = format!("client.get_secret_value({name}, VersionStage='{stage}')");
        moto.boto3(&region, &format!("print({call}['SecretString'])"))
    };
    workspace.write("main.tf", &example(&format!("scenarios/{AWS_STAGED_ROTATION}/main.tf")));
    workspace.apply(&[]).succeeds().says("2 added");
    assert_eq!((read("AWSCURRENT"), read("AWSPENDING")), ("first".into(), "second".into()));
    workspace.plan(&[]).has_no_changes();
    workspace.env("TF_VAR_stage", "current");
    let switched = workspace.apply(&[]).succeeds();
    switched.says("\"pending\" -> \"current\"").says("1 changed");
    assert_eq!((read("AWSCURRENT"), read("AWSPREVIOUS")), ("second".into(), "first".into()));
    workspace.env("TF_VAR_owner", "team-beta");
    workspace.apply(&[]).succeeds().says("1 changed");
    workspace.plan(&[]).has_no_changes();
    workspace.destroy().succeeds();
    let deleted =
        "print('DeletedDate' in client.describe_secret(SecretId='app/database-password'))";
    assert_eq!(moto.boto3(&region, deleted), "True");
    // Creating it again takes it back.
    workspace.apply(&[]).succeeds();
    assert_eq!(moto.boto3(&region, deleted), "False");
    workspace.destroy().succeeds();
}

/// The request of the page, with its answer; one of the names waits for its deletion, the other one
/// is somebody else's.
fn scenario_oci_vault_sync(workspace: &mut Workspace) {
    let fake = oci_vault::Fake::start();
    let mut other = workspace.beside("other");
    for project in [&mut *workspace, &mut other] {
        for (name, value) in oci_vault::sign_in() {
            project.env(name, &value);
        }
        for (name, value) in [
            ("OCI_CLI_ENDPOINT", fake.url().as_str()),
            ("COFFER_FINGERPRINT_KEY", keys::BASE64_256_BITS),
            ("TF_VAR_vault_id", oci_vault::VAULT),
            ("TF_VAR_key_id", oci_vault::KEY),
            ("TF_VAR_compartment_id", oci_vault::COMPARTMENT),
            ("TF_VAR_my_secrets", r#"{"DATABASE_URL":"needle-one","API_TOKEN":"needle-two"}"#),
        ] {
            project.env(name, value);
        }
    }
    let text = example(&format!("scenarios/{OCI_VAULT_SYNC}/main.tf"));
    let (head, _) = text.split_once("# What lies under").expect("it has sources");
    let theirs = "  profile  = \"my-oci-connection\"\n  value_wo = \"theirs\"\n";
    let secret = |label: &str, name: &str, more: &str| {
        format!(
            "resource \"coffer_secret\" \"{label}\" {{\n  name     = {name:?}\n{theirs}{more}}}\n"
        )
    };
    let stays = secret("stays", "DATABASE_URL", "  deletion_policy = \"retain\"\n");
    other.write("main.tf", &format!("{head}{}{stays}", secret("goes", "API_TOKEN", "")));
    other.apply(&[]).succeeds();
    other.destroy().succeeds();
    let look = |name: &str| {
        fake.world(|world| {
            let secret = world.secret(name).expect("it is there");
            (secret.state, secret.versions.len())
        })
    };
    assert_eq!(look("API_TOKEN"), ("PENDING_DELETION", 1));
    assert_eq!(look("DATABASE_URL"), ("ACTIVE", 1));

    workspace.write("main.tf", &text);
    workspace.apply(&["-target=coffer_secret.my_secrets"]).succeeds();
    let plan = workspace.plan(&[]).has_changes();
    plan.says("recover and update").says("update, overwriting what was there").never_says("needle");
    workspace.apply(&[]).succeeds().never_says("needle");
    assert_eq!((look("API_TOKEN"), look("DATABASE_URL")), (("ACTIVE", 2), ("ACTIVE", 2)));
    workspace.plan(&[]).has_no_changes();
    let output = |name| workspace.run(&["output", "-json", name]).succeeds().stdout;
    let answer: serde_json::Value = serde_json::from_str(&output("secret_sync")).unwrap();
    assert_eq!(answer["name"], "my-oci-vault-sync");
    assert_eq!(answer["syncStatus"], "succeeded");
    assert_eq!(answer["syncOptions"]["initialSyncBehavior"], "overwrite-destination");
    assert!(answer["lastSyncedAt"].is_string() && answer["isEnabled"] == true, "{answer}");
    let copies: serde_json::Value = serde_json::from_str(&output("copies")).unwrap();
    let copy = copies["API_TOKEN"].as_str().unwrap();
    assert!(copy.starts_with("synced at 20"), "{copy}");
    workspace.env("TF_VAR_my_secrets", r#"{"DATABASE_URL":"needle-one","API_TOKEN":"needle-new"}"#);
    workspace.apply(&[]).succeeds();
    assert_eq!((look("API_TOKEN").1, look("DATABASE_URL").1), (3, 2));
    workspace.plan(&[]).has_no_changes();
    // The copies stay, as the request says.
    workspace.destroy().succeeds();
    assert_eq!(look("API_TOKEN"), ("ACTIVE", 3));
}

/// The sync of the examples, its status, and its imports.
fn sync_with_status_and_imports(workspace: &mut Workspace) {
    let folder = "resources/coffer_secret_sync";
    let provider = r#"
provider "coffer" {
  default_profile = "local"
  profiles = {
    local   = { embedded = { path = "local.db" } }
    standby = { embedded = { path = "standby.db" } }
  }
}
"#;
    let secret = ONE_SECRET.replace("name     = \"one\"", "name     = \"app/one\"");
    workspace.write("main.tf", &format!("{REQUIRED}{provider}{secret}"));
    workspace.apply(&[]).succeeds();
    workspace.write("resource.tf", &example(&format!("{folder}/resource.tf")));
    workspace.apply(&[]).succeeds();
    let status = example("data-sources/coffer_sync_status/data-source.tf");
    workspace.write("status.tf", &status);
    workspace.apply(&[]).succeeds().never_says("Check block assertion failed");
    workspace.plan(&[]).has_no_changes();
    let id = workspace.attribute("coffer_secret_sync.prod", "id");
    let known = "5f0c6d2b8e914a7f9d3e1b7a4c28f06e";
    let own = |text: String| {
        assert!(text.contains(known), "{text}");
        text.replace(known, &id)
    };
    workspace.run(&["state", "rm", "coffer_secret_sync.prod"]).succeeds();
    workspace.write("import.tf", &own(example(&format!("{folder}/import-by-string-id.tf"))));
    workspace.apply(&[]).succeeds().says("1 imported, 0 added, 1 changed");
    fs::remove_file(workspace.file("import.tf")).unwrap();
    workspace.run(&["state", "rm", "coffer_secret_sync.prod"]).succeeds();
    let script = own(example(&format!("{folder}/import.sh")));
    let command = script.lines().find(|line| line.starts_with("terraform ")).unwrap();
    let arguments: Vec<&str> = command.split_whitespace().skip(1).collect();
    workspace.run(&arguments).succeeds();
    lives(workspace);
}

/// The flow of the page: update, a target that fails, its repair, other targets, removal.
fn scenario_ilm_sync_profiles(workspace: &mut Workspace) {
    workspace.write("main.tf", &example("scenarios/13-ilm-sync-profiles/main.tf"));
    workspace.env("TF_VAR_api_token", "one");
    workspace.apply(&[]).succeeds().says("2 added");
    let get = |vault: &str| Vault::at(&workspace.file(vault)).value("app/api-token");
    let kept = fs::read(workspace.file("recovery.db")).unwrap();
    fs::write(workspace.file("recovery.db"), "damaged").unwrap();
    let two = ["-var", "api_token=two"];
    workspace.apply(&two).fails().says("Secret was not copied everywhere");
    for vault in ["source.db", "production.db"] {
        assert_eq!(get(vault).as_deref(), Some("two"));
    }
    fs::write(workspace.file("recovery.db"), kept).unwrap();
    workspace.plan(&two).says("\"failed\" -> (known after apply)").never_says("version_id");
    workspace.apply(&two).succeeds();
    assert_eq!(get("recovery.db").as_deref(), Some("two"));
    let others = ["-var", "api_token=two", "-var", "sync_profiles=[\"production\",\"partner\"]"];
    workspace.plan(&others).says("Copy is left behind");
    workspace.apply(&others).succeeds();
    assert_eq!(get("partner.db").as_deref(), Some("two"));
    workspace.plan(&others).has_no_changes();
    workspace.run(&[&["destroy", "-no-color", "-auto-approve"], &others[..]].concat()).succeeds();
    for vault in ["source.db", "production.db", "partner.db"] {
        assert_eq!(get(vault), None);
    }
    assert_eq!(get("recovery.db").as_deref(), Some("two"));
}

/// Applied, then nothing to do, then destroyed.
#[track_caller]
fn lives(workspace: &mut Workspace) {
    workspace.apply(&[]).succeeds();
    workspace.plan(&[]).has_no_changes();
    workspace.destroy().succeeds();
}
