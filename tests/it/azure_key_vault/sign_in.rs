//! Every sign-in, the challenge, and tokens that end.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use coffer::adapters::azure_key_vault::DESCRIPTOR;
use coffer::adapters::descriptor::{Setting, Settings};
use coffer::domain::port::ErrorKind;
use rcgen::{CertificateParams, KeyPair, PKCS_RSA_SHA256, PublicKeyData as _};

use super::{Vault, text};
use crate::fakes::azure_key_vault::{Action, Challenge, EVERY_PERMISSION, Fake, Fault, TENANT};
use crate::support::keys;

/// A profile that signs in, in place of the token.
fn signing_in(fake: Fake, change: impl FnOnce(&mut Settings)) -> Vault {
    let mut settings = fake.settings("kv1", "");
    settings.take_secret("access_token");
    change(&mut settings);
    let backend = (DESCRIPTOR.open)(settings).expect("the settings work");
    Vault { fake, backend }
}

fn application(settings: &mut Settings) {
    settings.set("client_id", text("app-1"));
    settings.set("client_secret", Setting::Secret("the secret of app-1".into()));
}

fn with_application() -> Fake {
    let fake = Fake::quick();
    fake.application("app-1", "the secret of app-1", EVERY_PERMISSION);
    fake
}

#[tokio::test]
async fn application_signs_in_with_a_secret_and_learns_its_tenant() {
    let vault = signing_in(with_application(), application);
    vault.create("one").await.unwrap();
    let journal = vault.fake.journal();
    let bare: Vec<_> =
        journal.iter().filter(|s| s.path.starts_with("/secrets") && !s.authorized).collect();
    assert_eq!((bare.len(), bare[0].body), (1, 0), "asked once, without a body");
    assert_eq!(vault.fake.count("POST", &format!("/{TENANT}/oauth2")), 1);
    assert!(journal.iter().all(|s| s.user_agent.starts_with("coffer-tests")), "{journal:?}");
}

#[tokio::test]
async fn known_tenant_needs_no_question() {
    let vault = signing_in(with_application(), |settings| {
        application(settings);
        settings.set("tenant_id", text(TENANT));
    });
    vault.create("one").await.unwrap();
    let journal = vault.fake.journal();
    assert!(journal.iter().all(|s| s.authorized || s.path.ends_with("/token")), "{journal:?}");
}

#[tokio::test]
async fn wrong_secret_is_told_without_the_secret() {
    let vault = signing_in(with_application(), |settings| {
        application(settings);
        settings.set("client_secret", Setting::Secret("canary-wrong-secret".into()));
    });
    let error = vault.create("one").await.unwrap_err();
    assert_eq!(error.kind, ErrorKind::Unauthenticated);
    assert!(error.message.contains("AADSTS7000215"), "{error}");
    assert!(!format!("{error:?}").contains("canary"));
    let asked = vault.fake.count("POST", "/");
    vault.read().await.unwrap_err();
    assert_eq!(vault.fake.count("POST", "/"), asked, "a refusal is not repeated at once");
}

/// An application with a certificate.
fn with_certificate() -> Vault {
    let fake = Fake::quick();
    let key = KeyPair::from_pem_and_sign_algo(&keys::text("rsa.pkcs8.pem"), &PKCS_RSA_SHA256);
    let key = key.expect("an RSA key");
    let certificate = CertificateParams::new(vec!["app".to_owned()]).unwrap();
    let certificate = certificate.self_signed(&key).expect("it signs itself");
    let digest = &aws_lc_rs::digest::SHA1_FOR_LEGACY_USE_ONLY;
    let thumbprint = URL_SAFE_NO_PAD.encode(aws_lc_rs::digest::digest(digest, certificate.der()));
    fake.certified("app-2", &thumbprint, key.der_bytes().to_vec(), EVERY_PERMISSION);
    let path = fake.files().join("app.pem");
    std::fs::write(&path, format!("{}{}", keys::text("rsa.pkcs8.pem"), certificate.pem())).unwrap();
    signing_in(fake, |settings| {
        settings.set("client_id", text("app-2"));
        settings.set("certificate_path", text(&path.display().to_string()));
    })
}

#[tokio::test]
async fn application_signs_in_with_a_certificate() {
    let vault = with_certificate();
    vault.create("one").await.unwrap();
    assert_eq!(vault.current().await, "one");
}

#[tokio::test]
async fn wrong_clock_of_who_signs_is_told() {
    for minutes in [10, -10] {
        let vault = with_certificate();
        vault.fake.advance(time::Duration::minutes(minutes));
        let error = vault.create("one").await.unwrap_err();
        assert_eq!(error.kind, ErrorKind::Unauthenticated);
        let both = error.message.contains("Current time: ") && error.message.contains("clock");
        assert!(both && error.message.contains("AADSTS700024"), "{error}");
        vault.fake.advance(time::Duration::minutes(-minutes));
    }
}

#[tokio::test]
async fn workload_signs_in_with_the_token_in_its_file() {
    let fake = Fake::quick();
    fake.federated("app-3", "token of the cluster", EVERY_PERMISSION);
    let path = fake.files().join("token");
    std::fs::write(&path, "token of yesterday").unwrap();
    let vault = signing_in(fake, |settings| {
        settings.set("client_id", text("app-3"));
        settings.set("tenant_id", text(TENANT));
        settings.set("federated_token_file", text(&path.display().to_string()));
    });
    assert_eq!(vault.create("one").await.unwrap_err().kind, ErrorKind::Unauthenticated);
    // The file rotates; a new sign-in reads it anew.
    std::fs::write(&path, "token of the cluster").unwrap();
    let again = signing_in(vault.fake, |settings| {
        settings.set("client_id", text("app-3"));
        settings.set("federated_token_file", text(&path.display().to_string()));
    });
    again.create("one").await.unwrap();
}

#[tokio::test]
async fn revoked_token_is_replaced_once() {
    let vault = signing_in(with_application(), application);
    vault.create("one").await.unwrap();
    vault.fake.revoke_tokens();
    let reads = (0..20).map(|_| vault.read());
    for read in futures_util::future::join_all(reads).await {
        assert_eq!(read.unwrap().latest, 1);
    }
    assert_eq!(vault.fake.count("POST", &format!("/{TENANT}/oauth2")), 2, "one new token for all");
}

#[tokio::test]
async fn given_token_that_is_refused_ends_the_call() {
    let vault = Vault::open(Fake::quick(), "tok-unknown-canary", |_| {});
    let error = vault.read().await.unwrap_err();
    assert_eq!(error.kind, ErrorKind::Unauthenticated);
    assert!(error.context.contains(&("reason", "AKV10032".to_owned())), "{error:?}");
    assert_eq!(vault.fake.journal().len(), 1);
    assert!(!format!("{error:?}").contains("canary"));
}

#[tokio::test]
async fn token_goes_to_no_host_that_asks_for_another_domain() {
    let fake = with_application();
    let local = fake.local_url();
    let vault = signing_in(fake, |settings| {
        application(settings);
        settings.set("vault_url", text(&local));
    });
    let error = vault.create("canary-value").await.unwrap_err();
    assert_eq!(error.kind, ErrorKind::Unauthenticated);
    assert!(error.message.contains("verify_challenge_resource"), "{error}");
    let journal = vault.fake.journal();
    assert_eq!(journal.len(), 1, "one question, no sign-in: {journal:?}");
    assert!(!journal[0].authorized && journal[0].body == 0);
    // Who says so is believed.
    let trusting = signing_in(vault.fake, |settings| {
        application(settings);
        settings.set("vault_url", text(&local));
        settings.set("verify_challenge_resource", Setting::Bool(false));
    });
    trusting.create("one").await.unwrap();
    assert_eq!(trusting.current().await, "one");
}

#[tokio::test]
async fn challenges_of_other_forms_are_read_and_none_is_told() {
    let header = format!(
        "Bearer authorization_uri=https://login.windows.net/{TENANT}, \
         scope=\"https://vault.azure.net/.default\""
    );
    for (challenge, works) in [
        (Challenge::Header(header), true),
        (Challenge::Missing, false),
        (Challenge::Header("Basic realm=\"x\"".to_owned()), false),
        (Challenge::Resource("https://evil.example".to_owned()), false),
    ] {
        let fake = with_application();
        fake.configure(|options| options.challenge = challenge.clone());
        let vault = signing_in(fake, application);
        let created = vault.create("one").await;
        assert_eq!(created.is_ok(), works, "{challenge:?}: {created:?}");
        if let Err(error) = created {
            assert_eq!(error.kind, ErrorKind::Unauthenticated);
            assert_eq!(vault.fake.count("POST", "/"), 0, "{challenge:?}");
        }
    }
}

#[tokio::test]
async fn sign_in_service_that_is_down_is_told_as_such() {
    let fake = with_application();
    let down = Action::Answer(503, Vec::new(), "<html>down</html>".to_owned());
    fake.fault(Fault::once("POST", &format!("/{TENANT}"), down).times(50));
    let vault = signing_in(fake, |settings| {
        application(settings);
        settings.set("retry_seconds", Setting::Integer(0));
    });
    let error = vault.read().await.unwrap_err();
    assert!(matches!(error.kind, ErrorKind::Unavailable | ErrorKind::Unauthenticated), "{error:?}");
    assert!(!format!("{error:?}").contains("html"), "{error:?}");
}
