//! How objects get at the configured vaults, and the run of each call.
//!
//! Responsible for sharing one configuration among all objects of the process and for turning a
//! call's context into a run of the engine with a time limit. A later configuration replaces the
//! earlier one; calls in flight finish with the one they began with.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex, PoisonError, RwLock};
use std::time::Duration;

use time::OffsetDateTime;

use super::configure::Configured;
use super::errors::{self, Attempt};
use crate::domain::fingerprint::KeyRing;
use crate::domain::sync::route::circle;
use crate::engine::context::{Run, World};
use crate::engine::keys::Keys;
use crate::plugin::framework::context::Context;
use crate::plugin::framework::diag::Diagnostics;
use crate::plugin::framework::path::Path;

/// Time limit of an operation when the configuration sets none.
pub(super) const DEFAULT_TIMEOUT: Duration = Duration::from_secs(5 * 60);

/// The configuration that all objects share.
#[derive(Debug, Default)]
pub(super) struct Shared {
    configured: RwLock<Option<Arc<Configured>>>,
    staying: Mutex<BTreeSet<String>>,
    syncs: Mutex<Syncs>,
}

/// What the syncs of this walk are about to do.
#[derive(Debug, Default)]
struct Syncs {
    /// From which profile to which.
    routes: BTreeSet<(String, String)>,
    /// Which sync writes a name, by profile and name.
    claims: BTreeMap<(String, String), String>,
    /// Syncs by profile and name there, as numbers that stand for their settings.
    namesakes: BTreeMap<(String, String), u64>,
    /// Ids of secrets that this walk creates or changes.
    changing: BTreeSet<String>,
}

impl Shared {
    /// Replaces the configuration.
    pub(super) fn set(&self, configured: Configured) {
        // A CLI configures once for each walk; what an earlier walk planned does not count.
        self.staying.lock().unwrap_or_else(PoisonError::into_inner).clear();
        let pairs = configured.routes().pairs();
        let routes = pairs.map(|(from, to)| (from.to_owned(), to.to_owned())).collect();
        *self.syncs.lock().unwrap_or_else(PoisonError::into_inner) =
            Syncs { routes, ..Syncs::default() };
        *self.configured.write().unwrap_or_else(PoisonError::into_inner) =
            Some(Arc::new(configured));
    }

    /// Notes that the plan keeps the secret of this id.
    pub(super) fn note_staying(&self, id: &str) {
        self.staying.lock().unwrap_or_else(PoisonError::into_inner).insert(id.to_owned());
    }

    /// True when the plan keeps the secret of this id, as far as it was made.
    pub(super) fn stays(&self, id: &str) -> bool {
        self.staying.lock().unwrap_or_else(PoisonError::into_inner).contains(id)
    }

    /// Notes that the plan creates the secret of this id, or changes its content.
    pub(super) fn note_changing(&self, id: &str) {
        let mut syncs = self.syncs.lock().unwrap_or_else(PoisonError::into_inner);
        syncs.changing.insert(id.to_owned());
    }

    /// Ids of the secrets that the plan creates or changes, as far as it was made.
    pub(super) fn changing(&self) -> BTreeSet<String> {
        self.syncs.lock().unwrap_or_else(PoisonError::into_inner).changing.clone()
    }

    /// Notes that a sync copies from one profile to the other; gives the circle that this closes.
    pub(super) fn note_route(&self, from: &str, to: &str) -> Option<Vec<String>> {
        let mut syncs = self.syncs.lock().unwrap_or_else(PoisonError::into_inner);
        let circle = circle(&syncs.routes, from, to);
        syncs.routes.insert((from.to_owned(), to.to_owned()));
        circle
    }

    /// Notes that a sync writes a name, which is spelled as the vault compares it; gives the other
    /// sync that does already.
    pub(super) fn claim(&self, profile: &str, name: String, sync: &str) -> Option<String> {
        let mut syncs = self.syncs.lock().unwrap_or_else(PoisonError::into_inner);
        let owner =
            syncs.claims.entry((profile.to_owned(), name)).or_insert_with(|| sync.to_owned());
        (owner != sync).then(|| owner.clone())
    }

    /// Notes the same of a resource, by a number that stands for its settings; true when another
    /// one does already, be it of the same name.
    pub(super) fn has_namesake(&self, profile: &str, name: String, settings: u64) -> bool {
        let mut syncs = self.syncs.lock().unwrap_or_else(PoisonError::into_inner);
        *syncs.namesakes.entry((profile.to_owned(), name)).or_insert(settings) != settings
    }

    /// The configuration; reports when there is none yet.
    pub(super) fn configured(&self, diags: &mut Diagnostics) -> Option<Arc<Configured>> {
        let configured = self.configured.read().unwrap_or_else(PoisonError::into_inner).clone();
        if configured.is_none() {
            diags.error(
                Path::root(),
                "Provider is not configured",
                "A vault was needed before the provider block was read. Next step: report this, \
                 with the steps that lead to it; it is a bug of the caller.",
            );
        }
        configured
    }
}

/// The fingerprint keys: with content to write, the vault that holds the master key may be made
/// now. Reports when there are none to be had.
pub(super) async fn ring(
    keys: &Keys,
    run: &Run,
    writes: bool,
    attempt: Attempt<'_>,
    diags: &mut Diagnostics,
) -> Option<Arc<KeyRing>> {
    let ring = if writes { keys.ring_for_writing(run).await } else { keys.ring(run).await };
    ring.map_err(|failure| {
        errors::report(&failure, attempt, Path::attribute("fingerprint"), diags);
    })
    .ok()
}

/// A run of the engine for one call.
pub(super) fn run(ctx: &Context, timeout: Option<Duration>) -> Run {
    let cancellation = ctx.cancellation().clone();
    let stop = Arc::new(move || -> std::pin::Pin<Box<dyn Future<Output = ()> + Send>> {
        Box::pin(cancellation.cancelled())
    });
    Run::new(WORLD, timeout.unwrap_or(DEFAULT_TIMEOUT), stop)
}

const WORLD: World = World { now: OffsetDateTime::now_utc, random };

fn random() -> [u8; 16] {
    let mut bytes = [0; 16];
    // Salts and nonces must not repeat; there is nothing safe to go on with.
    getrandom::fill(&mut bytes)
        .unwrap_or_else(|error| panic!("the operating system gives no random bytes: {error}"));
    bytes
}
