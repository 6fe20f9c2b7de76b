//! Metadata: description, tags, key, replicas.
//!
//! Looks first and calls only for what differs: UpdateSecret, TagResource, UntagResource,
//! ReplicateSecretToRegions, RemoveRegionsFromReplication. Tags are added before others are
//! removed, so that a policy that goes by tags still holds in between.

use std::collections::BTreeMap;

use super::recent::Sign;
use super::write::regions;
use super::{SecretsManager, refuse};
use crate::adapters::aws_secrets_manager::config::{DEFAULT_KEY, wanted_key, wanted_replicas};
use crate::adapters::aws_secrets_manager::history::CURRENT;
use crate::adapters::aws_secrets_manager::service::Action;
use crate::adapters::aws_secrets_manager::tags::{Tags, difference};
use crate::adapters::aws_secrets_manager::wire::{
    Described, Ignored, RemoveRegionsFromReplication, ReplicateSecretToRegions, TagResource,
    UntagResource, UpdateSecret,
};
use crate::domain::port::{BackendError, ErrorKind, MetadataPatch, Options, SecretRecord};
use crate::domain::secret::SecretName;

const OPERATION: &str = "update_metadata";

/// A change without a value makes no version; the token is for services that ask for one anyway.
const NO_VALUE: &str = "coffer-changes-metadata-and-no-value";

impl SecretsManager {
    pub(super) async fn change_metadata(
        &self,
        name: &SecretName,
        patch: MetadataPatch,
    ) -> Result<SecretRecord, BackendError> {
        if patch.enabled == Some(false) {
            let message = "AWS Secrets Manager cannot disable a secret";
            return Err(refuse(ErrorKind::Unsupported, OPERATION, message, name));
        }
        let described = self.describe_active(OPERATION, name).await?;
        self.change_tags(name, &described, &patch).await?;
        self.change_secret(name, &described, &patch).await?;
        if let Some(wanted) = wanted_replicas(&patch.options) {
            self.change_replicas(name, &described, &wanted).await?;
        }
        if let Some(id) = described.labelled(CURRENT) {
            self.recent.wrote(name.as_str(), Sign::Current(id.clone()));
        }
        self.read_secret(OPERATION, name).await
    }

    async fn change_tags(
        &self,
        name: &SecretName,
        described: &Described,
        patch: &MetadataPatch,
    ) -> Result<(), BackendError> {
        let now = Tags::read(described.tags.as_deref().unwrap_or_default());
        let mut wanted = now.clone();
        if let Some(tags) = &patch.tags {
            wanted.user.clone_from(tags);
        }
        if let Some(content_type) = &patch.content_type {
            wanted.content_type.clone_from(content_type);
        }
        wanted.not_before = patch.not_before.unwrap_or(now.not_before);
        wanted.expires_at = patch.expires_at.unwrap_or(now.expires_at);
        let current = described.labelled(CURRENT).cloned();
        if let Some(print) = &patch.fingerprint {
            wanted.print = current.clone().map(|id| (id, print.clone()));
        }
        // A print of a version that is not current any more has done its service.
        wanted.print = wanted.print.filter(|(id, _)| Some(id) == current.as_ref());
        if wanted == now {
            return Ok(());
        }
        if let Some(problem) = wanted.problem() {
            return Err(refuse(ErrorKind::InvalidRequest, OPERATION, problem, name));
        }
        let (set, remove) = difference(&now.write(), &wanted.write());
        if !set.is_empty() {
            let body = TagResource { secret_id: name.as_str(), tags: set };
            self.change(name, Action::TAG, &body).await?;
        }
        if !remove.is_empty() {
            let body = UntagResource { secret_id: name.as_str(), tag_keys: remove };
            self.change(name, Action::UNTAG, &body).await?;
        }
        Ok(())
    }

    async fn change_secret(
        &self,
        name: &SecretName,
        described: &Described,
        patch: &MetadataPatch,
    ) -> Result<(), BackendError> {
        let had = described.description.as_deref().unwrap_or_default();
        let wanted = patch.description.as_ref().map(|text| text.as_deref().unwrap_or_default());
        let description = wanted.filter(|text| *text != had);
        let key = described.kms_key_id.as_deref().unwrap_or(DEFAULT_KEY);
        let kms_key_id = wanted_key(&patch.options).filter(|wanted| wanted != key);
        if description.is_none() && kms_key_id.is_none() {
            return Ok(());
        }
        let body = UpdateSecret {
            secret_id: name.as_str(),
            client_request_token: NO_VALUE,
            description,
            kms_key_id,
        };
        self.change(name, Action::UPDATE, &body).await
    }

    async fn change_replicas(
        &self,
        name: &SecretName,
        described: &Described,
        wanted: &BTreeMap<String, String>,
    ) -> Result<(), BackendError> {
        let there: BTreeMap<&str, (&str, bool)> = described
            .replication_status
            .iter()
            .flatten()
            .map(|replica| {
                let key = replica.kms_key_id.as_deref().unwrap_or(DEFAULT_KEY);
                let failed = replica.status.as_deref() == Some("Failed");
                (replica.region.as_str(), (key, failed))
            })
            .collect();
        let stays = |region: &str, (key, failed): (&str, bool)| {
            !failed && wanted.get(region).is_some_and(|wanted| wanted == key)
        };
        let remove: Vec<String> = there
            .iter()
            .filter(|(region, replica)| !stays(region, **replica))
            .map(|(region, _)| (*region).to_owned())
            .collect();
        let mut add = wanted.clone();
        add.retain(|region, _| there.get(region.as_str()).is_none_or(|r| !stays(region, *r)));
        if !remove.is_empty() {
            self.remove_replicas(OPERATION, name, remove).await?;
        }
        if !add.is_empty() {
            let body = ReplicateSecretToRegions {
                secret_id: name.as_str(),
                add_replica_regions: regions(&add),
            };
            self.change(name, Action::REPLICATE, &body).await?;
        }
        Ok(())
    }

    /// Adds a region to those that the secret is replicated to; replaces a replica that failed.
    pub(super) async fn add_replica(
        &self,
        name: &SecretName,
        region: &str,
        options: &Options,
    ) -> Result<(), BackendError> {
        let described = self.describe("replicate", name).await?;
        let mut wanted = BTreeMap::new();
        for replica in described.replication_status.iter().flatten() {
            let failed = replica.status.as_deref() == Some("Failed");
            if !failed || replica.region != region {
                let key = replica.kms_key_id.as_deref().unwrap_or(DEFAULT_KEY);
                wanted.insert(replica.region.clone(), key.to_owned());
            }
        }
        let key = || wanted_key(options).unwrap_or_else(|| DEFAULT_KEY.to_owned());
        wanted.entry(region.to_owned()).or_insert_with(key);
        self.change_replicas(name, &described, &wanted).await
    }

    /// Takes a region from those that the secret is replicated to.
    pub(super) async fn end_replica(
        &self,
        name: &SecretName,
        region: &str,
    ) -> Result<(), BackendError> {
        let described = self.describe("end_replication", name).await?;
        let mut there = described.replication_status.iter().flatten();
        if !there.any(|replica| replica.region == region) {
            return Ok(());
        }
        self.remove_replicas("end_replication", name, vec![region.to_owned()]).await
    }

    /// Ends the replication to regions, which deletes what is there.
    pub(super) async fn remove_replicas(
        &self,
        operation: &'static str,
        name: &SecretName,
        regions: Vec<String>,
    ) -> Result<(), BackendError> {
        let body = RemoveRegionsFromReplication {
            secret_id: name.as_str(),
            remove_replica_regions: regions,
        };
        let answer: Result<Ignored, _> =
            self.service.call(operation, Action::REMOVE_REPLICAS, &body).await;
        answer.map(|Ignored {}| ()).map_err(|error| error.with("secret", name.as_str()))
    }

    async fn change<Q: serde::Serialize + Sync>(
        &self,
        name: &SecretName,
        action: Action,
        body: &Q,
    ) -> Result<(), BackendError> {
        let answer: Result<Ignored, _> = self.service.call(OPERATION, action, body).await;
        answer.map(|Ignored {}| ()).map_err(|error| error.with("secret", name.as_str()))
    }
}
