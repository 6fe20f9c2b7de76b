//! The services of Oracle Cloud, one method per call that is made.
//!
//! Responsible for addresses, signatures and the shape of requests and answers. Every call is one
//! operation of the service; a write is made conditional on the etag where the service knows one.
//! Leaves what to do about a refusal to [`backend`](super::backend).

use std::fmt;
use std::sync::Arc;

use async_trait::async_trait;
use serde::Serialize;
use time::OffsetDateTime;
use tokio::sync::OnceCell;
use url::{Position, Url};

use super::auth::{Environment, Identity};
use super::config::{Addresses, SignIn};
use super::error;
use super::region::{Place, site};
use super::wire::{Bundle, Secret, Vault, Version};
use crate::adapters::http::{
    Api, Client, HeaderName, HeaderValue, HttpSettings, Method, Outgoing, Repeat, Request,
    Response, Transport,
};
use crate::adapters::sign::http_signature::{Body, Signable, sign};
use crate::domain::port::{BackendError, ErrorKind};

const MANAGEMENT: &str = "20180608";
const RETRIEVAL: &str = "20190301";
/// Secrets or versions asked for per page.
const PAGE: &str = "100";
const JSON: &str = "application/json";

/// The services of a profile.
#[derive(Debug)]
pub(super) struct Connection {
    client: Client,
    identity: Arc<Identity>,
    addresses: Addresses,
    vault_id: String,
    bases: OnceCell<Bases>,
}

#[derive(Debug)]
struct Bases {
    management: Url,
    retrieval: Url,
    key_management: Url,
}

/// A secret as it was seen, with what makes a write conditional on it.
#[derive(Debug, Clone)]
pub(super) struct Seen {
    pub secret: Secret,
    pub etag: Option<String>,
}

/// Which version's content is meant.
#[derive(Debug, Clone, Copy)]
pub(super) enum Selector {
    Stage(&'static str),
    Number(u64),
}

/// A step of an action on a secret or version.
#[derive(Debug)]
pub(super) struct Action<'a> {
    pub operation: &'static str,
    pub id: &'a str,
    /// The version it is about, if it is about one.
    pub version: Option<u64>,
    pub verb: &'static str,
    pub etag: Option<&'a str>,
    /// Makes a repetition safe, where the service knows such a thing.
    pub token: Option<String>,
}

impl Connection {
    pub(super) fn new(
        http: HttpSettings,
        addresses: Addresses,
        sign_in: SignIn,
        vault_id: String,
        environment: Environment,
    ) -> Self {
        let transport = Transport::new(http);
        let identity = Arc::new(Identity::new(sign_in, environment, transport.clone()));
        let client = Client::over(transport, Arc::new(Signed { identity: Arc::clone(&identity) }));
        Self { client, identity, addresses, vault_id, bases: OnceCell::new() }
    }

    /// One secret, with all that is known of it but values.
    pub(super) async fn secret(
        &self,
        operation: &'static str,
        id: &str,
    ) -> Result<Seen, BackendError> {
        let url = self.management(operation, &["secrets", id]).await?;
        seen(operation, &self.client.send(&Request::get(operation, url)).await?)
    }

    /// A page of the vault's secrets in a compartment, perhaps only those of a name.
    pub(super) async fn secrets(
        &self,
        operation: &'static str,
        compartment: &str,
        name: Option<&str>,
        page: Option<&str>,
    ) -> Result<(Vec<Secret>, Option<String>), BackendError> {
        let mut url = self.management(operation, &["secrets"]).await?;
        {
            let mut query = url.query_pairs_mut();
            query.append_pair("compartmentId", compartment);
            query.append_pair("vaultId", &self.vault_id);
            query.append_pair("limit", PAGE);
            if let Some(name) = name {
                query.append_pair("name", name);
            }
            if let Some(page) = page {
                query.append_pair("page", page);
            }
        }
        let answer = self.client.send(&Request::get(operation, plus_is_space(url))).await?;
        Ok((answer.json(operation)?, next_page(&answer)))
    }

    /// All versions, newest first.
    pub(super) async fn versions(
        &self,
        operation: &'static str,
        id: &str,
    ) -> Result<Vec<Version>, BackendError> {
        let base = self.management(operation, &["secrets", id, "versions"]).await?;
        let mut versions = Vec::new();
        let mut page: Option<String> = None;
        loop {
            let mut url = base.clone();
            url.query_pairs_mut().append_pair("limit", PAGE);
            if let Some(page) = &page {
                url.query_pairs_mut().append_pair("page", page);
            }
            let answer = self.client.send(&Request::get(operation, plus_is_space(url))).await?;
            versions.extend(answer.json::<Vec<Version>>(operation)?);
            page = next_page(&answer);
            if page.is_none() {
                return Ok(versions);
            }
        }
    }

    /// Creates a secret. The token makes the service answer a repetition with the first result.
    pub(super) async fn create(
        &self,
        operation: &'static str,
        body: &impl Serialize,
        token: &str,
    ) -> Result<Seen, BackendError> {
        let url = self.management(operation, &["secrets"]).await?;
        let request = Request::new(operation, Method::POST, url, Repeat::IfNotApplied)
            .header(HeaderName::from_static("opc-retry-token"), value(operation, token)?)
            .json(body)?;
        seen(operation, &self.client.send(&request).await?)
    }

    /// Changes a secret that is as it was seen.
    pub(super) async fn update(
        &self,
        operation: &'static str,
        id: &str,
        etag: Option<&str>,
        body: &impl Serialize,
    ) -> Result<Seen, BackendError> {
        let url = self.management(operation, &["secrets", id]).await?;
        let request = Request::new(operation, Method::PUT, url, Repeat::IfNotApplied).json(body)?;
        let request = conditional(operation, request, etag)?;
        seen(operation, &self.client.send(&request).await?)
    }

    /// Makes an action happen; the service answers before it has.
    pub(super) async fn act<B: Serialize + Sync>(
        &self,
        action: &Action<'_>,
        body: Option<&B>,
    ) -> Result<(), BackendError> {
        let operation = action.operation;
        let number = action.version.map(|number| number.to_string());
        let mut path = vec!["secrets", action.id];
        path.extend(number.iter().flat_map(|number| ["version", number.as_str()]));
        path.extend(["actions", action.verb]);
        let url = self.management(operation, &path).await?;
        let mut request = Request::new(operation, Method::POST, url, Repeat::IfNotApplied);
        if let Some(token) = &action.token {
            let token = value(operation, token)?;
            request = request.header(HeaderName::from_static("opc-retry-token"), token);
        }
        if let Some(body) = body {
            request = request.json(body)?;
        }
        let request = conditional(operation, request, action.etag)?;
        self.client.send(&request).await.map(drop)
    }

    /// A version's content.
    pub(super) async fn bundle(
        &self,
        operation: &'static str,
        id: &str,
        selector: Selector,
    ) -> Result<Bundle, BackendError> {
        let base = &self.bases(operation).await?.retrieval;
        let mut url = at(base, RETRIEVAL, &["secretbundles", id]);
        let (key, value) = match selector {
            Selector::Stage(stage) => ("stage", stage.to_owned()),
            Selector::Number(number) => ("versionNumber", number.to_string()),
        };
        url.query_pairs_mut().append_pair(key, &value);
        self.client.send(&Request::get(operation, url)).await?.json(operation)
    }

    /// The vault itself.
    pub(super) async fn vault(&self, operation: &'static str) -> Result<Vault, BackendError> {
        let base = &self.bases(operation).await?.key_management;
        let url = at(base, MANAGEMENT, &["vaults", &self.vault_id]);
        self.client.send(&Request::get(operation, url)).await?.json(operation)
    }

    async fn management(
        &self,
        operation: &'static str,
        path: &[&str],
    ) -> Result<Url, BackendError> {
        Ok(at(&self.bases(operation).await?.management, MANAGEMENT, path))
    }

    async fn bases(&self, operation: &'static str) -> Result<&Bases, BackendError> {
        self.bases.get_or_try_init(|| self.find_bases(operation)).await
    }

    async fn find_bases(&self, operation: &'static str) -> Result<Bases, BackendError> {
        let given = &self.addresses;
        if let (Some(management), Some(retrieval), Some(key_management)) =
            (&given.management, &given.retrieval, &given.key_management)
        {
            return Ok(Bases {
                management: management.clone(),
                retrieval: retrieval.clone(),
                key_management: key_management.clone(),
            });
        }
        let of_sign_in = match &given.region {
            Some(_) => None,
            None => self.identity.region(operation).await?,
        };
        let place = Place {
            region: given.region.as_deref().or(of_sign_in.as_deref()),
            realm_domain: given.realm_domain.as_deref(),
            vault_id: &self.vault_id,
        };
        let site = site(&place).ok_or_else(|| {
            let message = "the region is not known; set region";
            BackendError::permanent(ErrorKind::InvalidRequest, operation, message)
        })?;
        let either = |given: &Option<Url>, host: String| match given {
            Some(url) => Ok(url.clone()),
            None => Url::parse(&host).map_err(|error| {
                let message = format!("region or realm_domain gives no address: {error}");
                BackendError::permanent(ErrorKind::InvalidRequest, operation, message)
            }),
        };
        Ok(Bases {
            management: either(&given.management, site.management())?,
            retrieval: either(&given.retrieval, site.retrieval())?,
            key_management: either(&given.key_management, site.key_management())?,
        })
    }
}

/// An address below a service's base, which may name the version of the service already.
fn at(base: &Url, version: &str, path: &[&str]) -> Url {
    let mut url = base.clone();
    let versioned = base.path().trim_end_matches('/').ends_with(version);
    if let Ok(mut segments) = url.path_segments_mut() {
        segments.pop_if_empty();
        if !versioned {
            segments.push(version);
        }
        segments.extend(path);
    }
    url
}

/// Form encoding writes a space as `+`; in a query of these services that is a plus.
fn plus_is_space(mut url: Url) -> Url {
    if let Some(query) = url.query().filter(|query| query.contains('+')) {
        let query = query.replace('+', "%20");
        url.set_query(Some(&query));
    }
    url
}

fn seen(operation: &'static str, answer: &Response) -> Result<Seen, BackendError> {
    Ok(Seen { secret: answer.json(operation)?, etag: answer.header("etag").map(str::to_owned) })
}

fn next_page(answer: &Response) -> Option<String> {
    answer.header("opc-next-page").filter(|page| !page.is_empty()).map(str::to_owned)
}

fn conditional(
    operation: &'static str,
    request: Request,
    etag: Option<&str>,
) -> Result<Request, BackendError> {
    match etag {
        Some(etag) => {
            Ok(request.header(HeaderName::from_static("if-match"), value(operation, etag)?))
        }
        None => Ok(request),
    }
}

fn value(operation: &'static str, text: &str) -> Result<HeaderValue, BackendError> {
    HeaderValue::from_str(text).map_err(|_| {
        let message = "the service gave an etag that is no header";
        BackendError::permanent(ErrorKind::Unexpected, operation, message)
    })
}

/// How the services are spoken to: every request is signed.
struct Signed {
    identity: Arc<Identity>,
}

impl fmt::Debug for Signed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.identity.fmt(f)
    }
}

#[async_trait]
impl Api for Signed {
    async fn authorize(&self, request: &mut Outgoing<'_>) -> Result<(), BackendError> {
        let operation = request.operation;
        let credentials = self.identity.credentials(operation).await?;
        let host = request.url.host_str().unwrap_or_default();
        let host = match request.url.port() {
            Some(port) => format!("{host}:{port}"),
            None => host.to_owned(),
        };
        let has_body = !matches!(*request.method, Method::GET | Method::HEAD | Method::DELETE);
        let signable = Signable {
            method: request.method.as_str(),
            target: &request.url[Position::BeforePath..Position::AfterQuery],
            host: Some(&host),
            body: has_body.then_some(Body { bytes: request.body, content_type: JSON }),
            now: OffsetDateTime::now_utc(),
        };
        let unusable =
            |message: &str| BackendError::permanent(ErrorKind::Unauthenticated, operation, message);
        let signed = sign(&signable, &credentials.key_id, &credentials.key)
            .map_err(|error| unusable(&format!("the private key does not sign: {error}")))?;
        for (name, text) in signed {
            let mut value = HeaderValue::from_str(&text).map_err(|_| {
                unusable("tenancy_id, user_id, fingerprint or token hold what no header can")
            })?;
            value.set_sensitive(name == "authorization");
            request.headers.insert(HeaderName::from_static(name), value);
        }
        request.headers.insert(HeaderName::from_static("accept"), HeaderValue::from_static(JSON));
        Ok(())
    }

    async fn renew(&self, _: &Response) -> bool {
        self.identity.renew().await
    }

    fn failure(&self, operation: &'static str, answer: &Response) -> BackendError {
        error::failure(operation, answer, self.identity.unaccepted())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_are_built_below_the_base() {
        let base = |text: &str| Url::parse(text).unwrap();
        for (given, expected) in [
            ("https://h", "https://h/20180608/secrets/a"),
            ("https://h/", "https://h/20180608/secrets/a"),
            ("https://h/20180608", "https://h/20180608/secrets/a"),
            ("http://127.0.0.1:8/proxy/", "http://127.0.0.1:8/proxy/20180608/secrets/a"),
        ] {
            assert_eq!(at(&base(given), MANAGEMENT, &["secrets", "a"]).as_str(), expected);
        }
        assert_eq!(at(&base("https://h"), RETRIEVAL, &["a/b"]).path(), "/20190301/a%2Fb");
    }

    #[test]
    fn page_tokens_keep_their_characters() {
        let mut url = Url::parse("https://h/").unwrap();
        url.query_pairs_mut().append_pair("page", "a+b/c== d");
        assert_eq!(plus_is_space(url).query(), Some("page=a%2Bb%2Fc%3D%3D%20d"));
    }
}
