//! AWS Secrets Manager as moto plays it: a region of its own for each case.

use std::sync::Arc;

use coffer::adapters::aws_secrets_manager::DESCRIPTOR;
use coffer::adapters::descriptor::{Pacing, Setting, Settings};
use coffer::domain::material::Secret;
use coffer::domain::port::Backend;
use serde_json::json;
use time::Duration;

use super::{Harness, Reached, Remote, impatient};
use crate::support::http1::Message;
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
    let url = moto::shared().expect("it was asked for before").url();
    open_at(&url, region, |_| {})
}

fn open_at(url: &str, region: &str, change: impl FnOnce(&mut Settings)) -> Arc<dyn Backend> {
    let mut settings = Settings::default();
    "coffer-tests".clone_into(&mut settings.user_agent);
    settings.pacing = Some(Pacing { concurrency: 64, requests_per_second: 10_000 });
    settings.set("endpoint", Setting::Text(url.to_owned()));
    settings.set("region", Setting::Text(region.to_owned()));
    settings.set("access_key_id", Setting::Text("coffer".to_owned()));
    settings.set("secret_access_key", Setting::Secret(Secret::from("not-checked")));
    change(&mut settings);
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

    fn remote(&self) -> Option<Remote> {
        let region = self.region.clone();
        let url = moto::shared().expect("it was asked for before").url();
        let server = url.trim_start_matches("http://").trim_end_matches('/').parse();
        let server = server.expect("an address of this machine");
        let remote = Remote::plain(server, move |url| open_at(url, &region, impatient));
        let region = self.region.clone();
        let remote = remote.with_directions(move |url| Reached {
            profile: json!({ "aws_secrets_manager": { "endpoint": url, "region": region } }),
            environment: vec![
                ("AWS_ACCESS_KEY_ID", "coffer".to_owned()),
                ("AWS_SECRET_ACCESS_KEY", "not-checked".to_owned()),
            ],
        });
        Some(Remote { reads: is_read, ..remote })
    }
}

/// Every operation is a `POST`; its name tells.
fn is_read(request: &Message) -> bool {
    let operation = request.header("x-amz-target").and_then(|target| target.split_once('.'));
    let reads = ["Describe", "Get", "List", "BatchGet"];
    operation.is_some_and(|(_, name)| reads.iter().any(|read| name.starts_with(read)))
}
