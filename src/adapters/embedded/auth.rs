//! Master keys: from a key, a key file or a passphrase.
//!
//! Responsible for reading and creating key files (mode 0600, in one step, synced before the vault
//! depends on them) and for stretching passphrases (argon2id, RFC 9106). Leaves what the master
//! key unwraps to [`crypto`](super::crypto). A missing key file of an existing vault is an error:
//! it is never replaced by a new key.

use std::fs::{self, File, OpenOptions};
use std::io::{ErrorKind as Io, Read, Write};
use std::path::{Path, PathBuf};

use argon2::{Algorithm, Argon2, Params, Version};
use base64::Engine;
use base64::engine::general_purpose::{STANDARD, STANDARD_NO_PAD, URL_SAFE, URL_SAFE_NO_PAD};
use zeroize::Zeroizing;

use super::ambient::Ambient;
use super::config::KeySource;
use super::crypto::KeyBytes;
use super::error::{Failure, from_io};
use crate::domain::material::Secret;
use crate::domain::port::ErrorKind;

/// How the master key of a vault is made; kept in the vault's header, in the clear.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Protection {
    /// From 32 bytes that are given.
    Key,
    /// From a passphrase.
    Passphrase(Stretching),
}

/// Parameters of argon2id.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Stretching {
    salt: [u8; 16],
    memory_kib: u32,
    passes: u32,
    lanes: u32,
}

impl Protection {
    /// How a new vault under `source` is protected.
    pub(super) fn new(source: &KeySource, ambient: &Ambient) -> Result<Self, Failure> {
        if !matches!(source, KeySource::Passphrase(_)) {
            return Ok(Self::Key);
        }
        let mut salt = [0; 16];
        ambient.fill(&mut salt)?;
        Ok(Self::Passphrase(Stretching { salt, memory_kib: 64 * 1024, passes: 3, lanes: 1 }))
    }

    pub(super) fn encode(&self) -> Vec<u8> {
        match self {
            Self::Key => vec![1],
            Self::Passphrase(s) => {
                let mut bytes = vec![2];
                bytes.extend_from_slice(&s.salt);
                for number in [s.memory_kib, s.passes, s.lanes] {
                    bytes.extend_from_slice(&number.to_le_bytes());
                }
                bytes
            }
        }
    }

    pub(super) fn decode(bytes: &[u8]) -> Option<Self> {
        match bytes.split_first()? {
            (1, []) => Some(Self::Key),
            (2, rest) => {
                let (salt, rest) = rest.split_first_chunk::<16>()?;
                let (memory, rest) = rest.split_first_chunk::<4>()?;
                let (passes, rest) = rest.split_first_chunk::<4>()?;
                let lanes: [u8; 4] = rest.try_into().ok()?;
                Some(Self::Passphrase(Stretching {
                    salt: *salt,
                    memory_kib: u32::from_le_bytes(*memory),
                    passes: u32::from_le_bytes(*passes),
                    lanes: u32::from_le_bytes(lanes),
                }))
            }
            _ => None,
        }
    }
}

/// The master key of an existing vault.
pub(super) fn existing(source: &KeySource, protection: &Protection) -> Result<KeyBytes, Failure> {
    match (source, protection) {
        (KeySource::Key(key), Protection::Key) => Ok(key.0.clone()),
        (KeySource::File(path), Protection::Key) => read_key_file(path),
        (KeySource::Passphrase(passphrase), Protection::Passphrase(stretching)) => {
            stretch(passphrase, stretching)
        }
        (_, Protection::Passphrase(_)) => Err(Failure::new(
            ErrorKind::Unauthenticated,
            "the vault is protected by a passphrase, and none is given. Set COFFER_EMBEDDED_PASSPHRASE or the argument passphrase",
        )),
        (KeySource::Passphrase(_), Protection::Key) => Err(Failure::new(
            ErrorKind::Unauthenticated,
            "the vault is protected by a key, but a passphrase is given. Set COFFER_EMBEDDED_KEY or key_file, and unset the passphrase",
        )),
    }
}

/// The master key of a vault that is being created, and what to tell the user.
pub(super) fn fresh(
    source: &KeySource,
    protection: &Protection,
    ambient: &Ambient,
) -> Result<(KeyBytes, Option<String>), Failure> {
    if let KeySource::File(path) = source
        && let Some(key) = create_key_file(path, ambient)?
    {
        let notice = format!(
            "A new master key was written to {path}. Keep a copy of it in a safe place, apart from the vault, and keep it out of version control: whoever has both can read every secret, and without the key nothing in the vault can be recovered by anybody.",
            path = path.display()
        );
        return Ok((key, Some(notice)));
    }
    existing(source, protection).map(|key| (key, None))
}

/// The key of a base64 text (standard or URL alphabet, padded or not).
pub(super) fn decode_key(text: &Secret) -> Result<KeyBytes, String> {
    const EXPECTED: &str =
        "the master key must be 32 bytes in base64, as `openssl rand -base64 32` prints them";
    let text = text.expose().trim_ascii();
    let mut key = KeyBytes::default();
    let mut buffer = Zeroizing::new([0; 64]);
    if text.len() > 64 {
        return Err(format!("{EXPECTED}; this text has {} characters", text.len()));
    }
    for engine in [&STANDARD, &STANDARD_NO_PAD, &URL_SAFE, &URL_SAFE_NO_PAD] {
        if let Ok(length) = engine.decode_slice(text, buffer.as_mut_slice()) {
            if length != key.len() {
                return Err(format!("{EXPECTED}; this one has {length} bytes"));
            }
            key.copy_from_slice(&buffer[..length]);
            return Ok(key);
        }
    }
    Err(format!("{EXPECTED}; this text is not base64"))
}

fn stretch(passphrase: &Secret, parameters: &Stretching) -> Result<KeyBytes, Failure> {
    const MOST_KIB: u32 = 1024 * 1024;
    let refused = || Failure::corrupt("its key stretching parameters are out of range");
    if parameters.memory_kib > MOST_KIB || parameters.passes > 64 {
        return Err(refused());
    }
    let params = Params::new(parameters.memory_kib, parameters.passes, parameters.lanes, Some(32))
        .map_err(|_| refused())?;
    let mut key = KeyBytes::default();
    Argon2::new(Algorithm::Argon2id, Version::V0x13, params)
        .hash_password_into(passphrase.expose(), &parameters.salt, key.as_mut_slice())
        .map_err(|_| refused())?;
    Ok(key)
}

fn read_key_file(path: &Path) -> Result<KeyBytes, Failure> {
    let shown = path.display();
    let mut file = File::open(path).map_err(|e| match e.kind() {
        Io::NotFound => Failure::new(
            ErrorKind::Unauthenticated,
            format!(
                "the vault exists, but its key file {shown} does not. Nothing was changed. Bring the key file back, or give the key in COFFER_EMBEDDED_KEY; without the key nothing in the vault can be recovered"
            ),
        ),
        _ => from_io(&format!("opening the key file {shown}"), &e),
    })?;
    check_private(&file, path)?;
    let mut text = Zeroizing::new(Vec::with_capacity(256));
    (&mut file)
        .take(200)
        .read_to_end(&mut text)
        .map_err(|e| from_io(&format!("reading the key file {shown}"), &e))?;
    decode_key(&Secret::from_zeroizing(text)).map_err(|why| {
        Failure::new(
            ErrorKind::Unauthenticated,
            format!("the key file {shown} holds no key: {why}"),
        )
    })
}

#[cfg(unix)]
fn check_private(file: &File, path: &Path) -> Result<(), Failure> {
    use std::os::unix::fs::PermissionsExt;

    let shown = path.display();
    let metadata =
        file.metadata().map_err(|e| from_io(&format!("examining the key file {shown}"), &e))?;
    let mode = metadata.permissions().mode() & 0o777;
    if mode & 0o077 == 0 {
        return Ok(());
    }
    Err(Failure::new(
        ErrorKind::PermissionDenied,
        format!(
            "the key file {shown} can be read or written by others (mode {mode:04o}); it is not used. Run `chmod 600 {shown}`, and `terraform-provider-coffer vault rekey` if somebody may have read it"
        ),
    ))
}

#[cfg(not(unix))]
fn check_private(_file: &File, _path: &Path) -> Result<(), Failure> {
    Ok(())
}

/// Creates a key file with a new key, whole or not at all; `None` when there is one.
///
/// The key is written beside its place and moved there in one step that replaces nothing: a kill
/// leaves no half of a key file, and two vaults that share one agree on it.
pub(super) fn create_key_file(path: &Path, ambient: &Ambient) -> Result<Option<KeyBytes>, Failure> {
    let attempt = format!("creating the key file {}", path.display());
    let failed = |e: std::io::Error| from_io(&attempt, &e);
    if path.try_exists().map_err(failed)? {
        return Ok(None);
    }
    let mut key = KeyBytes::default();
    ambient.fill(key.as_mut_slice())?;
    // Room for the line end from the start: a reallocation would leave a copy behind.
    let mut text = Zeroizing::new(String::with_capacity(64));
    STANDARD.encode_string(key.as_slice(), &mut text);
    text.push('\n');
    let mut random = [0; 4];
    ambient.fill(&mut random)?;
    let mut draft = path.as_os_str().to_owned();
    draft.push(format!(".{:08x}.draft", u32::from_le_bytes(random)));
    let draft = PathBuf::from(draft);

    if let Some(directory) = path.parent() {
        create_private_directory(directory).map_err(failed)?;
    }
    let mut file =
        private(OpenOptions::new().write(true).create_new(true)).open(&draft).map_err(failed)?;
    let published = file
        .write_all(text.as_bytes())
        .and_then(|()| file.sync_all())
        .and_then(|()| move_without_replacing(&draft, path));
    if let Err(error) = published {
        // Nothing depends on it; the error that matters is the one above.
        let _ = fs::remove_file(&draft);
        return if error.kind() == Io::AlreadyExists { Ok(None) } else { Err(failed(error)) };
    }
    sync_directory_of(path).map_err(failed)?;
    Ok(Some(key))
}

fn move_without_replacing(from: &Path, to: &Path) -> std::io::Result<()> {
    #[cfg(any(target_os = "linux", target_os = "android", target_os = "macos"))]
    {
        use rustix::fs::{CWD, RenameFlags, renameat_with};
        use rustix::io::Errno;

        match renameat_with(CWD, from, CWD, to, RenameFlags::NOREPLACE) {
            // The file system does not know how.
            Err(Errno::INVAL | Errno::NOSYS | Errno::NOTSUP) => {}
            outcome => return outcome.map_err(Into::into),
        }
    }
    fs::hard_link(from, to)?;
    fs::remove_file(from)
}

/// Options that create a file for its owner only.
pub(super) fn private(options: &mut OpenOptions) -> &mut OpenOptions {
    #[cfg(unix)]
    {
        use std::os::unix::fs::OpenOptionsExt;
        options.mode(0o600);
    }
    options
}

/// Creates a directory, and those above it, for its owner only; leaves an existing one alone.
pub(super) fn create_private_directory(directory: &Path) -> std::io::Result<()> {
    if directory.as_os_str().is_empty() || directory.is_dir() {
        return Ok(());
    }
    let mut builder = fs::DirBuilder::new();
    builder.recursive(true);
    #[cfg(unix)]
    {
        use std::os::unix::fs::DirBuilderExt;
        builder.mode(0o700);
    }
    builder.create(directory)?;
    sync_directory_of(directory)
}

/// Makes a new directory entry survive a power cut.
pub(super) fn sync_directory_of(path: &Path) -> std::io::Result<()> {
    if cfg!(not(unix)) {
        return Ok(());
    }
    let parent = path
        .parent()
        .filter(|p| !p.as_os_str().is_empty())
        .map_or_else(|| PathBuf::from("."), Path::to_path_buf);
    File::open(parent)?.sync_all()
}
