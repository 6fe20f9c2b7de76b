//! Deleting a secret with a window, and bringing it back.
//!
//! The service takes windows of 1 to 30 days and judges them by its own clock, so the ends of that
//! range are sent with five minutes to spare.

use time::{Duration, OffsetDateTime};

use super::OciVault;
use super::held::Tries;
use crate::adapters::oci_vault::connection::Action;
use crate::adapters::oci_vault::wire::{ScheduleDeletionDetails, Secret, State, rfc3339};
use crate::domain::port::{BackendError, ErrorKind, SecretRecord};
use crate::domain::secret::SecretName;

/// Days until a deleted secret is destroyed: least, default, most.
pub(in super::super) const WINDOW_DAYS: (u32, u32, u32) = (1, 30, 30);
const SPARE: Duration = Duration::minutes(5);

impl OciVault {
    pub(super) async fn schedule_deletion(
        &self,
        name: &SecretName,
        window: Option<Duration>,
    ) -> Result<SecretRecord, BackendError> {
        const OPERATION: &str = "soft_delete";
        check_window(OPERATION, window)?;
        let mut tries = Tries::default();
        loop {
            let held = self.settled(OPERATION, name).await?;
            if held.secret.lifecycle_state == State::PendingDeletion {
                return Ok(held.record(name));
            }
            refuse_replica(OPERATION, name, &held.secret)?;
            let body = ScheduleDeletionDetails {
                time_of_deletion: window
                    .map(|window| time_of_deletion(OffsetDateTime::now_utc(), window)),
            };
            let action = action(OPERATION, &held.secret, held.etag.as_deref(), "scheduleDeletion");
            match self.connection.act(&action, Some(&body)).await {
                Ok(()) => return Ok(self.settled(OPERATION, name).await?.record(name)),
                Err(error) => tries.again(error).await?,
            }
        }
    }

    pub(super) async fn cancel_deletion(
        &self,
        name: &SecretName,
    ) -> Result<SecretRecord, BackendError> {
        const OPERATION: &str = "recover";
        let mut tries = Tries::default();
        let mut sent = false;
        loop {
            let held = self.settled(OPERATION, name).await?;
            if held.secret.lifecycle_state != State::PendingDeletion {
                if sent {
                    return Ok(held.record(name));
                }
                let message = format!("the secret {name} does not wait for its deletion");
                return Err(BackendError::permanent(ErrorKind::NotFound, OPERATION, message));
            }
            let action = action(OPERATION, &held.secret, held.etag.as_deref(), "cancelDeletion");
            sent = true;
            match self.connection.act::<()>(&action, None).await {
                Ok(()) => return Ok(self.settled(OPERATION, name).await?.record(name)),
                Err(error) => tries.again(error).await?,
            }
        }
    }
}

fn action<'s>(
    operation: &'static str,
    secret: &'s Secret,
    etag: Option<&'s str>,
    verb: &'static str,
) -> Action<'s> {
    Action { operation, id: &secret.id, version: None, verb, etag, token: None }
}

fn check_window(operation: &'static str, window: Option<Duration>) -> Result<(), BackendError> {
    let (least, _, most) = WINDOW_DAYS;
    let days = Duration::days(least.into())..=Duration::days(most.into());
    if window.is_none_or(|window| days.contains(&window)) {
        return Ok(());
    }
    let message = format!("OCI Vault keeps deleted secrets for {least} to {most} days");
    Err(BackendError::permanent(ErrorKind::InvalidRequest, operation, message))
}

fn refuse_replica(
    operation: &'static str,
    name: &SecretName,
    secret: &Secret,
) -> Result<(), BackendError> {
    if secret.is_replica != Some(true) {
        return Ok(());
    }
    let message = format!("the secret {name} is a replica; delete it in its source region");
    Err(BackendError::permanent(ErrorKind::Precondition, operation, message))
}

/// The moment after a window, kept off the ends of what the service allows.
pub(super) fn time_of_deletion(now: OffsetDateTime, window: Duration) -> String {
    let (least, _, most) = WINDOW_DAYS;
    let window =
        window.clamp(Duration::days(least.into()) + SPARE, Duration::days(most.into()) - SPARE);
    rfc3339(now + window)
}

#[cfg(test)]
mod tests {
    use super::*;
    use time::macros::datetime;

    #[test]
    fn ends_of_the_range_are_kept_off() {
        let now = datetime!(2026-01-01 00:00:00.5 UTC);
        let at = |days| time_of_deletion(now, Duration::days(days));
        assert_eq!(at(1), "2026-01-02T00:05:00Z");
        assert_eq!(at(7), "2026-01-08T00:00:00Z");
        assert_eq!(at(30), "2026-01-30T23:55:00Z");
    }

    #[test]
    fn windows_outside_the_range_are_refused() {
        assert!(check_window("t", None).is_ok());
        assert!(check_window("t", Some(Duration::days(30))).is_ok());
        assert!(check_window("t", Some(Duration::hours(23))).is_err());
        assert!(check_window("t", Some(Duration::days(31))).is_err());
    }
}
