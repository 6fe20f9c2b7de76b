//! TLS of the shared client.
//!
//! Responsible for the trust anchors (the system's, read once per process, and a profile's own)
//! and the client certificate. One crypto provider: aws-lc-rs, as for the plugin's own transport.
//! Opens the files that `ca_bundle`, `client_certificate` and `client_key` name.

use std::sync::{Arc, OnceLock};

use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::{ClientConfig, RootCertStore};
use zeroize::Zeroizing;

use super::settings::{CA_BUNDLE, CLIENT_CERTIFICATE, CLIENT_KEY, HttpSettings};

/// The TLS side of a client. The error says which argument is wrong.
pub(super) fn config(settings: &HttpSettings) -> Result<ClientConfig, String> {
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let builder = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .map_err(|error| format!("TLS cannot be set up: {error}"))?
        .with_root_certificates(roots(settings)?);
    let (Some(chain), Some(key)) = (&settings.client_certificate, &settings.client_key) else {
        return Ok(builder.with_no_client_auth());
    };
    let key = key.expose_text().map_err(|_| format!("{} is not text", CLIENT_KEY.name))?;
    let key = pem(CLIENT_KEY.name, key)?;
    let key = PrivateKeyDer::from_pem_slice(&key)
        .map_err(|_| format!("{} holds no private key in PEM form", CLIENT_KEY.name))?;
    let chain = certificates(CLIENT_CERTIFICATE.name, chain)?;
    builder
        .with_client_auth_cert(chain, key)
        .map_err(|error| format!("{} is not usable: {error}", CLIENT_CERTIFICATE.name))
}

fn roots(settings: &HttpSettings) -> Result<Arc<RootCertStore>, String> {
    let system = system_roots();
    let Some(bundle) = &settings.ca_bundle else { return Ok(system) };
    let mut roots = RootCertStore::clone(&system);
    for certificate in certificates(CA_BUNDLE.name, bundle)? {
        roots
            .add(certificate)
            .map_err(|error| format!("{} has an unusable certificate: {error}", CA_BUNDLE.name))?;
    }
    Ok(Arc::new(roots))
}

/// The system's anchors. A machine without any can still use a profile's own bundle.
fn system_roots() -> Arc<RootCertStore> {
    static ROOTS: OnceLock<Arc<RootCertStore>> = OnceLock::new();
    let read = || {
        let mut roots = RootCertStore::empty();
        let found = rustls_native_certs::load_native_certs();
        for error in &found.errors {
            tracing::debug!(%error, "system certificates");
        }
        roots.add_parsable_certificates(found.certs);
        Arc::new(roots)
    };
    Arc::clone(ROOTS.get_or_init(read))
}

fn certificates(argument: &str, path_or_pem: &str) -> Result<Vec<CertificateDer<'static>>, String> {
    let pem = pem(argument, path_or_pem)?;
    let certificates: Vec<_> = CertificateDer::pem_slice_iter(&pem)
        .collect::<Result<_, _>>()
        .map_err(|_| format!("{argument} is damaged: it is not a list of PEM certificates"))?;
    if certificates.is_empty() {
        return Err(format!("{argument} holds no certificate in PEM form"));
    }
    Ok(certificates)
}

/// PEM text itself, or the content of the file at the path.
fn pem(argument: &str, path_or_pem: &str) -> Result<Zeroizing<Vec<u8>>, String> {
    if path_or_pem.contains("-----BEGIN ") {
        return Ok(Zeroizing::new(path_or_pem.as_bytes().to_vec()));
    }
    std::fs::read(path_or_pem)
        .map(Zeroizing::new)
        .map_err(|error| format!("{argument}: the file {path_or_pem} cannot be read: {error}"))
}
