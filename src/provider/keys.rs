//! Fingerprint keys that the user names: environment variables and files.
//!
//! Responsible for reading them when they are first needed, for checking who may read a file, and
//! for saying what is wrong without showing a key. Which key is used is decided by
//! [`engine::keys`](crate::engine::keys).

use std::fs;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use zeroize::Zeroizing;

use crate::domain::fingerprint::Key;
use crate::domain::material::Secret;
use crate::engine::failure::KeyProblem;

/// Variable that is used when the provider block names no key.
pub(super) const DEFAULT_VARIABLE: &str = "COFFER_FINGERPRINT_KEY";

/// Where keys come from.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Sources {
    pub(super) key_env: Option<String>,
    pub(super) key_file: Option<String>,
    pub(super) retired_key_envs: Vec<String>,
    pub(super) retired_key_files: Vec<String>,
}

impl Sources {
    /// Reads the primary key, if there is one, and the retired ones.
    pub(super) fn load(&self) -> Result<(Option<Key>, Vec<Key>), KeyProblem> {
        let primary = match (&self.key_env, &self.key_file) {
            (Some(variable), _) => Some(from_variable(variable, "key_env")?),
            (None, Some(path)) => Some(from_file(path, "key_file")?),
            (None, None) => match std::env::var_os(DEFAULT_VARIABLE) {
                Some(text) if !text.is_empty() => Some(from_variable(DEFAULT_VARIABLE, "key_env")?),
                _ => None,
            },
        };
        let variables =
            self.retired_key_envs.iter().map(|name| from_variable(name, "retired_key_envs"));
        let files = self.retired_key_files.iter().map(|path| from_file(path, "retired_key_files"));
        Ok((primary, variables.chain(files).collect::<Result<_, _>>()?))
    }
}

fn from_variable(name: &str, argument: &'static str) -> Result<Key, KeyProblem> {
    let problem = |message: String| KeyProblem { argument, message };
    match std::env::var(name).map(Zeroizing::new) {
        Ok(text) if !text.trim().is_empty() => key(&text).map_err(|why| {
            problem(format!("The environment variable {name} does not hold a key: {why}."))
        }),
        Err(std::env::VarError::NotUnicode(_)) => {
            Err(problem(format!("The environment variable {name} is not text.")))
        }
        _ => Err(problem(format!("The environment variable {name} is not set."))),
    }
}

fn from_file(path: &str, argument: &'static str) -> Result<Key, KeyProblem> {
    let problem = |message: String| KeyProblem { argument, message };
    check_mode(path).map_err(problem)?;
    let text = fs::read_to_string(path)
        .map(Zeroizing::new)
        .map_err(|error| problem(format!("The key file {path} cannot be read: {error}.")))?;
    key(&text).map_err(|why| problem(format!("The file {path} does not hold a key: {why}.")))
}

#[cfg(unix)]
fn check_mode(path: &str) -> Result<(), String> {
    use std::os::unix::fs::PermissionsExt as _;
    let metadata = fs::metadata(path)
        .map_err(|error| format!("The key file {path} cannot be read: {error}."))?;
    let mode = metadata.permissions().mode() & 0o777;
    if mode & 0o077 == 0 {
        return Ok(());
    }
    Err(format!(
        "The key file {path} has mode {mode:03o}, so others than its owner can read it. Next step: \
         chmod 600 {path}."
    ))
}

#[cfg(not(unix))]
fn check_mode(_path: &str) -> Result<(), String> {
    Ok(())
}

fn key(text: &str) -> Result<Key, String> {
    let bytes = STANDARD
        .decode(text.trim())
        .map_err(|_| "it is not base64 (standard alphabet, with padding)".to_owned())?;
    Key::new(Secret::new(bytes)).map_err(|error| error.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn file(content: &str, mode: u32) -> tempfile::NamedTempFile {
        use std::os::unix::fs::PermissionsExt as _;
        let file = tempfile::NamedTempFile::new().unwrap();
        fs::write(file.path(), content).unwrap();
        fs::set_permissions(file.path(), fs::Permissions::from_mode(mode)).unwrap();
        file
    }

    fn load(path: &std::path::Path) -> Result<(Option<Key>, Vec<Key>), KeyProblem> {
        let key_file = Some(path.to_str().unwrap().to_owned());
        Sources { key_file, ..Sources::default() }.load()
    }

    #[test]
    fn key_file_is_read() {
        let file = file(&format!("{}\n", STANDARD.encode([7; 32])), 0o600);
        let (primary, retired) = load(file.path()).unwrap();
        let same = Key::new(Secret::new(vec![7; 32])).unwrap();
        assert_eq!(primary.unwrap().id(), same.id());
        assert!(retired.is_empty());
    }

    #[test]
    fn key_file_that_others_can_read_is_refused() {
        let file = file(&STANDARD.encode([7; 32]), 0o644);
        let problem = load(file.path()).unwrap_err();
        assert_eq!(problem.argument, "key_file");
        assert!(problem.message.contains("mode 644") && problem.message.contains("chmod 600"));
    }

    #[test]
    fn short_key_is_refused_without_showing_it() {
        let text = STANDARD.encode("canary");
        let file = file(&text, 0o600);
        let problem = load(file.path()).unwrap_err();
        assert!(problem.message.contains("32 bytes"), "{problem}");
        assert!(!problem.message.contains(&text));
    }

    #[test]
    fn missing_variable_is_named() {
        let sources =
            Sources { key_env: Some("COFFER_TEST_NOT_SET".to_owned()), ..Sources::default() };
        let problem = sources.load().unwrap_err();
        assert!(problem.message.contains("COFFER_TEST_NOT_SET is not set"));
    }
}
