//! Values: create, store a version, move labels.
//!
//! A version is stored beside the current one first, and `AWSCURRENT` moves to it afterwards, with
//! the version it comes from named: the service refuses the move when somebody else was faster, and
//! readers find a current version at every moment. Storing names its version by content and number,
//! so doing it again is doing nothing, and content that was there before (A, B, A) is a version of
//! its own. An interrupted write is found by its id and finished.

use super::recent::Sign;
use super::{SecretsManager, refuse};
use crate::adapters::aws_secrets_manager::config::{wanted_key, wanted_replicas};
use crate::adapters::aws_secrets_manager::history::{
    CURRENT, History, LATEST, OWN_PENDING, PENDING, PREVIOUS, Version,
};
use crate::adapters::aws_secrets_manager::service::Action;
use crate::adapters::aws_secrets_manager::tags::{Tags, difference};
use crate::adapters::aws_secrets_manager::version_id::VersionId;
use crate::adapters::aws_secrets_manager::wire::{
    CreateSecret, Described, Ignored, PutSecretValue, ReplicaRegion, UpdateSecretVersionStage,
    Value,
};
use crate::adapters::http::SecretText;
use crate::domain::material::Secret;
use crate::domain::port::{
    BackendError, ErrorKind, NewSecret, NewVersion, SecretRecord, Stage, VersionSelector,
};
use crate::domain::rotation::{RotationState, RotationStates};
use crate::domain::secret::SecretName;
use crate::domain::version::VersionRecord;

/// How often a create waits for a name that a deletion has not freed yet, a second apart.
const NAME_WAITS: u32 = 30;

impl SecretsManager {
    pub(super) async fn create_secret(
        &self,
        secret: NewSecret<'_>,
    ) -> Result<SecretRecord, BackendError> {
        let operation = "create";
        let name = secret.name;
        let invalid = |message| refuse(ErrorKind::InvalidRequest, operation, message, name);
        if secret.version.stage == Stage::Pending {
            return Err(invalid("the first version of a secret cannot be pending".to_owned()));
        }
        if !secret.metadata.enabled {
            let message = "AWS Secrets Manager cannot disable a secret";
            return Err(refuse(ErrorKind::Unsupported, operation, message, name));
        }
        let tags = Tags::of(&secret.metadata);
        if let Some(problem) = tags.problem() {
            return Err(invalid(problem));
        }
        let token = self.token(1, &secret.version).ok_or_else(|| invalid(NO_NUMBER.to_owned()))?;
        let replicas = wanted_replicas(&secret.options).unwrap_or_default();
        if self.recent.begins_anew(name.as_str(), secret.version.nonce)
            && self.describe(operation, name).await.is_ok_and(|found| found.deleted_date.is_none())
        {
            return Err(refuse(ErrorKind::AlreadyExists, operation, "the name is taken", name));
        }
        for attempt in 1.. {
            let body = CreateSecret {
                name: name.as_str(),
                client_request_token: &token,
                description: secret.metadata.description.as_deref(),
                kms_key_id: wanted_key(&secret.options),
                tags: difference(&std::collections::BTreeMap::new(), &tags.write()).0,
                add_replica_regions: regions(&replicas),
                value: value(self.form(secret.version.content).map_err(invalid)?),
            };
            let answer: Result<Ignored, _> =
                self.service.call(operation, Action::CREATE, body).await;
            match answer {
                Ok(Ignored {}) => break,
                Err(error) => match self.why_taken(operation, name, error).await {
                    Taken::Vanishing(_) if attempt < NAME_WAITS => {
                        tokio::time::sleep(std::time::Duration::from_secs(1)).await;
                    }
                    Taken::Vanishing(error) | Taken::No(error) => return Err(error),
                },
            }
        }
        self.recent.wrote(name.as_str(), Sign::Current(token));
        self.read_secret(operation, name).await
    }

    /// What a refused create means: the name may be in use, or waiting for its deletion, or about
    /// to be free.
    async fn why_taken(
        &self,
        operation: &'static str,
        name: &SecretName,
        error: BackendError,
    ) -> Taken {
        if !matches!(error.kind, ErrorKind::AlreadyExists | ErrorKind::Precondition) {
            return Taken::No(error.with("secret", name.as_str()));
        }
        match self.describe(operation, name).await {
            Ok(found) if found.deleted_date.is_some() => Taken::No(
                refuse(
                    ErrorKind::AlreadyExists,
                    operation,
                    "the name belongs to a secret that is scheduled for deletion",
                    name,
                )
                .with("deleted", "true"),
            ),
            Ok(_) => Taken::No(BackendError {
                kind: ErrorKind::AlreadyExists,
                ..error.with("secret", name.as_str())
            }),
            // Destroyed a moment ago, and its name is not free yet.
            Err(looked) if looked.kind == ErrorKind::NotFound => Taken::Vanishing(BackendError {
                status: crate::domain::port::Status::Temporary,
                ..error.with("secret", name.as_str())
            }),
            Err(_) => Taken::No(error.with("secret", name.as_str())),
        }
    }

    pub(super) async fn store_version(
        &self,
        name: &SecretName,
        new: &NewVersion<'_>,
    ) -> Result<VersionRecord, BackendError> {
        let operation = "put_version";
        let described = self.describe_active(operation, name).await?;
        let history = self.history(operation, name, &described).await?;
        let stored = match self.stored_before(&history, new) {
            Some(version) => version.clone(),
            None => self.store(operation, name, &described, &history, new).await?,
        };
        let current = history.find(RotationState::Current);
        let mut states = RotationStates::empty().with(RotationState::Latest);
        if new.stage == Stage::Current || current.is_none() {
            states.insert(RotationState::Current);
            self.make_current(operation, name, &stored, current).await?;
        } else {
            states.insert(RotationState::Pending);
            self.recent.wrote(name.as_str(), Sign::Version(stored.id.clone()));
        }
        Ok(VersionRecord { rotation_states: states, ..stored.record(None) })
    }

    /// The latest version, when it is what an earlier attempt at this very write has stored.
    fn stored_before<'h>(&self, history: &'h History, new: &NewVersion<'_>) -> Option<&'h Version> {
        let latest = history.versions().last()?;
        let same = latest.own.as_ref()?.same_content(&self.meaning(latest.number, new));
        let unused = !latest.states.contains(RotationState::Current)
            && !latest.states.contains(RotationState::Previous);
        let repeated = match new.expected_version {
            Some(expected) => {
                expected + 1 == latest.number || (expected == latest.number && unused)
            }
            None => true,
        };
        (same && repeated).then_some(latest)
    }

    /// Stores content as the next version, not yet current.
    async fn store(
        &self,
        operation: &'static str,
        name: &SecretName,
        described: &Described,
        history: &History,
        new: &NewVersion<'_>,
    ) -> Result<Version, BackendError> {
        let latest = history.latest();
        if let Some(expected) = new.expected_version
            && expected != latest
        {
            let message = format!(
                "somebody else wrote a version: the latest is {latest}, expected was {expected}"
            );
            return Err(refuse(ErrorKind::Precondition, operation, message, name));
        }
        let first = history.find(RotationState::Current).is_none();
        if first && new.stage == Stage::Pending {
            let message = "the first version of a secret cannot be pending";
            return Err(refuse(ErrorKind::InvalidRequest, operation, message, name));
        }
        let invalid = |message| refuse(ErrorKind::InvalidRequest, operation, message, name);
        let number = latest + 1;
        let id = self.token(number, new).ok_or_else(|| invalid(NO_NUMBER.to_owned()))?;
        let mut labels = vec![LATEST];
        if new.stage == Stage::Pending {
            labels.push(pending_label(described));
        } else if first {
            // The service makes the first one current in any case.
            labels.push(CURRENT);
        }
        let body = PutSecretValue {
            secret_id: name.as_str(),
            client_request_token: &id,
            version_stages: labels.clone(),
            value: value(self.form(new.content).map_err(invalid)?),
        };
        let Ignored {} = self
            .service
            .call(operation, Action::PUT_VALUE, body)
            .await
            .map_err(|error| error.with("secret", name.as_str()))?;
        self.recent.wrote(name.as_str(), Sign::Version(id.clone()));
        let labels = labels.into_iter().map(str::to_owned).collect();
        let own = Some(self.meaning(number, new));
        Ok(Version { number, id, labels, states: RotationStates::empty(), own })
    }

    fn meaning(&self, number: u64, new: &NewVersion<'_>) -> VersionId {
        let (kind, layout) = (new.content.kind(), self.layout);
        VersionId { number, kind, layout, fingerprint: new.fingerprint.clone() }
    }

    fn token(&self, number: u64, new: &NewVersion<'_>) -> Option<String> {
        self.meaning(number, new).encode()
    }

    /// Moves `AWSCURRENT` to a version, from the one that has it.
    async fn make_current(
        &self,
        operation: &'static str,
        name: &SecretName,
        version: &Version,
        current: Option<&Version>,
    ) -> Result<(), BackendError> {
        if current.is_some_and(|current| current.id != version.id) || !version.has(CURRENT) {
            let from = current.map(|current| current.id.as_str());
            let moved = self.relabel(operation, name, CURRENT, from, Some(&version.id)).await;
            if let Err(error) = moved {
                self.judge_move(operation, name, version, error).await?;
            }
        }
        self.recent.wrote(name.as_str(), Sign::Current(version.id.clone()));
        if let Some(label) = version.pending_label() {
            self.drop_label(operation, name, label, &version.id).await?;
        }
        Ok(())
    }

    /// A refused move: an earlier attempt may have done it, or somebody else was faster.
    async fn judge_move(
        &self,
        operation: &'static str,
        name: &SecretName,
        version: &Version,
        error: BackendError,
    ) -> Result<(), BackendError> {
        if error.kind != ErrorKind::InvalidRequest {
            return Err(error);
        }
        let described = self.describe(operation, name).await?;
        if described.labelled(CURRENT) == Some(&version.id) {
            return Ok(());
        }
        let message = "somebody else made another version current at the same time; the new \
                       version is stored but not in use";
        Err(BackendError { message: message.to_owned(), kind: ErrorKind::Precondition, ..error })
    }

    pub(super) async fn move_version(
        &self,
        name: &SecretName,
        number: u64,
        state: RotationState,
    ) -> Result<(), BackendError> {
        let operation = "set_rotation_state";
        let described = self.describe_active(operation, name).await?;
        let selector = VersionSelector::Number(number);
        let version = self.select(operation, name, &described, selector).await?;
        let history = self.history(operation, name, &described).await?;
        let is_current = version.states.contains(RotationState::Current);
        match state {
            RotationState::Current if is_current => Ok(()),
            RotationState::Current => {
                let current = history.find(RotationState::Current);
                self.make_current(operation, name, &version, current).await
            }
            RotationState::Deprecated if is_current => {
                let message =
                    format!("version {number} is current; make another one current first");
                Err(refuse(ErrorKind::Precondition, operation, message, name))
            }
            RotationState::Deprecated => {
                for label in [PENDING, OWN_PENDING, PREVIOUS] {
                    if version.has(label) {
                        self.drop_label(operation, name, label, &version.id).await?;
                    }
                }
                Ok(())
            }
            other => {
                let message = format!(
                    "a version cannot be made {other}; it can be made current or deprecated"
                );
                Err(refuse(ErrorKind::InvalidRequest, operation, message, name))
            }
        }
    }

    /// Takes a label away. One that is gone already is a success.
    async fn drop_label(
        &self,
        operation: &'static str,
        name: &SecretName,
        label: &str,
        from: &str,
    ) -> Result<(), BackendError> {
        match self.relabel(operation, name, label, Some(from), None).await {
            Err(error) if error.kind == ErrorKind::InvalidRequest => Ok(()),
            other => other,
        }
    }

    async fn relabel(
        &self,
        operation: &'static str,
        name: &SecretName,
        label: &str,
        from: Option<&str>,
        to: Option<&str>,
    ) -> Result<(), BackendError> {
        let body = UpdateSecretVersionStage {
            secret_id: name.as_str(),
            version_stage: label,
            remove_from_version_id: from,
            move_to_version_id: to,
        };
        let answer: Result<Ignored, _> =
            self.service.call(operation, Action::MOVE_LABEL, &body).await;
        answer.map(|Ignored {}| ()).map_err(|error| error.with("secret", name.as_str()))
    }
}

const NO_NUMBER: &str =
    "the secret has had 999,999 versions, more than coffer can number; make a new one";

/// What stands in the way of a create.
enum Taken {
    /// A name that will be free in a moment.
    Vanishing(BackendError),
    /// Anything else.
    No(BackendError),
}

/// The label for a version that waits. The service's own rotation would stumble over its label.
fn pending_label(described: &Described) -> &'static str {
    if described.rotation_enabled == Some(true) { OWN_PENDING } else { PENDING }
}

/// Text as text, so that applications and the console can read it; everything else as bytes.
fn value(bytes: Secret) -> Value {
    let is_text = bytes.expose_text().is_ok_and(|text| !text.contains('\0'));
    if is_text {
        return Value { secret_string: Some(SecretText(bytes)), secret_binary: None };
    }
    use base64::Engine as _;
    let text = base64::engine::general_purpose::STANDARD.encode(bytes.expose());
    let binary = SecretText(Secret::new(text.into_bytes()));
    Value { secret_string: None, secret_binary: Some(binary) }
}

/// Replicas as the service takes them.
pub(super) fn regions(wanted: &std::collections::BTreeMap<String, String>) -> Vec<ReplicaRegion> {
    wanted
        .iter()
        .map(|(region, key)| ReplicaRegion { region: region.clone(), kms_key_id: key.clone() })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::kind::Content;

    #[test]
    fn text_stays_text_and_bytes_become_base64() {
        let text = value(Secret::from("p\u{e4}ss"));
        assert!(text.secret_string.is_some() && text.secret_binary.is_none());
        for bytes in [vec![0xff, 0xfe], b"nul\0inside".to_vec()] {
            let binary = value(Secret::new(bytes));
            assert!(binary.secret_string.is_none() && binary.secret_binary.is_some());
        }
    }

    #[test]
    fn value_is_no_part_of_debug_output() {
        let content = Content::generic(Secret::from("canary")).unwrap();
        let form = value(content.field("value").unwrap().duplicate());
        assert!(!format!("{form:?}").contains("canary"));
    }
}
