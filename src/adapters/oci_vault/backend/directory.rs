//! From a name to the secret's OCID, and the proof that there is none.
//!
//! Names are unique in a vault, and only listings tell what exists: a read by OCID or by name
//! answers 404 for what is forbidden, too, and for what waits for its deletion. So "not found" is
//! said when listings of every compartment of the profile lack the name, and the vault itself is
//! known to be there; a wrong or deleted vault lists nothing, too.

use std::collections::HashMap;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::sync::{Mutex, PoisonError};

use super::OciVault;
use crate::adapters::oci_vault::error::{is_hidden, reworded};
use crate::adapters::oci_vault::wire::{Secret, State};
use crate::domain::port::{BackendError, ErrorKind};
use crate::domain::secret::SecretName;

/// So many names are looked for one by one; then the whole vault is listed once.
const FEW: u32 = 6;

/// What is known of names.
#[derive(Debug, Default)]
pub(super) struct Directory {
    ids: Mutex<HashMap<String, String>>,
    lookups: AtomicU32,
    swept: tokio::sync::Mutex<bool>,
    /// The vault has been seen.
    vault_seen: AtomicBool,
}

impl Directory {
    fn known(&self, name: &str) -> Option<String> {
        self.ids.lock().unwrap_or_else(PoisonError::into_inner).get(name).cloned()
    }

    /// Remembers an OCID, which a secret keeps for its life.
    pub(super) fn learn(&self, name: &str, id: &str) {
        self.vault_seen.store(true, Ordering::Relaxed);
        let mut ids = self.ids.lock().unwrap_or_else(PoisonError::into_inner);
        ids.insert(name.to_owned(), id.to_owned());
    }

    pub(super) fn forget(&self, name: &str) {
        self.ids.lock().unwrap_or_else(PoisonError::into_inner).remove(name);
    }
}

/// Which of several secrets of a name is meant: of all but one, only traces are left.
const fn rank(state: State) -> u8 {
    match state {
        State::Active
        | State::Creating
        | State::Updating
        | State::CancellingDeletion
        | State::Other => 0,
        State::SchedulingDeletion | State::PendingDeletion => 1,
        State::Failed => 2,
        State::Deleting => 3,
        State::Deleted => 4,
    }
}

impl OciVault {
    /// The OCID of a secret.
    ///
    /// # Errors
    /// `NotFound`, proven.
    pub(super) async fn locate(
        &self,
        operation: &'static str,
        name: &SecretName,
    ) -> Result<String, BackendError> {
        if let Some(id) = self.directory.known(name.as_str()) {
            return Ok(id);
        }
        if self.directory.lookups.fetch_add(1, Ordering::Relaxed) >= FEW {
            self.sweep(operation).await?;
            if let Some(id) = self.directory.known(name.as_str()) {
                return Ok(id);
            }
        }
        match self.look_up(operation, name).await? {
            Some(secret) if !secret.lifecycle_state.is_gone() => Ok(secret.id),
            _ => Err(self.missing(operation, name).await),
        }
    }

    /// What the listings have under a name now, remnants of deleted secrets included.
    pub(super) async fn look_up(
        &self,
        operation: &'static str,
        name: &SecretName,
    ) -> Result<Option<Secret>, BackendError> {
        let mut best: Option<Secret> = None;
        for compartment in &self.compartments {
            let mut page = None;
            loop {
                let (found, next) = self
                    .connection
                    .secrets(operation, compartment, Some(name.as_str()), page.as_deref())
                    .await
                    .map_err(|error| unlisted(&error, compartment))?;
                // The service compares names by case; whatever it does, we do.
                for secret in found.into_iter().filter(|s| s.secret_name == name.as_str()) {
                    let better = best.as_ref().is_none_or(|best| {
                        rank(secret.lifecycle_state) < rank(best.lifecycle_state)
                    });
                    if better {
                        best = Some(secret);
                    }
                }
                page = next;
                if page.is_none() {
                    break;
                }
            }
            if best.as_ref().is_some_and(|secret| rank(secret.lifecycle_state) == 0) {
                break;
            }
        }
        if let Some(secret) = best.as_ref().filter(|s| !s.lifecycle_state.is_gone()) {
            self.directory.learn(name.as_str(), &secret.id);
        }
        Ok(best)
    }

    /// Lists everything once, so that many names need no listing each.
    async fn sweep(&self, operation: &'static str) -> Result<(), BackendError> {
        let mut swept = self.directory.swept.lock().await;
        if *swept {
            return Ok(());
        }
        for compartment in &self.compartments {
            let mut page = None;
            loop {
                let (found, next) = self
                    .connection
                    .secrets(operation, compartment, None, page.as_deref())
                    .await
                    .map_err(|error| unlisted(&error, compartment))?;
                for secret in found.iter().filter(|s| rank(s.lifecycle_state) == 0) {
                    self.directory.learn(&secret.secret_name, &secret.id);
                }
                page = next;
                if page.is_none() {
                    break;
                }
            }
        }
        *swept = true;
        Ok(())
    }

    /// The error for a name that no listing has: `NotFound`, if the vault is there.
    pub(super) async fn missing(&self, operation: &'static str, name: &SecretName) -> BackendError {
        if let Err(error) = self.prove_vault(operation).await {
            return error;
        }
        BackendError::permanent(
            ErrorKind::NotFound,
            operation,
            format!("the vault has no secret {name} in the profile's compartments"),
        )
    }

    /// Makes sure that an empty listing is that of an existing vault.
    async fn prove_vault(&self, operation: &'static str) -> Result<(), BackendError> {
        if self.directory.vault_seen.load(Ordering::Relaxed) {
            return Ok(());
        }
        for compartment in &self.compartments {
            let (found, _) = self
                .connection
                .secrets(operation, compartment, None, None)
                .await
                .map_err(|error| unlisted(&error, compartment))?;
            if !found.is_empty() {
                self.directory.vault_seen.store(true, Ordering::Relaxed);
                return Ok(());
            }
        }
        let vault = self.connection.vault(operation).await.map_err(|error| {
            if is_hidden(&error) {
                let message = format!(
                    "nothing is listed in the vault {}, and it does not exist, or this identity \
                     may not see it. Check vault_id and region; seeing it needs `inspect vaults`",
                    self.vault_id
                );
                return reworded(&error, ErrorKind::PermissionDenied, message);
            }
            error
        })?;
        if vault.lifecycle_state != "ACTIVE" {
            let message = format!(
                "the vault {} is {}; nothing in it can be used",
                self.vault_id, vault.lifecycle_state
            );
            return Err(BackendError::permanent(ErrorKind::Precondition, operation, message));
        }
        self.directory.vault_seen.store(true, Ordering::Relaxed);
        Ok(())
    }
}

/// A compartment that cannot be listed.
fn unlisted(error: &BackendError, compartment: &str) -> BackendError {
    if !is_hidden(error) {
        return error.clone();
    }
    let message = format!(
        "the secrets of the compartment {compartment} cannot be listed: it does not exist, or this \
         identity may not do that. Check compartment_id; listing needs `inspect secrets` there"
    );
    reworded(error, ErrorKind::PermissionDenied, message)
}
