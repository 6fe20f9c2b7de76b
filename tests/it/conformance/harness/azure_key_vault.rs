//! Key Vault under conformance: one fake service per case.

use std::sync::Arc;

use coffer::adapters::azure_key_vault::DESCRIPTOR;
use coffer::domain::port::Backend;
use time::Duration;

use super::Harness;
use crate::fakes::azure_key_vault::{EVERY_PERMISSION, Fake};

/// A vault of a service of its own.
pub struct AzureHarness {
    fake: Fake,
    first: Arc<dyn Backend>,
}

impl AzureHarness {
    pub fn new() -> Self {
        let fake = Fake::quick();
        let first = open(&fake);
        Self { fake, first }
    }
}

fn open(fake: &Fake) -> Arc<dyn Backend> {
    let token = fake.token(EVERY_PERMISSION);
    (DESCRIPTOR.open)(fake.settings("kv1", &token)).expect("the settings work")
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
}
