//! The whole provider over embedded vaults, under core's checks: `coffer_secret` through long random
//! lives, two profiles, keys that are wrong or missing, and a search of everything that was
//! answered for what must not be in it.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use coffer::plugin::framework::value::Value;
use coffer::plugin::wire::proto;
use coffer::provider::Coffer;
use serde_json::{Value as Json, json};

use crate::support::canary::{Canary, Search};
use crate::support::core::{Action, Core, Errors, Instance, config, dynamic, outcome, value};
use crate::support::in_process;

const TYPE: &str = "coffer_secret";

/// A provider with profiles `one` (the default) and `two`, with their vaults in `folder`.
async fn start(folder: &Path) -> Core {
    let block = json!({ "default_profile": "one", "profiles": profiles(folder) });
    with(block).await.unwrap()
}

fn profiles(folder: &Path) -> Json {
    json!({
        "one": { "embedded": { "path": folder.join("one.db"), "key": key(1) } },
        "two": { "embedded": { "path": folder.join("two.db"), "key": key(2) } },
    })
}

fn key(byte: u8) -> String {
    STANDARD.encode([byte; 32])
}

async fn with(block: Json) -> Result<Core, Errors> {
    let mut core = Core::connect(in_process::connect(Arc::new(Coffer::new())).await).await;
    let block = config(&core.provider, &block);
    core.configure(&block).await?;
    Ok(core)
}

fn secret(core: &Core, json: &Json) -> Value {
    config(&core.resources[TYPE], json)
}

async fn apply(core: &mut Core, prior: &Instance, json: &Json) -> (Action, Instance) {
    let wanted = secret(core, json);
    core.run(TYPE, prior, &wanted).await.unwrap()
}

async fn destroy(core: &mut Core, instance: &Instance) -> Errors {
    let plan = match core.plan(TYPE, instance, &Value::Null).await {
        Ok(plan) => plan,
        Err(errors) => return errors,
    };
    core.apply(TYPE, instance, &plan, &Value::Null).await.1
}

/// Opens the ephemeral resource; a known result has passed core's checks. Unknown ones are for
/// Terraform alone, which takes them; the checks are OpenTofu's.
async fn open(core: &mut Core, json: &Json) -> Result<Value, Errors> {
    let schema = core.ephemeral_resources[TYPE].clone();
    let wanted = config(&schema, json);
    let request = proto::open_ephemeral_resource::Request {
        type_name: TYPE.to_owned(),
        config: dynamic(&wanted, &schema.object_type()),
        client_capabilities: None,
    };
    let answer = core.client.open_ephemeral_resource(request).await.unwrap().into_inner();
    outcome(&answer.diagnostics)?;
    let result = value(answer.result.as_ref(), &schema.object_type());
    if result.is_wholly_known() {
        let violations = crate::support::core_checks::ephemeral(&schema, &wanted, &result);
        crate::support::core::content(&violations);
    }
    Ok(result)
}

#[tokio::test]
async fn life_of_a_secret() {
    let folder = tempfile::tempdir().unwrap();
    let mut core = start(folder.path()).await;
    let wanted = json!({ "name": "app/db", "value_wo": "one" });
    let (action, first) = apply(&mut core, &Instance::default(), &wanted).await;
    assert_eq!(action, Action::Create);
    assert_eq!(first.value.get("id").as_str(), Some("one/app/db"));
    let (action, second) =
        apply(&mut core, &first, &json!({ "name": "app/db", "value_wo": "two" })).await;
    assert_eq!(action, Action::Update);
    assert_ne!(second.value.get("fingerprint"), first.value.get("fingerprint"));
    let (_, third) = apply(&mut core, &second, &wanted).await;
    // The salt stays, so the same content has the same print again.
    assert_eq!(third.value.get("fingerprint"), first.value.get("fingerprint"));
    assert!(destroy(&mut core, &third).await.is_empty());
    let (_, again) = apply(&mut core, &Instance::default(), &wanted).await;
    assert_eq!(again.value.get("version"), third.value.get("version"));
    let read = open(&mut core, &json!({ "id": "one/app/db" })).await.unwrap();
    assert_eq!(read.get("value").as_str(), Some("one"));
    let old = open(&mut core, &json!({ "name": "app/db", "version": 2 })).await.unwrap();
    assert_eq!(old.get("value").as_str(), Some("two"));
}

#[tokio::test]
async fn import_by_id_and_identity_gives_an_empty_plan() {
    let folder = tempfile::tempdir().unwrap();
    let mut core = start(folder.path()).await;
    let wanted = json!({
        "name": "app/db", "value_wo": "one", "description": "d", "tags": { "a": "b" },
        "expires_at": "2030-01-01T00:00:00+02:00",
    });
    apply(&mut core, &Instance::default(), &wanted).await;
    let identity =
        Value::object([("profile", Value::string("one")), ("name", Value::string("app/db"))]);
    for (id, identity) in [("one/app/db", None), ("", Some(&identity))] {
        let imported = core.import(TYPE, id, identity).await.unwrap();
        let config = secret(&core, &wanted);
        let plan = core.plan(TYPE, &imported, &config).await.unwrap();
        assert_eq!(plan.action, Action::NoOp, "{:?}", plan.planned);
    }
    let errors = core.import(TYPE, "app/db", None).await.unwrap_err();
    assert!(errors.join("").contains("Known profiles: one, two"), "{errors:?}");
}

#[tokio::test]
async fn profile_with_a_wrong_key_fails_only_what_uses_it() {
    let folder = tempfile::tempdir().unwrap();
    let mut core = start(folder.path()).await;
    let (_, one) =
        apply(&mut core, &Instance::default(), &json!({ "name": "a", "value_wo": "1" })).await;
    let other = json!({ "name": "b", "value_wo": "2", "profile": "two" });
    let (_, two) = apply(&mut core, &Instance::default(), &other).await;
    let bytes = std::fs::read(folder.path().join("two.db")).unwrap();
    let profiles = json!({
        "one": { "embedded": { "path": folder.path().join("one.db"), "key": key(1) } },
        "two": { "embedded": { "path": folder.path().join("two.db"), "key": key(9) } },
    });
    let block = json!({ "default_profile": "one", "profiles": profiles });
    let mut core = with(block).await.unwrap();
    assert_eq!(core.refresh(TYPE, &one).await.unwrap().value, one.value);
    let errors = core.refresh(TYPE, &two).await.unwrap_err().join("\n");
    assert!(errors.contains("\"two\"") && errors.contains("key"), "{errors}");
    assert!(!errors.contains(&key(9)) && !errors.contains(&key(2)), "{errors}");
    assert_eq!(std::fs::read(folder.path().join("two.db")).unwrap(), bytes, "nothing was changed");
}

/// A provider whose fingerprint key is in a file.
async fn with_key(folder: &Path, byte: u8) -> Core {
    let path = folder.join("fingerprint.key");
    std::fs::write(&path, key(byte)).unwrap();
    std::fs::set_permissions(&path, std::os::unix::fs::PermissionsExt::from_mode(0o600)).unwrap();
    let block = json!({
        "default_profile": "one", "profiles": profiles(folder), "fingerprint": { "key_file": path },
    });
    with(block).await.unwrap()
}

#[tokio::test]
async fn fingerprints_of_another_key_are_not_taken_for_changes() {
    let folder = tempfile::tempdir().unwrap();
    let wanted = json!({ "name": "a", "value_wo": "1" });
    let mut core = start(folder.path()).await;
    let (_, derived) = apply(&mut core, &Instance::default(), &wanted).await;
    // A key of its own in place of the vault's: that of the vault is known still.
    let mut core = with_key(folder.path(), 7).await;
    let wanted = secret(&core, &wanted);
    let plan = core.plan(TYPE, &derived, &wanted).await.unwrap();
    assert_eq!((plan.action, plan.warnings), (Action::NoOp, vec![]));
    let changed = json!({ "name": "a", "value_wo": "2" });
    let (_, own) = apply(&mut core, &derived, &changed).await;
    // Another one: the former is not known any more.
    let mut core = with_key(folder.path(), 8).await;
    let plan = core.plan(TYPE, &own, &wanted).await.unwrap();
    assert_eq!(plan.action, Action::NoOp);
    assert!(plan.warnings.join("").contains("retired_key_envs"), "{:?}", plan.warnings);
}

#[tokio::test]
async fn another_default_profile_is_not_taken_for_changes() {
    let folder = tempfile::tempdir().unwrap();
    let mut core = start(folder.path()).await;
    let wanted = json!({ "name": "a", "value_wo": "1", "profile": "one" });
    let (_, instance) = apply(&mut core, &Instance::default(), &wanted).await;
    let block = json!({ "default_profile": "two", "profiles": profiles(folder.path()) });
    let mut core = with(block).await.unwrap();
    let other = json!({ "name": "b", "value_wo": "1" });
    apply(&mut core, &Instance::default(), &other).await;
    let config = secret(&core, &wanted);
    let plan = core.plan(TYPE, &instance, &config).await.unwrap();
    assert_eq!((plan.action, plan.warnings), (Action::NoOp, vec![]));
    let changed = json!({ "name": "a", "value_wo": "2", "profile": "one" });
    let (action, _) = apply(&mut core, &instance, &changed).await;
    assert_eq!(action, Action::Update);
}

#[tokio::test]
async fn unusable_fingerprint_key_is_told_at_plan() {
    let folder = tempfile::tempdir().unwrap();
    let block = json!({
        "profiles": profiles(folder.path()), "default_profile": "one",
        "fingerprint": { "key_env": "COFFER_TEST_NOT_SET" },
    });
    let mut core = with(block).await.unwrap();
    let config = secret(&core, &json!({ "name": "a", "value_wo": "1" }));
    let errors = core.plan(TYPE, &Instance::default(), &config).await.unwrap_err().join("");
    assert!(errors.contains("COFFER_TEST_NOT_SET is not set"), "{errors}");
    assert!(errors.contains("fingerprint.key_env"), "{errors}");
}

#[tokio::test]
async fn ephemeral_results_by_type_and_by_absence() {
    let folder = tempfile::tempdir().unwrap();
    let mut core = start(folder.path()).await;
    let login = json!({ "name": "login", "basic_auth_wo": { "username": "u", "password": "p" } });
    apply(&mut core, &Instance::default(), &login).await;
    let read = open(&mut core, &json!({ "name": "login" })).await.unwrap();
    assert_eq!(read.get("basic_auth").get("password").as_str(), Some("p"));
    assert!(read.get("value").is_null() && read.get("key_value").is_null());
    let missing = json!({ "name": "nowhere", "on_missing": "null" });
    let read = open(&mut core, &missing).await.unwrap();
    assert!(read.get("value").is_null() && read.get("version").is_null());
    let errors = open(&mut core, &json!({ "name": "nowhere" })).await.unwrap_err().join("\n");
    assert!(errors.contains("on_missing"), "{errors}");
    let errors = open(&mut core, &json!({ "name": "login", "version": 9 })).await.unwrap_err();
    assert!(errors.join("").contains("version"), "{errors:?}");
    let closed = open(&mut core, &json!({ "name": "nowhere", "open": false })).await.unwrap();
    assert!(closed.get("value").is_unknown() && closed.get("id").as_str() == Some("one/nowhere"));
}

/// A small generator, so that a failure can be repeated by its seed.
struct Random(u64);

impl Random {
    fn below(&mut self, limit: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        usize::try_from(self.0 % limit as u64).unwrap()
    }

    fn pick(&mut self, choices: &[Json]) -> Json {
        choices[self.below(choices.len())].clone()
    }
}

/// A random configuration. Names may be taken by what an earlier step left, so adopting is on.
fn random_secret(random: &mut Random, values: &[Json]) -> Json {
    let null = Json::Null;
    let mut json = json!({
        "name": random.pick(&[json!("n/1"), json!("n/1"), json!("n/2")]),
        "profile": random.pick(&[null.clone(), null.clone(), json!("two")]),
        "description": random.pick(&[null.clone(), json!("d")]),
        "content_type": random.pick(&[null.clone(), json!("text/plain")]),
        "tags": random.pick(&[null.clone(), json!({}), json!({ "a": "b" }), json!({ "a": "c" })]),
        "expires_at": random.pick(&[null.clone(), json!("2031-01-01T00:00:00+01:00")]),
        "enabled": random.pick(&[null.clone(), json!(true), json!(false)]),
        "on_drift": random.pick(&[null.clone(), json!("accept")]),
        "manage_content": random.pick(&[null.clone(), null.clone(), json!("initial")]),
        "deletion_policy":
            random.pick(&[null.clone(), json!("destroy"), json!("retain"), json!("disable")]),
        "content_wo_version": random.pick(&[null.clone(), null, json!("1"), json!("2")]),
        "on_existing": "adopt",
    });
    let content = random.pick(values);
    for (name, value) in content.as_object().unwrap() {
        json[name] = value.clone();
    }
    json
}

#[tokio::test]
async fn random_lives_stay_consistent_and_leak_nothing() {
    let canaries: Vec<Canary> = (0..4).map(|_| Canary::new()).collect();
    let search = Search::new(&canaries);
    let text = |place: usize| canaries[place].text();
    let values = [
        json!({ "value_wo": text(0) }),
        json!({ "value_wo": text(1) }),
        json!({ "api_key_wo": text(1) }),
        json!({ "value_base64_wo": STANDARD.encode(text(2)) }),
        json!({ "basic_auth_wo": { "username": "u", "password": text(2) } }),
        json!({ "key_value_wo": { "k": text(3), "l": "x" } }),
    ];
    for seed in 1..=6_u64 {
        let folder = tempfile::tempdir().unwrap();
        let mut core = start(folder.path()).await;
        let mut random = Random(seed.wrapping_mul(0x9E37_79B9_7F4A_7C15));
        let mut instance = Instance::default();
        let mut actions = BTreeMap::new();
        for step in 0..25 {
            let wanted = random_secret(&mut random, &values);
            let config = secret(&core, &wanted);
            let mut told = Vec::new();
            if random.below(6) == 0 && !instance.value.is_null() {
                told = destroy(&mut core, &instance).await;
                if told.is_empty() {
                    instance = Instance::default();
                }
            } else {
                match core.run(TYPE, &instance, &config).await {
                    Ok((action, next)) => {
                        *actions.entry(format!("{action:?}")).or_insert(0) += 1;
                        instance = next;
                    }
                    Err(errors) => told = errors,
                }
            }
            let told = told.join("\n");
            assert!(told.is_empty(), "seed {seed}, step {step}: {wanted:#}\n{told}");
            let place = format!("seed {seed}, step {step}");
            search.assert_none_in(&place, &format!("{:?}", instance.identity));
            search.assert_none_in(&place, &String::from_utf8_lossy(&instance.private));
            search.assert_none_in(&place, &state_text(&core, &instance));
        }
        assert!(actions.len() >= 3, "seed {seed} does not do enough: {actions:?}");
        search.assert_none_below(folder.path());
    }
}

fn state_text(core: &Core, instance: &Instance) -> String {
    let ty = core.resources[TYPE].object_type();
    let json = coffer::plugin::framework::codec::encode_json(&instance.value, &ty).unwrap();
    String::from_utf8(json).unwrap()
}
