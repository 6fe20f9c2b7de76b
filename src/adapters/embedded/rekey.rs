//! Unlocking a vault, and protecting it with another master key.
//!
//! Only the wrapped data key changes, in one commit; secrets, versions and fingerprints stay as
//! they are. A key file that is replaced in its place is first written beside it (`.new`), so that
//! at every moment a file with the right key exists; unlocking looks there too.

use std::path::{Path, PathBuf};

use rusqlite::TransactionBehavior;

use super::auth::{self, Protection};
use super::config::KeySource;
use super::crypto::{DataKey, KeyBytes, Keys};
use super::error::{Failure, from_io};
use super::seal;
use super::store::{self, Access, Found, Header};
use super::tx::{StoredRoot, Tx, View};
use super::vault::{Shared, Vault};
use crate::domain::port::ErrorKind;

/// The data key of a vault, with the master key of `source`.
pub(super) fn unlock(source: &KeySource, header: &Header) -> Result<DataKey, Failure> {
    let given = auth::existing(source, &header.protection);
    let opened = given.and_then(|master| header.unwrap(&master));
    let KeySource::File(path) = source else { return opened };
    let staged = staged(path);
    if opened.is_ok() || !staged.is_file() {
        return opened;
    }
    // A change of the key was committed, but the new file was not yet moved into place.
    let staged_source = KeySource::File(staged.clone());
    match auth::existing(&staged_source, &header.protection)
        .and_then(|master| header.unwrap(&master))
    {
        Ok(data_key) => {
            put_in_place(&staged, path)?;
            Ok(data_key)
        }
        Err(_) => opened,
    }
}

impl Vault {
    /// Protects the vault with another master key. A key file that does not exist is created; the
    /// one in use is replaced. Returns what the user should know.
    ///
    /// # Errors
    /// When the present key is wrong or the file cannot be written; then nothing was changed.
    pub fn rekey(&self, new: &KeySource) -> Result<Vec<String>, Failure> {
        let path = &self.config().path;
        let Found::Vault(reader, header) = store::find(path)? else {
            return Err(Failure::new(
                ErrorKind::NotFound,
                "there is no vault at this path. Create one with `terraform-provider-coffer vault init`",
            ));
        };
        drop(reader);
        let data_key = unlock(&self.config().key, &header)?;
        let protection = Protection::new(new, self.ambient())?;
        let prepared = self.prepare(new, &protection)?;
        // When this fails, a new key file stays behind: a commit that failed to sync may yet turn out
        // to be on disk, and then the vault needs it.
        self.rewrap(&header, protection, &prepared.master, &data_key)?;
        self.close();
        prepared.complete()
    }

    /// Makes the new master key available before the vault depends on it.
    fn prepare(&self, new: &KeySource, protection: &Protection) -> Result<Prepared, Failure> {
        let KeySource::File(wanted) = new else {
            return Ok(Prepared {
                master: auth::existing(new, protection)?,
                created: None,
                place: None,
            });
        };
        let in_use = matches!(&self.config().key, KeySource::File(path) if same_file(path, wanted));
        if !in_use && wanted.exists() {
            return Ok(Prepared {
                master: auth::existing(new, protection)?,
                created: None,
                place: None,
            });
        }
        let created = if in_use { staged(wanted) } else { wanted.clone() };
        if in_use && created.exists() {
            std::fs::remove_file(&created)
                .map_err(|e| from_io("removing the unused new key file", &e))?;
        }
        let master = auth::create_key_file(&created, self.ambient())?.ok_or_else(|| {
            Failure::temporary(
                ErrorKind::Conflict,
                "another process is changing the key of the vault. Nothing was changed here",
            )
        })?;
        Ok(Prepared { master, created: Some(created), place: in_use.then(|| wanted.clone()) })
    }

    fn rewrap(
        &self,
        before: &Header,
        protection: Protection,
        master: &KeyBytes,
        data_key: &DataKey,
    ) -> Result<(), Failure> {
        let after = Header::wrap(self.ambient(), before.vault, protection, master, data_key)?;
        let keys = Keys::derive(data_key, before.vault);
        let mut connection = store::connect(&self.config().path, Access::Write)?;
        let tx = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
        if Header::load(&tx)? != *before {
            return Err(Failure::temporary(
                ErrorKind::Conflict,
                "another process changed the key of the vault at the same time. Nothing was changed here",
            ));
        }
        let root = StoredRoot::load(&tx, &keys, None)?;
        after.store(&tx)?;
        let view = View::new(&tx, &keys, self.ambient().now());
        Tx::new(view, self.ambient(), root.root().clone()).finish()?;
        tx.commit()?;
        let shared = Shared::new(keys, self.ambient().clone(), None);
        seal::settle(&shared, &mut connection);
        Ok(())
    }
}

/// A new master key that exists, but does not count yet.
struct Prepared {
    master: KeyBytes,
    /// The key file that was made for it.
    created: Option<PathBuf>,
    /// Where that file belongs in the end.
    place: Option<PathBuf>,
}

impl Prepared {
    fn complete(self) -> Result<Vec<String>, Failure> {
        if let (Some(created), Some(place)) = (&self.created, &self.place) {
            put_in_place(created, place)?;
        }
        let Some(file) = self.place.or(self.created) else { return Ok(Vec::new()) };
        Ok(vec![format!(
            "The new master key is in {}. Keep a copy of it in a safe place, apart from the vault.",
            file.display()
        )])
    }
}

fn put_in_place(staged: &Path, place: &Path) -> Result<(), Failure> {
    std::fs::rename(staged, place)
        .and_then(|()| auth::sync_directory_of(place))
        .map_err(|e| from_io("moving the new key file into place", &e))
}

fn staged(path: &Path) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(".new");
    PathBuf::from(name)
}

fn same_file(one: &Path, other: &Path) -> bool {
    one == other
        || matches!((one.canonicalize(), other.canonicalize()), (Ok(one), Ok(other)) if one == other)
}
