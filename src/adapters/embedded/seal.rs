//! The checksum over the whole file, so that a flipped bit is found wherever it is.
//!
//! Every record authenticates itself, so a change that matters is found when it is read. What
//! SQLite keeps around the records, and bytes that are in no use, carry no such protection; a MAC
//! over all pages covers them while the vault is at rest. It is renewed when a writer has nothing
//! more to do. Until then, and after a kill, it is outdated and says so: it holds the number of
//! the root it belongs to. Leaves the use of it to [`verify`](super::verify).

use std::time::Duration;

use rusqlite::{Connection, OptionalExtension, TransactionBehavior};

use super::crypto::{Digest32, Keys, Mark, Place};
use super::error::{Failure, PATIENCE_SECONDS};
use super::tx::StoredRoot;
use super::vault::Shared;
use crate::domain::material::Secret;

/// Nonce and tag, then the padded sequence and MAC.
const RECORD: usize = 40 + 64;
/// Files above this are not sealed: it takes a copy of the file in memory.
const LARGEST: u64 = 64 * 1024 * 1024;

/// What the checksum says about the file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SealState {
    /// Every byte is as the last writer left it.
    Intact,
    /// Something was written since; the next writer that ends in peace renews the checksum.
    Outdated,
    /// There is none yet, or the file is too large for one.
    Absent,
    /// A byte differs from what the last writer left.
    Broken,
}

/// Moves the log into the file and renews the checksum. Best effort: when another process is
/// writing, it will do the same.
pub(super) fn settle(shared: &Shared, connection: &mut Connection) {
    let patience = Duration::from_secs(PATIENCE_SECONDS);
    let settled = connection.busy_timeout(Duration::ZERO).map_err(Failure::from).and_then(|()| {
        renew(shared, connection)?;
        connection
            .query_row("PRAGMA wal_checkpoint(TRUNCATE)", [], |_| Ok(()))
            .map_err(Failure::from)
    });
    if let Err(failure) = settled {
        tracing::debug!(reason = %failure, "the vault file was not sealed");
    }
    if connection.busy_timeout(patience).is_err() {
        tracing::debug!("the vault's lock timeout was not restored");
    }
}

fn renew(shared: &Shared, connection: &mut Connection) -> Result<(), Failure> {
    let tx = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
    let root = StoredRoot::load(&tx, &shared.keys, shared.trusted().as_ref())?;
    let sequence = root.root().sequence;
    if file_size(&tx)? > LARGEST || load(&tx, &shared.keys)?.is_some_and(|s| s.sequence == sequence)
    {
        return Ok(());
    }
    // A placeholder of the same size shows where the checksum itself is; it is then replaced in
    // its place, so that nothing else in the file differs.
    let mut placeholder = [0; RECORD];
    shared.ambient.fill(&mut placeholder)?;
    store(&tx, &placeholder)?;
    let mac = image_mac(&tx, &shared.keys, &placeholder)?;
    let mut plain = sequence.to_le_bytes().to_vec();
    plain.extend_from_slice(&mac);
    let sealed = shared.keys.seal(&shared.ambient, Place::Seal, &Secret::new(plain))?;
    let mut record = sealed.mark.0.to_vec();
    record.extend_from_slice(&sealed.ciphertext);
    store(&tx, &record)?;
    tx.commit()?;
    Ok(())
}

fn store(connection: &Connection, record: &[u8]) -> Result<(), Failure> {
    connection.execute(
        "INSERT INTO seal VALUES (1, ?1) ON CONFLICT (id) DO UPDATE SET record = excluded.record",
        [record],
    )?;
    Ok(())
}

struct Seal {
    sequence: u64,
    mac: Digest32,
    record: Vec<u8>,
}

fn load(connection: &Connection, keys: &Keys) -> Result<Option<Seal>, Failure> {
    let broken = || Failure::corrupt("the checksum over the file has another form");
    let record: Option<Vec<u8>> = connection
        .query_row("SELECT record FROM seal WHERE id = 1", [], |row| row.get(0))
        .optional()?;
    let Some(record) = record else { return Ok(None) };
    let (mark, ciphertext) = record.split_at_checked(40).ok_or_else(broken)?;
    let plain = keys.open(Place::Seal, &Mark::parse(mark)?, ciphertext.to_vec())?;
    let (sequence, mac) = plain.expose().split_first_chunk::<8>().ok_or_else(broken)?;
    Ok(Some(Seal {
        sequence: u64::from_le_bytes(*sequence),
        mac: mac.try_into().map_err(|_| broken())?,
        record,
    }))
}

/// Compares the file with its checksum, within a read transaction.
pub(super) fn check(
    connection: &Connection,
    keys: &Keys,
    sequence: u64,
) -> Result<SealState, Failure> {
    let Some(seal) = load(connection, keys)? else { return Ok(SealState::Absent) };
    if seal.sequence != sequence {
        return Ok(SealState::Outdated);
    }
    if file_size(connection)? > LARGEST {
        return Ok(SealState::Absent);
    }
    let mac = image_mac(connection, keys, &seal.record)?;
    Ok(if mac == seal.mac { SealState::Intact } else { SealState::Broken })
}

fn file_size(connection: &Connection) -> Result<u64, Failure> {
    let pragma = |sql: &str| connection.query_row(sql, [], |row| row.get::<_, i64>(0));
    let pages = pragma("PRAGMA page_count")?.unsigned_abs();
    Ok(pages * pragma("PRAGMA page_size")?.unsigned_abs())
}

/// A MAC over all pages, without the checksum's own record.
fn image_mac(connection: &Connection, keys: &Keys, own: &[u8]) -> Result<Digest32, Failure> {
    let missing = || Failure::corrupt("the checksum over the file is not in its place");
    let page: i64 = connection.query_row(
        "SELECT rootpage FROM sqlite_schema WHERE name = 'seal'",
        [],
        |row| row.get(0),
    )?;
    let image = connection.serialize("main")?;
    let size: i64 = connection.query_row("PRAGMA page_size", [], |row| row.get(0))?;
    let size = usize::try_from(size).map_err(|_| missing())?;
    let page = usize::try_from(page).ok().and_then(|page| page.checked_sub(1));
    let start = page.and_then(|page| page.checked_mul(size)).ok_or_else(missing)?;
    let own_page = image.get(start..).and_then(|rest| rest.get(..size)).ok_or_else(missing)?;
    let within =
        own_page.windows(own.len()).position(|window| window == own).ok_or_else(missing)?;
    let at = start + within;
    Ok(keys.authenticate(&[&image[..at], &image[at + own.len()..]]))
}
