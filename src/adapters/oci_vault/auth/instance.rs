//! Instance principals: the certificate of an instance, changed for a token.
//!
//! Responsible for the instance's metadata service and for the federation call. Key and
//! certificate are fetched anew at each sign-in. Source: the SDKs' "instance principals security
//! token signer" and Oracle's page "Calling Services from an Instance".

use std::sync::{Arc, OnceLock};
use std::time::Duration;

use serde::{Deserialize, Serialize};
use time::OffsetDateTime;
use url::Url;

use super::environment::Environment;
use super::pem::{self, Certificate};
use super::{Credentials, jwt};
use crate::adapters::http::{
    Expiring, HeaderMap, HeaderName, HeaderValue, Method, Response, Transport,
};
use crate::adapters::oci_vault::region::{Place, site};
use crate::adapters::sign::http_signature::{Body, Signable, SigningKey, sign};
use crate::domain::material::Secret;

const METADATA: &str = "http://169.254.169.254/opc/v2";
const METADATA_VARIABLE: &str = "OCI_METADATA_BASE_URL";
/// The service is slow to answer just after an instance started.
const ATTEMPTS: u32 = 3;
const PAUSE: Duration = Duration::from_millis(500);
const JSON: &str = "application/json";

/// The instance we run on.
#[derive(Debug)]
pub(super) struct Instance {
    metadata: String,
    endpoint: Option<Url>,
    region: OnceLock<String>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Federation {
    certificate: String,
    public_key: String,
    intermediate_certificates: Vec<String>,
}

#[derive(Deserialize)]
struct Token {
    token: String,
}

impl Instance {
    pub(super) fn new(endpoint: Option<Url>, environment: &Environment) -> Self {
        let metadata = environment.get(METADATA_VARIABLE).unwrap_or_else(|| METADATA.to_owned());
        let metadata = metadata.trim_end_matches('/').to_owned();
        Self { metadata, endpoint, region: OnceLock::new() }
    }

    /// The region the instance is in, perhaps as a short code.
    pub(super) async fn region(&self, direct: &Transport) -> Result<String, String> {
        if let Some(region) = self.region.get() {
            return Ok(region.clone());
        }
        let region = self.text(direct, "instance/region").await?.trim().to_lowercase();
        Ok(self.region.get_or_init(|| region).clone())
    }

    pub(super) async fn sign_in(
        &self,
        direct: &Transport,
        transport: &Transport,
    ) -> Result<Expiring<Credentials>, String> {
        let certificate = self.certificate(direct, "identity/cert.pem").await?;
        let intermediate = self.certificate(direct, "identity/intermediate.pem").await?;
        let key = self.get(direct, "identity/key.pem").await?;
        let key = pem::private_key(&key, None)
            .map_err(|why| format!("the instance's key is not usable: {why}"))?;
        let tenancy = certificate
            .tenancy()
            .ok_or("the instance's certificate names no tenancy (opc-tenant)")?;
        let key_id = format!("{tenancy}/fed-x509/{}", certificate.fingerprint());
        let session = session_key().await?;
        let body = Federation {
            certificate: certificate.base64,
            public_key: super::workload::base64_public(&session)?,
            intermediate_certificates: vec![intermediate.base64],
        };
        let url = self.federation_url(direct).await?;
        let token = federate(transport, url, &body, &key_id, &key).await?;
        let lifetime = jwt::lifetime(&token, OffsetDateTime::now_utc());
        Ok(Expiring { value: Credentials::of_token(&token, session), lifetime })
    }

    async fn federation_url(&self, direct: &Transport) -> Result<Url, String> {
        let base = match &self.endpoint {
            Some(url) => url.as_str().trim_end_matches('/').to_owned(),
            None => {
                let region = self.region(direct).await?;
                let place = Place { region: Some(&region), ..Place::default() };
                site(&place).ok_or("the instance's region is not known")?.federation()
            }
        };
        Url::parse(&format!("{base}/v1/x509"))
            .map_err(|error| format!("the address of the federation service: {error}"))
    }

    async fn certificate(&self, direct: &Transport, path: &str) -> Result<Certificate, String> {
        Certificate::parse(&self.text(direct, path).await?)
            .ok_or_else(|| format!("the metadata service gave no certificate for {path}"))
    }

    async fn text(&self, direct: &Transport, path: &str) -> Result<String, String> {
        let value = self.get(direct, path).await?;
        value
            .expose_text()
            .map(str::to_owned)
            .map_err(|_| format!("the metadata service gave no text for {path}"))
    }

    async fn get(&self, direct: &Transport, path: &str) -> Result<Secret, String> {
        let url = Url::parse(&format!("{}/{path}", self.metadata))
            .map_err(|error| format!("{METADATA_VARIABLE} is not an address: {error}"))?;
        let mut problem = String::new();
        for attempt in 0..ATTEMPTS {
            if attempt > 0 {
                tokio::time::sleep(PAUSE).await;
            }
            let mut headers = HeaderMap::new();
            let name = HeaderName::from_static("authorization");
            headers.insert(name, HeaderValue::from_static("Bearer Oracle"));
            match direct.send(Method::GET, url.clone(), headers, None).await {
                Ok(answer) if answer.is_success() => return Ok(answer.body),
                Ok(answer) => problem = format!("status {}", answer.status),
                Err(error) => problem = error.to_string(),
            }
        }
        Err(format!(
            "the metadata service of the instance does not answer ({path}: {problem}). Is this an \
             instance in Oracle Cloud?"
        ))
    }
}

/// A new key, made where it does not hold others up.
pub(super) async fn session_key() -> Result<SigningKey, String> {
    tokio::task::spawn_blocking(SigningKey::generate)
        .await
        .ok()
        .and_then(Result::ok)
        .ok_or_else(|| "no session key could be made".to_owned())
}

async fn federate(
    transport: &Transport,
    url: Url,
    body: &Federation,
    key_id: &str,
    key: &SigningKey,
) -> Result<String, String> {
    let body = serde_json::to_vec(body).unwrap_or_else(|_| unreachable!("texts have a JSON form"));
    let request = Signable {
        method: "POST",
        target: url.path(),
        host: None,
        body: Some(Body { bytes: &body, content_type: JSON }),
        now: OffsetDateTime::now_utc(),
    };
    let mut headers = HeaderMap::new();
    let signed = sign(&request, key_id, key).map_err(|error| error.to_string())?;
    for (name, value) in signed {
        let value = HeaderValue::from_str(&value)
            .map_err(|_| "the tenancy in the certificate is not an OCID".to_owned())?;
        headers.insert(HeaderName::from_static(name), value);
    }
    let body = Some(Arc::new(Secret::new(body)));
    let answer = transport
        .send(Method::POST, url, headers, body)
        .await
        .map_err(|error| format!("the federation service gave no answer: {error}"))?;
    token(&answer).ok_or_else(|| {
        format!(
            "the federation service refused the instance's certificate (status {}, request id {})",
            answer.status,
            answer.header("opc-request-id").unwrap_or("none")
        )
    })
}

fn token(answer: &Response) -> Option<String> {
    answer.try_json::<Token>().filter(|_| answer.is_success()).map(|answer| answer.token)
}
