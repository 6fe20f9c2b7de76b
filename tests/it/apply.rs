//! Applying: what is stored after success, errors, panics, stops and dropped streams.

use std::sync::Arc;
use std::time::Duration;

use coffer::plugin::framework::value::Value;
use coffer::plugin::wire::proto;
use serde_json::json;

use crate::support::core::{Action, Core, Errors, Instance, Plan, config};
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

async fn planned(core: &mut Core, prior: &Instance, wanted: &Value) -> Plan {
    core.plan(THING, prior, wanted).await.unwrap()
}

/// Creates a thing with a fault; every answer is checked on the way.
async fn create(core: &mut Core, fault: &str) -> (Instance, Errors) {
    let wanted = thing(
        core,
        &json!({
            "name": "a", "fault": fault, "secret_wo": SECRET,
            "login_wo": {"user": "u", "password": SECRET},
            "vault": {"main": {"key_wo": SECRET}},
        }),
    );
    let plan = planned(core, &Instance::default(), &wanted).await;
    core.apply(THING, &Instance::default(), &plan, &wanted).await
}

/// Updates a thing with a fault.
async fn update(core: &mut Core, fault: &str) -> (Instance, Instance, Errors) {
    let first = thing(core, &json!({"name": "a", "secret_wo": SECRET}));
    let (_, before) = core.run(THING, &Instance::default(), &first).await.unwrap();
    let wanted = thing(core, &json!({"name": "a", "fault": fault, "secret_wo": SECRET}));
    let plan = planned(core, &before, &wanted).await;
    assert_eq!(plan.action, Action::Update);
    let (after, errors) = core.apply(THING, &before, &plan, &wanted).await;
    (before, after, errors)
}

fn assert_error(errors: &Errors, text: &str) {
    let all = errors.join("\n");
    assert!(all.contains(text), "{text:?} in {all}");
    assert!(!all.contains(SECRET), "a value in {all}");
}

#[tokio::test]
async fn create_update_delete_keep_private_data_and_identity() {
    let (mut core, world) = start().await;
    let one = thing(&core, &json!({"name": "a", "secret_wo": "1"}));
    let (action, first) = core.run(THING, &Instance::default(), &one).await.unwrap();
    assert_eq!(action, Action::Create);
    let envelope = String::from_utf8(first.private.clone()).unwrap();
    assert_eq!(envelope, r#"{"entries":{"count":1},"version":1}"#);
    assert_eq!(first.identity.as_ref().unwrap().get("name").as_str(), Some("a"));
    let two = thing(&core, &json!({"name": "a", "secret_wo": "2"}));
    let (action, second) = core.run(THING, &first, &two).await.unwrap();
    assert_eq!(action, Action::Update);
    assert_eq!(second.value.get("revision"), &Value::Number(2_i64.into()));
    let plan = planned(&mut core, &second, &Value::Null).await;
    let (gone, errors) = core.apply(THING, &second, &plan, &Value::Null).await;
    assert!(gone.value.is_null() && errors.is_empty());
    assert!(world.things.lock().unwrap().is_empty());
    assert!(world.notes().contains(&"plan to destroy, private true".to_owned()));
}

#[tokio::test]
async fn failed_create_stores_what_is_known_without_the_secret() {
    let (mut core, _) = start().await;
    let (after, errors) = create(&mut core, "half").await;
    assert_error(&errors, "name: Half done");
    assert_eq!(after.value.get("id").as_str(), Some("made-id"), "a tainted object is not lost");
    assert!(after.value.get("secret_wo").is_null() && after.value.get("revision").is_null());
}

#[tokio::test]
async fn panicking_create_stores_what_was_known() {
    let (mut core, _) = start().await;
    let (after, errors) = create(&mut core, "panic").await;
    assert_error(&errors, "It panicked during create of toy_thing");
    assert_eq!(after.value.get("id").as_str(), Some("made-id"));
    // The server goes on.
    assert!(create(&mut core, "").await.1.is_empty());
}

#[tokio::test]
async fn faulty_create_is_reported_and_repaired() {
    for (fault, error) in [
        ("undecided", "id: The provider left a value undecided"),
        ("misfit", "surplus: The provider returned a value that does not fit its schema"),
        ("misfit", "id: The provider returned a value that does not fit its schema"),
        ("no state", "The provider returned no object"),
        ("no identity", "The provider returned no identity"),
        ("other identity", "The identity of the object changed"),
    ] {
        let (mut core, _) = start().await;
        let (after, errors) = create(&mut core, fault).await;
        assert_error(&errors, error);
        assert_eq!(after.value.is_null(), fault == "no state", "{fault}");
    }
}

#[tokio::test]
async fn leaked_write_only_values_are_nulled() {
    let (mut core, _) = start().await;
    let (after, errors) = create(&mut core, "leak").await;
    assert_eq!(errors, Errors::new());
    assert!(after.value.get("secret_wo").is_null() && after.value.get("login_wo").is_null());
    let vault = after.value.get("vault").get("main");
    assert!(vault.get("key_wo").is_null() && !vault.is_null());
}

#[tokio::test]
async fn failed_update_keeps_the_prior_state() {
    for (fault, error) in [
        ("update error", "Not now"),
        ("update none", "The provider returned no object"),
        ("update panic", "It panicked during update"),
    ] {
        let (mut core, _) = start().await;
        let (before, after, errors) = update(&mut core, fault).await;
        assert_error(&errors, error);
        assert_eq!(after.value, before.value, "{fault}");
    }
}

#[tokio::test]
async fn failed_update_that_returns_its_configuration_leaks_nothing() {
    let (mut core, _) = start().await;
    let (_, after, errors) = update(&mut core, "update leak").await;
    assert_error(&errors, "Not now");
    assert_eq!(after.value.get("fault").as_str(), Some("update leak"));
    assert!(after.value.get("secret_wo").is_null());
}

#[tokio::test]
async fn failed_delete_keeps_the_object() {
    let (mut core, _) = start().await;
    let (before, _) = create(&mut core, "delete error").await;
    let plan = planned(&mut core, &before, &Value::Null).await;
    let (after, errors) = core.apply(THING, &before, &plan, &Value::Null).await;
    assert_error(&errors, "It clings");
    assert_eq!(after.value, before.value);
}

#[tokio::test]
async fn stop_cancels_what_runs_and_nothing_later() {
    let (mut core, world) = start().await;
    let wanted = thing(&core, &json!({"name": "a", "fault": "wait"}));
    let plan = planned(&mut core, &Instance::default(), &wanted).await;
    let request = core.apply_request(THING, &Instance::default(), &plan, &wanted);
    let mut client = core.client.clone();
    let running = tokio::spawn(async move { client.apply_resource_change(request).await });
    world.begun.notified().await;
    core.client.stop_provider(proto::stop_provider::Request {}).await.unwrap();
    let answer = running.await.unwrap().unwrap().into_inner();
    let (after, errors) = core.applied(THING, &plan, answer);
    assert_error(&errors, "Cancelled");
    assert_eq!(after.value.get("id").as_str(), Some("made-id"), "partial state is kept");
    assert!(create(&mut core, "").await.1.is_empty(), "later calls are not cancelled");
}

#[tokio::test]
async fn apply_survives_a_dropped_stream() {
    let (mut core, world) = start().await;
    let wanted = thing(&core, &json!({"name": "a", "fault": "linger"}));
    let plan = planned(&mut core, &Instance::default(), &wanted).await;
    let request = core.apply_request(THING, &Instance::default(), &plan, &wanted);
    let mut client = core.client.clone();
    let running = tokio::spawn(async move { client.apply_resource_change(request).await });
    world.begun.notified().await;
    running.abort();
    tokio::time::timeout(Duration::from_secs(5), world.ended.notified()).await.expect("it ends");
    assert!(world.things.lock().unwrap().contains_key("a"));
}

#[tokio::test]
async fn drift_and_disappearance_show_in_the_next_plan() {
    let (mut core, world) = start().await;
    let wanted = thing(&core, &json!({"name": "a", "secret_wo": "1"}));
    let (_, before) = core.run(THING, &Instance::default(), &wanted).await.unwrap();
    world.things.lock().unwrap().clear();
    let gone = core.refresh(THING, &before).await.unwrap();
    assert!(gone.value.is_null());
    let plan = planned(&mut core, &Instance::default(), &wanted).await;
    assert_eq!(plan.action, Action::Create);
}

#[tokio::test]
async fn faulty_reads_are_reported_and_repaired() {
    for (fault, error) in
        [("read error", "Not readable"), ("read identity", "identity of the object changed")]
    {
        let (mut core, _) = start().await;
        let (before, errors) = create(&mut core, fault).await;
        assert_eq!(errors, Errors::new());
        assert_error(&core.read(THING, &before).await.unwrap_err(), error);
    }
    let (mut core, _) = start().await;
    let (before, _) = create(&mut core, "read leak").await;
    let after = core.read(THING, &before).await.unwrap();
    assert_eq!(after, before);
}
