//! Which sign-in a profile means.
//!
//! Responsible for choosing among the methods, for putting together what the profile and the
//! configuration file say, and for the two methods that need nothing but files: API keys and
//! session tokens. Never asks an instance's metadata service unless the profile says so.

use std::sync::Arc;

use time::OffsetDateTime;

use super::config_file::{self, Profile};
use super::environment::Environment;
use super::instance::Instance;
use super::resource::Resource;
use super::workload::Workload;
use super::{Credentials, jwt, pem};
use crate::adapters::http::Expiring;
use crate::adapters::oci_vault::config::{Method, SignIn};
use crate::domain::material::Secret;

/// Where credentials come from.
#[derive(Debug)]
pub(super) enum Source {
    /// A user's API key.
    Key(ApiKey),
    /// A session token and its key, in files.
    Token(SessionToken),
    /// What a function or another resource is given.
    Resource(Resource),
    /// The certificate of an instance.
    Instance(Instance),
    /// The service account of a pod.
    Workload(Workload),
}

impl Source {
    /// Whether another sign-in can give something else.
    pub(super) const fn expires(&self) -> bool {
        !matches!(self, Self::Key(_))
    }

    /// What to do when it is not accepted although it was made anew, where that is not to look at
    /// the parts of a user's key.
    pub(super) const fn unaccepted(&self) -> Option<&'static str> {
        match self {
            Self::Key(_) => None,
            Self::Token(_) => Some(
                "the session was ended, or its token belongs to another key; run `oci session \
                 authenticate` (or `refresh`)",
            ),
            Self::Resource(_) | Self::Instance(_) | Self::Workload(_) => Some(
                "a new token was refused as well; check that the instance, function or pod still \
                 exists and is where its token says",
            ),
        }
    }

    /// The region it is for, as far as it is known without asking.
    pub(super) fn region(&self) -> Option<String> {
        match self {
            Self::Key(key) => key.region.clone(),
            Self::Token(token) => token.region.clone(),
            Self::Resource(resource) => resource.region.clone(),
            Self::Workload(workload) => workload.region.clone(),
            Self::Instance(_) => None,
        }
    }
}

/// Where a private key is.
#[derive(Debug, Clone)]
enum KeyAt {
    Text(Arc<Secret>),
    File(String),
}

/// A private key and what opens it.
#[derive(Debug, Clone)]
struct Key {
    at: KeyAt,
    passphrase: Option<Arc<Secret>>,
}

impl Key {
    fn open(
        &self,
        environment: &Environment,
    ) -> Result<crate::adapters::sign::http_signature::SigningKey, String> {
        let passphrase = self.passphrase.as_deref();
        match &self.at {
            KeyAt::Text(text) => pem::private_key(text, passphrase)
                .map_err(|why| format!("private_key is not usable: {why}")),
            KeyAt::File(path) => {
                let text = environment.read("the private key", path)?;
                pem::private_key(&text, passphrase)
                    .map_err(|why| format!("the private key {path} is not usable: {why}"))
            }
        }
    }
}

/// A user's API key.
#[derive(Debug)]
pub(super) struct ApiKey {
    key_id: String,
    key: Key,
    region: Option<String>,
}

impl ApiKey {
    pub(super) fn open(&self, environment: &Environment) -> Result<Expiring<Credentials>, String> {
        let key = self.key.open(environment)?;
        Ok(Expiring { value: Credentials::new(self.key_id.clone(), key), lifetime: None })
    }
}

/// A session token, as `oci session authenticate` leaves it.
#[derive(Debug)]
pub(super) struct SessionToken {
    file: String,
    key: Key,
    region: Option<String>,
}

impl SessionToken {
    /// Read anew each time: `oci session refresh` writes a new one.
    pub(super) fn open(&self, environment: &Environment) -> Result<Expiring<Credentials>, String> {
        let token = environment.read("the session token", &self.file)?;
        let token = token.expose_text().map_err(|_| "the session token is not text".to_owned())?;
        let token = token.trim();
        let lifetime = jwt::lifetime(token, OffsetDateTime::now_utc());
        if lifetime.is_some_and(|left| left.is_zero()) {
            return Err(format!(
                "the session token in {} has ended; run `oci session authenticate` (or `refresh`)",
                self.file
            ));
        }
        let key = self.key.open(environment)?;
        Ok(Expiring { value: Credentials::of_token(token, key), lifetime })
    }
}

/// The sign-in that a profile means: what it says, else what the configuration file says, else
/// what the platform gives to a function.
pub(super) fn choose(sign_in: &SignIn, environment: &Environment) -> Result<Source, String> {
    match sign_in.method {
        Some(Method::InstancePrincipal) => return Ok(instance(sign_in, environment)),
        Some(Method::ResourcePrincipal) => {
            return Resource::find(environment).map(Source::Resource);
        }
        Some(Method::WorkloadIdentity) => {
            return Workload::find(sign_in, environment).map(Source::Workload);
        }
        Some(Method::ApiKey | Method::SecurityToken) | None => {}
    }
    let file = config_file::find(
        environment,
        sign_in.config_file.as_deref(),
        sign_in.config_profile.as_deref(),
    )?;
    let nothing_said = sign_in.method.is_none() && !sign_in.names_user();
    if nothing_said {
        match file.as_ref().and_then(|file| file.get("authentication_type")) {
            Some("instance_principal") => return Ok(instance(sign_in, environment)),
            Some("resource_principal") => {
                return Resource::find(environment).map(Source::Resource);
            }
            Some(other) => {
                return Err(format!(
                    "the configuration file says authentication_type = {other:?}, which is not \
                     supported"
                ));
            }
            None => {}
        }
        if file.is_none() {
            return if environment.get("OCI_RESOURCE_PRINCIPAL_VERSION").is_some() {
                Resource::find(environment).map(Source::Resource)
            } else {
                Err(NOTHING.to_owned())
            };
        }
    }
    from_user(sign_in, environment, &file.unwrap_or_default())
}

const NOTHING: &str = "nothing says who signs in. Set tenancy_id, user_id, fingerprint and \
                       private_key_path (or private_key), or keep them in ~/.oci/config, or set \
                       auth to \"instance_principal\", \"resource_principal\" or \
                       \"oke_workload_identity\"";

/// A user's API key or session token.
fn from_user(
    sign_in: &SignIn,
    environment: &Environment,
    file: &Profile,
) -> Result<Source, String> {
    let either = |given: &Option<String>, key: &str| {
        given.clone().or_else(|| file.get(key).map(str::to_owned))
    };
    let region =
        environment.get("OCI_CLI_REGION").or_else(|| file.get("region").map(str::to_owned));
    let token_file = either(&sign_in.security_token_file, "security_token_file");
    let by_token = match sign_in.method {
        Some(Method::SecurityToken) => true,
        Some(_) => false,
        None => token_file.is_some() && !sign_in.names_user(),
    };
    let passphrase =
        sign_in.passphrase.clone().or_else(|| file.secret("pass_phrase").map(Arc::new));
    let at = match &sign_in.private_key {
        Some(text) => Some(KeyAt::Text(Arc::clone(text))),
        None => either(&sign_in.private_key_path, "key_file").map(KeyAt::File),
    };
    let at = at.ok_or_else(|| missing("private_key_path (or private_key)", "key_file"))?;
    let key = Key { at, passphrase };
    if by_token {
        let file =
            token_file.ok_or_else(|| missing("security_token_file", "security_token_file"))?;
        return Ok(Source::Token(SessionToken { file, key, region }));
    }
    let need = |given: &Option<String>, argument: &str, key: &str| {
        either(given, key).ok_or_else(|| missing(argument, key))
    };
    let tenancy = need(&sign_in.tenancy_id, "tenancy_id", "tenancy")?;
    let user = need(&sign_in.user_id, "user_id", "user")?;
    let fingerprint = need(&sign_in.fingerprint, "fingerprint", "fingerprint")?.to_lowercase();
    let key_id = format!("{tenancy}/{user}/{fingerprint}");
    Ok(Source::Key(ApiKey { key_id, key, region }))
}

fn missing(argument: &str, key: &str) -> String {
    format!("{argument} is not set, neither in the profile nor as {key} in the configuration file")
}

fn instance(sign_in: &SignIn, environment: &Environment) -> Source {
    Source::Instance(Instance::new(sign_in.auth_endpoint.clone(), environment))
}
