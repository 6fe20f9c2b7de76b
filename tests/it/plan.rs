//! Plans: the pipeline's order, what stays, what becomes unknown, what forces a replacement.

use std::sync::Arc;

use coffer::plugin::framework::path::Path;
use coffer::plugin::framework::value::Value;
use serde_json::json;

use crate::support::core::{Action, Core, Instance, config};
use crate::support::in_process;
use crate::support::toy::{SECRET, THING, Toy};

async fn core() -> Core {
    Core::connect(in_process::connect(Arc::new(Toy::default())).await).await
}

fn thing(core: &Core, json: &serde_json::Value) -> Value {
    config(&core.resources[THING], json)
}

/// Creates a thing and returns it.
async fn made(core: &mut Core, json: &serde_json::Value) -> Instance {
    let config = thing(core, json);
    core.run(THING, &Instance::default(), &config).await.unwrap().1
}

#[tokio::test]
async fn create_fills_defaults_and_marks_computed_unknown() {
    let mut core = core().await;
    let wanted = thing(&core, &json!({"name": "a", "parts": [{"name": "p"}]}));
    let plan = core.plan(THING, &Instance::default(), &wanted).await.unwrap();
    assert_eq!(plan.action, Action::Create);
    assert_eq!(plan.planned.get("mode").as_str(), Some("plain"));
    for name in ["id", "print", "revision", "size"] {
        assert!(plan.planned.get(name).is_unknown(), "{name}");
    }
    let part = Path::attribute("parts").index(0);
    let part = part.find(&plan.planned).unwrap();
    assert_eq!(part.get("weight"), &Value::Number(1_i64.into()));
    assert!(part.get("serial").is_unknown() && part.get("note").is_unknown());
    assert!(plan.requires_replace.is_empty());
}

#[tokio::test]
async fn unchanged_configuration_plans_nothing() {
    let mut core = core().await;
    let wanted = json!({
        "name": "a", "note": "n", "tags": {"k": "v", "é": "ü"}, "labels": ["x", "y"],
        "anything": {"type": ["list", "number"], "value": [1, 2.5, "0.1"]},
        "limit": {"max": 3}, "parts": [{"name": "p", "weight": 12345678901234567890_u64}],
        "zones": {"z": {"name": "q", "note": "own"}}, "bits": [{"name": "r"}, {"name": "s"}],
        "rule": [{"port": 80}, {"port": 443}], "hook": [{"url": "u"}, {"url": "v", "retries": 2}],
        "vault": {"main": {"key_wo": SECRET, "hint": "h"}},
        "login_wo": {"user": "u", "password": SECRET}, "secret_wo": SECRET,
        "timeouts": {"create": "1h30m"},
    });
    // `run` demands an empty second plan, unchanged to the byte.
    let thing = made(&mut core, &wanted).await;
    assert!(!thing.value.get("anything").is_null());
    assert!(thing.value.get("secret_wo").is_null());
}

#[tokio::test]
async fn change_marks_computed_unknown_except_what_keeps_its_value() {
    let mut core = core().await;
    let before = made(&mut core, &json!({"name": "a", "secret_wo": "1", "size": 4})).await;
    let wanted = thing(&core, &json!({"name": "a", "secret_wo": "1", "note": "new"}));
    let plan = core.plan(THING, &before, &wanted).await.unwrap();
    assert_eq!(plan.action, Action::Update);
    assert!(plan.planned.get("id").same(before.value.get("id")), "kept by schema");
    assert!(plan.planned.get("print").same(before.value.get("print")), "kept by the resource");
    assert!(plan.planned.get("revision").is_unknown());
    assert!(plan.planned.get("size").is_unknown(), "left out now, so the provider decides");
}

#[tokio::test]
async fn write_only_change_shows_through_computed_attributes() {
    let mut core = core().await;
    let before = made(&mut core, &json!({"name": "a", "secret_wo": "1"})).await;
    let wanted = thing(&core, &json!({"name": "a", "secret_wo": "2"}));
    let plan = core.plan(THING, &before, &wanted).await.unwrap();
    assert_eq!(plan.action, Action::Update);
    assert!(plan.planned.get("print").is_unknown() && plan.planned.get("revision").is_unknown());
    assert!(plan.planned.get("size").is_unknown(), "mark_changed marks the others, too");
    assert!(plan.planned.get("id").same(before.value.get("id")));
    let (_, after) = core.run(THING, &before, &wanted).await.unwrap();
    assert!(!after.value.get("print").same(before.value.get("print")));
}

#[tokio::test]
async fn unknown_write_only_value_plans_unknown_and_may_turn_out_equal() {
    let mut core = core().await;
    let before = made(&mut core, &json!({"name": "a", "secret_wo": "1"})).await;
    let mut open = thing(&core, &json!({"name": "a"}));
    open.set("secret_wo", Value::UNKNOWN);
    let plan = core.plan(THING, &before, &open).await.unwrap();
    assert_eq!(plan.action, Action::Update);
    let same = thing(&core, &json!({"name": "a", "secret_wo": "1"}));
    let (after, errors) = core.apply(THING, &before, &plan, &same).await;
    assert_eq!(errors, [] as [&str; 0]);
    assert_eq!(after, before, "the update collapses to nothing");
    let other = thing(&core, &json!({"name": "a", "secret_wo": "other"}));
    let (after, errors) = core.apply(THING, &before, &plan, &other).await;
    assert_eq!(errors, [] as [&str; 0]);
    assert!(!after.value.get("print").same(before.value.get("print")));
}

#[tokio::test]
async fn null_write_only_value_leaves_the_content_alone() {
    let mut core = core().await;
    let before = made(&mut core, &json!({"name": "a", "secret_wo": "1"})).await;
    let (action, after) =
        core.run(THING, &before, &thing(&core, &json!({"name": "a"}))).await.unwrap();
    assert_eq!(action, Action::NoOp);
    assert_eq!(after.value, before.value);
}

#[tokio::test]
async fn replacing_attribute_forces_a_replacement() {
    let mut core = core().await;
    let before = made(&mut core, &json!({"name": "a", "secret_wo": "1"})).await;
    let wanted = thing(&core, &json!({"name": "b", "secret_wo": "1"}));
    let plan = core.plan(THING, &before, &wanted).await.unwrap();
    assert_eq!(plan.action, Action::Replace);
    assert_eq!(plan.requires_replace, [Path::attribute("name")]);
    assert!(plan.planned.get("id").is_unknown(), "a new object has a new id");
    let (after, errors) = core.apply(THING, &before, &plan, &wanted).await;
    assert_eq!(errors, [] as [&str; 0]);
    assert_eq!(after.value.get("name").as_str(), Some("b"));
    assert_eq!(after.identity.unwrap().get("name").as_str(), Some("b"));
}

#[tokio::test]
async fn resource_may_replace_because_of_a_write_only_attribute() {
    let mut core = core().await;
    let before = made(&mut core, &json!({"name": "a"})).await;
    let wanted = thing(&core, &json!({"name": "a", "plan_fault": "replace", "secret_wo": "2"}));
    let plan = core.plan(THING, &before, &wanted).await.unwrap();
    assert_eq!(plan.action, Action::Replace);
    assert_eq!(plan.requires_replace, [Path::attribute("secret_wo")]);
}

#[tokio::test]
async fn elements_keep_their_computed_parts_by_index_key_and_content() {
    let mut core = core().await;
    let before = made(
        &mut core,
        &json!({
            "name": "a", "parts": [{"name": "p"}], "zones": {"z": {"name": "q"}},
            "bits": [{"name": "r"}], "rule": [{"port": 1}],
        }),
    )
    .await;
    let wanted = thing(
        &core,
        &json!({
            "name": "a", "parts": [{"name": "p"}, {"name": "new"}],
            "zones": {"y": {"name": "new"}, "z": {"name": "q"}},
            "bits": [{"name": "new"}, {"name": "r"}], "rule": [{"port": 1}, {"port": 2}],
        }),
    );
    let plan = core.plan(THING, &before, &wanted).await.unwrap();
    let at = |path: Path| path.find(&plan.planned).unwrap().clone();
    let parts = Path::attribute("parts");
    assert_eq!(at(parts.clone().index(0).child("serial")).as_str(), Some("made-serial"));
    assert!(at(parts.clone().index(1).child("serial")).is_unknown());
    assert!(at(parts.index(0).child("note")).is_unknown(), "it does not keep its value");
    let zones = Path::attribute("zones");
    assert_eq!(at(zones.clone().key("z").child("serial")).as_str(), Some("made-serial"));
    assert!(at(zones.key("y").child("serial")).is_unknown());
    let Value::Set(bits) = plan.planned.get("bits") else { panic!("bits are a set") };
    let serial = |name: &str| {
        bits.iter().find(|bit| bit.get("name").as_str() == Some(name)).unwrap().get("serial")
    };
    assert_eq!(serial("r").as_str(), Some("made-serial"));
    assert!(serial("new").is_unknown());
    let (action, _) = core.run(THING, &before, &wanted).await.unwrap();
    assert_eq!(action, Action::Update);
}

#[tokio::test]
async fn removed_nested_attribute_is_planned_null() {
    let mut core = core().await;
    let before =
        made(&mut core, &json!({"name": "a", "limit": {"max": 1}, "parts": [{"name": "p"}]})).await;
    let (action, after) =
        core.run(THING, &before, &thing(&core, &json!({"name": "a"}))).await.unwrap();
    assert_eq!(action, Action::Update);
    assert!(after.value.get("limit").is_null() && after.value.get("parts").is_null());
}

#[tokio::test]
async fn unknown_configuration_is_planned_and_decided_later() {
    let mut core = core().await;
    let mut open = thing(&core, &json!({"name": "a", "rule": [{"port": 1}]}));
    for name in ["note", "mode", "tags", "labels", "limit", "parts", "zones", "bits", "vault"] {
        open.set(name, Value::UNKNOWN);
    }
    let plan = core.plan(THING, &Instance::default(), &open).await.unwrap();
    let decided = thing(
        &core,
        &json!({
            "name": "a", "note": "n", "mode": "fancy", "tags": {"a": "b"}, "labels": ["l"],
            "limit": {"max": 1}, "parts": [{"name": "p"}], "zones": {}, "bits": [{"name": "b"}],
            "rule": [{"port": 1}],
        }),
    );
    let (after, errors) = core.apply(THING, &Instance::default(), &plan, &decided).await;
    assert_eq!(errors, [] as [&str; 0]);
    let second = core.plan(THING, &after, &decided).await.unwrap();
    assert_eq!(second.action, Action::NoOp);
}

#[tokio::test]
async fn replacement_waits_for_an_unknown_name() {
    let mut core = core().await;
    let before = made(&mut core, &json!({"name": "a"})).await;
    let mut open = thing(&core, &json!({"name": "a"}));
    open.set("name", Value::UNKNOWN);
    let plan = core.plan(THING, &before, &open).await.unwrap();
    assert_eq!(plan.action, Action::Replace);
    assert!(plan.identity.is_none());
}

#[tokio::test]
async fn faulty_plans_become_errors_and_never_leak() {
    let mut core = core().await;
    let before = made(&mut core, &json!({"name": "a"})).await;
    for (fault, error) in [
        ("panic", "The provider failed unexpectedly"),
        ("misfit", "does not fit its schema"),
        ("identity", "identity of the object changed"),
        ("dead path", "names an attribute that does not exist"),
        ("error", "plan_fault: No such plan"),
    ] {
        let wanted = thing(&core, &json!({"name": "a", "plan_fault": fault, "secret_wo": SECRET}));
        let errors = core.plan(THING, &before, &wanted).await.unwrap_err().join("\n");
        assert!(errors.contains(error) && !errors.contains(SECRET), "{fault}: {errors}");
    }
    let wanted = thing(&core, &json!({"name": "a", "plan_fault": "leak", "secret_wo": SECRET}));
    let plan = core.plan(THING, &before, &wanted).await.unwrap();
    assert!(plan.planned.get("secret_wo").is_null());
}

#[tokio::test]
async fn destroy_is_planned_as_null_and_may_be_refused() {
    let mut core = core().await;
    let before = made(&mut core, &json!({"name": "a"})).await;
    let plan = core.plan(THING, &before, &Value::Null).await.unwrap();
    assert_eq!((plan.action, &plan.planned), (Action::Delete, &Value::Null));
    let (after, errors) = core.apply(THING, &before, &plan, &Value::Null).await;
    assert_eq!((after.value, errors), (Value::Null, Vec::new()));
    let stays = made(&mut core, &json!({"name": "b", "fault": "keep me"})).await;
    let errors = core.plan(THING, &stays, &Value::Null).await.unwrap_err();
    assert!(errors[0].contains("It stays"), "{errors:?}");
}

#[tokio::test]
async fn planned_private_data_comes_back_where_the_client_keeps_it() {
    let toy = Toy::default();
    let world = Arc::clone(&toy.world);
    let mut core = Core::connect(in_process::connect(Arc::new(toy)).await).await;
    let wanted = thing(&core, &json!({"name": "a"}));
    core.run(THING, &Instance::default(), &wanted).await.unwrap();
    assert_eq!(world.notes(), ["planned private data came back"]);
}
