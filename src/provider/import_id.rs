//! The ids by which users name a secret: `<profile>/<name>`, or `name` and `profile`.
//!
//! Responsible for turning either into a profile and a name, with a message that shows the form.
//! The grammar itself is [`domain::secret`](crate::domain::secret)'s.

use super::configure::{Configured, NoVault};
use super::errors;
use crate::domain::secret::{SecretId, SecretName};
use crate::plugin::framework::diag::Diagnostics;
use crate::plugin::framework::path::Path;
use crate::plugin::framework::value::Value;

/// A secret that was named: profile and name in it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Located {
    pub(super) profile: String,
    pub(super) name: SecretName,
}

impl Located {
    /// `<profile>/<name>`.
    pub(super) fn id(&self) -> String {
        id(&self.profile, self.name.as_str())
    }
}

/// `<profile>/<name>`.
pub(super) fn id(profile: &str, name: &str) -> String {
    format!("{profile}/{name}")
}

/// Reads an id.
pub(super) fn parse(
    text: &str,
    at: Path,
    configured: &Configured,
    diags: &mut Diagnostics,
) -> Option<Located> {
    match text.parse::<SecretId>() {
        Ok(id) if configured.may_have(id.profile.as_str()) => {
            Some(Located { profile: id.profile.as_str().to_owned(), name: id.name })
        }
        Ok(id) => {
            let name = id.profile.as_str().to_owned();
            let known = configured.profile_names();
            errors::no_vault(&NoVault::NoSuchProfile { name, known }, at, diags);
            None
        }
        Err(error) => {
            let known = configured.profile_names().join(", ");
            diags.error(
                at,
                "Id of a secret is not valid",
                format!("{}. Known profiles: {known}.", capitalised(&error.to_string())),
            );
            None
        }
    }
}

/// Reads `id`, or `name` and `profile`, of a configuration that is wholly known.
pub(super) fn locate(
    config: &Value,
    configured: &Configured,
    diags: &mut Diagnostics,
) -> Option<Located> {
    if let Some(id) = config.get("id").as_str() {
        return parse(id, Path::attribute("id"), configured, diags);
    }
    let profile = match configured.profile_name(config.get("profile").as_str()) {
        Ok(profile) => profile,
        Err(problem) => {
            errors::no_vault(&problem, Path::attribute("profile"), diags);
            return None;
        }
    };
    match SecretName::parse(config.get("name").as_str().unwrap_or_default()) {
        Ok(name) => Some(Located { profile, name }),
        Err(error) => {
            let path = Path::attribute("name");
            diags.error(path, "Name of a secret is not valid", format!("{error}."));
            None
        }
    }
}

/// The text with an upper-case first letter, as a sentence begins.
pub(super) fn capitalised(text: &str) -> String {
    let mut characters = text.chars();
    match characters.next() {
        Some(first) => first.to_uppercase().chain(characters).collect(),
        None => String::new(),
    }
}
