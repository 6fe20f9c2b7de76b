//! A secret as it was seen, waiting until it is settled, and writing again after a look.
//!
//! Writes are accepted before they are done: the secret is in a transitional state meanwhile, and
//! refuses others. Every write is conditional on the etag that was seen; after a lost answer or a
//! refusal that a look can explain, the secret is looked at again and the write repeated if it is
//! still wanted.

use std::sync::PoisonError;
use std::time::Duration;

use tokio::time::Instant;

use super::OciVault;
use crate::adapters::oci_vault::connection::Seen;
use crate::adapters::oci_vault::error::{is_hidden, needs_a_look, reworded};
use crate::adapters::oci_vault::record;
use crate::adapters::oci_vault::wire::{Secret, State, Version};
use crate::domain::port::{BackendError, ErrorKind, SecretRecord, Status};
use crate::domain::secret::SecretName;

/// First wait for a secret that is changing; doubles up to the longest.
const FIRST_WAIT: Duration = Duration::from_millis(250);
const LONGEST_WAIT: Duration = Duration::from_secs(15);
/// Most times a write is made, and the first wait between them.
const WRITES: u32 = 6;
const WRITE_WAIT: Duration = Duration::from_millis(200);

/// A secret with its versions, as they were seen at one time.
#[derive(Debug, Clone)]
pub(super) struct Held {
    pub secret: Secret,
    pub etag: Option<String>,
    pub versions: Vec<Version>,
}

impl Held {
    pub(super) fn record(&self, name: &SecretName) -> SecretRecord {
        record::record(name.clone(), &self.secret, &self.versions)
    }
}

/// How often a write was made.
#[derive(Debug, Default)]
pub(super) struct Tries(u32);

impl Tries {
    /// Waits before another look, or gives the error back if a look cannot help.
    pub(super) async fn again(&mut self, error: BackendError) -> Result<(), BackendError> {
        self.0 += 1;
        if !needs_a_look(&error) || self.0 >= WRITES {
            return Err(error);
        }
        tracing::debug!(operation = error.operation, kind = ?error.kind, "looking again");
        tokio::time::sleep(WRITE_WAIT * 2_u32.pow(self.0 - 1)).await;
        Ok(())
    }
}

impl OciVault {
    /// The secret as it is, with its versions; nothing is waited for.
    ///
    /// # Errors
    /// `NotFound`, proven; `PermissionDenied` for a secret that is listed but not shown.
    pub(super) async fn look(
        &self,
        operation: &'static str,
        name: &SecretName,
    ) -> Result<Held, BackendError> {
        let mut id = self.locate(operation, name).await?;
        for _ in 0..2 {
            let (secret, versions) = tokio::join!(
                self.connection.secret(operation, &id),
                self.connection.versions(operation, &id),
            );
            match (secret, versions) {
                (Ok(seen), Ok(versions)) if !seen.secret.lifecycle_state.is_gone() => {
                    let held = Held { secret: seen.secret, etag: seen.etag, versions };
                    self.remember(name, &held);
                    return Ok(held);
                }
                (Ok(seen), _) if seen.secret.lifecycle_state.is_gone() => {}
                (Err(error), _) | (Ok(_), Err(error)) if is_hidden(&error) => {
                    self.explain_hidden(operation, name, &id, error).await?;
                }
                (Err(error), _) | (Ok(_), Err(error)) => return Err(error),
                (Ok(_), Ok(_)) => unreachable!("a secret is gone or it is not"),
            }
            // The OCID was another secret's of this name, which is no more.
            self.directory.forget(name.as_str());
            id = self.locate(operation, name).await?;
        }
        Err(self.missing(operation, name).await)
    }

    /// Passes when the listings do not have the hidden secret any more.
    async fn explain_hidden(
        &self,
        operation: &'static str,
        name: &SecretName,
        id: &str,
        error: BackendError,
    ) -> Result<(), BackendError> {
        self.directory.forget(name.as_str());
        match self.look_up(operation, name).await? {
            Some(listed) if listed.id == id && !listed.lifecycle_state.is_gone() => Err(reworded(
                &error,
                ErrorKind::PermissionDenied,
                format!(
                    "the vault lists the secret {name}, but does not show it: this identity needs \
                     `read secrets` and `inspect secret-versions` in the compartment {}",
                    listed.compartment_id
                ),
            )),
            _ => Ok(()),
        }
    }

    /// The secret once it is settled, if it can be written: in use, and not a replica.
    ///
    /// # Errors
    /// `Precondition` for one that is not in use.
    pub(super) async fn hold(
        &self,
        operation: &'static str,
        name: &SecretName,
    ) -> Result<Held, BackendError> {
        let held = self.settled(operation, name).await?;
        writable(operation, name, &held.secret)?;
        Ok(held)
    }

    /// The secret once no change is under way.
    pub(super) async fn settled(
        &self,
        operation: &'static str,
        name: &SecretName,
    ) -> Result<Held, BackendError> {
        let held = self.look(operation, name).await?;
        if !held.secret.lifecycle_state.is_changing() {
            return Ok(held);
        }
        let seen = Seen { secret: held.secret, etag: held.etag };
        self.settle(operation, seen).await?;
        self.look(operation, name).await
    }

    /// Waits until a change is done.
    ///
    /// # Errors
    /// `Unavailable` when it takes too long, `Precondition` when it failed.
    pub(super) async fn settle(
        &self,
        operation: &'static str,
        mut seen: Seen,
    ) -> Result<Seen, BackendError> {
        let until = Instant::now() + self.patience;
        let mut wait = FIRST_WAIT;
        while seen.secret.lifecycle_state.is_changing() {
            if Instant::now() + wait > until {
                let message = format!(
                    "the vault has been busy with the secret ({:?}) for {} s. The change was \
                     accepted and may still be done; run again later, or set wait_seconds",
                    seen.secret.lifecycle_state,
                    self.patience.as_secs()
                );
                let error = BackendError::temporary(ErrorKind::Unavailable, operation, message);
                return Err(BackendError { status: Status::Exhausted, ..error });
            }
            tokio::time::sleep(wait).await;
            wait = (wait * 2).min(LONGEST_WAIT);
            seen = self.connection.secret(operation, &seen.secret.id).await?;
        }
        if seen.secret.lifecycle_state == State::Failed {
            return Err(failed(operation, &seen.secret));
        }
        Ok(seen)
    }

    /// Reads versions after a write that ended well, and remembers what is there now.
    pub(super) async fn finish(
        &self,
        operation: &'static str,
        name: &SecretName,
        seen: Seen,
    ) -> Result<Held, BackendError> {
        let seen = self.settle(operation, seen).await?;
        let versions = self.connection.versions(operation, &seen.secret.id).await?;
        let held = Held { secret: seen.secret, etag: seen.etag, versions };
        self.remember(name, &held);
        Ok(held)
    }

    fn remember(&self, name: &SecretName, held: &Held) {
        self.keep(name, held.clone());
    }

    /// Keeps what was seen for the next write.
    pub(super) fn keep(&self, name: &SecretName, held: Held) {
        self.directory.learn(name.as_str(), &held.secret.id);
        let mut seen = self.last_seen.lock().unwrap_or_else(PoisonError::into_inner);
        seen.insert(name.clone(), held);
    }

    /// How the secret was when it was last seen, if it could be written then. Handed out once: a
    /// write that is refused looks for itself.
    pub(super) fn recall(&self, name: &SecretName) -> Option<Held> {
        let mut seen = self.last_seen.lock().unwrap_or_else(PoisonError::into_inner);
        let held = seen.remove(name)?;
        let usable = held.etag.is_some() && writable("recall", name, &held.secret).is_ok();
        usable.then_some(held)
    }
}

fn writable(
    operation: &'static str,
    name: &SecretName,
    secret: &Secret,
) -> Result<(), BackendError> {
    let refuse =
        |message: String| Err(BackendError::permanent(ErrorKind::Precondition, operation, message));
    if secret.is_replica == Some(true) {
        return refuse(format!(
            "the secret {name} is a replica and can only be read here; change it in its source \
             region"
        ));
    }
    match secret.lifecycle_state {
        State::Active | State::Other => Ok(()),
        State::PendingDeletion | State::SchedulingDeletion => refuse(format!(
            "the secret {name} waits for its deletion; it must be recovered before it is changed"
        )),
        State::Failed => Err(failed(operation, secret)),
        state => refuse(format!("the secret {name} is {state:?} and cannot be changed")),
    }
}

fn failed(operation: &'static str, secret: &Secret) -> BackendError {
    let details = secret.lifecycle_details.as_deref().unwrap_or("no details are given");
    BackendError::permanent(
        ErrorKind::Precondition,
        operation,
        format!(
            "the vault failed to change the secret and left it in the state FAILED: {details}. \
             Next step: mend the cause, or delete the secret in the console"
        ),
    )
}
