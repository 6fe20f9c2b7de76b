//! Key Vault under conformance: one fake service per case.

use std::sync::Arc;

use coffer::adapters::azure_key_vault::DESCRIPTOR;
use coffer::adapters::descriptor::Setting;
use coffer::domain::port::Backend;
use serde_json::json;
use time::Duration;

use super::{Harness, Reached, Remote, impatient};
use crate::fakes::azure_key_vault::{EVERY_PERMISSION, Fake};

/// A vault of a service of its own.
pub struct AzureHarness {
    fake: Arc<Fake>,
    first: Arc<dyn Backend>,
}

impl AzureHarness {
    pub fn new() -> Self {
        let fake = Arc::new(Fake::quick());
        let first = open(&fake);
        Self { fake, first }
    }
}

fn open(fake: &Fake) -> Arc<dyn Backend> {
    let token = fake.token(EVERY_PERMISSION);
    (DESCRIPTOR.open)(fake.settings("kv1", &token)).expect("the settings work")
}

/// How a process of the application `app-1` reaches the vault `kv1`.
pub fn reached(fake: &Fake) -> Reached {
    let mut environment = fake.sign_in();
    environment.push(("HTTPS_PROXY", fake.proxy_url()));
    let vault_url = fake.vault_url("kv1");
    Reached { profile: json!({ "azure_key_vault": { "vault_url": vault_url } }), environment }
}

impl Harness for AzureHarness {
    fn backend(&self) -> Arc<dyn Backend> {
        Arc::clone(&self.first)
    }

    fn second_client(&self) -> Arc<dyn Backend> {
        open(&self.fake)
    }

    fn advance(&self, by: Duration) {
        self.fake.advance(by);
    }

    fn many(&self) -> usize {
        60
    }

    fn remote(&self) -> Option<Remote> {
        let fake = Arc::clone(&self.fake);
        let (server, tls) = (fake.without_tls(), Some(fake.tls()));
        let remote = Remote::plain(server, move |proxy| {
            let mut settings = fake.settings("kv1", &fake.token(EVERY_PERMISSION));
            settings.set("proxy", Setting::Secret(proxy.into()));
            impatient(&mut settings);
            (DESCRIPTOR.open)(settings).expect("the settings work")
        });
        let fake = Arc::clone(&self.fake);
        let remote = remote.with_directions(move |proxy| {
            let mut reached = reached(&fake);
            reached.environment.push(("HTTPS_PROXY", proxy.to_owned()));
            reached
        });
        Some(Remote { tls, ..remote })
    }
}
