//! The versions of a secret in order, with numbers and states.
//!
//! Key Vault lists versions by their random ids and knows neither numbers nor stages; readers get
//! the one that was created last. Pure rules, derived anew from every listing:
//!
//! * Order: time of creation (whole seconds), then the sequence coffer notes on its own, then id.
//! * Number: the one coffer noted. A version of somebody else's gets the next one that nobody
//!   noted; since the service deletes no single version and coffer always takes a number above all
//!   others, it keeps it. Of two versions that noted the same number without one being a copy
//!   (two writers at once), the later counts as somebody else's.
//! * A roll-back, a promotion and a cleared time repeat a value in a new version of the service
//!   (a copy). It has the number of what it repeats and stands for it from then on.
//! * States: the last created is current, the number before it previous, what waits in the sibling
//!   pending, all others deprecated.

use std::collections::BTreeSet;

use time::OffsetDateTime;

use super::marks::{self, Marks, Sibling};
use super::wire::{Item, Tags, instant};
use crate::domain::fingerprint::{Fingerprint, Salt};
use crate::domain::rotation::{RotationState, RotationStates};
use crate::domain::version::VersionRecord;

/// A version as the service holds it.
#[derive(Debug, Clone)]
pub(super) struct Entry {
    /// Id of the version.
    pub(super) id: String,
    /// Number that coffer gives it.
    pub(super) number: u64,
    /// It is in the sibling.
    pub(super) in_sibling: bool,
    /// What coffer noted; `None` for a version of somebody else's.
    pub(super) marks: Option<Marks>,
    /// As listed.
    pub(super) item: Item,
}

impl Entry {
    fn new(item: Item, in_sibling: bool) -> Option<Self> {
        let id = item.version()?.to_owned();
        let marks = Marks::of(item.tags.as_ref());
        Some(Self { id, number: 0, in_sibling, marks, item })
    }

    /// Print of its content.
    pub(super) fn fingerprint(&self) -> Option<Fingerprint> {
        self.marks.as_ref().and_then(|_| marks::fingerprint(self.tags()))
    }

    /// All tags.
    pub(super) fn tags(&self) -> Option<&Tags> {
        self.item.tags.as_ref()
    }

    /// Readers get it.
    pub(super) fn enabled(&self) -> bool {
        self.item.attributes.enabled.unwrap_or(true)
    }

    /// When it was created.
    pub(super) fn created(&self) -> Option<OffsetDateTime> {
        instant(self.item.attributes.created)
    }

    fn noted(&self) -> Option<u64> {
        self.marks.as_ref().and_then(|marks| marks.number)
    }

    fn sequence(&self) -> Option<u64> {
        self.marks.as_ref().and_then(|marks| marks.sequence)
    }

    fn is_copy(&self) -> bool {
        self.marks.as_ref().is_some_and(|marks| marks.copy.is_some())
    }

    fn place(&self) -> (i64, u64, &str) {
        let created = self.item.attributes.created.unwrap_or_default();
        (created, self.sequence().unwrap_or_default(), &self.id)
    }
}

/// All versions of a secret, and of its sibling if one was read.
#[derive(Debug, Clone, Default)]
pub(super) struct History {
    entries: Vec<Entry>,
    waiting: Vec<Entry>,
}

impl History {
    /// Puts listed versions in order. `sibling` are the versions of the secret beside it.
    pub(super) fn new(items: Vec<Item>, sibling: Vec<Item>) -> Self {
        let sorted = |items: Vec<Item>, in_sibling| {
            let entries = items.into_iter().filter_map(|item| Entry::new(item, in_sibling));
            let mut entries: Vec<Entry> = entries.collect();
            entries.sort_by(|a, b| a.place().cmp(&b.place()));
            entries
        };
        let mut waiting = sorted(sibling, true);
        waiting.retain(|entry| entry.noted().is_some());
        for entry in &mut waiting {
            entry.number = entry.noted().unwrap_or_default();
        }
        let mut history = Self { entries: sorted(items, false), waiting };
        history.assign_numbers();
        history
    }

    fn assign_numbers(&mut self) {
        let mut noted: BTreeSet<u64> = self.entries.iter().filter_map(Entry::noted).collect();
        noted.extend(self.waiting.iter().map(|entry| entry.number));
        let (mut given, mut sequences) = (BTreeSet::new(), BTreeSet::new());
        let mut last = 0;
        for entry in &mut self.entries {
            let fresh = sequences.insert(entry.sequence()) || entry.sequence().is_none();
            let own = entry.noted().filter(|n| fresh && (entry.is_copy() || !given.contains(n)));
            entry.number = own.unwrap_or_else(|| {
                let next = (last + 1..).find(|number| !noted.contains(number));
                next.unwrap_or(u64::MAX)
            });
            // Tags that somebody copied along say nothing about this version's content.
            entry.marks = entry.marks.take().filter(|_| own.is_some());
            noted.insert(entry.number);
            given.insert(entry.number);
            last = last.max(entry.number);
        }
    }

    /// The same with what is in the sibling.
    pub(super) fn beside(self, sibling: Vec<Item>) -> Self {
        let items = self.entries.into_iter().map(|entry| entry.item).collect();
        Self::new(items, sibling)
    }

    /// The same with one more version, newer than all others.
    pub(super) fn with(&self, item: Item, in_sibling: bool) -> Self {
        let mut more = self.clone();
        if let Some(mut entry) = Entry::new(item, in_sibling) {
            entry.number = entry.noted().unwrap_or_else(|| more.latest() + 1);
            if in_sibling { more.waiting.push(entry) } else { more.entries.push(entry) }
        }
        more
    }

    /// The same with a version as it is after a change.
    pub(super) fn changed(&self, item: &Item) -> Self {
        let mut more = self.clone();
        let id = item.version().map(str::to_owned);
        let all = more.entries.iter_mut().chain(&mut more.waiting);
        for entry in all.filter(|entry| Some(&entry.id) == id.as_ref()) {
            entry.marks = Marks::of(item.tags.as_ref());
            entry.item = item.clone();
        }
        more
    }

    /// What readers get; `None` for a secret without versions.
    pub(super) fn current(&self) -> Option<&Entry> {
        self.entries.last()
    }

    /// The newest version of the service with a number; of a pending one, that in the sibling.
    pub(super) fn entry(&self, number: u64) -> Option<&Entry> {
        let newest = |entries: &'_ [Entry]| entries.iter().rposition(|e| e.number == number);
        match newest(&self.entries) {
            Some(place) => self.entries.get(place),
            None => newest(&self.waiting).and_then(|place| self.waiting.get(place)),
        }
    }

    /// The version that a write with this nonce made.
    pub(super) fn written(&self, nonce: &str) -> Option<&Entry> {
        let wrote = |entry: &&Entry| {
            entry.marks.as_ref().is_some_and(|marks| marks.nonce.as_deref() == Some(nonce))
        };
        self.entries.iter().chain(&self.waiting).find(|entry| wrote(entry) && !entry.is_copy())
    }

    /// Highest number there is.
    pub(super) fn latest(&self) -> u64 {
        let all = self.entries.iter().chain(&self.waiting);
        all.map(|entry| entry.number).max().unwrap_or_default()
    }

    /// Sequence of the next write.
    pub(super) fn next_sequence(&self) -> u64 {
        let noted = self.entries.iter().filter_map(Entry::sequence).max();
        noted.unwrap_or_default().max(self.entries.len() as u64) + 1
    }

    /// Sequence of the next write into the sibling.
    pub(super) fn next_waiting_sequence(&self) -> u64 {
        let noted = self.waiting.iter().filter_map(Entry::sequence).max();
        noted.unwrap_or_default().max(self.waiting.len() as u64) + 1
    }

    /// What is known of the sibling: noted on the newest version that coffer wrote.
    pub(super) fn sibling(&self) -> Sibling {
        let newest = self.entries.iter().rev().find_map(|entry| entry.marks.as_ref());
        newest.map_or(Sibling::None, |marks| marks.sibling)
    }

    /// Numbers that are in the sibling only.
    pub(super) fn only_waiting(&self) -> BTreeSet<u64> {
        let taken: BTreeSet<u64> = self.entries.iter().map(|entry| entry.number).collect();
        self.waiting.iter().map(|entry| entry.number).filter(|n| !taken.contains(n)).collect()
    }

    /// The versions in the sibling whose number readers have as well.
    pub(super) fn spent(&self) -> impl Iterator<Item = &Entry> {
        let waiting = self.only_waiting();
        self.waiting.iter().filter(move |entry| !waiting.contains(&entry.number))
    }

    /// Number of the version that waits.
    pub(super) fn pending(&self) -> Option<u64> {
        let newest = self.waiting.last()?;
        let retired = newest.marks.as_ref().is_some_and(|marks| marks.retired);
        Some(newest.number).filter(|n| !retired && self.only_waiting().contains(n))
    }

    fn previous(&self) -> Option<u64> {
        let current = self.current()?.number;
        let before = self.entries.iter().rev().find(|entry| entry.number != current)?;
        let retired = before.marks.as_ref().is_some_and(|marks| marks.retired);
        Some(before.number).filter(|_| !retired)
    }

    /// Number of the version in a state.
    pub(super) fn find(&self, state: RotationState) -> Option<u64> {
        match state {
            RotationState::Current => self.current().map(|entry| entry.number),
            RotationState::Latest => Some(self.latest()).filter(|latest| *latest > 0),
            RotationState::Pending => self.pending(),
            RotationState::Previous => self.previous(),
            RotationState::Deprecated => None,
        }
    }

    /// The states of a number.
    pub(super) fn states(&self, number: u64) -> RotationStates {
        use RotationState::{Current, Deprecated, Latest, Pending, Previous};
        let held = |state| self.find(state) == Some(number);
        let mut states: RotationStates =
            [Current, Pending, Previous].into_iter().filter(|state| held(*state)).collect();
        if states.is_empty() {
            states.insert(Deprecated);
        }
        if held(Latest) {
            states.insert(Latest);
        }
        states
    }

    /// A version as the port tells of it.
    pub(super) fn record(&self, number: u64) -> Option<VersionRecord> {
        let entry = self.entry(number)?;
        let first = self.entries.iter().find(|e| e.number == number).unwrap_or(entry);
        Some(VersionRecord {
            number,
            version_id: entry.id.clone(),
            rotation_states: self.states(number),
            fingerprint: entry.fingerprint(),
            created_at: first.created(),
            deletion_scheduled_at: None,
        })
    }

    /// Every version as the port tells of it, oldest first.
    pub(super) fn records(&self) -> Vec<VersionRecord> {
        let numbers: BTreeSet<u64> =
            self.entries.iter().chain(&self.waiting).map(|entry| entry.number).collect();
        numbers.into_iter().filter_map(|number| self.record(number)).collect()
    }

    /// Salt of the prints: that of the current version, else of the newest that has one.
    pub(super) fn salt(&self) -> Option<Salt> {
        self.entries.iter().rev().find_map(Entry::fingerprint).map(|print| print.salt())
    }

    /// When the first version was created.
    pub(super) fn created(&self) -> Option<OffsetDateTime> {
        self.entries.first().and_then(Entry::created)
    }

    /// When anything last changed.
    pub(super) fn updated(&self) -> Option<OffsetDateTime> {
        let all = self.entries.iter().chain(&self.waiting);
        all.filter_map(|entry| instant(entry.item.attributes.updated)).max()
    }

    #[cfg(test)]
    fn told(&self) -> std::collections::BTreeMap<u64, String> {
        self.records().iter().map(|r| (r.number, r.rotation_states.to_string())).collect()
    }
}

#[cfg(test)]
mod tests;
