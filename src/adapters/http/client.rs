//! Requests to one service: authorised, paced, repeated where that is safe, understood.
//!
//! Responsible for the loop around an attempt: pace, authorise, send, on 401 renew once, on a
//! passing failure wait and repeat. What may be repeated follows from [`Repeat`] and from whether
//! the service can have acted. Leaves the vocabulary of a service (signatures, error codes) to its
//! [`Api`].

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use reqwest::header::{CONTENT_LENGTH, HeaderMap, HeaderValue};
use reqwest::{Method, Url};
use time::OffsetDateTime;
use tokio::sync::SemaphorePermit;
use tokio::time::Instant;

use super::pace::Pace;
use super::request::{Repeat, Request};
use super::response::Response;
use super::retry::{Next, Quota, RetryPolicy};
use super::settings::{HttpSettings, is_loopback};
use super::transport::{Reached, Transport, TransportError};
use crate::adapters::descriptor::Pacing;
use crate::domain::port::{BackendError, ErrorKind, Outcome, Status};

/// How a service is spoken to.
#[async_trait]
pub trait Api: fmt::Debug + Send + Sync {
    /// Adds what proves who asks. Called for every attempt, since signatures carry the time.
    async fn authorize(&self, request: &mut Outgoing<'_>) -> Result<(), BackendError>;

    /// True for an answer that refuses what [`authorize`](Self::authorize) added: 401, or what the
    /// service says instead.
    fn refuses(&self, answer: &Response) -> bool {
        answer.status == 401
    }

    /// The service refused what it was sent: forget it. True when another attempt can do better;
    /// asked at most once per request.
    async fn renew(&self, answer: &Response) -> bool;

    /// What an answer that is no success means: the service's own codes first, else
    /// [`kind_of_status`]. Sets `Temporary` where a repetition can help, and
    /// [`Outcome::Unknown`] where the service may have acted all the same. Gives the vendor's
    /// request id as context.
    fn failure(&self, operation: &'static str, answer: &Response) -> BackendError;
}

/// A request on its way out.
#[derive(Debug)]
pub struct Outgoing<'r> {
    /// The operation of the port, for errors.
    pub operation: &'static str,
    /// Method.
    pub method: &'r Method,
    /// Address, as it is sent.
    pub url: &'r Url,
    /// Headers; what authorises is added here.
    pub headers: &'r mut HeaderMap,
    /// Body; empty for none.
    pub body: &'r [u8],
}

/// A client of one service, shared by everything in a profile.
#[derive(Debug, Clone)]
pub struct Client {
    transport: Transport,
    api: Arc<dyn Api>,
    pace: Option<Arc<Pace>>,
    extra_pace: Option<Arc<Pace>>,
    quota: Arc<Quota>,
    policy: RetryPolicy,
}

impl Client {
    /// A client. Cheap: nothing is read or connected before the first request.
    #[must_use]
    pub fn new(settings: HttpSettings, api: Arc<dyn Api>) -> Self {
        Self::over(Transport::new(settings), api)
    }

    /// A client over a transport that others use too.
    #[must_use]
    pub fn over(transport: Transport, api: Arc<dyn Api>) -> Self {
        let pace = transport.settings().pacing.map(|pacing| Arc::new(Pace::new(pacing)));
        let policy = transport.settings().retry;
        Self { transport, api, pace, extra_pace: None, quota: Arc::new(Quota::new()), policy }
    }

    /// The same client for requests that a second quota of the service counts as well: of these,
    /// `burst` may pass at once after a rest.
    #[must_use]
    pub fn also_paced(&self, pacing: Pacing, burst: u32) -> Self {
        let extra_pace = Some(Arc::new(Pace::with_burst(pacing, burst)));
        Self { extra_pace, ..self.clone() }
    }

    /// The same client at a pace of its own, for operations with a quota of their own.
    #[must_use]
    pub fn paced(&self, pacing: Pacing) -> Self {
        Self { pace: Some(Arc::new(Pace::new(pacing))), ..self.clone() }
    }

    /// The same with `burst` requests that may pass at once after a rest.
    #[must_use]
    pub fn paced_with_burst(&self, pacing: Pacing, burst: u32) -> Self {
        Self { pace: Some(Arc::new(Pace::with_burst(pacing, burst))), ..self.clone() }
    }

    /// Sends a request until it succeeds or cannot.
    ///
    /// # Errors
    /// What [`Api::failure`] makes of the last answer, or `Unavailable` without one. `Exhausted`
    /// after repetitions; [`Outcome::Unknown`] when a write may have been done.
    pub async fn send(&self, request: &Request) -> Result<Response, BackendError> {
        if request.url.scheme() != "https" && !is_loopback(&request.url) {
            // Addresses of profiles are checked; this one came from an answer.
            let message = "the address is not encrypted, so nothing was sent";
            let kind = ErrorKind::InvalidRequest;
            return Err(BackendError::permanent(kind, request.operation, message));
        }
        let started = Instant::now();
        let mut renewed = false;
        let mut attempt = 1;
        loop {
            let failure = match self.attempt(request, attempt).await {
                // Nothing was sent; a sign-in that may pass is repeated like anything else.
                Err(error) => Failed {
                    error: BackendError { outcome: Outcome::NotApplied, ..error },
                    retry_after: None,
                },
                Ok(Ok(answer)) if answer.is_success() => {
                    self.quota.succeed(attempt > 1);
                    return Ok(answer);
                }
                Ok(Ok(answer)) if !renewed && self.api.refuses(&answer) => {
                    renewed = true;
                    if self.api.renew(&answer).await {
                        continue;
                    }
                    Failed { error: self.understand(request, &answer), retry_after: None }
                }
                Ok(Ok(answer)) => Failed {
                    error: self.understand(request, &answer),
                    retry_after: answer.retry_after(OffsetDateTime::now_utc()),
                },
                Ok(Err(error)) => Failed { error: unanswered(request, &error), retry_after: None },
            };
            let wait = self.wait(request, attempt, started, &failure)?;
            tokio::time::sleep(wait).await;
            attempt += 1;
        }
    }

    /// One attempt. The outer error is one of sign-in: the request was not sent.
    async fn attempt(
        &self,
        request: &Request,
        attempt: u32,
    ) -> Result<Result<Response, TransportError>, BackendError> {
        let _extra_slot = enter(self.extra_pace.as_deref()).await;
        let _slot = enter(self.pace.as_deref()).await;
        let body = request.body.as_ref().map_or(&[][..], |body| body.expose());
        let mut headers = request.headers.clone();
        if body.is_empty() && request.method != Method::GET && request.method != Method::HEAD {
            // Left out otherwise, and signatures cover it.
            headers.insert(CONTENT_LENGTH, HeaderValue::from_static("0"));
        }
        let mut outgoing = Outgoing {
            operation: request.operation,
            method: &request.method,
            url: &request.url,
            headers: &mut headers,
            body,
        };
        self.api.authorize(&mut outgoing).await?;
        let started = Instant::now();
        let answer = self
            .transport
            .send(request.method.clone(), request.url.clone(), headers, request.body.clone())
            .await;
        log(request, attempt, started.elapsed(), &answer);
        Ok(answer)
    }

    fn understand(&self, request: &Request, answer: &Response) -> BackendError {
        let error = self.api.failure(request.operation, answer);
        if request.repeat == Repeat::Always {
            BackendError { outcome: Outcome::NotApplied, ..error }
        } else {
            error
        }
    }

    /// How long to wait before the next attempt, or the error to end with.
    fn wait(
        &self,
        request: &Request,
        attempt: u32,
        started: Instant,
        failed: &Failed,
    ) -> Result<Duration, BackendError> {
        let error = &failed.error;
        if error.status != Status::Temporary || error.outcome == Outcome::Unknown {
            return Err(error.clone());
        }
        let next = self.policy.next(attempt, started.elapsed(), failed.retry_after, random());
        match next {
            Next::Wait(wait) if self.quota.take() => {
                let operation = request.operation;
                tracing::debug!(operation, attempt, kind = ?error.kind, ?wait, "repeating");
                Ok(wait)
            }
            _ => {
                let mut error = error.clone().with("attempts", attempt.to_string());
                error.status = Status::Exhausted;
                if let Some(wait) = failed.retry_after {
                    error = error.with("retry_after", format!("{} s", wait.as_secs()));
                }
                Err(error)
            }
        }
    }
}

async fn enter(pace: Option<&Pace>) -> Option<SemaphorePermit<'_>> {
    match pace {
        Some(pace) => pace.enter().await,
        None => None,
    }
}

struct Failed {
    error: BackendError,
    retry_after: Option<Duration>,
}

/// What no answer means: a read, or a write that nobody got, may be repeated.
fn unanswered(request: &Request, failure: &TransportError) -> BackendError {
    let host = request.url.host_str().unwrap_or("the service");
    let message = format!("{host} gave no answer: {failure}");
    let error = match failure.reached {
        Reached::Nothing => {
            let message = failure.message.clone();
            return BackendError::permanent(ErrorKind::Unavailable, request.operation, message);
        }
        Reached::TooLarge => {
            BackendError::permanent(ErrorKind::Unexpected, request.operation, message)
        }
        Reached::NotConnected | Reached::Sent => {
            BackendError::temporary(ErrorKind::Unavailable, request.operation, message)
        }
    };
    let lost = matches!(failure.reached, Reached::Sent | Reached::TooLarge);
    if lost && request.repeat == Repeat::IfNotApplied { error.outcome_unknown() } else { error }
}

/// What a status means when the service's own code says nothing.
#[must_use]
pub const fn kind_of_status(status: u16) -> ErrorKind {
    match status {
        400 | 405 | 406 | 413 | 414 | 415 | 422 => ErrorKind::InvalidRequest,
        401 => ErrorKind::Unauthenticated,
        403 => ErrorKind::PermissionDenied,
        404 | 410 => ErrorKind::NotFound,
        409 | 423 => ErrorKind::Conflict,
        412 | 428 => ErrorKind::Precondition,
        429 => ErrorKind::RateLimited,
        501 => ErrorKind::Unsupported,
        408 | 425 | 500 | 502..=504 => ErrorKind::Unavailable,
        _ => ErrorKind::Unexpected,
    }
}

/// The error of a status when the service's own code says nothing. After 408, 500, 502 and 504 the
/// service may have acted; after 425, 429 and 503 it says that it has not.
#[must_use]
pub fn status_of(operation: &'static str, status: u16, message: impl Into<String>) -> BackendError {
    let kind = kind_of_status(status);
    let error = match kind {
        ErrorKind::RateLimited | ErrorKind::Unavailable => {
            BackendError::temporary(kind, operation, message)
        }
        _ => BackendError::permanent(kind, operation, message),
    };
    let error = error.with("status", status.to_string());
    if matches!(status, 408 | 500 | 502 | 504) { error.outcome_unknown() } else { error }
}

/// Only what is listed here is logged: no query, no header that proves identity, no body.
fn log(
    request: &Request,
    attempt: u32,
    elapsed: Duration,
    answer: &Result<Response, TransportError>,
) {
    let operation = request.operation;
    let (method, path) = (&request.method, request.url.path());
    let host = request.url.host_str().unwrap_or_default();
    let ms = elapsed.as_millis();
    match answer {
        Ok(answer) => {
            let status = answer.status;
            tracing::debug!(operation, %method, host, path, status, attempt, ms, "request");
        }
        Err(error) => {
            tracing::debug!(operation, %method, host, path, %error, attempt, ms, "request");
        }
    }
}

/// For jitter only. Without random bytes all wait equally long.
fn random() -> u64 {
    let mut bytes = [0; 8];
    match getrandom::fill(&mut bytes) {
        Ok(()) => u64::from_le_bytes(bytes),
        Err(_) => 0,
    }
}
