//! What goes over the wire to secret management (20180608) and secret retrieval (20190301).
//!
//! Responsible for bodies, states and times as Oracle writes them. Unknown members are ignored and
//! unknown states kept, since the service grows. Leaves what they mean to
//! [`record`](super::record). Source: Oracle's API reference, "Secret Management" and "Secret
//! Retrieval"; each type is called as there.

use std::collections::BTreeMap;

use serde::{Deserialize, Deserializer, Serialize};
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;

use crate::adapters::http::SecretText;
use crate::domain::rotation::{RotationState, RotationStates};

/// Metadata of any kind by name.
pub(super) type Values = BTreeMap<String, serde_json::Value>;

/// `Secret`, and `SecretSummary`, which leaves some of it out.
#[derive(Debug, Clone, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Secret {
    pub id: String,
    pub compartment_id: String,
    pub secret_name: String,
    #[serde(deserialize_with = "state")]
    pub lifecycle_state: State,
    pub lifecycle_details: Option<String>,
    pub key_id: Option<String>,
    pub description: Option<String>,
    pub freeform_tags: Option<BTreeMap<String, String>>,
    #[serde(default, deserialize_with = "moment")]
    pub time_created: Option<OffsetDateTime>,
    #[serde(default, deserialize_with = "moment")]
    pub time_of_deletion: Option<OffsetDateTime>,
    pub is_replica: Option<bool>,
    pub rotation_config: Option<RotationConfig>,
    pub replication_config: Option<ReplicationConfig>,
    /// Not in summaries.
    pub metadata: Option<Values>,
    /// Not in summaries.
    pub secret_rules: Option<Vec<SecretRule>>,
}

/// `lifecycleState`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum State {
    Creating,
    Active,
    Updating,
    SchedulingDeletion,
    PendingDeletion,
    CancellingDeletion,
    Deleting,
    Deleted,
    Failed,
    /// One that did not exist when this was written.
    Other,
}

impl State {
    /// The service has written `PENDING_DELETION` and `PendingDeletion`.
    fn parse(text: &str) -> Self {
        match text.replace('_', "").to_ascii_uppercase().as_str() {
            "CREATING" => Self::Creating,
            "ACTIVE" => Self::Active,
            "UPDATING" => Self::Updating,
            "SCHEDULINGDELETION" => Self::SchedulingDeletion,
            "PENDINGDELETION" => Self::PendingDeletion,
            "CANCELLINGDELETION" => Self::CancellingDeletion,
            "DELETING" => Self::Deleting,
            "DELETED" => Self::Deleted,
            "FAILED" => Self::Failed,
            _ => Self::Other,
        }
    }

    /// It becomes another state by itself.
    pub(super) const fn is_changing(self) -> bool {
        matches!(
            self,
            Self::Creating | Self::Updating | Self::SchedulingDeletion | Self::CancellingDeletion
        )
    }

    /// The secret is no more, or as good as.
    pub(super) const fn is_gone(self) -> bool {
        matches!(self, Self::Deleting | Self::Deleted)
    }
}

/// `RotationConfig`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct RotationConfig {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub rotation_interval: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub is_scheduled_rotation_enabled: Option<bool>,
    pub target_system_details: TargetSystemDetails,
}

/// `TargetSystemDetails`: `ADB` or `FUNCTION`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct TargetSystemDetails {
    pub target_system_type: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub adb_id: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub function_id: Option<String>,
}

/// `ReplicationConfig`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct ReplicationConfig {
    #[serde(default)]
    pub replication_targets: Vec<ReplicationTarget>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub is_write_forward_enabled: Option<bool>,
}

/// `ReplicationTarget`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct ReplicationTarget {
    pub target_region: String,
    pub target_vault_id: String,
    pub target_key_id: String,
}

/// `SecretRule`: `SECRET_EXPIRY_RULE` or `SECRET_REUSE_RULE`.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct SecretRule {
    pub rule_type: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub secret_version_expiry_interval: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub time_of_absolute_expiry: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub is_secret_content_retrieval_blocked_on_expiry: Option<bool>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub is_enforced_on_deleted_secret_versions: Option<bool>,
}

/// `SecretVersion`, `SecretVersionSummary`.
#[derive(Debug, Clone, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Version {
    pub version_number: u64,
    pub name: Option<String>,
    #[serde(default, deserialize_with = "stages")]
    pub stages: RotationStates,
    #[serde(default, deserialize_with = "moment")]
    pub time_created: Option<OffsetDateTime>,
    #[serde(default, deserialize_with = "moment")]
    pub time_of_deletion: Option<OffsetDateTime>,
}

/// `SecretBundle`.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Bundle {
    pub secret_id: String,
    pub version_number: u64,
    pub version_name: Option<String>,
    pub secret_bundle_content: Option<BundleContent>,
    #[serde(default, deserialize_with = "stages")]
    pub stages: RotationStates,
    #[serde(default, deserialize_with = "moment")]
    pub time_created: Option<OffsetDateTime>,
    #[serde(default, deserialize_with = "moment")]
    pub time_of_deletion: Option<OffsetDateTime>,
    pub metadata: Option<Values>,
}

/// `SecretBundleContentDetails`.
#[derive(Debug, Deserialize)]
pub(super) struct BundleContent {
    pub content: Option<SecretText>,
}

/// `Vault` of key management.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Vault {
    pub lifecycle_state: String,
}

/// `CreateSecretDetails`.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct CreateSecretDetails<'b> {
    pub compartment_id: &'b str,
    pub vault_id: &'b str,
    pub key_id: &'b str,
    pub secret_name: &'b str,
    pub secret_content: SecretContentDetails<'b>,
    #[serde(flatten)]
    pub details: UpdateSecretDetails,
}

/// `Base64SecretContentDetails`.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct SecretContentDetails<'b> {
    pub content_type: &'static str,
    pub content: &'b SecretText,
    pub name: &'b str,
    pub stage: &'static str,
}

/// The only type of content there is.
pub(super) const BASE64: &str = "BASE64";

/// `UpdateSecretDetails` with new content.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct NewContent<'b> {
    pub secret_content: SecretContentDetails<'b>,
}

/// `UpdateSecretDetails` without content: the service takes one concern per call.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct UpdateSecretDetails {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub current_version_number: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub description: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub freeform_tags: Option<BTreeMap<String, String>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub metadata: Option<Values>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub secret_rules: Option<Vec<SecretRule>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub rotation_config: Option<RotationConfig>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub replication_config: Option<ReplicationConfig>,
}

/// `ChangeSecretCompartmentDetails`.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct ChangeCompartmentDetails<'b> {
    pub compartment_id: &'b str,
}

/// `ScheduleSecretDeletionDetails`, `ScheduleSecretVersionDeletionDetails`.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct ScheduleDeletionDetails {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub time_of_deletion: Option<String>,
}

/// The body of an error. `code` has been seen as a number, too.
#[derive(Debug, Deserialize)]
pub(super) struct ErrorBody {
    pub code: serde_json::Value,
    pub message: Option<String>,
}

/// A moment as the service takes it.
pub(super) fn rfc3339(time: OffsetDateTime) -> String {
    let time = time.to_offset(time::UtcOffset::UTC).truncate_to_second();
    time.format(&Rfc3339).unwrap_or_else(|_| unreachable!("years of this age have four digits"))
}

fn state<'de, D: Deserializer<'de>>(deserializer: D) -> Result<State, D::Error> {
    String::deserialize(deserializer).map(|text| State::parse(&text))
}

fn moment<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<OffsetDateTime>, D::Error> {
    let text = Option::<String>::deserialize(deserializer)?;
    Ok(text.and_then(|text| OffsetDateTime::parse(&text, &Rfc3339).ok()))
}

/// Stages that coffer does not know are left out.
fn stages<'de, D: Deserializer<'de>>(deserializer: D) -> Result<RotationStates, D::Error> {
    let codes = Option::<Vec<String>>::deserialize(deserializer)?.unwrap_or_default();
    let states = codes.iter().filter_map(|code| RotationState::parse(&code.to_ascii_lowercase()));
    Ok(states.collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn summary_and_unknown_members_are_read() {
        let secret: Secret = serde_json::from_str(
            r#"{"id":"ocid1.x","compartmentId":"c","vaultId":"v","secretName":"n",
                "lifecycleState":"PENDING_DELETION","timeCreated":"2019-04-03T21:10:29.600Z",
                "somethingNew":{"a":[1]},"metadata":{"n":1.5}}"#,
        )
        .unwrap();
        assert_eq!(secret.lifecycle_state, State::PendingDeletion);
        assert_eq!(secret.time_created.unwrap().unix_timestamp(), 1_554_325_829);
        assert_eq!(State::parse("PendingDeletion"), State::PendingDeletion);
        assert_eq!(State::parse("HIBERNATING"), State::Other);
    }

    #[test]
    fn stages_are_states_and_unknown_ones_are_left_out() {
        let version: Version = serde_json::from_str(
            r#"{"versionNumber":3,"stages":["CURRENT","LATEST","SHINY"],"timeCreated":null}"#,
        )
        .unwrap();
        assert_eq!(version.stages.to_string(), "current, latest");
        assert_eq!(version.time_created, None);
    }

    #[test]
    fn update_says_one_thing_only() {
        let update = UpdateSecretDetails { current_version_number: Some(3), ..Default::default() };
        assert_eq!(serde_json::to_string(&update).unwrap(), r#"{"currentVersionNumber":3}"#);
    }
}
