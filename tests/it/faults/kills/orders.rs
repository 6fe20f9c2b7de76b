//! What Terraform is about to apply when the provider process dies.
//!
//! Each order starts from resources that are there already, as state has them, and asks for one
//! change of one resource. Names and values are those of the case.

use coffer::domain::port::Capability;
use serde_json::{Value as Json, json};

/// Type of the secret.
pub const SECRET: &str = "coffer_secret";
/// Type of one of its versions.
pub const VERSION: &str = "coffer_secret_version";

/// One change.
pub struct Order {
    /// For people.
    pub name: &'static str,
    /// Whether a vault can do it.
    pub possible: fn(&Capability) -> bool,
    /// Configurations that were applied before, in their order, each of a resource by label.
    pub before: Vec<Step>,
    /// What is applied.
    pub change: Step,
}

/// A resource and the configuration that is applied to it; none destroys it.
pub struct Step {
    /// Which of the resources of its type.
    pub label: &'static str,
    /// Type.
    pub resource: &'static str,
    /// Configuration; the name or id of the secret is the case's.
    pub config: Option<Json>,
}

const fn always(_: &Capability) -> bool {
    true
}

fn secret(config: Json) -> Step {
    Step { label: "secret", resource: SECRET, config: Some(config) }
}

fn version(config: Json) -> Step {
    Step { label: "version", resource: VERSION, config: Some(config) }
}

fn one() -> Step {
    secret(json!({ "value_wo": "canary-one" }))
}

/// A secret whose later content belongs to its versions.
fn staged() -> Step {
    secret(json!({ "value_wo": "canary-one", "manage_content": "initial" }))
}

fn made(owner: &str) -> Step {
    let generate = json!({ "kind": "password", "length": 24, "keepers": { "owner": owner } });
    secret(json!({ "generate": generate }))
}

fn order(name: &'static str, before: Vec<Step>, change: Step) -> Order {
    Order { name, possible: always, before, change }
}

/// The end of the resource that a step makes.
const fn gone(step: &Step) -> Step {
    Step { config: None, label: step.label, resource: step.resource }
}

/// Every order.
pub fn all() -> Vec<Order> {
    let labels = json!({ "description": "for people", "tags": { "team": "red" } });
    let with_labels = |value: &str| {
        let mut config = labels.clone();
        config["value_wo"] = value.into();
        secret(config)
    };
    let two = |state: &str| version(json!({ "value_wo": "canary-two", "rotation_state": state }));
    let back = json!({ "number": 1, "rotation_state": "current" });
    let next = |label: &'static str, value: &str| {
        let config = json!({ "value_wo": value, "rotation_state": "current" });
        Step { label, ..version(config) }
    };
    let mut old = next("old", "canary-two");
    old.config.as_mut().expect("it was just made")["on_destroy"] = "delete".into();
    let before = vec![staged(), old, next("next", "canary-three"), next("last", "canary-four")];
    let destroyed = secret(json!({ "value_wo": "canary-one", "deletion_policy": "destroy" }));
    vec![
        order("create", vec![], one()),
        order("create_with_labels", vec![], with_labels("canary-one")),
        order("create_made", vec![], made("anna")),
        order("create_over_deleted", vec![one(), gone(&one())], one()),
        order("rotate", vec![one()], secret(json!({ "value_wo": "canary-two" }))),
        order("rotate_made", vec![made("anna")], made("berta")),
        order("relabel", vec![one()], with_labels("canary-one")),
        order("rotate_and_relabel", vec![one()], with_labels("canary-two")),
        order("stage", vec![staged()], two("pending")),
        order("upload_as_current", vec![staged()], two("current")),
        order("promote", vec![staged(), two("pending")], two("current")),
        order("roll_back", vec![staged(), two("current")], Step { label: "back", ..version(back) }),
        Order {
            possible: |capability| capability.delete_versions,
            ..order("discard", before, gone(&next("old", "")))
        },
        order("delete", vec![one()], gone(&one())),
        Order {
            possible: |capability| capability.purge,
            ..order("destroy", vec![destroyed], gone(&one()))
        },
    ]
}
