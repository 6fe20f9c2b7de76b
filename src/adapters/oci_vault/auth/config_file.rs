//! The configuration file of Oracle's command line and SDKs (`~/.oci/config`).
//!
//! Responsible for its grammar (INI; every profile inherits what `DEFAULT` says, as in the Python
//! SDK) and for finding it. Source: Oracle's page "SDK and CLI Configuration File".

use std::collections::BTreeMap;

use super::environment::Environment;
use crate::domain::material::Secret;

/// Where it is when nothing is said.
const PLACES: [&str; 2] = ["~/.oci/config", "~/.oraclebmc/config"];
const DEFAULT: &str = "DEFAULT";

/// One profile of the file.
#[derive(Debug, Default)]
pub(super) struct Profile {
    values: BTreeMap<String, Secret>,
}

impl Profile {
    /// A value; an empty one counts as not set.
    pub(super) fn get(&self, key: &str) -> Option<&str> {
        self.values.get(key)?.expose_text().ok().filter(|text| !text.is_empty())
    }

    /// A value that is secret.
    pub(super) fn secret(&self, key: &str) -> Option<Secret> {
        self.values.get(key).filter(|value| !value.is_empty()).map(Secret::duplicate)
    }
}

/// The profile that is meant; `None` when no file is named and there is none in the usual places.
pub(super) fn find(
    environment: &Environment,
    file: Option<&str>,
    profile: Option<&str>,
) -> Result<Option<Profile>, String> {
    let from_environment = environment.get("OCI_CONFIG_FILE");
    let usual = || PLACES.into_iter().find(|place| environment.has_file(place));
    let Some(file) = file.or(from_environment.as_deref()).or_else(usual) else {
        return match profile {
            Some(name) => Err(format!(
                "config_profile is {name:?}, but there is no configuration file {}",
                PLACES[0]
            )),
            None => Ok(None),
        };
    };
    let text = environment.read("the configuration file", file)?;
    let text =
        text.expose_text().map_err(|_| format!("the configuration file {file} is not text"))?;
    let name = profile.unwrap_or(DEFAULT);
    parse(text, name)
        .map(Some)
        .ok_or_else(|| format!("the configuration file {file} has no profile {name:?}"))
}

/// One profile of a file's text, with what it inherits.
fn parse(text: &str, name: &str) -> Option<Profile> {
    let mut found = name == DEFAULT;
    let (mut inherited, mut own) = (BTreeMap::new(), BTreeMap::new());
    let mut section = String::new();
    for line in text.lines() {
        let line = line.trim();
        if line.is_empty() || line.starts_with(['#', ';']) {
            continue;
        }
        if let Some(header) = line.strip_prefix('[').and_then(|rest| rest.strip_suffix(']')) {
            header.trim().clone_into(&mut section);
            found |= section == name;
            continue;
        }
        let Some((key, value)) = line.split_once(['=', ':']) else { continue };
        let (key, value) = (key.trim().to_lowercase(), Secret::from(value.trim()));
        if section == name {
            own.insert(key, value);
        } else if section == DEFAULT {
            inherited.insert(key, value);
        }
    }
    inherited.extend(own);
    found.then_some(Profile { values: inherited })
}

#[cfg(test)]
mod tests {
    use super::*;

    const FILE: &str = "# comment\n[DEFAULT]\nuser=ocid1.user.oc1..a\nregion = us-phoenix-1\n\n[OTHER]\nregion: eu-frankfurt-1\npass_phrase = a = b\nempty=\n";

    #[test]
    fn profile_inherits_the_default() {
        let profile = parse(FILE, "OTHER").unwrap();
        assert_eq!(profile.get("user"), Some("ocid1.user.oc1..a"));
        assert_eq!(profile.get("region"), Some("eu-frankfurt-1"));
        assert_eq!(profile.secret("pass_phrase"), Some(Secret::from("a = b")));
        assert_eq!(profile.get("empty"), None);
        assert_eq!(parse(FILE, "DEFAULT").unwrap().get("region"), Some("us-phoenix-1"));
    }

    #[test]
    fn missing_profile_and_missing_file_are_told() {
        assert!(parse(FILE, "NONE").is_none());
        let nowhere = Environment::with(&[("HOME", "/nonexistent")]);
        assert!(find(&nowhere, None, None).unwrap().is_none());
        assert!(find(&nowhere, None, Some("OTHER")).unwrap_err().contains("OTHER"));
        assert!(find(&nowhere, Some("~/x"), None).unwrap_err().contains("/nonexistent/x"));
    }

    #[test]
    fn values_are_not_shown() {
        let shown = format!("{:?}", parse(FILE, "OTHER").unwrap());
        assert!(!shown.contains("a = b"));
    }
}
