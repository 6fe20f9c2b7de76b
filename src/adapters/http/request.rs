//! A request, before it is authorised.
//!
//! Responsible for what a backend wants to send and for whether it may be sent again. The body is
//! secret whatever it contains.

use std::fmt;
use std::io;
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
        let bytes = json(self.operation, body)?;
        Ok(self.body(bytes, "application/json"))
    }
}

/// A body in JSON, in a block of its size: one that grows would hold a value several times.
///
/// # Errors
/// `InvalidRequest` when a value has no JSON form (text that is not UTF-8).
pub fn json<T: Serialize>(operation: &'static str, body: &T) -> Result<Secret, BackendError> {
    let refused = |_| {
        BackendError::permanent(
            ErrorKind::InvalidRequest,
            operation,
            "the request has no JSON form: a value in it is not text",
        )
    };
    let mut size = Size(0);
    serde_json::to_writer(&mut size, body).map_err(refused)?;
    let mut bytes = Vec::with_capacity(size.0);
    serde_json::to_writer(&mut bytes, body).map_err(refused)?;
    Ok(Secret::new(bytes))
}

/// Counts what is written.
struct Size(usize);

impl io::Write for Size {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0 += bytes.len();
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
