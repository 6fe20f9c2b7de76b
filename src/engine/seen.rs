//! What one walk has seen of a vault, so that nothing is asked twice.
//!
//! A CLI reads every object of a configuration at once, in one process that configures once.
//! Responsible for sharing reads of the same secret, and for reading many secrets through pages of
//! the vault's listing instead of one by one. Only for looking: every write forgets all of it, and
//! writes never build on it. Leaves to [`refresh`](super::refresh) whether a listed record, which
//! may be a little late, can be taken at its word.

use std::collections::HashMap;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex as SyncMutex, PoisonError};

use tokio::sync::{Mutex, OnceCell};

use super::context::Run;
use super::failure::Failure;
use super::outage::Outage;
use super::secret::look;
use super::vault::Vault;
use crate::domain::port::{ListFilter, Lists, SecretRecord};
use crate::domain::secret::SecretName;
use crate::domain::version::VersionRecord;

/// Reads that are made one by one before the listing is tried.
const SINGLE_READS: usize = 2;
/// Secrets that were asked for, for each page that is fetched though it may save nothing: a CLI
/// that asks slowly never has many waiting.
const ASKED_PER_PAGE: usize = 16;

/// How secrets are looked at when there are many.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum RefreshBy {
    /// By listing once there are more than a few, as long as the pages are worth it.
    #[default]
    Adaptive,
    /// By listing from the first, to the last page.
    List,
    /// One by one.
    Get,
}

/// What the listing says about a secret.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Listed {
    /// It is there, perhaps soft-deleted.
    There(Box<SecretRecord>),
    /// The listing came to its end without it.
    Absent,
    /// The listing was not asked, or not to its end: read the secret.
    NotListed,
}

type Shared<T> = Arc<OnceCell<T>>;

/// What a walk has seen.
#[derive(Debug, Default)]
pub(super) struct Seen {
    by: RefreshBy,
    written: AtomicBool,
    asked: AtomicUsize,
    waiting: AtomicUsize,
    listing: Mutex<Listing>,
    records: SyncMutex<HashMap<SecretName, Shared<SecretRecord>>>,
    versions: SyncMutex<HashMap<SecretName, Shared<Vec<VersionRecord>>>>,
    outage: Outage,
}

#[derive(Debug, Default)]
struct Listing {
    found: HashMap<SecretName, SecretRecord>,
    progress: Progress,
    pages: usize,
    answered: usize,
}

#[derive(Debug, Default)]
enum Progress {
    #[default]
    NotBegun,
    Next(String),
    Complete,
    GivenUp,
}

impl Seen {
    pub(super) fn new(by: RefreshBy) -> Self {
        Self { by, ..Self::default() }
    }

    /// Something was written in this walk.
    pub(super) fn has_written(&self) -> bool {
        self.written.load(Ordering::SeqCst)
    }

    /// Something is written: what was seen counts no more, in this walk.
    pub(super) fn forget(&self) {
        self.written.store(true, Ordering::SeqCst);
        self.records.lock().unwrap_or_else(PoisonError::into_inner).clear();
        self.versions.lock().unwrap_or_else(PoisonError::into_inner).clear();
    }

    /// True when a failure to look is to be told: an outage is told once.
    pub(super) fn is_news(&self, failure: &Failure) -> bool {
        self.outage.is_news(failure)
    }

    fn cell<T>(map: &SyncMutex<HashMap<SecretName, Shared<T>>>, name: &SecretName) -> Shared<T> {
        let mut map = map.lock().unwrap_or_else(PoisonError::into_inner);
        Arc::clone(map.entry(name.clone()).or_default())
    }
}

/// The secret, read once per walk.
///
/// # Errors
/// Whatever the vault answers; a failure is not kept.
pub(super) async fn record(
    vault: &Vault,
    run: &Run,
    name: &SecretName,
) -> Result<SecretRecord, Failure> {
    let cell = Seen::cell(&vault.seen().records, name);
    let read = || ask(vault, vault.call(run, "read", |backend| backend.read(name)));
    cell.get_or_try_init(read).await.cloned()
}

/// Its versions, read once per walk.
///
/// # Errors
/// Whatever the vault answers; a failure is not kept.
pub(super) async fn versions(
    vault: &Vault,
    run: &Run,
    name: &SecretName,
) -> Result<Vec<VersionRecord>, Failure> {
    let cell = Seen::cell(&vault.seen().versions, name);
    let read =
        || ask(vault, vault.call(run, "list_versions", |backend| backend.list_versions(name)));
    cell.get_or_try_init(read).await.cloned()
}

/// What the listing says about a secret, as far as the listing is worth its calls.
///
/// # Errors
/// Only that the run ended. A listing that is refused is not needed.
pub(super) async fn listed(vault: &Vault, run: &Run, name: &SecretName) -> Result<Listed, Failure> {
    let seen = vault.seen();
    let early = seen.asked.fetch_add(1, Ordering::Relaxed) < SINGLE_READS;
    if vault.capability().lists == Lists::Partial || seen.written.load(Ordering::SeqCst) {
        return Ok(Listed::NotListed);
    }
    match seen.by {
        RefreshBy::Get => return Ok(Listed::NotListed),
        RefreshBy::Adaptive if early => return Ok(Listed::NotListed),
        RefreshBy::Adaptive | RefreshBy::List => {}
    }
    let _waiting = Waiting::new(&seen.waiting);
    // Pages are fetched by whoever holds this; the others find their secret on them.
    let mut listing = seen.listing.lock().await;
    loop {
        if let Some(record) = listing.found.get(name) {
            let record = Box::new(record.clone());
            listing.answered += 1;
            return Ok(Listed::There(record));
        }
        match listing.progress {
            Progress::Complete if is_complete(vault) => return Ok(Listed::Absent),
            Progress::Complete => return Ok(Listed::NotListed),
            Progress::GivenUp => return Ok(Listed::NotListed),
            Progress::NotBegun | Progress::Next(_) => {}
        }
        // A page pays when it saves a read. An account may hold far more than is managed here.
        let worth = listing.answered
            + seen.waiting.load(Ordering::Relaxed)
            + SINGLE_READS
            + seen.asked.load(Ordering::Relaxed) / ASKED_PER_PAGE;
        if seen.by == RefreshBy::Adaptive && listing.pages >= worth {
            return Ok(Listed::NotListed);
        }
        next_page(vault, run, &mut listing).await?;
    }
}

/// What is under a name that is about to be used; `None` when there is nothing. For telling at plan:
/// a create finds out for itself.
///
/// # Errors
/// Anything but "not found". Refused access never counts as free.
pub async fn look_for(
    vault: &Vault,
    run: &Run,
    name: &SecretName,
) -> Result<Option<SecretRecord>, Failure> {
    if is_complete(vault) && listed(vault, run, name).await? == Listed::Absent {
        return Ok(None);
    }
    ask(vault, look(vault, run, name)).await
}

/// Makes a call, unless the vault was found down a moment ago.
pub(super) async fn ask<T>(
    vault: &Vault,
    call: impl Future<Output = Result<T, Failure>>,
) -> Result<T, Failure> {
    let outage = &vault.seen().outage;
    if let Some(failure) = outage.current() {
        return Err(failure);
    }
    let answer = call.await;
    outage.note(&answer);
    answer
}

/// True when the listing came to its end without the secret. It may be late, so whoever acts on it
/// must be told by the vault when it was.
pub(super) async fn is_listed_absent(vault: &Vault, name: &SecretName) -> bool {
    let listing = vault.seen().listing.lock().await;
    let ended = matches!(listing.progress, Progress::Complete);
    is_complete(vault) && ended && !listing.found.contains_key(name)
}

/// True when the listing says all, what is free and what is deleted included.
fn is_complete(vault: &Vault) -> bool {
    matches!(vault.capability().lists, Lists::Complete { .. })
}

async fn next_page(vault: &Vault, run: &Run, listing: &mut Listing) -> Result<(), Failure> {
    let filter = ListFilter { include_deleted: is_complete(vault), ..ListFilter::default() };
    let token = match &listing.progress {
        Progress::Next(token) => Some(token.clone()),
        _ => None,
    };
    let page = vault.call(run, "list", |backend| backend.list(&filter, token.clone()));
    match ask(vault, page).await {
        Ok(page) => {
            listing.pages += 1;
            listing.found.extend(page.items.into_iter().map(|item| (item.name.clone(), item)));
            listing.progress = match page.next {
                // The same page again would never come to an end.
                Some(next) if Some(&next) != token.as_ref() => Progress::Next(next),
                Some(_) => Progress::GivenUp,
                None => Progress::Complete,
            };
            Ok(())
        }
        Err(failure) if failure.kind().is_some() => {
            // Perhaps only the right to list is missing: single reads tell.
            tracing::debug!(profile = vault.profile(), kind = ?failure.kind(), "no listing");
            listing.progress = Progress::GivenUp;
            Ok(())
        }
        Err(failure) => Err(failure),
    }
}

/// Counts those who wait for the listing.
struct Waiting<'c>(&'c AtomicUsize);

impl<'c> Waiting<'c> {
    fn new(count: &'c AtomicUsize) -> Self {
        count.fetch_add(1, Ordering::Relaxed);
        Self(count)
    }
}

impl Drop for Waiting<'_> {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}

#[cfg(test)]
mod tests;
