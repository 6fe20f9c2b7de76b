//! Resource principals, version 2.2: what functions and other resources are given.
//!
//! Responsible for the variables `OCI_RESOURCE_PRINCIPAL_…`, each of which holds its content or
//! the absolute path of a file that is read anew at each sign-in. Source: the SDKs' "ephemeral
//! resource principals signer".

use std::path::Path;

use time::OffsetDateTime;

use super::environment::Environment;
use super::{Credentials, jwt, pem};
use crate::adapters::http::Expiring;
use crate::domain::material::Secret;

const VERSION: &str = "OCI_RESOURCE_PRINCIPAL_VERSION";
const TOKEN: &str = "OCI_RESOURCE_PRINCIPAL_RPST";
const KEY: &str = "OCI_RESOURCE_PRINCIPAL_PRIVATE_PEM";
const PASSPHRASE: &str = "OCI_RESOURCE_PRINCIPAL_PRIVATE_PEM_PASSPHRASE";
pub(super) const REGION: &str = "OCI_RESOURCE_PRINCIPAL_REGION";

/// A resource principal.
#[derive(Debug)]
pub(super) struct Resource {
    pub region: Option<String>,
}

impl Resource {
    pub(super) fn find(environment: &Environment) -> Result<Self, String> {
        match environment.get(VERSION).as_deref() {
            Some("2.2") => Ok(Self { region: environment.get(REGION) }),
            Some(other) => Err(format!(
                "{VERSION} is {other:?}; resource principals of version 2.2 are supported"
            )),
            None => Err(format!(
                "{VERSION} is not set: this does not run where Oracle Cloud gives a resource \
                 principal"
            )),
        }
    }

    pub(super) fn open(&self, environment: &Environment) -> Result<Expiring<Credentials>, String> {
        let token = value(environment, TOKEN)?.ok_or_else(|| format!("{TOKEN} is not set"))?;
        let key = value(environment, KEY)?.ok_or_else(|| format!("{KEY} is not set"))?;
        let passphrase = value(environment, PASSPHRASE)?;
        let key = pem::private_key(&key, passphrase.as_ref())
            .map_err(|why| format!("the key in {KEY} is not usable: {why}"))?;
        let token = token.expose_text().map_err(|_| format!("{TOKEN} is not text"))?.trim();
        let lifetime = jwt::lifetime(token, OffsetDateTime::now_utc());
        Ok(Expiring { value: Credentials::of_token(token, key), lifetime })
    }
}

/// The content of a variable, or of the file that it names.
fn value(environment: &Environment, name: &str) -> Result<Option<Secret>, String> {
    match environment.get(name) {
        Some(path) if Path::new(&path).is_absolute() => environment.read(name, &path).map(Some),
        Some(text) => Ok(Some(Secret::new(text.into_bytes()))),
        None => Ok(None),
    }
}
