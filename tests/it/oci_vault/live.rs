//! A real vault, only when `COFFER_LIVE_OCI=1` and `COFFER_OCI_VAULT_ID`,
//! `COFFER_OCI_COMPARTMENT_ID` and `COFFER_OCI_KEY_ID` name one; sign-in is that of Oracle's own
//! tools. Leaves one secret that waits a day for its deletion.

use std::env;

use coffer::adapters::descriptor::{Setting, Settings};
use coffer::adapters::oci_vault::{Environment, open_in};
use coffer::domain::port::{Backend, Lifecycle, Options, VersionSelector};
use coffer::domain::rotation::RotationState;
use coffer::domain::secret::SecretName;
use time::Duration;

use super::create;
use crate::support::cli::report_ignored;

const SWITCH: &str = "COFFER_LIVE_OCI";
const PLACE: [(&str, &str); 3] = [
    ("vault_id", "COFFER_OCI_VAULT_ID"),
    ("compartment_id", "COFFER_OCI_COMPARTMENT_ID"),
    ("key_id", "COFFER_OCI_KEY_ID"),
];

#[tokio::test]
async fn life_of_a_secret() {
    if env::var(SWITCH).as_deref() != Ok("1") {
        let reason = format!("{SWITCH} is not 1");
        report_ignored("OCI", "oci_vault::live::life_of_a_secret", &reason);
        return;
    }
    let mut settings = Settings::default();
    for (argument, variable) in PLACE {
        let value = env::var(variable).unwrap_or_else(|_| panic!("{variable} is not set"));
        settings.set(argument, Setting::Text(value));
    }
    let backend = open_in(settings, Environment::of_process()).expect("the settings are fine");
    let text = format!("coffer-live-{}", uuid::Uuid::new_v4().simple());
    let name = SecretName::parse(&text).unwrap();
    let made = create(&*backend, &text, "live value", Options::new()).await;
    let lived = match made {
        Ok(_) => reads_back(&*backend, &name).await,
        Err(error) => Err(error.to_string()),
    };
    let deleted = backend.soft_delete(&name, Some(Duration::days(1))).await;
    lived.expect("the secret lives");
    let lifecycle = deleted.expect("it is cleaned up").lifecycle;
    assert!(matches!(lifecycle, Lifecycle::Deleted { .. }));
}

async fn reads_back(backend: &dyn Backend, name: &SecretName) -> Result<(), String> {
    let selector = VersionSelector::State(RotationState::Current);
    let read = backend.read_content(name, selector).await.map_err(|error| error.to_string())?;
    let value = read.content.field("value").and_then(|value| value.expose_text().ok());
    if value == Some("live value") { Ok(()) } else { Err("another value".to_owned()) }
}
