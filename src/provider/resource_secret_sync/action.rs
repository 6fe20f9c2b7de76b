//! Action `coffer_sync`: runs a sync now, without a state of its own (Terraform 1.14).
//!
//! It creates what is absent and updates what carries the sync's owner tag; everything else it
//! leaves alone, and it never removes anything, for without a ledger there is nothing that it knows
//! to be its own to remove. Looking and writing are those of the resource.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use async_trait::async_trait;

use super::apply::hexadecimal;
use super::remarks::remark;
use super::results::{blank, told};
use super::settings::Settings;
use super::view::{Looked, Moment, View, look};
use super::{check_selection, schema};
use crate::domain::fingerprint::KeyRing;
use crate::domain::sync::plan::Action as Step;
use crate::engine::context::Run;
use crate::engine::sync::status::copies;
use crate::engine::sync::{Source, carry_out};
use crate::plugin::framework::context::Context;
use crate::plugin::framework::diag::Diagnostics;
use crate::plugin::framework::object::Action;
use crate::plugin::framework::path::Path;
use crate::plugin::framework::schema::Schema;
use crate::plugin::framework::value::Value;
use crate::provider::access::{self, Shared, run};
use crate::provider::configure::Configured;
use crate::provider::errors::{self, Attempt};
use crate::provider::resource_secret::tell;

/// The arguments of the action that the resource has, too.
const SHARED: [&str; 5] =
    ["name", "source", "destinations", "initial_sync_behavior", "parallelism"];

/// The action.
#[derive(Debug)]
pub(in crate::provider) struct ActionSync {
    shared: Arc<Shared>,
}

/// What was done at a destination.
#[derive(Default)]
struct Tally {
    created: usize,
    updated: usize,
    adopted: usize,
    same: usize,
    left: usize,
    failures: Vec<String>,
}

impl ActionSync {
    pub(in crate::provider) const fn new(shared: Arc<Shared>) -> Self {
        Self { shared }
    }

    /// Looks at everything, as the resource does, and tells what is left alone.
    async fn look(
        &self,
        configured: &Configured,
        config: &Value,
        run: &Run,
        moment: Moment,
        diags: &mut Diagnostics,
    ) -> Option<View> {
        check_selection(config, diags);
        let settings = settings(config, diags)?;
        let instance = match config.get("id").as_str() {
            Some(id) => id.to_owned(),
            None => instance(configured, &settings, run, diags).await?,
        };
        let (shared, none) = (&self.shared, None);
        let view = look(shared, configured, &settings, &instance, none, run, moment, diags).await?;
        remark(&view, &settings, diags);
        (!diags.has_errors()).then_some(view)
    }
}

#[async_trait]
impl Action for ActionSync {
    fn schema(&self) -> Schema {
        schema::actions::sync()
    }

    async fn plan(&self, ctx: &Context, config: &Value, diags: &mut Diagnostics) {
        if !config.is_wholly_known() {
            return;
        }
        let Some(configured) = self.shared.configured(diags) else { return };
        let run = run(ctx, None);
        self.look(&configured, config, &run, Moment::Plan, diags).await;
    }

    async fn invoke(
        &self,
        ctx: &Context,
        config: Value,
        progress: &mut (dyn FnMut(String) + Send),
        diags: &mut Diagnostics,
    ) {
        let Some(configured) = self.shared.configured(diags) else { return };
        let run = run(ctx, None);
        let view = self.look(&configured, &config, &run, Moment::Apply, diags).await;
        let Some(view) = view else { return };
        let name = config.get("name").as_str().unwrap_or_default();
        let attempt =
            Attempt { verb: "make the fingerprints of", secret: name, profile: "(source)" };
        let ring = access::ring(configured.keys(), &run, true, attempt, diags).await;
        let Some(ring) = ring else { return };
        let mut failures = Vec::new();
        for (label, looked) in &view.destinations {
            let tally = destination(&view.source, looked, &run, &ring).await;
            progress(format!("{label}: {}.", tally.sentence()));
            failures.extend(tally.failures.iter().map(|failure| format!("{label}: {failure}")));
            tell(&configured, &looked.target.vault, diags);
        }
        if failures.is_empty() {
            return;
        }
        let detail = format!(
            "Attempted: run the sync {name:?}.\nAnswer: {} copies were not made:\n- {}\nNext step: \
             correct the cause and run again; only what is missing is done then.",
            failures.len(),
            failures.join("\n- ")
        );
        diags.error(Path::attribute("destinations"), "Sync is not complete", detail);
    }
}

impl Tally {
    fn sentence(&self) -> String {
        let Self { created, updated, adopted, same, left, failures } = self;
        format!(
            "{created} created, {updated} updated, {adopted} adopted, {same} as they should be, \
             {left} left alone, {} failed",
            failures.len()
        )
    }
}

/// Does what is to be done at one destination.
async fn destination(source: &Source, looked: &Looked, run: &Run, ring: &Arc<KeyRing>) -> Tally {
    let mut tally = Tally::default();
    let preview = match &looked.preview {
        Ok(preview) => preview,
        Err(failure) => {
            tally.failures.push(told(failure));
            return tally;
        }
    };
    let done = carry_out(source, &looked.target, run, ring, preview, &looked.ledger).await;
    for (name, step) in &preview.steps {
        let failed = done.get(name).and_then(|done| done.failure.as_ref());
        if let Some(failure) = failed.or_else(|| preview.failures.get(name)) {
            tally.failures.push(format!("{name}: {}", told(failure)));
            continue;
        }
        *match step.action {
            Step::Create => &mut tally.created,
            Step::Adopt => &mut tally.adopted,
            Step::Record | Step::Keep => &mut tally.same,
            action if action.writes() => &mut tally.updated,
            _ => &mut tally.left,
        } += 1;
    }
    tally
}

/// The configuration as that of a resource which removes nothing.
fn settings(config: &Value, diags: &mut Diagnostics) -> Option<Settings> {
    let mut all = blank();
    for (name, attribute) in schema::secret_sync::schema().attributes {
        if let Some(default) = attribute.default {
            all.set(&name, default);
        }
    }
    for name in SHARED {
        let value = config.get(name);
        if !value.is_null() {
            all.set(name, value.clone());
        }
    }
    all.set("disable_secret_deletion", Value::Bool(true));
    Settings::read(&all, diags)
}

/// The instance that wrote the copies that are there; a new one when there are none.
async fn instance(
    configured: &Configured,
    settings: &Settings,
    run: &Run,
    diags: &mut Diagnostics,
) -> Option<String> {
    let profiles: BTreeMap<&str, &str> = settings
        .destinations
        .iter()
        .map(|(label, d)| (d.profile.as_str(), label.as_str()))
        .collect();
    let mut found = BTreeSet::new();
    for (profile, label) in profiles {
        let at = || Path::attribute("destinations").key(label);
        let vault = match configured.vault(profile) {
            Ok(vault) => vault,
            Err(problem) => {
                errors::no_vault(&problem, at().child("profile"), diags);
                return None;
            }
        };
        match copies(&vault, run, &settings.name, None, settings.parallelism()).await {
            Ok(copies) => found.extend(copies.into_iter().map(|copy| copy.owner.instance)),
            Err(failure) => {
                let (verb, secret) = ("look for the copies of the sync", settings.name.as_str());
                errors::report(&failure, Attempt { verb, secret, profile }, at(), diags);
                return None;
            }
        }
    }
    if found.len() > 1 {
        let all: Vec<_> = found.into_iter().collect();
        let detail = format!(
            "Copies of {} syncs called {:?} are there: {}. Next step: say in id which of them is \
             meant, such as coffer_secret_sync.example.id.",
            all.len(),
            settings.name,
            all.join(", ")
        );
        diags.error(Path::attribute("name"), "Name of the sync is not enough", detail);
        return None;
    }
    Some(found.pop_first().unwrap_or_else(|| hexadecimal(run.random())))
}
