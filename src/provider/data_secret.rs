//! Data source `coffer_secret`: metadata of a secret, never its value.

use std::sync::Arc;

use async_trait::async_trait;

use super::access::{Shared, run};
use super::errors::{self, Attempt};
use super::import_id::{self, Located};
use super::{schema, times};
use crate::domain::port::{BackendError, ErrorKind, Lifecycle, SecretRecord};
use crate::engine::secret;
use crate::plugin::framework::context::Context;
use crate::plugin::framework::convert::IntoValue;
use crate::plugin::framework::diag::Diagnostics;
use crate::plugin::framework::object::DataSource;
use crate::plugin::framework::path::Path;
use crate::plugin::framework::schema::Schema;
use crate::plugin::framework::value::Value;

/// The data source.
#[derive(Debug)]
pub(super) struct DataSecret {
    shared: Arc<Shared>,
}

impl DataSecret {
    pub(super) const fn new(shared: Arc<Shared>) -> Self {
        Self { shared }
    }
}

#[async_trait]
impl DataSource for DataSecret {
    fn schema(&self) -> Schema {
        schema::data_secret::schema()
    }

    async fn read(&self, ctx: &Context, config: Value, diags: &mut Diagnostics) -> Option<Value> {
        let configured = self.shared.configured(diags)?;
        let located = import_id::locate(&config, &configured, diags)?;
        let vault = match configured.vault(&located.profile) {
            Ok(vault) => vault,
            Err(problem) => {
                errors::no_vault(&problem, Path::attribute("profile"), diags);
                return None;
            }
        };
        let attempt =
            Attempt { verb: "read", secret: located.name.as_str(), profile: &located.profile };
        let record = match secret::look(&vault, &run(ctx, None), &located.name).await {
            Ok(Some(record)) => record,
            Ok(None) => {
                let error =
                    BackendError::permanent(ErrorKind::NotFound, "read", "there is no such secret");
                errors::report(&error.into(), attempt, Path::attribute("name"), diags);
                return None;
            }
            Err(failure) => {
                errors::report(&failure, attempt, Path::attribute("name"), diags);
                return None;
            }
        };
        Some(result(&located, &record))
    }
}

fn result(located: &Located, record: &SecretRecord) -> Value {
    let current = record.current.as_ref();
    let metadata = &record.metadata;
    let time = |time: Option<_>| time.map(times::format).into_value();
    Value::object([
        ("id", Value::string(located.id())),
        ("name", Value::string(located.name.as_str())),
        ("profile", Value::string(located.profile.as_str())),
        ("type", record.kind.map(|kind| kind.code().to_owned()).into_value()),
        (
            "fingerprint",
            current.and_then(|v| v.fingerprint.as_ref()).map(ToString::to_string).into_value(),
        ),
        ("version", current.map(|version| version.number).into_value()),
        ("version_id", current.map(|version| version.version_id.clone()).into_value()),
        ("lifecycle_state", Value::string(lifecycle(&record.lifecycle))),
        ("backend_id", Value::string(record.backend_id.as_str())),
        ("description", metadata.description.clone().into_value()),
        ("content_type", metadata.content_type.clone().into_value()),
        ("tags", metadata.tags.clone().into_value()),
        ("not_before", time(metadata.not_before)),
        ("expires_at", time(metadata.expires_at)),
        ("enabled", Value::Bool(metadata.enabled)),
        ("created_at", time(record.created_at)),
        ("updated_at", time(record.updated_at)),
    ])
}

/// The code of a lifecycle state.
pub(super) const fn lifecycle(lifecycle: &Lifecycle) -> &'static str {
    match lifecycle {
        Lifecycle::Active => "active",
        Lifecycle::Disabled => "disabled",
        Lifecycle::Deleted { .. } => "deleted",
    }
}
