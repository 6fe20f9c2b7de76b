//! A vault in use: one profile's backend with its pacing.
//!
//! Responsible for how a backend is called: within the run's time, not faster than the profile
//! allows, again after a passing failure. A repeated write carries the nonce of the first, so a
//! lost reply never writes twice. Leaves what to call to the use cases.

use std::collections::BTreeMap;
use std::future::Future;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tokio::sync::Semaphore;
use tokio::time::Instant;

use super::before::Before;
use super::context::Run;
use super::failure::Failure;
use super::seen::{RefreshBy, Seen, ask};
use crate::domain::limits::{self, Subject, Violation, Wanted};
use crate::domain::port::{Backend, BackendError, Capability, Status};

/// Times a call is made before its passing failure counts.
const ATTEMPTS: u32 = 4;
/// Wait before the second attempt; doubles each time.
const FIRST_BACKOFF: Duration = Duration::from_millis(100);

/// Operations that change nothing.
const READS: &[&str] = &[
    "backup",
    "fingerprint_key_material",
    "list",
    "list_versions",
    "place",
    "read",
    "read_content",
];

/// How a refresh finds content changed outside.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum DriftDetection {
    /// By the stored fingerprint and the version id; no right to read values is needed.
    #[default]
    Metadata,
    /// By reading the content.
    Content,
}

/// What a profile says about its vault.
#[derive(Debug, Clone, Default)]
pub struct VaultOptions {
    /// How drift is found.
    pub drift_detection: DriftDetection,
    /// How secrets are looked at when there are many.
    pub refresh_by: RefreshBy,
    /// Tags that every secret gets.
    pub default_tags: BTreeMap<String, String>,
    /// Most calls at once.
    pub concurrency: Option<usize>,
    /// Most calls per second.
    pub requests_per_second: Option<u32>,
}

/// One profile's vault, shared by everything in the process.
#[derive(Debug)]
pub struct Vault {
    profile: String,
    backend: Arc<dyn Backend>,
    options: VaultOptions,
    slots: Option<Semaphore>,
    next_call: Mutex<Option<Instant>>,
    seen: Seen,
    before: Before,
}

impl Vault {
    /// A vault under the name of its profile.
    #[must_use]
    pub fn new(
        profile: impl Into<String>,
        backend: Arc<dyn Backend>,
        options: VaultOptions,
    ) -> Self {
        let slots = options.concurrency.map(|most| Semaphore::new(most.max(1)));
        let seen = Seen::new(options.refresh_by);
        let (profile, next_call, before) = (profile.into(), Mutex::new(None), Before::default());
        Self { profile, backend, options, slots, next_call, seen, before }
    }

    /// Name of the profile.
    #[must_use]
    pub fn profile(&self) -> &str {
        &self.profile
    }

    /// True when a failure to look is to be told. A vault that is down or lets nobody in is told
    /// once in a walk, which has failed by that.
    #[must_use]
    pub fn is_news(&self, failure: &Failure) -> bool {
        self.seen.is_news(failure)
    }

    /// Looks, unless the vault was found down a moment ago.
    ///
    /// # Errors
    /// Those of the look, or that of the moment ago.
    pub async fn ask<T>(
        &self,
        look: impl Future<Output = Result<T, Failure>>,
    ) -> Result<T, Failure> {
        ask(self, look).await
    }

    /// What this walk has seen of the vault.
    pub(super) const fn seen(&self) -> &Seen {
        &self.seen
    }

    /// What it held before this process changed it.
    #[must_use]
    pub const fn before(&self) -> &Before {
        &self.before
    }

    /// True once something was written: an apply is under way.
    #[must_use]
    pub fn has_written(&self) -> bool {
        self.seen.has_written()
    }

    /// What the vault can do.
    #[must_use]
    pub fn capability(&self) -> &Capability {
        self.backend.capability()
    }

    /// Everything that this vault cannot hold or do, in the order of the arguments.
    #[must_use]
    pub fn violations(&self, wanted: &Wanted<'_>) -> Vec<Violation> {
        let mut found = limits::violations(self.capability(), wanted);
        if let Some(content) = wanted.content
            && found.iter().all(|violation| violation.subject != Subject::Content)
            && let Err(message) = self.backend.check_content(content)
        {
            found.push(Violation { subject: Subject::Content, message });
        }
        found
    }

    /// How drift is found.
    #[must_use]
    pub const fn drift_detection(&self) -> DriftDetection {
        self.options.drift_detection
    }

    /// Tags that every secret gets.
    #[must_use]
    pub const fn default_tags(&self) -> &BTreeMap<String, String> {
        &self.options.default_tags
    }

    /// Things the user should know once.
    #[must_use]
    pub fn take_notices(&self) -> Vec<String> {
        self.backend.take_notices()
    }

    /// Makes one call, repeated after passing failures.
    ///
    /// # Errors
    /// The last answer, or that the run ended.
    pub async fn call<'v, T, F, W>(
        &'v self,
        run: &Run,
        operation: &'static str,
        call: F,
    ) -> Result<T, Failure>
    where
        F: Fn(&'v dyn Backend) -> W + Send,
        W: Future<Output = Result<T, BackendError>> + Send,
    {
        let writes = !READS.contains(&operation);
        if writes {
            self.seen.forget();
        }
        let answer = self.repeated(run, operation, call).await;
        if writes {
            // Again: somebody may have looked while it was written.
            self.seen.forget();
        }
        answer
    }

    async fn repeated<'v, T, F, W>(
        &'v self,
        run: &Run,
        operation: &'static str,
        call: F,
    ) -> Result<T, Failure>
    where
        F: Fn(&'v dyn Backend) -> W + Send,
        W: Future<Output = Result<T, BackendError>> + Send,
    {
        let mut attempt = 1;
        loop {
            run.check(operation).await?;
            let answer = self.once(run, operation, call(&*self.backend)).await?;
            match answer {
                Err(error) if error.status == Status::Temporary && attempt < ATTEMPTS => {
                    tracing::debug!(profile = self.profile, operation, kind = ?error.kind, attempt, "passing failure");
                    let wait = FIRST_BACKOFF * 2_u32.pow(attempt - 1);
                    if run.pause(operation, Instant::now() + wait).await.is_err() {
                        return Err(error.into());
                    }
                    attempt += 1;
                }
                Err(error) => {
                    tracing::debug!(profile = self.profile, operation, kind = ?error.kind, "failed");
                    return Err(error.into());
                }
                Ok(answer) => {
                    tracing::trace!(profile = self.profile, operation, "done");
                    return Ok(answer);
                }
            }
        }
    }

    async fn once<T>(
        &self,
        run: &Run,
        operation: &'static str,
        call: impl Future<Output = Result<T, BackendError>> + Send,
    ) -> Result<Result<T, BackendError>, Failure> {
        let _slot = match &self.slots {
            // A semaphore that is never closed always grants in the end.
            Some(slots) => run.bounded(operation, slots.acquire()).await?.ok(),
            None => None,
        };
        if let Some(start) = self.reserve() {
            run.pause(operation, start).await?;
        }
        run.bounded(operation, call).await
    }

    /// The moment this call may start, when the profile limits the rate.
    fn reserve(&self) -> Option<Instant> {
        let gap =
            Duration::from_secs(1) / self.options.requests_per_second.filter(|rate| *rate > 0)?;
        let now = Instant::now();
        let mut next = self.next_call.lock().unwrap_or_else(PoisonError::into_inner);
        let start = next.map_or(now, |next| next.max(now));
        *next = Some(start + gap);
        (start > now).then_some(start)
    }
}
