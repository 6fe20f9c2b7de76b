//! The arguments that every remote backend has, and what they say.
//!
//! Responsible for the constants a backend lists among its arguments, for reading them and for
//! checking addresses. Leaves using them to [`transport`](super::transport).

use std::fmt;
use std::time::Duration;

use reqwest::Url;

use super::retry::RetryPolicy;
use crate::adapters::descriptor::{Argument, ArgumentKind, InvalidSettings, Pacing, Settings};
use crate::domain::material::Secret;

/// Certificates of authorities to trust besides the system's.
pub const CA_BUNDLE: Argument = Argument {
    name: "ca_bundle",
    kind: ArgumentKind::Text,
    required: false,
    sensitive: false,
    env: Some("COFFER_CA_BUNDLE"),
    description: "Certificates of authorities to trust besides the system's: path of a PEM file, \
                  or the PEM text itself.",
};

/// Certificate that proves who we are in TLS.
pub const CLIENT_CERTIFICATE: Argument = Argument {
    name: "client_certificate",
    kind: ArgumentKind::Text,
    required: false,
    sensitive: false,
    env: Some("COFFER_CLIENT_CERTIFICATE"),
    description: "Certificate chain for TLS client authentication: path of a PEM file, or the PEM \
                  text itself. Needs `client_key`.",
};

/// Its private key.
pub const CLIENT_KEY: Argument = Argument {
    name: "client_key",
    kind: ArgumentKind::Secret,
    required: false,
    sensitive: true,
    env: Some("COFFER_CLIENT_KEY"),
    description: "Private key of `client_certificate`: path of a PEM file, or the PEM text itself.",
};

/// Proxy for all requests.
pub const PROXY: Argument = Argument {
    name: "proxy",
    kind: ArgumentKind::Secret,
    required: false,
    sensitive: true,
    env: None,
    description: "URL of a proxy (`http`, `https` or `socks5`), perhaps with user name and \
                  password. Default: `HTTPS_PROXY`, `HTTP_PROXY`, `ALL_PROXY` and `NO_PROXY` of \
                  the environment.",
};

/// Time limit of a connection.
pub const CONNECT_TIMEOUT: Argument = Argument {
    name: "connect_timeout_seconds",
    kind: ArgumentKind::Integer,
    required: false,
    sensitive: false,
    env: None,
    description: "Longest time to connect, in seconds. Default: `10`.",
};

/// Time limit of a request.
pub const REQUEST_TIMEOUT: Argument = Argument {
    name: "request_timeout_seconds",
    kind: ArgumentKind::Integer,
    required: false,
    sensitive: false,
    env: None,
    description: "Longest time of one request, in seconds. Default: `60`.",
};

/// Time limit of a request with its retries.
pub const RETRY_BUDGET: Argument = Argument {
    name: "retry_seconds",
    kind: ArgumentKind::Integer,
    required: false,
    sensitive: false,
    env: None,
    description: "Longest time that a request is repeated after passing failures, in seconds; `0` \
                  never repeats. Default: `60`.",
};

/// How a client is built.
#[derive(Clone)]
pub struct HttpSettings {
    pub(super) ca_bundle: Option<String>,
    pub(super) client_certificate: Option<String>,
    pub(super) client_key: Option<std::sync::Arc<Secret>>,
    pub(super) proxy: Option<std::sync::Arc<Secret>>,
    pub(super) direct: bool,
    pub(super) connect_timeout: Duration,
    pub(super) request_timeout: Duration,
    pub(super) retry: RetryPolicy,
    pub(super) user_agent: String,
    pub(super) pacing: Option<Pacing>,
}

impl fmt::Debug for HttpSettings {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("HttpSettings")
            .field("connect_timeout", &self.connect_timeout)
            .field("request_timeout", &self.request_timeout)
            .field("pacing", &self.pacing)
            .finish_non_exhaustive()
    }
}

impl Default for HttpSettings {
    fn default() -> Self {
        Self {
            ca_bundle: None,
            client_certificate: None,
            client_key: None,
            proxy: None,
            direct: false,
            connect_timeout: Duration::from_secs(10),
            request_timeout: Duration::from_secs(60),
            retry: RetryPolicy::default(),
            user_agent: String::new(),
            pacing: None,
        }
    }
}

impl HttpSettings {
    /// How fast the service may be called; `None` for as fast as it goes.
    #[must_use]
    pub fn pacing(&self) -> Option<Pacing> {
        self.pacing
    }

    /// Takes the common arguments out of a profile's settings. Reads no file.
    ///
    /// # Errors
    /// A time that is negative or too long, a certificate without its key or the other way round.
    pub fn take(settings: &mut Settings) -> Result<Self, InvalidSettings> {
        let client_certificate = settings.text(CLIENT_CERTIFICATE.name).map(str::to_owned);
        let client_key = settings.take_secret(CLIENT_KEY.name);
        if client_certificate.is_some() != client_key.is_some() {
            let (given, missing) = match client_key {
                Some(_) => (CLIENT_KEY.name, CLIENT_CERTIFICATE.name),
                None => (CLIENT_CERTIFICATE.name, CLIENT_KEY.name),
            };
            return Err(InvalidSettings::of(given, format!("{given} needs {missing} as well.")));
        }
        let mut made = Self {
            ca_bundle: settings.text(CA_BUNDLE.name).map(str::to_owned),
            client_certificate,
            client_key: client_key.map(Into::into),
            proxy: settings.take_secret(PROXY.name).map(Into::into),
            user_agent: settings.user_agent.clone(),
            pacing: settings.pacing,
            ..Self::default()
        };
        if let Some(time) = seconds(settings, CONNECT_TIMEOUT.name, 1)? {
            made.connect_timeout = time;
        }
        if let Some(time) = seconds(settings, REQUEST_TIMEOUT.name, 1)? {
            made.request_timeout = time;
        }
        if let Some(time) = seconds(settings, RETRY_BUDGET.name, 0)? {
            made.retry.budget = time;
        }
        Ok(made)
    }

    /// The same without any proxy, the environment's included: for services of the machine itself
    /// (instance metadata).
    #[must_use]
    pub fn without_proxy(&self) -> Self {
        Self { proxy: None, direct: true, ..self.clone() }
    }

    /// The same with one file of authorities to trust besides the system's.
    #[must_use]
    pub fn with_ca_bundle(self, path: &str) -> Self {
        Self { ca_bundle: Some(path.to_owned()), ..self }
    }
}

fn seconds(
    settings: &Settings,
    argument: &'static str,
    least: u64,
) -> Result<Option<Duration>, InvalidSettings> {
    let Some(number) = settings.integer(argument) else { return Ok(None) };
    match u64::try_from(number) {
        Ok(seconds) if (least..=3600).contains(&seconds) => Ok(Some(Duration::from_secs(seconds))),
        _ => Err(InvalidSettings::of(
            argument,
            format!("{argument} is a number of seconds from {least} to 3600, not {number}."),
        )),
    }
}

/// Reads the address of a service. Without TLS only on this machine: a secret never crosses a
/// network in clear.
///
/// # Errors
/// What is wrong with the address, and what to write instead.
pub fn endpoint(argument: &'static str, text: &str) -> Result<Url, InvalidSettings> {
    let wrong = |message: &str| {
        InvalidSettings::of(argument, format!("{argument} is not usable: {message}."))
    };
    let url = Url::parse(text).map_err(|error| {
        wrong(&format!("{error}; write it as https://host or https://host:port"))
    })?;
    if !url.username().is_empty() || url.password().is_some() {
        return Err(wrong("it contains a user name or password; use the sign-in arguments"));
    }
    if url.query().is_some() || url.fragment().is_some() {
        return Err(wrong("it has a query or fragment; leave it out"));
    }
    match url.scheme() {
        "https" if url.has_host() => Ok(url),
        "http" if is_loopback(&url) => Ok(url),
        "http" => Err(wrong(
            "it is not encrypted, which is allowed on this machine's own addresses only; use https",
        )),
        other => Err(wrong(&format!("{other:?} is not https"))),
    }
}

/// True when the host is this machine itself.
#[must_use]
pub fn is_loopback(url: &Url) -> bool {
    match url.host() {
        Some(url::Host::Domain(name)) => name == "localhost" || name.ends_with(".localhost"),
        Some(url::Host::Ipv4(address)) => address.is_loopback(),
        Some(url::Host::Ipv6(address)) => address.is_loopback(),
        None => false,
    }
}
