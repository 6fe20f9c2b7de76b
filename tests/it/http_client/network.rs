//! The way to a service: TLS, authorities, client certificates, proxies, addresses.

use std::sync::Arc;

use coffer::adapters::descriptor::Setting;
use coffer::adapters::http::{Client, Request, endpoint};
use coffer::domain::material::Secret;
use coffer::domain::port::{BackendError, ErrorKind, Status};
use rcgen::{BasicConstraints, CertificateParams, DnType, IsCa, Issuer, KeyPair};
use reqwest::Url;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::server::WebPkiClientVerifier;
use rustls::{RootCertStore, ServerConfig};

use super::{client, ok};
use crate::support::scripted::{Scripted, Tunnel};

/// An authority of the test's own.
struct Authority {
    issuer: Issuer<'static, KeyPair>,
    pem: String,
    der: CertificateDer<'static>,
}

impl Authority {
    fn new() -> Self {
        let key = KeyPair::generate().unwrap();
        let mut params = CertificateParams::new(Vec::new()).unwrap();
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        params.distinguished_name.push(DnType::CommonName, "authority of a test");
        let certificate = params.self_signed(&key).unwrap();
        let (pem, der) = (certificate.pem(), certificate.der().clone());
        Self { issuer: Issuer::new(params, key), pem, der }
    }

    fn issue(&self, name: &str) -> (String, CertificateDer<'static>, KeyPair) {
        let key = KeyPair::generate().unwrap();
        let params = CertificateParams::new(vec![name.to_owned()]).unwrap();
        let certificate = params.signed_by(&key, &self.issuer).unwrap();
        (certificate.pem(), certificate.der().clone(), key)
    }

    /// TLS of a server, which asks clients for a certificate of `clients`.
    fn server(&self, name: &str, clients: Option<&Self>) -> Arc<ServerConfig> {
        let (_, certificate, key) = self.issue(name);
        let key = PrivateKeyDer::try_from(key.serialize_der()).unwrap();
        let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
        let builder = ServerConfig::builder_with_provider(provider.clone())
            .with_safe_default_protocol_versions()
            .unwrap();
        let builder = match clients {
            None => builder.with_no_client_auth(),
            Some(authority) => {
                let mut roots = RootCertStore::empty();
                roots.add(authority.der.clone()).unwrap();
                let verifier =
                    WebPkiClientVerifier::builder_with_provider(Arc::new(roots), provider);
                builder.with_client_cert_verifier(verifier.build().unwrap())
            }
        };
        Arc::new(builder.with_single_cert(vec![certificate], key).unwrap())
    }
}

async fn ask(client: &Client, server: &Scripted) -> Result<u16, BackendError> {
    let url = format!("https://localhost:{}/", server.address().port());
    let answer = client.send(&Request::get("read", Url::parse(&url).unwrap())).await?;
    Ok(answer.status)
}

#[tokio::test]
async fn private_authority_is_trusted_when_it_is_named() {
    let authority = Authority::new();
    let server = Scripted::with_tls(authority.server("localhost", None), |_| ok()).await;
    let file = tempfile::NamedTempFile::new().unwrap();
    std::fs::write(file.path(), &authority.pem).unwrap();
    let path = file.path().to_str().unwrap().to_owned();
    for bundle in [authority.pem.clone(), path] {
        let client = client(vec![("ca_bundle", Setting::Text(bundle))]);
        assert_eq!(ask(&client, &server).await.expect("trusted"), 200);
    }
}

#[tokio::test]
async fn unknown_authority_is_refused_at_once() {
    let server = Scripted::with_tls(Authority::new().server("localhost", None), |_| ok()).await;
    let error = ask(&client(vec![]), &server).await.expect_err("unknown");
    assert_eq!((error.kind, error.status), (ErrorKind::Unavailable, Status::Permanent));
    assert!(error.message.contains("ca_bundle"), "{error}");
    assert_eq!(server.connections(), 1, "trying again does not help");
    assert!(server.requests().is_empty());
}

#[tokio::test]
async fn certificate_of_another_host_is_refused() {
    let authority = Authority::new();
    let server = Scripted::with_tls(authority.server("elsewhere.test", None), |_| ok()).await;
    let client = client(vec![("ca_bundle", Setting::Text(authority.pem))]);
    let error = ask(&client, &server).await.expect_err("another name");
    assert_eq!(error.status, Status::Permanent, "{error}");
    assert!(error.message.contains("certificate is not accepted"), "{error}");
}

#[tokio::test]
async fn client_certificate_is_shown_and_its_lack_is_told() {
    let (authority, clients) = (Authority::new(), Authority::new());
    let config = authority.server("localhost", Some(&clients));
    let server = Scripted::with_tls(config, |_| ok()).await;
    let (certificate, _, key) = clients.issue("coffer");
    let trust = ("ca_bundle", Setting::Text(authority.pem));
    let with = client(vec![
        ("ca_bundle", clone(&trust.1)),
        ("client_certificate", Setting::Text(certificate)),
        ("client_key", Setting::Secret(Secret::from(key.serialize_pem().as_str()))),
    ]);
    assert_eq!(ask(&with, &server).await.expect("let in"), 200);
    let error = ask(&client(vec![trust]), &server).await.expect_err("not let in");
    assert_eq!(error.kind, ErrorKind::Unavailable);
    assert!(error.message.contains("client_certificate"), "{error}");
}

fn clone(setting: &Setting) -> Setting {
    match setting {
        Setting::Text(text) => Setting::Text(text.clone()),
        other => panic!("{other:?} is not text"),
    }
}

#[tokio::test]
async fn unusable_files_are_told_by_argument() {
    for (argument, value) in [("ca_bundle", "/no/such/file"), ("ca_bundle", "-----BEGIN X-----")] {
        let client = client(vec![(argument, Setting::Text(value.to_owned()))]);
        let server = Scripted::answers(|_| ok()).await;
        let error = client.send(&super::read(&server.url())).await.expect_err("unusable");
        assert_eq!(error.status, Status::Permanent);
        assert!(error.message.contains(argument), "{error}");
    }
}

#[tokio::test]
async fn proxy_is_used_with_its_credentials() {
    let authority = Authority::new();
    let server = Scripted::with_tls(authority.server("vault.test", None), |_| ok()).await;
    let tunnel = Tunnel::to(server.address()).await;
    let through = |user: &str| {
        let proxy = format!("http://{user}{}", tunnel.address);
        client(vec![
            ("ca_bundle", Setting::Text(authority.pem.clone())),
            ("proxy", Setting::Secret(Secret::from(proxy.as_str()))),
            ("retry_seconds", Setting::Integer(0)),
        ])
    };
    // The name exists nowhere else: the proxy resolves it.
    let request = Request::get("read", Url::parse("https://vault.test/").unwrap());
    through("joe:pass-4711@").send(&request).await.expect("through the proxy");
    let asked = tunnel.asked.lock().unwrap()[0].clone();
    assert_eq!(asked.start, "CONNECT vault.test:443 HTTP/1.1");
    let error = through("").send(&request).await.expect_err("the proxy wants a password");
    assert_eq!(error.kind, ErrorKind::Unavailable, "{error}");
    let seen = format!("{:?}", server.requests());
    assert!(!seen.contains("proxy-authorization"), "{seen}");
}

#[tokio::test]
async fn address_without_tls_is_for_this_machine_only() {
    for text in ["http://127.0.0.1:1", "http://localhost:1", "http://[::1]:1", "https://v.test"] {
        endpoint("endpoint", text).expect("usable");
    }
    for text in [
        "http://v.test",
        "http://10.0.0.1",
        "http://127.0.0.1.example.com",
        "ftp://v.test",
        "https://joe:pw@v.test",
        "https://v.test?a=1",
        "v.test",
    ] {
        let error = endpoint("endpoint", text).expect_err("unusable");
        assert_eq!(error.argument, Some("endpoint"), "{text}");
        assert!(!error.message.contains("pw"));
    }
    // An address that a service gives (the next page) is checked as well.
    let request = Request::get("list", Url::parse("http://v.test/next").unwrap());
    let error = client(vec![]).send(&request).await.expect_err("not encrypted");
    assert_eq!(error.kind, ErrorKind::InvalidRequest);
}
