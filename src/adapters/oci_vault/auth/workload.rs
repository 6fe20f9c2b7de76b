//! Workload identity of Kubernetes pods (OKE, enhanced clusters).
//!
//! Responsible for changing the service account's token for a session token at the cluster's
//! proxymux service, whose certificate the cluster's own authority signs. Source: the SDKs' "OKE
//! workload identity resource principal signer".

use std::sync::Arc;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde::Deserialize;
use time::OffsetDateTime;
use url::Url;

use super::environment::Environment;
use super::instance::session_key;
use super::{Credentials, jwt, resource};
use crate::adapters::http::{
    Expiring, HeaderMap, HeaderName, HeaderValue, Method, Response, Transport,
};
use crate::adapters::oci_vault::config::SignIn;
use crate::adapters::sign::http_signature::SigningKey;
use crate::domain::material::Secret;

const HOST: &str = "KUBERNETES_SERVICE_HOST";
const PORT: u16 = 12250;
const CA_VARIABLE: &str = "OCI_KUBERNETES_SERVICE_ACCOUNT_CERT_PATH";
const CA: &str = "/var/run/secrets/kubernetes.io/serviceaccount/ca.crt";
const TOKEN: &str = "/var/run/secrets/kubernetes.io/serviceaccount/token";

/// The pod we run in.
#[derive(Debug)]
pub(super) struct Workload {
    url: Url,
    ca: String,
    token_file: String,
    pub region: Option<String>,
}

#[derive(Deserialize)]
struct Inner {
    token: String,
}

impl Workload {
    pub(super) fn find(sign_in: &SignIn, environment: &Environment) -> Result<Self, String> {
        let base = match (&sign_in.auth_endpoint, environment.get(HOST)) {
            (Some(url), _) => url.as_str().trim_end_matches('/').to_owned(),
            (None, Some(host)) => format!("https://{host}:{PORT}"),
            (None, None) => return Err(format!("{HOST} is not set: this is no pod")),
        };
        let url = Url::parse(&format!("{base}/resourcePrincipalSessionTokens"))
            .map_err(|error| format!("the address of the cluster's token service: {error}"))?;
        Ok(Self {
            url,
            ca: environment.get(CA_VARIABLE).unwrap_or_else(|| CA.to_owned()),
            token_file: sign_in.security_token_file.clone().unwrap_or_else(|| TOKEN.to_owned()),
            region: environment.get(resource::REGION),
        })
    }

    pub(super) async fn sign_in(
        &self,
        environment: &Environment,
        direct: &Transport,
    ) -> Result<Expiring<Credentials>, String> {
        let session = session_key().await?;
        let account = environment.read("the service account's token", &self.token_file)?;
        let answer = self.ask(environment, direct, &account, &session).await?;
        let token = token(&answer).ok_or_else(|| match answer.status {
            403 => {
                "the cluster's token service refuses; is the cluster an enhanced one?".to_owned()
            }
            status => format!("the cluster's token service gave no token (status {status})"),
        })?;
        let lifetime = jwt::half_lifetime(&token, OffsetDateTime::now_utc());
        Ok(Expiring { value: Credentials::of_token(&token, session), lifetime })
    }

    async fn ask(
        &self,
        environment: &Environment,
        direct: &Transport,
        account: &Secret,
        session: &SigningKey,
    ) -> Result<Response, String> {
        let unusable = || "the service account's token is not usable".to_owned();
        let account = account.expose_text().map_err(|_| unusable())?.trim();
        let mut bearer =
            HeaderValue::from_str(&format!("Bearer {account}")).map_err(|_| unusable())?;
        bearer.set_sensitive(true);
        let mut headers = HeaderMap::new();
        headers.insert(HeaderName::from_static("authorization"), bearer);
        let json = HeaderValue::from_static("application/json");
        headers.insert(HeaderName::from_static("content-type"), json);
        let body = format!("{{\"podKey\":\"{}\"}}", base64_public(session)?);
        let mut settings = direct.settings().clone();
        if environment.has_file(&self.ca) {
            settings = settings.with_ca_bundle(&self.ca);
        }
        Transport::new(settings)
            .send(Method::POST, self.url.clone(), headers, Some(Arc::new(body.as_str().into())))
            .await
            .map_err(|error| format!("the cluster's token service gave no answer: {error}"))
    }
}

/// The public half of a key, as token services take it.
pub(super) fn base64_public(key: &SigningKey) -> Result<String, String> {
    key.public_der().map(|der| STANDARD.encode(der)).map_err(|error| error.to_string())
}

/// The answer is a JSON text of base64 of `{"token":"ST$…"}`.
fn token(answer: &Response) -> Option<String> {
    let text: String = answer.try_json().filter(|_| answer.is_success())?;
    let inner: Inner = serde_json::from_slice(&STANDARD.decode(text).ok()?).ok()?;
    inner.token.strip_prefix("ST$").map(str::to_owned)
}
