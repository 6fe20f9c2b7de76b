//! An answer, read within bounds.
//!
//! Responsible for holding status, headers and body (secret, whatever it contains) and for reading
//! JSON out of it without showing any of it in an error.

use std::fmt;
use std::time::Duration;

use reqwest::header::HeaderMap;
use serde::de::DeserializeOwned;
use time::OffsetDateTime;
use time::format_description::well_known::Rfc2822;

use crate::domain::material::Secret;
use crate::domain::port::{BackendError, ErrorKind};

/// An answer.
pub struct Response {
    /// HTTP status.
    pub status: u16,
    /// Headers.
    pub headers: HeaderMap,
    /// Body.
    pub body: Secret,
}

impl fmt::Debug for Response {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Response").field("status", &self.status).finish_non_exhaustive()
    }
}

impl Response {
    /// True for 2xx.
    #[must_use]
    pub const fn is_success(&self) -> bool {
        matches!(self.status, 200..=299)
    }

    /// A header, when it is plain text.
    #[must_use]
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name)?.to_str().ok()
    }

    /// The service's own time when it answered (`Date`, RFC 9110 §6.6.1). Signatures and tokens
    /// are refused when clocks differ; the difference is worth telling.
    #[must_use]
    pub fn date(&self) -> Option<OffsetDateTime> {
        http_date(self.header("date")?)
    }

    /// How wrong this machine's clock is, in words, when it is further from the service's than
    /// services tolerate in signatures (five minutes, with one to spare).
    #[must_use]
    pub fn wrong_clock(&self, now: OffsetDateTime) -> Option<String> {
        let ahead = now - self.date()?;
        if ahead.abs() < time::Duration::minutes(4) {
            return None;
        }
        let minutes = (ahead.abs().whole_seconds() + 30) / 60;
        let direction = if ahead.is_positive() { "ahead of" } else { "behind" };
        Some(format!(
            "this machine's clock is {minutes} minutes {direction} the service's; set it right"
        ))
    }

    /// How long to wait before asking again (`Retry-After`, RFC 9110 §10.2.3: seconds, or a date,
    /// which counts from the service's own clock where it tells it).
    #[must_use]
    pub fn retry_after(&self, now: OffsetDateTime) -> Option<Duration> {
        let text = self.header("retry-after")?.trim();
        if let Ok(seconds) = text.parse() {
            return Some(Duration::from_secs(seconds));
        }
        let wait = http_date(text)? - self.date().unwrap_or(now);
        Some(wait.try_into().unwrap_or(Duration::ZERO))
    }

    /// The id that the service, or whoever answered in its place, gave the request. Vendors agree
    /// on the end of the header's name only. One that the client chose is not meant.
    #[must_use]
    pub fn request_id(&self) -> Option<&str> {
        const LONGEST: usize = 200;
        let named = self.headers.iter().find(|(name, _)| {
            let name = name.as_str();
            (name.ends_with("request-id") || name.ends_with("requestid"))
                && !name.contains("client")
        });
        named?.1.to_str().ok().filter(|id| !id.is_empty() && id.len() <= LONGEST)
    }

    /// The body as JSON.
    ///
    /// # Errors
    /// `Unexpected` when it is something else; the error tells the request id, the content type and
    /// where reading stopped, never the content. Its outcome is unknown: the service did what it
    /// was asked, or somebody else answered in its place.
    pub fn json<T: DeserializeOwned>(&self, operation: &'static str) -> Result<T, BackendError> {
        serde_json::from_slice(self.body.expose()).map_err(|error| {
            let kind = match error.classify() {
                serde_json::error::Category::Eof => "it ends too early",
                serde_json::error::Category::Syntax => "it is not JSON",
                _ => "it does not have the documented shape",
            };
            let error = BackendError::permanent(
                ErrorKind::Unexpected,
                operation,
                format!(
                    "the answer cannot be read: {kind} (line {}, column {}, content type {})",
                    error.line(),
                    error.column(),
                    self.header("content-type").unwrap_or("not given"),
                ),
            )
            .with("status", self.status.to_string())
            .outcome_unknown();
            match self.request_id() {
                Some(id) => error.with("request_id", id),
                None => error,
            }
        })
    }

    /// The body as JSON, for reading error bodies: `None` when it is something else.
    #[must_use]
    pub fn try_json<T: DeserializeOwned>(&self) -> Option<T> {
        serde_json::from_slice(self.body.expose()).ok()
    }
}

/// A date as HTTP writes it.
fn http_date(text: &str) -> Option<OffsetDateTime> {
    OffsetDateTime::parse(&text.replace("GMT", "+0000"), &Rfc2822).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn answer(headers: &[(&'static str, &'static str)]) -> Response {
        let headers = headers.iter().map(|(name, value)| {
            let name = reqwest::header::HeaderName::from_static(name);
            (name, reqwest::header::HeaderValue::from_static(value))
        });
        Response { status: 200, headers: headers.collect(), body: Secret::from("<html>canary") }
    }

    #[test]
    fn clock_is_wrong_when_it_is_further_off_than_signatures_may_be() {
        let answer = answer(&[("date", "Sat, 21 Nov 2026 10:00:00 GMT")]);
        let at = |minutes: i64| answer.date().unwrap() + time::Duration::minutes(minutes);
        let said = |minutes| answer.wrong_clock(at(minutes)).unwrap_or_default();
        assert_eq!((said(3), said(-3)), (String::new(), String::new()));
        assert!(said(10).contains("10 minutes ahead of"), "{}", said(10));
        assert!(said(-75).contains("75 minutes behind"), "{}", said(-75));
        assert_eq!(self::answer(&[]).wrong_clock(at(10)), None);
    }

    #[test]
    fn answer_that_cannot_be_read_tells_the_request_id_and_nothing_of_itself() {
        for name in ["opc-request-id", "x-ms-request-id", "x-amzn-requestid", "x-request-id"] {
            let answer = answer(&[("x-ms-client-request-id", "ours"), (name, "id-4711")]);
            let error = answer.json::<u32>("read").unwrap_err();
            assert!(error.context.contains(&("request_id", "id-4711".to_owned())), "{error:?}");
            assert!(!format!("{error:?}").contains("canary"));
        }
        let error = answer(&[("x-ms-client-request-id", "ours")]).json::<u32>("read").unwrap_err();
        assert!(error.context.iter().all(|(key, _)| *key != "request_id"), "{error:?}");
    }
}
