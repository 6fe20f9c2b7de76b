//! Arguments of a profile.

use coffer::adapters::descriptor::{Argument, ArgumentKind, InvalidSettings, Settings};
use coffer::adapters::http::{
    CA_BUNDLE, CLIENT_CERTIFICATE, CLIENT_KEY, CONNECT_TIMEOUT, HttpSettings, PROXY,
    REQUEST_TIMEOUT, RETRY_BUDGET, endpoint,
};
use coffer::domain::material::Secret;
use url::Url;

/// What a profile may say.
pub(super) const ARGUMENTS: &[Argument] = &[
    Argument {
        name: "endpoint",
        kind: ArgumentKind::Text,
        required: true,
        sensitive: false,
        env: None,
        description: "Address of the service.",
    },
    Argument {
        name: "token",
        kind: ArgumentKind::Secret,
        required: true,
        sensitive: true,
        env: None,
        description: "Token of the service.",
    },
    CA_BUNDLE,
    CLIENT_CERTIFICATE,
    CLIENT_KEY,
    PROXY,
    CONNECT_TIMEOUT,
    REQUEST_TIMEOUT,
    RETRY_BUDGET,
];

/// A profile, read.
#[derive(Debug)]
pub(super) struct Config {
    pub(super) endpoint: Url,
    pub(super) token: Secret,
    pub(super) http: HttpSettings,
}

impl Config {
    pub(super) fn from_settings(mut settings: Settings) -> Result<Self, InvalidSettings> {
        let missing = |argument| InvalidSettings::of(argument, format!("{argument} is missing."));
        let address = settings.text("endpoint").ok_or_else(|| missing("endpoint"))?;
        Ok(Self {
            endpoint: endpoint("endpoint", address)?,
            token: settings.take_secret("token").ok_or_else(|| missing("token"))?,
            http: HttpSettings::take(&mut settings)?,
        })
    }
}
