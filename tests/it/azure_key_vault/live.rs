//! A real vault. Starts only when somebody names one: `COFFER_LIVE_AZURE_KEYVAULT_URL`, with a
//! sign-in in `AZURE_*` variables or `COFFER_AZURE_ACCESS_TOKEN`. What it makes, it deletes.

use coffer::adapters::azure_key_vault::DESCRIPTOR;
use coffer::adapters::descriptor::{ArgumentKind, Setting, Settings};
use coffer::domain::port::{
    Metadata, MetadataPatch, NewSecret, NewVersion, Options, Stage, VersionSelector,
};
use coffer::domain::rotation::RotationState;
use coffer::domain::secret::SecretName;
use time::{Duration, OffsetDateTime};

use super::{generic, nonce, print};
use crate::support::cli;

fn settings(url: &str) -> Settings {
    let mut settings = Settings::default();
    for argument in DESCRIPTOR.arguments {
        let Some(value) = argument.env.and_then(|name| std::env::var(name).ok()) else { continue };
        let setting = match argument.kind {
            ArgumentKind::Secret => Setting::Secret(value.as_str().into()),
            ArgumentKind::Bool => Setting::Bool(value == "true"),
            _ => Setting::Text(value),
        };
        settings.set_from_environment(argument.name, setting);
    }
    settings.set("vault_url", Setting::Text(url.to_owned()));
    settings
}

#[tokio::test]
async fn real_vault_behaves_like_the_fake() {
    let test = concat!(module_path!(), "::real_vault_behaves_like_the_fake");
    let Ok(url) = std::env::var("COFFER_LIVE_AZURE_KEYVAULT_URL") else {
        cli::report_ignored("live", test, "COFFER_LIVE_AZURE_KEYVAULT_URL names no vault");
        return;
    };
    let backend = (DESCRIPTOR.open)(settings(&url)).expect("the settings work");
    let name = format!("coffer-live-{}", uuid::Uuid::new_v4().simple());
    let name = SecretName::parse(&name).unwrap();
    let (one, two) = (generic("one"), generic("two"));
    let version = |content, fingerprint, stage| NewVersion {
        content,
        fingerprint,
        stage,
        expected_version: None,
        nonce: nonce(),
    };
    let expires_at = Some(OffsetDateTime::now_utc() + Duration::days(30));
    let metadata = Metadata { expires_at, enabled: true, ..Metadata::default() };
    let (first, second) = (print(&one), print(&two));
    let secret = NewSecret {
        name: &name,
        metadata,
        options: Options::new(),
        version: version(&one, &first, Stage::Current),
    };
    let lived = async {
        backend.create(secret).await?;
        let clear = MetadataPatch { expires_at: Some(None), ..MetadataPatch::default() };
        let record = backend.update_metadata(&name, clear).await?;
        assert_eq!((record.metadata.expires_at, record.latest), (None, 1));
        backend.put_version(&name, version(&two, &second, Stage::Pending)).await?;
        backend.set_rotation_state(&name, 2, RotationState::Current).await?;
        backend.set_rotation_state(&name, 1, RotationState::Current).await?;
        let current = VersionSelector::State(RotationState::Current);
        assert_eq!(backend.read_content(&name, current).await?.content, one);
        backend.soft_delete(&name, None).await?;
        backend.recover(&name).await.map(drop)
    };
    let lived = lived.await;
    // Purged where that is allowed, else left to the window.
    if backend.purge(&name).await.is_err() {
        backend.soft_delete(&name, None).await.expect("it can be deleted");
    }
    lived.expect("the vault behaves");
}
