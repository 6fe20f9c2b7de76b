//! Whole lives of random toy things: plan with parts unknown, apply, refresh, plan again, destroy.
//!
//! Core's checks apply to every answer; every second plan must be empty and no write-only value may
//! be anywhere in what is stored.

use std::sync::Arc;

use coffer::plugin::framework::codec::encode_json;
use coffer::plugin::framework::value::Value;
use proptest::collection::{btree_map, vec};
use proptest::option;
use proptest::prelude::*;
use proptest::sample::{select, subsequence};
use serde_json::{Value as Json, json};

use crate::support::core::{Action, Core, Instance, config};
use crate::support::in_process;
use crate::support::toy::{SECRET, THING, Toy};

/// Attributes that may be unknown while planning.
const OPEN: [&str; 13] = [
    "name",
    "note",
    "mode",
    "size",
    "tags",
    "labels",
    "anything",
    "limit",
    "parts",
    "zones",
    "bits",
    "vault",
    "secret_wo",
];

/// One change: what the configuration says, and what of it is not known yet at plan.
#[derive(Debug, Clone)]
struct Step {
    config: Json,
    open: Vec<&'static str>,
}

fn word() -> impl Strategy<Value = String> {
    select(vec!["", "a", "b", "ü", "a b"]).prop_map(str::to_owned)
}

fn part(name: impl Strategy<Value = String>) -> impl Strategy<Value = Json> {
    (name, option::of(0..3), option::of(word()))
        .prop_map(|(name, weight, note)| json!({"name": name, "weight": weight, "note": note}))
}

fn unique_parts() -> impl Strategy<Value = Vec<Json>> {
    // Elements of a set that differ only in what a default fills would become one.
    subsequence(vec!["r", "s", "t"], 0..=3).prop_flat_map(|names| {
        names.into_iter().map(|name| part(Just(name.to_owned()))).collect::<Vec<_>>()
    })
}

fn anything() -> impl Strategy<Value = Json> {
    prop_oneof![
        word().prop_map(|text| json!({"type": "string", "value": text})),
        vec(0..9, 0..3).prop_map(|items| json!({"type": ["list", "number"], "value": items})),
        Just(json!({"type": ["object", {"a": "bool"}], "value": {"a": true}})),
    ]
}

fn nested() -> impl Strategy<Value = Json> {
    let vault = option::of(btree_map(word(), option::of(word()), 0..3));
    (
        option::of(0..3).prop_map(|max| max.map(|max| json!({"max": max}))),
        option::of(vec(part(word()), 0..3)),
        option::of(btree_map(word(), part(word()), 0..3)),
        option::of(unique_parts()),
        vec((0..3).prop_map(|port| json!({"port": port})), 0..3),
        subsequence(vec!["u", "v"], 0..=2),
        vault,
    )
        .prop_map(|(limit, parts, zones, bits, rule, hooks, vault)| {
            let hook: Vec<_> = hooks.iter().map(|url| json!({"url": url})).collect();
            let vault = vault.map(|vault| {
                let entry = |(key, hint)| (key, json!({"hint": hint, "key_wo": SECRET}));
                vault.into_iter().map(entry).collect::<serde_json::Map<_, _>>()
            });
            json!({
                "limit": limit, "parts": parts, "zones": zones, "bits": bits, "rule": rule,
                "hook": hook, "vault": vault,
            })
        })
}

fn flat() -> impl Strategy<Value = Json> {
    (
        select(vec!["a", "b"]),
        option::of(word()),
        option::of(select(vec!["plain", "fancy"])),
        option::of(0..3),
        option::of(btree_map(word(), word(), 0..3)),
        option::of(subsequence(vec!["x", "y", "z"], 0..=3)),
        option::of(anything()),
        option::of(0..3),
    )
        .prop_map(|(name, note, mode, size, tags, labels, anything, secret)| {
            json!({
                "name": name, "note": note, "mode": mode, "size": size, "tags": tags,
                "labels": labels, "anything": anything,
                "secret_wo": secret.map(|n| format!("{SECRET}-{n}")),
            })
        })
}

fn step() -> impl Strategy<Value = Step> {
    (flat(), nested(), subsequence(OPEN.to_vec(), 0..=4)).prop_map(|(flat, nested, open)| {
        let (Json::Object(mut config), Json::Object(nested)) = (flat, nested) else {
            unreachable!("both are objects")
        };
        config.extend(nested);
        Step { config: Json::Object(config), open }
    })
}

async fn live(steps: Vec<Step>) {
    let mut core = Core::connect(in_process::connect(Arc::new(Toy::default())).await).await;
    let ty = core.resources[THING].object_type();
    let mut instance = Instance::default();
    for Step { config: json, open } in steps {
        let wanted = config(&core.resources[THING], &json);
        let mut at_plan = wanted.clone();
        for name in open {
            at_plan.set(name, Value::UNKNOWN);
        }
        core.validate(THING, &at_plan).await.unwrap();
        let plan = core.plan(THING, &instance, &at_plan).await.unwrap();
        let (after, errors) = core.apply(THING, &instance, &plan, &wanted).await;
        assert_eq!(errors, [] as [&str; 0]);
        instance = core.refresh(THING, &after).await.unwrap();
        assert_eq!(instance, after, "nothing drifts");
        let second = core.plan(THING, &instance, &wanted).await.unwrap();
        assert_eq!(second.action, Action::NoOp, "second plan: {:#?}", second.planned);
        let stored = encode_json(&instance.value, &ty).unwrap();
        assert!(!String::from_utf8(stored).unwrap().contains(SECRET));
        assert!(!String::from_utf8(instance.private.clone()).unwrap().contains(SECRET));
    }
    let plan = core.plan(THING, &instance, &Value::Null).await.unwrap();
    let (after, errors) = core.apply(THING, &instance, &plan, &Value::Null).await;
    assert!(after.value.is_null() && errors.is_empty());
}

proptest! {
    #![proptest_config(ProptestConfig {
        cases: 64, failure_persistence: None, ..ProptestConfig::default()
    })]

    #[test]
    fn any_life_passes_core_s_checks(steps in vec(step(), 1..4)) {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(live(steps));
    }
}
