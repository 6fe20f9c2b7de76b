//! Deleting, recovering, destroying; backup and restore.
//!
//! Deletion and recovery settle for some seconds after the service has answered. Responsible for
//! waiting where the next step needs it, and for doing to the sibling what is done to a secret.

use std::time::Duration as Wait;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use time::Duration;
use tokio::time::sleep;

use super::{Answer, KeyVault, sibling_of};
use crate::adapters::azure_key_vault::error::{is_kind, refused};
use crate::adapters::azure_key_vault::history::History;
use crate::adapters::azure_key_vault::marks::{Marks, Sibling};
use crate::adapters::azure_key_vault::wire::{Backup, Item};
use crate::adapters::http::SecretText;
use crate::domain::material::Secret;
use crate::domain::port::{BackendError, ErrorKind, Outcome, SecretRecord};
use crate::domain::secret::SecretName;

/// Waits between looks at something that settles; the last one repeats.
const LOOKS: [Wait; 4] = [
    Wait::from_millis(100),
    Wait::from_millis(400),
    Wait::from_millis(1000),
    Wait::from_millis(2000),
];
/// Longest wait. The service takes seconds, rarely half a minute.
const PATIENCE: Wait = Wait::from_secs(90);

impl KeyVault {
    pub(super) async fn delete_recoverably(
        &self,
        name: &SecretName,
        window: Option<Duration>,
    ) -> Answer<SecretRecord> {
        const OPERATION: &str = "soft_delete";
        if let Some(window) = window
            && let Some(history) = self.find(OPERATION, name).await?
        {
            check_window(OPERATION, &history, window)?;
        }
        match self.service.delete(OPERATION, name.as_str()).await {
            Ok(item) => {
                if has_sibling(&item) {
                    self.delete_sibling(OPERATION, name).await?;
                }
                Ok(self.deleted_record(name, &item))
            }
            Err(error) if is_kind(&error, ErrorKind::NotFound) => {
                let item = self.find_deleted(OPERATION, name).await?.ok_or(error)?;
                if has_sibling(&item) {
                    self.delete_sibling(OPERATION, name).await?;
                }
                Ok(self.deleted_record(name, &item))
            }
            Err(error) => Err(error),
        }
    }

    async fn delete_sibling(&self, operation: &'static str, name: &SecretName) -> Answer<()> {
        match self.service.delete(operation, &sibling_of(name.as_str())).await {
            Err(error) if is_kind(&error, ErrorKind::NotFound) => Ok(()),
            answer => answer.map(drop),
        }
    }

    pub(super) async fn bring_back(&self, name: &SecretName) -> Answer<SecretRecord> {
        const OPERATION: &str = "recover";
        let items = self.recover_and_wait(OPERATION, name.as_str()).await?;
        let history = History::new(items, Vec::new());
        if history.sibling() == Sibling::Staged {
            match self.recover_and_wait(OPERATION, &sibling_of(name.as_str())).await {
                Err(error) if is_kind(&error, ErrorKind::NotFound) => {}
                answer => drop(answer?),
            }
        }
        let history = self.history(OPERATION, name).await?;
        self.record(OPERATION, name, &history)
    }

    /// Recovers a name and waits until its versions can be listed.
    pub(super) async fn recover_and_wait(
        &self,
        operation: &'static str,
        name: &str,
    ) -> Answer<Vec<Item>> {
        let mut lost = match self.service.recover(operation, name).await {
            // The reply was lost: whether it is coming back shows below.
            Err(error) if error.outcome == Outcome::Unknown => true,
            answer => answer.map(|()| false)?,
        };
        let mut looks = Looks::new();
        loop {
            if let Some(items) = self.items(operation, name).await? {
                return Ok(items);
            }
            if lost {
                // Perhaps the request never arrived. One too many is refused.
                lost = match self.service.recover(operation, name).await {
                    Err(error) if error.outcome == Outcome::Unknown => true,
                    Err(error)
                        if matches!(error.kind, ErrorKind::NotFound | ErrorKind::Conflict) =>
                    {
                        false
                    }
                    answer => answer.map(|()| false)?,
                };
            }
            looks.wait(operation, "the recovery has not settled").await?;
        }
    }

    pub(super) async fn destroy(&self, name: &SecretName) -> Answer<()> {
        const OPERATION: &str = "purge";
        // What cannot be destroyed afterwards is not deleted, either.
        let staged = match self.find(OPERATION, name).await? {
            Some(history) => {
                check_purgeable(OPERATION, &history)?;
                history.sibling()
            }
            None => Sibling::None,
        };
        let staged = self.destroy_one(OPERATION, name.as_str(), staged).await?;
        if staged != Sibling::None {
            let holder = sibling_of(name.as_str());
            match self.destroy_one(OPERATION, &holder, Sibling::None).await {
                Err(error) if is_kind(&error, ErrorKind::NotFound) => {}
                answer => drop(answer?),
            }
        }
        Ok(())
    }

    /// Deletes and purges a name; what is known of its sibling.
    async fn destroy_one(
        &self,
        operation: &'static str,
        name: &str,
        mut sibling: Sibling,
    ) -> Answer<Sibling> {
        let deleted = match self.service.delete(operation, name).await {
            // A vault without soft deletion has destroyed it.
            Ok(item) if item.recovery_id.is_none() => return Ok(sibling),
            Ok(_) => true,
            Err(error) if is_kind(&error, ErrorKind::NotFound) => false,
            Err(error) => return Err(error),
        };
        let mut looks = Looks::new();
        loop {
            match self.service.get_deleted(operation, name).await {
                Ok(item) => {
                    if sibling == Sibling::None {
                        let marks = Marks::of(item.tags.as_ref());
                        sibling = marks.map_or(Sibling::None, |marks| marks.sibling);
                    }
                    break;
                }
                Err(error) if is_kind(&error, ErrorKind::NotFound) => {
                    if !deleted {
                        return Err(error);
                    }
                    looks.wait(operation, "the deletion has not settled").await?;
                }
                // It may not be seen, or is disabled; whether it can be purged shows.
                Err(error)
                    if matches!(
                        error.kind,
                        ErrorKind::PermissionDenied | ErrorKind::Precondition
                    ) =>
                {
                    break;
                }
                Err(error) => return Err(error),
            }
        }
        loop {
            match self.service.purge(operation, name).await {
                Err(error) if deleted && is_kind(&error, ErrorKind::NotFound) => {
                    // Not there yet for one who may not look.
                    looks.wait(operation, "the deletion has not settled").await?;
                }
                answer => return answer.map(|()| sibling),
            }
        }
    }

    pub(super) async fn back_up(&self, name: &SecretName) -> Answer<Vec<u8>> {
        const OPERATION: &str = "backup";
        match self.service.backup(OPERATION, name.as_str()).await {
            Ok(text) => URL_SAFE_NO_PAD.decode(trimmed(&text)).map_err(|_| {
                refused(ErrorKind::Unexpected, OPERATION, "the backup is not base64url text")
            }),
            Err(error) if is_kind(&error, ErrorKind::NotFound) => {
                Err(self.missing(OPERATION, name).await)
            }
            Err(error) => Err(error),
        }
    }

    pub(super) async fn restore_backup(&self, backup: &[u8]) -> Answer<SecretRecord> {
        const OPERATION: &str = "restore";
        let text = Secret::new(URL_SAFE_NO_PAD.encode(backup).into_bytes());
        let item = self.service.restore(OPERATION, &Backup { value: SecretText(text) }).await?;
        let name = item.name().and_then(|name| SecretName::parse(name).ok());
        let name = name.ok_or_else(|| {
            refused(ErrorKind::Unexpected, OPERATION, "the answer does not name what was restored")
        })?;
        let history = self.history(OPERATION, &name).await?;
        self.record(OPERATION, &name, &history)
    }
}

fn trimmed(text: &Secret) -> &[u8] {
    let bytes = text.expose();
    let padding = bytes.iter().rev().take_while(|byte| **byte == b'=').count();
    &bytes[..bytes.len() - padding]
}

/// The window is fixed when a vault is made.
fn check_window(operation: &'static str, history: &History, window: Duration) -> Answer<()> {
    let attributes = history.current().map(|entry| &entry.item.attributes);
    let Some(days) = attributes.and_then(|attributes| attributes.recoverable_days) else {
        return Ok(());
    };
    if window == Duration::days(days) {
        return Ok(());
    }
    Err(refused(
        ErrorKind::InvalidRequest,
        operation,
        format!(
            "the vault keeps every deleted secret for {days} days, which was fixed when it was \
             made; set recovery_window_days = {days} or leave it out"
        ),
    ))
}

fn check_purgeable(operation: &'static str, history: &History) -> Answer<()> {
    let purgeable = history.current().is_none_or(|entry| entry.item.attributes.purgeable());
    if purgeable {
        return Ok(());
    }
    Err(refused(
        ErrorKind::Unsupported,
        operation,
        "purge protection is enabled on the vault: a deleted secret goes when its window ends, not \
         before. Nothing was deleted; set deletion_policy = \"recoverable\"",
    ))
}

fn has_sibling(item: &Item) -> bool {
    Marks::of(item.tags.as_ref()).is_some_and(|marks| marks.sibling != Sibling::None)
}

/// Looks at something that settles, ever more rarely.
struct Looks {
    made: usize,
    left: Wait,
}

impl Looks {
    const fn new() -> Self {
        Self { made: 0, left: PATIENCE }
    }

    async fn wait(&mut self, operation: &'static str, what: &str) -> Answer<()> {
        let wait = LOOKS[self.made.min(LOOKS.len() - 1)];
        self.made += 1;
        self.left = self.left.checked_sub(wait).ok_or_else(|| {
            BackendError::temporary(
                ErrorKind::Unavailable,
                operation,
                format!("{what} within {} s", PATIENCE.as_secs()),
            )
        })?;
        sleep(wait).await;
        Ok(())
    }
}
