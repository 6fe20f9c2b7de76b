//! Data source `coffer_secrets`: the secrets of a vault that match filters, never their values.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use async_trait::async_trait;

use super::access::{Shared, run};
use super::data_secret::lifecycle;
use super::errors::{self, Attempt};
use super::{import_id, schema, times};
use crate::domain::glob::Glob;
use crate::domain::port::{ListFilter, SecretRecord};
use crate::engine::list::list;
use crate::plugin::framework::context::Context;
use crate::plugin::framework::convert::{IntoValue, read, record};
use crate::plugin::framework::diag::Diagnostics;
use crate::plugin::framework::object::DataSource;
use crate::plugin::framework::path::Path;
use crate::plugin::framework::schema::Schema;
use crate::plugin::framework::value::Value;

record! {
    /// What the configuration asks for; wholly known.
    #[derive(Debug, Default)]
    struct Filter {
        profile: Option<String>,
        name_prefix: Option<String>,
        name_glob: Option<String>,
        tags: Option<BTreeMap<String, Option<String>>>,
        types: Option<BTreeSet<String>>,
    }
}

/// The data source.
#[derive(Debug)]
pub(super) struct DataSecrets {
    shared: Arc<Shared>,
}

impl DataSecrets {
    pub(super) const fn new(shared: Arc<Shared>) -> Self {
        Self { shared }
    }
}

#[async_trait]
impl DataSource for DataSecrets {
    fn schema(&self) -> Schema {
        schema::data_secrets::secrets()
    }

    async fn read(&self, ctx: &Context, config: Value, diags: &mut Diagnostics) -> Option<Value> {
        let at = || Path::attribute("profile");
        let configured = self.shared.configured(diags)?;
        let filter: Filter = read(&config).map_err(|error| error.report(diags)).ok()?;
        let found = configured
            .profile_name(filter.profile.as_deref())
            .and_then(|profile| configured.vault(&profile));
        let vault = match found {
            Ok(vault) => vault,
            Err(problem) => {
                errors::no_vault(&problem, at(), diags);
                return None;
            }
        };
        let wanted = ListFilter { name_prefix: filter.name_prefix.clone(), include_deleted: false };
        let records = match list(&vault, &run(ctx, None), &wanted).await {
            Ok(records) => records,
            Err(failure) => {
                let secret = filter.name_prefix.as_deref().unwrap_or("*");
                let attempt = Attempt { verb: "list", secret, profile: vault.profile() };
                errors::report(&failure, attempt, at(), diags);
                return None;
            }
        };
        let glob = filter.name_glob.as_deref().map(Glob::new);
        let secrets = records
            .iter()
            .filter(|record| matches(&filter, glob.as_ref(), record))
            .map(|record| one(vault.profile(), record))
            .collect();
        let mut result = config;
        result.set("profile", Value::string(vault.profile()));
        result.set("secrets", Value::List(secrets));
        Some(result)
    }
}

fn matches(filter: &Filter, glob: Option<&Glob>, record: &SecretRecord) -> bool {
    let tags = filter.tags.iter().flatten().all(|(key, value)| {
        record.metadata.tags.get(key).is_some_and(|tag| Some(tag) == value.as_ref())
    });
    let types = filter
        .types
        .as_ref()
        .is_none_or(|types| record.kind.is_some_and(|kind| types.contains(kind.code())));
    let prefix = filter.name_prefix.as_deref().unwrap_or_default();
    let name = record.name.as_str();
    name.starts_with(prefix) && glob.is_none_or(|glob| glob.matches(name)) && tags && types
}

fn one(profile: &str, record: &SecretRecord) -> Value {
    let current = record.current.as_ref();
    let metadata = &record.metadata;
    let print = current.and_then(|v| v.fingerprint.as_ref()).map(ToString::to_string);
    Value::object([
        ("id", Value::string(import_id::id(profile, record.name.as_str()))),
        ("name", Value::string(record.name.as_str())),
        ("type", record.kind.map(|kind| kind.code().to_owned()).into_value()),
        ("fingerprint", print.into_value()),
        ("version", current.map(|version| version.number).into_value()),
        ("lifecycle_state", Value::string(lifecycle(&record.lifecycle))),
        ("description", metadata.description.clone().into_value()),
        ("tags", metadata.tags.clone().into_value()),
        ("expires_at", metadata.expires_at.map(times::format).into_value()),
        ("created_at", record.created_at.map(times::format).into_value()),
        ("updated_at", record.updated_at.map(times::format).into_value()),
    ])
}
