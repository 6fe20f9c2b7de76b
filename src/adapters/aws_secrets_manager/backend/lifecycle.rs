//! Deletion: schedule it, cancel it, destroy at once.
//!
//! A secret with replicas cannot be deleted, so they go first. Destroying a secret that is not
//! there succeeds at the service, so it is looked at before.

use time::{Duration, OffsetDateTime};

use super::read::record;
use super::recent::{GLANCE, PATIENCE, Sign};
use super::{SecretsManager, refuse};
use crate::adapters::aws_secrets_manager::service::Action;
use crate::adapters::aws_secrets_manager::wire::{DeleteSecret, Described, Ignored, Named};
use crate::domain::port::{BackendError, ErrorKind, Lifecycle, SecretRecord};
use crate::domain::secret::SecretName;

impl SecretsManager {
    pub(super) async fn schedule_deletion(
        &self,
        name: &SecretName,
        window: Option<Duration>,
    ) -> Result<SecretRecord, BackendError> {
        let operation = "soft_delete";
        let days = self.window_days(operation, name, window)?;
        let mut described = self.describe(operation, name).await?;
        let history = self.history(operation, name, &described).await?;
        if described.deleted_date.is_some() {
            return record(described, &history, operation);
        }
        self.remove_all_replicas(operation, name, &described).await?;
        let body = DeleteSecret {
            secret_id: name.as_str(),
            recovery_window_in_days: Some(days),
            force_delete_without_recovery: None,
        };
        let deletion: Deletion = self
            .service
            .call(operation, Action::DELETE, &body)
            .await
            .map_err(|error| error.with("secret", name.as_str()))?;
        self.recent.wrote(name.as_str(), Sign::Deleted(true));
        described.deleted_date = deletion.deletion_date;
        let mut record = record(described, &history, operation)?;
        if deletion.deletion_date.is_none() {
            let purge_at = Some(OffsetDateTime::now_utc() + Duration::days(days));
            record.lifecycle = Lifecycle::Deleted { purge_at };
        }
        Ok(record)
    }

    fn window_days(
        &self,
        operation: &'static str,
        name: &SecretName,
        window: Option<Duration>,
    ) -> Result<i64, BackendError> {
        let Some(limits) = self.capability.soft_delete else {
            return Err(refuse(ErrorKind::Unsupported, operation, "no recoverable deletion", name));
        };
        let Some(window) = window else { return Ok(limits.default_days.into()) };
        let least = Duration::days(limits.min_days.into());
        let most = Duration::days(limits.max_days.into());
        if window < least || window > most {
            let message = format!(
                "AWS Secrets Manager deletes after {} to {} days, not {} hours",
                limits.min_days,
                limits.max_days,
                window.whole_hours()
            );
            return Err(refuse(ErrorKind::InvalidRequest, operation, message, name));
        }
        Ok((window.whole_seconds() + 86_399) / 86_400)
    }

    pub(super) async fn cancel_deletion(
        &self,
        name: &SecretName,
    ) -> Result<SecretRecord, BackendError> {
        let operation = "recover";
        let described = self.describe(operation, name).await?;
        if described.deleted_date.is_none() {
            let message = "no deleted secret has this name";
            return Err(refuse(ErrorKind::NotFound, operation, message, name));
        }
        let body = Named { secret_id: name.as_str() };
        let answer: Result<Ignored, _> = self.service.call(operation, Action::RESTORE, &body).await;
        answer.map_err(|error| error.with("secret", name.as_str()))?;
        self.recent.wrote(name.as_str(), Sign::Deleted(false));
        self.read_secret(operation, name).await
    }

    pub(super) async fn destroy(&self, name: &SecretName) -> Result<(), BackendError> {
        let operation = "purge";
        let described = self.describe(operation, name).await?;
        self.remove_all_replicas(operation, name, &described).await?;
        let body = DeleteSecret {
            secret_id: name.as_str(),
            recovery_window_in_days: None,
            force_delete_without_recovery: Some(true),
        };
        let answer: Result<Ignored, _> = self.service.call(operation, Action::DELETE, &body).await;
        self.recent.settled(name.as_str());
        answer.map(|Ignored {}| ()).map_err(|error| error.with("secret", name.as_str()))
    }

    /// Ends all replication and waits until the service has noticed.
    async fn remove_all_replicas(
        &self,
        operation: &'static str,
        name: &SecretName,
        described: &Described,
    ) -> Result<(), BackendError> {
        let regions = |described: &Described| -> Vec<String> {
            let replicas = described.replication_status.iter().flatten();
            replicas.map(|replica| replica.region.clone()).collect()
        };
        let there = regions(described);
        if there.is_empty() || super::read::is_replica(described) {
            return Ok(());
        }
        self.remove_replicas(operation, name, there).await?;
        let (mut wait, mut waited) = (GLANCE, std::time::Duration::ZERO);
        while waited < PATIENCE {
            if regions(&self.describe(operation, name).await?).is_empty() {
                return Ok(());
            }
            tokio::time::sleep(wait).await;
            waited += wait;
            wait *= 2;
        }
        Ok(())
    }
}

/// The answer to a deletion.
#[derive(Debug, serde::Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Deletion {
    deletion_date: Option<f64>,
}
