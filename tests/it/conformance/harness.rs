//! What a conformance case gets: a fresh, empty vault of each backend of the catalogue, and short
//! ways to call it.

mod aws;

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use coffer::adapters::catalog::BACKENDS;
use coffer::adapters::descriptor::{Descriptor, Setting, Settings};
use coffer::adapters::embedded::{Ambient, Config, Embedded};
use coffer::domain::fingerprint::{Fingerprint, Key, KeyRing, Salt};
use coffer::domain::kind::{Content, Kind};
use coffer::domain::material::Secret;
use coffer::domain::port::{
    Backend, BackendError, Capability, Metadata, NewSecret, NewVersion, Options, SecretRecord,
    Stage, VersionSelector,
};
use coffer::domain::rotation::RotationState;
use coffer::domain::secret::SecretName;
use coffer::domain::version::VersionRecord;
use tempfile::TempDir;
use time::{Duration, OffsetDateTime};

use crate::support::cli::report_ignored;
use crate::support::http1::Message;
use crate::throwaway_backend::{self, ThrowawayHarness};

pub mod azure_key_vault;
mod oci_vault;

/// A fresh vault with a clock that can be moved.
pub trait Harness: Send + Sync {
    /// The vault.
    fn backend(&self) -> Arc<dyn Backend>;
    /// A second client of the same vault, as another process would be.
    fn second_client(&self) -> Arc<dyn Backend>;
    /// Lets time pass for the vault.
    fn advance(&self, by: Duration);
    /// Number of secrets that makes several pages of a listing.
    fn many(&self) -> usize;
    /// The same vault by another way; none for a vault without a network.
    fn remote(&self) -> Option<Remote> {
        None
    }
}

/// Opens a client that is led to the server at an address.
pub type Opener = Box<dyn Fn(&str) -> Arc<dyn Backend> + Send + Sync>;

/// How a provider process is told to reach a vault.
pub struct Reached {
    /// The profile: its backend's attribute.
    pub profile: serde_json::Value,
    /// Environment variables, for signing in and whatever else.
    pub environment: Vec<(&'static str, String)>,
}

/// Tells a process to reach the server by way of whoever listens at an address.
pub type Directions = Box<dyn Fn(&str) -> Reached + Send + Sync>;

/// A vault that is reached over a network, for tests that stand in between.
pub struct Remote {
    /// Where its server listens, without TLS.
    pub server: SocketAddr,
    /// For a client that insists on TLS and is told to use a proxy: what the service shows.
    pub tls: Option<Arc<rustls::ServerConfig>>,
    /// A client that is led to the server by whoever listens at this address: it is the service's
    /// or, with `tls`, that of a proxy.
    pub open: Opener,
    /// The same for a provider process; none for a backend that the binary does not have.
    pub directions: Option<Directions>,
    /// Tells requests that read.
    pub reads: fn(&Message) -> bool,
}

impl Remote {
    /// A server whose reads are `GET` requests and whose clients need no TLS.
    pub fn plain(
        server: SocketAddr,
        open: impl Fn(&str) -> Arc<dyn Backend> + Send + Sync + 'static,
    ) -> Self {
        let reads = |request: &Message| request.start.starts_with("GET ");
        Self { server, tls: None, open: Box::new(open), directions: None, reads }
    }

    /// The same, also for a process.
    pub fn with_directions(
        self,
        directions: impl Fn(&str) -> Reached + Send + Sync + 'static,
    ) -> Self {
        Self { directions: Some(Box::new(directions)), ..self }
    }
}

/// Settings of a client that gives up early.
pub fn impatient(settings: &mut Settings) {
    settings.set("request_timeout_seconds", Setting::Integer(2));
    settings.set("retry_seconds", Setting::Integer(3));
}

/// Makes a harness for a line of the catalogue. A backend without one fails every case.
pub fn fresh(backend: &str) -> Box<dyn Harness> {
    match backend {
        "aws_secrets_manager" => Box::new(aws::Moto::new()),
        "azure_key_vault" => Box::new(azure_key_vault::AzureHarness::new()),
        "embedded" => Box::new(EmbeddedHarness::new()),
        "oci_vault" => Box::new(oci_vault::OciHarness::new()),
        "throwaway" => Box::new(ThrowawayHarness::new()),
        other => panic!("the backend {other} has no conformance harness"),
    }
}

/// Cases that the server a backend is tested against cannot play, each with the reason. Never for
/// what the backend itself cannot do: that is its capability, and the case asserts the refusal.
pub fn gaps(backend: &str) -> &'static [(&'static str, &'static str)] {
    match backend {
        "aws_secrets_manager" => aws::GAPS,
        "azure_key_vault" | "embedded" | "oci_vault" | "throwaway" => &[],
        other => panic!("the backend {other} does not say what its server cannot play"),
    }
}

/// Why the server that a backend is tested against cannot be had, if so.
pub fn unavailable(backend: &str) -> Option<String> {
    match backend {
        "aws_secrets_manager" => aws::unavailable(),
        _ => None,
    }
}

/// Every backend of the catalogue, and one of the tests' own that shows how to add one.
pub fn descriptors() -> impl Iterator<Item = &'static Descriptor> {
    BACKENDS.iter().copied().chain([&throwaway_backend::DESCRIPTOR])
}

/// Names of all backends.
pub fn backends() -> impl Iterator<Item = &'static str> {
    descriptors().map(|descriptor| descriptor.name)
}

struct EmbeddedHarness {
    directory: TempDir,
    ahead: Arc<AtomicU64>,
    first: Arc<dyn Backend>,
}

impl EmbeddedHarness {
    fn new() -> Self {
        let directory = tempfile::tempdir().expect("a temporary directory");
        let ahead = Arc::new(AtomicU64::new(0));
        let first = Self::open(&directory, &ahead);
        Self { directory, ahead, first }
    }

    fn open(directory: &TempDir, ahead: &Arc<AtomicU64>) -> Arc<dyn Backend> {
        let ahead = ahead.clone();
        let clock = move || {
            let seconds = ahead.load(Ordering::SeqCst);
            OffsetDateTime::now_utc() + Duration::seconds(seconds.cast_signed())
        };
        let config = Config::at(directory.path().join("vault.db"));
        Arc::new(Embedded::new(config, Ambient::with_clock(clock)))
    }
}

impl Harness for EmbeddedHarness {
    fn backend(&self) -> Arc<dyn Backend> {
        self.first.clone()
    }

    fn second_client(&self) -> Arc<dyn Backend> {
        Self::open(&self.directory, &self.ahead)
    }

    fn many(&self) -> usize {
        1_100
    }

    fn advance(&self, by: Duration) {
        self.ahead.fetch_add(by.whole_seconds().unsigned_abs(), Ordering::SeqCst);
    }
}

/// One backend under test.
pub struct Subject {
    /// Its name in the catalogue.
    pub name: &'static str,
    /// The harness.
    pub harness: Box<dyn Harness>,
    /// The vault.
    pub backend: Arc<dyn Backend>,
    /// What it says it can do.
    pub capability: Capability,
}

impl Subject {
    /// A fresh vault.
    pub fn new(name: &'static str) -> Self {
        let harness = fresh(name);
        let backend = harness.backend();
        let capability = backend.capability().clone();
        Self { name, harness, backend, capability }
    }

    /// Why the server cannot play a case, if it cannot.
    pub fn gap(&self, case: &str) -> Option<&'static str> {
        gaps(self.name).iter().find(|(named, _)| *named == case).map(|(_, reason)| *reason)
    }

    /// Says that a case was not played.
    pub fn report_gap(&self, case: &str, reason: &str) {
        report_ignored(self.name, case, reason);
    }

    /// Creates a secret of type `generic`.
    pub async fn create(&self, secret: &str, value: &str) -> SecretRecord {
        self.try_create(secret, value, nonce()).await.expect("the secret is created")
    }

    /// Creates with a nonce of the caller's.
    pub async fn try_create(
        &self,
        secret: &str,
        value: &str,
        nonce: [u8; 16],
    ) -> Result<SecretRecord, BackendError> {
        let content = generic(value.as_bytes());
        let print = print(&content);
        let version = NewVersion {
            content: &content,
            fingerprint: &print,
            stage: Stage::Current,
            expected_version: None,
            nonce,
        };
        let metadata = Metadata { enabled: true, ..Metadata::default() };
        self.backend
            .create(NewSecret { name: &name(secret), metadata, options: Options::new(), version })
            .await
    }

    /// Stores a version.
    pub async fn put(&self, secret: &str, value: &str, stage: Stage) -> VersionRecord {
        self.try_put(secret, value, stage, None, nonce()).await.expect("the version is stored")
    }

    /// Stores a version, every argument given.
    pub async fn try_put(
        &self,
        secret: &str,
        value: &str,
        stage: Stage,
        expected_version: Option<u64>,
        nonce: [u8; 16],
    ) -> Result<VersionRecord, BackendError> {
        let content = generic(value.as_bytes());
        let print = print(&content);
        let version =
            NewVersion { content: &content, fingerprint: &print, stage, expected_version, nonce };
        self.backend.put_version(&name(secret), version).await
    }

    /// The value of a secret of type `generic`.
    pub async fn value(
        &self,
        secret: &str,
        selector: VersionSelector,
    ) -> Result<String, BackendError> {
        let read = self.backend.read_content(&name(secret), selector).await?;
        let value = read.content.field("value").expect("a generic secret has a value");
        Ok(value.expose_text().expect("text").to_owned())
    }

    /// The value that readers get.
    pub async fn current(&self, secret: &str) -> String {
        self.value(secret, CURRENT).await.expect("there is a current version")
    }

    /// The states of all versions, as text.
    pub async fn states(&self, secret: &str) -> Vec<(u64, String)> {
        let versions = self.backend.list_versions(&name(secret)).await.expect("versions");
        versions.iter().map(|v| (v.number, v.rotation_states.to_string())).collect()
    }
}

/// Selects what readers get.
pub const CURRENT: VersionSelector = VersionSelector::State(RotationState::Current);

/// A name that is known to be one.
pub fn name(text: &str) -> SecretName {
    SecretName::parse(text).expect("a valid name")
}

/// Content of type `generic`.
pub fn generic(value: &[u8]) -> Content {
    Content::new(Kind::Generic, vec![("value".to_owned(), Secret::new(value.to_vec()))])
        .expect("valid content")
}

/// A key of the tests.
pub fn key() -> Key {
    Key::new(Secret::new(vec![7; 32])).expect("32 bytes")
}

/// A print of content, under the key of the tests.
pub fn print(content: &Content) -> Fingerprint {
    KeyRing::new(Some(key()), Vec::new()).fingerprint(content, Salt([9; 16]))
}

/// A nonce that no other write has.
pub fn nonce() -> [u8; 16] {
    static NEXT: AtomicU64 = AtomicU64::new(1);
    let mut nonce = [0; 16];
    nonce[..8].copy_from_slice(&NEXT.fetch_add(1, Ordering::Relaxed).to_le_bytes());
    nonce
}
