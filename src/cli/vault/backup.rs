//! `vault backup` and `vault restore`: one secret as an encrypted file, and back.
//!
//! Responsible for the files: a backup is written beside nothing that exists, readable by its owner
//! only, and complete or not at all. What is in it is the backend's.

use std::fs::{File, OpenOptions};
use std::io::{ErrorKind, Read as _, Write as _};
use std::path::{Path, PathBuf};

use anyhow::{Context as _, anyhow, bail};
use clap::Args;
use coffer::adapters::embedded::Embedded;
use coffer::domain::port::Backend as _;

use super::commands::{about, parse};
use crate::cli::output;

/// More than 1,000 versions of the largest value is no backup of ours.
const LARGEST: u64 = 5 << 30;

/// Arguments of `backup`.
#[derive(Debug, Args)]
#[command(after_help = "\
The file holds all versions and all metadata of the secret, encrypted. It can be restored into this \
vault and into copies of it, whatever the master key is by then; not into another vault.")]
pub(super) struct Backup {
    /// Name of the secret.
    name: String,
    /// File to write. It must not exist yet.
    #[arg(long, short, value_name = "FILE")]
    out: PathBuf,
}

/// Arguments of `restore`.
#[derive(Debug, Args)]
#[command(after_help = "\
The secret comes back under its own name, which must be free: rename or destroy what has it now.")]
pub(super) struct Restore {
    /// File that `backup` wrote.
    file: PathBuf,
}

/// Writes a backup.
pub(super) async fn backup(backend: &Embedded, arguments: &Backup) -> anyhow::Result<()> {
    let Backup { name, out } = arguments;
    let secret = parse(name)?;
    if out.exists() {
        bail!("{} exists already; nothing was written. Choose another --out", out.display());
    }
    let backup = backend.backup(&secret).await.map_err(about(name))?;
    write_new(out, &backup)?;
    output::text(&format!("Wrote the backup of {name:?} to {}.", out.display()))?;
    Ok(())
}

/// Restores a backup.
pub(super) async fn restore(backend: &Embedded, arguments: &Restore) -> anyhow::Result<()> {
    let path = arguments.file.display();
    let cannot = || format!("{path} cannot be read");
    let mut bytes = Vec::new();
    let file = File::open(&arguments.file).with_context(cannot)?;
    file.take(LARGEST).read_to_end(&mut bytes).with_context(cannot)?;
    let restored =
        backend.restore(&bytes).await.map_err(|error| anyhow!("{path}: {}", error.message))?;
    let versions = match restored.latest {
        1 => "1 version".to_owned(),
        count => format!("versions up to number {count}"),
    };
    output::text(&format!("Restored {:?} with {versions}.", restored.name.as_str()))?;
    Ok(())
}

/// Writes a file that does not exist yet. What could not be written whole is removed.
fn write_new(path: &Path, bytes: &[u8]) -> anyhow::Result<()> {
    let mut options = OpenOptions::new();
    options.write(true).create_new(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    let mut file = match options.open(path) {
        Err(error) if error.kind() == ErrorKind::AlreadyExists => {
            bail!("{} exists already; nothing was written. Choose another --out", path.display())
        }
        opened => opened.with_context(|| format!("{} cannot be created", path.display()))?,
    };
    let written = file.write_all(bytes).and_then(|()| file.sync_all());
    if let Err(error) = written {
        // Half a backup is worse than none. That it cannot be removed changes nothing about that.
        let _ = std::fs::remove_file(path);
        return Err(error).with_context(|| format!("{} cannot be written", path.display()));
    }
    Ok(())
}
