//! Decides from the environment how to start: by hand, or as a plugin and in which way.
//!
//! A pure function from a map to a decision, so that it can be tested and fuzzed without a
//! process. It opens nothing and prints nothing; [`listener`](super::listener),
//! [`tls`](super::tls) and [`handshake`](super::handshake) act on the result.
//! Source: go-plugin's server side and Terraform's plugin client (docs/internals/protocol.md,
//! section "Environment").

use std::collections::BTreeMap;
use std::path::PathBuf;

use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject as _;

/// Tells the plugin that a Terraform-like command line started it. Not a security measure.
pub const COOKIE_NAME: &str = "TF_PLUGIN_MAGIC_COOKIE";
/// The value that Terraform and OpenTofu set.
pub const COOKIE_VALUE: &str = "d602bf8f470bc67ca7faa0386276bbdd4330efaf76d1a219cb4d6991ca9872b2";
/// Our own switch that makes a Unix machine use TCP, as machines without Unix sockets do.
pub const NETWORK_NAME: &str = "COFFER_PLUGIN_NETWORK";

/// The protocol version we speak; nothing of the minor travels on the wire.
pub const PROTOCOL_VERSION: u32 = 6;

/// How to start.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Start {
    /// No command line started this process: explain and leave.
    ByHand,
    /// Serve as a plugin.
    Plugin(Launch),
}

/// The parameters of a start as a plugin.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Launch {
    /// Where to listen.
    pub network: Network,
    /// The only certificate a client may present. `None`: the client asked for no TLS.
    pub client_certificate: Option<CertificateDer<'static>>,
    /// The client understands the seventh field of the handshake.
    pub multiplex_field: bool,
    /// False when the client listed protocol versions and ours is not among them. We still answer
    /// with ours: the client then explains the mismatch better than we can.
    pub version_offered: bool,
}

/// Where to listen.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Network {
    /// A Unix socket in a private directory.
    Unix {
        /// Parent of the private directory; the system's temporary directory by default.
        directory: Option<PathBuf>,
        /// Group (name or number) that may use the socket as well.
        group: Option<String>,
    },
    /// A port of the loopback interface, the first free one of the range; 0 to 0 takes any.
    Tcp {
        /// First port to try.
        first: u16,
        /// Last port to try.
        last: u16,
    },
}

/// Why the environment cannot be followed. No variant holds a value of a variable.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum EnvironmentError {
    /// The client certificate is not one PEM certificate.
    #[error("PLUGIN_CLIENT_CERT does not hold exactly one PEM certificate")]
    ClientCertificate,
    /// A port variable is not a port.
    #[error("{0} is not a port number")]
    Port(&'static str),
    /// The port range is empty.
    #[error("PLUGIN_MIN_PORT is above PLUGIN_MAX_PORT")]
    PortRange,
    /// Plain TCP would hand secrets to every local user.
    #[error(
        "no PLUGIN_CLIENT_CERT is set and there is no Unix socket to protect the connection; \
         unset TF_DISABLE_PLUGIN_TLS"
    )]
    UnprotectedTcp,
}

/// Decides how to start. `unix_sockets` tells whether the machine has them.
///
/// # Errors
/// [`EnvironmentError`] when a variable that matters cannot be used.
pub fn decide(
    environment: &BTreeMap<String, String>,
    unix_sockets: bool,
) -> Result<Start, EnvironmentError> {
    let variable = |name: &str| environment.get(name).map(String::as_str).filter(|v| !v.is_empty());
    if variable(COOKIE_NAME) != Some(COOKIE_VALUE) {
        return Ok(Start::ByHand);
    }
    let client_certificate = variable("PLUGIN_CLIENT_CERT").map(parse_certificate).transpose()?;
    let network = if unix_sockets && variable(NETWORK_NAME) != Some("tcp") {
        Network::Unix {
            directory: variable("PLUGIN_UNIX_SOCKET_DIR").map(PathBuf::from),
            group: variable("PLUGIN_UNIX_SOCKET_GROUP").map(str::to_owned),
        }
    } else if client_certificate.is_none() {
        return Err(EnvironmentError::UnprotectedTcp);
    } else {
        port_range(&variable)?
    };
    Ok(Start::Plugin(Launch {
        network,
        client_certificate,
        multiplex_field: variable("PLUGIN_MULTIPLEX_GRPC").is_some(),
        version_offered: variable("PLUGIN_PROTOCOL_VERSIONS").is_none_or(offers_our_version),
    }))
}

/// The list is comma-separated and in no order; entries that are no number do not count.
fn offers_our_version(list: &str) -> bool {
    list.split(',').any(|entry| entry.trim().parse() == Ok(PROTOCOL_VERSION))
}

fn parse_certificate(pem: &str) -> Result<CertificateDer<'static>, EnvironmentError> {
    let mut certificates = CertificateDer::pem_slice_iter(pem.as_bytes());
    match (certificates.next(), certificates.next()) {
        (Some(Ok(certificate)), None) => Ok(certificate),
        _ => Err(EnvironmentError::ClientCertificate),
    }
}

fn port_range<'e>(
    variable: &impl Fn(&str) -> Option<&'e str>,
) -> Result<Network, EnvironmentError> {
    let port = |name: &'static str| {
        variable(name).map_or(Ok(0), |v| v.parse().map_err(|_| EnvironmentError::Port(name)))
    };
    let (first, last) = (port("PLUGIN_MIN_PORT")?, port("PLUGIN_MAX_PORT")?);
    if first > last {
        return Err(EnvironmentError::PortRange);
    }
    Ok(Network::Tcp { first, last })
}

#[cfg(test)]
mod tests {
    use super::*;

    const PEM: &str = "-----BEGIN CERTIFICATE-----\nAQIDBA==\n-----END CERTIFICATE-----\n";

    fn environment(pairs: &[(&str, &str)]) -> BTreeMap<String, String> {
        let mut map: BTreeMap<_, _> =
            pairs.iter().map(|(k, v)| ((*k).to_owned(), (*v).to_owned())).collect();
        map.entry(COOKIE_NAME.to_owned()).or_insert_with(|| COOKIE_VALUE.to_owned());
        map
    }

    fn launch(pairs: &[(&str, &str)]) -> Launch {
        match decide(&environment(pairs), true) {
            Ok(Start::Plugin(launch)) => launch,
            other => panic!("not a launch: {other:?}"),
        }
    }

    #[test]
    fn cookie_missing_or_wrong_means_by_hand() {
        assert_eq!(decide(&BTreeMap::new(), true), Ok(Start::ByHand));
        assert_eq!(decide(&environment(&[(COOKIE_NAME, "other")]), true), Ok(Start::ByHand));
        assert_eq!(decide(&environment(&[(COOKIE_NAME, "")]), true), Ok(Start::ByHand));
    }

    #[test]
    fn version_list_is_unordered_and_tolerant() {
        for (list, offered) in [
            ("5,6", true),
            ("6,5", true),
            (" 6 ", true),
            ("6", true),
            ("", true),
            ("x,6", true),
            ("5", false),
            ("7", false),
            ("66", false),
            ("x", false),
        ] {
            assert_eq!(
                launch(&[("PLUGIN_PROTOCOL_VERSIONS", list)]).version_offered,
                offered,
                "{list:?}"
            );
        }
    }

    #[test]
    fn certificate_is_taken_or_refused_never_ignored() {
        let der = CertificateDer::from(vec![1, 2, 3, 4]);
        assert_eq!(launch(&[("PLUGIN_CLIENT_CERT", PEM)]).client_certificate, Some(der));
        assert_eq!(launch(&[("PLUGIN_CLIENT_CERT", "")]).client_certificate, None);
        for bad in ["x", " ", "-----BEGIN CERTIFICATE-----\n", &format!("{PEM}{PEM}")] {
            assert_eq!(
                decide(&environment(&[("PLUGIN_CLIENT_CERT", bad)]), true),
                Err(EnvironmentError::ClientCertificate),
                "{bad:?}"
            );
        }
    }

    #[test]
    fn unix_socket_takes_directory_and_group() {
        let launch =
            launch(&[("PLUGIN_UNIX_SOCKET_DIR", "/x"), ("PLUGIN_UNIX_SOCKET_GROUP", "staff")]);
        let directory = Some(PathBuf::from("/x"));
        assert_eq!(launch.network, Network::Unix { directory, group: Some("staff".into()) });
    }

    #[test]
    fn tcp_needs_a_certificate_and_a_sane_range() {
        let tcp = |pairs: &[(&str, &str)]| match decide(&environment(pairs), false) {
            Ok(Start::Plugin(launch)) => Ok(launch.network),
            Ok(Start::ByHand) => panic!("by hand"),
            Err(error) => Err(error),
        };
        assert_eq!(tcp(&[]), Err(EnvironmentError::UnprotectedTcp));
        let c = ("PLUGIN_CLIENT_CERT", PEM);
        assert_eq!(tcp(&[c]), Ok(Network::Tcp { first: 0, last: 0 }));
        let (min, max) = ("PLUGIN_MIN_PORT", "PLUGIN_MAX_PORT");
        assert_eq!(
            tcp(&[c, (min, "10000"), (max, "25000")]),
            Ok(Network::Tcp { first: 10_000, last: 25_000 })
        );
        assert_eq!(tcp(&[c, (min, "2"), (max, "1")]), Err(EnvironmentError::PortRange));
        assert_eq!(tcp(&[c, (min, "70000")]), Err(EnvironmentError::Port(min)));
        assert_eq!(tcp(&[c, (max, "-1")]), Err(EnvironmentError::Port(max)));
    }

    #[test]
    fn seventh_field_only_when_asked_for() {
        assert!(!launch(&[]).multiplex_field);
        assert!(launch(&[("PLUGIN_MULTIPLEX_GRPC", "true")]).multiplex_field);
    }

    #[test]
    fn errors_hold_no_value() {
        let error = decide(&environment(&[("PLUGIN_CLIENT_CERT", "canary")]), true).unwrap_err();
        assert!(!format!("{error} {error:?}").contains("canary"));
    }
}
