//! What sign-in looks up outside the profile: variables and files.
//!
//! Responsible for the two ways to look, so that tests can answer them. Leaves what is looked up
//! to the others.

use std::fmt;
use std::fs;
use std::path::PathBuf;
use std::sync::Arc;

use crate::domain::material::Secret;

type Lookup = Arc<dyn Fn(&str) -> Option<String> + Send + Sync>;

/// The environment of the process, or one made for a test.
#[derive(Clone)]
pub struct Environment(Lookup);

impl fmt::Debug for Environment {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Environment")
    }
}

impl Environment {
    /// That of the process.
    #[must_use]
    pub fn of_process() -> Self {
        Self(Arc::new(|name| std::env::var(name).ok()))
    }

    /// One with these variables and no others.
    #[must_use]
    pub fn with(variables: &[(&str, &str)]) -> Self {
        let variables: Vec<(String, String)> =
            variables.iter().map(|(k, v)| ((*k).to_owned(), (*v).to_owned())).collect();
        Self(Arc::new(move |name| {
            variables.iter().find(|(key, _)| key == name).map(|(_, value)| value.clone())
        }))
    }

    /// A variable; an empty one counts as not set.
    pub(super) fn get(&self, name: &str) -> Option<String> {
        (self.0)(name).filter(|value| !value.is_empty())
    }

    /// A path, with `~` for the home directory.
    pub(super) fn path(&self, text: &str) -> PathBuf {
        match (text.strip_prefix("~/"), self.get("HOME")) {
            (Some(rest), Some(home)) => PathBuf::from(home).join(rest),
            _ => PathBuf::from(text),
        }
    }

    /// The text of a file; `what` is it for the error.
    pub(super) fn read(&self, what: &str, path: &str) -> Result<Secret, String> {
        let path = self.path(path);
        fs::read(&path)
            .map(Secret::new)
            .map_err(|error| format!("{what} {} cannot be read: {error}", path.display()))
    }

    /// Whether there is such a file.
    pub(super) fn has_file(&self, path: &str) -> bool {
        self.path(path).is_file()
    }
}
