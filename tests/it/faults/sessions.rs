//! Sign-ins that end in the middle of a run: renewed where they can be, explained where not.

use std::fs;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use serde_json::{Value as Json, json};
use time::Duration;

use super::Subject;
use super::clocks::{apply, create_many, look_at};
use super::process::Provider;
use crate::conformance::harness::Reached;
use crate::conformance::harness::azure_key_vault::reached;
use crate::fakes::azure_key_vault::{self, EVERY_PERMISSION, TENANT};
use crate::fakes::oci_vault::{self, FINGERPRINT, TENANCY, USER};
use crate::support::core::Errors;
use crate::support::fault_proxy::{Fault, FaultProxy, When};
use crate::support::http1::Message;

const NONE: [Errors; 0] = [];

/// The one text of all refusals, which tells nothing secret.
#[track_caller]
fn refused(errors: &[Errors], says: &str) {
    let text = errors.first().expect("it is refused").join("\n");
    assert!(text.contains(says), "{text}");
    assert!(text.contains("Sign-in failed") || text.contains("unauthenticated"), "{text}");
    assert!(!text.contains("canary"), "{text}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn azure_signs_in_again_once() {
    let fake = azure_key_vault::Fake::quick();
    let mut provider = Provider::directed(reached(&fake)).await;
    let secrets = create_many(&mut provider.core).await;
    let sign_ins = || fake.count("POST", &format!("/{TENANT}/oauth2"));
    assert_eq!(sign_ins(), 1);
    fake.revoke_tokens();
    assert_eq!(look_at(&provider, &secrets).await, NONE);
    assert_eq!(sign_ins(), 2, "revoked: one sign-in for all");
    // The service says that it has expired, whatever was told of its life.
    tokio::time::sleep(std::time::Duration::from_secs(5)).await;
    fake.advance(Duration::hours(2));
    apply(&mut provider.core, &secrets[0], "secret-0", "canary-two").await.expect("changed");
    assert_eq!(sign_ins(), 3, "expired: one more");
    // Nobody may come back.
    tokio::time::sleep(std::time::Duration::from_secs(5)).await;
    fake.application("app-1", "another secret", EVERY_PERMISSION);
    fake.revoke_tokens();
    let changed = apply(&mut provider.core, &secrets[1], "secret-1", "canary-two").await;
    refused(&[changed.expect_err("nobody signs in")], "AADSTS7000215");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn azure_s_given_token_is_not_renewed() {
    let fake = azure_key_vault::Fake::quick();
    let mut reached = reached(&fake);
    reached.environment.push(("COFFER_AZURE_ACCESS_TOKEN", fake.token(EVERY_PERMISSION)));
    let mut provider = Provider::directed(reached).await;
    let secrets = create_many(&mut provider.core).await;
    fake.revoke_tokens();
    refused(&look_at(&provider, &secrets[..1]).await, "access_token");
}

/// AWS that takes the key `AKIAOLD` no more when it is told so.
fn aws_without_old(over: &Arc<AtomicBool>) -> Fault {
    let over = Arc::clone(over);
    Fault::Judge(Arc::new(move |request: &Message| {
        let old = request.header("authorization")?.contains("AKIAOLD");
        let body = json!({
            "__type": "ExpiredTokenException",
            "message": "The security token included in the request is expired",
        });
        (old && over.load(Ordering::Relaxed)).then(|| Message::answer(400, &body.to_string()))
    }))
}

/// A subject, a proxy with that fault, and where a process finds AWS.
async fn aws(over: &Arc<AtomicBool>) -> Option<(Subject, FaultProxy, Json)> {
    let subject = Subject::of("aws_secrets_manager")?;
    let proxy = subject.proxy().await;
    proxy.fail(When::From(0), aws_without_old(over));
    let directions = subject.remote.directions.as_ref().expect("the binary has it");
    let profile = directions(&proxy.url()).profile;
    Some((subject, proxy, profile))
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn aws_asks_for_other_credentials() {
    let over = Arc::default();
    let Some((_subject, _proxy, profile)) = aws(&over).await else { return };
    let home = tempfile::tempdir().unwrap();
    let path = |name: &str| home.path().join(name).display().to_string();
    let script = format!("echo >> {}\ncat {}\n", path("asked"), path("keys"));
    fs::write(path("script"), script).unwrap();
    let text = format!("[default]\ncredential_process = /bin/sh {}\n", path("script"));
    fs::write(path("config"), text).unwrap();
    let keys = |id: &str| {
        let keys = json!({ "Version": 1, "AccessKeyId": id, "SecretAccessKey": "canary-key" });
        fs::write(path("keys"), keys.to_string()).unwrap();
    };
    keys("AKIAOLD");
    let environment = vec![
        ("AWS_CONFIG_FILE", path("config")),
        ("AWS_SHARED_CREDENTIALS_FILE", path("none")),
        ("AWS_EC2_METADATA_DISABLED", "true".to_owned()),
    ];
    let mut provider = Provider::directed(Reached { profile, environment }).await;
    let secrets = create_many(&mut provider.core).await;
    over.store(true, Ordering::Relaxed);
    refused(&look_at(&provider, &secrets[..1]).await, "expired");
    keys("AKIANEW");
    let before = asked(home.path());
    assert_eq!(look_at(&provider, &secrets).await, NONE);
    assert!(asked(home.path()) - before <= 2, "{} times", asked(home.path()) - before);
    apply(&mut provider.core, &secrets[0], "secret-0", "canary-two").await.expect("changed");
}

fn asked(home: &Path) -> usize {
    fs::read_to_string(home.join("asked")).unwrap().lines().count()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn aws_s_given_keys_are_not_renewed() {
    let over = Arc::default();
    let Some((_subject, _proxy, profile)) = aws(&over).await else { return };
    let environment = vec![
        ("AWS_ACCESS_KEY_ID", "AKIAOLD".to_owned()),
        ("AWS_SECRET_ACCESS_KEY", "canary-key".to_owned()),
        ("AWS_SESSION_TOKEN", "canary-token".to_owned()),
    ];
    let mut provider = Provider::directed(Reached { profile, environment }).await;
    let secrets = create_many(&mut provider.core).await;
    over.store(true, Ordering::Relaxed);
    refused(&look_at(&provider, &secrets[..1]).await, "the credentials have expired");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn oracle_s_session_is_read_again() {
    let fake = oci_vault::Fake::start();
    let home = tempfile::tempdir().unwrap();
    let path = |name: &str| home.path().join(name).display().to_string();
    fs::write(path("key.pem"), oci_vault::Fake::private_key()).unwrap();
    let text = format!(
        "[DEFAULT]\nuser={USER}\nfingerprint={FINGERPRINT}\ntenancy={TENANCY}\nkey_file={}\n\
         security_token_file={}\n",
        path("key.pem"),
        path("token")
    );
    fs::write(path("config"), text).unwrap();
    let session = || {
        fake.world(|world| {
            let token = world.make_token(Duration::hours(1));
            world.trust(&format!("ST${token}"), &oci_vault::Fake::private_key());
            fs::write(path("token"), &token).unwrap();
            format!("ST${token}")
        })
    };
    let first = session();
    let environment = vec![("OCI_CONFIG_FILE", path("config"))];
    let profile = oci_vault::profile(&fake.url());
    let mut provider = Provider::directed(Reached { profile, environment }).await;
    let secrets = create_many(&mut provider.core).await;
    fake.world(|world| world.distrust(&first));
    let second = session();
    // What is younger was not refused for its age.
    tokio::time::sleep(std::time::Duration::from_millis(2_100)).await;
    assert_eq!(look_at(&provider, &secrets).await, NONE);
    fake.world(|world| world.distrust(&second));
    tokio::time::sleep(std::time::Duration::from_millis(2_100)).await;
    let changed = apply(&mut provider.core, &secrets[1], "secret-1", "canary-two").await;
    refused(&[changed.expect_err("nobody signs in")], "oci session authenticate");
}
