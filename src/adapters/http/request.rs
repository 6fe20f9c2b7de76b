//! A request, before it is authorised.
//!
//! Responsible for what a backend wants to send and for whether it may be sent again. The body is
//! secret whatever it contains.

use std::fmt;
use std::sync::Arc;

use reqwest::header::{CONTENT_TYPE, HeaderMap, HeaderName, HeaderValue};
use reqwest::{Method, Url};
use serde::Serialize;

use crate::domain::material::Secret;
use crate::domain::port::{BackendError, ErrorKind};

/// Whether a request may be sent again when its answer was lost.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Repeat {
    /// It reads, or its repetition changes nothing more.
    Always,
    /// A repetition would do it twice: only after an answer that says nothing was done.
    IfNotApplied,
}

/// A request of an operation of the port.
#[derive(Clone)]
pub struct Request {
    pub(super) operation: &'static str,
    pub(super) method: Method,
    pub(super) url: Url,
    pub(super) headers: HeaderMap,
    pub(super) body: Option<Arc<Secret>>,
    pub(super) repeat: Repeat,
}

impl fmt::Debug for Request {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Request")
            .field("operation", &self.operation)
            .field("method", &self.method)
            .field("path", &self.url.path())
            .finish_non_exhaustive()
    }
}

impl Request {
    /// A request without a body. `operation` is the port's method (`put_version`).
    #[must_use]
    pub fn new(operation: &'static str, method: Method, url: Url, repeat: Repeat) -> Self {
        Self { operation, method, url, headers: HeaderMap::new(), body: None, repeat }
    }

    /// A read.
    #[must_use]
    pub fn get(operation: &'static str, url: Url) -> Self {
        Self::new(operation, Method::GET, url, Repeat::Always)
    }

    /// Adds a header.
    #[must_use]
    pub fn header(mut self, name: HeaderName, value: HeaderValue) -> Self {
        self.headers.insert(name, value);
        self
    }

    /// Adds a body of any type.
    #[must_use]
    pub fn body(mut self, body: Secret, content_type: &'static str) -> Self {
        self.headers.insert(CONTENT_TYPE, HeaderValue::from_static(content_type));
        self.body = Some(Arc::new(body));
        self
    }

    /// Adds a JSON body.
    ///
    /// # Errors
    /// `InvalidRequest` when a value has no JSON form (text that is not UTF-8).
    pub fn json<T: Serialize>(self, body: &T) -> Result<Self, BackendError> {
        let operation = self.operation;
        let bytes = serde_json::to_vec(body).map_err(|_| {
            BackendError::permanent(
                ErrorKind::InvalidRequest,
                operation,
                "the request has no JSON form: a value in it is not text",
            )
        })?;
        Ok(self.body(Secret::new(bytes), "application/json"))
    }
}
