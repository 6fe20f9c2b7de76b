//! Moving `current`: readers get the version that was created last, so a version becomes current
//! by being written again under its own number.
//!
//! Responsible for promotion and roll-back (one read of the value, one write) and for retiring.
//! There is never a moment without a current version.

use super::reading::metadata_of;
use super::writing::{Draft, current, own_marks, sibling_after};
use super::{Answer, KeyVault};
use crate::adapters::azure_key_vault::error::refused;
use crate::adapters::azure_key_vault::history::{Entry, History};
use crate::adapters::azure_key_vault::marks::{Marks, Sibling};
use crate::adapters::azure_key_vault::wire::{UpdateAttributes, UpdateBody};
use crate::domain::ledger::{Op, Refusal};
use crate::domain::port::{ErrorKind, Metadata};
use crate::domain::rotation::RotationState;
use crate::domain::secret::SecretName;

const OPERATION: &str = "set_rotation_state";

impl KeyVault {
    pub(super) async fn move_to_state(
        &self,
        name: &SecretName,
        number: u64,
        state: RotationState,
    ) -> Answer<()> {
        let op = Op::set(number, state).map_err(|refusal| {
            refused(ErrorKind::InvalidRequest, OPERATION, refusal.to_string())
        })?;
        let history = self.history(OPERATION, name).await?;
        let entry = history.entry(number).ok_or_else(|| {
            let refusal = Refusal::NoSuchVersion(number);
            refused(ErrorKind::NotFound, OPERATION, refusal.to_string())
        })?;
        match op {
            Op::Promote(_) => self.promote(name, &history, entry).await,
            _ => self.retire(name, &history, entry).await,
        }
    }

    async fn promote(&self, name: &SecretName, history: &History, entry: &Entry) -> Answer<()> {
        let now = current(history, OPERATION)?;
        if now.number == entry.number {
            return Ok(());
        }
        let metadata = metadata_of(now);
        let sibling = sibling_after(history, Some(entry.number));
        self.write_again(OPERATION, name, history, entry, &metadata, sibling).await?;
        if entry.in_sibling && sibling == Sibling::Idle {
            self.empty_sibling(name, history, entry).await;
        }
        Ok(())
    }

    /// Writes the value of a version again, under the same number: it becomes current.
    pub(super) async fn write_again(
        &self,
        operation: &'static str,
        name: &SecretName,
        history: &History,
        entry: &Entry,
        metadata: &Metadata,
        sibling: Sibling,
    ) -> Answer<History> {
        let holder = self.holder(name, entry);
        let bundle = self.service.get(operation, &holder, Some(&entry.id)).await?;
        let marks = Marks {
            sequence: Some(history.next_sequence()),
            nonce: None,
            copy: Some(entry.id.clone()),
            sibling,
            retired: false,
            is_sibling: false,
            media: entry
                .marks
                .as_ref()
                .and_then(|marks| marks.media.clone())
                .or_else(|| entry.item.content_type.clone()),
            ..own_marks(entry)
        };
        let fingerprint = entry.fingerprint();
        let draft =
            Draft { value: &bundle.value, marks, fingerprint: fingerprint.as_ref(), metadata };
        let item = self.set(operation, name.as_str(), draft).await?;
        Ok(history.with(item, false))
    }

    /// Disables what readers have elsewhere by now. Nothing depends on it, so a refusal is no
    /// failure.
    async fn empty_sibling(&self, name: &SecretName, history: &History, promoted: &Entry) {
        let spent = history.spent().filter(|entry| entry.enabled());
        let all = spent.chain(std::iter::once(promoted));
        for entry in all {
            let attributes = UpdateAttributes { enabled: Some(false), ..Default::default() };
            let body = UpdateBody { attributes, ..UpdateBody::default() };
            let holder = self.holder(name, entry);
            if let Err(error) = self.service.update(OPERATION, &holder, &entry.id, &body).await {
                tracing::debug!(kind = ?error.kind, "a promoted version stays enabled where it waited");
            }
        }
    }

    async fn retire(&self, name: &SecretName, history: &History, entry: &Entry) -> Answer<()> {
        if current(history, OPERATION)?.number == entry.number {
            let refusal = Refusal::Current(entry.number);
            return Err(refused(ErrorKind::Precondition, OPERATION, refusal.to_string()));
        }
        let marks = own_marks(entry);
        if marks.retired {
            return Ok(());
        }
        let marks = Marks { retired: true, ..marks };
        self.note(OPERATION, name, entry, &marks).await.map(drop)
    }
}
