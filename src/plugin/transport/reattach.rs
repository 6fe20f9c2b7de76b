//! The value of `TF_REATTACH_PROVIDERS` that makes a command line attach to a running process.
//!
//! Leaves printing it to the command line.
//! Source: go-plugin's reattach configuration as read by Terraform and OpenTofu.

use serde_json::json;

use super::environment::PROTOCOL_VERSION;
use super::listener::Address;

/// One entry per provider source address, all pointing to this process.
///
/// `Test` tells the command line that the process is not its own: it does not stop it.
#[must_use]
pub fn reattach_value(sources: &[&str], address: &Address, pid: u32) -> String {
    let (network, address) = address.parts();
    let entry = json!({
        "Protocol": "grpc",
        "ProtocolVersion": PROTOCOL_VERSION,
        "Pid": pid,
        "Test": true,
        "Addr": { "Network": network, "String": address },
    });
    let entries: serde_json::Map<_, _> =
        sources.iter().map(|source| ((*source).to_owned(), entry.clone())).collect();
    serde_json::Value::Object(entries).to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_source_points_to_this_process() {
        let value = reattach_value(&["a/b/c", "d/b/c"], &Address::Unix("/run/s".into()), 7);
        let value: serde_json::Value = serde_json::from_str(&value).unwrap();
        assert_eq!(value["a/b/c"], value["d/b/c"]);
        assert_eq!(
            value["a/b/c"],
            json!({
                "Protocol": "grpc", "ProtocolVersion": 6, "Pid": 7, "Test": true,
                "Addr": { "Network": "unix", "String": "/run/s" },
            })
        );
    }
}
