//! A vault of Oracle Cloud that the fake plays.

use std::sync::Arc;

use coffer::adapters::descriptor::Setting;
use coffer::domain::port::Backend;
use time::Duration;

use super::{Harness, Reached, Remote, impatient};
use crate::fakes::oci_vault::{Fake, backend, backend_with, profile, sign_in};

/// A fake of its own for each case.
pub struct OciHarness {
    fake: Arc<Fake>,
    first: Arc<dyn Backend>,
}

impl OciHarness {
    pub fn new() -> Self {
        let fake = Arc::new(Fake::start());
        // The suite makes a secret again under the name of a destroyed one.
        fake.world(|world| world.settings.reserve_names = false);
        let first = backend(&fake);
        Self { fake, first }
    }
}

impl Harness for OciHarness {
    fn backend(&self) -> Arc<dyn Backend> {
        Arc::clone(&self.first)
    }

    fn second_client(&self) -> Arc<dyn Backend> {
        backend(&self.fake)
    }

    fn advance(&self, by: Duration) {
        // The shortest windows are sent with five minutes to spare.
        self.fake.advance(by + Duration::minutes(10));
    }

    fn many(&self) -> usize {
        120
    }

    fn remote(&self) -> Option<Remote> {
        let fake = Arc::clone(&self.fake);
        let server = fake.url().trim_start_matches("http://").trim_end_matches('/').parse();
        let remote = Remote::plain(server.expect("an address of this machine"), move |endpoint| {
            backend_with(&fake, |settings| {
                settings.set("endpoint", Setting::Text(endpoint.to_owned()));
                impatient(settings);
            })
        });
        Some(remote.with_directions(|endpoint| Reached {
            profile: profile(endpoint),
            environment: sign_in().to_vec(),
        }))
    }
}
