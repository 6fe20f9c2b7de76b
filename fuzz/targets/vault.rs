//! Files of the embedded vault. Every input is a file of its own, so these are slow targets.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::OnceLock;
use std::time::{Duration, Instant};

use coffer::adapters::embedded::{Ambient, Config, Embedded, KeySource, MasterKey};
use coffer::domain::fingerprint::{Key, KeyRing, Salt};
use coffer::domain::kind::Content;
use coffer::domain::material::Secret;
use coffer::domain::port::{
    Backend, BackendError, ErrorKind, ListFilter, Metadata, NewSecret, NewVersion, Options, Stage,
    VersionSelector,
};
use coffer::domain::rotation::RotationState;
use coffer::domain::secret::SecretName;
use tokio::runtime::Runtime;

/// A vault file: damage is an error or shows nothing; it never shows another value.
pub fn vault_file(data: &[u8]) {
    let scratch = Scratch::new();
    fs::write(scratch.file(), data).expect("a temporary file");
    let vault = scratch.open();
    let Some(secrets) = sound(block_on(vault.list(&ListFilter::default(), None))) else { return };
    for secret in &secrets.items {
        let read = vault.read_content(&secret.name, CURRENT);
        let Some(read) = sound(block_on(read)) else { continue };
        let value = read.content.field("value").map(Secret::expose);
        assert_eq!(value, Some(secret.name.as_str().as_bytes()), "another value");
    }
}

/// A backup of one secret: what is restored is what was backed up.
pub fn vault_backup(data: &[u8]) {
    let scratch = Scratch::new();
    fs::write(scratch.file(), &samples().without_a).expect("a temporary file");
    let vault = scratch.open();
    let Some(secret) = sound(block_on(vault.restore(data))) else { return };
    let read = sound(block_on(vault.read_content(&secret.name, CURRENT)));
    let value = read.as_ref().and_then(|read| read.content.field("value")).map(Secret::expose);
    assert_eq!(value, Some(secret.name.as_str().as_bytes()), "another value");
}

const CURRENT: VersionSelector = VersionSelector::State(RotationState::Current);

fn name(text: &str) -> SecretName {
    SecretName::parse(text).expect("a valid name")
}

/// The outcome, unless it is an error that damage explains. A panic below a call comes back as an
/// unexpected error.
fn sound<T>(outcome: Result<T, BackendError>) -> Option<T> {
    match outcome {
        Ok(value) => Some(value),
        Err(error) => {
            assert_ne!(error.kind, ErrorKind::Unexpected, "{error}");
            None
        }
    }
}

fn block_on<T>(work: impl Future<Output = T>) -> T {
    static RUNTIME: OnceLock<Runtime> = OnceLock::new();
    RUNTIME.get_or_init(|| Runtime::new().expect("a runtime")).block_on(work)
}

/// A directory of its own for one vault.
struct Scratch(tempfile::TempDir);

impl Scratch {
    fn new() -> Self {
        Self(tempfile::tempdir().expect("a temporary directory"))
    }

    fn file(&self) -> PathBuf {
        self.0.path().join("vault.db")
    }

    fn open(&self) -> Embedded {
        let key = Secret::from("QkJCQkJCQkJCQkJCQkJCQkJCQkJCQkJCQkJCQkJCQkI=");
        let key = KeySource::Key(MasterKey::parse(&key).expect("32 bytes in base64"));
        Embedded::new(Config { path: self.file(), key }, Ambient::system())
    }
}

/// A sound vault of two secrets, each with its name as its value, and a backup of the first.
struct Samples {
    file: Vec<u8>,
    without_a: Vec<u8>,
    backup: Vec<u8>,
}

fn samples() -> &'static Samples {
    static SAMPLES: OnceLock<Samples> = OnceLock::new();
    SAMPLES.get_or_init(|| {
        let scratch = Scratch::new();
        let vault = scratch.open();
        let ring = KeyRing::new(Some(Key::new(Secret::new(vec![7; 32])).expect("key")), vec![]);
        for text in ["a", "b"] {
            let content = Content::generic(Secret::from(text)).expect("valid content");
            let version = NewVersion {
                content: &content,
                fingerprint: &ring.fingerprint(&content, Salt([9; 16])),
                stage: Stage::Current,
                expected_version: None,
                nonce: [text.as_bytes()[0]; 16],
            };
            let metadata = Metadata { enabled: true, ..Metadata::default() };
            let secret =
                NewSecret { name: &name(text), metadata, options: Options::new(), version };
            block_on(vault.create(secret)).expect("a fresh vault takes a secret");
        }
        let backup = block_on(vault.backup(&name("a"))).expect("a backup");
        drop(vault);
        let file = settled(&scratch.file());
        let vault = scratch.open();
        block_on(vault.purge(&name("a"))).expect("a secret can be purged");
        drop(vault);
        Samples { file, without_a: settled(&scratch.file()), backup }
    })
}

/// The file, once its last user has moved the log into it.
fn settled(file: &Path) -> Vec<u8> {
    let log = file.with_extension("db-wal");
    let end = Instant::now() + Duration::from_secs(10);
    while fs::metadata(&log).is_ok_and(|log| log.len() > 0) {
        assert!(Instant::now() < end, "the vault was not closed");
        std::thread::sleep(Duration::from_millis(10));
    }
    fs::read(file).expect("the vault file")
}

pub fn vault_file_seeds() -> Vec<Vec<u8>> {
    vec![samples().file.clone()]
}

pub fn vault_backup_seeds() -> Vec<Vec<u8>> {
    vec![samples().backup.clone()]
}
