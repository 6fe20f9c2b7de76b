//! What is left of a secret in the memory of the running process after the connection that
//! carried it is closed: nothing.
//!
//! Reads `/proc/<pid>/mem` of the real binary, which for this purpose is started with dumps
//! allowed. Linux only.

#![cfg(target_os = "linux")]

use std::collections::HashMap;
use std::fs::File;
use std::os::unix::fs::FileExt as _;
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use coffer::domain::kind::{Content, field};
use coffer::plugin::transport::harden::ALLOW_DUMPS_NAME;
use coffer::plugin::wire::proto::{
    DynamicValue, open_ephemeral_resource, validate_resource_config,
};
use serde_json::json;

use crate::support::core::{Core, Instance, config, dynamic, outcome};
use crate::support::keys;
use crate::support::peer::{Peer, Start};
use crate::support::vault::Vault;

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

/// What is searched: pieces that do not overlap. A left-over of twice a piece's length holds one of
/// them whole.
#[derive(Default)]
struct Pieces {
    by_start: HashMap<[u8; 2], Vec<Vec<u8>>>,
}

impl Pieces {
    fn of(text: &str) -> Self {
        let mut pieces = Self::default();
        pieces.add(text.as_bytes());
        pieces
    }

    fn add(&mut self, bytes: &[u8]) {
        bytes.chunks_exact(PIECE).for_each(|piece| self.add_piece(piece.to_vec()));
    }

    fn add_piece(&mut self, piece: Vec<u8>) {
        self.by_start.entry([piece[0], piece[1]]).or_default().push(piece);
    }

    fn count(&self) -> usize {
        self.by_start.values().map(Vec::len).sum()
    }

    /// How many times one of them is in `bytes`.
    fn count_in(&self, bytes: &[u8]) -> usize {
        let mut starts = vec![false; 1 << 16];
        for start in self.by_start.keys() {
            starts[usize::from(u16::from_be_bytes(*start))] = true;
        }
        bytes
            .windows(2)
            .enumerate()
            .filter(|(_, start)| starts[usize::from(start[0]) << 8 | usize::from(start[1])])
            .flat_map(|(place, start)| {
                self.by_start[start].iter().filter(move |piece| bytes[place..].starts_with(piece))
            })
            .count()
    }
}

/// How many pieces of `secret` are in writable memory of the process.
fn pieces_in_memory(pid: u32, secret: &str) -> usize {
    found_in_memory(pid, &Pieces::of(secret))
}

/// How many of the pieces are in writable memory of the process.
fn found_in_memory(pid: u32, pieces: &Pieces) -> usize {
    let maps = std::fs::read_to_string(format!("/proc/{pid}/maps")).unwrap();
    let memory = File::open(format!("/proc/{pid}/mem")).unwrap();
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
        found += pieces.count_in(&bytes);
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
/// read back, copied to another profile, handed out by the ephemeral resource, replaced, deleted.
#[tokio::test]
async fn nothing_of_a_value_is_left_after_its_whole_life() {
    let directory = tempfile::tempdir().unwrap();
    let Peer { process, handshake, channel } =
        Start::new().with(ALLOW_DUMPS_NAME, "1").connect().await;
    let pid = process.child.id();
    let peer = Peer { process, handshake, channel };
    let secrets: Vec<String> = [60, 5_000, 40, 70, 90, 64, 50, 48, 66, 80].map(canary).to_vec();
    let mut core = Core::connect(peer.provider()).await;
    let vault = |file: &str| json!({"path": directory.path().join(file)});
    let block = json!({"default_profile": "main", "profiles": {
        "main": {"embedded": vault("vault.db"), "sync_to": ["copy"]},
        "copy": {"embedded": vault("copy.db")},
    }});
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
    let copies = directory.path().join("copy.db");
    let copied = move || Vault::at(&copies).names().len();
    assert_eq!(tokio::task::spawn_blocking(copied).await.unwrap(), contents.len());
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

type PiecesOf = fn(&Content) -> Pieces;

/// What `generate` can be given, and how the value is searched.
const ORDERS: &[(&str, PiecesOf)] = &[
    (r#"{"kind": "password", "length": 60}"#, of_password),
    (r#"{"kind": "password", "length": 60, "username": "app"}"#, of_password),
    (r#"{"kind": "passphrase", "length": 20}"#, of_text),
    (r#"{"kind": "token", "length": 48}"#, |content| {
        of_bytes(content, |text| URL_SAFE_NO_PAD.decode(text).unwrap())
    }),
    (r#"{"kind": "token", "length": 48, "encoding": "hex"}"#, |content| {
        of_bytes(content, |text| {
            let byte = |digits: &[u8]| {
                u8::from_str_radix(std::str::from_utf8(digits).unwrap(), 16).unwrap()
            };
            text.as_bytes().chunks(2).map(byte).collect()
        })
    }),
    (r#"{"kind": "uuid"}"#, |content| {
        of_bytes(content, |text| uuid::Uuid::parse_str(text).unwrap().as_bytes().to_vec())
    }),
    (r#"{"kind": "aes256"}"#, |content| {
        let bytes = content.field(field::BYTES).unwrap().expose();
        let mut pieces = Pieces::of(&STANDARD.encode(bytes));
        pieces.add(bytes);
        pieces
    }),
    (r#"{"kind": "ed25519"}"#, of_key),
    (r#"{"kind": "ed25519", "format": "openssh"}"#, of_key),
    (r#"{"kind": "ec", "length": 384}"#, of_key),
    (r#"{"kind": "rsa", "length": 2048}"#, of_key),
    (r#"{"kind": "rsa", "length": 2048, "format": "openssh"}"#, of_key),
];

fn text(content: &Content) -> &str {
    let value = content.field(field::VALUE).or_else(|| content.field(field::PASSWORD)).unwrap();
    value.expose_text().unwrap()
}

fn of_text(content: &Content) -> Pieces {
    Pieces::of(text(content))
}

/// A text and the random bytes that it is made of.
fn of_bytes(content: &Content, bytes: fn(&str) -> Vec<u8>) -> Pieces {
    let mut pieces = of_text(content);
    pieces.add(&bytes(text(content)));
    pieces
}

/// Characters are put together as such, four bytes each.
fn of_password(content: &Content) -> Pieces {
    let mut pieces = of_text(content);
    let characters: Vec<u32> = text(content).chars().map(u32::from).collect();
    for some in characters.chunks_exact(6) {
        pieces.add_piece(some.iter().flat_map(|character| character.to_ne_bytes()).collect());
    }
    pieces
}

/// The private numbers of a key, in both byte orders, and the text that they are in.
fn of_key(content: &Content) -> Pieces {
    let pem = content.field(field::PEM).unwrap().expose_text().unwrap();
    let base64: String = pem.lines().filter(|line| !line.starts_with('-')).collect();
    let body = STANDARD.decode(&base64).unwrap();
    let mut pieces = Pieces::default();
    for number in private_numbers(pem, &body) {
        pieces.add(&number);
        pieces.add(&number.iter().rev().copied().collect::<Vec<u8>>());
        let start = body.windows(number.len()).position(|window| window == number);
        // The other numbers of RSA are not in OpenSSH's form.
        let Some(start) = start else { continue };
        let (from, to) = (start.div_ceil(3) * 4, (start + number.len()) / 3 * 4);
        let lines = base64.as_bytes().chunks(64).enumerate();
        for (place, line) in lines.map(|(line, text)| (64 * line, text)) {
            // Each line on its own: what is between them depends on the step.
            let (first, last) = (from.max(place), to.min(place + line.len()));
            if first < last {
                pieces.add(&line[first - place..last - place]);
            }
        }
    }
    pieces
}

fn private_numbers(pem: &str, body: &[u8]) -> Vec<Vec<u8>> {
    use ssh_key::private::KeypairData;
    if let Ok(key) = ssh_key::PrivateKey::from_openssh(pem) {
        return match key.key_data() {
            KeypairData::Ed25519(pair) => vec![pair.private.to_bytes().to_vec()],
            KeypairData::Rsa(pair) => {
                let private = pair.private();
                [private.d(), private.p(), private.q(), private.iqmp()]
                    .map(|number| number.as_positive_bytes().unwrap().to_vec())
                    .to_vec()
            }
            _ => panic!("a key that is not made"),
        };
    }
    let inner = pkcs8::PrivateKeyInfoRef::try_from(body).unwrap().private_key.as_bytes();
    match pkcs1::RsaPrivateKeyRef::try_from(inner) {
        Ok(key) => [
            key.private_exponent,
            key.prime1,
            key.prime2,
            key.exponent1,
            key.exponent2,
            key.coefficient,
        ]
        .map(|number| number.as_bytes().to_vec())
        .to_vec(),
        // RFC 5915: a SEQUENCE with the version and an OCTET STRING. RFC 8410: an OCTET STRING.
        Err(_) => vec![match inner[0] {
            0x04 => inner[2..].to_vec(),
            _ => {
                let start = inner.windows(2).position(|tag| tag == [0x04, 48]).unwrap() + 2;
                inner[start..start + 48].to_vec()
            }
        }],
    }
}

/// Values that were copied, imported and compared.
#[tokio::test]
async fn nothing_of_a_copied_value_is_left() {
    let directory = tempfile::tempdir().unwrap();
    let Peer { process, handshake, channel } =
        Start::new().with(ALLOW_DUMPS_NAME, "1").connect().await;
    let pid = process.child.id();
    let peer = Peer { process, handshake, channel };
    let at = |file: &str| directory.path().join(file);
    // Another process makes the secrets, so that this one sees them as copies only.
    let secrets: Vec<String> = (0..8).map(|_| canary(4096)).collect();
    {
        let other = Start::new().connect().await;
        let mut core = Core::connect(other.provider()).await;
        let profiles = json!({
            "from": { "embedded": { "path": at("from.db") } },
            "to": { "embedded": { "path": at("to.db") } },
        });
        let block = config(&core.provider, &json!({ "profiles": profiles }));
        core.configure(&block).await.unwrap();
        for (number, secret) in secrets.iter().enumerate() {
            // Two only at the destination, and two in both places.
            let places: &[&str] = match number {
                0 | 1 => &["to"],
                2 | 3 => &["from", "to"],
                _ => &["from"],
            };
            for profile in places {
                let name = number.to_string();
                let block = json!({ "profile": profile, "name": name, "value_wo": secret });
                let wanted = config(&core.resources["coffer_secret"], &block);
                core.run("coffer_secret", &Instance::default(), &wanted).await.unwrap();
            }
        }
    }
    let mut core = Core::connect(peer.provider()).await;
    let profiles = json!({
        "from": { "embedded": { "path": at("from.db") } },
        "to": { "embedded": { "path": at("to.db") } },
    });
    let block = json!({ "default_profile": "from", "profiles": profiles });
    core.configure(&config(&core.provider, &block)).await.unwrap();
    let block = json!({
        "name": "s",
        "source": { "profile": "from", "names": ["**"] },
        "destinations": { "d": { "profile": "to" } },
        "initial_sync_behavior": "import_prioritize_source",
    });
    let wanted = config(&core.resources["coffer_secret_sync"], &block);
    core.run("coffer_secret_sync", &Instance::default(), &wanted).await.unwrap();
    let (from, to) = (at("from.db"), at("to.db"));
    let expected = secrets.clone();
    let check = move || {
        for (number, secret) in expected.iter().enumerate() {
            for file in [&from, &to] {
                let value = Vault::at(file).value(&number.to_string());
                assert!(value.as_deref() == Some(secret), "{number} was not copied");
            }
        }
    };
    tokio::task::spawn_blocking(check).await.unwrap();
    let Peer { process, handshake, channel } = peer;
    drop((core, channel));
    let again = process.channel(&handshake).await.unwrap();
    tokio::time::sleep(Duration::from_millis(200)).await;
    for (number, secret) in secrets.iter().enumerate() {
        assert_eq!(pieces_in_memory(pid, secret), 0, "pieces of secret {number} are left");
    }
    drop(again);
}

/// What coffer makes itself: made, made anew, and taken over after an interruption, which reads a
/// key pair back for its public half.
#[tokio::test]
async fn nothing_of_a_made_value_is_left() {
    let directory = tempfile::tempdir().unwrap();
    let Peer { process, handshake, channel } =
        Start::new().with(ALLOW_DUMPS_NAME, "1").connect().await;
    let pid = process.child.id();
    let peer = Peer { process, handshake, channel };
    let mut core = Core::connect(peer.provider()).await;
    let path = directory.path().join("vault.db");
    let block = json!({"profiles": {"main": {"embedded": {"path": path}}}});
    core.configure(&config(&core.provider, &block)).await.unwrap();
    let mut searched = Vec::new();
    for (number, (order, pieces)) in ORDERS.iter().enumerate() {
        let name = format!("app/{number}");
        let mut generate: serde_json::Value = serde_json::from_str(order).unwrap();
        let mut made = Instance::default();
        for keeper in ["one", "two"] {
            generate["keepers"] = json!({"k": keeper});
            let block = json!({"name": name, "generate": generate, "on_existing": "adopt"});
            let wanted = config(&core.resources["coffer_secret"], &block);
            (_, made) = core.run("coffer_secret", &made, &wanted).await.unwrap();
            let (file, secret) = (path.clone(), name.clone());
            let read = move || Vault::at(&file).content(&secret).unwrap();
            let content = tokio::task::spawn_blocking(read).await.unwrap();
            let pieces = pieces(&content);
            let fields = [field::VALUE, field::PASSWORD, field::BYTES, field::PEM];
            let value = fields.iter().find_map(|field| content.field(field)).unwrap();
            assert!(pieces.count_in(value.expose()) > 0, "{order}: not even the value is found");
            searched.push((*order, pieces));
            if keeper == "one" {
                core.run("coffer_secret", &Instance::default(), &wanted).await.unwrap();
            }
        }
    }
    let Peer { process, handshake, channel } = peer;
    drop((core, channel));
    let again = process.channel(&handshake).await.unwrap();
    tokio::time::sleep(Duration::from_millis(200)).await;
    let mut left = Vec::new();
    for (order, pieces) in &searched {
        assert!(pieces.count() > 2, "{order}: only {} pieces to search", pieces.count());
        let found = found_in_memory(pid, pieces);
        if found > 0 {
            left.push(format!("{found} pieces of a value made by {order}"));
        }
    }
    assert!(left.is_empty(), "{left:#?}");
    drop(again);
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
