//! Where tokens come from: the metadata service of an instance, the federation service, and the
//! token service of a Kubernetes cluster.

use aws_lc_rs::digest::{SHA1_FOR_LEGACY_USE_ONLY, digest};
use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use rcgen::{CertificateParams, DnType, KeyPair};
use serde_json::{Value, json};
use time::{Duration, OffsetDateTime};

use super::answer::{Answer, Refusal};
use super::state::World;
use super::{Received, TENANCY};
use crate::support::keys;

/// Token of the service account.
pub const ACCOUNT_TOKEN: &str = "service-account-token";

/// The instance's certificate and key.
#[derive(Debug)]
pub struct Instance {
    certificate: String,
    key: String,
    key_id: String,
}

impl Instance {
    pub fn new() -> Self {
        let key = keys::text("rsa.pkcs8.pem");
        let pair = KeyPair::from_pem(&key).expect("a key");
        let mut params = CertificateParams::default();
        params.distinguished_name.push(DnType::CommonName, "ocid1.instance.oc1..fake");
        let unit = format!("opc-tenant:{TENANCY}");
        params.distinguished_name.push(DnType::OrganizationalUnitName, unit);
        let certificate = params.self_signed(&pair).expect("a certificate");
        let hash = digest(&SHA1_FOR_LEGACY_USE_ONLY, certificate.der());
        let pairs: Vec<_> = hash.as_ref().iter().map(|byte| format!("{byte:02X}")).collect();
        let key_id = format!("{TENANCY}/fed-x509/{}", pairs.join(":"));
        Self { certificate: certificate.pem(), key, key_id }
    }
}

impl World {
    /// Answers for the three services; `None` for all others' requests.
    pub(super) fn identify(&mut self, received: &Received) -> Option<Answer> {
        let answer = match received.target.as_str() {
            "/v1/x509" => self.federate(received),
            "/resourcePrincipalSessionTokens" => self.exchange(received),
            target => self.metadata(received, target.strip_prefix("/opc/v2/")?),
        };
        Some(answer)
    }

    fn metadata(&mut self, received: &Received, path: &str) -> Answer {
        self.calls.push("Metadata");
        if received.header("authorization") != Some("Bearer Oracle") {
            return Refusal::new(401, "Unauthorized", "no header").answer();
        }
        let instance = self.instance.get_or_insert_with(Instance::new);
        let text = match path {
            "identity/cert.pem" | "identity/intermediate.pem" => instance.certificate.clone(),
            "identity/key.pem" => instance.key.clone(),
            "instance/region" => "iad".to_owned(),
            _ => return Refusal::new(404, "NotFound", "no such path").answer(),
        };
        Answer { text: Some(text), ..Answer::empty() }.status(200)
    }

    fn federate(&mut self, received: &Received) -> Answer {
        self.calls.push("Federate");
        let instance = self.instance.get_or_insert_with(Instance::new);
        let (key_id, key) = (instance.key_id.clone(), instance.key.clone());
        self.trust(&key_id, &key);
        let verified = self.verify_without_host(received);
        self.distrust(&key_id);
        let body: Value = serde_json::from_slice(&received.body).unwrap_or_default();
        let sent = body["certificate"].as_str().unwrap_or_default();
        let instance = self.instance.get_or_insert_with(Instance::new);
        let certificate: String =
            instance.certificate.lines().filter(|line| !line.starts_with("-----")).collect();
        let chain = body["intermediateCertificates"].as_array().is_some_and(|all| all.len() == 1);
        if let Err(reason) = verified {
            self.rejected.push(reason);
            return Refusal::new(401, "NotAuthenticated", "refused").answer();
        }
        if sent != certificate || !chain {
            return Refusal::parameter("the certificates are not the instance's").answer();
        }
        let token = self.token_for(body["publicKey"].as_str().unwrap_or_default());
        Answer::of(json!({ "token": token }))
    }

    fn exchange(&mut self, received: &Received) -> Answer {
        self.calls.push("Exchange");
        if received.header("authorization") != Some(&format!("Bearer {ACCOUNT_TOKEN}")) {
            return Refusal::new(403, "Forbidden", "basic cluster").answer();
        }
        let body: Value = serde_json::from_slice(&received.body).unwrap_or_default();
        let token = self.token_for(body["podKey"].as_str().unwrap_or_default());
        let inner = json!({ "token": format!("ST${token}") }).to_string();
        Answer::of(Value::String(STANDARD.encode(inner)))
    }

    /// A token for the holder of a key (base64 of its public half), good for twenty minutes.
    fn token_for(&mut self, public: &str) -> String {
        let token = self.make_token(Duration::minutes(20));
        let der = STANDARD.decode(public).unwrap_or_default();
        self.trust_public(&format!("ST${token}"), der);
        token
    }

    /// A token that nobody holds yet.
    pub fn make_token(&mut self, life: Duration) -> String {
        self.made += 1;
        let now = OffsetDateTime::now_utc().unix_timestamp();
        let claims = json!({ "iat": now, "exp": now + life.whole_seconds(), "jti": self.made });
        format!("e30.{}.c2ln", URL_SAFE_NO_PAD.encode(claims.to_string()))
    }
}
