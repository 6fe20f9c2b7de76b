//! Settings of an embedded vault: where the file is and what protects it.
//!
//! Responsible for choosing among the key sources; touches no file. Leaves reading keys to
//! [`auth`](super::auth).

use std::path::{Path, PathBuf};

use super::auth;
use super::crypto::KeyBytes;
use crate::adapters::descriptor::{Argument, ArgumentKind, InvalidSettings, Settings};
use crate::domain::material::Secret;

/// Where the vault is when nothing is said.
pub const DEFAULT_PATH: &str = ".coffer/vault.db";

/// Arguments of a profile.
pub(super) const ARGUMENTS: &[Argument] = &[
    Argument {
        name: "path",
        kind: ArgumentKind::Text,
        required: false,
        sensitive: false,
        env: Some("COFFER_EMBEDDED_PATH"),
        description: "Path of the vault file. It is created, with its directory, when the first secret is written. Default: `.coffer/vault.db`.",
    },
    Argument {
        name: "key",
        kind: ArgumentKind::Secret,
        required: false,
        sensitive: true,
        env: Some("COFFER_EMBEDDED_KEY"),
        description: "Master key: 32 bytes in base64 (`openssl rand -base64 32`). Prefer the environment variable; plan files contain the provider configuration.",
    },
    Argument {
        name: "key_file",
        kind: ArgumentKind::Text,
        required: false,
        sensitive: false,
        env: Some("COFFER_EMBEDDED_KEY_FILE"),
        description: "File that holds the master key in base64, readable by its owner only. It is created together with the vault. Default: the vault's path with `.key` appended, when no other key is given.",
    },
    Argument {
        name: "passphrase",
        kind: ArgumentKind::Secret,
        required: false,
        sensitive: true,
        env: Some("COFFER_EMBEDDED_PASSPHRASE"),
        description: "Passphrase from which the master key is made (argon2id, 64 MiB). Prefer the environment variable; plan files contain the provider configuration.",
    },
];

/// What a vault is opened with.
#[derive(Debug)]
pub struct Config {
    /// The vault file.
    pub path: PathBuf,
    /// What protects it.
    pub key: KeySource,
}

/// Where the master key comes from.
pub enum KeySource {
    /// Given as such.
    Key(MasterKey),
    /// Held in a file, which is created together with the vault.
    File(PathBuf),
    /// Made from a passphrase.
    Passphrase(Secret),
}

/// A master key of 32 bytes.
pub struct MasterKey(pub(super) KeyBytes);

impl std::fmt::Debug for KeySource {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Key(_) => f.write_str("Key(…)"),
            Self::File(path) => f.debug_tuple("File").field(path).finish(),
            Self::Passphrase(_) => f.write_str("Passphrase(…)"),
        }
    }
}

impl std::fmt::Debug for MasterKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("MasterKey(…)")
    }
}

impl MasterKey {
    /// The key of a base64 text.
    ///
    /// # Errors
    /// What is wrong with the text, without the text.
    pub fn parse(text: &Secret) -> Result<Self, String> {
        auth::decode_key(text).map(Self)
    }
}

impl Config {
    /// A vault at `path` under the key file next to it.
    #[must_use]
    pub fn at(path: impl Into<PathBuf>) -> Self {
        let path = path.into();
        let key = KeySource::File(default_key_file(&path));
        Self { path, key }
    }

    /// Reads the settings of a profile. A configured key source wins over the environment's.
    ///
    /// # Errors
    /// Two key sources in the configuration, or a key that is none.
    pub fn from_settings(mut settings: Settings) -> Result<Self, InvalidSettings> {
        const SOURCES: [&str; 3] = ["key", "passphrase", "key_file"];
        let path = PathBuf::from(settings.text("path").unwrap_or(DEFAULT_PATH));
        if path.as_os_str().is_empty() {
            return Err(invalid("path", "must not be empty"));
        }
        let configured: Vec<_> =
            SOURCES.into_iter().filter(|name| settings.is_configured(name)).collect();
        if let [_, second, ..] = configured[..] {
            return Err(invalid(second, format!("set only one of {}", configured.join(", "))));
        }
        let wanted = |name| configured.is_empty() || configured == [name];
        if wanted("key")
            && let Some(text) = settings.take_secret("key")
        {
            let key = MasterKey::parse(&text).map_err(|why| invalid("key", why))?;
            return Ok(Self { path, key: KeySource::Key(key) });
        }
        if wanted("passphrase")
            && let Some(passphrase) = settings.take_secret("passphrase")
        {
            if passphrase.is_empty() {
                return Err(invalid("passphrase", "must not be empty"));
            }
            return Ok(Self { path, key: KeySource::Passphrase(passphrase) });
        }
        let key = KeySource::File(match settings.text("key_file") {
            Some("") => return Err(invalid("key_file", "must not be empty")),
            Some(file) if wanted("key_file") => PathBuf::from(file),
            _ => default_key_file(&path),
        });
        Ok(Self { path, key })
    }
}

/// The key file of a vault when none is named.
#[must_use]
pub fn default_key_file(vault: &Path) -> PathBuf {
    let mut name = vault.as_os_str().to_owned();
    name.push(".key");
    PathBuf::from(name)
}

fn invalid(argument: &'static str, message: impl Into<String>) -> InvalidSettings {
    InvalidSettings { argument: Some(argument), message: message.into() }
}
