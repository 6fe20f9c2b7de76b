//! The operations of the service, one function each.
//!
//! The same set as the vendor's `SecretClient`: set, get, list, list versions, update, delete, get
//! and list deleted, recover, purge, backup, restore. Responsible for addresses, pages and for
//! which of them may be sent again. Leaves meaning to [`backend`](super::backend).

use url::Url;

use super::error;
use super::wire::{Backup, Bundle, Item, Page, SetBody, UpdateBody};
use crate::adapters::http::{Client, HeaderName, HeaderValue, Method, Repeat, Request, Response};
use crate::domain::material::Secret;
use crate::domain::port::{BackendError, ErrorKind};

/// Most items that the service puts on a page.
pub(super) const PAGE: usize = 25;
/// Most pages of the versions of one secret: 25,000 versions, minutes of listing.
const MOST_PAGES: usize = 1000;

/// Requests to one vault.
#[derive(Debug, Clone)]
pub(super) struct Service {
    client: Client,
    /// The same with the pace of what creates versions.
    creating: Client,
    vault: Url,
    api_version: String,
}

type Answer<T> = Result<T, BackendError>;

impl Service {
    pub(super) const fn new(
        client: Client,
        creating: Client,
        vault: Url,
        api_version: String,
    ) -> Self {
        Self { client, creating, vault, api_version }
    }

    /// Id of a secret, without version.
    pub(super) fn id(&self, name: &str) -> String {
        self.url(&["secrets", name]).into()
    }

    fn url(&self, path: &[&str]) -> Url {
        let mut url = self.vault.clone();
        if let Ok(mut segments) = url.path_segments_mut() {
            segments.pop_if_empty().extend(path);
        }
        url
    }

    fn request(
        &self,
        operation: &'static str,
        method: Method,
        path: &[&str],
        repeat: Repeat,
    ) -> Request {
        self.request_to(operation, method, self.url(path), &[], repeat)
    }

    fn request_to(
        &self,
        operation: &'static str,
        method: Method,
        mut url: Url,
        query: &[(&str, &str)],
        repeat: Repeat,
    ) -> Request {
        url.query_pairs_mut().append_pair("api-version", &self.api_version).extend_pairs(query);
        let accept = HeaderValue::from_static("application/json");
        Request::new(operation, method, url, repeat)
            .header(HeaderName::from_static("accept"), accept)
    }

    async fn send(&self, request: Request) -> Answer<Response> {
        self.client.send(&request).await
    }

    /// Creates a version. Never sent again unless the service says that it did nothing.
    pub(super) async fn set(
        &self,
        operation: &'static str,
        name: &str,
        body: &SetBody<'_>,
    ) -> Answer<Item> {
        let path = ["secrets", name];
        let request =
            self.request(operation, Method::PUT, &path, Repeat::IfNotApplied).json(body)?;
        self.creating.send(&request).await?.json(operation)
    }

    /// A version with its value; the last created when none is named.
    pub(super) async fn get(
        &self,
        operation: &'static str,
        name: &str,
        version: Option<&str>,
    ) -> Answer<Bundle> {
        let mut path = vec!["secrets", name];
        // The service takes a trailing slash for "the last created"; the vendor's clients send it.
        path.push(version.unwrap_or_default());
        let request = self.request(operation, Method::GET, &path, Repeat::Always);
        self.send(request).await?.json(operation)
    }

    /// Changes a version. Doing it twice is doing it once.
    pub(super) async fn update(
        &self,
        operation: &'static str,
        name: &str,
        version: &str,
        body: &UpdateBody,
    ) -> Answer<Item> {
        let path = ["secrets", name, version];
        let request = self.request(operation, Method::PATCH, &path, Repeat::Always).json(body)?;
        self.send(request).await?.json(operation)
    }

    /// All versions, in no order. Needs the right to list only.
    pub(super) async fn versions(&self, operation: &'static str, name: &str) -> Answer<Vec<Item>> {
        let path = ["secrets", name, "versions"];
        let mut items = Vec::new();
        let mut skip: Option<String> = None;
        for _ in 0..MOST_PAGES {
            let page = self.page(operation, &path, skip.as_deref()).await?;
            items.extend(page.value);
            let next = page.next_link.as_deref().and_then(skip_token);
            if next.is_none() || next == skip {
                return Ok(items);
            }
            skip = next;
        }
        Err(error::refused(
            ErrorKind::Unexpected,
            operation,
            "the secret has more than 25,000 versions; copy it to a new name",
        ))
    }

    /// One page of secrets or, in `deletedsecrets`, of deleted ones, and the token of the next.
    pub(super) async fn list(
        &self,
        operation: &'static str,
        collection: &str,
        skip: Option<&str>,
    ) -> Answer<(Vec<Item>, Option<String>)> {
        let page = self.page(operation, &[collection], skip).await?;
        let next = page.next_link.as_deref().and_then(skip_token);
        Ok((page.value, next.filter(|next| Some(next.as_str()) != skip)))
    }

    /// Of a link to the next page only the token is used: the service writes another port and
    /// sometimes another version into it, and a link must not lead a token elsewhere.
    async fn page(
        &self,
        operation: &'static str,
        path: &[&str],
        skip: Option<&str>,
    ) -> Answer<Page> {
        let most = PAGE.to_string();
        let mut query = vec![("maxresults", most.as_str())];
        query.extend(skip.map(|token| ("$skiptoken", token)));
        let url = self.url(path);
        let request = self.request_to(operation, Method::GET, url, &query, Repeat::Always);
        self.send(request).await?.json(operation)
    }

    /// Deletes with all versions.
    pub(super) async fn delete(&self, operation: &'static str, name: &str) -> Answer<Item> {
        let path = ["secrets", name];
        let request = self.request(operation, Method::DELETE, &path, Repeat::Always);
        self.send(request).await?.json(operation)
    }

    /// A deleted secret.
    pub(super) async fn get_deleted(&self, operation: &'static str, name: &str) -> Answer<Item> {
        let path = ["deletedsecrets", name];
        let request = self.request(operation, Method::GET, &path, Repeat::Always);
        self.send(request).await?.json(operation)
    }

    /// Brings a deleted secret back.
    pub(super) async fn recover(&self, operation: &'static str, name: &str) -> Answer<()> {
        let path = ["deletedsecrets", name, "recover"];
        let request = self.request(operation, Method::POST, &path, Repeat::IfNotApplied);
        self.send(request).await.map(drop)
    }

    /// Destroys a deleted secret.
    pub(super) async fn purge(&self, operation: &'static str, name: &str) -> Answer<()> {
        let path = ["deletedsecrets", name];
        let request = self.request(operation, Method::DELETE, &path, Repeat::Always);
        self.send(request).await.map(drop)
    }

    /// An encrypted backup, as base64url text.
    pub(super) async fn backup(&self, operation: &'static str, name: &str) -> Answer<Secret> {
        let path = ["secrets", name, "backup"];
        let request = self.request(operation, Method::POST, &path, Repeat::Always);
        let backup: Backup = self.send(request).await?.json(operation)?;
        Ok(backup.value.0)
    }

    /// Restores a backup; the name of what was restored.
    pub(super) async fn restore(&self, operation: &'static str, body: &Backup) -> Answer<Item> {
        let path = ["secrets", "restore"];
        let request =
            self.request(operation, Method::POST, &path, Repeat::IfNotApplied).json(body)?;
        self.creating.send(&request).await?.json(operation)
    }
}

/// The token in a link to the next page.
fn skip_token(link: &str) -> Option<String> {
    let url = Url::parse(link).ok()?;
    let token = url.query_pairs().find(|(name, _)| name == "$skiptoken")?.1.into_owned();
    Some(token).filter(|token| !token.is_empty())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn token_is_taken_out_of_a_link() {
        let link = "https://v.vault.azure.net:443/secrets?api-version=7.2&$skiptoken=eyJO%2Bx&maxresults=1";
        assert_eq!(skip_token(link).as_deref(), Some("eyJO+x"));
        for none in ["", "https://v.vault.azure.net/secrets?$skiptoken=", "https://v/secrets"] {
            assert_eq!(skip_token(none), None, "{none}");
        }
    }
}
