//! Data source `coffer_secret_versions`: the versions of a secret, never their values.

use std::sync::Arc;

use async_trait::async_trait;

use super::access::{Shared, run};
use super::errors::{self, Attempt};
use super::{import_id, schema, times};
use crate::domain::port::{BackendError, ErrorKind};
use crate::domain::version::VersionRecord;
use crate::engine::version;
use crate::plugin::framework::context::Context;
use crate::plugin::framework::convert::IntoValue;
use crate::plugin::framework::diag::Diagnostics;
use crate::plugin::framework::object::DataSource;
use crate::plugin::framework::path::Path;
use crate::plugin::framework::schema::Schema;
use crate::plugin::framework::value::Value;

/// The data source.
#[derive(Debug)]
pub(super) struct DataSecretVersions {
    shared: Arc<Shared>,
}

impl DataSecretVersions {
    pub(super) const fn new(shared: Arc<Shared>) -> Self {
        Self { shared }
    }
}

#[async_trait]
impl DataSource for DataSecretVersions {
    fn schema(&self) -> Schema {
        schema::data_secrets::versions()
    }

    async fn read(&self, ctx: &Context, config: Value, diags: &mut Diagnostics) -> Option<Value> {
        let at = || Path::attribute("secret_id");
        let configured = self.shared.configured(diags)?;
        let text = config.get("secret_id").as_str().unwrap_or_default();
        let located = import_id::parse(text, at(), &configured, diags)?;
        let vault = match configured.vault(&located.profile) {
            Ok(vault) => vault,
            Err(problem) => {
                errors::no_vault(&problem, at(), diags);
                return None;
            }
        };
        let profile = located.profile.as_str();
        let attempt =
            Attempt { verb: "list the versions of", secret: located.name.as_str(), profile };
        let failure = match version::list(&vault, &run(ctx, None), &located.name).await {
            Ok(Some((_, versions))) => {
                let versions = versions.iter().map(|version| one(profile, version)).collect();
                return Some(Value::object([
                    ("secret_id", Value::string(text)),
                    ("profile", Value::string(profile)),
                    ("versions", Value::List(versions)),
                ]));
            }
            Ok(None) => BackendError::permanent(
                ErrorKind::NotFound,
                "read",
                "there is no such secret in use",
            )
            .into(),
            Err(failure) => failure,
        };
        errors::report(&failure, attempt, at(), diags);
        None
    }
}

fn one(profile: &str, version: &VersionRecord) -> Value {
    let states = version.rotation_states.iter().map(|state| Value::string(state.code()));
    let print = version.fingerprint.as_ref().map(ToString::to_string);
    Value::object([
        ("number", version.number.into_value()),
        ("version_id", Value::string(version.version_id.as_str())),
        ("rotation_states", Value::List(states.collect())),
        ("fingerprint", print.into_value()),
        ("profile", Value::string(profile)),
        ("created_at", version.created_at.map(times::format).into_value()),
        ("deletion_scheduled_at", version.deletion_scheduled_at.map(times::format).into_value()),
    ])
}
