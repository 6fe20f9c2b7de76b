//! Settings of a Key Vault profile: which vault, and who asks.
//!
//! Responsible for the arguments, for choosing the sign-in from what is set and for what the host
//! name of a vault tells (its cloud). Reads no file and asks nobody; [`auth`](super::auth) does.

use std::fmt;

use url::Url;

use crate::adapters::descriptor::{Argument, ArgumentKind, InvalidSettings, Settings};
use crate::adapters::http::{self, HttpSettings};
use crate::domain::material::Secret;

/// Newest version that the vendor's stable Rust client uses. Nothing that coffer needs has changed
/// on the wire since 7.4.
const API_VERSION: &str = "2025-07-01";

/// Host names of vaults end so; tokens are for `https://<suffix>`, sign-in is at the authority.
const CLOUDS: &[Cloud] = &[
    Cloud { suffix: "vault.azure.net", authority: "https://login.microsoftonline.com" },
    Cloud { suffix: "vault.azure.cn", authority: "https://login.chinacloudapi.cn" },
    Cloud { suffix: "vault.usgovcloudapi.net", authority: "https://login.microsoftonline.us" },
];

struct Cloud {
    suffix: &'static str,
    authority: &'static str,
}

const fn argument(
    name: &'static str,
    kind: ArgumentKind,
    env: Option<&'static str>,
    description: &'static str,
) -> Argument {
    let sensitive = matches!(kind, ArgumentKind::Secret);
    Argument { name, kind, required: false, sensitive, env, description }
}

/// Arguments of a profile.
pub(super) const ARGUMENTS: &[Argument] = &[
    Argument {
        required: true,
        ..argument(
            "vault_url",
            ArgumentKind::Text,
            Some("AZURE_KEYVAULT_URL"),
            "Address of the vault, such as `https://example.vault.azure.net`. The cloud (public, \
             China, US government) follows from it.",
        )
    },
    argument(
        "auth",
        ArgumentKind::Text,
        Some("COFFER_AZURE_AUTH"),
        "How to sign in: `client_secret`, `certificate`, `workload_identity`, \
         `managed_identity`, `azure_cli` or `access_token`. Default: by what is set, in this \
         order: `access_token`, `client_secret`, `certificate_path`, `federated_token_file`, the \
         managed identity of an App Service or container app, and else the Azure CLI.",
    ),
    argument(
        "tenant_id",
        ArgumentKind::Text,
        Some("AZURE_TENANT_ID"),
        "Tenant (directory) of the identity. Default: the vault's tenant, which the vault tells.",
    ),
    argument(
        "client_id",
        ArgumentKind::Text,
        Some("AZURE_CLIENT_ID"),
        "Application (client) id; of a managed identity, the id of a user-assigned one.",
    ),
    argument(
        "client_secret",
        ArgumentKind::Secret,
        Some("AZURE_CLIENT_SECRET"),
        "Client secret of the application. Prefer the environment variable; plan files contain \
         the provider configuration.",
    ),
    argument(
        "certificate_path",
        ArgumentKind::Text,
        Some("AZURE_CLIENT_CERTIFICATE_PATH"),
        "PEM file with the application's certificate and its RSA private key, not encrypted.",
    ),
    argument(
        "send_certificate_chain",
        ArgumentKind::Bool,
        Some("AZURE_CLIENT_SEND_CERTIFICATE_CHAIN"),
        "Send the certificate's chain, for trust by subject name and issuer. Default: `false`.",
    ),
    argument(
        "federated_token_file",
        ArgumentKind::Text,
        Some("AZURE_FEDERATED_TOKEN_FILE"),
        "File with the token of another issuer (Kubernetes, GitHub, GitLab) that the application \
         trusts. Read anew at every sign-in.",
    ),
    argument(
        "managed_identity_resource_id",
        ArgumentKind::Text,
        None,
        "Resource id of a user-assigned managed identity, instead of `client_id`.",
    ),
    argument(
        "access_token",
        ArgumentKind::Secret,
        Some("COFFER_AZURE_ACCESS_TOKEN"),
        "A token for the vault that something else fetched (`az account get-access-token`, a \
         broker). It is not renewed.",
    ),
    argument(
        "authority_host",
        ArgumentKind::Text,
        Some("AZURE_AUTHORITY_HOST"),
        "Address of the sign-in service. Default: that of the vault's cloud.",
    ),
    argument(
        "verify_challenge_resource",
        ArgumentKind::Bool,
        None,
        "Send tokens only to hosts below the domain that the tokens are for. Turn it off only for \
         a vault behind a host name of your own. Default: `true`.",
    ),
    argument(
        "api_version",
        ArgumentKind::Text,
        None,
        "Version of the REST API. Default: `2025-07-01`; 7.4 and later work.",
    ),
    http::CA_BUNDLE,
    http::CLIENT_CERTIFICATE,
    http::CLIENT_KEY,
    http::PROXY,
    http::CONNECT_TIMEOUT,
    http::REQUEST_TIMEOUT,
    http::RETRY_BUDGET,
];

/// What a vault is opened with.
#[derive(Debug)]
pub(super) struct Config {
    pub(super) vault: Url,
    pub(super) api_version: String,
    pub(super) verify_challenge: bool,
    pub(super) identity: Identity,
    pub(super) http: HttpSettings,
}

/// Who asks.
#[derive(Debug)]
pub(super) struct Identity {
    pub(super) source: Source,
    pub(super) tenant: Option<String>,
    pub(super) authority: String,
}

/// What proves it.
pub(super) enum Source {
    /// A token from elsewhere.
    AccessToken(Secret),
    /// An application with a secret.
    ClientSecret { client_id: String, secret: Secret },
    /// An application with a certificate.
    Certificate { client_id: String, path: String, send_chain: bool },
    /// An application that trusts another issuer.
    WorkloadIdentity { client_id: String, token_file: String },
    /// The identity of the machine or service this runs on.
    ManagedIdentity { client_id: Option<String>, resource_id: Option<String> },
    /// Whoever is signed in with `az login`.
    AzureCli,
    /// Nothing is set: a managed identity where the environment offers one, else the Azure CLI.
    Ambient { client_id: Option<String> },
}

impl fmt::Debug for Source {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::AccessToken(_) => "AccessToken(…)",
            Self::ClientSecret { .. } => "ClientSecret(…)",
            Self::Certificate { .. } => "Certificate(…)",
            Self::WorkloadIdentity { .. } => "WorkloadIdentity(…)",
            Self::ManagedIdentity { .. } => "ManagedIdentity",
            Self::AzureCli => "AzureCli",
            Self::Ambient { .. } => "Ambient",
        })
    }
}

impl Source {
    /// Sign-in happens at the authority, for which the tenant must be known.
    pub(super) const fn needs_tenant(&self) -> bool {
        matches!(
            self,
            Self::ClientSecret { .. } | Self::Certificate { .. } | Self::WorkloadIdentity { .. }
        )
    }
}

impl Config {
    /// Reads the settings of a profile.
    ///
    /// # Errors
    /// The argument that is missing, unusable or excluded by another.
    pub(super) fn from_settings(mut settings: Settings) -> Result<Self, InvalidSettings> {
        let http = HttpSettings::take(&mut settings)?;
        let text = settings.text("vault_url").unwrap_or_default().trim_end_matches('/');
        let vault = http::endpoint("vault_url", text)?;
        if vault.scheme() != "https" {
            return Err(InvalidSettings::of(
                "vault_url",
                "vault_url is not usable: a vault is reached over https only.",
            ));
        }
        if vault.path() != "/" {
            return Err(InvalidSettings::of(
                "vault_url",
                "vault_url is the address of the vault only, such as \
                 https://example.vault.azure.net; leave the path out.",
            ));
        }
        let authority = match settings.text("authority_host") {
            Some(text) if text.contains("://") => text.to_owned(),
            Some(text) => format!("https://{text}"),
            None => authority_of(&vault).to_owned(),
        };
        if http::endpoint("authority_host", &authority)?.scheme() != "https" {
            return Err(InvalidSettings::of(
                "authority_host",
                "authority_host is not usable: sign-in happens over https only.",
            ));
        }
        let api_version = settings.text("api_version").unwrap_or(API_VERSION).to_owned();
        let plain = |c: char| c.is_ascii_alphanumeric() || c == '.' || c == '-';
        if api_version.is_empty() || !api_version.chars().all(plain) {
            return Err(InvalidSettings::of(
                "api_version",
                "api_version is a version such as 7.6 or 2025-07-01.",
            ));
        }
        let tenant = settings.text("tenant_id").map(str::to_owned);
        if let Some(tenant) = &tenant
            && !is_tenant(tenant)
        {
            return Err(InvalidSettings::of(
                "tenant_id",
                "tenant_id is a GUID or a domain name of the tenant.",
            ));
        }
        Ok(Self {
            vault,
            api_version,
            verify_challenge: settings.bool("verify_challenge_resource").unwrap_or(true),
            identity: Identity { source: source(&mut settings)?, tenant, authority },
            http,
        })
    }
}

/// The characters of tenant ids and domain names; it becomes part of an address.
pub(super) fn is_tenant(text: &str) -> bool {
    !text.is_empty() && text.chars().all(|c| c.is_ascii_alphanumeric() || c == '.' || c == '-')
}

fn cloud_of(vault: &Url) -> Option<&'static Cloud> {
    let host = vault.host_str()?;
    CLOUDS.iter().find(|cloud| {
        host.strip_suffix(cloud.suffix).is_some_and(|rest| rest.len() > 1 && rest.ends_with('.'))
    })
}

fn authority_of(vault: &Url) -> &'static str {
    cloud_of(vault).map_or(CLOUDS[0].authority, |cloud| cloud.authority)
}

/// What tokens for a vault are for, where its host name tells.
pub(super) fn resource_of(vault: &Url) -> Option<String> {
    cloud_of(vault).map(|cloud| format!("https://{}", cloud.suffix))
}

/// Arguments that decide the sign-in when `auth` does not, in their order.
const DECIDING: [(&str, &str); 4] = [
    ("access_token", "access_token"),
    ("client_secret", "client_secret"),
    ("certificate_path", "certificate"),
    ("federated_token_file", "workload_identity"),
];

fn source(settings: &mut Settings) -> Result<Source, InvalidSettings> {
    let configured: Vec<_> =
        DECIDING.iter().filter(|(name, _)| settings.is_configured(name)).collect();
    let secrets = ["access_token", "client_secret"].map(|name| settings.take_secret(name));
    let [access_token, client_secret] = secrets;
    let is_set = |name: &str, settings: &Settings| match name {
        "access_token" => access_token.is_some(),
        "client_secret" => client_secret.is_some(),
        other => settings.text(other).is_some(),
    };
    let chosen = match (settings.text("auth"), &configured[..]) {
        (Some(auth), _) => auth.to_owned(),
        (None, [_, (second, _), ..]) => {
            return Err(InvalidSettings::of(
                second,
                "set one of access_token, client_secret, certificate_path and \
                 federated_token_file, or choose with auth.",
            ));
        }
        (None, [(_, auth)]) => (*auth).to_owned(),
        (None, []) => {
            let set = DECIDING.iter().find(|(name, _)| is_set(name, settings));
            set.map_or("", |(_, auth)| auth).to_owned()
        }
    };
    let client_id = settings.text("client_id").map(str::to_owned);
    let needed = |argument: &'static str, value: Option<String>| {
        let missing =
            || InvalidSettings::of(argument, format!("auth = {chosen:?} needs {argument}."));
        value.filter(|value| !value.is_empty()).ok_or_else(missing)
    };
    let text = |name: &'static str| needed(name, settings.text(name).map(str::to_owned));
    let secret = |name: &'static str, value: Option<Secret>| {
        let missing = || InvalidSettings::of(name, format!("auth = {chosen:?} needs {name}."));
        value.filter(|value| !value.is_empty()).ok_or_else(missing)
    };
    Ok(match chosen.as_str() {
        "access_token" => Source::AccessToken(secret("access_token", access_token)?),
        "client_secret" => Source::ClientSecret {
            client_id: needed("client_id", client_id)?,
            secret: secret("client_secret", client_secret)?,
        },
        "certificate" => Source::Certificate {
            client_id: needed("client_id", client_id)?,
            path: text("certificate_path")?,
            send_chain: settings.bool("send_certificate_chain").unwrap_or(false),
        },
        "workload_identity" => Source::WorkloadIdentity {
            client_id: needed("client_id", client_id)?,
            token_file: text("federated_token_file")?,
        },
        "managed_identity" => Source::ManagedIdentity {
            client_id,
            resource_id: settings.text("managed_identity_resource_id").map(str::to_owned),
        },
        "azure_cli" => Source::AzureCli,
        "" => Source::Ambient { client_id },
        other => {
            return Err(InvalidSettings::of(
                "auth",
                format!(
                    "auth is client_secret, certificate, workload_identity, managed_identity, \
                     azure_cli or access_token, not {other:?}."
                ),
            ));
        }
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::adapters::descriptor::Setting;

    fn settings(values: &[(&'static str, &str)]) -> Settings {
        let mut settings = Settings::default();
        for (name, value) in values {
            settings.set(name, setting(name, value));
        }
        settings
    }

    fn setting(name: &str, value: &str) -> Setting {
        match name {
            "client_secret" | "access_token" => Setting::Secret(Secret::from(value)),
            _ => Setting::Text(value.to_owned()),
        }
    }

    fn opened(values: &[(&'static str, &str)]) -> Result<Config, InvalidSettings> {
        let vault = ("vault_url", "https://example.vault.azure.net/");
        let all: Vec<_> = std::iter::once(vault).chain(values.iter().copied()).collect();
        Config::from_settings(settings(&all))
    }

    #[test]
    fn cloud_follows_from_the_host_name() {
        for (host, resource, authority) in [
            ("a.vault.azure.net", Some("https://vault.azure.net"), "login.microsoftonline.com"),
            ("a.vault.azure.cn", Some("https://vault.azure.cn"), "login.chinacloudapi.cn"),
            (
                "a.vault.usgovcloudapi.net",
                Some("https://vault.usgovcloudapi.net"),
                "login.microsoftonline.us",
            ),
            ("a.evilvault.azure.net", None, "login.microsoftonline.com"),
            ("vault.azure.net", None, "login.microsoftonline.com"),
            ("localhost", None, "login.microsoftonline.com"),
        ] {
            let vault = Url::parse(&format!("https://{host}")).unwrap();
            assert_eq!(resource_of(&vault).as_deref(), resource, "{host}");
            assert_eq!(authority_of(&vault), format!("https://{authority}"), "{host}");
        }
    }

    #[test]
    fn sign_in_follows_from_what_is_set() {
        let source = |values: &[_]| format!("{:?}", opened(values).unwrap().identity.source);
        assert_eq!(source(&[]), "Ambient");
        assert_eq!(source(&[("access_token", "t")]), "AccessToken(…)");
        let application = [("client_id", "c"), ("client_secret", "s")];
        assert_eq!(source(&application), "ClientSecret(…)");
        assert_eq!(source(&[("client_id", "c"), ("certificate_path", "p")]), "Certificate(…)");
        let federated = [("client_id", "c"), ("federated_token_file", "f")];
        assert_eq!(source(&federated), "WorkloadIdentity(…)");
        assert_eq!(source(&[("auth", "azure_cli"), ("client_secret", "s")]), "AzureCli");
        assert_eq!(source(&[("auth", "managed_identity")]), "ManagedIdentity");
    }

    #[test]
    fn configuration_wins_over_the_environment() {
        let mut both = settings(&[
            ("vault_url", "https://example.vault.azure.net"),
            ("client_id", "c"),
            ("certificate_path", "p"),
        ]);
        both.set_from_environment("client_secret", setting("client_secret", "s"));
        let config = Config::from_settings(both).unwrap();
        assert_eq!(format!("{:?}", config.identity.source), "Certificate(…)");
    }

    #[test]
    fn what_cannot_work_names_the_argument() {
        for (values, argument) in [
            (&[("vault_url", "http://example.vault.azure.net")][..], "vault_url"),
            (&[("vault_url", "http://localhost:1")][..], "vault_url"),
            (&[("vault_url", "https://example.vault.azure.net/secrets/a")][..], "vault_url"),
            (&[("auth", "password")][..], "auth"),
            (&[("auth", "certificate"), ("client_id", "c")][..], "certificate_path"),
            (&[("client_secret", "s")][..], "client_id"),
            (&[("client_secret", "s"), ("access_token", "t")][..], "client_secret"),
            (&[("tenant_id", "a/b")][..], "tenant_id"),
            (&[("authority_host", "http://login.example")][..], "authority_host"),
            (&[("api_version", "7.6&x=y")][..], "api_version"),
        ] {
            let error = opened(values).unwrap_err();
            assert_eq!(error.argument, Some(argument), "{values:?}: {error}");
            assert!(!error.message.contains("\"s\""), "{error}");
        }
    }
}
