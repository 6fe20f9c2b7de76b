//! What the plugin gets from the command line that starts it.

use std::collections::BTreeMap;

use coffer::plugin::transport::{
    COOKIE_NAME, COOKIE_VALUE, NETWORK_NAME, Network, PROTOCOL_VERSION, Start, decide,
};

/// Variables that the handshake reads, in the order of the lines of the input.
const VARIABLES: [&str; 8] = [
    "PLUGIN_PROTOCOL_VERSIONS",
    "PLUGIN_CLIENT_CERT",
    "PLUGIN_MIN_PORT",
    "PLUGIN_MAX_PORT",
    "PLUGIN_UNIX_SOCKET_DIR",
    "PLUGIN_UNIX_SOCKET_GROUP",
    "PLUGIN_MULTIPLEX_GRPC",
    NETWORK_NAME,
];

/// A certificate may have several lines, so values are parted by a zero byte.
pub fn plugin_environment(data: &[u8]) {
    let text = String::from_utf8_lossy(data);
    let mut environment: BTreeMap<String, String> = VARIABLES
        .iter()
        .zip(text.split('\0'))
        .map(|(name, value)| ((*name).to_owned(), value.to_owned()))
        .collect();
    assert_eq!(decide(&environment, true), Ok(Start::ByHand), "no cookie, no plugin");
    environment.insert(COOKIE_NAME.to_owned(), COOKIE_VALUE.to_owned());
    for unix_sockets in [true, false] {
        let Ok(Start::Plugin(launch)) = decide(&environment, unix_sockets) else { continue };
        let wants_tls = environment.get("PLUGIN_CLIENT_CERT").is_some_and(|v| !v.is_empty());
        assert_eq!(launch.client_certificate.is_some(), wants_tls, "TLS as asked for");
        match launch.network {
            Network::Tcp { first, last } => assert!(wants_tls && first <= last),
            Network::Unix { .. } => assert!(unix_sockets),
        }
        if launch.version_offered
            && let Some(list) = environment.get("PLUGIN_PROTOCOL_VERSIONS")
        {
            assert!(list.is_empty() || list.contains(&PROTOCOL_VERSION.to_string()));
        }
    }
}

pub fn plugin_environment_seeds() -> Vec<Vec<u8>> {
    let pem = "-----BEGIN CERTIFICATE-----\nAQIDBA==\n-----END CERTIFICATE-----\n";
    vec![
        format!("5,6\0{pem}\x0010000\x0025000").into_bytes(),
        format!("6\0{pem}\x001\x002\0/tmp\0staff\0true\0tcp").into_bytes(),
        b"4,5\0\0x\0y".to_vec(),
    ]
}
