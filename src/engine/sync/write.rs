//! Writing one copy: read the value, write it, look at what was written.
//!
//! The value is in memory for the time of this call only. A copy carries the print of its source,
//! so that both can be compared, and a copy that an interrupted run left behind be known, without
//! reading either. A write that failed is looked for before it is called failed: its answer may
//! have been lost.

use std::sync::Arc;

use super::content::{self, Made, refused};
use super::{Original, Target, source_version};
use crate::domain::fingerprint::{Fingerprint, KeyRing, Match, Salt};
use crate::domain::kind::Content;
use crate::domain::limits::Wanted;
use crate::domain::port::{
    Lifecycle, Metadata, MetadataPatch, NewSecret, NewVersion, SecretRecord, Stage,
};
use crate::domain::rotation::RotationState;
use crate::domain::secret::{SecretId, SecretName};
use crate::domain::sync::owner::Owner;
use crate::domain::sync::plan::{Action, Entry, Step, Version};
use crate::domain::sync::recipe::{Recipe, Transform};
use crate::engine::context::Run;
use crate::engine::failure::Failure;
use crate::engine::secret::look;
use crate::engine::vault::Vault;

/// One write.
pub(super) struct Job {
    pub(super) source: Arc<Vault>,
    pub(super) state: RotationState,
    pub(super) target: Arc<Target>,
    pub(super) ring: Arc<KeyRing>,
    pub(super) run: Run,
    pub(super) name: SecretName,
    pub(super) step: Step,
    pub(super) recipe: Option<Recipe>,
    /// What goes into the copy; nothing when the source has none of it yet.
    pub(super) inputs: Vec<Original>,
    pub(super) found: Option<SecretRecord>,
}

impl Job {
    /// Does it; gives what the ledger is to say.
    pub(super) async fn write(&self) -> Result<Entry, Failure> {
        self.target.vault.before().note(&self.name, self.found.as_ref());
        match self.step.action {
            Action::Import => self.import().await,
            Action::Record => self.record(),
            Action::Replicate | Action::Follow => self.replicate().await,
            Action::Adopt | Action::Adjust => {
                let source = self.source_version()?;
                let record = self.claim(self.found.clone().ok_or(Failure::Vanished)?).await?;
                self.entry(source, copy_of(&record)?)
            }
            _ => self.copy().await,
        }
    }

    fn inputs(&self) -> Vec<&Original> {
        self.inputs.iter().collect()
    }

    /// The secret that is copied as it is.
    fn original(&self) -> Option<&Original> {
        let identity = self.recipe.as_ref().is_some_and(|r| r.transform == Transform::Identity);
        self.inputs.first().filter(|_| identity)
    }

    fn source_version(&self) -> Result<Version, Failure> {
        let recipe = self.recipe.as_ref().ok_or(Failure::Vanished)?;
        let versions = self.inputs.iter().map(Original::version).collect::<Option<_>>();
        versions.and_then(|all| source_version(recipe, all)).ok_or(Failure::Vanished)
    }

    fn entry(&self, source: Version, copy: Version) -> Result<Entry, Failure> {
        Ok(Entry { key: self.step.key.clone(), source, copy })
    }

    async fn replicate(&self) -> Result<Entry, Failure> {
        let native = self.target.native.as_ref().ok_or(Failure::Vanished)?;
        let (source, there) = (self.source_version()?, self.found.is_some());
        let kept = native.keep(&self.target, &self.run, &self.name, there, &source).await?;
        self.entry(source, copy_of(&kept)?)
    }

    fn record(&self) -> Result<Entry, Failure> {
        let record = self.found.as_ref().ok_or(Failure::Vanished)?;
        self.entry(self.source_version()?, copy_of(record)?)
    }

    async fn copy(&self) -> Result<Entry, Failure> {
        let recipe = self.recipe.as_ref().ok_or(Failure::Vanished)?;
        let Made { content, versions } =
            content::make(&self.source, &self.run, recipe, &self.inputs(), self.state).await?;
        let source = source_version(recipe, versions).ok_or(Failure::Vanished)?;
        self.check(&content)?;
        let print = self.print(&content, source.print.as_ref());
        let written = self.put(&content, &print).await;
        drop(content);
        let record = match written {
            Ok(record) => record,
            Err(failure) => self.find_written(&print, failure).await?,
        };
        let record = self.claim(record).await?;
        let copy = copy_of(&record)?;
        if copy.print.as_ref().is_some_and(|found| *found != print) {
            return Err(Failure::ChangedSincePlan { planned: None, found: Some(copy.id) });
        }
        self.entry(source, Version { id: copy.id, print: Some(print) })
    }

    /// What the destination cannot hold is refused before it is asked.
    fn check(&self, content: &Content) -> Result<(), Failure> {
        let wanted = Wanted { name: Some(&self.name), content: Some(content), ..Wanted::default() };
        match self.target.vault.violations(&wanted).into_iter().next() {
            None => Ok(()),
            Some(violation) => Err(refused(violation.message)),
        }
    }

    /// The print of the source itself, where that is one of this content under a key of ours, or
    /// that of what stands there; else a new one, with the salt of the source or of what stands
    /// there.
    fn print(&self, content: &Content, of_source: Option<&Fingerprint>) -> Fingerprint {
        let current = self.found.as_ref().and_then(|record| record.current.as_ref());
        let present = current.and_then(|version| version.fingerprint.as_ref());
        let known = [of_source, present].into_iter().flatten();
        for print in known {
            if self.ring.verify(content, print) == Match::Same {
                return print.clone();
            }
        }
        let source = self.original().and_then(|original| original.record.as_ref());
        let salt = match self.original() {
            Some(_) => of_source.map(Fingerprint::salt).or_else(|| source.and_then(|r| r.salt)),
            None => present.map(Fingerprint::salt),
        };
        self.ring.fingerprint(content, salt.unwrap_or_else(|| Salt(self.run.random())))
    }

    async fn put(&self, content: &Content, print: &Fingerprint) -> Result<SecretRecord, Failure> {
        let (vault, run) = (&self.target.vault, &self.run);
        let nonce = self.run.random();
        let version = |expected_version| NewVersion {
            content,
            fingerprint: print,
            stage: Stage::Current,
            expected_version,
            nonce,
        };
        let Some(found) = &self.found else {
            let metadata = self.metadata();
            return vault
                .call(run, "create", |backend| {
                    backend.create(NewSecret {
                        name: &self.name,
                        metadata: metadata.clone(),
                        options: self.target.options.clone(),
                        version: version(None),
                    })
                })
                .await;
        };
        let there = copy_of(found).is_ok_and(|version| version.print.as_ref() == Some(print));
        if there && found.lifecycle == Lifecycle::Active {
            return Ok(found.clone());
        }
        if matches!(found.lifecycle, Lifecycle::Deleted { .. }) {
            let record = vault.call(run, "recover", |backend| backend.recover(&self.name)).await?;
            if copy_of(&record).is_ok_and(|version| version.print.as_ref() == Some(print)) {
                return Ok(record);
            }
        }
        let latest = found.latest;
        vault
            .call(run, "put_version", |backend| {
                backend.put_version(&self.name, version(Some(latest)))
            })
            .await?;
        look(vault, run, &self.name).await?.ok_or(Failure::Vanished)
    }

    /// The record of a write whose answer said it failed, if it is there all the same.
    async fn find_written(
        &self,
        print: &Fingerprint,
        failure: Failure,
    ) -> Result<SecretRecord, Failure> {
        if failure.kind().is_none() {
            return Err(failure);
        }
        let before = self.found.as_ref().and_then(|r| r.current.as_ref()).map(|v| &v.version_id);
        match look(&self.target.vault, &self.run, &self.name).await {
            Ok(Some(record)) => {
                let ours = self.found.is_some()
                    || self.target.identity.owner(&record.metadata.tags) == Owner::Ours;
                let written = record.current.as_ref().is_some_and(|version| {
                    version.fingerprint.as_ref() == Some(print)
                        && Some(&version.version_id) != before
                });
                if ours && written && record.lifecycle == Lifecycle::Active {
                    Ok(record)
                } else {
                    Err(failure)
                }
            }
            _ => Err(failure),
        }
    }

    /// Where the copy comes from: the secret, or what a bundle or an import calls itself there.
    fn source_id(&self) -> Result<SecretId, Failure> {
        if let [original] = self.inputs.as_slice() {
            return Ok(original.id.clone());
        }
        let id = format!("{}/{}", self.source.profile(), self.step.key);
        id.parse().map_err(|_| refused(format!("{id:?} is not the id of a secret")))
    }

    fn metadata(&self) -> Metadata {
        let source = self.original().and_then(|original| original.record.as_ref());
        let vault = &self.target.vault;
        let tags = vault.default_tags();
        let tags = match self.source_id() {
            Ok(id) => self.target.identity.tags(tags, &id, vault.capability()),
            Err(_) => tags.clone(),
        };
        Metadata {
            tags,
            content_type: source.and_then(|record| record.metadata.content_type.clone()),
            enabled: true,
            ..Metadata::default()
        }
    }

    /// Puts our tags on a secret that is not marked as ours yet, enables one that is disabled, and
    /// sets the options that differ.
    async fn claim(&self, record: SecretRecord) -> Result<SecretRecord, Failure> {
        let vault = &self.target.vault;
        let mut present = record.metadata.tags.clone();
        present.extend(vault.default_tags().clone());
        let id = self.source_id()?;
        let tags = self.target.identity.tags(&present, &id, vault.capability());
        let enabled = (record.lifecycle == Lifecycle::Disabled).then_some(true);
        let tags = (tags != record.metadata.tags).then_some(tags);
        let options = self.target.unmet(&record);
        let patch = MetadataPatch { tags, enabled, options, ..MetadataPatch::default() };
        if patch == MetadataPatch::default() {
            return Ok(record);
        }
        vault
            .call(&self.run, "update_metadata", |backend| {
                backend.update_metadata(&self.name, patch.clone())
            })
            .await
    }

    /// Writes the destination's content into the source, and takes the destination over.
    async fn import(&self) -> Result<Entry, Failure> {
        let (run, found) = (&self.run, self.found.as_ref().ok_or(Failure::Vanished)?);
        let id = self.source_id()?;
        let read =
            content::read(&self.target.vault, run, &self.name, RotationState::Current).await?;
        let present = self.original().and_then(|original| original.record.as_ref());
        let salt = present.and_then(|r| r.salt).unwrap_or_else(|| Salt(run.random()));
        let print = self.ring.fingerprint(&read.content, salt);
        let (nonce, name) = (run.random(), &id.name);
        self.source.before().note(name, present);
        let version = |expected_version| NewVersion {
            content: &read.content,
            fingerprint: &print,
            stage: Stage::Current,
            expected_version,
            nonce,
        };
        let written = match present {
            None => {
                let metadata = Metadata {
                    tags: self.source.default_tags().clone(),
                    content_type: found.metadata.content_type.clone(),
                    enabled: true,
                    ..Metadata::default()
                };
                let create = self.source.call(run, "create", |backend| {
                    backend.create(NewSecret {
                        name,
                        metadata: metadata.clone(),
                        options: Default::default(),
                        version: version(None),
                    })
                });
                create.await?.current
            }
            Some(record) => {
                let latest = Some(record.latest);
                let put = self
                    .source
                    .call(run, "put_version", |backend| backend.put_version(name, version(latest)));
                Some(put.await?)
            }
        };
        let source = written.map(|version| Version { id: version.version_id, print: Some(print) });
        let record = self.claim(found.clone()).await?;
        self.entry(source.ok_or(Failure::Vanished)?, copy_of(&record)?)
    }
}

fn copy_of(record: &SecretRecord) -> Result<Version, Failure> {
    let version = record.current.as_ref().ok_or(Failure::Vanished)?;
    Ok(Version { id: version.version_id.clone(), print: version.fingerprint.clone() })
}
