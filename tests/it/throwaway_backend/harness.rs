//! What the suites need to run on the throw-away backend.

use std::sync::Arc;

use coffer::adapters::descriptor::{Setting, Settings};
use coffer::domain::material::Secret;
use coffer::domain::port::Backend;
use time::Duration;

use super::server::{Server, TOKEN};
use super::{DESCRIPTOR, PAGE};
use crate::conformance::harness::{Harness, Remote, impatient};

/// A fresh service.
pub struct ThrowawayHarness {
    server: Server,
}

impl ThrowawayHarness {
    pub fn new() -> Self {
        let start = || tokio::runtime::Handle::current().block_on(Server::start());
        Self { server: tokio::task::block_in_place(start) }
    }
}

fn open(endpoint: &str) -> Arc<dyn Backend> {
    let mut settings = Settings::default();
    settings.set("endpoint", Setting::Text(endpoint.to_owned()));
    settings.set("token", Setting::Secret(Secret::from(TOKEN)));
    impatient(&mut settings);
    (DESCRIPTOR.open)(settings).expect("settings that work")
}

impl Harness for ThrowawayHarness {
    fn backend(&self) -> Arc<dyn Backend> {
        open(&format!("http://{}", self.server.address()))
    }

    fn second_client(&self) -> Arc<dyn Backend> {
        self.backend()
    }

    fn advance(&self, by: Duration) {
        self.server.advance(by);
    }

    fn many(&self) -> usize {
        2 * PAGE + 10
    }

    fn remote(&self) -> Option<Remote> {
        Some(Remote::plain(self.server.address(), open))
    }
}
