//! Ephemeral resource `coffer_secret`: the value of a secret for the time of one run.
//!
//! Responsible for choosing the version, for the typed result and for the two ways to wait for the
//! apply. A provider cannot see which phase it is in, so both work through the arguments: an
//! unknown argument makes the CLI itself postpone opening (`id` of a secret that is being created,
//! `depends_on_id`), and `open = false` gives unknown results without asking the vault (`open =
//! terraform.applying`; Terraform takes unknown results, OpenTofu does not).

use std::sync::Arc;

use async_trait::async_trait;

use super::access::{Shared, run};
use super::content;
use super::errors::{self, Attempt};
use super::import_id::{self, Located};
use super::{schema, times};
use crate::domain::port::{ErrorKind, Lifecycle, Read, VersionSelector};
use crate::domain::rotation::RotationState;
use crate::engine::context::Run;
use crate::engine::failure::Failure;
use crate::engine::refresh::read_content;
use crate::engine::secret::look;
use crate::engine::vault::Vault;
use crate::plugin::framework::context::Context;
use crate::plugin::framework::convert::IntoValue;
use crate::plugin::framework::diag::Diagnostics;
use crate::plugin::framework::number::Number;
use crate::plugin::framework::object::{EphemeralResource, Opened};
use crate::plugin::framework::path::Path;
use crate::plugin::framework::schema::Schema;
use crate::plugin::framework::value::Value;

/// The ephemeral resource.
#[derive(Debug)]
pub(super) struct EphemeralSecret {
    shared: Arc<Shared>,
}

impl EphemeralSecret {
    pub(super) const fn new(shared: Arc<Shared>) -> Self {
        Self { shared }
    }
}

#[async_trait]
impl EphemeralResource for EphemeralSecret {
    fn schema(&self) -> Schema {
        schema::ephemeral_secret::schema()
    }

    async fn open(&self, ctx: &Context, config: Value, diags: &mut Diagnostics) -> Option<Opened> {
        let configured = self.shared.configured(diags)?;
        let located = import_id::locate(&config, &configured, diags)?;
        if config.get("open") == &Value::Bool(false) {
            return Some(Opened { result: closed(&config, &located), ..Opened::default() });
        }
        let vault = match configured.vault(&located.profile) {
            Ok(vault) => vault,
            Err(problem) => {
                errors::no_vault(&problem, Path::attribute("profile"), diags);
                return None;
            }
        };
        let read = fetch(&vault, &run(ctx, None), &config, &located, diags).await?;
        Some(Opened { result: result(config, &located, read.as_ref()), ..Opened::default() })
    }
}

/// Reads the content; `None` after an error, `Some(None)` when nothing is there and that is fine.
async fn fetch(
    vault: &Vault,
    run: &Run,
    config: &Value,
    located: &Located,
    diags: &mut Diagnostics,
) -> Option<Option<Read>> {
    let (selector, at) = selector(config);
    let attempt = Attempt {
        verb: "read the value of",
        secret: located.name.as_str(),
        profile: vault.profile(),
    };
    match read_content(vault, run, &located.name, selector).await {
        Ok(read) => Some(Some(read)),
        Err(failure) if failure.kind() == Some(ErrorKind::NotFound) => {
            if config.get("on_missing").as_str() == Some("null") {
                return Some(None);
            }
            missing(vault, run, &failure, attempt, located, at, diags).await;
            None
        }
        Err(failure) => {
            errors::report(&failure, attempt, Path::attribute("name"), diags);
            None
        }
    }
}

/// Says what exactly is missing: the secret, or only the version.
async fn missing(
    vault: &Vault,
    run: &Run,
    failure: &Failure,
    attempt: Attempt<'_>,
    located: &Located,
    at: &'static str,
    diags: &mut Diagnostics,
) {
    match look(vault, run, &located.name).await {
        Ok(Some(record)) if matches!(record.lifecycle, Lifecycle::Deleted { .. }) => diags.error(
            Path::attribute("name"),
            "Secret is deleted",
            format!(
                "Attempted: read the value of {:?} in profile {:?}.\nAnswer: the secret is \
                 soft-deleted.\nNext step: recover it, or set on_missing = \"null\" to go on \
                 without it.",
                located.name.as_str(),
                located.profile
            ),
        ),
        Ok(Some(_)) => errors::report(failure, attempt, Path::attribute(at), diags),
        _ => diags.error(
            Path::attribute("name"),
            "Secret was not found",
            format!(
                "Attempted: read the value of {:?} in profile {:?}.\nAnswer: there is no such \
                 secret (not_found).\nNext step: check name and profile. If this same run creates \
                 it, refer to the resource (id = coffer_secret.example.id) so that reading waits; \
                 on_missing = \"null\" goes on without it.",
                located.name.as_str(),
                located.profile
            ),
        ),
    }
}

/// Which version, and the argument that chose it.
fn selector(config: &Value) -> (VersionSelector, &'static str) {
    if let Value::Number(Number::Int(number)) = config.get("version") {
        return (VersionSelector::Number(u64::try_from(*number).unwrap_or(0)), "version");
    }
    let state = config.get("rotation_state").as_str().and_then(RotationState::parse);
    (VersionSelector::State(state.unwrap_or(RotationState::Current)), "rotation_state")
}

/// The configuration with everything else unknown: nothing was read.
fn closed(config: &Value, located: &Located) -> Value {
    let set = |config: &Value, name: &str| !config.get(name).is_null();
    let mut closed = result(config.clone(), located, None);
    for (name, attribute) in schema::ephemeral_secret::schema().attributes {
        let is_place = matches!(name.as_str(), "id" | "name" | "profile");
        if attribute.is_computed() && !is_place && !set(config, &name) {
            closed.set(&name, Value::UNKNOWN);
        }
    }
    closed
}

/// The configuration with everything that was read.
fn result(config: Value, located: &Located, read: Option<&Read>) -> Value {
    let mut result = config;
    result.set("id", Value::string(located.id()));
    result.set("name", Value::string(located.name.as_str()));
    result.set("profile", Value::string(located.profile.as_str()));
    let version = read.map(|read| &read.version);
    if result.get("version").is_null() {
        result.set("version", version.map(|version| version.number).into_value());
    }
    result.set("version_id", version.map(|version| version.version_id.clone()).into_value());
    let print = version.and_then(|version| version.fingerprint.as_ref());
    result.set("fingerprint", print.map(ToString::to_string).into_value());
    let created = version.and_then(|version| version.created_at);
    result.set("created_at", created.map(times::format).into_value());
    let content = read.map(|read| &read.content);
    result.set("type", content.map(|content| content.kind().code().to_owned()).into_value());
    for (name, value) in content::reveal(content) {
        result.set(name, value);
    }
    result
}
