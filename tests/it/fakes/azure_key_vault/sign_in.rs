//! Tokens: the sign-in service, the managed identity, and what a request without one is told.

use std::collections::{BTreeMap, BTreeSet};

use aws_lc_rs::signature::{RSA_PKCS1_2048_8192_SHA256, UnparsedPublicKey};
use axum::http::StatusCode;
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::{Value, json};

use super::TENANT;

/// Seconds that a statement may be ahead of the service.
const TOLERATED: i64 = 300;

type Permissions = BTreeSet<String>;

/// What a request without a token is told.
#[derive(Debug, Clone)]
pub enum Challenge {
    /// The documented header, about this resource.
    Resource(String),
    /// A header of another form.
    Header(String),
    /// No header.
    Missing,
}

impl Default for Challenge {
    fn default() -> Self {
        Self::Resource("https://vault.azure.net".to_owned())
    }
}

impl Challenge {
    pub(super) fn header(&self) -> Option<String> {
        match self {
            Self::Resource(resource) => Some(format!(
                "Bearer authorization=\"https://login.windows.net/{TENANT}\", resource=\"{resource}\""
            )),
            Self::Header(header) => Some(header.clone()),
            Self::Missing => None,
        }
    }
}

#[derive(Debug)]
enum Proof {
    Secret(String),
    Federated(String),
    Certificate { thumbprint: String, key: Vec<u8> },
}

#[derive(Debug)]
struct Application {
    proof: Proof,
    permissions: Permissions,
}

#[derive(Debug)]
struct Token {
    permissions: Permissions,
    client_id: Option<String>,
    until: i64,
}

/// Who there is and which tokens are good.
#[derive(Debug, Default)]
pub(super) struct Directory {
    applications: BTreeMap<String, Application>,
    managed: Option<(String, Permissions)>,
    tokens: BTreeMap<String, Token>,
}

impl Directory {
    pub(super) fn issue(&mut self, permissions: &Permissions, until: i64) -> String {
        self.issue_to(None, permissions, until)
    }

    fn issue_to(&mut self, client: Option<&str>, permissions: &Permissions, until: i64) -> String {
        let text = format!("tok-{}", uuid::Uuid::new_v4().simple());
        let client_id = client.map(str::to_owned);
        let token = Token { permissions: permissions.clone(), client_id, until };
        self.tokens.insert(text.clone(), token);
        text
    }

    pub(super) fn add_secret(&mut self, id: &str, secret: &str, permissions: Permissions) {
        let proof = Proof::Secret(secret.to_owned());
        self.applications.insert(id.to_owned(), Application { proof, permissions });
    }

    pub(super) fn add_federated(&mut self, id: &str, token: &str, permissions: Permissions) {
        let proof = Proof::Federated(token.to_owned());
        self.applications.insert(id.to_owned(), Application { proof, permissions });
    }

    pub(super) fn add_certificate(
        &mut self,
        id: &str,
        thumbprint: &str,
        key: Vec<u8>,
        permissions: Permissions,
    ) {
        let proof = Proof::Certificate { thumbprint: thumbprint.to_owned(), key };
        self.applications.insert(id.to_owned(), Application { proof, permissions });
    }

    pub(super) fn set_managed(&mut self, header: &str, permissions: Permissions) {
        self.managed = Some((header.to_owned(), permissions));
    }

    pub(super) fn grant(&mut self, client_id: &str, permissions: &Permissions) {
        if let Some(application) = self.applications.get_mut(client_id) {
            application.permissions.clone_from(permissions);
        }
        for token in self.tokens.values_mut() {
            if token.client_id.as_deref() == Some(client_id) {
                token.permissions.clone_from(permissions);
            }
        }
    }

    pub(super) fn revoke(&mut self) {
        self.tokens.clear();
    }

    /// What the bearer of a token may do.
    pub(super) fn permissions(&self, token: &str, now: i64) -> Option<Permissions> {
        let token = self.tokens.get(token).filter(|token| token.until > now)?;
        Some(token.permissions.clone())
    }

    /// `POST /{tenant}/oauth2/v2.0/token`.
    pub(super) fn sign_in(&mut self, tenant: &str, form: &[u8], now: i64) -> (StatusCode, Value) {
        let form: BTreeMap<String, String> =
            url::form_urlencoded::parse(form).into_owned().collect();
        let text = |name: &str| form.get(name).map(String::as_str).unwrap_or_default();
        let refused = |number: u32, message: &str| {
            let body = json!({
                "error": "invalid_client",
                "error_description": format!("AADSTS{number}: {message}\r\nTrace ID: 0\r\n"),
                "error_codes": [number],
            });
            (StatusCode::UNAUTHORIZED, body)
        };
        if tenant != TENANT {
            return refused(90002, &format!("Tenant '{tenant}' not found."));
        }
        if text("grant_type") != "client_credentials" || !text("scope").ends_with("/.default") {
            return refused(900144, "The request body must contain the parameters.");
        }
        let client_id = text("client_id").to_owned();
        let Some(application) = self.applications.get(&client_id) else {
            return refused(700016, "Application was not found in the directory.");
        };
        let proven = match &application.proof {
            Proof::Secret(secret) => text("client_secret") == secret,
            Proof::Federated(token) => text("client_assertion") == token,
            Proof::Certificate { thumbprint, key } => {
                is_signed(text("client_assertion"), &client_id, thumbprint, key)
            }
        };
        let time = assertion_time(text("client_assertion"));
        if proven && time.is_some_and(|(from, until)| now + TOLERATED < from || until <= now) {
            let (from, until) = time.unwrap_or_default();
            return refused(
                700_024,
                &format!(
                    "Client assertion is not within its valid time range. Current time: {}, \
                     assertion valid from {}, expiry time of assertion {}.",
                    told(now),
                    told(from),
                    told(until)
                ),
            );
        }
        if !proven {
            return refused(7000215, "Invalid client secret provided.");
        }
        let permissions = application.permissions.clone();
        let token = self.issue_to(Some(&client_id), &permissions, now + 3599);
        let body = json!({
            "token_type": "Bearer", "expires_in": 3599, "ext_expires_in": 3599,
            "access_token": token,
        });
        (StatusCode::OK, body)
    }

    /// `GET /msi/token`, as an App Service has it.
    pub(super) fn managed_token(
        &mut self,
        header: &str,
        resource: &str,
        now: i64,
    ) -> (StatusCode, Value) {
        let Some((expected, permissions)) = self.managed.clone() else {
            return (StatusCode::NOT_FOUND, json!({ "error": "no identity" }));
        };
        if header != expected {
            return (StatusCode::BAD_REQUEST, json!({ "error": "wrong header" }));
        }
        let token = self.issue(&permissions, now + 86_400);
        let body = json!({
            "access_token": token, "expires_on": (now + 86_400).to_string(),
            "expires_in": "86400", "resource": resource, "token_type": "Bearer",
        });
        (StatusCode::OK, body)
    }
}

/// From when to when a statement is good; none for what is not signed here.
fn assertion_time(statement: &str) -> Option<(i64, i64)> {
    let claims = URL_SAFE_NO_PAD.decode(statement.split('.').nth(1)?).ok()?;
    let claims: Value = serde_json::from_slice(&claims).ok()?;
    Some((claims["nbf"].as_i64()?, claims["exp"].as_i64()?))
}

/// A time as the service writes it.
fn told(time: i64) -> String {
    let time =
        time::OffsetDateTime::from_unix_timestamp(time).unwrap_or(time::OffsetDateTime::UNIX_EPOCH);
    let format =
        time::macros::format_description!("[year]-[month]-[day]T[hour]:[minute]:[second]Z");
    time.format(&format).unwrap_or_default()
}

/// Checks a statement as the sign-in service does: signed by the key of the certificate that it
/// names, about this application.
fn is_signed(statement: &str, client_id: &str, thumbprint: &str, key: &[u8]) -> bool {
    let parts: Vec<_> = statement.split('.').collect();
    let [header, claims, signature] = parts[..] else { return false };
    let json = |part: &str| -> Option<Value> {
        serde_json::from_slice(&URL_SAFE_NO_PAD.decode(part).ok()?).ok()
    };
    let (Some(told), Some(said)) = (json(header), json(claims)) else { return false };
    let Ok(signature) = URL_SAFE_NO_PAD.decode(signature) else { return false };
    let audience = format!("https://login.microsoftonline.com/{TENANT}/oauth2/v2.0/token");
    let signed = format!("{header}.{claims}");
    told["alg"] == "RS256"
        && told["x5t"] == thumbprint
        && said["iss"] == client_id
        && said["sub"] == client_id
        && said["aud"] == audience
        && said["nbf"].is_i64()
        && said["exp"].is_i64()
        && UnparsedPublicKey::new(&RSA_PKCS1_2048_8192_SHA256, key)
            .verify(signed.as_bytes(), &signature)
            .is_ok()
}

/// `GET /{tenant}/v2.0/.well-known/openid-configuration`.
pub(super) fn openid_configuration(host: &str, tenant: &str) -> Value {
    json!({
        "token_endpoint": format!("https://{host}/{tenant}/oauth2/v2.0/token"),
        "authorization_endpoint": format!("https://{host}/{tenant}/oauth2/v2.0/authorize"),
        "issuer": format!("https://{host}/{tenant}/v2.0"),
    })
}
