//! What each fuzz target does with its bytes, and seeds to start from.
//!
//! Shared by the cargo-fuzz binaries (`fuzz_targets/`) and the bounded runs of `make test`
//! (`tests/it/fuzz.rs`). Every target takes any bytes: it must not panic, and what it accepts must
//! survive a round trip. A new parser of outside bytes gets a function here, a row in [`TARGETS`]
//! and a file of its name in `fuzz_targets/`.

use coffer::domain::canonical;
use coffer::domain::fingerprint::Fingerprint;
use coffer::domain::key_schema::{KeySchema, Placeholder, Values};
use coffer::domain::kind::Content;
use coffer::domain::material::Secret;
use coffer::domain::secret::{SecretId, VersionId};
use coffer::plugin::framework::codec::{
    decode_json, decode_json_value, decode_msgpack, decode_type, encode_json, encode_msgpack,
    encode_type,
};
use coffer::plugin::framework::types::Type;
use coffer::plugin::framework::value::Value;
use coffer::plugin::transport::{
    COOKIE_NAME, COOKIE_VALUE, NETWORK_NAME, Network, PROTOCOL_VERSION, Start, decide,
};

/// One target.
pub struct Target {
    /// The function's name, and that of its cargo-fuzz binary.
    pub name: &'static str,
    /// Takes any bytes.
    pub run: fn(&[u8]),
    /// Inputs that get far.
    pub seeds: fn() -> Vec<Vec<u8>>,
}

/// Every target.
pub const TARGETS: &[Target] = &[
    Target { name: "plugin_environment", run: plugin_environment, seeds: plugin_environment_seeds },
    Target { name: "msgpack_value", run: msgpack_value, seeds: msgpack_seeds },
    Target { name: "json_value", run: json_value, seeds: json_seeds },
    Target { name: "type_json", run: type_json, seeds: type_seeds },
    Target { name: "canonical_frame", run: canonical_frame, seeds: frame_seeds },
    Target { name: "fingerprint_text", run: fingerprint_text, seeds: fingerprint_seeds },
    Target { name: "secret_id", run: secret_id, seeds: id_seeds },
    Target { name: "version_id", run: version_id, seeds: id_seeds },
    Target { name: "key_schema", run: key_schema, seeds: key_schema_seeds },
];

/// Types by the first byte of the input; dynamic values carry any other type.
fn typed(data: &[u8]) -> Option<(Type, &[u8])> {
    let (selector, rest) = data.split_first()?;
    let ty = match selector % 8 {
        0 => Type::Dynamic,
        1 => Type::String,
        2 => Type::Number,
        3 => Type::set(Type::Dynamic),
        4 => Type::map(Type::list(Type::Bool)),
        5 => Type::Tuple(vec![Type::Number, Type::String]),
        6 => Type::list(Type::Number),
        _ => Type::object([
            ("id", Type::String),
            ("tags", Type::map(Type::String)),
            ("versions", Type::list(Type::object([("number", Type::Number)]))),
        ]),
    };
    Some((ty, rest))
}

/// MessagePack of a value, by type: what is accepted is written again in a stable form.
pub fn msgpack_value(data: &[u8]) {
    let Some((ty, bytes)) = typed(data) else { return };
    let Ok(value) = decode_msgpack(bytes, &ty) else { return };
    let written = encode_msgpack(&value, &ty).expect("a value that was read can be written");
    let again = decode_msgpack(&written, &ty).expect("what was written can be read");
    assert_eq!(encode_msgpack(&again, &ty).expect("and written"), written, "unstable encoding");
}

/// JSON of a value, by type, from text and from parsed JSON.
pub fn json_value(data: &[u8]) {
    let Some((ty, bytes)) = typed(data) else { return };
    let Ok(value) = decode_json(bytes, &ty) else { return };
    let written = encode_json(&value, &ty).expect("a value that was read can be written");
    let again = decode_json(&written, &ty).expect("what was written can be read");
    assert!(again.same(&value), "JSON changed the value");
    let parsed = serde_json::from_slice(&written).expect("what was written is JSON");
    let parsed = decode_json_value(parsed, &ty).expect("parsed JSON can be read");
    assert!(parsed.same(&value), "parsed JSON changed the value");
    // A value from JSON has a MessagePack form, too: that is how stored state reaches core.
    encode_msgpack(&value, &ty).expect("a value from JSON can be sent");
}

/// The JSON form of a type.
pub fn type_json(data: &[u8]) {
    let Ok(ty) = decode_type(data) else { return };
    assert_eq!(decode_type(&encode_type(&ty)).expect("a type"), ty);
}

/// Canonical bytes of content: one frame per content.
pub fn canonical_frame(data: &[u8]) {
    let frame = Secret::new(data.to_vec());
    let Ok(content) = canonical::decode(&frame) else { return };
    assert!(canonical::encode(&content) == frame, "two frames for one content");
}

/// The text of a fingerprint.
pub fn fingerprint_text(data: &[u8]) {
    let Ok(text) = std::str::from_utf8(data) else { return };
    let Ok(print) = text.parse::<Fingerprint>() else { return };
    assert_eq!(print.as_str(), text, "two texts for one fingerprint");
    assert_eq!(print.short().len(), 8);
}

/// `<profile>/<name>`.
pub fn secret_id(data: &[u8]) {
    let Ok(text) = std::str::from_utf8(data) else { return };
    let Ok(id) = text.parse::<SecretId>() else { return };
    assert_eq!(id.to_string(), text, "two texts for one id");
}

/// `<profile>/<name>#<number>`.
pub fn version_id(data: &[u8]) {
    let Ok(text) = std::str::from_utf8(data) else { return };
    let Ok(id) = text.parse::<VersionId>() else { return };
    assert_eq!(id.to_string(), text, "two texts for one id");
}

/// `<schema>\n<key>`: a schema is its own inverse.
pub fn key_schema(data: &[u8]) {
    let Ok(text) = std::str::from_utf8(data) else { return };
    let (schema, key) = text.split_once('\n').unwrap_or((text, "key"));
    let Ok(schema) = schema.parse::<KeySchema>() else { return };
    let values: Values =
        Placeholder::ALL.into_iter().map(|placeholder| (placeholder, "v".to_owned())).collect();
    let Ok(name) = schema.render(key, &values) else { return };
    let inverse = schema.invert(name.as_str(), &values).expect("every placeholder has a value");
    assert_eq!(inverse.as_deref(), Some(key), "the schema lost the key");
}

fn with_selector(selector: u8, bytes: &[u8]) -> Vec<u8> {
    [&[selector], bytes].concat()
}

fn sample() -> Value {
    Value::object([
        ("id", Value::string("main/app/db")),
        ("tags", Value::Map([("env".to_owned(), Value::string("caf\u{e9}"))].into())),
        ("versions", Value::List(vec![Value::object([("number", Value::Number(3_u32.into()))])])),
    ])
}

fn msgpack_seeds() -> Vec<Vec<u8>> {
    let (ty, _) = typed(&[7]).expect("a selector");
    let object = encode_msgpack(&sample(), &ty).expect("the sample is of the type");
    let dynamic = Value::Dynamic(Box::new((ty, sample())));
    let dynamic = encode_msgpack(&dynamic, &Type::Dynamic).expect("dynamic takes all");
    vec![
        with_selector(7, &object),
        with_selector(0, &dynamic),
        with_selector(0, b"\x92\xc4\x08\"string\"\xc7\x09\x0c\x82\x01\xc2\x02\xa4arn:"),
        with_selector(0, b"\x92\xc4\x09\"dynamic\"\x92\xc4\x06\"bool\"\xc3"),
        with_selector(1, b"\xa6cafe\xcc\x81"),
        with_selector(2, b"\xb412345678901234567890"),
        with_selector(2, b"\xc7\x0c\x0c\x82\x03\x92\x01\xc3\x04\x92\xa30.1\xc2"),
        with_selector(3, b"\x92\x92\xc4\x06\"bool\"\xc3\x92\xc4\x06\"bool\"\xc3"),
        with_selector(4, b"\x81\xa1k\xdc\x00\x02\xc2\xc0"),
        with_selector(5, b"\x92\xcb\x3f\xf8\0\0\0\0\0\0\xd9\x01x"),
        with_selector(6, b"\x93\xcf\xff\xff\xff\xff\xff\xff\xff\xff\xd0\x80\xca\x3f\xc0\0\0"),
        with_selector(6, b"\xdd\xff\xff\xff\xff\x01"),
    ]
}

fn json_seeds() -> Vec<Vec<u8>> {
    let (ty, _) = typed(&[7]).expect("a selector");
    let object = encode_json(&sample(), &ty).expect("the sample is of the type");
    vec![
        with_selector(7, &object),
        with_selector(7, b"{}"),
        with_selector(0, br#"{"value":["x",1.50],"type":["tuple",["string","number"]]}"#),
        with_selector(0, br#"{"type":["set","dynamic"],"value":[{"type":"bool","value":true}]}"#),
        with_selector(1, br#""cafe\u0301 \ud83d\ude00""#),
        with_selector(2, b"-1234567890.1234567890e-20"),
        with_selector(2, br#""1e400""#),
        with_selector(4, br#"{"k":[true,null]}"#),
        with_selector(6, b"[1,0.1,1E+2,18446744073709551616,-0]"),
    ]
}

fn type_seeds() -> Vec<Vec<u8>> {
    vec![
        br#"["object",{"a":["tuple",["bool",["set","dynamic"]]],"b":["map","number"]}]"#.to_vec(),
        br#"["list",["list",["list","string"]]]"#.to_vec(),
    ]
}

fn frame_seeds() -> Vec<Vec<u8>> {
    let entries = [("a", "1"), ("b", "")].map(|(key, value)| (key.to_owned(), Secret::from(value)));
    let contents = [
        Content::generic(Secret::from("value")),
        Content::basic_auth(Secret::from("user"), Secret::from("password")),
        Content::key_value(entries.into()),
    ];
    contents
        .map(|content| canonical::encode(&content.expect("valid content")).expose().to_vec())
        .into()
}

fn fingerprint_seeds() -> Vec<Vec<u8>> {
    let salt = "A".repeat(22);
    let tag = "A".repeat(27);
    vec![
        format!("cfp1.a2.-.{salt}.{tag}").into_bytes(),
        format!("cfp1.h2.abcdefgh.{salt}.{tag}").into_bytes(),
    ]
}

fn id_seeds() -> Vec<Vec<u8>> {
    ["main/app/db-password", "main/app/db-password#3", "a/b#c#18446744073709551615"]
        .map(|text| text.as_bytes().to_vec())
        .into()
}

fn key_schema_seeds() -> Vec<Vec<u8>> {
    [
        "{{secretKey}}\ndb/password",
        "{{environment}}-{{secretKey}}\nkey",
        "a/{{type}}_{{secretKey}}.{{path}}{{versionState}}{{profile}}\nx",
    ]
    .map(|text| text.as_bytes().to_vec())
    .into()
}

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
    let mut environment: std::collections::BTreeMap<String, String> = VARIABLES
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

fn plugin_environment_seeds() -> Vec<Vec<u8>> {
    let pem = "-----BEGIN CERTIFICATE-----\nAQIDBA==\n-----END CERTIFICATE-----\n";
    vec![
        format!("5,6\0{pem}\x0010000\x0025000").into_bytes(),
        format!("6\0{pem}\x001\x002\0/tmp\0staff\0true\0tcp").into_bytes(),
        b"4,5\0\0x\0y".to_vec(),
    ]
}
