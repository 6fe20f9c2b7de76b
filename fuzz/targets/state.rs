//! Stored states, identities and states of other providers, through the whole provider.

use std::sync::OnceLock;

use coffer::plugin::framework::codec::decode_msgpack;
use coffer::plugin::framework::diag::Diagnostics;
use coffer::plugin::framework::server::{
    Encoded, MoveCall, Server, ServerInfo, StateAnswer, StoredState,
};
use coffer::provider::Coffer;
use tokio::runtime::Runtime;

const RESOURCE: &str = "coffer_secret";

/// Types that `moved` blocks name; the last one nobody can take over.
const SOURCES: [&str; 6] = [
    "aws_secretsmanager_secret",
    "azurerm_key_vault_secret",
    "vault_kv_secret_v2",
    "oci_vault_secret",
    "google_secret_manager_secret",
    "terraform_data",
];

/// An operation, a version or source, and JSON: an answer is an error or a sound object without
/// write-only values, and never contains a panic.
pub fn stored_state(data: &[u8]) {
    let [operation, selector, json @ ..] = data else { return };
    let stored = StoredState { json: json.to_vec(), flatmap: operation & 0x80 != 0 };
    let version = i64::from(selector.cast_signed());
    let server = server();
    match operation % 3 {
        0 => {
            let answer = server.upgrade_state(RESOURCE, version, &stored);
            sound(&answer.value, &answer.diagnostics);
        }
        1 => {
            let answer = server.upgrade_identity(RESOURCE, version, &stored);
            no_panic(&answer.diagnostics);
        }
        _ => {
            let answer = moved(server, *selector, stored);
            sound(&answer.state, &answer.diagnostics);
            assert!(
                named_like_the_value(json) || !contains(&answer.state.msgpack, VALUE),
                "a value got through the move"
            );
        }
    }
}

/// What a state of another provider may hold and ours may not.
const VALUE: &[u8] = b"xyzzy-value";

/// Mutation may put the value where a name belongs.
fn named_like_the_value(json: &[u8]) -> bool {
    let Ok(state) = serde_json::from_slice::<serde_json::Value>(json) else { return false };
    ["name", "secret_name", "secret_id"]
        .iter()
        .filter_map(|attribute| state.get(attribute)?.as_str())
        .any(|name| contains(name.as_bytes(), VALUE))
}

fn moved(server: &Server, selector: u8, source_state: StoredState) -> StateAnswer {
    let source_type = SOURCES[usize::from(selector) % SOURCES.len()].to_owned();
    let call = MoveCall {
        source_provider: "registry.terraform.io/hashicorp/any".to_owned(),
        source_type,
        source_version: 1,
        source_state,
        target_type: RESOURCE.to_owned(),
    };
    block_on(server.move_state(call))
}

/// An error, or an object of the resource's type with every write-only attribute null.
fn sound(answer: &Encoded, diagnostics: &Diagnostics) {
    no_panic(diagnostics);
    let shape = &server().catalogue().resources[RESOURCE].shape;
    let value = decode_msgpack(&answer.msgpack, &shape.ty).expect("an answer of the type");
    assert!(value.is_wholly_known(), "an unknown value in a state");
    assert!(!value.is_null() || diagnostics.has_errors() || answer.msgpack == [0xc0]);
    for (name, attribute) in &shape.schema.attributes {
        assert!(!attribute.write_only || value.get(name).is_null(), "{name} got through");
    }
}

fn no_panic(diagnostics: &Diagnostics) {
    for diagnostic in diagnostics {
        assert!(!diagnostic.detail.contains("panic"), "{}", diagnostic.summary);
    }
}

fn contains(bytes: &[u8], part: &[u8]) -> bool {
    bytes.windows(part.len()).any(|window| window == part)
}

fn block_on<T>(work: impl Future<Output = T>) -> T {
    static RUNTIME: OnceLock<Runtime> = OnceLock::new();
    RUNTIME.get_or_init(|| Runtime::new().expect("a runtime")).block_on(work)
}

/// The provider, configured with nothing set.
fn server() -> &'static Server {
    static SERVER: OnceLock<Server> = OnceLock::new();
    SERVER.get_or_init(|| {
        let info = ServerInfo { name: "coffer", version: "0.0.0" };
        let server = Server::new(std::sync::Arc::new(Coffer::new()), info);
        let config = Encoded { json: b"{}".to_vec(), ..Encoded::default() };
        let diagnostics = block_on(server.configure(&config, "1.11.4".to_owned()));
        assert!(!diagnostics.has_errors(), "an empty configuration is one: {diagnostics:?}");
        server
    })
}

pub fn stored_state_seeds() -> Vec<Vec<u8>> {
    let state = r#"{"id":"local/a","name":"a","profile":"local","type":"generic","version":1,
        "fingerprint":"f","tags":{"env":"prod"},"value_wo":"xyzzy-value","timeouts":null}"#;
    let identity = r#"{"profile":"local","name":"a"}"#;
    let source = r#"{"name":"app/db","secret_name":"app/db","secret_id":"db","arn":"a",
        "secret_string":"xyzzy-value","value":"xyzzy-value","tags":{"k":"v"}}"#;
    let with = |operation: u8, selector: u8, json: &str| {
        [&[operation, selector], json.as_bytes()].concat()
    };
    let mut seeds = vec![with(0, 0, state), with(0, 0, "{}"), with(1, 0, identity)];
    seeds.extend((0..6).map(|selector| with(2, selector, source)));
    seeds
}
