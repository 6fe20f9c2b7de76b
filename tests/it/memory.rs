//! What is left of a secret in the memory of the running process after the connection that
//! carried it is closed: nothing.
//!
//! Reads `/proc/<pid>/mem` of the real binary, which for this purpose is started with dumps
//! allowed. Linux only.

#![cfg(target_os = "linux")]

use std::fs::File;
use std::os::unix::fs::FileExt as _;
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use coffer::plugin::transport::harden::ALLOW_DUMPS_NAME;
use coffer::plugin::wire::proto::{
    DynamicValue, open_ephemeral_resource, validate_resource_config,
};
use serde_json::json;

use crate::support::core::{Core, Instance, config, dynamic, outcome};
use crate::support::keys;
use crate::support::peer::{Peer, Start};

/// Shortest piece of a secret that counts as a find.
const PIECE: usize = 12;

/// Text that appears nowhere else, of the given length.
fn canary(length: usize) -> String {
    let mut text = String::with_capacity(length + 32);
    while text.len() < length {
        text.push_str(&uuid::Uuid::new_v4().simple().to_string());
    }
    text.truncate(length);
    text
}

/// How many pieces of `secret` are in writable memory of the process.
fn pieces_in_memory(pid: u32, secret: &str) -> usize {
    let maps = std::fs::read_to_string(format!("/proc/{pid}/maps")).unwrap();
    let memory = File::open(format!("/proc/{pid}/mem")).unwrap();
    // Pieces that do not overlap: a left-over of twice the length holds one of them whole.
    let pieces: std::collections::HashSet<&[u8]> = secret.as_bytes().chunks_exact(PIECE).collect();
    let mut found = 0;
    for line in maps.lines() {
        let mut fields = line.split_whitespace();
        let (range, mode) = (fields.next().unwrap(), fields.next().unwrap());
        if !mode.starts_with("rw") {
            continue;
        }
        let (start, end) = range.split_once('-').unwrap();
        let start = u64::from_str_radix(start, 16).unwrap();
        let end = u64::from_str_radix(end, 16).unwrap();
        let mut bytes = vec![0; usize::try_from(end - start).unwrap()];
        // Some special mappings cannot be read; secrets are not there.
        if memory.read_exact_at(&mut bytes, start).is_err() {
            continue;
        }
        // Canaries are hexadecimal, which little of the memory is.
        found += bytes
            .windows(PIECE)
            .filter(|w| w[0].is_ascii_hexdigit() && w[PIECE - 1].is_ascii_hexdigit())
            .filter(|w| pieces.contains(w))
            .count();
    }
    found
}

/// Sends `secret` as part of a configuration.
async fn send(peer: &Peer, secret: &str) {
    let mut msgpack = vec![0x81, 0xa4];
    msgpack.extend_from_slice(b"name");
    msgpack.push(0xdb);
    msgpack.extend_from_slice(&u32::try_from(secret.len()).unwrap().to_be_bytes());
    msgpack.extend_from_slice(secret.as_bytes());
    let request = validate_resource_config::Request {
        type_name: "coffer_secret".to_owned(),
        config: Some(DynamicValue { msgpack, json: Vec::new() }),
        client_capabilities: None,
    };
    // Whatever the answer: the bytes were there.
    let _ = peer.provider().validate_resource_config(request).await;
}

#[tokio::test]
async fn nothing_of_a_value_is_left_when_its_connection_is_closed() {
    for start in [Start::new(), Start::new().without_tls()] {
        let Peer { process, handshake, channel } =
            start.with(ALLOW_DUMPS_NAME, "1").connect().await;
        let pid = process.child.id();
        let mut peer = Peer { process, handshake, channel };
        // As large as secrets are, and large enough for the buffers of every layer to grow.
        let secrets = [40, 3_000, 50_000, 2_000_000].map(canary);
        for secret in &secrets {
            for _ in 0..3 {
                send(&peer, secret).await;
            }
        }
        let marker = canary(PIECE * 2);
        assert_eq!(pieces_in_memory(pid, &marker), 0, "the search finds what is not there");
        // A new connection takes the place of the one that carried the values.
        peer.channel = peer.process.channel(&peer.handshake).await.unwrap();
        tokio::time::sleep(Duration::from_millis(200)).await;
        for secret in &secrets {
            let found = pieces_in_memory(pid, secret);
            assert_eq!(found, 0, "pieces of a secret of {} bytes", secret.len());
        }
    }
}

/// Every way a value takes through the provider: checked, planned, stored in each content type,
/// read back, handed out by the ephemeral resource, replaced, deleted.
#[tokio::test]
async fn nothing_of_a_value_is_left_after_its_whole_life() {
    let directory = tempfile::tempdir().unwrap();
    let Peer { process, handshake, channel } =
        Start::new().with(ALLOW_DUMPS_NAME, "1").connect().await;
    let pid = process.child.id();
    let peer = Peer { process, handshake, channel };
    let secrets: Vec<String> = [60, 5_000, 40, 70, 90, 64, 50, 48, 66, 80].map(canary).to_vec();
    let mut core = Core::connect(peer.provider()).await;
    let path = directory.path().join("vault.db");
    let block = json!({"profiles": {"main": {"embedded": {"path": path}}}});
    core.configure(&config(&core.provider, &block)).await.unwrap();
    let part = |json: &str| URL_SAFE_NO_PAD.encode(json);
    let claim = json!({"claim": secrets[8], &secrets[9]: 1}).to_string();
    let contents = [
        json!({"value_wo": secrets[0]}),
        json!({"value_wo": secrets[1]}),
        json!({"api_key_wo": secrets[2]}),
        json!({"basic_auth_wo": {"username": "u", "password": secrets[3]}}),
        json!({"key_value_wo": {"a": secrets[4], "b": secrets[5]}}),
        json!({"private_key_wo": {"pem": format!("{}\n{}", secrets[6], keys::text("rsa.pkcs8.pem"))}}),
        json!({"secret_key_wo": {"base64": STANDARD.encode(&secrets[7])}}),
        json!({"jwt_wo": format!("{}.{}.", part(r#"{"alg":"none"}"#), part(&claim))}),
    ];
    for (number, content) in contents.iter().enumerate() {
        let mut block = content.clone();
        block["name"] = format!("app/{number}").into();
        let wanted = config(&core.resources["coffer_secret"], &block);
        let (_, made) = core.run("coffer_secret", &Instance::default(), &wanted).await.unwrap();
        block["description"] = "changed".into();
        let wanted = config(&core.resources["coffer_secret"], &block);
        core.run("coffer_secret", &made, &wanted).await.unwrap();
        open_ephemeral(&mut core, &format!("app/{number}")).await;
    }
    let Peer { process, handshake, channel } = peer;
    drop((core, channel));
    let again = process.channel(&handshake).await.unwrap();
    tokio::time::sleep(Duration::from_millis(200)).await;
    for (number, secret) in secrets.iter().enumerate() {
        assert_eq!(pieces_in_memory(pid, secret), 0, "pieces of secret {number}");
    }
    drop(again);
}

async fn open_ephemeral(core: &mut Core, name: &str) {
    let schema = &core.ephemeral_resources["coffer_secret"];
    let block = config(schema, &json!({"name": name}));
    let request = open_ephemeral_resource::Request {
        type_name: "coffer_secret".to_owned(),
        config: dynamic(&block, &schema.object_type()),
        client_capabilities: None,
    };
    let answer = core.client.open_ephemeral_resource(request).await.unwrap().into_inner();
    outcome(&answer.diagnostics).unwrap();
    assert!(answer.result.is_some());
}

/// The search itself works: what a process holds is found.
#[tokio::test]
async fn the_search_finds_what_is_there() {
    let secret = canary(PIECE * 4);
    let process =
        Start::new().with(ALLOW_DUMPS_NAME, "1").with("COFFER_TEST_MARKER", &secret).spawn();
    process.handshake();
    assert!(pieces_in_memory(process.child.id(), &secret) >= 4);
}
