//! A vault as one process uses it: opened on first use, read by many, written by one thread.
//!
//! Responsible for the life of the open file: connections, the checked root, the writer, and for
//! noticing that the file was replaced. Blocking; [`backend`](super::backend) moves calls off the
//! runtime. A vault that does not exist reads as empty and is created by the first write only.

use std::fmt;
use std::path::Path;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use rusqlite::Connection;
use time::OffsetDateTime;
use tokio::sync::oneshot;

use super::ambient::Ambient;
use super::config::Config;
use super::crypto::Keys;
use super::error::Failure;
use super::rekey;
use super::seal;
use super::store::{self, Access, Found};
use super::tx::{StoredRoot, Tx, View};
use super::writer::Writer;
use crate::domain::material::Secret;

/// An embedded vault.
#[derive(Debug)]
pub struct Vault {
    config: Config,
    ambient: Ambient,
    open: Mutex<Option<Open>>,
    notices: Mutex<Vec<String>>,
}

/// What the threads of a process share about an open vault.
pub(super) struct Shared {
    pub(super) keys: Keys,
    pub(super) ambient: Ambient,
    /// The last root that was checked against the records.
    root: Mutex<Option<StoredRoot>>,
    readers: Mutex<Vec<Connection>>,
}

struct Open {
    shared: Arc<Shared>,
    writer: Option<Writer>,
    file: Identity,
}

/// Which file it is, whatever its name is by now.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Identity(u64, u64);

impl Shared {
    pub(super) fn new(keys: Keys, ambient: Ambient, reader: Option<Connection>) -> Self {
        let readers = Mutex::new(reader.into_iter().collect());
        Self { keys, ambient, root: Mutex::new(None), readers }
    }

    pub(super) fn trusted(&self) -> Option<StoredRoot> {
        lock(&self.root).clone()
    }

    /// Remembers a checked root, unless a later one is known: a reader may look at an older
    /// snapshot than the writer has just left.
    pub(super) fn trust(&self, root: StoredRoot) {
        let mut known = lock(&self.root);
        if known.as_ref().is_none_or(|known| known.root().sequence <= root.root().sequence) {
            *known = Some(root);
        }
    }

    /// Runs a read transaction on an idle connection or a new one.
    fn snapshot<T>(
        &self,
        path: &Path,
        work: impl FnOnce(&Connection) -> Result<T, Failure>,
    ) -> Result<T, Failure> {
        let idle = lock(&self.readers).pop();
        let mut connection = match idle {
            Some(connection) => connection,
            None => store::connect(path, Access::Read)?,
        };
        let transaction = connection.transaction()?;
        let outcome = work(&transaction);
        drop(transaction);
        // One that cannot take part in locking must not outlive changes that others make.
        if !connection.is_readonly("main")? {
            lock(&self.readers).push(connection);
        }
        outcome
    }
}

impl fmt::Debug for Shared {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Shared(…)")
    }
}

impl fmt::Debug for Open {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Open").field("file", &self.file).finish_non_exhaustive()
    }
}

impl Vault {
    /// A vault that is opened on first use.
    #[must_use]
    pub const fn new(config: Config, ambient: Ambient) -> Self {
        Self { config, ambient, open: Mutex::new(None), notices: Mutex::new(Vec::new()) }
    }

    /// What it was made with.
    #[must_use]
    pub const fn config(&self) -> &Config {
        &self.config
    }

    /// Creates the vault unless it exists; true when it did not.
    ///
    /// # Errors
    /// When it cannot be created or opened.
    pub fn init(&self) -> Result<bool, Failure> {
        if self.shared(false)?.is_some() {
            return Ok(false);
        }
        self.shared(true)?;
        self.settle()?;
        Ok(true)
    }

    /// Completes the file and its checksum, when nobody else is about to.
    pub(super) fn settle(&self) -> Result<(), Failure> {
        if let Some(shared) = self.shared(false)? {
            seal::settle(&shared, &mut store::connect(&self.config.path, Access::Write)?);
        }
        Ok(())
    }

    /// True when there is a vault at the path.
    ///
    /// # Errors
    /// When it cannot be opened.
    pub fn exists(&self) -> Result<bool, Failure> {
        Ok(self.shared(false)?.is_some())
    }

    /// Things the user should know, once.
    pub fn take_notices(&self) -> Vec<String> {
        std::mem::take(&mut *lock(&self.notices))
    }

    /// The key of fingerprints; `None` when there is no vault and none is to be created.
    pub(super) fn fingerprint_material(&self, create: bool) -> Result<Option<Secret>, Failure> {
        Ok(self.shared(create)?.map(|shared| shared.keys.fingerprint_material()))
    }

    /// Reads within one snapshot; `missing` answers for a vault that does not exist.
    pub(super) fn read<T>(
        &self,
        work: impl FnOnce(&View<'_>) -> Result<T, Failure>,
        missing: impl FnOnce() -> Result<T, Failure>,
    ) -> Result<T, Failure> {
        let Some(shared) = self.shared(false)? else { return missing() };
        shared.snapshot(&self.config.path, |connection| {
            let trusted = shared.trusted();
            let root = StoredRoot::load(connection, &shared.keys, trusted.as_ref())?;
            if trusted.as_ref() != Some(&root) {
                shared.trust(root);
            }
            work(&View::new(connection, &shared.keys, shared.ambient.now()))
        })
    }

    /// Looks at one snapshot of the file, without checking its root first; `None` when there is
    /// no vault.
    pub(super) fn snapshot<T>(
        &self,
        work: impl FnOnce(&Connection, &Keys, OffsetDateTime) -> Result<T, Failure>,
    ) -> Result<Option<T>, Failure> {
        let Some(shared) = self.shared(false)? else { return Ok(None) };
        let now = shared.ambient.now();
        shared
            .snapshot(&self.config.path, |connection| work(connection, &shared.keys, now))
            .map(Some)
    }

    /// Queues a write, creating the vault if `create`; `None` when there is no vault.
    pub(super) fn submit<T, F>(
        &self,
        create: bool,
        work: F,
    ) -> Result<Option<oneshot::Receiver<Result<T, Failure>>>, Failure>
    where
        T: Send + 'static,
        F: FnOnce(&mut Tx<'_>) -> Result<T, Failure> + Send + 'static,
    {
        let mut guard = lock(&self.open);
        let Some(open) = self.opened(&mut guard, create)? else { return Ok(None) };
        let writer = match &mut open.writer {
            Some(writer) => writer,
            none => {
                let connection = store::connect(&self.config.path, Access::Write)?;
                none.insert(Writer::start(open.shared.clone(), connection)?)
            }
        };
        Ok(Some(writer.submit(work)))
    }

    fn shared(&self, create: bool) -> Result<Option<Arc<Shared>>, Failure> {
        let mut guard = lock(&self.open);
        Ok(self.opened(&mut guard, create)?.map(|open| open.shared.clone()))
    }

    /// Closes the file; the next call opens it again.
    pub(super) fn close(&self) {
        *lock(&self.open) = None;
    }

    pub(super) const fn ambient(&self) -> &Ambient {
        &self.ambient
    }

    fn opened<'g>(
        &self,
        guard: &'g mut MutexGuard<'_, Option<Open>>,
        create: bool,
    ) -> Result<Option<&'g mut Open>, Failure> {
        let file = identity(&self.config.path);
        if guard.as_ref().is_some_and(|open| Some(open.file) != file) {
            // The file was removed or replaced: what is open is no vault of this path any more.
            **guard = None;
        }
        if guard.is_none() {
            **guard = self.open_file(create)?;
        }
        Ok(guard.as_mut())
    }

    fn open_file(&self, create: bool) -> Result<Option<Open>, Failure> {
        let mut found = store::find(&self.config.path)?;
        if matches!(found, Found::Nothing) && create {
            let notice = store::create(&self.config, &self.ambient)?;
            lock(&self.notices).extend(notice);
            found = store::find(&self.config.path)?;
        }
        let Found::Vault(connection, header) = found else { return Ok(None) };
        let data_key = rekey::unlock(&self.config.key, &header)?;
        let keys = Keys::derive(&data_key, header.vault);
        let file = identity(&self.config.path)
            .ok_or_else(|| Failure::corrupt("it was removed while it was being opened"))?;
        let shared = Shared::new(keys, self.ambient.clone(), Some(connection));
        Ok(Some(Open { shared: Arc::new(shared), writer: None, file }))
    }
}

#[cfg(unix)]
fn identity(path: &Path) -> Option<Identity> {
    use std::os::unix::fs::MetadataExt;

    std::fs::metadata(path).ok().map(|metadata| Identity(metadata.dev(), metadata.ino()))
}

#[cfg(not(unix))]
fn identity(path: &Path) -> Option<Identity> {
    std::fs::metadata(path).ok().map(|_| Identity(0, 0))
}

/// A panic of another thread leaves nothing half done behind these locks.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
