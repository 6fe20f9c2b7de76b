//! Data source `coffer_secrets`: the secrets of a vault that match filters, never their values.

use std::sync::Arc;

use async_trait::async_trait;

use super::access::Shared;
use super::data_secret::lifecycle;
use super::selection::Selection;
use super::{import_id, schema, times};
use crate::domain::port::SecretRecord;
use crate::plugin::framework::context::Context;
use crate::plugin::framework::convert::{IntoValue, read};
use crate::plugin::framework::diag::Diagnostics;
use crate::plugin::framework::object::DataSource;
use crate::plugin::framework::schema::Schema;
use crate::plugin::framework::value::Value;

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
        let configured = self.shared.configured(diags)?;
        let selection: Selection = read(&config).map_err(|error| error.report(diags)).ok()?;
        let (vault, records) = selection.find(ctx, &configured, diags).await?;
        let secrets = records.iter().map(|record| one(vault.profile(), record)).collect();
        let mut result = config;
        result.set("profile", Value::string(vault.profile()));
        result.set("secrets", Value::List(secrets));
        Some(result)
    }
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
