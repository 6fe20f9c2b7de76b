//! The shared client of all remote vaults.
//!
//! The one place that builds network clients (invariant I7), so that TLS, proxies, time limits,
//! retries, pacing, redaction and cancellation are the same for every backend. It knows no vault:
//! a backend gives it an [`Api`] (how a request is authorised, what an answer means) and sends
//! [`Request`]s through a [`Client`]. Sign-in libraries that bring no client of their own use the
//! [`Transport`] below it. Reading order: [`client`], [`request`], [`response`], [`retry`],
//! [`pace`], [`token`], [`transport`], [`tls`], [`settings`], [`body`].
//!
//! What a caller can rely on: a write whose answer was lost is never sent again; its error says
//! [`Outcome::Unknown`](crate::domain::port::Outcome::Unknown), and the backend looks before it
//! writes. Dropping a future ends the call. No body, no header that proves identity and no query
//! is ever logged or part of an error.

mod body;
mod client;
mod pace;
mod request;
mod response;
mod retry;
mod settings;
mod tls;
mod token;
mod transport;

pub use body::SecretText;
pub use client::{Api, Client, Outgoing, kind_of_status, status_of};
pub use request::{Repeat, Request, json};
pub use reqwest::Method;
pub use reqwest::header::{HeaderMap, HeaderName, HeaderValue};
pub use response::Response;
pub use retry::RetryPolicy;
pub use settings::{
    CA_BUNDLE, CLIENT_CERTIFICATE, CLIENT_KEY, CONNECT_TIMEOUT, HttpSettings, PROXY,
    REQUEST_TIMEOUT, RETRY_BUDGET, endpoint, is_loopback,
};
pub use token::{Expiring, TokenCache};
pub use transport::{Reached, Transport, TransportError};
