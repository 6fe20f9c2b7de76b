//! AWS Secrets Manager as moto plays it: a region of its own for each case.

use std::sync::Arc;

use coffer::adapters::aws_secrets_manager::DESCRIPTOR;
use coffer::adapters::descriptor::{Pacing, Setting, Settings};
use coffer::domain::material::Secret;
use coffer::domain::port::Backend;
use time::Duration;

use super::Harness;
use crate::support::moto;

/// What moto 5.2.5 cannot play.
pub const GAPS: &[(&str, &str)] = &[
    (
        "metadata_is_kept_and_cleared",
        "moto ignores an empty Description in UpdateSecret, which clears it at AWS",
    ),
    ("soft_deleted_secret_expires", "moto never destroys what is scheduled for deletion"),
];

/// Why moto cannot be had, if so.
pub fn unavailable() -> Option<String> {
    moto::shared().err()
}

/// A fresh region.
pub struct Moto {
    region: String,
    first: Arc<dyn Backend>,
}

impl Moto {
    pub fn new() -> Self {
        let region = moto::shared().expect("it was asked for before").region();
        let first = open(&region);
        Self { region, first }
    }
}

/// A client of a region.
fn open(region: &str) -> Arc<dyn Backend> {
    let mut settings = Settings::default();
    "coffer-tests".clone_into(&mut settings.user_agent);
    settings.pacing = Some(Pacing { concurrency: 64, requests_per_second: 10_000 });
    let url = moto::shared().expect("it was asked for before").url();
    settings.set("endpoint", Setting::Text(url));
    settings.set("region", Setting::Text(region.to_owned()));
    settings.set("access_key_id", Setting::Text("coffer".to_owned()));
    settings.set("secret_access_key", Setting::Secret(Secret::from("not-checked")));
    (DESCRIPTOR.open)(settings).expect("the settings are fine")
}

impl Harness for Moto {
    fn backend(&self) -> Arc<dyn Backend> {
        Arc::clone(&self.first)
    }

    fn second_client(&self) -> Arc<dyn Backend> {
        open(&self.region)
    }

    fn many(&self) -> usize {
        250
    }

    fn advance(&self, _by: Duration) {
        unreachable!("the cases that need it are among the gaps")
    }
}
