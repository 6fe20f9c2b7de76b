//! What can go wrong with the vault file, in words for the user.
//!
//! Responsible for [`Failure`], the error of everything below the port, and for reading SQLite's
//! codes. Leaves the operation's name and the vault's path to [`backend`](super::backend), which
//! adds them once. SQLite's own messages are not passed on: they may quote what was bound.

use rusqlite::ErrorCode;

use crate::domain::port::{BackendError, ErrorKind, Outcome, Status};

/// A failed step inside the vault.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{message}")]
pub struct Failure {
    /// Why.
    pub kind: ErrorKind,
    /// Whether trying again can help.
    pub status: Status,
    /// What happened and what to do about it.
    pub message: String,
    /// Ordered facts, never a value.
    pub context: Vec<(&'static str, String)>,
}

impl Failure {
    /// A failure that trying again does not help.
    pub(super) fn new(kind: ErrorKind, message: impl Into<String>) -> Self {
        Self { kind, status: Status::Permanent, message: message.into(), context: Vec::new() }
    }

    /// A failure that may pass.
    pub(super) fn temporary(kind: ErrorKind, message: impl Into<String>) -> Self {
        Self { status: Status::Temporary, ..Self::new(kind, message) }
    }

    /// The file holds something that coffer did not write there.
    pub(super) fn corrupt(what: impl AsRef<str>) -> Self {
        Self::new(
            ErrorKind::Corrupt,
            format!(
                "the vault file is damaged: {}. Nothing was changed. Run `terraform-provider-coffer vault verify` for the extent and restore the file from a backup",
                what.as_ref()
            ),
        )
    }

    /// Adds a fact. Never a value.
    pub(super) fn with(mut self, key: &'static str, value: impl Into<String>) -> Self {
        self.context.push((key, value.into()));
        self
    }

    /// The same for the port.
    pub(super) fn during(self, operation: &'static str) -> BackendError {
        BackendError {
            kind: self.kind,
            status: self.status,
            outcome: Outcome::NotApplied,
            operation,
            message: self.message,
            context: self.context,
        }
    }
}

/// How long a call waits for the write lock of another process, in seconds.
pub(super) const PATIENCE_SECONDS: u64 = 30;

impl From<rusqlite::Error> for Failure {
    fn from(error: rusqlite::Error) -> Self {
        let Some(code) = error.sqlite_error_code() else {
            // A column of another type or count than coffer writes.
            return Self::corrupt("a record has an unexpected form");
        };
        match code {
            ErrorCode::DatabaseBusy | ErrorCode::DatabaseLocked => Self::temporary(
                ErrorKind::Unavailable,
                format!(
                    "another process has kept the vault file locked for {PATIENCE_SECONDS} seconds. Nothing was changed; run again when it has finished"
                ),
            ),
            ErrorCode::DiskFull => Self::temporary(
                ErrorKind::Unavailable,
                "the disk that holds the vault file is full. Nothing was changed; free some space and run again",
            ),
            ErrorCode::ReadOnly => Self::new(
                ErrorKind::PermissionDenied,
                "the vault file or its directory is read-only. Nothing was changed; allow this user to write to both",
            ),
            ErrorCode::PermissionDenied | ErrorCode::AuthorizationForStatementDenied => Self::new(
                ErrorKind::PermissionDenied,
                "the operating system does not let this user use the vault file. Check its owner and mode",
            ),
            ErrorCode::CannotOpen => Self::new(
                ErrorKind::PermissionDenied,
                "the vault file cannot be opened. Check that the path is a file, and that this user may read and write it and its directory",
            ),
            ErrorCode::NotADatabase => Self::new(
                ErrorKind::Corrupt,
                "the file is not a coffer vault, or its beginning is damaged. Check the path; if it is right, restore the file from a backup",
            ),
            // The statements are fixed and fit every sound vault: where one does not, the table
            // or column that it names is not there any more.
            ErrorCode::DatabaseCorrupt
            | ErrorCode::Unknown
            | ErrorCode::SchemaChanged
            | ErrorCode::TypeMismatch
            | ErrorCode::InternalMalfunction => Self::corrupt("its structure is broken"),
            ErrorCode::SystemIoFailure => Self::temporary(
                ErrorKind::Unavailable,
                format!(
                    "the operating system could not read or write the vault file ({}). Nothing was changed; check the disk and its free space, and run again",
                    code_text(&error)
                ),
            ),
            ErrorCode::TooBig => {
                Self::new(ErrorKind::InvalidRequest, "the secret is too large for the vault file")
            }
            ErrorCode::OutOfMemory => {
                Self::temporary(ErrorKind::Unavailable, "there is not enough memory for the vault")
            }
            _ => Self::new(
                ErrorKind::Unexpected,
                format!("SQLite answered {} about the vault file", code_text(&error)),
            ),
        }
    }
}

fn code_text(error: &rusqlite::Error) -> String {
    error
        .sqlite_error()
        .map_or_else(|| "an error".to_owned(), |e| format!("code {}", e.extended_code))
}

/// A failure to read or write a file that is not the database (the key file, the directory).
pub(super) fn from_io(what: &str, error: &std::io::Error) -> Failure {
    use std::io::ErrorKind as Io;
    let message = format!("{what}: {}", error.kind());
    match error.kind() {
        Io::NotFound => Failure::new(ErrorKind::NotFound, message),
        Io::PermissionDenied | Io::ReadOnlyFilesystem => {
            Failure::new(ErrorKind::PermissionDenied, message)
        }
        Io::StorageFull | Io::QuotaExceeded => Failure::temporary(ErrorKind::Unavailable, message),
        _ => Failure::new(ErrorKind::Unexpected, message),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_missing_table_is_damage() {
        let file = rusqlite::Connection::open_in_memory().unwrap();
        let error = file.execute("DELETE FROM secrets", []).unwrap_err();
        assert_eq!(Failure::from(error).kind, ErrorKind::Corrupt);
    }
}
