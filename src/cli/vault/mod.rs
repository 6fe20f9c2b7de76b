//! `vault`: the embedded vault by hand.
//!
//! Responsible for arguments and for opening the vault with the same settings as a profile has.
//! What the subcommands do and print is in [`commands`] and [`show`]. Values are printed by `get`
//! only.

mod backup;
mod commands;
mod show;

use std::io::Read as _;
use std::path::PathBuf;

use anyhow::Context as _;
use clap::{Args, Subcommand};
use coffer::adapters::descriptor::{ArgumentKind, Setting, Settings};
use coffer::adapters::embedded::{Ambient, Config, DESCRIPTOR, Embedded};
use coffer::domain::material::Secret;
use zeroize::Zeroizing;

use super::Environment;

/// Arguments of `vault`.
#[derive(Debug, Args)]
#[command(after_help = "\
The key comes from COFFER_EMBEDDED_KEY (32 bytes in base64), COFFER_EMBEDDED_KEY_FILE, \
COFFER_EMBEDDED_PASSPHRASE, the options above, or the file next to the vault (PATH.key).

Exit codes: 0 done, 1 failed or (verify) damaged, 2 wrong arguments.")]
pub(super) struct Vault {
    /// The vault file [default: $COFFER_EMBEDDED_PATH or .coffer/vault.db].
    #[arg(long, global = true)]
    path: Option<PathBuf>,

    /// File that holds the master key [default: the vault file with .key appended].
    #[arg(long, global = true, value_name = "FILE")]
    key_file: Option<PathBuf>,

    /// Read the passphrase from standard input (its first line).
    #[arg(long, global = true, conflicts_with = "key_file")]
    passphrase_stdin: bool,

    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Create a vault and its key, and say what to keep safe.
    Init,
    /// List the secrets, without values.
    List {
        /// Only names that start with this.
        prefix: Option<String>,
        /// Also secrets that are deleted and can be recovered.
        #[arg(long)]
        deleted: bool,
        /// Print JSON.
        #[arg(long)]
        json: bool,
    },
    /// Show what is known about a secret, without its value.
    Show {
        /// Name of the secret.
        name: String,
        /// Print JSON.
        #[arg(long)]
        json: bool,
    },
    /// Print a value, as it is, to standard output.
    Get(Get),
    /// List the versions of a secret, without values.
    History {
        /// Name of the secret.
        name: String,
        /// Print JSON.
        #[arg(long)]
        json: bool,
    },
    /// Check every byte of the vault. Changes nothing.
    Verify {
        /// Print JSON.
        #[arg(long)]
        json: bool,
    },
    /// Write all versions of a secret to an encrypted file.
    Backup(backup::Backup),
    /// Bring a secret back from such a file.
    Restore(backup::Restore),
    /// Protect the vault with another master key; secrets and fingerprints stay as they are.
    Rekey(Rekey),
}

/// Arguments of `get`.
#[derive(Debug, Args)]
struct Get {
    /// Name of the secret.
    name: String,
    /// Field to print, for types with several (username, password, …).
    #[arg(long)]
    field: Option<String>,
    /// Number of the version [default: the current one].
    #[arg(long, conflicts_with = "state")]
    version: Option<u64>,
    /// Rotation state of the version: current, latest, pending or previous.
    #[arg(long)]
    state: Option<String>,
}

/// Arguments of `rekey`.
#[derive(Debug, Args)]
#[command(after_help = "\
The new key is taken from --new-key-file, COFFER_EMBEDDED_NEW_KEY or \
COFFER_EMBEDDED_NEW_PASSPHRASE. With none of them, the key file in use is replaced.

The data in the vault is not encrypted anew: whoever has both an old copy of the vault and its old \
key can still read that copy. When a key was stolen, change the secrets as well.")]
struct Rekey {
    /// File with the new key; it is created with a new key when it does not exist.
    #[arg(long, value_name = "FILE")]
    new_key_file: Option<PathBuf>,
}

/// Runs a subcommand; the answer is false for a vault that `verify` finds damaged.
pub(super) fn run(arguments: &Vault, environment: &Environment) -> anyhow::Result<bool> {
    let backend = Embedded::new(arguments.config(environment)?, Ambient::system());
    let runtime = tokio::runtime::Builder::new_current_thread().build()?;
    let sound = runtime.block_on(commands::run(&arguments.command, &backend, environment))?;
    Ok(sound)
}

impl Vault {
    /// The settings that a profile would have, with the options in the place of its arguments.
    fn config(&self, environment: &Environment) -> anyhow::Result<Config> {
        let mut settings = Settings::default();
        for argument in DESCRIPTOR.arguments {
            let Some(value) = argument.env.and_then(|name| environment.get(name)) else { continue };
            if value.is_empty() {
                continue;
            }
            let value = match argument.kind {
                ArgumentKind::Secret => Setting::Secret(Secret::from(value.as_str())),
                _ => Setting::Text(value.clone()),
            };
            settings.set_from_environment(argument.name, value);
        }
        for (name, path) in [("path", &self.path), ("key_file", &self.key_file)] {
            if let Some(path) = path {
                let text = path.to_str().with_context(|| format!("--{name} is not valid UTF-8"))?;
                settings.set(name, Setting::Text(text.to_owned()));
            }
        }
        if self.passphrase_stdin {
            settings.set("passphrase", Setting::Secret(first_line_of_stdin()?));
        }
        Config::from_settings(settings).map_err(|error| match error.argument {
            Some(argument) => anyhow::anyhow!("{argument}: {error}"),
            None => error.into(),
        })
    }
}

fn first_line_of_stdin() -> anyhow::Result<Secret> {
    const LONGEST: u64 = 4096;
    let mut text = Zeroizing::new(Vec::with_capacity(usize::try_from(LONGEST)?));
    std::io::stdin()
        .lock()
        .take(LONGEST)
        .read_to_end(&mut text)
        .context("reading the passphrase from standard input")?;
    let line = text.split(|byte| *byte == b'\n').next().unwrap_or_default();
    Ok(Secret::new(line.strip_suffix(b"\r").unwrap_or(line).to_vec()))
}
