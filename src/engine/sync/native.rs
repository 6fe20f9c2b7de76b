//! Replicas that a service keeps by itself, in place of copies that pass through this process.
//!
//! Responsible for saying whether one vault's service can keep replicas in the other, for planning
//! with them, and for having them made and ended. Values are never read. A replica has no tags of
//! its own, cannot be written, and follows its source by itself, some time later.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use tokio::time::Instant;

use super::Target;
use crate::domain::policy::Removal;
use crate::domain::port::{Place, SecretRecord};
use crate::domain::secret::SecretName;
use crate::domain::sync::plan::{Action, Conflict, Steps, Version};
use crate::engine::context::Run;
use crate::engine::failure::Failure;
use crate::engine::secret::look;
use crate::engine::vault::Vault;

const FIRST_PAUSE: Duration = Duration::from_millis(200);
const LONGEST_PAUSE: Duration = Duration::from_secs(5);

/// How replicas come from one vault into another.
#[derive(Debug)]
pub struct Native {
    source: Arc<Vault>,
    from: Place,
    to: Place,
}

impl Native {
    /// Replication from one vault to another, or why there is none.
    ///
    /// # Errors
    /// When a vault cannot say where it is.
    pub async fn between(
        source: &Arc<Vault>,
        target: &Vault,
        run: &Run,
    ) -> Result<Result<Self, &'static str>, Failure> {
        let from = source.call(run, "place", |backend| backend.place()).await?;
        let to = target.call(run, "place", |backend| backend.place()).await?;
        let (Some(from), Some(to)) = (from, to) else {
            return Ok(Err("one of the vaults keeps no replicas by itself"));
        };
        Ok(if from.service != to.service {
            Err("the vaults are of different services")
        } else if from.account != to.account {
            Err("the profiles sign in differently, so their vaults may be of different accounts")
        } else if from.location == to.location {
            Err("both vaults are in the same place")
        } else {
            Ok(Self { source: Arc::clone(source), from, to })
        })
    }

    /// Puts replicas in the place of copies, in a plan.
    pub(super) fn adapt(
        &self,
        steps: &mut Steps,
        records: &BTreeMap<SecretName, SecretRecord>,
        orphans: Removal,
    ) {
        for (name, step) in steps {
            step.action = match records.get(name) {
                Some(record) if !self.is_replica(record) => beside(step.action),
                Some(_) => replica(step.action, orphans),
                None if step.action == Action::Create => Action::Replicate,
                None => step.action,
            };
        }
    }

    /// Has a replica made that is not there, and waits until it has the version of the source.
    ///
    /// # Errors
    /// Whatever the vaults answer, and that it is not there in time.
    pub(super) async fn keep(
        &self,
        target: &Target,
        run: &Run,
        name: &SecretName,
        there: bool,
        version: &Version,
    ) -> Result<SecretRecord, Failure> {
        if !there {
            let made = self.source.call(run, "replicate", |backend| {
                backend.replicate(name, &self.to, &target.options)
            });
            made.await?;
        }
        let mut pause = FIRST_PAUSE;
        loop {
            if let Some(record) = look(&target.vault, run, name).await?
                && self.is_replica(&record)
                && record.current.as_ref().is_some_and(|current| current.version_id == version.id)
            {
                return Ok(record);
            }
            run.pause("replicate", Instant::now() + pause).await?;
            pause = (pause * 2).min(LONGEST_PAUSE);
        }
    }

    /// Ends the replication of a secret.
    ///
    /// # Errors
    /// That what is there is no replica of the source, and whatever the vault answers.
    pub(super) async fn end(
        &self,
        run: &Run,
        name: &SecretName,
        record: &SecretRecord,
    ) -> Result<(), Failure> {
        if !self.is_replica(record) {
            let found = record.current.as_ref().map(|version| version.version_id.clone());
            return Err(Failure::ChangedSincePlan { planned: None, found });
        }
        let ended = self
            .source
            .call(run, "end_replication", |backend| backend.end_replication(name, &self.to));
        ended.await
    }

    fn is_replica(&self, record: &SecretRecord) -> bool {
        record.replica_of.as_ref() == Some(&self.from.location)
    }
}

/// Leaves replicas alone, in a plan of copies: they cannot be written, and end at their source only.
pub(super) fn spare(steps: &mut Steps, records: &BTreeMap<SecretName, SecretRecord>) {
    let replica = |name| records.get(name).is_some_and(|record| record.replica_of.is_some());
    for (_, step) in steps.iter_mut().filter(|(name, _)| replica(name)) {
        if step.action.writes() {
            step.action = Action::Conflict(Conflict::Replica);
        } else if step.action.removes() {
            step.action = Action::Forget;
        }
    }
}

/// What to do about a secret of its own under the name.
const fn beside(action: Action) -> Action {
    match action {
        Action::Forget | Action::Held | Action::Skipped | Action::Unreadable => action,
        _ => Action::Conflict(Conflict::NotReplica),
    }
}

/// What to do about a replica: nobody but its source changes it, and its tags are those of its
/// source.
const fn replica(action: Action, orphans: Removal) -> Action {
    match action {
        Action::Remove(_) => Action::Remove(Removal::Delete),
        Action::Spared if matches!(orphans, Removal::Retain) => Action::Forget,
        Action::Spared => Action::Remove(Removal::Delete),
        Action::Keep | Action::Forget | Action::Held | Action::Skipped | Action::Unreadable => {
            action
        }
        // Also when it has followed: it may do so between plan and apply.
        _ => Action::Follow,
    }
}
