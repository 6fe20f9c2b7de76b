//! The SQLite file: its tables, how a connection is opened, and the header with the wrapped key.
//!
//! Responsible for creating and recognising vault files. SQLite only ever sees ciphertext, keyed
//! hashes and the header. Leaves records to [`tx`](super::tx). Write-ahead log with a full sync
//! per commit, freed bytes overwritten, no temporary files.

use std::fs::OpenOptions;
use std::io::ErrorKind as Io;
use std::path::{Path, PathBuf};
use std::time::Duration;

use rusqlite::{Connection, OpenFlags, OptionalExtension, params};

use super::ambient::Ambient;
use super::auth::{self, Protection};
use super::config::Config;
use super::crypto::{DataKey, Digest32, Keys, Place, Wrapped, checksum};
use super::error::{Failure, PATIENCE_SECONDS, from_io};
use super::log;
use super::wire::Root;
use crate::domain::port::ErrorKind;

/// "cofr": marks the file as a coffer vault.
const APPLICATION_ID: i32 = 0x636f_6672;
/// The form of the file that this release writes.
const FORMAT: i32 = 1;

/// No file with content is smaller.
const SMALLEST_PAGE: u64 = 512;

/// The tables, word for word as SQLite keeps them.
const TABLES: [(&str, &str); 5] = [
    (
        "header",
        "CREATE TABLE header (id INTEGER PRIMARY KEY CHECK (id = 1), vault BLOB NOT NULL, protection BLOB NOT NULL, wrapped BLOB NOT NULL, checksum BLOB NOT NULL)",
    ),
    (
        "root",
        "CREATE TABLE root (id INTEGER PRIMARY KEY CHECK (id = 1), mark BLOB NOT NULL, record BLOB NOT NULL)",
    ),
    ("seal", "CREATE TABLE seal (id INTEGER PRIMARY KEY CHECK (id = 1), record BLOB NOT NULL)"),
    (
        "secret",
        "CREATE TABLE secret (lookup BLOB PRIMARY KEY NOT NULL, mark BLOB NOT NULL, record BLOB NOT NULL) WITHOUT ROWID",
    ),
    (
        "version",
        "CREATE TABLE version (slot BLOB PRIMARY KEY NOT NULL, record BLOB NOT NULL) WITHOUT ROWID",
    ),
];

/// What a connection may do.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Access {
    /// Read.
    Read,
    /// Read and write.
    Write,
}

/// What must be readable without the key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Header {
    pub(super) vault: [u8; 16],
    pub(super) protection: Protection,
    wrapped: Wrapped,
}

impl Header {
    /// Wraps `data_key` for a vault.
    pub(super) fn wrap(
        ambient: &Ambient,
        vault: [u8; 16],
        protection: Protection,
        master: &super::crypto::KeyBytes,
        data_key: &DataKey,
    ) -> Result<Self, Failure> {
        let wrapped = data_key.wrap(ambient, master, &vault, &protection.encode())?;
        Ok(Self { vault, protection, wrapped })
    }

    /// The data key, or the one clear error about a wrong key.
    pub(super) fn unwrap(&self, master: &super::crypto::KeyBytes) -> Result<DataKey, Failure> {
        let context = self.protection.encode();
        DataKey::unwrap(&self.wrapped, master, &self.vault, &context).ok_or_else(|| {
            let given = match self.protection {
                Protection::Key => "key",
                Protection::Passphrase(_) => "passphrase",
            };
            Failure::new(
                ErrorKind::Unauthenticated,
                format!(
                    "the {given} does not open this vault: it was protected with another one. Nothing was changed. Give the {given} that the vault was created with (or last rekeyed to)"
                ),
            )
        })
    }

    fn checksum(&self) -> Digest32 {
        checksum(&[&self.vault, &self.protection.encode(), &self.wrapped.0])
    }

    pub(super) fn store(&self, connection: &Connection) -> Result<(), Failure> {
        connection.execute(
            "INSERT OR REPLACE INTO header VALUES (1, ?1, ?2, ?3, ?4)",
            params![self.vault, self.protection.encode(), self.wrapped.0, self.checksum()],
        )?;
        Ok(())
    }

    pub(super) fn load(connection: &Connection) -> Result<Self, Failure> {
        let broken = || Failure::corrupt("its header does not match its checksum");
        let (vault, protection, wrapped, stored): (Vec<u8>, Vec<u8>, Vec<u8>, Vec<u8>) = connection
            .query_row(
                "SELECT vault, protection, wrapped, checksum FROM header WHERE id = 1",
                [],
                |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?, row.get(3)?)),
            )
            .optional()?
            .ok_or_else(|| Failure::corrupt("its header is missing"))?;
        let header = Self {
            vault: vault.try_into().map_err(|_| broken())?,
            protection: Protection::decode(&protection).ok_or_else(broken)?,
            wrapped: Wrapped(wrapped),
        };
        if header.checksum().as_slice() == stored { Ok(header) } else { Err(broken()) }
    }
}

/// What is at the path.
#[derive(Debug)]
pub(super) enum Found {
    /// Nothing, or a file in which no vault was ever committed.
    Nothing,
    /// A vault.
    Vault(Connection, Header),
}

/// Looks at the path without changing it.
pub(super) fn find(path: &Path) -> Result<Found, Failure> {
    match std::fs::metadata(path) {
        Err(e) if e.kind() == Io::NotFound => return Ok(Found::Nothing),
        Err(e) => return Err(from_io("looking for the vault file", &e)),
        Ok(metadata) if metadata.is_dir() => {
            return Err(Failure::new(
                ErrorKind::InvalidRequest,
                "the path is a directory. Give the path of a file in it",
            ));
        }
        Ok(metadata) if metadata.len() == 0 && !log_exists(path) => return Ok(Found::Nothing),
        // SQLite takes less than a page for a new database.
        Ok(metadata) if (1..SMALLEST_PAGE).contains(&metadata.len()) => {
            return Err(Failure::corrupt("it is cut off"));
        }
        Ok(_) => {}
    }
    log::check(path)?;
    let connection = connect(path, Access::Read)?;
    // In one snapshot: between two looks another process may have created the vault.
    let snapshot = connection.unchecked_transaction()?;
    let header = identify(&snapshot)?;
    drop(snapshot);
    match header {
        None => Ok(Found::Nothing),
        Some(header) => Ok(Found::Vault(connection, header)),
    }
}

/// Creates the vault unless there is one by now, and says what the user should know.
pub(super) fn create(config: &Config, ambient: &Ambient) -> Result<Option<String>, Failure> {
    let path = &config.path;
    if let Some(directory) = path.parent() {
        auth::create_private_directory(directory)
            .map_err(|e| from_io("creating the directory of the vault file", &e))?;
    }
    match auth::private(OpenOptions::new().write(true).create_new(true)).open(path) {
        Ok(file) => {
            drop(file);
            auth::sync_directory_of(path).map_err(|e| from_io("creating the vault file", &e))?;
        }
        Err(e) if e.kind() == Io::AlreadyExists => {}
        Err(e) => return Err(from_io("creating the vault file", &e)),
    }
    let mut connection = connect(path, Access::Write)?;
    let _: String = connection.query_row("PRAGMA journal_mode = WAL", [], |row| row.get(0))?;
    let tx = connection.transaction_with_behavior(rusqlite::TransactionBehavior::Immediate)?;
    if identify(&tx)?.is_some() {
        return Ok(None);
    }
    let mut vault = [0; 16];
    ambient.fill(&mut vault)?;
    let protection = Protection::new(&config.key, ambient)?;
    let (master, notice) = auth::fresh(&config.key, &protection, ambient)?;
    let data_key = DataKey::generate(ambient)?;
    let keys = Keys::derive(&data_key, vault);
    for (_, statement) in TABLES {
        tx.execute(statement, [])?;
    }
    tx.pragma_update(None, "application_id", APPLICATION_ID)?;
    tx.pragma_update(None, "user_version", FORMAT)?;
    Header::wrap(ambient, vault, protection, &master, &data_key)?.store(&tx)?;
    let root = keys.seal(ambient, Place::Root, &Root::EMPTY.encode())?;
    tx.execute("INSERT INTO root VALUES (1, ?1, ?2)", params![root.mark.0, root.ciphertext])?;
    tx.commit()?;
    Ok(notice)
}

/// Opens a connection and sets it up. The file must exist.
pub(super) fn connect(path: &Path, access: Access) -> Result<Connection, Failure> {
    match connect_shared(path, access) {
        // On a read-only medium SQLite cannot create the index of its log. Without a log the file
        // is complete as it is.
        Err(error)
            if access == Access::Read
                && error.kind == ErrorKind::PermissionDenied
                && !log_exists(path) =>
        {
            connect_immutable(path)
        }
        outcome => outcome,
    }
}

fn connect_shared(path: &Path, access: Access) -> Result<Connection, Failure> {
    let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let connection = Connection::open_with_flags(path, flags)?;
    configure(&connection, access)?;
    readable(&connection)?;
    Ok(connection)
}

fn connect_immutable(path: &Path) -> Result<Connection, Failure> {
    let flags = OpenFlags::SQLITE_OPEN_READ_ONLY
        | OpenFlags::SQLITE_OPEN_URI
        | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let connection = Connection::open_with_flags(file_uri(path), flags)?;
    configure(&connection, Access::Read)?;
    readable(&connection)?;
    Ok(connection)
}

fn file_uri(path: &Path) -> String {
    let mut uri = "file:".to_owned();
    for byte in path.as_os_str().as_encoded_bytes() {
        match byte {
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'/' | b'.' | b'-' | b'_' => {
                uri.push(char::from(*byte));
            }
            _ => uri.push_str(&format!("%{byte:02x}")),
        }
    }
    uri + "?immutable=1"
}

fn configure(connection: &Connection, access: Access) -> Result<(), Failure> {
    connection.busy_timeout(Duration::from_secs(PATIENCE_SECONDS))?;
    connection.execute_batch(
        "PRAGMA synchronous = FULL; PRAGMA secure_delete = ON; PRAGMA temp_store = MEMORY;
         PRAGMA trusted_schema = OFF; PRAGMA cell_size_check = ON; PRAGMA mmap_size = 0;",
    )?;
    if access == Access::Read {
        // There are as many readers as reads at once, and each has a cache: 256 KiB instead of
        // SQLite's 2 MiB, as the system caches the file, too.
        connection.execute_batch("PRAGMA query_only = ON; PRAGMA cache_size = -256;")?;
    }
    Ok(())
}

/// The first read is what opens the log and recovers it.
fn readable(connection: &Connection) -> Result<(), Failure> {
    connection.query_row("PRAGMA application_id", [], |row| row.get::<_, i64>(0))?;
    connection
        .query_row("SELECT count(*) FROM sqlite_schema", [], |row| row.get::<_, i64>(0))
        .map(|_| ())
        .map_err(Failure::from)
}

/// `None` for a database in which no vault was ever committed.
fn identify(connection: &Connection) -> Result<Option<Header>, Failure> {
    let pragma = |name: &str| -> Result<i32, Failure> {
        Ok(connection.query_row(&format!("PRAGMA {name}"), [], |row| row.get(0))?)
    };
    let mut statement = connection
        .prepare("SELECT name, sql FROM sqlite_schema WHERE type = 'table' ORDER BY name")?;
    let tables: Vec<(String, String)> =
        statement.query_map([], |row| Ok((row.get(0)?, row.get(1)?)))?.collect::<Result<_, _>>()?;
    let (application, format) = (pragma("application_id")?, pragma("user_version")?);
    if tables.is_empty() && application == 0 && format == 0 {
        return Ok(None);
    }
    if application != APPLICATION_ID {
        return Err(Failure::new(
            ErrorKind::Corrupt,
            "the file is an SQLite database, but not a coffer vault (or its beginning is damaged). Check the path; if it is right, restore the file from a backup",
        ));
    }
    if format > FORMAT && format < FORMAT + 1000 {
        return Err(Failure::new(
            ErrorKind::Unsupported,
            format!(
                "the vault has format {format}; this release knows formats up to {FORMAT}. Use a newer release of coffer"
            ),
        ));
    }
    let known = TABLES.iter().map(|(name, sql)| (*name, *sql));
    if format != FORMAT || !tables.iter().map(|(name, sql)| (name.as_str(), sql.as_str())).eq(known)
    {
        return Err(Failure::corrupt("its tables are not those of a coffer vault"));
    }
    Header::load(connection).map(Some)
}

/// Path of the write-ahead log.
pub(super) fn log_path(path: &Path) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push("-wal");
    PathBuf::from(name)
}

fn log_exists(path: &Path) -> bool {
    std::fs::metadata(log_path(path)).is_ok_and(|log| log.len() > 0)
}
