//! The shared client of remote vaults against servers that misbehave as told.
//!
//! One file per promise of `adapters/http`: what is repeated, what is bounded, how the network is
//! reached, what is kept secret. Here is the service that all of them speak to.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use async_trait::async_trait;
use coffer::adapters::descriptor::{Setting, Settings};
use coffer::adapters::http::{
    Api, Client, Expiring, HeaderValue, HttpSettings, Method, Outgoing, Repeat, Request, Response,
    TokenCache, endpoint, status_of,
};
use coffer::domain::material::Secret;
use coffer::domain::port::{BackendError, ErrorKind};
use tokio::sync::Mutex;

use crate::support::http1::{Message, Play};

mod bounds;
mod network;
mod repeat;
mod secrecy;
mod sharing;

/// A service with tokens that count up: `token-1`, `token-2`, …
#[derive(Debug, Default)]
struct Service {
    tokens: TokenCache<String>,
    sent: Mutex<Option<Arc<String>>>,
    fetched: AtomicUsize,
    /// Sign-ins that fail before one works.
    outages: AtomicUsize,
    /// What a token begins with.
    prefix: &'static str,
}

#[async_trait]
impl Api for Service {
    async fn authorize(&self, request: &mut Outgoing<'_>) -> Result<(), BackendError> {
        let token = self.tokens.get(|| self.fetch()).await?;
        let value = HeaderValue::from_str(&format!("Bearer {token}")).unwrap();
        request.headers.insert("authorization", value);
        *self.sent.lock().await = Some(token);
        Ok(())
    }

    async fn renew(&self, _answer: &Response) -> bool {
        if let Some(token) = &*self.sent.lock().await {
            self.tokens.refuse(token).await;
        }
        true
    }

    fn failure(&self, operation: &'static str, answer: &Response) -> BackendError {
        let id = answer.header("x-request-id").unwrap_or("none").to_owned();
        status_of(operation, answer.status, "the service refuses").with("request_id", id)
    }
}

impl Service {
    async fn fetch(&self) -> Result<Expiring<String>, BackendError> {
        tokio::time::sleep(Duration::from_millis(20)).await;
        if self.outages.load(Ordering::SeqCst) > 0 {
            self.outages.fetch_sub(1, Ordering::SeqCst);
            return Err(BackendError::temporary(ErrorKind::Unavailable, "sign_in", "not now"));
        }
        let number = self.fetched.fetch_add(1, Ordering::SeqCst) + 1;
        let value = format!("{}token-{number}", self.prefix);
        Ok(Expiring { value, lifetime: Some(Duration::from_secs(3600)) })
    }
}

/// A client with settings of a profile.
fn client(more: Vec<(&'static str, Setting)>) -> Client {
    Client::new(settings(more), Arc::new(Service::default()))
}

fn settings(more: Vec<(&'static str, Setting)>) -> HttpSettings {
    let mut settings = Settings::default();
    "coffer/test".clone_into(&mut settings.user_agent);
    for (name, value) in more {
        settings.set(name, value);
    }
    HttpSettings::take(&mut settings).expect("settings that work")
}

/// A client that gives up a request after a second.
fn hasty() -> Client {
    client(vec![
        ("request_timeout_seconds", Setting::Integer(1)),
        ("retry_seconds", Setting::Integer(0)),
    ])
}

fn read(base: &str) -> Request {
    Request::get("read", endpoint("endpoint", base).unwrap().join("/secret?q=1").unwrap())
}

fn write(base: &str) -> Request {
    let url = endpoint("endpoint", base).unwrap().join("/secret?q=1").unwrap();
    Request::new("put_version", Method::PUT, url, Repeat::IfNotApplied)
        .body(Secret::from("{\"value\":\"v\"}"), "application/json")
}

fn ok() -> Play {
    Play::Answer(Message::answer(200, "{\"ok\":true}"))
}

fn status(status: u16) -> Play {
    Play::Answer(Message::answer(status, "{}").with("x-request-id", "req-7"))
}
