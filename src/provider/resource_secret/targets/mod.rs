//! Copies of a `coffer_secret` in the profiles that `sync_to` of its own profile names.
//!
//! What state says of them, in `sync_targets`, is the ledger. [`read`] looks at the copies and says
//! what became of them, [`plan`] says from that alone what will be done (an apply plans again, and
//! must come to the same), [`apply`] does it after the secret itself was written, [`remove`] goes
//! before the secret is removed, [`follow`] copies a version that another resource promoted.
//! Looking, writing and deciding are those of `coffer_secret_sync`. A profile without `sync_to`
//! costs nothing: no call and no state.

use std::collections::BTreeMap;
use std::sync::Arc;

use crate::domain::policy::{OnExisting, Removal};
use crate::domain::port::{Options, SecretRecord};
use crate::domain::rotation::RotationState;
use crate::domain::secret::{SecretId, SecretName};
use crate::domain::sync::owner::{Identity, Owner};
use crate::domain::sync::plan::{Action, Conflict, Rules, Step};
use crate::domain::sync::recipe::Recipe;
use crate::engine::context::Run;
use crate::engine::failure::Failure;
use crate::engine::sync::{Original, Preview, Source, Target, preview};
use crate::engine::vault::Vault;
use crate::plugin::framework::private::Private;
use crate::plugin::framework::value::Value;
use crate::provider::resource_secret_sync::results::{self, Ledger};

pub(super) mod apply;
pub(in crate::provider) mod follow;
pub(super) mod plan;
pub(super) mod read;
pub(super) mod remove;

/// The attribute with the copies, by profile.
pub(super) const ATTRIBUTE: &str = "sync_targets";

/// Attributes of one copy; all of them are texts.
pub(in crate::provider) const TARGET: [&str; 8] = [
    "action",
    "result",
    "class",
    "message",
    "remote_version",
    "fingerprint",
    "source_version",
    "synced_at",
];

/// Private entry: the instance in the owner tags of the copies.
const INSTANCE: &str = "copies";

/// Most copies of one secret at once: there is one for each target.
const ONE: usize = 1;

/// A secret, and whose its copies are.
pub(super) struct Copied {
    source: Source,
    name: SecretName,
    identity: Identity,
    /// Whether the copy of an earlier secret of this id is taken over.
    adopts: bool,
}

/// What stands at a target, and what is to be done there.
struct Sight {
    target: Arc<Target>,
    ledger: Ledger,
    preview: Preview,
    step: Step,
}

impl Copied {
    /// The secret as it is in its vault; `None` while this run has not made it yet.
    fn new(
        vault: &Arc<Vault>,
        name: &SecretName,
        record: Option<SecretRecord>,
        instance: &str,
    ) -> Option<Self> {
        let id = SecretId::new(vault.profile().parse().ok()?, name.clone());
        let identity = Identity { name: id.to_string(), instance: instance.to_owned() };
        let chosen = record.as_ref().and_then(|record| record.current.clone());
        let original = Original { id, open: record.is_none(), chosen, record, planned: None };
        let secrets = BTreeMap::from([(name.as_str().to_owned(), original)]);
        let state = RotationState::Current;
        let source = Source { vault: Arc::clone(vault), state, secrets };
        Some(Self { source, name: name.clone(), identity, adopts: false })
    }

    /// The same without a secret, so that its copies have no source any more.
    fn gone(vault: &Arc<Vault>, name: &SecretName, instance: &str) -> Option<Self> {
        let mut copied = Self::new(vault, name, None, instance)?;
        copied.source.secrets.clear();
        Some(copied)
    }

    /// The same for a secret that takes over what is there already, as its `on_existing` says. Of
    /// copies that is what an earlier secret of this id left, and nothing else.
    fn adopting(self, on_existing: OnExisting) -> Self {
        Self { adopts: on_existing == OnExisting::Adopt, ..self }
    }

    /// Takes over the copy of an earlier secret of this id, where that is wanted.
    fn take_over(&self, preview: &mut Preview) {
        let tags = preview.records.get(&self.name).map(|record| &record.metadata.tags);
        let left = tags.is_some_and(|tags| self.identity.owner(tags) == Owner::Namesake);
        let step = preview.steps.get_mut(&self.name).filter(|_| left && self.adopts);
        if let Some(step) = step
            && step.action == Action::Conflict(Conflict::OtherOwner)
        {
            step.action = Action::Overwrite;
        }
    }

    /// Looks at one target. `known` is what state says of the copy.
    async fn look(
        &self,
        vault: Arc<Vault>,
        on_orphan: Removal,
        known: &Value,
        run: &Run,
    ) -> Result<Sight, Failure> {
        if self.source.secrets.values().any(|found| found.chosen.is_none() && !found.open) {
            return Err(Failure::NoContent);
        }
        let rules = Rules { on_orphan, max_deletes: ONE, ..Rules::default() };
        let identity = self.identity.clone();
        let key = self.name.as_str();
        let recipes = BTreeMap::from([(key.to_owned(), Recipe::identity(key))]);
        let options = Options::default();
        let (parallelism, native) = (ONE, None);
        let target = Target { vault, identity, rules, parallelism, recipes, options, native };
        let target = Arc::new(target);
        let ledger = ledger(&self.name, known);
        let names = BTreeMap::from([(key.to_owned(), self.name.clone())]);
        let seen = preview(&self.source, &target, run, &names, &ledger, &|_| None).await?;
        let mut preview = seen;
        self.take_over(&mut preview);
        match (preview.failures.remove(&self.name), preview.steps.get(&self.name).cloned()) {
            (Some(failure), _) => Err(failure),
            (None, Some(step)) => Ok(Sight { target, ledger, preview, step }),
            // Neither a secret nor a copy that state knows.
            (None, None) => Err(Failure::Vanished),
        }
    }
}

/// The instance of the owner tags, if this secret ever had copies.
fn instance(private: &Private) -> Option<&str> {
    private.get(INSTANCE)?.as_str()
}

/// What state says of a copy, as the ledger has it. Of the source it need not say more than the
/// version: a copy has its print.
fn ledger(name: &SecretName, known: &Value) -> Ledger {
    let mut known = known.clone();
    known.set("key", Value::string(name.as_str()));
    known.set("source_fingerprint", known.get("fingerprint").clone());
    results::entry(&known).map(|entry| (name.clone(), entry)).into_iter().collect()
}

/// True when state says that this secret has a copy there.
fn is_written(known: &Value) -> bool {
    known.get("remote_version").as_str().is_some()
}

/// Attributes of one copy, from a result of a sync.
fn told(action: &Value, result: &Value) -> Value {
    let of = |name: &str| if name == "action" { action.clone() } else { result.get(name).clone() };
    Value::object(TARGET.map(|name| (name, of(name))))
}

/// What state says of the copies.
fn known(state: &Value) -> impl Iterator<Item = (&String, &Value)> {
    let copies = match state.get(ATTRIBUTE) {
        Value::Map(copies) => Some(copies),
        _ => None,
    };
    copies.into_iter().flatten()
}

/// What a look finds to be done, and how state tells it until it is done.
const FOUND: [(Action, &str); 6] = [
    (Action::Create, "the copy is not there"),
    (Action::Recover, "the copy was deleted"),
    (Action::Update, "the secret changed since it was copied"),
    (Action::Correct, "the copy was changed outside"),
    (Action::Adopt, "the copy is there, and state did not say so"),
    (Action::Overwrite, "the copy is that of an earlier secret of this name"),
];
