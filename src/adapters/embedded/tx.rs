//! Records within a transaction: finding, reading and, for writers, changing them.
//!
//! Responsible for keeping the three levels bound to each other: the root authenticates the set of
//! secret records, each of these its versions, each version its content. Leaves what the records
//! mean to [`ops`](super::ops), and transactions to [`vault`](super::vault) and
//! [`writer`](super::writer).

use rusqlite::{Connection, OptionalExtension, params};
use time::OffsetDateTime;

use super::ambient::Ambient;
use super::crypto::{Digest32, Keys, Mark, Place};
use super::error::Failure;
use super::wire::{Root, SecretData, VersionData};
use crate::domain::canonical;
use crate::domain::kind::Content;
use crate::domain::material::Secret;
use crate::domain::secret::SecretName;

/// The root as it is stored and what it says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct StoredRoot {
    mark: Mark,
    ciphertext: Vec<u8>,
    root: Root,
}

impl StoredRoot {
    /// Reads the root. `trusted` is a root that was checked against the records before: if it is
    /// still the same, so are they; otherwise every record's mark is checked against it.
    pub(super) fn load(
        connection: &Connection,
        keys: &Keys,
        trusted: Option<&Self>,
    ) -> Result<Self, Failure> {
        let (mark, ciphertext): (Vec<u8>, Vec<u8>) = connection
            .prepare_cached("SELECT mark, record FROM root WHERE id = 1")?
            .query_row([], |row| Ok((row.get(0)?, row.get(1)?)))
            .optional()?
            .ok_or_else(|| Failure::corrupt("the record of what it holds is missing"))?;
        let mark = Mark::parse(&mark)?;
        if let Some(trusted) = trusted
            && trusted.mark == mark
            && trusted.ciphertext == ciphertext
        {
            return Ok(trusted.clone());
        }
        let root = Root::decode(&keys.open(Place::Root, &mark, ciphertext.clone())?)?;
        check_set(connection, keys, &root)?;
        Ok(Self { mark, ciphertext, root })
    }

    pub(super) const fn root(&self) -> &Root {
        &self.root
    }
}

/// Every secret record must be there, once, as last written, and no other.
fn check_set(connection: &Connection, keys: &Keys, root: &Root) -> Result<(), Failure> {
    let mut statement = connection.prepare_cached("SELECT lookup, mark FROM secret")?;
    let mut rows = statement.query([])?;
    let mut found = Root { secrets: 0, digest: [0; 32], ..root.clone() };
    while let Some(row) = rows.next()? {
        let lookup = lookup_of(&row.get::<_, Vec<u8>>(0)?)?;
        found.toggle(&keys.set_element(&lookup, &Mark::parse(&row.get::<_, Vec<u8>>(1)?)?));
        found.secrets += 1;
    }
    if found == *root {
        return Ok(());
    }
    Err(Failure::corrupt(format!(
        "it holds {} secret records where it should hold {}, or some are not the last ones written",
        found.secrets, root.secrets
    )))
}

fn lookup_of(bytes: &[u8]) -> Result<Digest32, Failure> {
    bytes.try_into().map_err(|_| Failure::corrupt("a record has no look-up hash"))
}

/// A secret record as found.
#[derive(Debug)]
pub(super) struct Row {
    lookup: Digest32,
    mark: Mark,
    pub(super) data: SecretData,
}

/// What a transaction sees.
#[derive(Debug)]
pub(super) struct View<'c> {
    connection: &'c Connection,
    keys: &'c Keys,
    pub(super) now: OffsetDateTime,
}

impl<'c> View<'c> {
    pub(super) const fn new(
        connection: &'c Connection,
        keys: &'c Keys,
        now: OffsetDateTime,
    ) -> Self {
        Self { connection, keys, now }
    }

    pub(super) const fn keys(&self) -> &'c Keys {
        self.keys
    }

    /// A secret, soft-deleted ones included, expired ones not.
    pub(super) fn find(&self, name: &SecretName) -> Result<Option<Row>, Failure> {
        Ok(self.find_even_expired(name)?.filter(|row| !is_expired(&row.data, self.now)))
    }

    pub(super) fn find_even_expired(&self, name: &SecretName) -> Result<Option<Row>, Failure> {
        let lookup = self.keys.lookup(name.as_str());
        let stored: Option<(Vec<u8>, Vec<u8>)> = self
            .connection
            .prepare_cached("SELECT mark, record FROM secret WHERE lookup = ?1")?
            .query_row([lookup.as_slice()], |row| Ok((row.get(0)?, row.get(1)?)))
            .optional()?;
        let Some((mark, record)) = stored else { return Ok(None) };
        let row = self.decode(lookup, &mark, record)?;
        if row.data.name != *name {
            return Err(Failure::corrupt("a secret is stored in the place of another"));
        }
        Ok(Some(row))
    }

    /// Every secret, expired ones included, in no order.
    pub(super) fn all(&self) -> Result<Vec<Row>, Failure> {
        self.all_even_broken()?.into_iter().collect()
    }

    /// Every record, also those that do not authenticate.
    pub(super) fn all_even_broken(&self) -> Result<Vec<Result<Row, Failure>>, Failure> {
        let mut statement =
            self.connection.prepare_cached("SELECT lookup, mark, record FROM secret")?;
        let mut rows = statement.query([])?;
        let mut all = Vec::new();
        while let Some(row) = rows.next()? {
            let (lookup, mark): (Vec<u8>, Vec<u8>) = (row.get(0)?, row.get(1)?);
            let record = row.get(2)?;
            all.push(lookup_of(&lookup).and_then(|lookup| self.decode(lookup, &mark, record)));
        }
        Ok(all)
    }

    fn decode(&self, lookup: Digest32, mark: &[u8], record: Vec<u8>) -> Result<Row, Failure> {
        let mark = Mark::parse(mark)?;
        let plain = self.keys.open(Place::Secret(&lookup), &mark, record)?;
        Ok(Row { lookup, mark, data: SecretData::decode(&plain)? })
    }

    /// The content of a version, as its canonical frame.
    pub(super) fn frame(
        &self,
        secret: &SecretData,
        version: &VersionData,
    ) -> Result<Secret, Failure> {
        let slot = self.keys.slot(&secret.id, version.number);
        let record: Vec<u8> = self
            .connection
            .prepare_cached("SELECT record FROM version WHERE slot = ?1")?
            .query_row([slot.as_slice()], |row| row.get(0))
            .optional()?
            .ok_or_else(|| Failure::corrupt("the content of a version is missing"))?;
        self.keys.open(Place::Version(&secret.id, version.number), &version.mark, record)
    }

    /// The content of a version.
    pub(super) fn content(
        &self,
        secret: &SecretData,
        version: &VersionData,
    ) -> Result<Content, Failure> {
        canonical::decode(&self.frame(secret, version)?)
            .map_err(|_| Failure::corrupt("the content of a version has another form"))
    }

    /// Number of content records.
    pub(super) fn count_versions(&self) -> Result<u64, Failure> {
        let count: i64 =
            self.connection.query_row("SELECT count(*) FROM version", [], |row| row.get(0))?;
        Ok(count.unsigned_abs())
    }
}

/// True for a soft-deleted secret whose time is up: it exists no more, wherever its bytes are.
pub(super) fn is_expired(data: &SecretData, now: OffsetDateTime) -> bool {
    data.purge_at.is_some_and(|at| at <= now)
}

/// What a writing transaction sees and changes.
#[derive(Debug)]
pub(super) struct Tx<'c> {
    pub(super) view: View<'c>,
    ambient: &'c Ambient,
    root: Root,
}

impl<'c> Tx<'c> {
    pub(super) const fn new(view: View<'c>, ambient: &'c Ambient, root: Root) -> Self {
        Self { view, ambient, root }
    }

    pub(super) const fn root(&self) -> &Root {
        &self.root
    }

    /// Goes back to an earlier root, when what was done since is rolled back.
    pub(super) fn reset_root(&mut self, root: Root) {
        self.root = root;
    }

    pub(super) fn random_id(&self) -> Result<[u8; 16], Failure> {
        let mut id = [0; 16];
        self.ambient.fill(&mut id)?;
        Ok(id)
    }

    /// Stores a new secret's record.
    pub(super) fn insert(&mut self, data: &SecretData) -> Result<(), Failure> {
        let lookup = self.view.keys.lookup(data.name.as_str());
        self.root.secrets += 1;
        self.store(lookup, data)
    }

    /// Stores the record of `row` as it is now.
    pub(super) fn replace(&mut self, row: &Row) -> Result<(), Failure> {
        self.root.toggle(&self.view.keys.set_element(&row.lookup, &row.mark));
        self.store(row.lookup, &row.data)
    }

    fn store(&mut self, lookup: Digest32, data: &SecretData) -> Result<(), Failure> {
        let plain = data.encode()?;
        let sealed = self.view.keys.seal(self.ambient, Place::Secret(&lookup), &plain)?;
        self.view
            .connection
            .prepare_cached("INSERT OR REPLACE INTO secret VALUES (?1, ?2, ?3)")?
            .execute(params![lookup, sealed.mark.0, sealed.ciphertext])?;
        self.root.toggle(&self.view.keys.set_element(&lookup, &sealed.mark));
        if let Some(at) = data.purge_at {
            self.root.next_purge = self.root.next_purge.min(at.unix_timestamp());
        }
        Ok(())
    }

    /// Removes a secret with all its versions.
    pub(super) fn remove(&mut self, row: &Row) -> Result<(), Failure> {
        for version in &row.data.versions {
            self.remove_content(&row.data, version.number)?;
        }
        self.view
            .connection
            .prepare_cached("DELETE FROM secret WHERE lookup = ?1")?
            .execute([row.lookup.as_slice()])?;
        self.root.toggle(&self.view.keys.set_element(&row.lookup, &row.mark));
        self.root.secrets = self.root.secrets.saturating_sub(1);
        Ok(())
    }

    /// Stores the content of a version and says how it is authenticated.
    pub(super) fn insert_content(
        &mut self,
        secret: &[u8; 16],
        number: u64,
        frame: &Secret,
    ) -> Result<Mark, Failure> {
        let place = Place::Version(secret, number);
        let sealed = self.view.keys.seal(self.ambient, place, frame)?;
        self.view
            .connection
            .prepare_cached("INSERT INTO version VALUES (?1, ?2)")?
            .execute(params![self.view.keys.slot(secret, number), sealed.ciphertext])?;
        self.root.versions += 1;
        Ok(sealed.mark)
    }

    /// Removes the content of a version.
    pub(super) fn remove_content(
        &mut self,
        secret: &SecretData,
        number: u64,
    ) -> Result<(), Failure> {
        let slot = self.view.keys.slot(&secret.id, number);
        self.view
            .connection
            .prepare_cached("DELETE FROM version WHERE slot = ?1")?
            .execute([slot.as_slice()])?;
        self.root.versions = self.root.versions.saturating_sub(1);
        Ok(())
    }

    /// Destroys the soft-deleted secrets whose time is up.
    pub(super) fn purge_expired(&mut self) -> Result<(), Failure> {
        if self.view.now.unix_timestamp() < self.root.next_purge {
            return Ok(());
        }
        self.root.next_purge = i64::MAX;
        for row in self.view.all()? {
            if is_expired(&row.data, self.view.now) {
                self.remove(&row)?;
            } else if let Some(at) = row.data.purge_at {
                self.root.next_purge = self.root.next_purge.min(at.unix_timestamp());
            }
        }
        Ok(())
    }

    /// Writes the root; the last step before the commit.
    pub(super) fn finish(mut self) -> Result<StoredRoot, Failure> {
        self.root.sequence += 1;
        let sealed = self.view.keys.seal(self.ambient, Place::Root, &self.root.encode())?;
        self.view
            .connection
            .prepare_cached("UPDATE root SET mark = ?1, record = ?2 WHERE id = 1")?
            .execute(params![sealed.mark.0, sealed.ciphertext])?;
        Ok(StoredRoot { mark: sealed.mark, ciphertext: sealed.ciphertext, root: self.root })
    }
}
