//! A vault of Oracle Cloud that the fake plays.

use std::sync::Arc;

use coffer::domain::port::Backend;
use time::Duration;

use super::Harness;
use crate::fakes::oci_vault::{Fake, backend};

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
}
