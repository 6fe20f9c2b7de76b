//! `coffer_secret` over the protocol: the real binary, mutual TLS, and core's checks on every
//! answer, without a CLI.

use std::sync::atomic::{AtomicUsize, Ordering};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use coffer::plugin::framework::codec::encode_json;
use coffer::plugin::framework::server::{Server, ServerInfo};
use coffer::plugin::framework::value::Value;
use coffer::plugin::wire::proto;
use proptest::prelude::*;
use serde_json::{Value as Json, json};

use crate::support::core::{
    Action, Core, Instance, config, content, dynamic, modern, outcome, value,
};
use crate::support::core_checks as checks;
use crate::support::peer::{Peer, Start};

const SECRET: &str = "coffer_secret";
const CANARY: &str = "canary-8f1d-value";

/// A configured provider process with a vault in a directory of its own.
struct Started {
    core: Core,
    _peer: Peer,
    _directory: tempfile::TempDir,
}

async fn start() -> Started {
    let directory = tempfile::tempdir().unwrap();
    let peer = Start::new().connect().await;
    let mut core = Core::connect(peer.provider()).await;
    let profile = |name: &str| json!({"embedded": {"path": directory.path().join(name)}});
    let block = json!({
        "default_profile": "main",
        "profiles": {"main": profile("main.db"), "other": profile("other.db")},
    });
    let block = config(&core.provider, &block);
    core.configure(&block).await.unwrap();
    Started { core, _peer: peer, _directory: directory }
}

fn secret(core: &Core, json: &Json) -> Value {
    config(&core.resources[SECRET], json)
}

#[test]
fn schemas_pass_core_s_load_rules() {
    let info = ServerInfo { name: "coffer", version: "0.0.0" };
    let server = Server::new(std::sync::Arc::new(coffer::provider::Coffer::new()), info);
    assert_eq!(server.schema_problems(), []);
}

#[tokio::test]
async fn life_of_a_secret() {
    let mut started = start().await;
    let core = &mut started.core;
    let one = secret(core, &json!({"name": "app/a", "value_wo": CANARY}));
    let (action, first) = core.run(SECRET, &Instance::default(), &one).await.unwrap();
    assert_eq!(action, Action::Create);
    assert_eq!(first.value.get("id").as_str(), Some("main/app/a"));

    let two = secret(core, &json!({"name": "app/a", "value_wo": "another"}));
    let plan = core.plan(SECRET, &first, &two).await.unwrap();
    for name in ["fingerprint", "version", "version_id"] {
        assert!(plan.planned.get(name).is_unknown(), "{name}");
    }
    for name in ["id", "type", "backend_id", "created_at", "lifecycle_state"] {
        assert!(plan.planned.get(name).same(first.value.get(name)), "{name} does not change");
    }
    let (action, second) = core.run(SECRET, &first, &two).await.unwrap();
    assert_eq!(action, Action::Update);
    assert!(!second.value.get("fingerprint").same(first.value.get("fingerprint")));

    let labelled = json!({"name": "app/a", "value_wo": "another", "description": "d"});
    let labelled = secret(core, &labelled);
    let plan = core.plan(SECRET, &second, &labelled).await.unwrap();
    for name in ["fingerprint", "version", "version_id"] {
        assert!(plan.planned.get(name).same(second.value.get(name)), "{name} does not change");
    }
    let (_, third) = core.run(SECRET, &second, &labelled).await.unwrap();

    let renamed = secret(core, &json!({"name": "app/b", "value_wo": "another"}));
    let (action, fourth) = core.run(SECRET, &third, &renamed).await.unwrap();
    assert_eq!(action, Action::Replace);
    assert_eq!(fourth.identity.as_ref().unwrap().get("name").as_str(), Some("app/b"));

    let moved = json!({"name": "app/b", "value_wo": "another", "profile": "other"});
    let (action, fifth) = core.run(SECRET, &fourth, &secret(core, &moved)).await.unwrap();
    assert_eq!(action, Action::Update);
    assert_eq!(fifth.value.get("id").as_str(), Some("other/app/b"));

    let plan = core.plan(SECRET, &fifth, &Value::Null).await.unwrap();
    let (gone, errors) = core.apply(SECRET, &fifth, &plan, &Value::Null).await;
    assert!(gone.value.is_null() && errors.is_empty(), "{errors:?}");
}

#[tokio::test]
async fn unknown_value_at_plan_may_turn_out_equal_or_different() {
    let mut started = start().await;
    let core = &mut started.core;
    let wanted = secret(core, &json!({"name": "a", "value_wo": "1"}));
    let (_, before) = core.run(SECRET, &Instance::default(), &wanted).await.unwrap();
    let mut open = wanted.clone();
    open.set("value_wo", Value::UNKNOWN);
    let plan = core.plan(SECRET, &before, &open).await.unwrap();
    assert_eq!(plan.action, Action::Update);
    let (same, errors) = core.apply(SECRET, &before, &plan, &wanted).await;
    assert_eq!((same, errors), (before.clone(), Vec::new()));
    let other = secret(core, &json!({"name": "a", "value_wo": "2"}));
    let (after, errors) = core.apply(SECRET, &before, &plan, &other).await;
    assert_eq!(errors, [] as [&str; 0]);
    assert!(!after.value.get("fingerprint").same(before.value.get("fingerprint")));
}

#[tokio::test]
async fn import_by_id_and_identity_gives_an_empty_plan() {
    let mut started = start().await;
    let core = &mut started.core;
    let wanted = secret(core, &json!({"name": "app/a", "value_wo": CANARY}));
    let (_, made) = core.run(SECRET, &Instance::default(), &wanted).await.unwrap();
    let by_id = core.import(SECRET, "main/app/a", None).await.unwrap();
    let by_identity = core.import(SECRET, "", made.identity.as_ref()).await.unwrap();
    for imported in [by_id, by_identity] {
        assert!(imported.value.get("fingerprint").same(made.value.get("fingerprint")));
        let plan = core.plan(SECRET, &imported, &wanted).await.unwrap();
        assert_eq!(plan.action, Action::NoOp, "{:#?} {:#?}", imported.value, plan.planned);
    }
    let ty = core.resources[SECRET].object_type();
    let request = proto::generate_resource_config::Request {
        type_name: SECRET.to_owned(),
        state: dynamic(&made.value, &ty),
    };
    let answer = core.client.generate_resource_config(request).await.unwrap().into_inner();
    outcome(&answer.diagnostics).unwrap();
    let generated = value(answer.config.as_ref(), &ty);
    core.validate(SECRET, &generated).await.unwrap();
    let plan = core.plan(SECRET, &made, &generated).await.unwrap();
    assert_eq!(plan.action, Action::NoOp);
}

#[tokio::test]
async fn ephemeral_and_data_results_pass_the_checks() {
    let mut started = start().await;
    let core = &mut started.core;
    let wanted = secret(core, &json!({"name": "app/a", "value_wo": CANARY}));
    core.run(SECRET, &Instance::default(), &wanted).await.unwrap();
    let schema = core.ephemeral_resources[SECRET].clone();
    let asked = config(&schema, &json!({"name": "app/a"}));
    let request = proto::open_ephemeral_resource::Request {
        type_name: SECRET.to_owned(),
        config: dynamic(&asked, &schema.object_type()),
        client_capabilities: Some(proto::ClientCapabilities::default()),
    };
    let answer = core.client.open_ephemeral_resource(request).await.unwrap().into_inner();
    outcome(&answer.diagnostics).unwrap();
    let result = value(answer.result.as_ref(), &schema.object_type());
    content(&checks::ephemeral(&schema, &asked, &result));
    assert_eq!(result.get("value").as_str(), Some(CANARY));
    let request = proto::close_ephemeral_resource::Request {
        type_name: SECRET.to_owned(),
        private: answer.private,
    };
    let answer = core.client.close_ephemeral_resource(request).await.unwrap().into_inner();
    assert!(answer.diagnostics.is_empty());

    let schema = core.data_sources[SECRET].clone();
    let asked = config(&schema, &json!({"name": "app/a"}));
    let request = proto::read_data_source::Request {
        type_name: SECRET.to_owned(),
        config: dynamic(&asked, &schema.object_type()),
        provider_meta: None,
        client_capabilities: core.capabilities,
    };
    let answer = core.client.read_data_source(request).await.unwrap().into_inner();
    outcome(&answer.diagnostics).unwrap();
    let state = value(answer.state.as_ref(), &schema.object_type());
    content(&checks::data(&schema, &asked, &state));
    let json = encode_json(&state, &schema.object_type()).unwrap();
    assert!(!String::from_utf8(json).unwrap().contains(CANARY));
}

#[tokio::test]
async fn old_clients_are_refused_before_anything_is_written() {
    let mut started = start().await;
    let core = &mut started.core;
    core.capabilities =
        Some(proto::ClientCapabilities { write_only_attributes_allowed: false, ..modern() });
    let wanted = secret(core, &json!({"name": "a", "value_wo": CANARY}));
    let errors = core.validate(SECRET, &wanted).await.unwrap_err().join("\n");
    assert!(errors.contains("value_wo") && errors.contains("1.11"), "{errors}");
    assert!(!errors.contains(CANARY));
}

/// One configuration of a secret; what of it is unknown at plan.
#[derive(Debug, Clone)]
struct Step {
    config: Json,
    open: Vec<&'static str>,
}

fn content_argument() -> impl Strategy<Value = Json> {
    let value = || (0..3).prop_map(|n| format!("{CANARY}-{n}"));
    prop_oneof![
        3 => value().prop_map(|v| json!({"value_wo": v})),
        1 => value().prop_map(|v| json!({"api_key_wo": v})),
        1 => value().prop_map(|v| json!({"basic_auth_wo": {"username": "u", "password": v}})),
        1 => value().prop_map(|v| json!({"key_value_wo": {"k": v}})),
        1 => value().prop_map(|v| json!({"secret_key_wo": {"base64": STANDARD.encode(v)}})),
    ]
}

/// Arguments beyond name and content. Secrets that move are not disabled: content that cannot be
/// read cannot be moved.
fn further(moves: bool) -> impl Strategy<Value = Json> {
    fn maybe(choices: &[&'static str]) -> impl Strategy<Value = Option<&'static str>> + use<> {
        proptest::option::of(proptest::sample::select(choices.to_vec()))
    }
    let labels = (maybe(&["x", "y"]), maybe(&["x", "y"]), maybe(&["text/plain"]));
    let tags = proptest::option::of(proptest::collection::btree_map("[a-c]", "[x-z]", 0..3));
    // The same moment in two spellings, and another one.
    let times = &["2030-01-31T12:00:00Z", "2030-01-31T13:00:00+01:00", "2031-01-31T12:00:00Z"];
    let policies = (
        maybe(&["always", "initial"]),
        maybe(&["overwrite", "accept"]),
        maybe(&["recoverable", "destroy"]),
        maybe(&["main", "other"]),
    );
    (labels, tags, (maybe(times), maybe(times)), policies, proptest::option::of(any::<bool>()))
        .prop_map(move |((description, version, media), tags, (from, to), policies, enabled)| {
            let (manage_content, on_drift, deletion_policy, profile) = policies;
            json!({
                "description": description, "content_wo_version": version, "content_type": media,
                "tags": tags, "not_before": from, "expires_at": to.map(|_| "2040-01-01T00:00:00Z"),
                "manage_content": manage_content, "on_drift": on_drift,
                "deletion_policy": deletion_policy, "profile": profile.filter(|_| moves),
                "enabled": enabled.filter(|_| !moves),
            })
        })
}

fn step(moves: bool) -> impl Strategy<Value = Step> {
    let names = proptest::sample::select(vec!["a", "b/c"]);
    let open = vec![
        "name",
        "value_wo",
        "description",
        "content_wo_version",
        "tags",
        "not_before",
        "manage_content",
        "on_drift",
        "deletion_policy",
        "profile",
        "enabled",
    ];
    let open = proptest::sample::subsequence(open, 0..=3);
    (names, content_argument(), further(moves), open).prop_map(
        |(name, content, mut config, open)| {
            let (Json::Object(all), Json::Object(content)) = (&mut config, content) else {
                unreachable!("both are objects")
            };
            // Only the argument that is set can be unknown: at most one may be there.
            let may = |name: &&str| *name != "value_wo" || content.contains_key("value_wo");
            let open = open.into_iter().filter(may).collect();
            all.insert("name".to_owned(), name.into());
            all.extend(content);
            Step { config, open }
        },
    )
}

fn life() -> impl Strategy<Value = Vec<Step>> {
    any::<bool>().prop_flat_map(|moves| proptest::collection::vec(step(moves), 1..4))
}

async fn live(core: &mut Core, steps: Vec<Step>) {
    static LIVES: AtomicUsize = AtomicUsize::new(0);
    // A life that fails leaves its secret behind; the next must not meet it.
    let life = LIVES.fetch_add(1, Ordering::Relaxed);
    let mut instance = Instance::default();
    for Step { config: mut json, open } in steps {
        json["name"] = format!("{life}/{}", json["name"].as_str().unwrap()).into();
        let wanted = secret(core, &json);
        let mut at_plan = wanted.clone();
        for name in open {
            at_plan.set(name, Value::UNKNOWN);
        }
        core.validate(SECRET, &at_plan).await.unwrap();
        let plan = core.plan(SECRET, &instance, &at_plan).await.unwrap();
        let (after, errors) = core.apply(SECRET, &instance, &plan, &wanted).await;
        assert_eq!(errors, [] as [&str; 0]);
        instance = core.refresh(SECRET, &after).await.unwrap();
        let second = core.plan(SECRET, &instance, &wanted).await.unwrap();
        assert_eq!(second.action, Action::NoOp, "second plan: {:#?}", second.planned);
        let ty = core.resources[SECRET].object_type();
        let mut stored = encode_json(&instance.value, &ty).unwrap();
        stored.extend(&instance.private);
        assert!(!String::from_utf8(stored).unwrap().contains(CANARY));
    }
    let plan = core.plan(SECRET, &instance, &Value::Null).await.unwrap();
    let (after, errors) = core.apply(SECRET, &instance, &plan, &Value::Null).await;
    assert!(after.value.is_null() && errors.is_empty(), "{errors:?}");
}

#[test]
fn any_life_of_a_secret_passes_core_s_checks() {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    // One process and one vault for all lives: each ends with its secret destroyed.
    let started = std::cell::RefCell::new(runtime.block_on(start()));
    let cases = ProptestConfig { cases: 40, failure_persistence: None, ..Default::default() };
    proptest!(cases, |(steps in life())| {
        runtime.block_on(live(&mut started.borrow_mut().core, steps));
    });
}
