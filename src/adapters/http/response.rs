//! An answer, read within bounds.
//!
//! Responsible for holding status, headers and body (secret, whatever it contains) and for reading
//! JSON out of it without showing any of it in an error.

use std::fmt;

use reqwest::header::HeaderMap;
use serde::de::DeserializeOwned;

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

    /// The body as JSON.
    ///
    /// # Errors
    /// `Unexpected` when it is something else; the error tells the content type and where reading
    /// stopped, never the content.
    pub fn json<T: DeserializeOwned>(&self, operation: &'static str) -> Result<T, BackendError> {
        serde_json::from_slice(self.body.expose()).map_err(|error| {
            let kind = match error.classify() {
                serde_json::error::Category::Eof => "it ends too early",
                serde_json::error::Category::Syntax => "it is not JSON",
                _ => "it does not have the documented shape",
            };
            BackendError::permanent(
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
        })
    }

    /// The body as JSON, for reading error bodies: `None` when it is something else.
    #[must_use]
    pub fn try_json<T: DeserializeOwned>(&self) -> Option<T> {
        serde_json::from_slice(self.body.expose()).ok()
    }
}
