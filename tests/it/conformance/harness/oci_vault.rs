//! A vault of Oracle Cloud that the fake plays.

use std::sync::Arc;

use coffer::adapters::catalog::BACKENDS;
use coffer::adapters::descriptor::{Pacing, Setting, Settings};
use coffer::domain::material::Secret;
use coffer::domain::port::Backend;
use time::Duration;

use super::Harness;
use crate::fakes::oci_vault::{
    COMPARTMENT, FINGERPRINT, Fake, KEY, OTHER_COMPARTMENT, TENANCY, USER, VAULT,
};

/// A fake of its own for each case.
pub struct OciHarness {
    fake: Fake,
    first: Arc<dyn Backend>,
}

impl OciHarness {
    pub fn new() -> Self {
        let fake = Fake::start();
        // The suite makes a secret again under the name of a destroyed one.
        fake.world(|world| world.settings.reserve_names = false);
        let first = open(&fake);
        Self { fake, first }
    }
}

/// A client of the fake, as a profile would make it.
pub fn open(fake: &Fake) -> Arc<dyn Backend> {
    open_with(fake, |_| {})
}

/// The same with other settings.
pub fn open_with(fake: &Fake, change: impl FnOnce(&mut Settings)) -> Arc<dyn Backend> {
    let descriptor = BACKENDS.iter().find(|backend| backend.name == "oci_vault").unwrap();
    let mut settings = Settings::default();
    settings.pacing = Some(Pacing { concurrency: 64, requests_per_second: 100_000 });
    for (name, value) in [
        ("endpoint", fake.url().as_str()),
        ("vault_id", VAULT),
        ("compartment_id", COMPARTMENT),
        ("key_id", KEY),
        ("tenancy_id", TENANCY),
        ("user_id", USER),
        ("fingerprint", FINGERPRINT),
        ("config_file", "/dev/null"),
    ] {
        settings.set(name, Setting::Text(value.to_owned()));
    }
    let others = vec![OTHER_COMPARTMENT.to_owned()];
    settings.set("other_compartment_ids", Setting::TextList(others));
    let key = Secret::from(Fake::private_key().as_str());
    settings.set("private_key", Setting::Secret(key));
    change(&mut settings);
    (descriptor.open)(settings).expect("the settings are fine")
}

impl Harness for OciHarness {
    fn backend(&self) -> Arc<dyn Backend> {
        Arc::clone(&self.first)
    }

    fn second_client(&self) -> Arc<dyn Backend> {
        open(&self.fake)
    }

    fn advance(&self, by: Duration) {
        // The shortest windows are sent with five minutes to spare.
        self.fake.advance(by + Duration::minutes(10));
    }

    fn many(&self) -> usize {
        120
    }
}
