//! Settings of an AWS profile and options of its secrets.
//!
//! Responsible for the arguments, for which of them exclude or need each other, and for the options
//! in the port's form. Touches no file and no network. Leaves what is not set to the vendor's own
//! chain in [`auth`](super::auth).

use std::collections::BTreeMap;
use std::fmt;

use url::Url;

use crate::adapters::descriptor::{
    Argument, ArgumentKind, InvalidSettings, OptionChange, OptionKind, Pacing, SecretOption,
    Settings,
};
use crate::adapters::http::{
    CA_BUNDLE, CLIENT_CERTIFICATE, CLIENT_KEY, CONNECT_TIMEOUT, HttpSettings, PROXY,
    REQUEST_TIMEOUT, RETRY_BUDGET, endpoint,
};
use crate::domain::layout::Layout;
use crate::domain::material::Secret;
use crate::domain::port::{OptionValue, Options};

/// Name of the key that encrypts when none is chosen.
pub(super) const DEFAULT_KEY: &str = "alias/aws/secretsmanager";

/// The option with the KMS key.
pub(super) const KMS_KEY_ID: &str = "kms_key_id";
/// The option with the replicas.
pub(super) const REPLICA_REGIONS: &str = "replica_regions";

const fn text(
    name: &'static str,
    env: Option<&'static str>,
    description: &'static str,
) -> Argument {
    let kind = ArgumentKind::Text;
    Argument { name, kind, required: false, sensitive: false, env, description }
}

const fn secret(name: &'static str, description: &'static str) -> Argument {
    let kind = ArgumentKind::Secret;
    Argument { name, kind, required: false, sensitive: true, env: None, description }
}

const fn flag(name: &'static str, description: &'static str) -> Argument {
    let kind = ArgumentKind::Bool;
    Argument { name, kind, required: false, sensitive: false, env: None, description }
}

/// Arguments of a profile.
pub(super) const ARGUMENTS: &[Argument] = &[
    text(
        "region",
        Some("AWS_REGION"),
        "Region of the secrets (`eu-central-1`). Default: `AWS_DEFAULT_REGION`, else the region \
         of the shared configuration's profile, else that of the machine.",
    ),
    text(
        "shared_config_profile",
        Some("AWS_PROFILE"),
        "Profile of the shared configuration files (`~/.aws/config`, `~/.aws/credentials`) to sign \
         in with; it may use SSO, a credential process or a role. Default: `default`.",
    ),
    text(
        "access_key_id",
        None,
        "Access key to sign in with. Needs `secret_access_key`. Prefer the environment or a \
         profile; plan files contain the provider configuration. Default: the vendor's chain \
         (environment, shared configuration, web identity, container, instance).",
    ),
    secret("secret_access_key", "Secret of `access_key_id`."),
    secret("session_token", "Session token of temporary keys, with `access_key_id`."),
    text("assume_role_arn", None, "ARN of a role to assume with whatever signs in otherwise."),
    text("assume_role_external_id", None, "External id that the role asks for."),
    text(
        "assume_role_session_name",
        None,
        "Name of the session, as it shows in CloudTrail. Default: `coffer`.",
    ),
    text(
        "endpoint",
        None,
        "URL of the service, for VPC endpoints and test servers. Default: \
         `AWS_ENDPOINT_URL_SECRETS_MANAGER`, else `AWS_ENDPOINT_URL`, else the region's.",
    ),
    text(
        "sts_endpoint",
        Some("AWS_ENDPOINT_URL_STS"),
        "URL of the Security Token Service for `assume_role_arn`. Default: the region's.",
    ),
    flag("use_fips", "Use the region's FIPS endpoint. Default: `AWS_USE_FIPS_ENDPOINT`."),
    flag(
        "use_dualstack",
        "Use the region's endpoint with IPv6. Default: `AWS_USE_DUALSTACK_ENDPOINT`.",
    ),
    text(
        "layout",
        None,
        "How typed content lies in the vault: `native` (what applications expect, the default) or \
         `envelope` (one JSON document for every type). Text becomes a `SecretString`, everything \
         else a `SecretBinary`.",
    ),
    CA_BUNDLE,
    CLIENT_CERTIFICATE,
    CLIENT_KEY,
    PROXY,
    CONNECT_TIMEOUT,
    REQUEST_TIMEOUT,
    RETRY_BUDGET,
];

/// Arguments of a secret.
pub(super) const OPTIONS: &[SecretOption] = &[
    SecretOption {
        name: KMS_KEY_ID,
        kind: OptionKind::Text,
        change: OptionChange::InPlace,
        description: "KMS key that encrypts the secret: ARN, id or alias. Default: \
                      `alias/aws/secretsmanager`.",
    },
    SecretOption {
        name: REPLICA_REGIONS,
        kind: OptionKind::TextMap,
        change: OptionChange::InPlace,
        description: "Regions to replicate the secret to, each with the KMS key that encrypts it \
                      there (`{ \"eu-west-1\" = \"alias/aws/secretsmanager\" }`). `{}` removes all \
                      replicas; left out, they are not touched.",
    },
];

/// What a profile says.
pub(super) struct Config {
    /// Region, unless the vendor's chain is to find it.
    pub(super) region: Option<String>,
    /// Profile of the shared configuration.
    pub(super) profile: Option<String>,
    /// Fixed keys.
    pub(super) keys: Option<Keys>,
    /// Role to assume.
    pub(super) role: Option<Role>,
    /// Address of the service.
    pub(super) endpoint: Option<Url>,
    /// Address of the token service.
    pub(super) sts_endpoint: Option<Url>,
    /// FIPS endpoint.
    pub(super) use_fips: Option<bool>,
    /// IPv6 endpoint.
    pub(super) use_dualstack: Option<bool>,
    /// How content lies in the vault.
    pub(super) layout: Layout,
    /// How fast the service may be called.
    pub(super) pacing: Option<Pacing>,
    /// The client.
    pub(super) http: HttpSettings,
}

impl fmt::Debug for Config {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Config").field("region", &self.region).finish_non_exhaustive()
    }
}

/// Fixed keys.
pub(super) struct Keys {
    /// Access key id.
    pub(super) id: String,
    /// Its secret.
    pub(super) secret: Secret,
    /// Session token.
    pub(super) token: Option<Secret>,
}

/// A role to assume.
#[derive(Debug, Clone)]
pub(super) struct Role {
    /// Its ARN.
    pub(super) arn: String,
    /// External id.
    pub(super) external_id: Option<String>,
    /// Session name.
    pub(super) session_name: String,
}

impl Config {
    /// Reads the settings of a profile.
    ///
    /// # Errors
    /// The argument that cannot work, and why.
    pub(super) fn from_settings(mut settings: Settings) -> Result<Self, InvalidSettings> {
        let layout = match settings.text("layout") {
            None => Layout::default(),
            Some(code) => Layout::parse(code).ok_or_else(|| {
                let message = format!("layout is \"native\" or \"envelope\", not {code:?}.");
                InvalidSettings::of("layout", message)
            })?,
        };
        let url = |name| settings.text(name).map(|text| endpoint(name, text)).transpose();
        Ok(Self {
            endpoint: url("endpoint")?,
            sts_endpoint: url("sts_endpoint")?,
            region: owned(&settings, "region"),
            profile: owned(&settings, "shared_config_profile"),
            role: role(&settings)?,
            use_fips: settings.bool("use_fips"),
            use_dualstack: settings.bool("use_dualstack"),
            layout,
            pacing: settings.pacing,
            keys: keys(&mut settings)?,
            http: HttpSettings::take(&mut settings)?,
        })
    }
}

fn owned(settings: &Settings, name: &str) -> Option<String> {
    settings.text(name).map(str::to_owned)
}

fn keys(settings: &mut Settings) -> Result<Option<Keys>, InvalidSettings> {
    let (secret, token) =
        (settings.take_secret("secret_access_key"), settings.take_secret("session_token"));
    let needs = |given, missing| {
        Err(InvalidSettings::of(given, format!("{given} needs {missing} as well.")))
    };
    match (owned(settings, "access_key_id"), secret, token) {
        (Some(id), Some(secret), token) => Ok(Some(Keys { id, secret, token })),
        (Some(_), None, _) => needs("access_key_id", "secret_access_key"),
        (None, Some(_), _) => needs("secret_access_key", "access_key_id"),
        (None, None, Some(_)) => needs("session_token", "access_key_id"),
        (None, None, None) => Ok(None),
    }
}

fn role(settings: &Settings) -> Result<Option<Role>, InvalidSettings> {
    let Some(arn) = owned(settings, "assume_role_arn") else {
        for name in ["assume_role_external_id", "assume_role_session_name"] {
            if settings.text(name).is_some() {
                let message = format!("{name} needs assume_role_arn as well.");
                return Err(InvalidSettings::of(name, message));
            }
        }
        return Ok(None);
    };
    if !arn.starts_with("arn:") {
        return Err(InvalidSettings::of(
            "assume_role_arn",
            "assume_role_arn is the ARN of a role, such as arn:aws:iam::123456789012:role/deploy.",
        ));
    }
    let session_name =
        owned(settings, "assume_role_session_name").unwrap_or_else(|| "coffer".to_owned());
    Ok(Some(Role { arn, external_id: owned(settings, "assume_role_external_id"), session_name }))
}

/// The KMS key that options ask for; `None` when they say nothing.
pub(super) fn wanted_key(options: &Options) -> Option<String> {
    match options.get(KMS_KEY_ID)? {
        OptionValue::Text(key) => Some(key.clone()),
        _ => Some(DEFAULT_KEY.to_owned()),
    }
}

/// The replicas that options ask for, region and key; `None` when they say nothing.
pub(super) fn wanted_replicas(options: &Options) -> Option<BTreeMap<String, String>> {
    let OptionValue::Map(entries) = options.get(REPLICA_REGIONS)? else {
        return Some(BTreeMap::new());
    };
    let key = |value: &OptionValue| match value {
        OptionValue::Text(key) if !key.is_empty() => key.clone(),
        _ => DEFAULT_KEY.to_owned(),
    };
    Some(entries.iter().map(|(region, value)| (region.clone(), key(value))).collect())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::adapters::descriptor::Setting;

    fn settings(pairs: &[(&'static str, &str)]) -> Settings {
        let mut settings = Settings::default();
        for (name, value) in pairs {
            let secret =
                ARGUMENTS.iter().any(|a| a.name == *name && a.kind == ArgumentKind::Secret);
            let value = if secret {
                Setting::Secret(Secret::from(*value))
            } else {
                Setting::Text((*value).to_owned())
            };
            settings.set(name, value);
        }
        settings
    }

    fn problem(pairs: &[(&'static str, &str)]) -> InvalidSettings {
        Config::from_settings(settings(pairs)).unwrap_err()
    }

    #[test]
    fn nothing_set_leaves_all_to_the_chain() {
        let config = Config::from_settings(Settings::default()).unwrap();
        assert!(config.keys.is_none() && config.role.is_none() && config.region.is_none());
        assert_eq!(config.layout, Layout::Native);
    }

    #[test]
    fn half_a_key_is_refused_where_it_stands() {
        assert_eq!(problem(&[("access_key_id", "A")]).argument, Some("access_key_id"));
        assert_eq!(problem(&[("secret_access_key", "s")]).argument, Some("secret_access_key"));
        let error = problem(&[("session_token", "canary-token")]);
        assert_eq!(error.argument, Some("session_token"));
        assert!(!error.to_string().contains("canary"));
    }

    #[test]
    fn role_is_an_arn_and_its_arguments_need_it() {
        assert_eq!(problem(&[("assume_role_arn", "deploy")]).argument, Some("assume_role_arn"));
        let alone = problem(&[("assume_role_external_id", "x")]);
        assert_eq!(alone.argument, Some("assume_role_external_id"));
        let role = [("assume_role_arn", "arn:aws:iam::1:role/r")];
        let config = Config::from_settings(settings(&role)).unwrap();
        assert_eq!(config.role.unwrap().session_name, "coffer");
    }

    #[test]
    fn endpoint_without_tls_is_for_this_machine_only() {
        assert_eq!(problem(&[("endpoint", "http://example.com")]).argument, Some("endpoint"));
        Config::from_settings(settings(&[("endpoint", "http://127.0.0.1:5000")])).unwrap();
        assert_eq!(problem(&[("layout", "flat")]).argument, Some("layout"));
    }

    #[test]
    fn replicas_default_to_the_services_key() {
        let replicas = OptionValue::Map(BTreeMap::from([
            ("eu-west-1".to_owned(), OptionValue::Text(String::new())),
            ("eu-west-2".to_owned(), OptionValue::Text("alias/own".to_owned())),
        ]));
        let options = Options::from([(REPLICA_REGIONS.to_owned(), replicas)]);
        let wanted = wanted_replicas(&options).unwrap();
        assert_eq!(wanted["eu-west-1"], DEFAULT_KEY);
        assert_eq!(wanted["eu-west-2"], "alias/own");
        assert_eq!(wanted_replicas(&Options::new()), None);
    }
}
