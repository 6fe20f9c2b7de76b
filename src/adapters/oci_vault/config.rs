//! Settings of a profile: which vault, and who signs in.
//!
//! Responsible for the arguments and for checking what can be checked without a file or a network
//! call. Leaves finding keys and regions to [`auth`](super::auth), which does it at first use.

use std::sync::Arc;
use std::time::Duration;

use url::Url;

use crate::adapters::descriptor::{Argument, ArgumentKind, InvalidSettings, Settings};
use crate::adapters::http::{
    CA_BUNDLE, CLIENT_CERTIFICATE, CLIENT_KEY, CONNECT_TIMEOUT, HttpSettings, PROXY,
    REQUEST_TIMEOUT, RETRY_BUDGET, endpoint,
};
use crate::domain::layout::Layout;
use crate::domain::material::Secret;

const fn argument(
    name: &'static str,
    kind: ArgumentKind,
    env: Option<&'static str>,
    description: &'static str,
) -> Argument {
    let sensitive = matches!(kind, ArgumentKind::Secret);
    Argument { name, kind, required: false, sensitive, env, description }
}

#[expect(clippy::needless_pass_by_value, reason = "used in constants only")]
const fn required(argument: Argument) -> Argument {
    Argument { required: true, ..argument }
}

use ArgumentKind::{Integer, Secret as SecretText, Text, TextList};

/// Arguments of a profile.
pub(super) const ARGUMENTS: &[Argument] = &[
    required(argument("vault_id", Text, Some("COFFER_OCI_VAULT_ID"), "OCID of the vault.")),
    required(argument(
        "compartment_id",
        Text,
        Some("COFFER_OCI_COMPARTMENT_ID"),
        "OCID of the compartment in which secrets are looked for and created.",
    )),
    argument(
        "other_compartment_ids",
        TextList,
        None,
        "OCIDs of further compartments in which secrets of this vault may lie. A secret can be \
         moved to these (`options.oci_vault.compartment_id`); those in other compartments are not \
         seen.",
    ),
    argument(
        "key_id",
        Text,
        Some("COFFER_OCI_KEY_ID"),
        "OCID of the vault's symmetric key that encrypts new secrets. Needed to create secrets, \
         unless each names its own.",
    ),
    argument(
        "region",
        Text,
        Some("OCI_REGION"),
        "Region (`eu-frankfurt-1`), its short code (`fra`) or its whole domain. Default: \
         `OCI_CLI_REGION`, that of the sign-in, else the one in `vault_id`.",
    ),
    argument(
        "realm_domain",
        Text,
        Some("OCI_DEFAULT_REALM"),
        "Domain of the realm, such as `oraclecloud.eu`. Default: that of the region or of the \
         realm in `vault_id`.",
    ),
    argument(
        "endpoint",
        Text,
        Some("OCI_CLI_ENDPOINT"),
        "Address of the secret management service, instead of the region's. The other two services \
         are expected there as well, unless they have an address of their own.",
    ),
    argument(
        "retrieval_endpoint",
        Text,
        None,
        "Address of the secret retrieval service, instead of the region's.",
    ),
    argument(
        "key_management_endpoint",
        Text,
        None,
        "Address of the service that knows vaults, instead of the region's.",
    ),
    argument(
        "auth",
        Text,
        Some("OCI_CLI_AUTH"),
        "Who signs in: `api_key`, `security_token`, `instance_principal`, `resource_principal` or \
         `oke_workload_identity`. Default: an API key when the profile has one, else what the \
         configuration file says, else the resource principal that a function is given.",
    ),
    argument("tenancy_id", Text, Some("OCI_CLI_TENANCY"), "OCID of the tenancy of an API key."),
    argument("user_id", Text, Some("OCI_CLI_USER"), "OCID of the user of an API key."),
    argument(
        "fingerprint",
        Text,
        Some("OCI_CLI_FINGERPRINT"),
        "Fingerprint of an API key, as the console shows it.",
    ),
    argument(
        "private_key",
        SecretText,
        Some("OCI_CLI_KEY_CONTENT"),
        "Private key of an API key or session, as PEM text. Prefer the environment or \
         `private_key_path`; plan files contain the provider configuration.",
    ),
    argument(
        "private_key_path",
        Text,
        Some("OCI_CLI_KEY_FILE"),
        "Path of the private key of an API key or session, a PEM file.",
    ),
    argument(
        "private_key_passphrase",
        SecretText,
        Some("OCI_CLI_PASSPHRASE"),
        "Passphrase of the private key, when it is encrypted.",
    ),
    argument(
        "security_token_file",
        Text,
        Some("OCI_CLI_SECURITY_TOKEN_FILE"),
        "Path of a session token (`oci session authenticate`), or of a pod's service account token.",
    ),
    argument(
        "config_file",
        Text,
        Some("OCI_CLI_CONFIG_FILE"),
        "Path of the configuration file. Default: `OCI_CONFIG_FILE`, else `~/.oci/config` when it \
         exists.",
    ),
    argument(
        "config_profile",
        Text,
        Some("OCI_CLI_PROFILE"),
        "Profile in the configuration file. Default: `DEFAULT`.",
    ),
    argument(
        "auth_endpoint",
        Text,
        None,
        "Address of the service that gives tokens to instances or pods, instead of the region's \
         or cluster's.",
    ),
    argument(
        "layout",
        Text,
        None,
        "How typed secrets lie in the vault: `native` (default, what applications expect) or \
         `envelope` (one JSON document for every type).",
    ),
    argument(
        "version_deletion_days",
        Integer,
        None,
        "Days until a version that coffer deletes is destroyed, 1 to 30. Default: `1`, because \
         versions that wait count towards a limit of 30.",
    ),
    argument(
        "wait_seconds",
        Integer,
        None,
        "Longest time to wait for a secret that the vault is still changing, in seconds. Default: \
         `300`.",
    ),
    CA_BUNDLE,
    CLIENT_CERTIFICATE,
    CLIENT_KEY,
    PROXY,
    CONNECT_TIMEOUT,
    REQUEST_TIMEOUT,
    RETRY_BUDGET,
];

/// A sign-in by name, as the command line of Oracle calls them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Method {
    ApiKey,
    SecurityToken,
    InstancePrincipal,
    ResourcePrincipal,
    WorkloadIdentity,
}

impl Method {
    const NAMES: [(&'static str, Self); 5] = [
        ("api_key", Self::ApiKey),
        ("security_token", Self::SecurityToken),
        ("instance_principal", Self::InstancePrincipal),
        ("resource_principal", Self::ResourcePrincipal),
        ("oke_workload_identity", Self::WorkloadIdentity),
    ];
}

/// What a profile says about who signs in.
#[derive(Debug, Clone, Default)]
pub(super) struct SignIn {
    pub method: Option<Method>,
    pub tenancy_id: Option<String>,
    pub user_id: Option<String>,
    pub fingerprint: Option<String>,
    pub private_key: Option<Arc<Secret>>,
    pub private_key_path: Option<String>,
    pub passphrase: Option<Arc<Secret>>,
    pub security_token_file: Option<String>,
    pub config_file: Option<String>,
    pub config_profile: Option<String>,
    pub auth_endpoint: Option<Url>,
}

impl SignIn {
    /// Whether the profile itself names a user or a key.
    pub(super) const fn names_user(&self) -> bool {
        self.user_id.is_some()
            || self.fingerprint.is_some()
            || self.private_key.is_some()
            || self.private_key_path.is_some()
    }
}

/// Where the services are, as far as the profile says.
#[derive(Debug, Clone, Default)]
pub(super) struct Addresses {
    pub region: Option<String>,
    pub realm_domain: Option<String>,
    pub management: Option<Url>,
    pub retrieval: Option<Url>,
    pub key_management: Option<Url>,
}

/// Settings of a profile.
#[derive(Debug)]
pub(super) struct Config {
    pub vault_id: String,
    /// The compartments in which secrets are looked for; new ones go into the first.
    pub compartments: Vec<String>,
    pub key_id: Option<String>,
    pub addresses: Addresses,
    pub sign_in: SignIn,
    pub layout: Layout,
    pub version_deletion_days: i64,
    pub patience: Duration,
    pub http: HttpSettings,
}

impl Config {
    /// Reads the settings of a profile.
    pub(super) fn from_settings(mut settings: Settings) -> Result<Self, InvalidSettings> {
        let http = HttpSettings::take(&mut settings)?;
        let sign_in = sign_in(&mut settings)?;
        let vault_id = ocid(&settings, "vault_id")?;
        let mut compartments = vec![ocid(&settings, "compartment_id")?];
        for other in settings.text_list("other_compartment_ids") {
            check_ocid("other_compartment_ids", other)?;
            if !compartments.contains(other) {
                compartments.push(other.clone());
            }
        }
        let layout = match settings.text("layout") {
            None => Layout::Native,
            Some(code) => Layout::parse(code).ok_or_else(|| {
                InvalidSettings::of(
                    "layout",
                    format!("layout is \"native\" or \"envelope\", not {code:?}."),
                )
            })?,
        };
        Ok(Self {
            vault_id,
            compartments,
            key_id: text(&settings, "key_id"),
            addresses: addresses(&settings)?,
            sign_in,
            layout,
            version_deletion_days: number(&settings, "version_deletion_days", 1, 30)?.unwrap_or(1),
            patience: Duration::from_secs(
                number(&settings, "wait_seconds", 1, 3600)?.unwrap_or(300).unsigned_abs(),
            ),
            http,
        })
    }
}

fn addresses(settings: &Settings) -> Result<Addresses, InvalidSettings> {
    let address = |name: &'static str| {
        text(settings, name).map(|address| endpoint(name, &address)).transpose()
    };
    let management = address("endpoint")?;
    let retrieval = address("retrieval_endpoint")?.or_else(|| management.clone());
    let key_management = address("key_management_endpoint")?.or_else(|| management.clone());
    Ok(Addresses {
        region: text(settings, "region"),
        realm_domain: text(settings, "realm_domain"),
        management,
        retrieval,
        key_management,
    })
}

fn sign_in(settings: &mut Settings) -> Result<SignIn, InvalidSettings> {
    let method = match settings.text("auth") {
        None | Some("") => None,
        Some(name) => {
            let found = Method::NAMES.into_iter().find(|(known, _)| *known == name);
            let known: Vec<_> = Method::NAMES.iter().map(|(known, _)| *known).collect();
            let wrong = || format!("auth is one of {}, not {name:?}.", known.join(", "));
            Some(found.ok_or_else(|| InvalidSettings::of("auth", wrong()))?.1)
        }
    };
    // Of a key in the environment and one in the configuration, the configured one is meant.
    let path_configured = settings.is_configured("private_key_path");
    let text_configured = settings.is_configured("private_key");
    let private_key = settings
        .take_secret("private_key")
        .filter(|key| !key.is_empty() && (text_configured || !path_configured))
        .map(Arc::new);
    let passphrase =
        settings.take_secret("private_key_passphrase").filter(|p| !p.is_empty()).map(Arc::new);
    let auth_endpoint = text(settings, "auth_endpoint")
        .map(|address| endpoint("auth_endpoint", &address))
        .transpose()?;
    Ok(SignIn {
        method,
        tenancy_id: text(settings, "tenancy_id"),
        user_id: text(settings, "user_id"),
        fingerprint: text(settings, "fingerprint"),
        private_key,
        private_key_path: text(settings, "private_key_path"),
        passphrase,
        security_token_file: text(settings, "security_token_file"),
        config_file: text(settings, "config_file"),
        config_profile: text(settings, "config_profile"),
        auth_endpoint,
    })
}

/// A text argument; an empty one counts as not set.
fn text(settings: &Settings, name: &str) -> Option<String> {
    settings.text(name).filter(|text| !text.is_empty()).map(str::to_owned)
}

fn number(
    settings: &Settings,
    name: &'static str,
    least: i64,
    most: i64,
) -> Result<Option<i64>, InvalidSettings> {
    match settings.integer(name) {
        Some(number) if !(least..=most).contains(&number) => Err(InvalidSettings::of(
            name,
            format!("{name} is a number from {least} to {most}, not {number}."),
        )),
        number => Ok(number),
    }
}

fn ocid(settings: &Settings, name: &'static str) -> Result<String, InvalidSettings> {
    let text = text(settings, name)
        .ok_or_else(|| InvalidSettings::of(name, format!("{name} must be set to an OCID.")))?;
    check_ocid(name, &text)?;
    Ok(text)
}

/// The general form only: realms and regions come and go.
fn check_ocid(name: &'static str, text: &str) -> Result<(), InvalidSettings> {
    let clean = text.chars().all(|c| c.is_ascii_alphanumeric() || ".-_:".contains(c));
    if clean && text.starts_with("ocid1.") {
        return Ok(());
    }
    Err(InvalidSettings::of(name, format!("{name} is not an OCID (ocid1.…): {text:?}.")))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::adapters::descriptor::Setting;

    fn settings(more: &[(&'static str, &str)]) -> Settings {
        let mut settings = Settings::default();
        let text = |value: &str| Setting::Text(value.to_owned());
        settings.set("vault_id", text("ocid1.vault.oc1.iad.ext.a"));
        settings.set("compartment_id", text("ocid1.compartment.oc1..a"));
        for (name, value) in more {
            settings.set(name, text(value));
        }
        settings
    }

    fn problem(settings: Settings) -> &'static str {
        Config::from_settings(settings).unwrap_err().argument.unwrap()
    }

    #[test]
    fn least_configuration_is_enough() {
        let config = Config::from_settings(settings(&[])).unwrap();
        assert_eq!(config.compartments, ["ocid1.compartment.oc1..a"]);
        assert_eq!(config.layout, Layout::Native);
        assert_eq!(config.patience, Duration::from_secs(300));
        assert!(config.addresses.management.is_none());
    }

    #[test]
    fn one_endpoint_stands_for_all() {
        let config =
            Config::from_settings(settings(&[("endpoint", "http://127.0.0.1:1")])).unwrap();
        let addresses = config.addresses;
        assert_eq!(addresses.retrieval, addresses.management);
        assert_eq!(addresses.key_management, addresses.management);
        assert_eq!(problem(settings(&[("endpoint", "http://example.org")])), "endpoint");
    }

    #[test]
    fn wrong_settings_name_their_argument() {
        assert_eq!(problem(Settings::default()), "vault_id");
        assert_eq!(problem(settings(&[("vault_id", "my-vault")])), "vault_id");
        assert_eq!(problem(settings(&[("auth", "password")])), "auth");
        assert_eq!(problem(settings(&[("layout", "flat")])), "layout");
        let mut days = settings(&[]);
        days.set("version_deletion_days", Setting::Integer(31));
        assert_eq!(problem(days), "version_deletion_days");
    }

    #[test]
    fn configured_key_file_wins_over_a_key_in_the_environment() {
        let mut given = settings(&[("private_key_path", "/a.pem")]);
        given.set_from_environment("private_key", Setting::Secret("pem".into()));
        let config = Config::from_settings(given).unwrap();
        assert!(config.sign_in.private_key.is_none());
        assert!(config.sign_in.names_user());
    }
}
