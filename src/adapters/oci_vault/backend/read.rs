//! Reading: metadata, versions, listings and values.
//!
//! A value is read by nothing but [`read_value`](OciVault::read_value); everything else works
//! without the right to read secret bundles.

use super::OciVault;
use super::content::decode;
use crate::adapters::oci_vault::connection::Selector;
use crate::adapters::oci_vault::error::{is_hidden, reworded};
use crate::adapters::oci_vault::record;
use crate::adapters::oci_vault::version_name::VersionName;
use crate::adapters::oci_vault::wire::{Bundle, Secret, State, Version};
use crate::domain::kind::Kind;
use crate::domain::layout::Layout;
use crate::domain::port::{
    BackendError, ErrorKind, ListFilter, Page, Read, SecretRecord, VersionSelector,
};
use crate::domain::rotation::RotationState;
use crate::domain::secret::SecretName;
use crate::domain::version::VersionRecord;

impl OciVault {
    pub(super) async fn read_secret(
        &self,
        operation: &'static str,
        name: &SecretName,
    ) -> Result<SecretRecord, BackendError> {
        Ok(self.look(operation, name).await?.record(name))
    }

    pub(super) async fn read_versions(
        &self,
        name: &SecretName,
    ) -> Result<Vec<VersionRecord>, BackendError> {
        let held = self.look("list_versions", name).await?;
        let metadata = held.secret.metadata.as_ref();
        let mut versions: Vec<_> = held
            .versions
            .iter()
            .map(|version| record::version(&held.secret.id, version, metadata))
            .collect();
        versions.sort_by_key(|version| version.number);
        Ok(versions)
    }

    /// A page of a compartment; its token is the compartment's place and the service's token.
    /// Pages without a match are passed over.
    pub(super) async fn list_page(
        &self,
        filter: &ListFilter,
        page: Option<&str>,
    ) -> Result<Page<SecretRecord>, BackendError> {
        let (mut place, mut token) = match page.and_then(|page| page.split_once(' ')) {
            Some((place, token)) => (place.parse().unwrap_or(0), Some(token.to_owned())),
            None => (0_usize, None),
        };
        while let Some(compartment) = self.compartments.get(place) {
            let asked = token.as_deref().filter(|token| !token.is_empty());
            let (found, next) = self.connection.secrets("list", compartment, None, asked).await?;
            let items: Vec<_> =
                found.iter().filter_map(|secret| self.listed(secret, filter)).collect();
            if next.is_none() {
                place += 1;
            }
            token = next;
            if !items.is_empty() {
                let more = place < self.compartments.len();
                let next = more.then(|| format!("{place} {}", token.unwrap_or_default()));
                return Ok(Page { items, next });
            }
        }
        Ok(Page { items: Vec::new(), next: None })
    }

    /// The record of a listed secret, if it is wanted.
    fn listed(&self, secret: &Secret, filter: &ListFilter) -> Option<SecretRecord> {
        let shown = match secret.lifecycle_state {
            State::PendingDeletion | State::SchedulingDeletion => filter.include_deleted,
            state => !state.is_gone(),
        };
        let prefix = filter.name_prefix.as_deref().unwrap_or_default();
        if !shown || !secret.secret_name.starts_with(prefix) {
            return None;
        }
        let name = SecretName::parse(&secret.secret_name).ok()?;
        self.directory.learn(&secret.secret_name, &secret.id);
        Some(record::record(name, secret, &[]))
    }

    pub(super) async fn read_value(
        &self,
        name: &SecretName,
        selector: VersionSelector,
    ) -> Result<Read, BackendError> {
        const OPERATION: &str = "read_content";
        let id = self.locate(OPERATION, name).await?;
        let wanted = match selector {
            VersionSelector::Number(number) => Selector::Number(number),
            VersionSelector::State(RotationState::Current) => Selector::Stage("CURRENT"),
            VersionSelector::State(RotationState::Latest) => Selector::Stage("LATEST"),
            VersionSelector::State(RotationState::Pending) => Selector::Stage("PENDING"),
            VersionSelector::State(RotationState::Previous) => Selector::Stage("PREVIOUS"),
            VersionSelector::State(RotationState::Deprecated) => {
                return Err(no_version(name, selector));
            }
        };
        match self.connection.bundle(OPERATION, &id, wanted).await {
            Ok(bundle) if bundle.secret_id == id => open(name, bundle),
            Ok(_) => {
                let message = "the service answered with another secret's value";
                Err(BackendError::permanent(ErrorKind::Unexpected, OPERATION, message))
            }
            Err(error) if is_hidden(&error) => Err(self.why_hidden(name, selector, error).await),
            Err(error) => Err(error),
        }
    }

    /// Why a value is not shown, as far as its secret tells.
    async fn why_hidden(
        &self,
        name: &SecretName,
        selector: VersionSelector,
        error: BackendError,
    ) -> BackendError {
        let held = match self.look("read_content", name).await {
            Ok(held) => held,
            Err(other) => return other,
        };
        if matches!(held.secret.lifecycle_state, State::PendingDeletion | State::SchedulingDeletion)
        {
            let message = format!("the secret {name} waits for its deletion; recover it first");
            return reworded(&error, ErrorKind::Precondition, message);
        }
        let meant = |version: &Version| match selector {
            VersionSelector::Number(number) => version.version_number == number,
            VersionSelector::State(state) => version.stages.contains(state),
        };
        match held.versions.iter().find(|version| meant(version)) {
            None => no_version(name, selector),
            Some(version) if version.time_of_deletion.is_some() => {
                let message = format!(
                    "version {} of the secret {name} waits for its deletion",
                    version.version_number
                );
                reworded(&error, ErrorKind::NotFound, message)
            }
            Some(_) => {
                let message = format!(
                    "the value of the secret {name} is not shown: this identity needs `read \
                     secret-bundles` in the compartment {}, or an expiry rule blocks reading",
                    held.secret.compartment_id
                );
                reworded(&error, ErrorKind::PermissionDenied, message)
            }
        }
    }
}

fn no_version(name: &SecretName, selector: VersionSelector) -> BackendError {
    let which = match selector {
        VersionSelector::Number(number) => format!("version {number}"),
        VersionSelector::State(state) => format!("{state} version"),
    };
    let message = format!("the secret {name} has no {which}");
    BackendError::permanent(ErrorKind::NotFound, "read_content", message)
}

/// The content of an answer. What somebody else wrote is of type `generic`.
fn open(name: &SecretName, bundle: Bundle) -> Result<Read, BackendError> {
    let in_name = bundle.version_name.as_deref().and_then(VersionName::parse);
    let (kind, layout) =
        in_name.map_or((Kind::Generic, Layout::Native), |name| (name.kind, name.layout));
    let text = bundle.secret_bundle_content.and_then(|content| content.content);
    let content = text.and_then(|text| decode(&text, kind, layout)).ok_or_else(|| {
        BackendError::permanent(
            ErrorKind::Corrupt,
            "read_content",
            format!(
                "version {} of the secret {name} is not laid out as a secret of type {kind}",
                bundle.version_number
            ),
        )
    })?;
    let version = Version {
        version_number: bundle.version_number,
        name: bundle.version_name,
        stages: bundle.stages,
        time_created: bundle.time_created,
        time_of_deletion: bundle.time_of_deletion,
    };
    let version = record::version(&bundle.secret_id, &version, bundle.metadata.as_ref());
    Ok(Read { version, content })
}
