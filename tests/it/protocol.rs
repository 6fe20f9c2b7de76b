//! Every RPC once over gRPC: schemas, validation, upgrade, import, move, data, ephemeral
//! resources, functions, lists, actions, and what is not offered.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use coffer::plugin::framework::types::Type;
use coffer::plugin::framework::value::Value;
use coffer::plugin::wire::proto;
use proto::invoke_action::event::Type as ActionEvent;
use serde_json::json;
use tokio_stream::StreamExt as _;

use crate::support::core::{Core, Instance, config, content, dynamic, modern, outcome, value};
use crate::support::core_checks as checks;
use crate::support::in_process;
use crate::support::toy::{SECRET, THING, Toy, World};

async fn start() -> (Core, Arc<World>) {
    let toy = Toy::default();
    let world = Arc::clone(&toy.world);
    (Core::connect(in_process::connect(Arc::new(toy)).await).await, world)
}

fn thing(core: &Core, json: &serde_json::Value) -> Value {
    config(&core.resources[THING], json)
}

#[track_caller]
fn assert_error<T: std::fmt::Debug>(result: Result<T, Vec<String>>, text: &str) {
    let all = result.unwrap_err().join("\n");
    assert!(all.contains(text), "{text:?} in {all}");
    assert!(!all.contains(SECRET), "a value in {all}");
}

#[tokio::test]
async fn schema_metadata_and_functions_agree() {
    let (mut core, _) = start().await;
    let request = proto::get_provider_schema::Request {};
    let schema = core.client.get_provider_schema(request).await.unwrap().into_inner();
    let capabilities = schema.server_capabilities.unwrap();
    assert!(capabilities.plan_destroy && capabilities.get_provider_schema_optional);
    assert!(capabilities.move_resource_state && capabilities.generate_resource_config);
    assert_eq!(schema.resource_schemas[THING].version, 2);
    let thing = schema.resource_schemas[THING].block.as_ref().unwrap();
    let attribute = |name: &str| thing.attributes.iter().find(|a| a.name == name).unwrap();
    assert!(attribute("secret_wo").write_only && attribute("secret_wo").sensitive);
    assert!(attribute("mode").optional && attribute("mode").computed);
    assert!(schema.provider_meta.is_none());
    let request = proto::get_metadata::Request {};
    let metadata = core.client.get_metadata(request).await.unwrap().into_inner();
    let names: Vec<_> = metadata.resources.iter().map(|r| r.type_name.as_str()).collect();
    assert_eq!(names, schema.resource_schemas.keys().collect::<Vec<_>>());
    assert_eq!(metadata.ephemeral_resources[0].type_name, "toy_token");
    let request = proto::get_functions::Request {};
    let functions = core.client.get_functions(request).await.unwrap().into_inner();
    assert_eq!(functions.functions, schema.functions);
}

#[tokio::test]
async fn provider_block_is_validated_and_configured() {
    let (mut core, world) = start().await;
    let with = |mood: Value| Value::object([("mood", mood)]);
    core.configure(&with(Value::Null)).await.unwrap();
    core.configure(&with(Value::UNKNOWN)).await.unwrap();
    assert_eq!(world.notes(), ["configured by 1.15.0"; 2]);
    assert_error(core.configure(&with(Value::string("bad"))).await, "mood: Invalid mood");
    let panics = core.configure(&with(Value::string("panic"))).await;
    assert_error(panics, "It panicked during configuration");
}

#[tokio::test]
async fn resource_configuration_is_validated() {
    let (mut core, _) = start().await;
    for (json, error) in [
        (json!({"name": "a", "mode": "odd"}), "mode: Invalid attribute value"),
        (json!({"name": "a", "left": "l", "right": "r"}), "right: Attributes exclude each other"),
        (json!({"name": "a", "timeouts": {"create": "soon"}}), "timeouts.create: Invalid"),
    ] {
        let wanted = thing(&core, &json);
        assert_error(core.validate(THING, &wanted).await, error);
    }
    let mut open = thing(&core, &json!({"name": "a", "left": "l"}));
    open.set("right", Value::UNKNOWN);
    open.set("mode", Value::UNKNOWN);
    core.validate(THING, &open).await.unwrap();
}

#[tokio::test]
async fn clients_that_would_store_write_only_values_are_refused() {
    let (mut core, _) = start().await;
    let vault = json!({"name": "a", "vault": {"main": {"key_wo": SECRET}}});
    let login = json!({"name": "a", "login_wo": {"user": "u"}});
    let old = proto::ClientCapabilities { write_only_attributes_allowed: false, ..modern() };
    for client in [None, Some(old)] {
        core.capabilities = client;
        for (json, place) in [
            (json!({"name": "a", "secret_wo": SECRET}), "secret_wo: Write-only attribute"),
            (vault.clone(), "vault[\"main\"].key_wo: Write-only attribute"),
            (login.clone(), "login_wo: Write-only attribute"),
        ] {
            let wanted = thing(&core, &json);
            let refused = core.validate(THING, &wanted).await;
            assert!(refused.as_ref().unwrap_err()[0].contains("1.11"), "{refused:?}");
            assert_error(refused, place);
        }
        let wanted = thing(&core, &json!({"name": "a"}));
        core.validate(THING, &wanted).await.unwrap();
        core.run(THING, &Instance::default(), &wanted).await.unwrap();
    }
}

#[tokio::test]
async fn stored_state_is_upgraded() {
    let (mut core, _) = start().await;
    let current = br#"{"name":"a","mode":"plain","gone":true,"limit":{"max":1,"old":2}}"#;
    let state = core.upgrade(THING, 2, current).await.unwrap();
    assert_eq!(state.get("name").as_str(), Some("a"));
    assert!(state.get("note").is_null(), "attributes added later are null");
    let older = core.upgrade(THING, 1, br#"{"title":"a","mode":"plain"}"#).await.unwrap();
    assert_eq!(older.get("name").as_str(), Some("a"));
    assert!(older.get("secret_wo").is_null());
    assert_error(core.upgrade(THING, 3, b"{}").await, "newer than the provider");
    assert_error(core.upgrade(THING, 0, b"{}").await, "It panicked during the upgrade");
    assert_error(core.upgrade(THING, 2, b"{").await, "The stored state cannot be read");
    assert_error(core.upgrade(THING, 2, br#"{"name":[1]}"#).await, "name: The stored state");
    let request = proto::upgrade_resource_state::Request {
        type_name: THING.to_owned(),
        version: 2,
        raw_state: Some(proto::RawState {
            json: Vec::new(),
            flatmap: [("name".to_owned(), "a".to_owned())].into(),
        }),
    };
    let answer = core.client.upgrade_resource_state(request).await.unwrap().into_inner();
    assert_error(outcome(&answer.diagnostics), "has a form that is not supported");
}

#[tokio::test]
async fn stored_identity_is_upgraded() {
    let (mut core, _) = start().await;
    let raw = |json: &str| {
        Some(proto::RawState { json: json.as_bytes().to_vec(), flatmap: BTreeMap::new() })
    };
    let mut request = proto::upgrade_resource_identity::Request {
        type_name: THING.to_owned(),
        version: 0,
        raw_identity: raw(r#"{"name":"a","gone":1}"#),
    };
    let answer = core.client.upgrade_resource_identity(request.clone()).await.unwrap().into_inner();
    outcome(&answer.diagnostics).unwrap();
    let data = answer.upgraded_identity.unwrap().identity_data;
    let identity = value(data.as_ref(), &core.identities[THING].object_type());
    assert_eq!(identity.get("name").as_str(), Some("a"));
    request.version = 1;
    let answer = core.client.upgrade_resource_identity(request).await.unwrap().into_inner();
    assert_error(outcome(&answer.diagnostics), "newer than the provider");
}

#[tokio::test]
async fn import_by_id_and_by_identity_ends_in_an_empty_plan() {
    let (mut core, _) = start().await;
    let wanted = thing(&core, &json!({"name": "a", "secret_wo": "1"}));
    let (_, made) = core.run(THING, &Instance::default(), &wanted).await.unwrap();
    let by_id = core.import(THING, "a", None).await.unwrap();
    let by_identity = core.import(THING, "", made.identity.as_ref()).await.unwrap();
    for imported in [by_id, by_identity] {
        assert_eq!(imported.value, made.value);
        assert_eq!(imported.identity, made.identity);
        let plan = core.plan(THING, &imported, &wanted).await.unwrap();
        assert_eq!(plan.action, crate::support::core::Action::NoOp);
    }
}

#[tokio::test]
async fn faulty_imports_are_reported_and_repaired() {
    let (mut core, _) = start().await;
    assert_error(core.import(THING, "nothing", None).await, "The provider returned no object");
    assert_error(core.import(THING, "undecided", None).await, "left a value undecided");
    assert_error(core.import(THING, "panic", None).await, "It panicked during import");
    assert_error(core.import(THING, "leak", None).await, "cannot import a non-existent object");
    assert_error(core.import(THING, "absent", None).await, "cannot import a non-existent object");
}

#[tokio::test]
async fn state_of_another_type_is_moved_without_its_secret() {
    let (mut core, _) = start().await;
    let state = json!({"title": "a", "secret": SECRET}).to_string().into_bytes();
    let mut request = proto::move_resource_state::Request {
        source_provider_address: "registry.terraform.io/other/other".to_owned(),
        source_type_name: "other_thing".to_owned(),
        source_schema_version: 1,
        source_state: Some(proto::RawState { json: state, flatmap: BTreeMap::new() }),
        target_type_name: THING.to_owned(),
        source_private: b"not ours".to_vec(),
        source_identity: None,
        source_identity_schema_version: 0,
    };
    let answer = core.client.move_resource_state(request.clone()).await.unwrap().into_inner();
    outcome(&answer.diagnostics).unwrap();
    let schema = &core.resources[THING];
    let moved = value(answer.target_state.as_ref(), &schema.object_type());
    content(&checks::stored(schema, &moved));
    assert_eq!(moved.get("name").as_str(), Some("a"));
    assert!(moved.get("secret_wo").is_null() && answer.target_identity.is_some());
    assert!(!answer.target_private.is_empty());
    request.source_type_name = "strange_thing".to_owned();
    let answer = core.client.move_resource_state(request).await.unwrap().into_inner();
    assert_error(outcome(&answer.diagnostics), "cannot take over the state of strange_thing");
}

#[tokio::test]
async fn generated_configuration_has_only_what_a_user_would_write() {
    let (mut core, _) = start().await;
    let wanted = thing(
        &core,
        &json!({
            "name": "a", "mode": "plain", "secret_wo": "1", "limit": {"max": 1},
            "parts": [{"name": "p", "weight": 1}], "vault": {"main": {"hint": "h"}},
        }),
    );
    let (_, made) = core.run(THING, &Instance::default(), &wanted).await.unwrap();
    let ty = core.resources[THING].object_type();
    let request = proto::generate_resource_config::Request {
        type_name: THING.to_owned(),
        state: dynamic(&made.value, &ty),
    };
    let answer = core.client.generate_resource_config(request).await.unwrap().into_inner();
    outcome(&answer.diagnostics).unwrap();
    let generated = value(answer.config.as_ref(), &ty);
    for name in ["id", "print", "revision", "secret_wo", "mode", "timeouts"] {
        assert!(generated.get(name).is_null(), "{name}");
    }
    assert!(generated.get("limit").same(wanted.get("limit")));
    let plan = core.plan(THING, &made, &generated).await.unwrap();
    assert_eq!(plan.action, crate::support::core::Action::NoOp);
}

#[tokio::test]
async fn data_source_is_read() {
    let (core, _) = start().await;
    let schema = core.data_sources["toy_lookup"].clone();
    let ty = schema.object_type();
    let mut client = core.client.clone();
    let mut read = async |name: &str| {
        let wanted = config(&schema, &json!({"name": name}));
        let request = proto::validate_data_resource_config::Request {
            type_name: "toy_lookup".to_owned(),
            config: dynamic(&wanted, &ty),
        };
        let answer = client.validate_data_resource_config(request).await.unwrap().into_inner();
        outcome(&answer.diagnostics)?;
        let request = proto::read_data_source::Request {
            type_name: "toy_lookup".to_owned(),
            config: dynamic(&wanted, &ty),
            provider_meta: None,
            client_capabilities: core.capabilities,
        };
        let answer = client.read_data_source(request).await.unwrap().into_inner();
        outcome(&answer.diagnostics)?;
        let state = value(answer.state.as_ref(), &ty);
        content(&checks::data(&schema, &wanted, &state));
        Ok(state)
    };
    let found = read("four").await.unwrap();
    assert_eq!(found.get("length"), &Value::Number(4_i64.into()));
    assert_error(read("nothing").await, "The provider returned no object");
    assert_error(read("undecided").await, "length: The provider left a value undecided");
    assert_error(read("error").await, "name: Not found");
    assert_error(read("panic").await, "It panicked during read of toy_lookup");
}

async fn open(core: &mut Core, audience: &str) -> proto::open_ephemeral_resource::Response {
    let schema = &core.ephemeral_resources["toy_token"];
    let wanted = config(schema, &json!({"audience": audience}));
    let request = proto::validate_ephemeral_resource_config::Request {
        type_name: "toy_token".to_owned(),
        config: dynamic(&wanted, &schema.object_type()),
    };
    let answer = core.client.validate_ephemeral_resource_config(request).await.unwrap();
    outcome(&answer.into_inner().diagnostics).unwrap();
    let request = proto::open_ephemeral_resource::Request {
        type_name: "toy_token".to_owned(),
        config: dynamic(&wanted, &core.ephemeral_resources["toy_token"].object_type()),
        client_capabilities: core.capabilities,
    };
    core.client.open_ephemeral_resource(request).await.unwrap().into_inner()
}

#[tokio::test]
async fn ephemeral_resource_is_opened_renewed_and_closed_as_both_cores_do() {
    let (mut core, world) = start().await;
    let opened = open(&mut core, "me").await;
    assert_eq!(outcome(&opened.diagnostics), Ok(Vec::new()));
    let schema = core.ephemeral_resources["toy_token"].clone();
    let result = value(opened.result.as_ref(), &schema.object_type());
    let wanted = config(&schema, &json!({"audience": "me"}));
    content(&checks::ephemeral(&schema, &wanted, &result));
    assert_eq!(result.get("token").as_str(), Some(SECRET));
    assert_eq!(opened.renew_at.unwrap().seconds, 1_900_000_000);
    let mut client = core.client.clone();
    let mut renew = async |private: Option<Vec<u8>>| {
        let type_name = "toy_token".to_owned();
        let request = proto::renew_ephemeral_resource::Request { type_name, private };
        client.renew_ephemeral_resource(request).await.unwrap().into_inner()
    };
    let first = renew(opened.private.clone()).await;
    assert_eq!(first.renew_at.unwrap().seconds, 1_900_000_060);
    let second = renew(first.private.clone()).await;
    assert!(second.renew_at.is_none());
    let third = renew(second.private.clone()).await;
    assert!(third.renew_at.is_none() && third.private == second.private);
    // Terraform closes with what open returned, OpenTofu with what the last renewal returned.
    for private in [opened.private, second.private, None] {
        let type_name = "toy_token".to_owned();
        let request = proto::close_ephemeral_resource::Request { type_name, private };
        let answer = core.client.close_ephemeral_resource(request).await.unwrap().into_inner();
        assert!(answer.diagnostics.is_empty());
    }
    assert_eq!(world.notes(), ["closed lease 1", "closed lease 3", "closed lease null"]);
}

#[tokio::test]
async fn faulty_ephemeral_resources_are_reported() {
    let (mut core, _) = start().await;
    let answer = open(&mut core, "nobody").await;
    assert_error(outcome(&answer.diagnostics), "The provider returned no object");
    let answer = open(&mut core, "panic").await;
    assert_error(outcome(&answer.diagnostics), "It panicked during open of toy_token");
}

#[tokio::test]
async fn functions_are_called_by_their_signature() {
    let (mut core, _) = start().await;
    let mut client = core.client.clone();
    let mut call = async |name: &str, arguments: &[Value]| {
        let arguments =
            arguments.iter().map(|a| dynamic(a, &Type::String).unwrap()).collect::<Vec<_>>();
        let request = proto::call_function::Request { name: name.to_owned(), arguments };
        let answer = client.call_function(request).await.unwrap().into_inner();
        match answer.error {
            Some(error) => Err((error.text, error.function_argument)),
            None => Ok(value(answer.result.as_ref(), &Type::String)),
        }
    };
    let text = |text: &str| Value::string(text);
    let joined = call("join", &[text("-"), text("a"), Value::Null, text("b")]).await.unwrap();
    assert_eq!(joined.as_str(), Some("a-b"));
    assert_eq!(call("join", &[text("-")]).await.unwrap().as_str(), Some(""));
    assert_eq!(call("join", &[text("-"), Value::UNKNOWN]).await, Ok(Value::UNKNOWN));
    let failures: [(&str, &[Value], &str, Option<i64>); 6] = [
        ("join", &[], "1 arguments are needed", None),
        ("join", &[Value::Null], "separator must not be null", Some(0)),
        ("join", &[text("fail")], "that separator is not liked", Some(0)),
        ("join", &[text("panic")], "It panicked", None),
        ("join", &[text("misfit")], "does not fit", None),
        ("jion", &[], "There is no such function", None),
    ];
    for (name, arguments, expected, place) in failures {
        let (message, argument) = call(name, arguments).await.unwrap_err();
        assert!(message.contains(expected) && !message.contains(SECRET), "{message}");
        assert_eq!(argument, place, "{message}");
    }
    let bad = proto::DynamicValue { msgpack: vec![0x93], json: Vec::new() };
    let request = proto::call_function::Request { name: "join".to_owned(), arguments: vec![bad] };
    let answer = core.client.call_function(request).await.unwrap().into_inner();
    assert_eq!(answer.error.unwrap().function_argument, Some(0));
}

#[tokio::test]
async fn objects_are_listed_up_to_the_limit() {
    let (mut core, _) = start().await;
    let ty = Type::object([("prefix", Type::String)]);
    let ask = |prefix: &str, limit, include| proto::list_resource::Request {
        type_name: THING.to_owned(),
        config: dynamic(&Value::object([("prefix", Value::string(prefix))]), &ty),
        include_resource_object: include,
        limit,
    };
    let stream = core.client.list_resource(ask("x", 3, true)).await.unwrap().into_inner();
    let events: Vec<_> = stream.map(Result::unwrap).collect().await;
    assert_eq!(events.len(), 3);
    for event in &events {
        let data = event.identity.as_ref().unwrap().identity_data.as_ref();
        let identity = value(data, &core.identities[THING].object_type());
        content(&checks::identity(&core.identities[THING], &identity));
        let schema = &core.resources[THING];
        let object = value(event.resource_object.as_ref(), &schema.object_type());
        content(&checks::stored(schema, &object));
    }
    let stream = core.client.list_resource(ask("broken", 0, false)).await.unwrap().into_inner();
    let events: Vec<_> = stream.map(Result::unwrap).collect().await;
    assert_eq!(events.len(), 6);
    assert!(events[0].resource_object.is_none());
    assert_error(outcome(&events[5].diagnostic), "That is not all");
    let request = proto::validate_list_resource_config::Request {
        type_name: THING.to_owned(),
        config: dynamic(&Value::object([("prefix", Value::UNKNOWN)]), &ty),
        include_resource_object: None,
        limit: None,
    };
    let answer = core.client.validate_list_resource_config(request).await.unwrap().into_inner();
    assert!(answer.diagnostics.is_empty());
}

#[tokio::test]
async fn actions_report_progress_and_complete() {
    let (mut core, world) = start().await;
    let ty = Type::object([("host", Type::String), ("key_wo", Type::String)]);
    let ping = |host: &str| {
        let ping = [("host", Value::string(host)), ("key_wo", Value::string(SECRET))];
        dynamic(&Value::object(ping), &ty)
    };
    let name = || "toy_ping".to_owned();
    let request =
        proto::validate_action_config::Request { type_name: name(), config: ping("nowhere") };
    let answer = core.client.validate_action_config(request).await.unwrap().into_inner();
    assert!(answer.diagnostics.is_empty());
    let plan = |host| proto::plan_action::Request {
        action_type: name(),
        config: ping(host),
        client_capabilities: None,
    };
    let answer = core.client.plan_action(plan("nowhere")).await.unwrap().into_inner();
    assert_error(outcome(&answer.diagnostics), "host: No such host");
    let invoke = |host| proto::invoke_action::Request {
        action_type: name(),
        config: ping(host),
        client_capabilities: None,
    };
    for (host, lines, error) in
        [("near", 2, None), ("deaf", 1, Some("No answer")), ("panic", 1, Some("It panicked"))]
    {
        let stream = core.client.invoke_action(invoke(host)).await.unwrap().into_inner();
        let mut events: Vec<_> = stream.map(|e| e.unwrap().r#type.unwrap()).collect().await;
        let Some(ActionEvent::Completed(end)) = events.pop() else { panic!("no completion") };
        assert!(events.iter().all(|e| matches!(e, ActionEvent::Progress(_))));
        assert_eq!(events.len(), lines, "{host}");
        match error {
            Some(error) => assert_error(outcome(&end.diagnostics), error),
            None => assert!(end.diagnostics.is_empty()),
        }
    }
    // An action goes on when its stream is dropped.
    drop(core.client.invoke_action(invoke("slow")).await.unwrap());
    tokio::time::timeout(Duration::from_secs(5), world.ended.notified()).await.expect("it ends");
}

#[tokio::test]
async fn unknown_types_and_damaged_values_are_diagnostics() {
    let (mut core, _) = start().await;
    let request = proto::validate_resource_config::Request {
        type_name: "toy_nothing".to_owned(),
        ..Default::default()
    };
    let answer = core.client.validate_resource_config(request).await.unwrap().into_inner();
    assert_error(outcome(&answer.diagnostics), "There is no such resource type");
    let bad = || Some(proto::DynamicValue { msgpack: vec![0xc1, 0xff], json: Vec::new() });
    let request = proto::plan_resource_change::Request {
        type_name: THING.to_owned(),
        config: bad(),
        ..Default::default()
    };
    let answer = core.client.plan_resource_change(request).await.unwrap().into_inner();
    assert_error(outcome(&answer.diagnostics), "The request cannot be read");
    let request = proto::apply_resource_change::Request {
        type_name: THING.to_owned(),
        prior_state: bad(),
        ..Default::default()
    };
    let answer = core.client.apply_resource_change(request).await.unwrap().into_inner();
    assert_eq!(answer.new_state.unwrap().msgpack, [0xc0], "null keeps the prior state");
    assert_error(outcome(&answer.diagnostics), "The request cannot be read");
}

#[tokio::test]
async fn large_values_pass_both_ways() {
    let (mut core, _) = start().await;
    let wanted = thing(&core, &json!({"name": "a", "note": "x".repeat(5 << 20)}));
    let (_, made) = core.run(THING, &Instance::default(), &wanted).await.unwrap();
    assert!(made.value.get("note").same(wanted.get("note")));
}
