//! The embedded vault under faults: kills, power cuts, full and read-only disks, flipped bits,
//! several processes, wrong keys. After each of them no committed secret is lost, no wrong value
//! is ever returned, and what is damaged is found.

mod child;
mod command_line;
mod corruption;
mod format;
mod keys;
mod powercut;
mod processes;
mod secrecy;

use std::fs;
use std::hash::{DefaultHasher, Hash as _, Hasher as _};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use coffer::adapters::embedded::{Ambient, Config, Embedded};
use coffer::domain::fingerprint::{Fingerprint, Key, KeyRing, Salt};
use coffer::domain::kind::{Content, Kind};
use coffer::domain::material::Secret;
use coffer::domain::port::{
    Backend as _, BackendError, Metadata, NewSecret, NewVersion, Options, Stage, VersionSelector,
};
use coffer::domain::rotation::RotationState;
use coffer::domain::secret::SecretName;
use tempfile::TempDir;
use tokio::runtime::Runtime;

/// A vault in a directory of its own, called without a runtime around it.
struct Bench {
    directory: Arc<TempDir>,
    runtime: Runtime,
    backend: Embedded,
}

impl Bench {
    fn new() -> Self {
        Self::at(Arc::new(tempfile::tempdir().unwrap()))
    }

    fn at(directory: Arc<TempDir>) -> Self {
        let backend = open(&directory.path().join("vault.db"));
        Self { directory, runtime: runtime(), backend }
    }

    /// Closes the vault, so that the file is complete, and keeps the directory.
    fn close(self) -> Arc<TempDir> {
        self.directory
    }

    fn path(&self) -> PathBuf {
        self.directory.path().join("vault.db")
    }

    fn create(&self, secret: &str, value: &[u8]) -> Result<(), BackendError> {
        self.runtime.block_on(create(&self.backend, secret, value))
    }

    fn put(&self, secret: &str, value: &[u8]) -> Result<u64, BackendError> {
        self.runtime.block_on(put(&self.backend, secret, value))
    }

    fn value(&self, secret: &str) -> Result<Vec<u8>, BackendError> {
        self.runtime.block_on(value(&self.backend, secret))
    }

    fn purge(&self, secret: &str) -> Result<(), BackendError> {
        self.runtime.block_on(self.backend.purge(&name(secret)))
    }

    /// True when a complete check finds nothing wrong.
    fn is_sound(&self) -> bool {
        match self.backend.vault().verify() {
            Ok(found) => found.is_none_or(|found| found.problems.is_empty()),
            Err(_) => false,
        }
    }
}

fn runtime() -> Runtime {
    tokio::runtime::Builder::new_current_thread().build().unwrap()
}

fn open(path: &Path) -> Embedded {
    Embedded::new(Config::at(path), Ambient::system())
}

async fn create(backend: &Embedded, secret: &str, value: &[u8]) -> Result<(), BackendError> {
    let content = generic(value);
    let print = print(&content);
    let version = version(&content, &print, nonce(secret, value));
    let metadata = Metadata { enabled: true, ..Metadata::default() };
    backend
        .create(NewSecret { name: &name(secret), metadata, options: Options::new(), version })
        .await
        .map(|_| ())
}

async fn put(backend: &Embedded, secret: &str, value: &[u8]) -> Result<u64, BackendError> {
    let content = generic(value);
    let print = print(&content);
    let version = version(&content, &print, nonce(secret, value));
    backend.put_version(&name(secret), version).await.map(|version| version.number)
}

async fn value(backend: &Embedded, secret: &str) -> Result<Vec<u8>, BackendError> {
    let current = VersionSelector::State(RotationState::Current);
    let read = backend.read_content(&name(secret), current).await?;
    Ok(read.content.field("value").unwrap().expose().to_vec())
}

fn version<'c>(content: &'c Content, print: &'c Fingerprint, nonce: [u8; 16]) -> NewVersion<'c> {
    NewVersion { content, fingerprint: print, stage: Stage::Current, expected_version: None, nonce }
}

fn name(text: &str) -> SecretName {
    SecretName::parse(text).unwrap()
}

fn generic(value: &[u8]) -> Content {
    Content::new(Kind::Generic, vec![("value".to_owned(), Secret::new(value.to_vec()))]).unwrap()
}

fn print(content: &Content) -> Fingerprint {
    let key = Key::new(Secret::new(vec![7; 32])).unwrap();
    KeyRing::new(Some(key), Vec::new()).fingerprint(content, Salt([9; 16]))
}

/// The same for the same write, so that a write that is repeated after a kill is recognised.
fn nonce(secret: &str, value: &[u8]) -> [u8; 16] {
    let mut nonce = [0; 16];
    for (place, half) in nonce.chunks_exact_mut(8).enumerate() {
        let mut hasher = DefaultHasher::new();
        (place, secret, value).hash(&mut hasher);
        half.copy_from_slice(&hasher.finish().to_le_bytes());
    }
    nonce
}

/// Copies a vault with its log and key into a directory of its own, as a power cut would leave it.
fn copy(from: &Path) -> Arc<TempDir> {
    let to = tempfile::tempdir().unwrap();
    for file in ["vault.db", "vault.db-wal", "vault.db.key"] {
        if from.join(file).exists() {
            fs::copy(from.join(file), to.path().join(file)).unwrap();
        }
    }
    Arc::new(to)
}

/// Numbers that are the same in each run.
struct Sequence(u64);

impl Sequence {
    fn below(&mut self, limit: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        usize::try_from(self.0 % limit as u64).unwrap()
    }
}
