//! What the provider block says: profiles, the default profile, fingerprint keys.
//!
//! Responsible for opening a vault per profile (cheap: no file, no network), for taking arguments
//! from the environment where the configuration leaves them out, and for finding the vault of a
//! resource. A profile that cannot work is kept as broken and fails only what uses it. Backends
//! are found through the catalogue's descriptors, never by name (invariant I4).

use std::collections::BTreeMap;
use std::sync::Arc;

use super::keys::Sources;
use super::settings::{self, integer, texts};
use super::sync_to::Routes;
use crate::adapters::catalog::BACKENDS;
use crate::adapters::descriptor::{Descriptor, Pacing};
use crate::engine::failure::KeyProblem;
use crate::engine::keys::{Keys, OnMissingKey};
use crate::engine::seen::RefreshBy;
use crate::engine::vault::{DriftDetection, Vault, VaultOptions};
use crate::plugin::framework::diag::Diagnostics;
use crate::plugin::framework::path::Path;
use crate::plugin::framework::value::Value;

/// The profile there is when the provider block names none.
const LOCAL: &str = "local";

/// A provider block, read.
#[derive(Debug)]
pub(super) struct Configured {
    default_profile: DefaultProfile,
    profiles: BTreeMap<String, Profile>,
    /// The map of profiles itself is not known yet.
    profiles_unknown: bool,
    routes: Routes,
    keys: Keys,
}

/// The profile of resources that name none.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum DefaultProfile {
    /// This one.
    Named(String),
    /// Not known before apply.
    Unknown,
    /// There are several and none is the default.
    Undecided,
}

/// One entry of `profiles`.
#[derive(Debug)]
enum Profile {
    Ready {
        vault: Arc<Vault>,
        backend: &'static Descriptor,
    },
    Broken {
        path: Path,
        message: String,
    },
    /// An argument is not known before apply.
    Unknown,
}

/// Why a profile gives no vault.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum NoVault {
    /// Its configuration is not known before apply.
    Unknown,
    /// There is no profile of that name.
    NoSuchProfile { name: String, known: Vec<String> },
    /// The resource names no profile, and there are several.
    NoDefault { known: Vec<String> },
    /// Its arguments cannot work.
    Broken { name: String, path: Path, message: String },
}

impl Configured {
    /// Names of all profiles.
    pub(super) fn profile_names(&self) -> Vec<String> {
        self.profiles.keys().cloned().collect()
    }

    /// The fingerprint keys.
    pub(super) const fn keys(&self) -> &Keys {
        &self.keys
    }

    /// The profiles that get copies of this one's secrets; `None` while they are not known.
    pub(super) fn sync_to(&self, profile: &str) -> Option<&[String]> {
        self.routes.of(profile).filter(|_| !self.profiles_unknown)
    }

    /// Where all profiles copy to.
    pub(super) const fn routes(&self) -> &Routes {
        &self.routes
    }

    /// True when `name` is, or may become, a profile.
    pub(super) fn may_have(&self, name: &str) -> bool {
        self.profiles_unknown || self.profiles.contains_key(name)
    }

    /// The vault of a profile.
    pub(super) fn vault(&self, name: &str) -> Result<Arc<Vault>, NoVault> {
        match self.profiles.get(name) {
            Some(Profile::Ready { vault, .. }) => Ok(Arc::clone(vault)),
            Some(Profile::Broken { path, message }) => Err(NoVault::Broken {
                name: name.to_owned(),
                path: path.clone(),
                message: message.clone(),
            }),
            Some(Profile::Unknown) => Err(NoVault::Unknown),
            None if self.profiles_unknown => Err(NoVault::Unknown),
            None => {
                Err(NoVault::NoSuchProfile { name: name.to_owned(), known: self.profile_names() })
            }
        }
    }

    /// What the backend of a profile tells about itself, when the profile works.
    pub(super) fn backend(&self, profile: &str) -> Option<&'static Descriptor> {
        match self.profiles.get(profile) {
            Some(Profile::Ready { backend, .. }) => Some(backend),
            _ => None,
        }
    }

    /// The name of the profile that is meant: the one named, or the default.
    pub(super) fn profile_name(&self, named: Option<&str>) -> Result<String, NoVault> {
        match (named, &self.default_profile) {
            (Some(name), _) => Ok(name.to_owned()),
            (None, DefaultProfile::Named(name)) => Ok(name.clone()),
            (None, DefaultProfile::Unknown) => Err(NoVault::Unknown),
            (None, DefaultProfile::Undecided) => {
                Err(NoVault::NoDefault { known: self.profile_names() })
            }
        }
    }

    #[cfg(test)]
    pub(super) fn of_vaults(vaults: Vec<Vault>, default: &str, sources: Sources) -> Self {
        let profiles: BTreeMap<_, _> = vaults
            .into_iter()
            .map(|vault| {
                let backend = BACKENDS[0];
                (vault.profile().to_owned(), Profile::Ready { vault: Arc::new(vault), backend })
            })
            .collect();
        let default_profile = DefaultProfile::Named(default.to_owned());
        let keys = keys(sources, true, OnMissingKey::Argon2id, &default_profile, &profiles);
        Self { default_profile, profiles, profiles_unknown: false, routes: Routes::default(), keys }
    }
}

/// Reads the provider block. `None` only after an error.
pub(super) fn read(
    config: &Value,
    user_agent: &str,
    diags: &mut Diagnostics,
) -> Option<Configured> {
    let given = config.get("profiles");
    let profiles: BTreeMap<String, Profile> = match given {
        Value::Map(entries) if !entries.is_empty() => entries
            .iter()
            .map(|(name, entry)| (name.clone(), profile(name, entry, user_agent)))
            .collect(),
        Value::Unknown(_) => BTreeMap::new(),
        _ => BTreeMap::from([(LOCAL.to_owned(), local(user_agent))]),
    };
    let default_profile = match config.get("default_profile") {
        Value::Unknown(_) => DefaultProfile::Unknown,
        Value::String(name) => DefaultProfile::Named(name.as_str().to_owned()),
        _ if given.is_unknown() => DefaultProfile::Unknown,
        _ => match profiles.keys().next() {
            Some(only) if profiles.len() == 1 => DefaultProfile::Named(only.clone()),
            _ => DefaultProfile::Undecided,
        },
    };
    if let DefaultProfile::Named(name) = &default_profile
        && !given.is_unknown()
        && !profiles.contains_key(name)
    {
        let known = profiles.keys().cloned().collect::<Vec<_>>().join(", ");
        diags.error(
            Path::attribute("default_profile"),
            "Default profile does not exist",
            format!("There is no profile {name:?} in profiles. Known profiles: {known}."),
        );
        return None;
    }
    let routes = Routes::read(given);
    let names: Vec<String> = profiles.keys().cloned().collect();
    routes.check(Some(names.as_slice()).filter(|_| !given.is_unknown()), diags);
    if diags.has_errors() {
        return None;
    }
    let block = config.get("fingerprint");
    let (sources, on_missing) = fingerprint(block);
    let known = block.is_wholly_known();
    let keys = keys(sources, known, on_missing, &default_profile, &profiles);
    let profiles_unknown = given.is_unknown();
    Some(Configured { default_profile, profiles, profiles_unknown, routes, keys })
}

/// Key sources in their order; vaults are asked for a master key, the default profile's first.
fn keys(
    sources: Sources,
    known: bool,
    on_missing: OnMissingKey,
    default_profile: &DefaultProfile,
    profiles: &BTreeMap<String, Profile>,
) -> Keys {
    let is_default = |name: &str| matches!(default_profile, DefaultProfile::Named(d) if d == name);
    let mut vaults: Vec<(bool, Arc<Vault>)> = profiles
        .iter()
        .filter_map(|(name, profile)| match profile {
            Profile::Ready { vault, .. } => Some((!is_default(name), Arc::clone(vault))),
            _ => None,
        })
        .collect();
    // Stable: the default profile, then the others by name.
    vaults.sort_by_key(|(later, _)| *later);
    let vaults = vaults.into_iter().map(|(_, vault)| vault).collect();
    let load = move || if known { sources.load() } else { Err(not_known_yet()) };
    Keys::new(Box::new(load), vaults, on_missing)
}

fn not_known_yet() -> KeyProblem {
    KeyProblem {
        argument: "key_env",
        message: "The fingerprint block depends on values that are known only after apply.".into(),
    }
}

fn fingerprint(block: &Value) -> (Sources, OnMissingKey) {
    let text = |name: &str| block.get(name).as_str().map(str::to_owned);
    let sources = Sources {
        key_env: text("key_env"),
        key_file: text("key_file"),
        retired_key_envs: texts(block.get("retired_key_envs")),
        retired_key_files: texts(block.get("retired_key_files")),
    };
    let on_missing = match block.get("on_missing_key").as_str() {
        Some("error") => OnMissingKey::Error,
        _ => OnMissingKey::Argon2id,
    };
    (sources, on_missing)
}

/// The profile of an empty provider block: the first backend with its own defaults.
fn local(user_agent: &str) -> Profile {
    match BACKENDS.first() {
        Some(backend) => open(LOCAL, backend, &Value::Null, VaultOptions::default(), user_agent),
        None => Profile::Unknown,
    }
}

fn profile(name: &str, entry: &Value, user_agent: &str) -> Profile {
    if !entry.is_wholly_known() {
        return Profile::Unknown;
    }
    let path = Path::attribute("profiles").key(name);
    let Some(backend) = BACKENDS.iter().find(|backend| !entry.get(backend.name).is_null()) else {
        let names: Vec<_> = BACKENDS.iter().map(|backend| backend.name).collect();
        let message = format!("It sets no backend. Set one of: {}.", names.join(", "));
        return Profile::Broken { path, message };
    };
    open(name, backend, entry.get(backend.name), options(entry), user_agent)
}

fn options(entry: &Value) -> VaultOptions {
    let limits = entry.get("limits");
    VaultOptions {
        drift_detection: match entry.get("drift_detection").as_str() {
            Some("content") => DriftDetection::Content,
            _ => DriftDetection::Metadata,
        },
        refresh_by: match entry.get("refresh").as_str() {
            Some("list") => RefreshBy::List,
            Some("get") => RefreshBy::Get,
            _ => RefreshBy::Adaptive,
        },
        default_tags: tags(entry.get("tags")),
        concurrency: integer(limits.get("concurrency")).and_then(|n| usize::try_from(n).ok()),
        requests_per_second: integer(limits.get("requests_per_second"))
            .and_then(|n| u32::try_from(n).ok()),
    }
}

fn tags(map: &Value) -> BTreeMap<String, String> {
    match map {
        Value::Map(entries) => entries
            .iter()
            .filter_map(|(key, value)| Some((key.clone(), value.as_str()?.to_owned())))
            .collect(),
        _ => BTreeMap::new(),
    }
}

fn open(
    name: &str,
    backend: &'static Descriptor,
    given: &Value,
    mut options: VaultOptions,
    user_agent: &str,
) -> Profile {
    let path = Path::attribute("profiles").key(name).child(backend.name);
    let opened = settings::settings(backend, given).and_then(|mut settings| {
        user_agent.clone_into(&mut settings.user_agent);
        settings.pacing = backend.pacing.map(|default| Pacing {
            concurrency: options.concurrency.take().unwrap_or(default.concurrency),
            requests_per_second: options
                .requests_per_second
                .take()
                .unwrap_or(default.requests_per_second),
        });
        (backend.open)(settings)
    });
    match opened {
        Ok(opened) => {
            Profile::Ready { vault: Arc::new(Vault::new(name, opened, options)), backend }
        }
        Err(invalid) => Profile::Broken {
            path: match invalid.argument {
                Some(argument) => path.child(argument),
                None => path,
            },
            message: invalid.message,
        },
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn block(attributes: Vec<(&str, Value)>) -> Value {
        Value::object(attributes)
    }

    fn map(entries: Vec<(&str, Value)>) -> Value {
        Value::Map(entries.into_iter().map(|(k, v)| (k.to_owned(), v)).collect())
    }

    #[test]
    fn unknown_profiles_are_found_out_at_apply() {
        let config = block(vec![("profiles", Value::UNKNOWN)]);
        let configured = read(&config, "coffer-test", &mut Diagnostics::new()).unwrap();
        assert_eq!(configured.vault("main").unwrap_err(), NoVault::Unknown);
        assert_eq!(configured.profile_name(None), Err(NoVault::Unknown));
        assert!(configured.may_have("anything"));
    }

    #[test]
    fn profile_with_an_unknown_argument_does_not_touch_the_others() {
        let unknown = Value::object([("embedded", Value::object([("path", Value::UNKNOWN)]))]);
        let empty = Value::object([("embedded", Value::Null)]);
        let config = block(vec![("profiles", map(vec![("a", unknown), ("b", empty)]))]);
        let configured = read(&config, "coffer-test", &mut Diagnostics::new()).unwrap();
        assert_eq!(configured.vault("a").unwrap_err(), NoVault::Unknown);
        assert!(matches!(configured.vault("b"), Err(NoVault::Broken { name, .. }) if name == "b"));
        let known = vec!["a".to_owned(), "b".to_owned()];
        assert_eq!(configured.profile_name(None), Err(NoVault::NoDefault { known: known.clone() }));
        let name = "c".to_owned();
        assert_eq!(configured.vault("c").unwrap_err(), NoVault::NoSuchProfile { name, known });
    }

    #[test]
    fn default_profile_must_exist() {
        let broken = Value::object([("embedded", Value::Null)]);
        let config = block(vec![
            ("default_profile", Value::string("mian")),
            ("profiles", map(vec![("main", broken)])),
        ]);
        let mut diags = Diagnostics::new();
        assert!(read(&config, "coffer-test", &mut diags).is_none());
        let diagnostic = diags.iter().next().unwrap();
        assert_eq!(diagnostic.path, Path::attribute("default_profile"));
        assert!(diagnostic.detail.contains("Known profiles: main"));
    }
}
