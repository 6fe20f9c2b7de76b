//! A real account, only when `COFFER_LIVE_AWS=1` and `AWS_REGION` names a region; sign-in is that of
//! every tool of AWS. What it makes it deletes at once, without a window.

use std::env;

use coffer::adapters::aws_secrets_manager::DESCRIPTOR;
use coffer::adapters::descriptor::{Setting, Settings};
use coffer::domain::fingerprint::{Fingerprint, Key, KeyRing, Salt};
use coffer::domain::kind::Content;
use coffer::domain::material::Secret;
use coffer::domain::port::{
    Backend, BackendError, Lifecycle, Metadata, MetadataPatch, NewSecret, NewVersion, Options,
    Stage, VersionSelector,
};
use coffer::domain::rotation::RotationState;
use coffer::domain::secret::SecretName;

use crate::support::cli::report_ignored;
use crate::support::moto;

const SWITCH: &str = "COFFER_LIVE_AWS";

#[tokio::test]
async fn life_of_a_secret() {
    if env::var(SWITCH).as_deref() != Ok("1") {
        let reason = format!("{SWITCH} is not 1");
        report_ignored("AWS", "aws_secrets_manager::live::life_of_a_secret", &reason);
        return;
    }
    let region = env::var("AWS_REGION").expect("AWS_REGION is set");
    let mut settings = Settings::default();
    settings.set("region", Setting::Text(region));
    let backend = (DESCRIPTOR.open)(settings).expect("the settings are fine");
    let name = format!("coffer-live/{}", uuid::Uuid::new_v4().simple());
    let name = SecretName::parse(&name).unwrap();
    let lived = live(&*backend, &name).await;
    let cleaned = backend.purge(&name).await;
    lived.expect("the secret lives");
    cleaned.expect("it is cleaned up");
}

/// The same steps where they can always be made.
#[tokio::test]
async fn steps_work_on_moto() {
    let moto = match moto::shared() {
        Ok(moto) => moto,
        Err(reason) => {
            return report_ignored(
                "moto",
                "aws_secrets_manager::live::steps_work_on_moto",
                &reason,
            );
        }
    };
    let mut settings = Settings::default();
    for (name, value) in [
        ("region", moto.region()),
        ("endpoint", moto.url()),
        ("access_key_id", "coffer".to_owned()),
    ] {
        settings.set(name, Setting::Text(value));
    }
    settings.set("secret_access_key", Setting::Secret(Secret::from("not-checked")));
    let backend = (DESCRIPTOR.open)(settings).expect("the settings are fine");
    let name = SecretName::parse("coffer-live/steps").unwrap();
    live(&*backend, &name).await.expect("the secret lives");
    backend.purge(&name).await.expect("it is cleaned up");
}

/// Creates, stages, promotes, goes back to the first value, deletes and takes back.
async fn live(backend: &dyn Backend, name: &SecretName) -> Result<(), BackendError> {
    let (one, two) = (content("one"), content("two"));
    let (first, second) = (print(&one), print(&two));
    let tags = [("owner".to_owned(), "coffer".to_owned())].into();
    let secret = NewSecret {
        name,
        metadata: Metadata { enabled: true, tags, ..Metadata::default() },
        options: Options::new(),
        version: version(&one, &first, Stage::Current),
    };
    backend.create(secret).await?;
    let described = Some(Some("one of coffer's tests".to_owned()));
    let patch = MetadataPatch { description: described.clone(), ..MetadataPatch::default() };
    let record = backend.update_metadata(name, patch).await?;
    assert_eq!((record.metadata.description, record.latest), (described.flatten(), 1));
    backend.put_version(name, version(&two, &second, Stage::Pending)).await?;
    assert_eq!(current(backend, name).await?, one);
    backend.set_rotation_state(name, 2, RotationState::Current).await?;
    assert_eq!(current(backend, name).await?, two);
    backend.set_rotation_state(name, 1, RotationState::Current).await?;
    assert_eq!(current(backend, name).await?, one);
    let deleted = backend.soft_delete(name, None).await?;
    assert!(matches!(deleted.lifecycle, Lifecycle::Deleted { .. }));
    backend.recover(name).await.map(drop)
}

async fn current(backend: &dyn Backend, name: &SecretName) -> Result<Content, BackendError> {
    let selector = VersionSelector::State(RotationState::Current);
    backend.read_content(name, selector).await.map(|read| read.content)
}

fn version<'a>(content: &'a Content, fingerprint: &'a Fingerprint, stage: Stage) -> NewVersion<'a> {
    let nonce = *uuid::Uuid::new_v4().as_bytes();
    NewVersion { content, fingerprint, stage, expected_version: None, nonce }
}

fn content(text: &str) -> Content {
    Content::generic(Secret::from(text)).unwrap()
}

fn print(content: &Content) -> Fingerprint {
    let key = Key::new(Secret::new(vec![7; 32])).unwrap();
    KeyRing::new(Some(key), Vec::new()).fingerprint(content, Salt([9; 16]))
}
