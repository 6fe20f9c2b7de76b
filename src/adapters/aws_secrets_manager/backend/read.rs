//! Looking: a secret, a page of secrets, versions, a value.
//!
//! One DescribeSecret tells everything about a secret whose versions coffer wrote; no right to read
//! or decrypt values is needed. ListSecretVersionIds is asked for versions without a label, and for
//! the order of somebody else's.

use time::OffsetDateTime;

use super::recent::{GLANCE, PATIENCE, Sign};
use super::{SecretsManager, refuse};
use crate::adapters::aws_secrets_manager::config::{DEFAULT_KEY, KMS_KEY_ID, REPLICA_REGIONS};
use crate::adapters::aws_secrets_manager::history::{CURRENT, Found, History, Version};
use crate::adapters::aws_secrets_manager::service::Action;
use crate::adapters::aws_secrets_manager::tags::Tags;
use crate::adapters::aws_secrets_manager::wire::{
    Described, Filter, GetSecretValue, ListSecretVersionIds, ListSecrets, Listed, Named,
    SecretValue, VersionIds,
};
use crate::domain::kind::{Content, Kind};
use crate::domain::layout::{Form, Layout, read as take_out};
use crate::domain::material::Secret;
use crate::domain::port::{
    BackendError, ErrorKind, Lifecycle, ListFilter, Metadata, OptionValue, Options, Page, Read,
    SecretRecord, VersionSelector,
};
use crate::domain::rotation::RotationState;
use crate::domain::secret::SecretName;
use crate::domain::version::VersionRecord;

/// Entries on a page of a listing; the most that the service gives.
const PAGE: u32 = 100;
/// Pages of versions that are read; the service keeps about 100 versions.
const MOST_PAGES: usize = 20;

impl SecretsManager {
    pub(super) async fn read_secret(
        &self,
        operation: &'static str,
        name: &SecretName,
    ) -> Result<SecretRecord, BackendError> {
        let described = self.describe(operation, name).await?;
        let history = self.history(operation, name, &described).await?;
        record(described, &history, operation)
    }

    /// The secret as the service shows it, and as this process's own writes have it.
    pub(super) async fn describe(
        &self,
        operation: &'static str,
        name: &SecretName,
    ) -> Result<Described, BackendError> {
        let body = Named { secret_id: name.as_str() };
        let mut wait = GLANCE;
        let mut waited = std::time::Duration::ZERO;
        loop {
            let answer: Result<Described, _> =
                self.service.call(operation, Action::DESCRIBE, &body).await;
            let Some(sign) = self.recent.expected(name.as_str()) else {
                return answer.map_err(|error| error.with("secret", name.as_str()));
            };
            let lagging = match &answer {
                Ok(described) => !shows(described, &sign),
                Err(error) => error.kind == ErrorKind::NotFound,
            };
            if !lagging || waited >= PATIENCE {
                if !lagging && answer.is_ok() || waited >= PATIENCE {
                    self.recent.settled(name.as_str());
                }
                return answer.map_err(|error| error.with("secret", name.as_str()));
            }
            tokio::time::sleep(wait).await;
            waited += wait;
            wait = (wait * 2).min(std::time::Duration::from_secs(2));
        }
    }

    /// The same, of a secret that is in use.
    pub(super) async fn describe_active(
        &self,
        operation: &'static str,
        name: &SecretName,
    ) -> Result<Described, BackendError> {
        let described = self.describe(operation, name).await?;
        if described.deleted_date.is_some() {
            let message = "the secret is scheduled for deletion; recover it first";
            return Err(refuse(ErrorKind::Precondition, operation, message, name));
        }
        Ok(described)
    }

    /// The versions that carry labels, with their numbers.
    pub(super) async fn history(
        &self,
        operation: &'static str,
        name: &SecretName,
        described: &Described,
    ) -> Result<History, BackendError> {
        let labelled = labelled(described);
        if let Some(history) = History::of_labelled(&labelled) {
            return Ok(history);
        }
        match self.all_versions(operation, name).await {
            Ok(all) => Ok(History::complete(all)),
            // Numbers of somebody else's versions are then right as far as labels go.
            Err(error) if error.kind == ErrorKind::PermissionDenied => {
                tracing::debug!(operation, "versions of others cannot be listed");
                Ok(History::guessed(labelled))
            }
            Err(error) => Err(error),
        }
    }

    /// All versions there are, in the order of their creation.
    pub(super) async fn all_versions(
        &self,
        operation: &'static str,
        name: &SecretName,
    ) -> Result<Vec<Found>, BackendError> {
        let mut versions = Vec::new();
        let mut next_token = None;
        for _ in 0..MOST_PAGES {
            let body = ListSecretVersionIds {
                secret_id: name.as_str(),
                include_deprecated: true,
                max_results: PAGE,
                next_token,
            };
            let answer: VersionIds =
                self.service.call(operation, Action::LIST_VERSIONS, &body).await?;
            versions.extend(answer.versions);
            next_token = answer.next_token.filter(|token| !token.is_empty());
            if next_token.is_none() {
                break;
            }
        }
        versions.sort_by(|a, b| {
            a.created_date.unwrap_or_default().total_cmp(&b.created_date.unwrap_or_default())
        });
        let found = versions.into_iter().map(|version| Found {
            id: version.version_id,
            labels: version.version_stages.unwrap_or_default(),
        });
        Ok(found.collect())
    }

    pub(super) async fn read_versions(
        &self,
        name: &SecretName,
    ) -> Result<Vec<VersionRecord>, BackendError> {
        let operation = "list_versions";
        let described = self.describe(operation, name).await?;
        let tags = Tags::read(described.tags.as_deref().unwrap_or_default());
        let history = self.complete_history(operation, name, &described).await?;
        Ok(history.versions().iter().map(|version| version.record(tags.print.as_ref())).collect())
    }

    /// All versions with their numbers. The service hides those of a secret that waits for its
    /// deletion; then the ones with labels have to do.
    pub(super) async fn complete_history(
        &self,
        operation: &'static str,
        name: &SecretName,
        described: &Described,
    ) -> Result<History, BackendError> {
        match self.all_versions(operation, name).await {
            Ok(all) => Ok(History::complete(all)),
            Err(error)
                if error.kind == ErrorKind::Precondition && described.deleted_date.is_some() =>
            {
                Ok(History::guessed(labelled(described)))
            }
            Err(error) => Err(error.with("secret", name.as_str())),
        }
    }

    pub(super) async fn list_page(
        &self,
        filter: &ListFilter,
        page: Option<String>,
    ) -> Result<Page<SecretRecord>, BackendError> {
        let prefix = filter.name_prefix.as_deref().filter(|prefix| !prefix.is_empty());
        let body = ListSecrets {
            max_results: PAGE,
            include_planned_deletion: filter.include_deleted,
            filters: prefix
                .map(|prefix| Filter { key: "name", values: vec![prefix] })
                .into_iter()
                .collect(),
            next_token: page,
        };
        let answer: Listed = self.service.call("list", Action::LIST, &body).await?;
        let items = answer
            .secret_list
            .into_iter()
            .filter(|entry| prefix.is_none_or(|prefix| entry.name.starts_with(prefix)))
            .filter(|entry| filter.include_deleted || entry.deleted_date.is_none())
            .filter_map(|entry| {
                let labelled = labelled(&entry);
                let history =
                    History::of_labelled(&labelled).unwrap_or_else(|| History::guessed(labelled));
                // A name that coffer cannot write cannot be managed either.
                record(entry, &history, "list").ok()
            })
            .collect();
        Ok(Page { items, next: answer.next_token.filter(|token| !token.is_empty()) })
    }

    pub(super) async fn read_value(
        &self,
        name: &SecretName,
        selector: VersionSelector,
    ) -> Result<Read, BackendError> {
        let operation = "read_content";
        let described = self.describe_active(operation, name).await?;
        let tags = Tags::read(described.tags.as_deref().unwrap_or_default());
        let version = self.select(operation, name, &described, selector).await?;
        // Policies may allow reading AWSCURRENT alone, and only when it is asked for by name.
        let current = selector == VersionSelector::State(RotationState::Current);
        let body = GetSecretValue {
            secret_id: name.as_str(),
            version_id: (!current).then_some(version.id.as_str()),
            version_stage: current.then_some(CURRENT),
        };
        let value: SecretValue = self
            .service
            .call(operation, Action::GET_VALUE, &body)
            .await
            .map_err(|error| error.with("secret", name.as_str()))?;
        if value.version_id != version.id {
            let message = "another version became current while it was read";
            return Err(BackendError::temporary(ErrorKind::Conflict, operation, message)
                .with("secret", name.as_str()));
        }
        let content = content(value, &version)
            .map_err(|message| refuse(ErrorKind::Corrupt, operation, message, name))?;
        Ok(Read { version: version.record(tags.print.as_ref()), content })
    }

    /// The version that a selector means.
    pub(super) async fn select(
        &self,
        operation: &'static str,
        name: &SecretName,
        described: &Described,
        selector: VersionSelector,
    ) -> Result<Version, BackendError> {
        let pick = |history: &History| match selector {
            VersionSelector::State(state) => history.find(state).cloned(),
            VersionSelector::Number(number) => history.numbered(number).cloned(),
        };
        if let Some(version) = pick(&self.history(operation, name, described).await?) {
            return Ok(version);
        }
        let by_number = matches!(selector, VersionSelector::Number(_));
        let found = match by_number {
            true => pick(&self.complete_history(operation, name, described).await?),
            false => None,
        };
        found.ok_or_else(|| {
            let message = match selector {
                VersionSelector::State(state) => format!("no version is {state}"),
                VersionSelector::Number(number) => format!("there is no version {number}"),
            };
            refuse(ErrorKind::NotFound, operation, message, name)
        })
    }
}

/// True when a secret shows what was written.
fn shows(described: &Described, sign: &Sign) -> bool {
    match sign {
        Sign::Version(id) => described.labels(id).is_some(),
        Sign::Current(id) => described.labelled(CURRENT) == Some(id),
        Sign::Deleted(deleted) => described.deleted_date.is_some() == *deleted,
    }
}

fn labelled(described: &Described) -> Vec<Found> {
    described
        .versions()
        .map(|(id, labels)| Found { id: id.clone(), labels: labels.clone() })
        .collect()
}

/// The record of a secret.
pub(super) fn record(
    described: Described,
    history: &History,
    operation: &'static str,
) -> Result<SecretRecord, BackendError> {
    let name = SecretName::parse(&described.name).map_err(|_| {
        let message =
            format!("the vault holds a name that coffer cannot write: {:?}", described.name);
        BackendError::permanent(ErrorKind::Unsupported, operation, message)
    })?;
    let tags = Tags::read(described.tags.as_deref().unwrap_or_default());
    let current = history.find(RotationState::Current);
    let own = current
        .and_then(|version| version.own.as_ref())
        .or_else(|| history.versions().iter().rev().find_map(|version| version.own.as_ref()));
    let salt = own.map(|own| own.fingerprint.salt());
    let lifecycle = match described.deleted_date {
        Some(at) => Lifecycle::Deleted { purge_at: moment(Some(at)) },
        None => Lifecycle::Active,
    };
    Ok(SecretRecord {
        kind: current.and_then(|version| version.own.as_ref()).map(|own| own.kind),
        current: current.map(|version| version.record(tags.print.as_ref())),
        salt: salt.or_else(|| tags.print.as_ref().map(|(_, print)| print.salt())),
        latest: history.latest(),
        options: options(&described),
        replica_of: is_replica(&described).then(|| described.primary_region.clone()).flatten(),
        backend_id: described.arn,
        created_at: moment(described.created_date),
        updated_at: moment(described.last_changed_date),
        metadata: Metadata {
            description: described.description.filter(|text| !text.is_empty()),
            content_type: tags.content_type,
            tags: tags.user,
            not_before: tags.not_before,
            expires_at: tags.expires_at,
            enabled: true,
        },
        name,
        lifecycle,
    })
}

/// Key and replicas. A replica itself has neither of its own.
fn options(described: &Described) -> Options {
    let key = described.kms_key_id.clone().unwrap_or_else(|| DEFAULT_KEY.to_owned());
    let mut options = Options::from([(KMS_KEY_ID.to_owned(), OptionValue::Text(key))]);
    if !is_replica(described) {
        let replicas = described.replication_status.iter().flatten();
        // One that failed is not there; the next plan says so.
        let there = replicas.filter(|replica| replica.status.as_deref() != Some("Failed"));
        let entries = there.map(|replica| {
            let key = replica.kms_key_id.clone().unwrap_or_else(|| DEFAULT_KEY.to_owned());
            (replica.region.clone(), OptionValue::Text(key))
        });
        options.insert(REPLICA_REGIONS.to_owned(), OptionValue::Map(entries.collect()));
    }
    options
}

/// True for a secret that another region's replicates to.
pub(super) fn is_replica(described: &Described) -> bool {
    let own = described.arn.split(':').nth(3);
    described.primary_region.as_deref().is_some_and(|primary| Some(primary) != own)
}

/// A time in seconds since 1970, to the millisecond.
#[expect(clippy::cast_possible_truncation, reason = "milliseconds of any real date fit")]
fn moment(seconds: Option<f64>) -> Option<OffsetDateTime> {
    let millis = (seconds? * 1000.0).round() as i128;
    OffsetDateTime::from_unix_timestamp_nanos(millis * 1_000_000).ok()
}

/// The content of a value, by what the version's id says of it.
fn content(value: SecretValue, version: &Version) -> Result<Content, String> {
    let bytes = match (value.secret_string, value.secret_binary) {
        (Some(text), _) => text.0,
        (None, Some(text)) => decode(&text.0)?,
        (None, None) => return Err("the version has no value".to_owned()),
    };
    let (kind, layout) =
        version.own.as_ref().map_or((Kind::Generic, Layout::Native), |own| (own.kind, own.layout));
    take_out(kind, layout, &Form::Bytes(bytes)).map_err(|error| error.to_string())
}

fn decode(base64: &Secret) -> Result<Secret, String> {
    use base64::Engine as _;
    base64::engine::general_purpose::STANDARD
        .decode(base64.expose())
        .map(Secret::new)
        .map_err(|_| "the binary value is not base64".to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dates_keep_their_milliseconds() {
        let at = moment(Some(1_700_000_000.123)).unwrap();
        assert_eq!(at.unix_timestamp(), 1_700_000_000);
        assert_eq!(at.millisecond(), 123);
        assert_eq!(moment(None), None);
    }

    #[test]
    fn failed_replica_is_not_there() {
        let described: Described = serde_json::from_str(
            r#"{"ARN":"arn:aws:secretsmanager:eu-central-1:1:secret:a-AbCdEf","Name":"a",
                "PrimaryRegion":"eu-central-1","ReplicationStatus":[
                {"Region":"eu-west-1","Status":"InSync","KmsKeyId":"alias/k"},
                {"Region":"eu-west-2","Status":"Failed"}]}"#,
        )
        .unwrap();
        assert!(!is_replica(&described));
        let OptionValue::Map(replicas) = &options(&described)[REPLICA_REGIONS] else { panic!() };
        assert_eq!(replicas.keys().collect::<Vec<_>>(), ["eu-west-1"]);
    }
}
