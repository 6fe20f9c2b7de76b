//! coffer's client of the fake, as a profile would make it.

use std::sync::Arc;

use coffer::adapters::descriptor::{Pacing, Setting, Settings};
use coffer::adapters::oci_vault::{Environment, open_in};
use coffer::domain::material::Secret;
use coffer::domain::port::Backend;

use super::{COMPARTMENT, FINGERPRINT, Fake, KEY, OTHER_COMPARTMENT, TENANCY, USER, VAULT};

/// A client that signs with the API key.
pub fn backend(fake: &Fake) -> Arc<dyn Backend> {
    backend_with(fake, |_| {})
}

/// The same with other settings.
pub fn backend_with(fake: &Fake, change: impl FnOnce(&mut Settings)) -> Arc<dyn Backend> {
    let mut settings = place(fake);
    for (name, value) in [("tenancy_id", TENANCY), ("user_id", USER), ("fingerprint", FINGERPRINT)]
    {
        settings.set(name, Setting::Text(value.to_owned()));
    }
    let key = Secret::from(Fake::private_key().as_str());
    settings.set("private_key", Setting::Secret(key));
    change(&mut settings);
    in_environment(settings, &[])
}

/// Environment variables that sign in with the API key.
pub fn sign_in() -> [(&'static str, String); 4] {
    [
        ("OCI_CLI_TENANCY", TENANCY.to_owned()),
        ("OCI_CLI_USER", USER.to_owned()),
        ("OCI_CLI_FINGERPRINT", FINGERPRINT.to_owned()),
        ("OCI_CLI_KEY_CONTENT", Fake::private_key()),
    ]
}

/// The profile of a process that reaches the services at an address.
pub fn profile(endpoint: &str) -> serde_json::Value {
    serde_json::json!({ "oci_vault": {
        "endpoint": endpoint,
        "vault_id": VAULT,
        "compartment_id": COMPARTMENT,
        "key_id": KEY,
    } })
}

/// Settings that say where the vault is and not who signs in.
pub fn place(fake: &Fake) -> Settings {
    let mut settings = Settings::default();
    settings.pacing = Some(Pacing { concurrency: 64, requests_per_second: 100_000 });
    for (name, value) in [
        ("endpoint", fake.url().as_str()),
        ("vault_id", VAULT),
        ("compartment_id", COMPARTMENT),
        ("key_id", KEY),
    ] {
        settings.set(name, Setting::Text(value.to_owned()));
    }
    let others = vec![OTHER_COMPARTMENT.to_owned()];
    settings.set("other_compartment_ids", Setting::TextList(others));
    settings
}

/// A client whose process has these variables and no others.
pub fn in_environment(settings: Settings, variables: &[(&str, &str)]) -> Arc<dyn Backend> {
    open_in(settings, Environment::with(variables)).expect("the settings are fine")
}
