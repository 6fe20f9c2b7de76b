//! Every sign-in, from what a profile, the configuration file and the environment say.

use std::fs;
use std::path::Path;

use coffer::adapters::descriptor::{Setting as Value, Settings};
use coffer::domain::port::{Backend, BackendError, ErrorKind};
use tempfile::TempDir;
use time::Duration;

use super::{name, refused};
use crate::fakes::oci_vault::{
    ACCOUNT_TOKEN, FINGERPRINT, Fake, TENANCY, USER, in_environment, place,
};
use crate::support::keys;

/// A home directory with a key in it.
fn home() -> TempDir {
    let home = tempfile::tempdir().expect("a directory");
    fs::create_dir(home.path().join(".oci")).expect("a directory");
    fs::write(home.path().join(".oci/key.pem"), Fake::private_key()).expect("written");
    home
}

fn configure(home: &TempDir, text: &str) {
    fs::write(home.path().join(".oci/config"), text).expect("written");
}

fn user(more: &str) -> String {
    format!(
        "[DEFAULT]\nuser={USER}\nfingerprint={FINGERPRINT}\ntenancy={TENANCY}\nkey_file=~/.oci/key.pem\n{more}\n"
    )
}

fn path(path: &Path) -> &str {
    path.to_str().expect("a path of text")
}

fn set(settings: &mut Settings, values: &[(&'static str, &str)]) {
    for (name, value) in values {
        settings.set(name, Value::Text((*value).to_owned()));
    }
}

/// The empty vault tells whether the sign-in was accepted.
async fn signs_in(backend: &dyn Backend) -> Result<(), BackendError> {
    match backend.read(&name()).await {
        Err(error) if error.kind == ErrorKind::NotFound => Ok(()),
        other => other.map(drop),
    }
}

#[tokio::test]
async fn configuration_file_is_enough() {
    let (fake, home) = (Fake::start(), home());
    configure(&home, &user("region=us-ashburn-1\n\n[OTHER]\nfingerprint=00:00"));
    let variables = [("HOME", path(home.path()))];
    signs_in(&*in_environment(place(&fake), &variables)).await.expect("DEFAULT signs in");
    let mut other = place(&fake);
    set(&mut other, &[("config_profile", "OTHER")]);
    let refusal = signs_in(&*in_environment(other, &variables)).await;
    refused(refusal, ErrorKind::Unauthenticated, "clock");
    let mut missing = place(&fake);
    set(&mut missing, &[("config_profile", "NONE")]);
    let refusal = signs_in(&*in_environment(missing, &variables)).await;
    refused(refusal, ErrorKind::Unauthenticated, "NONE");
}

#[tokio::test]
async fn profile_completes_the_configuration_file() {
    let (fake, home) = (Fake::start(), home());
    configure(&home, &user("").replace("key_file=~/.oci/key.pem", "key_file=/nowhere.pem"));
    let encrypted = home.path().join("encrypted.pem");
    fs::write(&encrypted, keys::text("rsa.encrypted.pem")).unwrap();
    let mut settings = place(&fake);
    set(&mut settings, &[("private_key_path", path(&encrypted))]);
    settings.set("private_key_passphrase", Value::Secret(keys::PASSWORD.into()));
    let variables = [("OCI_CONFIG_FILE", path(&home.path().join(".oci/config")).to_owned())];
    let variables = [(variables[0].0, variables[0].1.as_str())];
    signs_in(&*in_environment(settings, &variables)).await.expect("the same key, encrypted");
}

#[tokio::test]
async fn nobody_is_told_what_to_set() {
    let fake = Fake::start();
    let nowhere = [("HOME", "/nonexistent")];
    let backend = in_environment(place(&fake), &nowhere);
    refused(signs_in(&*backend).await, ErrorKind::Unauthenticated, "private_key_path");
    let mut half = place(&fake);
    set(&mut half, &[("user_id", USER), ("private_key_path", "/nonexistent/key.pem")]);
    let backend = in_environment(half, &nowhere);
    refused(signs_in(&*backend).await, ErrorKind::Unauthenticated, "tenancy_id");
    assert!(fake.calls().is_empty(), "nothing was sent");
}

#[tokio::test]
async fn session_token_is_read_again_when_it_is_refused() {
    let (fake, home) = (Fake::start(), home());
    let token_file = home.path().join("token");
    let write = |life| {
        let token = fake.world(|world| {
            let token = world.make_token(life);
            world.trust(&format!("ST${token}"), &Fake::private_key());
            token
        });
        fs::write(&token_file, format!("{token}\n")).unwrap();
        token
    };
    let first = write(Duration::hours(1));
    configure(&home, &user(&format!("security_token_file={}", path(&token_file))));
    let backend = in_environment(place(&fake), &[("HOME", path(home.path()))]);
    signs_in(&*backend).await.expect("the token signs in");
    fake.world(|world| world.distrust(&format!("ST${first}")));
    write(Duration::hours(1));
    tokio::time::sleep(std::time::Duration::from_millis(2100)).await;
    signs_in(&*backend).await.expect("the new token signs in");
    write(Duration::seconds(-5));
    let late = in_environment(place(&fake), &[("HOME", path(home.path()))]);
    refused(signs_in(&*late).await, ErrorKind::Unauthenticated, "oci session authenticate");
}

#[tokio::test]
async fn resource_principal_comes_from_contents_or_files() {
    let (fake, home) = (Fake::start(), home());
    let token = fake.world(|world| {
        let token = world.make_token(Duration::hours(1));
        world.trust(&format!("ST${token}"), &Fake::private_key());
        token
    });
    let key = Fake::private_key();
    let contents = [
        ("OCI_RESOURCE_PRINCIPAL_VERSION", "2.2"),
        ("OCI_RESOURCE_PRINCIPAL_RPST", token.as_str()),
        ("OCI_RESOURCE_PRINCIPAL_PRIVATE_PEM", key.as_str()),
        ("OCI_RESOURCE_PRINCIPAL_REGION", "iad"),
    ];
    signs_in(&*in_environment(place(&fake), &contents)).await.expect("contents, by themselves");
    let (token_file, key_file) = (home.path().join("rpst"), home.path().join(".oci/key.pem"));
    fs::write(&token_file, &token).unwrap();
    let files = [
        ("OCI_RESOURCE_PRINCIPAL_VERSION", "2.2"),
        ("OCI_RESOURCE_PRINCIPAL_RPST", path(&token_file)),
        ("OCI_RESOURCE_PRINCIPAL_PRIVATE_PEM", path(&key_file)),
    ];
    let mut settings = place(&fake);
    set(&mut settings, &[("auth", "resource_principal")]);
    signs_in(&*in_environment(settings, &files)).await.expect("files");
    let mut old = place(&fake);
    set(&mut old, &[("auth", "resource_principal")]);
    let backend = in_environment(old, &[("OCI_RESOURCE_PRINCIPAL_VERSION", "1.1")]);
    refused(signs_in(&*backend).await, ErrorKind::Unauthenticated, "2.2");
}

#[tokio::test]
async fn instance_changes_its_certificate_for_a_token() {
    let fake = Fake::start();
    let metadata = format!("{}/opc/v2/", fake.url());
    let mut settings = place(&fake);
    let url = fake.url();
    set(&mut settings, &[("auth", "instance_principal"), ("auth_endpoint", url.as_str())]);
    let backend = in_environment(settings, &[("OCI_METADATA_BASE_URL", metadata.as_str())]);
    signs_in(&*backend).await.expect("the instance signs in");
    signs_in(&*backend).await.expect("with the same token");
    let calls = fake.calls();
    assert_eq!(calls.iter().filter(|call| **call == "Federate").count(), 1, "{calls:?}");
}

#[tokio::test]
async fn no_instance_is_told() {
    let fake = Fake::start();
    let mut settings = place(&fake);
    set(&mut settings, &[("auth", "instance_principal")]);
    let metadata = format!("{}/nothing/here", fake.url());
    let backend = in_environment(settings, &[("OCI_METADATA_BASE_URL", metadata.as_str())]);
    refused(signs_in(&*backend).await, ErrorKind::Unauthenticated, "Is this an instance");
}

#[tokio::test]
async fn pod_changes_its_account_for_a_token() {
    let (fake, home) = (Fake::start(), home());
    let account = home.path().join("account");
    fs::write(&account, format!("{ACCOUNT_TOKEN}\n")).unwrap();
    let settings = |token: &Path| {
        let mut settings = place(&fake);
        let url = fake.url();
        set(
            &mut settings,
            &[
                ("auth", "oke_workload_identity"),
                ("auth_endpoint", url.as_str()),
                ("security_token_file", path(token)),
            ],
        );
        settings
    };
    let backend = in_environment(settings(&account), &[]);
    signs_in(&*backend).await.expect("the pod signs in");
    let wrong = home.path().join("wrong");
    fs::write(&wrong, "another").unwrap();
    let refusal = signs_in(&*in_environment(settings(&wrong), &[])).await;
    refused(refusal, ErrorKind::Unauthenticated, "enhanced");
}

#[tokio::test]
async fn sign_in_shows_nothing_of_keys_and_tokens() {
    let (fake, home) = (Fake::start(), home());
    configure(&home, &user("pass_phrase=canary-passphrase"));
    let backend = in_environment(place(&fake), &[("HOME", path(home.path()))]);
    signs_in(&*backend).await.expect("signs in");
    let shown = format!("{backend:?}");
    assert!(!shown.contains("canary") && !shown.contains("BEGIN"), "{shown}");
}
