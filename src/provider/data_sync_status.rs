//! Data source `coffer_sync_status`: the copies of a sync as they stand, never their values.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use async_trait::async_trait;

use super::access::{Shared, run};
use super::configure::Configured;
use super::errors::{self, Attempt};
use super::resource_secret_sync::told;
use super::{schema, times};
use crate::domain::port::{Lifecycle, SecretRecord};
use crate::domain::secret::{SecretId, SecretName};
use crate::domain::sync::owner::SOURCE_TAG;
use crate::domain::sync::standing::{Origin, Standing, source, standing};
use crate::engine::context::Run;
use crate::engine::sync::status::{Copy, copies, look};
use crate::plugin::framework::context::Context;
use crate::plugin::framework::convert::{IntoValue, read, record};
use crate::plugin::framework::diag::Diagnostics;
use crate::plugin::framework::number::Number;
use crate::plugin::framework::object::DataSource;
use crate::plugin::framework::path::Path;
use crate::plugin::framework::schema::Schema;
use crate::plugin::framework::value::Value;

/// Secrets that are looked at at once.
const PARALLELISM: usize = 8;

/// The data source.
#[derive(Debug)]
pub(super) struct DataSyncStatus {
    shared: Arc<Shared>,
}

record! {
    /// The arguments; wholly known.
    #[derive(Debug)]
    struct Question {
        name: String,
        id: Option<String>,
        destinations: BTreeSet<String>,
        source_profile: Option<String>,
    }
}

/// The sources of one profile, or why they cannot be told.
type Sources = Result<BTreeMap<SecretName, SecretRecord>, String>;

impl DataSyncStatus {
    pub(super) const fn new(shared: Arc<Shared>) -> Self {
        Self { shared }
    }
}

#[async_trait]
impl DataSource for DataSyncStatus {
    fn schema(&self) -> Schema {
        schema::data_sync_status::schema()
    }

    async fn read(&self, ctx: &Context, config: Value, diags: &mut Diagnostics) -> Option<Value> {
        let configured = self.shared.configured(diags)?;
        let question: Question = read(&config).map_err(|error| error.report(diags)).ok()?;
        let run = run(ctx, None);
        let mut found = Vec::new();
        for profile in &question.destinations {
            let copies = find(&configured, &question, profile, &run, diags).await;
            found.extend(copies.into_iter().map(|copy| (profile.as_str(), copy)));
        }
        if diags.has_errors() {
            return None;
        }
        let sources = sources(&configured, &question, &found, &run).await;
        let mut counts: BTreeMap<Standing, i64> = BTreeMap::new();
        let mut told = Vec::new();
        for (profile, copy) in &found {
            let (standing, value) = one(&question, profile, copy, &sources);
            *counts.entry(standing).or_default() += 1;
            told.push(value);
        }
        // A copy that was renamed or had its source removed lies there soft-deleted, as it should.
        let live: Vec<_> = counts.keys().filter(|s| **s != Standing::Deleted).collect();
        let status = match live.as_slice() {
            [] => "empty",
            [Standing::Synced] => "synced",
            _ => "partial",
        };
        let counts = counts.into_iter();
        let counts = counts.map(|(s, n)| (s.code().to_owned(), Value::Number(Number::Int(n))));
        let mut result = config;
        result.set("status", Value::string(status));
        result.set("counts", Value::Map(counts.collect()));
        result.set("copies", Value::List(told));
        Some(result)
    }
}

/// The copies in one destination; reports what could not be read.
async fn find(
    configured: &Configured,
    question: &Question,
    profile: &str,
    run: &Run,
    diags: &mut Diagnostics,
) -> Vec<Copy> {
    let at = || Path::attribute("destinations");
    let vault = match configured.vault(profile) {
        Ok(vault) => vault,
        Err(problem) => {
            errors::no_vault(&problem, at(), diags);
            return Vec::new();
        }
    };
    let instance = question.id.as_deref();
    match copies(&vault, run, &question.name, instance, PARALLELISM).await {
        Ok(copies) => copies,
        Err(failure) => {
            let verb = "look for the copies of the sync";
            errors::report(
                &failure,
                Attempt { verb, secret: &question.name, profile },
                at(),
                diags,
            );
            Vec::new()
        }
    }
}

/// Where the source of a copy is, as this configuration calls it.
fn origin(question: &Question, copy: &Copy) -> Option<SecretId> {
    let mut id = source(&copy.record.metadata.tags)?;
    if let Some(profile) = &question.source_profile {
        id.profile = profile.parse().ok()?;
    }
    Some(id)
}

/// The sources of all copies, by profile. What cannot be looked at says why.
async fn sources(
    configured: &Configured,
    question: &Question,
    found: &[(&str, Copy)],
    run: &Run,
) -> BTreeMap<String, Sources> {
    let mut names: BTreeMap<String, BTreeSet<SecretName>> = BTreeMap::new();
    for id in found.iter().filter_map(|(_, copy)| origin(question, copy)) {
        names.entry(id.profile.as_str().to_owned()).or_default().insert(id.name);
    }
    let mut sources = BTreeMap::new();
    for (profile, names) in names {
        let names: Vec<_> = names.into_iter().collect();
        let looked = match configured.vault(&profile) {
            Ok(vault) => look(&vault, run, &names, PARALLELISM).await.map_err(|f| told(&f)),
            Err(_) => {
                Err("this configuration has no such profile; source_profile names another"
                    .to_owned())
            }
        };
        let looked = looked.map_err(|why| format!("The source in profile {profile:?}: {why}."));
        sources.insert(profile, looked);
    }
    sources
}

/// One copy, and what it is worth.
fn one(
    question: &Question,
    profile: &str,
    copy: &Copy,
    sources: &BTreeMap<String, Sources>,
) -> (Standing, Value) {
    let record = &copy.record;
    let id = origin(question, copy);
    let looked = id.as_ref().and_then(|id| Some((id, sources.get(id.profile.as_str())?)));
    let (origin, mut message) = match looked {
        None => (Origin::Unknown, Some("The copy does not say where it is from.".to_owned())),
        Some((_, Err(why))) => (Origin::Unknown, Some(why.clone())),
        Some((id, Ok(records))) => match records.get(&id.name) {
            Some(record) if !matches!(record.lifecycle, Lifecycle::Deleted { .. }) => {
                (Origin::There(record), None)
            }
            _ => (Origin::Gone, None),
        },
    };
    let standing = standing(record, origin);
    if standing != Standing::Unknown {
        message = None;
    } else if message.is_none() {
        message = Some("Source and copy have no fingerprints that can be compared.".to_owned());
    }
    let version = |record: &SecretRecord| record.current.as_ref().map(|v| v.version_id.clone());
    let print = |record: &SecretRecord| {
        record.current.as_ref().and_then(|v| v.fingerprint.as_ref()).map(ToString::to_string)
    };
    let there = match origin {
        Origin::There(record) => Some(record),
        Origin::Unknown | Origin::Gone => None,
    };
    let value = Value::object([
        ("destination", Value::string(profile)),
        ("name", Value::string(record.name.as_str())),
        ("key", id.map(|id| id.name.as_str().to_owned()).into_value()),
        ("source", record.metadata.tags.get(SOURCE_TAG).cloned().into_value()),
        ("sync_id", Value::string(copy.owner.instance.as_str())),
        ("status", Value::string(standing.code())),
        ("message", message.into_value()),
        ("remote_version", version(record).into_value()),
        ("fingerprint", print(record).into_value()),
        ("source_version", there.and_then(version).into_value()),
        ("source_fingerprint", there.and_then(print).into_value()),
        ("updated_at", record.updated_at.map(times::format).into_value()),
    ]);
    (standing, value)
}
