//! Azure Key Vault: the vendor's clients judge the fake, and the fake judges ours.
//!
//! What every backend must do is in the conformance suite; here is what only this one has: lost
//! replies of a service without conditional writes, settling, sign-in, versions of others.

use std::sync::Arc;

use coffer::adapters::azure_key_vault::DESCRIPTOR;
use coffer::adapters::descriptor::{Setting, Settings};
use coffer::domain::fingerprint::{Fingerprint, Key, KeyRing, Salt};
use coffer::domain::kind::{Content, Kind};
use coffer::domain::material::Secret;
use coffer::domain::port::{
    Backend, BackendError, Metadata, NewSecret, NewVersion, Options, SecretRecord, Stage,
    VersionSelector,
};
use coffer::domain::rotation::RotationState;
use coffer::domain::secret::SecretName;
use coffer::domain::version::VersionRecord;

use crate::fakes::azure_key_vault::{EVERY_PERMISSION, Fake};

mod faults;
mod judges;
mod live;
mod secrecy;
mod sign_in;
mod versions;

/// A vault of a fake of its own.
struct Vault {
    fake: Fake,
    backend: Arc<dyn Backend>,
}

impl Vault {
    fn new(fake: Fake) -> Self {
        let token = fake.token(EVERY_PERMISSION);
        Self::open(fake, &token, |_| {})
    }

    /// With a token, and settings changed.
    fn open(fake: Fake, token: &str, change: impl FnOnce(&mut Settings)) -> Self {
        let mut settings = fake.settings("kv1", token);
        change(&mut settings);
        let backend = (DESCRIPTOR.open)(settings).expect("the settings work");
        Self { fake, backend }
    }

    async fn create(&self, value: &str) -> Result<SecretRecord, BackendError> {
        self.create_with(value, Metadata { enabled: true, ..Metadata::default() }).await
    }

    async fn create_with(
        &self,
        value: &str,
        metadata: Metadata,
    ) -> Result<SecretRecord, BackendError> {
        let (content, nonce) = (generic(value), nonce());
        let fingerprint = print(&content);
        let version = NewVersion {
            content: &content,
            fingerprint: &fingerprint,
            stage: Stage::Current,
            expected_version: None,
            nonce,
        };
        let secret = NewSecret { name: &name(), metadata, options: Options::new(), version };
        self.backend.create(secret).await
    }

    async fn put(&self, value: &str, stage: Stage) -> Result<VersionRecord, BackendError> {
        let content = generic(value);
        let fingerprint = print(&content);
        let version = NewVersion {
            content: &content,
            fingerprint: &fingerprint,
            stage,
            expected_version: None,
            nonce: nonce(),
        };
        self.backend.put_version(&name(), version).await
    }

    async fn read(&self) -> Result<SecretRecord, BackendError> {
        self.backend.read(&name()).await
    }

    async fn value(&self, selector: VersionSelector) -> Result<String, BackendError> {
        let read = self.backend.read_content(&name(), selector).await?;
        let value = read.content.field("value").expect("a generic secret has a value");
        Ok(value.expose_text().expect("text").to_owned())
    }

    async fn current(&self) -> String {
        self.value(VersionSelector::State(RotationState::Current)).await.expect("it can be read")
    }

    async fn promote(&self, number: u64) -> Result<(), BackendError> {
        self.backend.set_rotation_state(&name(), number, RotationState::Current).await
    }

    async fn states(&self) -> Vec<(u64, String)> {
        let versions = self.backend.list_versions(&name()).await.expect("they are listed");
        versions.iter().map(|v| (v.number, v.rotation_states.to_string())).collect()
    }
}

fn name() -> SecretName {
    SecretName::parse("app-password").expect("a name")
}

fn generic(value: &str) -> Content {
    Content::new(Kind::Generic, vec![("value".to_owned(), Secret::from(value))]).expect("content")
}

fn print(content: &Content) -> Fingerprint {
    let key = Key::new(Secret::new(vec![7; 32])).expect("32 bytes");
    KeyRing::new(Some(key), Vec::new()).fingerprint(content, Salt([9; 16]))
}

fn nonce() -> [u8; 16] {
    *uuid::Uuid::new_v4().as_bytes()
}

/// A setting of text.
fn text(text: &str) -> Setting {
    Setting::Text(text.to_owned())
}
