//! Answers and refusals, as the service words them.

use axum::body::Body;
use axum::http::Response;
use serde_json::{Value, json};

/// What goes back.
#[derive(Debug, Clone)]
pub struct Answer {
    pub status: u16,
    pub headers: Vec<(&'static str, String)>,
    pub body: Option<Value>,
    /// A body that is no JSON.
    pub text: Option<String>,
}

/// A call that is refused.
#[derive(Debug, Clone, PartialEq)]
pub struct Refusal {
    pub status: u16,
    pub code: Value,
    pub message: String,
}

/// What an operation comes to.
pub type Outcome = Result<Answer, Refusal>;

impl Answer {
    pub fn of(body: Value) -> Self {
        Self { body: Some(body), ..Self::empty() }.status(200)
    }

    /// An action's: nothing but headers.
    pub fn empty() -> Self {
        Self { status: 204, headers: Vec::new(), body: None, text: None }
    }

    pub fn status(self, status: u16) -> Self {
        Self { status, ..self }
    }

    pub fn with(mut self, name: &'static str, value: impl Into<String>) -> Self {
        self.headers.push((name, value.into()));
        self
    }

    pub fn render(self, request_id: &str) -> Response<Body> {
        let mut builder = Response::builder()
            .status(self.status)
            .header("opc-request-id", format!("{request_id}/FAKE/0001"));
        for (name, value) in self.headers {
            builder = builder.header(name, value);
        }
        let body = match (self.body, self.text) {
            (Some(body), _) => {
                builder = builder.header("content-type", "application/json");
                Body::from(body.to_string())
            }
            (None, Some(text)) => Body::from(text),
            (None, None) => Body::empty(),
        };
        builder.body(body).expect("headers of ours")
    }
}

impl Refusal {
    pub fn new(status: u16, code: &str, message: impl Into<String>) -> Self {
        Self { status, code: code.into(), message: message.into() }
    }

    pub fn parameter(message: impl Into<String>) -> Self {
        Self::new(400, "InvalidParameter", message)
    }

    /// Absent or forbidden: the service does not tell.
    pub fn hidden() -> Self {
        let message = "Authorization failed or requested resource not found.";
        Self::new(404, "NotAuthorizedOrNotFound", message)
    }

    pub fn state(message: impl Into<String>) -> Self {
        Self::new(409, "IncorrectState", message)
    }

    pub fn answer(self) -> Answer {
        let body = json!({ "code": self.code, "message": self.message });
        Answer::of(body).status(self.status)
    }
}
