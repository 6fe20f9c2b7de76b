//! A complete check of the vault: log, file structure, every record, every value, every byte.
//!
//! Responsible for finding all that is wrong rather than the first of it. Changes nothing.

use rusqlite::Connection;
use time::OffsetDateTime;

use super::crypto::Keys;
use super::error::Failure;
use super::log::{self, LogState};
use super::seal::{self, SealState};
use super::tx::{StoredRoot, View};
use super::vault::Vault;

/// What a check found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Verification {
    /// Secrets that could be read, soft-deleted ones included.
    pub secrets: u64,
    /// Versions whose content could be read.
    pub versions: u64,
    /// What the checksum over the whole file says.
    pub seal: SealState,
    /// What is wrong, in words for people; empty for a sound vault.
    pub problems: Vec<String>,
    /// What is worth knowing and not wrong.
    pub remarks: Vec<String>,
}

impl Vault {
    /// Checks everything; `None` when there is no vault.
    ///
    /// # Errors
    /// When the vault cannot be opened at all, which is itself the finding.
    pub fn verify(&self) -> Result<Option<Verification>, Failure> {
        let log = log::inspect(&self.config().path)?;
        let checked = self.snapshot(|connection, keys, now| {
            let mut verification = check(connection, keys, now);
            if log == LogState::Torn {
                verification.remarks.push(
                    "the log ends in a write that was never completed (a kill or a power cut); it was undone"
                        .to_owned(),
                );
            }
            Ok(verification)
        })?;
        Ok(checked)
    }
}

fn check(connection: &Connection, keys: &Keys, now: OffsetDateTime) -> Verification {
    let mut problems = Vec::new();
    let mut remarks = Vec::new();
    let mut note = |failure: Failure| problems.push(failure.message);

    for line in structure(connection).unwrap_or_else(|failure| vec![failure.message]) {
        note(Failure::corrupt(format!("SQLite reports: {line}")));
    }
    let root = StoredRoot::load(connection, keys, None).map_err(&mut note).ok();
    let view = View::new(connection, keys, now);
    let (mut secrets, mut versions) = (0, 0);
    for row in view.all_even_broken().unwrap_or_else(|failure| vec![Err(failure)]) {
        let Ok(row) = row.map_err(&mut note) else { continue };
        secrets += 1;
        for version in &row.data.versions {
            match view.content(&row.data, version) {
                Ok(_) => versions += 1,
                Err(failure) => note(Failure {
                    message: format!(
                        "{} version {}: {}",
                        row.data.name, version.number, failure.message
                    ),
                    ..failure
                }),
            }
        }
    }
    let stored = view.count_versions().map_err(&mut note).ok();
    if let (Some(root), Some(stored)) = (&root, stored)
        && root.root().versions != stored
    {
        note(Failure::corrupt(format!(
            "it holds {stored} version records where it should hold {}",
            root.root().versions
        )));
    }
    let sequence = root.map(|root| root.root().sequence);
    let seal = match sequence.map(|sequence| seal::check(connection, keys, sequence)) {
        Some(Ok(state)) => state,
        Some(Err(failure)) => {
            note(failure);
            SealState::Broken
        }
        None => SealState::Broken,
    };
    match seal {
        SealState::Intact => {}
        SealState::Broken if sequence.is_some() && problems.is_empty() => problems.push(
            "a byte of the file differs from what was last written. No secret is affected. Write something, or restore the file from a backup".to_owned(),
        ),
        SealState::Broken => {}
        SealState::Outdated | SealState::Absent => remarks.push(
            "the last writer did not end in peace or is still at work, so bytes that are in no use were not checked; the next write checks them in".to_owned(),
        ),
    }
    Verification { secrets, versions, seal, problems, remarks }
}

/// What SQLite says about pages and trees; empty when all is well.
fn structure(connection: &Connection) -> Result<Vec<String>, Failure> {
    let mut statement = connection.prepare("PRAGMA integrity_check(10)")?;
    let lines =
        statement.query_map([], |row| row.get::<_, String>(0))?.collect::<Result<Vec<_>, _>>()?;
    Ok(lines.into_iter().filter(|line| line != "ok").collect())
}
