//! Actions: rotate, promote, roll back and recover on request (Terraform 1.14).
//!
//! Each does what arguments of the resources do, without a change of the configuration; its schema
//! names them. Responsible for finding the version that is meant, for telling progress, and for
//! refusing at plan what names no profile. The steps are the engine's.

use std::sync::Arc;

use async_trait::async_trait;

use super::access::{self, Shared, run};
use super::configure::Configured;
use super::errors::{self, Attempt};
use super::generate;
use super::import_id::{self, Located};
use super::resource_secret::{follow, tell};
use super::schema;
use super::settings::integer;
use crate::domain::port::ErrorKind;
use crate::domain::rotation::RotationState;
use crate::engine::context::Run;
use crate::engine::failure::Failure;
use crate::engine::secret::recover;
use crate::engine::vault::Vault;
use crate::engine::version::{self, Goal, Upload, promote, upload};
use crate::plugin::framework::context::Context;
use crate::plugin::framework::diag::Diagnostics;
use crate::plugin::framework::object::Action;
use crate::plugin::framework::path::Path;
use crate::plugin::framework::schema::Schema;
use crate::plugin::framework::value::Value;

/// Which action.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Deed {
    /// `coffer_promote`
    Promote,
    /// `coffer_rollback`
    Rollback,
    /// `coffer_recover`
    Recover,
    /// `coffer_rotate`
    Rotate,
}

/// An action on one secret.
#[derive(Debug)]
pub(super) struct ActionOnSecret {
    shared: Arc<Shared>,
    deed: Deed,
}

/// What an action works with.
struct Target {
    configured: Arc<Configured>,
    vault: Arc<Vault>,
    located: Located,
    run: Run,
}

impl ActionOnSecret {
    pub(super) const fn new(shared: Arc<Shared>, deed: Deed) -> Self {
        Self { shared, deed }
    }

    const fn verb(&self) -> &'static str {
        match self.deed {
            Deed::Promote => "promote a version of",
            Deed::Rollback => "roll back",
            Deed::Recover => "recover",
            Deed::Rotate => "rotate",
        }
    }

    fn target(&self, ctx: &Context, config: &Value, diags: &mut Diagnostics) -> Option<Target> {
        let configured = self.shared.configured(diags)?;
        let id = config.get("secret_id").as_str().unwrap_or_default();
        let at = || Path::attribute("secret_id");
        let located = import_id::parse(id, at(), &configured, diags)?;
        match configured.vault(&located.profile) {
            Ok(vault) => Some(Target { vault, located, configured, run: run(ctx, None) }),
            Err(problem) => {
                errors::no_vault(&problem, at(), diags);
                None
            }
        }
    }

    async fn do_it(
        &self,
        target: &Target,
        config: &Value,
        diags: &mut Diagnostics,
    ) -> Option<String> {
        let Target { vault, located, run, .. } = target;
        let id = located.id();
        let done = match self.deed {
            Deed::Recover => match recover(vault, run, &located.name).await {
                Ok(true) => Ok(format!("{id} was recovered with all its versions.")),
                Ok(false) => Ok(format!("{id} is in use already; nothing was done.")),
                Err(failure) => Err(failure),
            },
            Deed::Rotate => self.rotate(target, config, diags).await?,
            Deed::Promote | Deed::Rollback => {
                let number = self.number(target, config, diags).await?;
                let keys = target.configured.keys();
                let attempt = self.attempt(located);
                let ring = access::ring(keys, run, false, attempt, diags).await?;
                match promote(vault, run, &ring, &located.name, number).await.failure {
                    None => Ok(format!("Version {number} of {id} is current.")),
                    Some(failure) => Err(failure),
                }
            }
        };
        tell(&target.configured, vault, diags);
        if done.is_ok() {
            follow(&target.configured, vault, run, &located.name, diags).await;
        }
        done.map_err(|failure| self.report(&failure, located, diags)).ok()
    }

    /// Makes a value and stores it.
    async fn rotate(
        &self,
        target: &Target,
        config: &Value,
        diags: &mut Diagnostics,
    ) -> Option<Result<String, Failure>> {
        let Target { vault, located, run, configured } = target;
        let order = generate::read(config, diags)?;
        let content = order.make(diags)?.content;
        let keys = configured.keys();
        let ring = access::ring(keys, run, true, self.attempt(located), diags).await?;
        let pending = config.get("rotation_state").as_str() == Some(RotationState::Pending.code());
        let goal = if pending { Goal::Pending } else { Goal::Current };
        let wanted = Upload { content: &content, goal };
        let outcome = upload(vault, run, &ring, &located.name, wanted).await;
        Some(match (outcome.failure, outcome.found) {
            (None, Some(found)) => {
                let is = if pending { "waits" } else { "is current" };
                Ok(format!("Version {} of {} {is}.", found.version.number, located.id()))
            }
            (Some(failure), _) => Err(failure),
            (None, None) => Err(Failure::Vanished),
        })
    }

    /// The version that is named, else the one in the state that the action is about.
    async fn number(
        &self,
        target: &Target,
        config: &Value,
        diags: &mut Diagnostics,
    ) -> Option<u64> {
        if let Some(number) = integer(config.get("number")) {
            return u64::try_from(number).ok();
        }
        let Target { vault, located, run, .. } = target;
        let versions = match version::list(vault, run, &located.name).await {
            Ok(Some((_, versions))) => versions,
            Ok(None) => {
                self.report(&Failure::Vanished, located, diags);
                return None;
            }
            Err(failure) => {
                self.report(&failure, located, diags);
                return None;
            }
        };
        let state = match self.deed {
            Deed::Rollback => RotationState::Previous,
            Deed::Promote | Deed::Recover | Deed::Rotate => RotationState::Pending,
        };
        let found = versions.iter().find(|version| version.rotation_states.contains(state));
        if found.is_none() {
            diags.error(
                Path::attribute("secret_id"),
                "There is no such version",
                format!(
                    "Attempted: {} {:?}.\nAnswer: it has no {} version.\nNext step: the data \
                     source coffer_secret_versions lists the versions that there are; \
                     coffer_promote takes the number of any of them.",
                    self.verb(),
                    located.id(),
                    state.code()
                ),
            );
        }
        found.map(|version| version.number)
    }

    fn attempt<'a>(&self, located: &'a Located) -> Attempt<'a> {
        Attempt { verb: self.verb(), secret: located.name.as_str(), profile: &located.profile }
    }

    fn report(&self, failure: &Failure, located: &Located, diags: &mut Diagnostics) {
        let at = Path::attribute("secret_id");
        if matches!(failure, Failure::Vanished) {
            return diags.error(
                at,
                "Version or secret is not there",
                format!(
                    "Attempted: {} {:?}.\nAnswer: the vault has no such secret in use, or not this \
                     version of it.\nNext step: check secret_id and number; the data source \
                     coffer_secret_versions lists what is there.",
                    self.verb(),
                    located.id()
                ),
            );
        }
        if failure.kind() == Some(ErrorKind::NotFound) && self.deed == Deed::Recover {
            return diags.error(
                at,
                "Secret cannot be recovered",
                format!(
                    "Attempted: recover {:?}.\nAnswer: the vault has no secret of that name, in \
                     use or soft-deleted.\nNext step: check secret_id. A secret that was destroyed \
                     comes back from a backup only.",
                    located.id()
                ),
            );
        }
        errors::report(failure, self.attempt(located), at, diags);
    }
}

#[async_trait]
impl Action for ActionOnSecret {
    fn schema(&self) -> Schema {
        match self.deed {
            Deed::Promote => schema::actions::promote(),
            Deed::Rollback => schema::actions::rollback(),
            Deed::Recover => schema::actions::recover(),
            Deed::Rotate => schema::actions::rotate(),
        }
    }

    async fn plan(&self, ctx: &Context, config: &Value, diags: &mut Diagnostics) {
        if self.deed == Deed::Rotate {
            generate::validate(config, diags);
        }
        if config.get("secret_id").as_str().is_some() {
            self.target(ctx, config, diags);
        }
    }

    async fn invoke(
        &self,
        ctx: &Context,
        config: Value,
        progress: &mut (dyn FnMut(String) + Send),
        diags: &mut Diagnostics,
    ) {
        let Some(target) = self.target(ctx, &config, diags) else { return };
        if let Some(done) = self.do_it(&target, &config, diags).await {
            progress(done);
        }
    }
}
