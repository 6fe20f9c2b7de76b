//! What a sync is configured to do, from a planned object or a state.

use std::collections::{BTreeMap, BTreeSet};
use std::hash::{DefaultHasher, Hash as _, Hasher as _};

use super::recipes::TransformSettings;
use crate::domain::glob::Glob;
use crate::domain::key_schema::{KeySchema, Placeholder, Values};
use crate::domain::policy::{DriftPolicy, InitialSync, Removal};
use crate::domain::port::SecretRecord;
use crate::domain::regexp::Regexp;
use crate::domain::rotation::RotationState;
use crate::domain::secret::{SecretId, SecretName};
use crate::domain::sync::naming::Naming;
use crate::domain::sync::plan::{Rules, imports};
use crate::plugin::framework::convert::{read, record};
use crate::plugin::framework::diag::Diagnostics;
use crate::plugin::framework::path::Path;
use crate::plugin::framework::value::Value;

/// Arguments that decide what a run does: without them nothing can be planned.
const DECIDING: &[&str] = &[
    "name",
    "source",
    "destinations",
    "initial_sync_behavior",
    "adopt",
    "enabled",
    "auto_sync",
    "sync_trigger",
    "disable_secret_deletion",
    "on_orphan",
    "on_destroy",
    "drift_policy",
    "max_deletes",
    "parallelism",
];

record! {
    /// The arguments; wholly known.
    #[derive(Debug)]
    pub(super) struct Settings {
        pub(super) name: String,
        pub(super) source: SourceSettings,
        pub(super) destinations: BTreeMap<String, Destination>,
        initial_sync_behavior: String,
        adopt: Option<BTreeSet<String>>,
        pub(super) enabled: bool,
        pub(super) auto_sync: bool,
        pub(super) sync_trigger: Option<String>,
        disable_secret_deletion: bool,
        on_orphan: String,
        on_destroy: String,
        drift_policy: String,
        max_deletes: i64,
        parallelism: i64,
    }
}

record! {
    /// What is copied.
    #[derive(Debug)]
    pub(super) struct SourceSettings {
        pub(super) profile: Option<String>,
        names: Option<Vec<String>>,
        name_prefix: Option<String>,
        regexp: Option<String>,
        rotation_state: Option<String>,
        tags: Option<BTreeMap<String, String>>,
        types: Option<BTreeSet<String>>,
        secrets: Option<Vec<String>>,
    }
}

record! {
    /// Where it is copied to.
    #[derive(Debug)]
    pub(super) struct Destination {
        pub(super) profile: String,
        key_schema: Option<String>,
        environment: Option<String>,
        map: Option<BTreeMap<String, String>>,
        pub(super) transform: Option<TransformSettings>,
        pub(super) options: Value,
        pub(super) native_replication: Option<bool>,
    }
}

/// True when everything that decides what a run does is known.
pub(super) fn is_decided(object: &Value) -> bool {
    DECIDING.iter().all(|name| object.get(name).is_wholly_known())
}

impl Settings {
    /// Reads an object; reports what has another type than the schema says.
    pub(super) fn read(object: &Value, diags: &mut Diagnostics) -> Option<Self> {
        read(object).map_err(|error| error.report(diags)).ok()
    }

    /// A number that tells apart syncs that copy other things or to other places.
    pub(super) fn digest(&self) -> u64 {
        let mut hasher = DefaultHasher::new();
        format!("{:?}{:?}", self.source, self.destinations).hash(&mut hasher);
        hasher.finish()
    }

    pub(super) fn initial(&self) -> InitialSync {
        InitialSync::parse(&self.initial_sync_behavior).unwrap_or_default()
    }

    pub(super) fn parallelism(&self) -> usize {
        usize::try_from(self.parallelism).unwrap_or(1)
    }

    pub(super) fn rules(&self) -> Rules {
        let on_orphan = Removal::parse(&self.on_orphan).unwrap_or_default();
        let adopt = self.adopt.iter().flatten();
        Rules {
            initial: self.initial(),
            on_orphan: if self.disable_secret_deletion { Removal::Retain } else { on_orphan },
            drift: DriftPolicy::parse(&self.drift_policy).unwrap_or_default(),
            adopt: adopt.filter_map(|name| SecretName::parse(name).ok()).collect(),
            max_deletes: usize::try_from(self.max_deletes).unwrap_or(0),
        }
    }

    /// The rules of the destroy: everything is an orphan.
    pub(super) fn rules_of_destroy(&self) -> Rules {
        let on_orphan = Removal::parse(&self.on_destroy).unwrap_or(Removal::Retain);
        Rules { on_orphan, max_deletes: usize::MAX, ..self.rules() }
    }
}

impl SourceSettings {
    /// True when secrets are selected by filters, too.
    pub(super) fn has_filters(&self) -> bool {
        self.names.is_some()
            || self.name_prefix.is_some()
            || self.regexp.is_some()
            || self.tags.is_some()
            || self.types.is_some()
    }

    /// True for a secret that is selected by id. Only then is it sure to be changed before the sync
    /// runs: the reference orders them.
    pub(super) fn refers_to(&self, id: &SecretId) -> bool {
        self.secrets.iter().flatten().any(|known| *known == id.to_string())
    }

    /// Which version of each secret is copied.
    pub(super) fn state(&self) -> RotationState {
        let code = self.rotation_state.as_deref();
        code.and_then(RotationState::parse).unwrap_or(RotationState::Current)
    }

    /// The filters, ready for use; reports an expression that is none.
    pub(super) fn filter(&self, diags: &mut Diagnostics) -> Option<Filter<'_>> {
        let regexp = match self.regexp.as_deref().map(Regexp::new).transpose() {
            Ok(regexp) => regexp,
            Err(problem) => {
                let at = Path::attribute("source").child("regexp");
                diags.error(at, "Regular expression is not valid", format!("{problem}."));
                return None;
            }
        };
        let globs = self.names.as_ref();
        let globs = globs.map(|globs| globs.iter().map(|glob| Glob::new(glob)).collect());
        Some(Filter { source: self, globs, regexp })
    }

    /// The secrets that are selected by id, all of which are in `profile`.
    pub(super) fn named(&self, profile: &str, diags: &mut Diagnostics) -> Option<Vec<SecretName>> {
        let mut names = Vec::new();
        let mut good = true;
        for (id, index) in self.secrets.iter().flatten().zip(0..) {
            let at = Path::attribute("source").child("secrets").index(index);
            match id.parse::<SecretId>() {
                Ok(id) if id.profile.as_str() == profile => names.push(id.name),
                Ok(id) => {
                    good = false;
                    diags.error(
                        at,
                        "Secret is in another profile",
                        format!(
                            "The source is the profile {profile:?}, and {:?} is in {:?}. Next \
                             step: set source.profile, or make a sync for each profile.",
                            id.to_string(),
                            id.profile.as_str()
                        ),
                    );
                }
                Err(error) => {
                    good = false;
                    diags.error(at, "Id of a secret is not valid", format!("{error}."));
                }
            }
        }
        good.then_some(names)
    }
}

/// The filters of a source.
#[derive(Debug)]
pub(super) struct Filter<'s> {
    source: &'s SourceSettings,
    globs: Option<Vec<Glob>>,
    regexp: Option<Regexp>,
}

impl Filter<'_> {
    /// True for a name that the filters on names let through.
    pub(super) fn takes_name(&self, name: &str) -> bool {
        let prefix = self.source.name_prefix.as_deref().unwrap_or_default();
        let globs = self.globs.as_ref();
        name.starts_with(prefix)
            && globs.is_none_or(|globs| globs.iter().any(|glob| glob.matches(name)))
            && self.regexp.as_ref().is_none_or(|regexp| regexp.matches(name))
    }

    /// True for a secret that all filters let through.
    pub(super) fn takes(&self, record: &SecretRecord) -> bool {
        let tags = self.source.tags.iter().flatten();
        let types = self.source.types.as_ref();
        self.takes_name(record.name.as_str())
            && tags.into_iter().all(|(key, value)| record.metadata.tags.get(key) == Some(value))
            && types.is_none_or(|types| record.kind.is_some_and(|k| types.contains(k.code())))
    }
}

impl Destination {
    /// How the copies are named; reports what is no name.
    pub(super) fn naming(
        &self,
        label: &str,
        source: &str,
        state: RotationState,
        diags: &mut Diagnostics,
    ) -> Option<Naming> {
        let at = Path::attribute("destinations").key(label);
        let schema = match self.key_schema.as_deref().map(str::parse::<KeySchema>) {
            None => KeySchema::identity(),
            Some(Ok(schema)) => schema,
            Some(Err(error)) => {
                let detail = format!("{error}.");
                diags.error(at.child("key_schema"), "Key schema is not valid", detail);
                return None;
            }
        };
        let mut values = Values::from([
            (Placeholder::Profile, source.to_owned()),
            (Placeholder::VersionState, state.code().to_owned()),
        ]);
        values.extend(self.environment.clone().map(|name| (Placeholder::Environment, name)));
        let mut map = BTreeMap::new();
        for (key, name) in self.map.iter().flatten() {
            match SecretName::parse(name) {
                Ok(name) => drop(map.insert(key.clone(), name)),
                Err(error) => {
                    let at = at.child("map").key(key);
                    diags.error(at, "Name of a secret is not valid", format!("{error}."));
                    return None;
                }
            }
        }
        Some(Naming { schema, values, kinds: BTreeMap::new(), map })
    }
}

/// True when secrets that only a destination has are written into the source.
pub(super) fn importing(settings: &Settings) -> bool {
    imports(settings.initial()) && settings.source.has_filters()
}
