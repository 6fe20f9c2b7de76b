//! AutoMTLS: our throw-away certificate and the pinned certificate of the client.
//!
//! Leaves the connections to [`accept`](super::accept). The client's certificate is a self-signed
//! P-521 authority certificate in leaf position, which the usual chain verification refuses, and
//! whose signatures the *ring* provider cannot check. So [`PinnedClient`] compares it byte for
//! byte with the one announced in the environment and leaves only the signature of the TLS
//! handshake (the proof that the peer holds the key) to the aws-lc-rs algorithms.
//! Source: go-plugin AutoMTLS; rustls `ClientCertVerifier`.

use std::sync::Arc;

use rcgen::{
    CertificateParams, DnType, ExtendedKeyUsagePurpose, IsCa, KeyPair, KeyUsagePurpose,
    PKCS_ECDSA_P256_SHA256,
};
use rustls::client::danger::HandshakeSignatureValid;
use rustls::crypto::{CryptoProvider, aws_lc_rs, verify_tls12_signature, verify_tls13_signature};
use rustls::pki_types::{CertificateDer, PrivateKeyDer, UnixTime};
use rustls::server::danger::{ClientCertVerified, ClientCertVerifier};
use rustls::server::{NoServerSessionStorage, ServerConfig};
use rustls::{CertificateError, DigitallySignedStruct, DistinguishedName, SignatureScheme};
use time::{Duration, OffsetDateTime};

/// Tolerance for a client whose clock is behind.
const BACKDATED: Duration = Duration::hours(1);
/// Longer than any run; the key dies with the process.
const VALID: Duration = Duration::days(365);

/// Why no TLS configuration could be made.
#[derive(Debug, thiserror::Error)]
pub enum TlsError {
    /// The certificate could not be generated.
    #[error("the server certificate could not be generated: {0}")]
    Certificate(#[from] rcgen::Error),
    /// rustls refused the configuration.
    #[error("the TLS configuration was refused: {0}")]
    Configuration(#[from] rustls::Error),
}

/// A server configuration that lets in only the holder of `client`, and our certificate.
///
/// # Errors
/// [`TlsError`]; only an unusable cryptography library makes it fail.
pub(super) fn server_config(
    client: CertificateDer<'static>,
) -> Result<(ServerConfig, CertificateDer<'static>), TlsError> {
    let (certificate, key) = certificate(OffsetDateTime::now_utc())?;
    let provider = Arc::new(aws_lc_rs::default_provider());
    let pinned = PinnedClient { certificate: client, provider: Arc::clone(&provider) };
    let mut config = ServerConfig::builder_with_provider(provider)
        .with_protocol_versions(&[&rustls::version::TLS13, &rustls::version::TLS12])?
        .with_client_cert_verifier(Arc::new(pinned))
        .with_single_cert(vec![certificate.clone()], key)?;
    // Newer gRPC clients refuse a connection without it.
    config.alpn_protocols = vec![b"h2".to_vec()];
    // Nothing resumes: a client connects once, and kept sessions are secrets in memory.
    config.session_storage = Arc::new(NoServerSessionStorage {});
    config.send_tls13_tickets = 0;
    Ok((config, certificate))
}

/// A P-256 leaf for `localhost`, the name that clients expect.
fn certificate(
    now: OffsetDateTime,
) -> Result<(CertificateDer<'static>, PrivateKeyDer<'static>), rcgen::Error> {
    let key = KeyPair::generate_for(&PKCS_ECDSA_P256_SHA256)?;
    let mut params = CertificateParams::new(vec!["localhost".to_owned()])?;
    params.distinguished_name.push(DnType::CommonName, "localhost");
    params.is_ca = IsCa::ExplicitNoCa;
    params.key_usages = vec![KeyUsagePurpose::DigitalSignature];
    params.extended_key_usages =
        vec![ExtendedKeyUsagePurpose::ServerAuth, ExtendedKeyUsagePurpose::ClientAuth];
    params.not_before = now - BACKDATED;
    params.not_after = now + VALID;
    let certificate = params.self_signed(&key)?;
    let key = PrivateKeyDer::try_from(key.serialize_der())
        .map_err(|_| rcgen::Error::CouldNotParseKeyPair)?;
    Ok((certificate.der().clone(), key))
}

/// Accepts one certificate and nothing else.
#[derive(Debug)]
struct PinnedClient {
    certificate: CertificateDer<'static>,
    provider: Arc<CryptoProvider>,
}

impl ClientCertVerifier for PinnedClient {
    fn root_hint_subjects(&self) -> &[DistinguishedName] {
        // A hint would make clients with another subject send no certificate at all.
        &[]
    }

    fn verify_client_cert(
        &self,
        end_entity: &CertificateDer<'_>,
        _intermediates: &[CertificateDer<'_>],
        _now: UnixTime,
    ) -> Result<ClientCertVerified, rustls::Error> {
        if end_entity.as_ref() == self.certificate.as_ref() {
            Ok(ClientCertVerified::assertion())
        } else {
            Err(CertificateError::ApplicationVerificationFailure.into())
        }
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        let algorithms = &self.provider.signature_verification_algorithms;
        verify_tls12_signature(message, certificate, signature, algorithms)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        let algorithms = &self.provider.signature_verification_algorithms;
        verify_tls13_signature(message, certificate, signature, algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.provider.signature_verification_algorithms.supported_schemes()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pinned(certificate: &CertificateDer<'static>) -> PinnedClient {
        PinnedClient {
            certificate: certificate.clone(),
            provider: Arc::new(aws_lc_rs::default_provider()),
        }
    }

    #[test]
    fn only_the_announced_certificate_is_accepted() {
        let now = OffsetDateTime::now_utc();
        let (one, _) = certificate(now).unwrap();
        let (other, _) = certificate(now).unwrap();
        let verifier = pinned(&one);
        assert!(verifier.verify_client_cert(&one, &[], UnixTime::now()).is_ok());
        assert!(verifier.verify_client_cert(&other, &[], UnixTime::now()).is_err());
        // The right certificate further up the chain proves nothing.
        assert!(verifier.verify_client_cert(&other, &[one], UnixTime::now()).is_err());
        assert!(verifier.client_auth_mandatory());
    }

    #[test]
    fn p521_signatures_are_offered() {
        let (one, _) = certificate(OffsetDateTime::now_utc()).unwrap();
        let schemes = pinned(&one).supported_verify_schemes();
        assert!(schemes.contains(&SignatureScheme::ECDSA_NISTP521_SHA512));
    }
}
