//! The port over documents with revisions.
//!
//! Every change is read, change, write if nobody else did; a lost answer shows at the next look,
//! where the document is the one that was written. So no write needs to be sent blindly.

use std::sync::Arc;

use async_trait::async_trait;
use coffer::adapters::http::{Client, HeaderName, HeaderValue, Method, Repeat, Request, Response};
use coffer::domain::ledger::{Op, Refusal};
use coffer::domain::material::Secret;
use coffer::domain::port::{
    Backend, BackendError, Capability, ErrorKind, ListFilter, MetadataPatch, NewSecret, NewVersion,
    Outcome, Page, Read, SecretRecord, VersionSelector,
};
use coffer::domain::rotation::{RotationState, RotationStates};
use coffer::domain::secret::SecretName;
use coffer::domain::version::VersionRecord;
use time::{Duration, OffsetDateTime};
use url::Url;

use super::auth::Token;
use super::config::Config;
use super::wire::{Document, Listing, Version, frame};
use super::{MAX_TAGS, MAX_VALUE_BYTES, MAX_VERSIONS, PAGE, WINDOW, capability};

/// Times a change is tried against others who change the same secret.
const RACES: usize = 100;

/// A vault.
#[derive(Debug)]
pub(super) struct Throwaway {
    capability: Capability,
    client: Client,
    endpoint: Url,
}

type Answer<T> = Result<T, BackendError>;

/// A document with its revision, as it lies in the vault.
struct Found {
    document: Document,
    revision: HeaderValue,
    bytes: Secret,
    now: i64,
}

impl Throwaway {
    pub(super) fn new(config: Config) -> Self {
        Self {
            capability: capability(),
            client: Client::new(config.http, Arc::new(Token(config.token))),
            endpoint: config.endpoint,
        }
    }

    fn url(&self, name: &str) -> Url {
        let mut url = self.endpoint.clone();
        if let Ok(mut path) = url.path_segments_mut() {
            path.pop_if_empty().extend(["secrets", name]);
        }
        url
    }

    /// The document, and the service's time; without one that is past its window.
    async fn find(&self, op: &'static str, name: &SecretName) -> Answer<(Option<Found>, i64)> {
        let answer = match self.client.send(&Request::get(op, self.url(name.as_str()))).await {
            Ok(answer) => answer,
            Err(error) if error.kind == ErrorKind::NotFound => {
                return Ok((None, OffsetDateTime::now_utc().unix_timestamp()));
            }
            Err(error) => return Err(error),
        };
        let found = found(op, answer)?;
        let now = found.now;
        Ok((Some(found), now))
    }

    async fn required(&self, op: &'static str, name: &SecretName) -> Answer<Found> {
        let (found, _) = self.find(op, name).await?;
        found.filter(|found| !found.is_over()).ok_or_else(|| missing(op))
    }

    /// Changes a document; `change` says whether there is anything to write.
    async fn change(
        &self,
        op: &'static str,
        name: &SecretName,
        mut change: impl FnMut(&mut Document, i64) -> Answer<bool> + Send,
    ) -> Answer<Document> {
        let mut tried: Option<Secret> = None;
        for _ in 0..RACES {
            let Found { mut document, revision, bytes, now } = self.required(op, name).await?;
            if tried.as_ref() == Some(&bytes) || !change(&mut document, now)? {
                return Ok(document);
            }
            document.updated_at = now;
            let condition = (HeaderName::from_static("if-match"), revision);
            if self.put(op, &document, condition, &mut tried).await? {
                return Ok(document);
            }
        }
        Err(BackendError::temporary(ErrorKind::Conflict, op, "others change it all the time"))
    }

    /// Writes a document; false when it must be looked at again.
    async fn put(
        &self,
        op: &'static str,
        document: &Document,
        (name, value): (HeaderName, HeaderValue),
        tried: &mut Option<Secret>,
    ) -> Answer<bool> {
        let bytes = serde_json::to_vec(document).expect("a document is JSON");
        *tried = Some(Secret::new(bytes.clone()));
        let request = Request::new(op, Method::PUT, self.url(&document.name), Repeat::IfNotApplied)
            .header(name, value)
            .body(Secret::new(bytes), "application/json");
        match self.client.send(&request).await {
            Ok(_) => Ok(true),
            Err(error) if error.kind == ErrorKind::Precondition => Ok(false),
            // Look whether it was done.
            Err(error) if error.outcome == Outcome::Unknown => match self.sees(op, tried).await {
                Ok(true) => Ok(true),
                _ => Err(error),
            },
            Err(error) => Err(error),
        }
    }

    /// True when the vault holds what was tried to write.
    async fn sees(&self, op: &'static str, tried: &Option<Secret>) -> Answer<bool> {
        let Some(tried) = tried else { return Ok(false) };
        let document: Document =
            serde_json::from_slice(tried.expose()).expect("it was written here");
        let name = SecretName::parse(&document.name).expect("it was one");
        let (found, _) = self.find(op, &name).await?;
        Ok(found.is_some_and(|found| found.bytes == *tried))
    }
}

impl Found {
    /// True for a deleted secret whose window is over.
    fn is_over(&self) -> bool {
        self.document.purge_at.is_some_and(|at| at <= self.now)
    }
}

fn found(op: &'static str, answer: Response) -> Answer<Found> {
    let broken = |what: &str| BackendError::permanent(ErrorKind::Unexpected, op, what.to_owned());
    let document = answer.json(op)?;
    let revision = answer.headers.get("etag").cloned();
    let revision = revision.ok_or_else(|| broken("the answer has no revision"))?;
    let now = answer.date().ok_or_else(|| broken("the answer has no date"))?.unix_timestamp();
    Ok(Found { document, revision, bytes: answer.body, now })
}

fn missing(op: &'static str) -> BackendError {
    BackendError::permanent(ErrorKind::NotFound, op, "the vault holds no secret of this name")
}

fn active(op: &'static str, document: &Document) -> Answer<()> {
    match document.purge_at {
        None => Ok(()),
        Some(_) => {
            let message = "the secret is deleted; recover it first";
            Err(BackendError::permanent(ErrorKind::Precondition, op, message))
        }
    }
}

fn invalid(op: &'static str, message: &str) -> BackendError {
    BackendError::permanent(ErrorKind::InvalidRequest, op, message)
}

fn foreign<T>(op: &'static str, value: Option<T>) -> Answer<T> {
    value.ok_or_else(|| {
        BackendError::permanent(ErrorKind::Corrupt, op, "the document is not one of coffer's")
    })
}

fn refused(op: &'static str, refusal: &Refusal) -> BackendError {
    let kind = match refusal {
        Refusal::NoSuchVersion(_) => ErrorKind::NotFound,
        Refusal::Inconsistent(_) => ErrorKind::Corrupt,
        Refusal::FirstIsCurrent | Refusal::NotSettable(_) => ErrorKind::InvalidRequest,
        Refusal::Current(_) | Refusal::NotDeprecated { .. } => ErrorKind::Precondition,
    };
    BackendError::permanent(kind, op, refusal.to_string())
}

fn nonce(nonce: [u8; 16]) -> String {
    nonce.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// Adds a version and moves the states.
fn add(op: &'static str, document: &mut Document, new: &NewVersion<'_>, now: i64) -> Answer<()> {
    if new.content.size() > MAX_VALUE_BYTES {
        return Err(invalid(op, "the value is larger than the vault takes"));
    }
    let mut ledger = document.ledger().map_err(|refusal| refused(op, &refusal))?;
    let change = ledger.apply(Op::Put(new.stage)).map_err(|refusal| refused(op, &refusal))?;
    document.versions.push(Version {
        number: change.number,
        kind: new.content.kind().code().to_owned(),
        states: RotationStates::empty().to_string(),
        fingerprint: new.fingerprint.to_string(),
        created_at: now,
        nonce: nonce(new.nonce),
        frame: frame(new.content),
    });
    document.store(&ledger);
    Ok(())
}

#[async_trait]
impl Backend for Throwaway {
    fn capability(&self) -> &Capability {
        &self.capability
    }

    async fn read(&self, name: &SecretName) -> Answer<SecretRecord> {
        foreign("read", self.required("read", name).await?.document.record())
    }

    async fn list(&self, filter: &ListFilter, page: Option<String>) -> Answer<Page<SecretRecord>> {
        let mut url = self.endpoint.join("secrets").expect("a fixed path");
        url.query_pairs_mut()
            .append_pair("prefix", filter.name_prefix.as_deref().unwrap_or_default())
            .append_pair("after", page.as_deref().unwrap_or_default())
            .append_pair("limit", &PAGE.to_string());
        let answer = self.client.send(&Request::get("list", url)).await?;
        let now = answer.date().map_or(0, OffsetDateTime::unix_timestamp);
        let Listing { items, next } = answer.json("list")?;
        let items = items
            .iter()
            .filter(|item| item.purge_at.is_none_or(|at| filter.include_deleted && at > now))
            .map(|item| foreign("list", item.record()))
            .collect::<Answer<_>>()?;
        Ok(Page { items, next })
    }

    async fn list_versions(&self, name: &SecretName) -> Answer<Vec<VersionRecord>> {
        let found = self.required("list_versions", name).await?;
        let versions = found.document.versions.iter().map(Version::record).collect();
        foreign("list_versions", versions)
    }

    async fn create(&self, secret: NewSecret<'_>) -> Answer<SecretRecord> {
        let op = "create";
        if secret.metadata.tags.len() > MAX_TAGS {
            return Err(invalid(op, "the secret has more tags than the vault takes"));
        }
        let mut tried = None;
        for _ in 0..RACES {
            let (found, now) = self.find(op, secret.name).await?;
            let condition = match &found {
                None => (HeaderName::from_static("if-none-match"), HeaderValue::from_static("*")),
                Some(over) if over.is_over() => {
                    (HeaderName::from_static("if-match"), over.revision.clone())
                }
                Some(found) => return taken(&found.document, &secret),
            };
            let metadata = &secret.metadata;
            let seconds = |time: Option<OffsetDateTime>| time.map(OffsetDateTime::unix_timestamp);
            let mut document = Document {
                name: secret.name.to_string(),
                description: metadata.description.clone(),
                content_type: metadata.content_type.clone(),
                tags: metadata.tags.clone(),
                not_before: seconds(metadata.not_before),
                expires_at: seconds(metadata.expires_at),
                enabled: metadata.enabled,
                created_at: now,
                updated_at: now,
                purge_at: None,
                last: 0,
                versions: Vec::new(),
            };
            add(op, &mut document, &secret.version, now)?;
            if self.put(op, &document, condition, &mut tried).await? {
                return foreign(op, document.record());
            }
        }
        Err(BackendError::temporary(ErrorKind::Conflict, op, "others create it all the time"))
    }

    async fn put_version(
        &self,
        name: &SecretName,
        version: NewVersion<'_>,
    ) -> Answer<VersionRecord> {
        let op = "put_version";
        let nonce = nonce(version.nonce);
        let document = self
            .change(op, name, |document, now| {
                active(op, document)?;
                if document.versions.iter().any(|version| version.nonce == nonce) {
                    return Ok(false);
                }
                if version.expected_version.is_some_and(|expected| expected != document.last) {
                    let message = "somebody else wrote in between";
                    return Err(BackendError::permanent(ErrorKind::Precondition, op, message));
                }
                if document.versions.len() as u64 >= MAX_VERSIONS {
                    let message = "the secret has as many versions as the vault keeps";
                    return Err(BackendError::permanent(ErrorKind::Precondition, op, message));
                }
                add(op, document, &version, now).map(|()| true)
            })
            .await?;
        let version = document.versions.iter().find(|version| version.nonce == nonce);
        foreign(op, version.and_then(Version::record))
    }

    async fn set_rotation_state(
        &self,
        name: &SecretName,
        number: u64,
        state: RotationState,
    ) -> Answer<()> {
        let op = "set_rotation_state";
        let change = |document: &mut Document, _| {
            active(op, document)?;
            let mut ledger = document.ledger().map_err(|refusal| refused(op, &refusal))?;
            let done = Op::set(number, state).and_then(|op| ledger.apply(op));
            let done = done.map_err(|refusal| refused(op, &refusal))?;
            document.store(&ledger);
            Ok(!done.changed.is_empty())
        };
        self.change(op, name, change).await.map(|_| ())
    }

    async fn read_content(&self, name: &SecretName, selector: VersionSelector) -> Answer<Read> {
        let op = "read_content";
        let document = self.required(op, name).await?.document;
        active(op, &document)?;
        if !document.enabled {
            let message = "the secret is disabled";
            return Err(BackendError::permanent(ErrorKind::Precondition, op, message));
        }
        let version = match selector {
            VersionSelector::Number(number) => {
                document.versions.iter().find(|version| version.number == number)
            }
            VersionSelector::State(RotationState::Deprecated) => None,
            VersionSelector::State(state) => document.find(state),
        };
        let version = version.ok_or_else(|| {
            BackendError::permanent(ErrorKind::NotFound, op, "the secret has no such version")
        })?;
        let (record, content) = (version.record(), version.content());
        Ok(Read { version: foreign(op, record)?, content: foreign(op, content)? })
    }

    async fn update_metadata(
        &self,
        name: &SecretName,
        patch: MetadataPatch,
    ) -> Answer<SecretRecord> {
        let op = "update_metadata";
        let change = |document: &mut Document, _| {
            active(op, document)?;
            if patch.tags.as_ref().is_some_and(|tags| tags.len() > MAX_TAGS) {
                return Err(invalid(op, "the secret has more tags than the vault takes"));
            }
            apply(document, &patch);
            Ok(true)
        };
        foreign(op, self.change(op, name, change).await?.record())
    }

    async fn soft_delete(
        &self,
        name: &SecretName,
        window: Option<Duration>,
    ) -> Answer<SecretRecord> {
        let op = "soft_delete";
        let days = |days: u32| Duration::days(days.into());
        let window = window.unwrap_or(days(WINDOW.default_days));
        if window < days(WINDOW.min_days) || window > days(WINDOW.max_days) {
            return Err(invalid(op, "the vault has no recovery window of this length"));
        }
        let change = |document: &mut Document, now| {
            let first = document.purge_at.is_none();
            if first {
                document.purge_at = Some(now + window.whole_seconds());
            }
            Ok(first)
        };
        foreign(op, self.change(op, name, change).await?.record())
    }

    async fn recover(&self, name: &SecretName) -> Answer<SecretRecord> {
        let change = |document: &mut Document, _| match document.purge_at.take() {
            Some(_) => Ok(true),
            None => Err(missing("recover")),
        };
        foreign("recover", self.change("recover", name, change).await?.record())
    }

    async fn purge(&self, name: &SecretName) -> Answer<()> {
        let op = "purge";
        let found = self.required(op, name).await?;
        let request =
            Request::new(op, Method::DELETE, self.url(name.as_str()), Repeat::IfNotApplied)
                .header(HeaderName::from_static("if-match"), found.revision);
        match self.client.send(&request).await {
            Err(error) if error.outcome == Outcome::Unknown => {
                let (found, _) = self.find(op, name).await?;
                if found.is_none() { Ok(()) } else { Err(error) }
            }
            outcome => outcome.map(|_| ()),
        }
    }

    async fn delete_version(&self, name: &SecretName, number: u64) -> Answer<()> {
        let op = "delete_version";
        let change = |document: &mut Document, _| {
            active(op, document)?;
            let mut ledger = document.ledger().map_err(|refusal| refused(op, &refusal))?;
            ledger.apply(Op::Delete(number)).map_err(|refusal| refused(op, &refusal))?;
            document.versions.retain(|version| version.number != number);
            document.store(&ledger);
            Ok(true)
        };
        self.change(op, name, change).await.map(|_| ())
    }

    async fn backup(&self, _name: &SecretName) -> Answer<Vec<u8>> {
        Err(no_backup("backup"))
    }

    async fn restore(&self, _backup: &[u8]) -> Answer<SecretRecord> {
        Err(no_backup("restore"))
    }
}

fn no_backup(op: &'static str) -> BackendError {
    BackendError::permanent(ErrorKind::Unsupported, op, "the vault has no backups")
}

/// A name that is in use: by the write that is repeated, or by somebody else.
fn taken(document: &Document, secret: &NewSecret<'_>) -> Answer<SecretRecord> {
    let nonce = nonce(secret.version.nonce);
    let ours = document.versions.iter().any(|v| v.number == 1 && v.nonce == nonce);
    if ours && document.purge_at.is_none() {
        return foreign("create", document.record());
    }
    let message = "the vault holds a secret of this name";
    let error = BackendError::permanent(ErrorKind::AlreadyExists, "create", message);
    Err(match document.purge_at {
        Some(at) => error.with("deleted", at.to_string()),
        None => error,
    })
}

fn apply(document: &mut Document, patch: &MetadataPatch) {
    let seconds = |time: OffsetDateTime| time.unix_timestamp();
    if let Some(description) = &patch.description {
        document.description.clone_from(description);
    }
    if let Some(content_type) = &patch.content_type {
        document.content_type.clone_from(content_type);
    }
    if let Some(tags) = &patch.tags {
        document.tags.clone_from(tags);
    }
    if let Some(time) = patch.not_before {
        document.not_before = time.map(seconds);
    }
    if let Some(time) = patch.expires_at {
        document.expires_at = time.map(seconds);
    }
    if let Some(enabled) = patch.enabled {
        document.enabled = enabled;
    }
    if let Some(fingerprint) = &patch.fingerprint {
        let current = |version: &&mut Version| version.states().contains(RotationState::Current);
        if let Some(current) = document.versions.iter_mut().find(current) {
            current.fingerprint = fingerprint.to_string();
        }
    }
}
