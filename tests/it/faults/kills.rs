//! The provider process is killed at every boundary of every request, by every remote backend.
//!
//! The real binary, driven over its protocol as Terraform does. For each order, each request k of
//! its apply: killed before k reaches the service, and killed after the service answered k but
//! before the provider knows. Then a fresh process goes on from the state that Terraform has (the
//! one before, since the apply never returned). One plan and apply must do: the vault holds
//! exactly what it holds after an apply that nobody disturbed, and the next plan is empty.

mod orders;
mod picture;
mod sync;
mod trap;

use std::collections::BTreeMap;
use std::sync::Arc;

use coffer::adapters::catalog::BACKENDS;
use coffer::domain::secret::SecretName;
use coffer::plugin::framework::value::Value;
use futures_util::StreamExt as _;
use tokio::sync::Mutex;

use super::Subject;
use super::process::{PROFILE, Provider};
use crate::conformance::harness::name;
use crate::support::core::{Action, Core, Instance, Plan, config};
use crate::support::fault_proxy::{Boundary, FaultProxy};
pub use orders::SECRET;
use orders::{Order, Step};
use picture::Picture;
use trap::Trap;

/// Processes at the same time.
const AT_ONCE: usize = 4;
/// Least kills of a backend; a test that kills less does not test.
const LEAST: usize = 150;

macro_rules! backends {
    ($($backend:ident),+ $(,)?) => {
        /// Backends that take part.
        const PLAYED: &[&str] = &[$(stringify!($backend)),+];

        $(
            #[tokio::test(flavor = "multi_thread", worker_threads = 8)]
            async fn $backend() {
                run(stringify!($backend)).await;
            }
        )+
    };
}

backends! {
    aws_secrets_manager,
    azure_key_vault,
    oci_vault,
}

#[test]
fn every_remote_backend_of_the_catalogue_takes_part() {
    let networked = BACKENDS.iter().filter(|descriptor| descriptor.pacing.is_some());
    let mut networked: Vec<_> = networked.map(|descriptor| descriptor.name).collect();
    networked.sort_unstable();
    assert_eq!(PLAYED, networked);
}

/// A vault and a process that nobody kills, which brings it to where the cases start.
struct Stage {
    subject: Subject,
    steady: Mutex<Provider>,
    /// Of the steady process.
    _proxy: FaultProxy,
}

/// What an apply starts from.
struct Begun {
    name: SecretName,
    /// Instances by label, with the configuration they were made of.
    instances: BTreeMap<&'static str, (&'static str, Instance, Value)>,
    prior: Instance,
    config: Value,
    plan: Plan,
}

async fn run(backend: &'static str) {
    let Some(subject) = Subject::of(backend) else { return };
    let proxy = subject.proxy().await;
    let steady = Mutex::new(Provider::start(&subject.remote, &proxy).await);
    let stage = Stage { subject, steady, _proxy: proxy };
    let (mut kills, mut findings) = (0, Vec::new());
    for order in orders::all() {
        if !(order.possible)(stage.subject.calm.capability()) {
            continue;
        }
        let undisturbed = undisturbed(&stage, &order).await;
        let requests = undisturbed.requests;
        let points = (1..=requests).flat_map(|k| [Boundary::Before(k), Boundary::After(k)]);
        let cases = points.enumerate().map(|(place, at)| {
            let (stage, order, expected) = (&stage, &order, &undisturbed.picture);
            async move { (at, killed(stage, order, place, at, expected).await) }
        });
        let outcomes: Vec<_> =
            futures_util::stream::iter(cases).buffer_unordered(AT_ONCE).collect().await;
        for (at, outcome) in outcomes {
            match outcome {
                Ok(done) => kills += usize::from(done),
                Err(why) => findings.push(format!("{backend} {} {at:?}: {why}", order.name)),
            }
        }
    }
    assert!(findings.is_empty(), "{}:\n{}", findings.len(), findings.join("\n"));
    assert!(kills >= LEAST, "only {kills} kills");
}

struct Undisturbed {
    requests: usize,
    picture: Picture,
}

/// The order when nothing happens: how many requests its apply makes, and what is there then.
async fn undisturbed(stage: &Stage, order: &Order) -> Undisturbed {
    let begun = begin(stage, order, "calm").await;
    let proxy = stage.subject.proxy().await;
    let mut provider = Provider::start(&stage.subject.remote, &proxy).await;
    let resource = order.change.resource;
    let before = proxy.count();
    let applied = provider.apply(resource, &begun.prior, &begun.plan, &begun.config).await;
    let (_, errors) = applied.expect("nobody kills it");
    assert_eq!(errors, [] as [&str; 0], "{}", order.name);
    let requests = proxy.count() - before;
    assert!(requests > 0, "{} makes no request", order.name);
    let picture = Picture::of(&*stage.subject.calm, &begun.name).await;
    as_ordered(order, &picture);
    Undisturbed { requests, picture }
}

/// What is expected of everybody is right itself.
fn as_ordered(order: &Order, picture: &Picture) {
    let expected: (&[&str], Option<&str>) = match order.name {
        "create" | "create_with_labels" | "create_over_deleted" | "relabel" => {
            (&["current, latest"], Some("canary-one"))
        }
        "create_made" => (&["current, latest"], Some("24 bytes")),
        "rotate_made" => (&["previous", "current, latest"], Some("24 bytes")),
        "stage" => (&["current", "latest, pending"], Some("canary-one")),
        "roll_back" => (&["current", "latest, previous"], Some("canary-one")),
        // Some vaults still list a version that is to be deleted.
        "discard" => return assert_eq!(picture.current.as_deref(), Some("canary-four")),
        "delete" | "destroy" => {
            assert_ne!(picture.lifecycle, "active");
            (&[], None)
        }
        _ => (&["previous", "current, latest"], Some("canary-two")),
    };
    let found = (&picture.versions[..], picture.current.as_deref());
    assert_eq!(
        found,
        (&expected.0.iter().map(|s| s.to_string()).collect::<Vec<_>>()[..], expected.1),
        "{}",
        order.name
    );
}

/// Brings the vault to where an order starts, and plans it.
async fn begin(stage: &Stage, order: &Order, case: &str) -> Begun {
    let name = name(&format!("{}-{case}", order.name.replace('_', "-")));
    let core = &mut stage.steady.lock().await.core;
    let mut instances = BTreeMap::new();
    for step in &order.before {
        let wanted = wanted(core, step, &name);
        let (_, prior, _) = instances.remove(step.label).unwrap_or((
            step.resource,
            Instance::default(),
            Value::Null,
        ));
        let plan = core.plan(step.resource, &prior, &wanted).await.expect("it can be planned");
        let (after, errors) = core.apply(step.resource, &prior, &plan, &wanted).await;
        assert_eq!(errors, [] as [&str; 0], "{} {}", order.name, step.label);
        instances.insert(step.label, (step.resource, after, wanted));
    }
    let Step { label, resource, .. } = order.change;
    let (_, prior, _) =
        instances.remove(label).unwrap_or((resource, Instance::default(), Value::Null));
    let config = wanted(core, &order.change, &name);
    let plan = core.plan(resource, &prior, &config).await.expect("it can be planned");
    Begun { name, instances, prior, config, plan }
}

/// The configuration of a step for a case.
fn wanted(core: &Core, step: &Step, name: &SecretName) -> Value {
    let Some(mut json) = step.config.clone() else { return Value::Null };
    match step.resource {
        SECRET => json["name"] = name.to_string().into(),
        _ => json["secret_id"] = format!("{PROFILE}/{name}").into(),
    }
    config(&core.resources[step.resource], &json)
}

/// One case; false when the apply came to its end with fewer requests, so that nobody was killed.
async fn killed(
    stage: &Stage,
    order: &Order,
    place: usize,
    at: Boundary,
    expected: &Picture,
) -> Result<bool, String> {
    let begun = begin(stage, order, &place.to_string()).await;
    let trap = Arc::new(Trap::default());
    let proxy = stage.subject.proxy_with(Some(trap.hook())).await;
    let mut victim = Provider::start(&stage.subject.remote, &proxy).await;
    let before = proxy.count();
    let (number, at) = match at {
        Boundary::Before(k) => (k, Boundary::Before(before + k)),
        Boundary::After(k) => (k, Boundary::After(before + k)),
    };
    trap.set(&victim, at);
    let resource = order.change.resource;
    let applied = victim.apply(resource, &begun.prior, &begun.plan, &begun.config).await;
    if !trap.has_sprung() {
        let missed = proxy.count() >= before + number || applied.is_none();
        return if missed { Err("nobody was killed".to_owned()) } else { Ok(false) };
    }
    if let Some(answer) = applied {
        return Err(format!("a dead process answers {answer:?}"));
    }
    let said = victim.stderr();
    drop(victim);
    if said.contains("canary") {
        return Err(format!("it told a value: {said}"));
    }
    let mut fresh = Provider::start(&stage.subject.remote, &proxy).await;
    go_on(&mut fresh.core, resource, &begun).await?;
    let picture = Picture::of(&*stage.subject.calm, &begun.name).await;
    if picture != *expected && !is_half_destroyed(order, &picture, &fresh.core.told) {
        return Err(format!("the vault has {picture:?}, not {expected:?}"));
    }
    Ok(true)
}

/// A vault that destroys in two steps keeps the secret, deleted, when the second is missing. The
/// next refresh does not change anything, so all it can do is to tell.
fn is_half_destroyed(order: &Order, picture: &Picture, told: &[String]) -> bool {
    order.name == "destroy"
        && picture.lifecycle == "deleted"
        && told.iter().any(|text| text.contains("Secret is deleted and not destroyed"))
}

/// The next run: refresh, plan, apply, and then a plan of everything that is empty.
async fn go_on(core: &mut Core, resource: &str, begun: &Begun) -> Result<(), String> {
    let prior = refresh(core, resource, &begun.prior).await?;
    let after = if prior.value.is_null() && begun.config.is_null() {
        prior
    } else {
        let plan = core.plan(resource, &prior, &begun.config).await;
        let plan = plan.map_err(|errors| format!("it cannot be planned again: {errors:?}"))?;
        if plan.action == Action::Replace {
            return Err("it would be replaced".to_owned());
        }
        let (after, errors) = core.apply(resource, &prior, &plan, &begun.config).await;
        if !errors.is_empty() {
            return Err(format!("it cannot be applied again: {errors:?}"));
        }
        after
    };
    is_settled(core, resource, &after, &begun.config).await?;
    for (resource, instance, config) in begun.instances.values() {
        // A version that another one has replaced as current wants to be it again.
        if *resource == SECRET {
            is_settled(core, resource, instance, config).await?;
        }
    }
    Ok(())
}

async fn refresh(core: &mut Core, resource: &str, prior: &Instance) -> Result<Instance, String> {
    if prior.value.is_null() {
        return Ok(prior.clone());
    }
    let read = core.refresh(resource, prior).await;
    read.map_err(|errors| format!("it cannot be read: {errors:?}"))
}

async fn is_settled(
    core: &mut Core,
    resource: &str,
    instance: &Instance,
    config: &Value,
) -> Result<(), String> {
    let seen = refresh(core, resource, instance).await?;
    if seen.value.is_null() && config.is_null() {
        return Ok(());
    }
    let plan = core.plan(resource, &seen, config).await;
    let plan = plan.map_err(|errors| format!("the next plan fails: {errors:?}"))?;
    match plan.action {
        Action::NoOp => Ok(()),
        action => Err(format!("the next plan of {resource} is {action:?}: {:#?}", plan.planned)),
    }
}
