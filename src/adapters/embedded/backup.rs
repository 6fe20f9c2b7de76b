//! Backups of one secret: all versions and metadata in one encrypted, self-describing blob.
//!
//! A backup is bound to the vault's data key: it can be restored into the vault it was made from
//! and into copies of it, whatever the master key is by then. Layout: magic, vault id, nonce and
//! tag, then length, secret record, and for each version length and canonical frame, encrypted.

use super::crypto::{Mark, Place};
use super::error::Failure;
use super::ops;
use super::tx::{Tx, View};
use super::wire::SecretData;
use crate::domain::material::Secret;
use crate::domain::port::{ErrorKind, SecretRecord};
use crate::domain::secret::SecretName;

const MAGIC: &[u8; 16] = b"coffer-backup/1\n";

pub(super) fn make(view: &View<'_>, name: &SecretName) -> Result<Vec<u8>, Failure> {
    let row = view.find(name)?.ok_or_else(ops::no_such_secret)?;
    let mut pieces = vec![row.data.encode()?];
    for version in &row.data.versions {
        pieces.push(view.frame(&row.data, version)?);
    }
    let size = pieces.iter().map(|piece| piece.len() + 8).sum();
    let mut plain = Vec::with_capacity(size);
    for piece in &pieces {
        plain.extend_from_slice(&(piece.len() as u64).to_le_bytes());
        plain.extend_from_slice(piece.expose());
    }
    let sealed =
        view.keys().seal(&super::ambient::Ambient::system(), Place::Backup, &Secret::new(plain))?;
    let mut backup = MAGIC.to_vec();
    backup.extend_from_slice(view.keys().vault());
    backup.extend_from_slice(&sealed.mark.0);
    backup.extend_from_slice(&sealed.ciphertext);
    Ok(backup)
}

pub(super) fn restore(tx: &mut Tx<'_>, backup: &[u8]) -> Result<SecretRecord, Failure> {
    let plain = open(&tx.view, backup)?;
    let mut pieces = Pieces(plain.expose());
    let mut data = SecretData::decode(&pieces.next().ok_or_else(broken)?)?;
    if let Some(row) = tx.view.find(&data.name)? {
        return Err(ops::taken(&row.data));
    }
    // A new id: versions of an earlier secret of the name must not be mistaken for these.
    data.id = tx.random_id()?;
    data.purge_at = None;
    data.updated_at = tx.view.now;
    let id = data.id;
    for version in &mut data.versions {
        let frame = pieces.next().ok_or_else(broken)?;
        version.mark = tx.insert_content(&id, version.number, &frame)?;
    }
    tx.insert(&data)?;
    Ok(data.record())
}

fn open(view: &View<'_>, backup: &[u8]) -> Result<Secret, Failure> {
    let rest = backup.strip_prefix(MAGIC).ok_or_else(|| {
        Failure::new(ErrorKind::InvalidRequest, "this is not a backup of a coffer secret")
    })?;
    let (vault, rest) = rest.split_first_chunk::<16>().ok_or_else(broken)?;
    let (mark, ciphertext) = rest.split_first_chunk::<40>().ok_or_else(broken)?;
    if vault != view.keys().vault() {
        return Err(Failure::new(
            ErrorKind::Unauthenticated,
            "the backup was made from another vault. Restore it into that vault or a copy of it",
        ));
    }
    view.keys().open(Place::Backup, &Mark(*mark), ciphertext.to_vec()).map_err(|_| broken())
}

fn broken() -> Failure {
    Failure::new(ErrorKind::Corrupt, "the backup is damaged and was not restored")
}

/// Length-framed pieces.
struct Pieces<'b>(&'b [u8]);

impl Iterator for Pieces<'_> {
    type Item = Secret;

    fn next(&mut self) -> Option<Secret> {
        let (length, rest) = self.0.split_first_chunk::<8>()?;
        let length = usize::try_from(u64::from_le_bytes(*length)).ok()?;
        let (piece, rest) = rest.split_at_checked(length)?;
        self.0 = rest;
        Some(Secret::new(piece.to_vec()))
    }
}
