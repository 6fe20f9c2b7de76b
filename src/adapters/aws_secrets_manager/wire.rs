//! Bodies of requests and answers (JSON 1.1).
//!
//! Responsible for the names and shapes of the service's API, version 2017-10-17; only what coffer
//! uses. Values of secrets are [`SecretText`] in both directions. Leaves meaning to
//! [`backend`](super::backend).

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::adapters::http::SecretText;

/// A key and a value.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct Tag {
    pub(super) key: String,
    pub(super) value: String,
}

/// A region to replicate to.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct ReplicaRegion {
    pub(super) region: String,
    pub(super) kms_key_id: String,
}

/// A value on its way: one of the two is set.
#[derive(Debug, Default, Serialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct Value {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) secret_string: Option<SecretText>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) secret_binary: Option<SecretText>,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct CreateSecret<'r> {
    pub(super) name: &'r str,
    pub(super) client_request_token: &'r str,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) description: Option<&'r str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) kms_key_id: Option<String>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(super) tags: Vec<Tag>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(super) add_replica_regions: Vec<ReplicaRegion>,
    #[serde(flatten)]
    pub(super) value: Value,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct PutSecretValue<'r> {
    pub(super) secret_id: &'r str,
    pub(super) client_request_token: &'r str,
    pub(super) version_stages: Vec<&'static str>,
    #[serde(flatten)]
    pub(super) value: Value,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct UpdateSecretVersionStage<'r> {
    pub(super) secret_id: &'r str,
    pub(super) version_stage: &'r str,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) remove_from_version_id: Option<&'r str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) move_to_version_id: Option<&'r str>,
}

/// Metadata only. The token counts only together with a value.
#[derive(Debug, Serialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct UpdateSecret<'r> {
    pub(super) secret_id: &'r str,
    pub(super) client_request_token: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) description: Option<&'r str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) kms_key_id: Option<String>,
}

/// The body of requests that only name a secret.
#[derive(Debug, Serialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct Named<'r> {
    pub(super) secret_id: &'r str,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct GetSecretValue<'r> {
    pub(super) secret_id: &'r str,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) version_id: Option<&'r str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) version_stage: Option<&'r str>,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct ListSecretVersionIds<'r> {
    pub(super) secret_id: &'r str,
    pub(super) include_deprecated: bool,
    pub(super) max_results: u32,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) next_token: Option<String>,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct ListSecrets<'r> {
    pub(super) max_results: u32,
    pub(super) include_planned_deletion: bool,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(super) filters: Vec<Filter<'r>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) next_token: Option<String>,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct Filter<'r> {
    pub(super) key: &'static str,
    pub(super) values: Vec<&'r str>,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct TagResource<'r> {
    pub(super) secret_id: &'r str,
    pub(super) tags: Vec<Tag>,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct UntagResource<'r> {
    pub(super) secret_id: &'r str,
    pub(super) tag_keys: Vec<String>,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct DeleteSecret<'r> {
    pub(super) secret_id: &'r str,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) recovery_window_in_days: Option<i64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) force_delete_without_recovery: Option<bool>,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct ReplicateSecretToRegions<'r> {
    pub(super) secret_id: &'r str,
    pub(super) add_replica_regions: Vec<ReplicaRegion>,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct RemoveRegionsFromReplication<'r> {
    pub(super) secret_id: &'r str,
    pub(super) remove_replica_regions: Vec<String>,
}

/// Of DescribeSecret; entries of ListSecrets are alike but for the name of the versions.
#[derive(Debug, Clone, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct Described {
    #[serde(rename = "ARN")]
    pub(super) arn: String,
    pub(super) name: String,
    pub(super) description: Option<String>,
    pub(super) kms_key_id: Option<String>,
    #[serde(default)]
    pub(super) rotation_enabled: Option<bool>,
    pub(super) deleted_date: Option<f64>,
    pub(super) created_date: Option<f64>,
    pub(super) last_changed_date: Option<f64>,
    #[serde(default)]
    pub(super) tags: Option<Vec<Tag>>,
    /// In descriptions.
    #[serde(default)]
    version_ids_to_stages: Option<BTreeMap<String, Vec<String>>>,
    /// In listings. There are servers that send both.
    #[serde(default)]
    secret_versions_to_stages: Option<BTreeMap<String, Vec<String>>>,
    pub(super) primary_region: Option<String>,
    #[serde(default)]
    pub(super) replication_status: Option<Vec<Replica>>,
}

impl Described {
    /// Ids of versions with their labels.
    pub(super) fn versions(&self) -> impl Iterator<Item = (&String, &Vec<String>)> {
        let told = self.version_ids_to_stages.as_ref();
        told.or(self.secret_versions_to_stages.as_ref()).into_iter().flatten()
    }

    /// Labels of a version.
    pub(super) fn labels(&self, id: &str) -> Option<&[String]> {
        self.versions().find(|(own, _)| *own == id).map(|(_, labels)| labels.as_slice())
    }

    /// Id of the version with a label.
    pub(super) fn labelled(&self, label: &str) -> Option<&String> {
        let has = |labels: &[String]| labels.iter().any(|own| own == label);
        self.versions().find(|(_, labels)| has(labels)).map(|(id, _)| id)
    }
}

/// A replica as the service tells it.
#[derive(Debug, Clone, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct Replica {
    pub(super) region: String,
    pub(super) kms_key_id: Option<String>,
    pub(super) status: Option<String>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct Listed {
    #[serde(default)]
    pub(super) secret_list: Vec<Described>,
    pub(super) next_token: Option<String>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct VersionIds {
    #[serde(default)]
    pub(super) versions: Vec<ListedVersion>,
    pub(super) next_token: Option<String>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct ListedVersion {
    pub(super) version_id: String,
    #[serde(default)]
    pub(super) version_stages: Option<Vec<String>>,
    pub(super) created_date: Option<f64>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct SecretValue {
    pub(super) version_id: String,
    pub(super) secret_string: Option<SecretText>,
    pub(super) secret_binary: Option<SecretText>,
}

/// Answers of which nothing is needed.
#[derive(Debug, Deserialize)]
pub(super) struct Ignored {}
