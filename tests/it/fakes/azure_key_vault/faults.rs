//! What goes wrong, on demand: before or after the service has acted.

use std::sync::Mutex;
use std::time::Duration;

use axum::body::{Body, Bytes};
use axum::http::{HeaderName, HeaderValue, StatusCode};
use axum::response::Response;

use super::locked;

/// Something that goes wrong.
#[derive(Debug, Clone)]
pub struct Fault {
    /// Method it is about; any when empty.
    pub method: &'static str,
    /// How the path begins.
    pub path: String,
    /// How often.
    pub times: u32,
    /// Requests that pass before.
    pub after: u32,
    /// Before the service has acted, or after.
    pub moment: Moment,
    /// What happens.
    pub action: Action,
}

impl Fault {
    /// Once, before the service has acted.
    pub fn once(method: &'static str, path: &str, action: Action) -> Self {
        let path = path.to_owned();
        Self { method, path, times: 1, after: 0, moment: Moment::Before, action }
    }

    /// Once, after the service has acted.
    pub fn after_commit(method: &'static str, path: &str, action: Action) -> Self {
        Self { moment: Moment::After, ..Self::once(method, path, action) }
    }

    /// So often.
    pub fn times(self, times: u32) -> Self {
        Self { times, ..self }
    }
}

/// When it happens.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Moment {
    /// The service does nothing.
    Before,
    /// The service has done what it was asked for.
    After,
}

/// What happens.
#[derive(Debug, Clone)]
pub enum Action {
    /// Another answer, with headers and a body.
    Answer(u16, Vec<(&'static str, String)>, String),
    /// The connection is cut without an answer.
    Reset,
    /// Half of the answer, then the connection is cut.
    Half,
    /// The answer comes later.
    Delay(Duration),
    /// The answer never comes.
    Hang,
}

impl Action {
    /// An answer of the service's form.
    pub fn error(status: u16, code: &str, inner: Option<&str>) -> Self {
        let mut error = serde_json::json!({ "code": code, "message": "as the test wants it" });
        if let Some(inner) = inner {
            error["innererror"] = serde_json::json!({ "code": inner });
        }
        Self::Answer(status, Vec::new(), serde_json::json!({ "error": error }).to_string())
    }

    /// Too many requests; the service names no time.
    pub fn throttled() -> Self {
        Self::error(429, "Throttled", None)
    }
}

/// Faults that wait.
#[derive(Debug, Default)]
pub(super) struct Faults(Mutex<Vec<Fault>>);

impl Faults {
    pub(super) fn add(&self, fault: Fault) {
        locked(&self.0).push(fault);
    }

    /// What is to happen to a request, if anything.
    pub(super) fn take(&self, method: &str, path: &str) -> Option<Fault> {
        let mut faults = locked(&self.0);
        let place = faults.iter().position(|fault| {
            (fault.method.is_empty() || fault.method == method) && path.starts_with(&fault.path)
        })?;
        let fault = &mut faults[place];
        if fault.after > 0 {
            fault.after -= 1;
            return None;
        }
        fault.times -= 1;
        let taken = fault.clone();
        if taken.times == 0 {
            faults.remove(place);
        }
        Some(taken)
    }
}

/// What the caller gets instead of `answer`.
pub(super) async fn act(action: Action, answer: Option<Response>) -> Response {
    match action {
        Action::Answer(status, headers, body) => {
            let mut answer = Response::new(Body::from(body));
            *answer.status_mut() = StatusCode::from_u16(status).expect("a status");
            for (name, value) in headers {
                let value = HeaderValue::try_from(value).expect("a header");
                answer.headers_mut().insert(HeaderName::from_static(name), value);
            }
            answer
        }
        // Ends the connection's task without the message of a panic.
        Action::Reset => std::panic::resume_unwind(Box::new("connection cut")),
        Action::Half => half(answer).await,
        Action::Delay(by) => {
            tokio::time::sleep(by).await;
            answer.unwrap_or_default()
        }
        Action::Hang => std::future::pending().await,
    }
}

async fn half(answer: Option<Response>) -> Response {
    let (mut head, body) = answer.unwrap_or_default().into_parts();
    let whole = axum::body::to_bytes(body, usize::MAX).await.unwrap_or_default();
    head.headers.insert("content-length", whole.len().into());
    let cut = Err(std::io::Error::other("connection cut"));
    let parts: [Result<Bytes, std::io::Error>; 2] = [Ok(whole.slice(..whole.len() / 2)), cut];
    Response::from_parts(head, Body::from_stream(futures_util::stream::iter(parts)))
}
