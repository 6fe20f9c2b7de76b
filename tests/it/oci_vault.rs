//! What only OCI Vault has, and what goes wrong there: lost answers, states on their way, hidden
//! secrets, limits, options, sign-in. What every backend must do is in `conformance`.

use std::sync::Arc;

use coffer::domain::fingerprint::{Fingerprint, Key, KeyRing, Salt};
use coffer::domain::kind::Content;
use coffer::domain::material::Secret;
use coffer::domain::port::{
    Backend, BackendError, ErrorKind, Metadata, MetadataPatch, NewSecret, NewVersion, OptionValue,
    Options, SecretRecord, Stage, VersionSelector,
};
use coffer::domain::rotation::RotationState;
use coffer::domain::secret::SecretName;
use coffer::domain::version::VersionRecord;

use crate::fakes::oci_vault::{Fake, backend};

mod faults;
mod live;
mod options;
mod places;
mod sign_in;
mod states;

/// A fake and a client of it.
struct Setting {
    fake: Fake,
    backend: Arc<dyn Backend>,
}

impl Setting {
    fn new() -> Self {
        let fake = Fake::start();
        let backend = backend(&fake);
        Self { fake, backend }
    }

    async fn create(&self, value: &str) -> Result<SecretRecord, BackendError> {
        self.create_with(value, Options::new()).await
    }

    async fn create_with(
        &self,
        value: &str,
        options: Options,
    ) -> Result<SecretRecord, BackendError> {
        create(&*self.backend, "a", value, options).await
    }

    async fn put(&self, value: &str) -> Result<VersionRecord, BackendError> {
        let content = generic(value);
        let fingerprint = print(&content);
        let version = NewVersion {
            content: &content,
            fingerprint: &fingerprint,
            stage: Stage::Current,
            expected_version: None,
            nonce: nonce(),
        };
        self.backend.put_version(&name(), version).await
    }

    async fn value(&self) -> Result<String, BackendError> {
        let selector = VersionSelector::State(RotationState::Current);
        let read = self.backend.read_content(&name(), selector).await?;
        Ok(read.content.field("value").unwrap().expose_text().unwrap().to_owned())
    }

    async fn set(&self, option: &str, value: OptionValue) -> Result<SecretRecord, BackendError> {
        let options = Options::from([(option.to_owned(), value)]);
        let patch = MetadataPatch { options, ..MetadataPatch::default() };
        self.backend.update_metadata(&name(), patch).await
    }

    async fn versions(&self) -> Vec<VersionRecord> {
        self.backend.list_versions(&name()).await.expect("versions")
    }
}

/// Creates a secret of type `generic`.
async fn create(
    backend: &dyn Backend,
    secret: &str,
    value: &str,
    options: Options,
) -> Result<SecretRecord, BackendError> {
    let content = generic(value);
    let fingerprint = print(&content);
    let version = NewVersion {
        content: &content,
        fingerprint: &fingerprint,
        stage: Stage::Current,
        expected_version: None,
        nonce: nonce(),
    };
    let metadata = Metadata { enabled: true, ..Metadata::default() };
    let name = SecretName::parse(secret).unwrap();
    backend.create(NewSecret { name: &name, metadata, options, version }).await
}

fn name() -> SecretName {
    SecretName::parse("a").unwrap()
}

fn generic(value: &str) -> Content {
    Content::generic(Secret::from(value)).unwrap()
}

fn print(content: &Content) -> Fingerprint {
    let key = Key::new(Secret::new(vec![7; 32])).unwrap();
    KeyRing::new(Some(key), Vec::new()).fingerprint(content, Salt([9; 16]))
}

fn nonce() -> [u8; 16] {
    *uuid::Uuid::new_v4().as_bytes()
}

fn text(text: &str) -> OptionValue {
    OptionValue::Text(text.to_owned())
}

#[track_caller]
fn refused<T: std::fmt::Debug>(
    result: Result<T, BackendError>,
    kind: ErrorKind,
    words: &str,
) -> BackendError {
    let error = result.expect_err("the call is refused");
    assert_eq!(error.kind, kind, "{error}");
    assert!(error.message.contains(words), "{error}");
    error
}
