//! A sync whose process is killed: at every boundary of every request to a remote destination, and
//! at many moments of a run between two embedded vaults.
//!
//! Terraform keeps the state from before. One more run must do: every copy has the value of its
//! source, with as many versions as after a run that nobody disturbed, and the next plan is empty.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use coffer::domain::port::Backend;
use coffer::domain::secret::SecretName;
use coffer::plugin::framework::value::Value;
use futures_util::StreamExt as _;
use serde_json::{Map, Value as Json, json};

use super::super::process::{PROFILE, Provider};
use super::picture::Picture;
use super::trap::Trap;
use super::{AT_ONCE, SECRET, Subject};
use crate::support::core::{Core, Instance, Plan, config};
use crate::support::fault_proxy::{Boundary, FaultProxy};
use crate::support::peer::{Peer, Start};
use crate::support::vault::Vault;

const SYNC: &str = "coffer_secret_sync";
/// Least kills of a backend; a test that kills less does not test.
const LEAST: usize = 30;

#[tokio::test(flavor = "multi_thread", worker_threads = 8)]
async fn to_oci_vault() {
    every_boundary("oci_vault").await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 8)]
async fn to_azure_key_vault() {
    every_boundary("azure_key_vault").await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 8)]
async fn to_aws_secrets_manager() {
    every_boundary("aws_secrets_manager").await;
}

/// What is copied before, and then; the second run is the one that is killed.
#[derive(Clone, Copy)]
struct Order {
    name: &'static str,
    before: &'static [(&'static str, &'static str)],
    then: &'static [(&'static str, &'static str)],
}

const ORDERS: [Order; 2] = [
    Order { name: "first", before: &[], then: &[("a", "canary-1"), ("b", "canary-2")] },
    Order {
        name: "mixed",
        before: &[("a", "canary-1"), ("b", "canary-2"), ("c", "canary-3")],
        then: &[("a", "canary-new"), ("b", "canary-2"), ("d", "canary-4")],
    },
];

/// A destination as it is: state of life, number of versions and value, by key.
type Copies = BTreeMap<String, (&'static str, usize, Option<String>)>;

/// A sync that is about to be applied.
struct Begun {
    provider: Provider,
    prior: Instance,
    config: Value,
    plan: Plan,
}

async fn every_boundary(backend: &'static str) {
    let Some(subject) = Subject::of(backend) else { return };
    let (mut kills, mut findings) = (0, Vec::new());
    for order in ORDERS {
        let calm = subject.proxy().await;
        let directory = tempfile::tempdir().unwrap();
        let mut begun = begin(&subject, &calm, &order, "calm", directory.path()).await;
        let before = calm.count();
        let applied = begun.provider.apply(SYNC, &begun.prior, &begun.plan, &begun.config).await;
        let (_, errors) = applied.expect("nobody kills it");
        assert_eq!(errors, [] as [&str; 0], "{}", order.name);
        let requests = calm.count() - before;
        let expected = copies(&*subject.calm, &order, "calm").await;
        for (key, value) in order.then {
            assert_eq!(expected[*key].2.as_deref(), Some(*value), "{}", order.name);
        }
        let points = (1..=requests).flat_map(|k| [Boundary::Before(k), Boundary::After(k)]);
        let cases = points.enumerate().map(|(place, at)| {
            let (subject, expected) = (&subject, &expected);
            async move { (at, killed(subject, &order, place, at, expected).await) }
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

/// Makes the sources and what was copied before, changes the sources, and plans the sync.
async fn begin(
    subject: &Subject,
    proxy: &FaultProxy,
    order: &Order,
    case: &str,
    directory: &Path,
) -> Begun {
    let mut provider = start(subject, proxy, directory).await;
    let wanted = sync(&provider.core, PROFILE, &prefix(order, case));
    let core = &mut provider.core;
    let mut made = BTreeMap::new();
    let mut prior = Instance::default();
    if !order.before.is_empty() {
        change(core, &mut made, order.before).await;
        prior = core.run(SYNC, &prior, &wanted).await.unwrap().1;
    }
    change(core, &mut made, order.then).await;
    core.walk().await.unwrap();
    let plan = core.plan(SYNC, &prior, &wanted).await.expect("it can be planned");
    Begun { provider, prior, config: wanted, plan }
}

async fn start(subject: &Subject, proxy: &FaultProxy, directory: &Path) -> Provider {
    let path = directory.join("source.db");
    let source = json!({ "embedded": { "path": path } });
    let profiles = Map::from_iter([("source".to_owned(), source)]);
    Provider::start_with(&subject.remote, proxy, profiles).await
}

/// Brings the sources to what is wanted: creates, changes and destroys.
async fn change(
    core: &mut Core,
    made: &mut BTreeMap<&'static str, Instance>,
    wanted: &[(&'static str, &'static str)],
) {
    let schema = core.resources[SECRET].clone();
    let block = |key: &str, value: &str| {
        let block = json!({
            "profile": "source", "name": key, "value_wo": value, "deletion_policy": "destroy",
        });
        config(&schema, &block)
    };
    for (key, value) in wanted {
        let prior = made.remove(key).unwrap_or_default();
        let (_, after) = core.run(SECRET, &prior, &block(key, value)).await.unwrap();
        made.insert(*key, after);
    }
    let gone: Vec<_> =
        made.keys().filter(|key| !wanted.iter().any(|(k, _)| k == *key)).copied().collect();
    for key in gone {
        let prior = made.remove(key).unwrap();
        let plan = core.plan(SECRET, &prior, &Value::Null).await.unwrap();
        let (_, errors) = core.apply(SECRET, &prior, &plan, &Value::Null).await;
        assert_eq!(errors, [] as [&str; 0]);
    }
}

fn sync(core: &Core, destination: &str, prefix: &str) -> Value {
    let block: Json = json!({
        "name": "s",
        "source": { "profile": "source", "names": ["**"] },
        "destinations": {
            "d": { "profile": destination, "key_schema": format!("{prefix}{{{{secretKey}}}}") },
        },
        "parallelism": 1,
    });
    config(&core.resources[SYNC], &block)
}

fn prefix(order: &Order, case: &str) -> String {
    format!("{}-{case}-", order.name)
}

async fn copies(backend: &dyn Backend, order: &Order, case: &str) -> Copies {
    let keys: std::collections::BTreeSet<_> =
        order.before.iter().chain(order.then).map(|(key, _)| *key).collect();
    let mut copies = Copies::new();
    for key in keys {
        let name: SecretName = format!("{}{key}", prefix(order, case)).parse().unwrap();
        let picture = Picture::of(backend, &name).await;
        let known = (picture.lifecycle, picture.versions.len(), picture.current);
        copies.insert(key.to_owned(), known);
    }
    copies
}

/// One case; false when the apply came to its end with fewer requests, so that nobody was killed.
async fn killed(
    subject: &Subject,
    order: &Order,
    place: usize,
    at: Boundary,
    expected: &Copies,
) -> Result<bool, String> {
    let trap = Arc::new(Trap::default());
    let proxy = subject.proxy_with(Some(trap.hook())).await;
    let directory = tempfile::tempdir().unwrap();
    let case = place.to_string();
    let mut begun = begin(subject, &proxy, order, &case, directory.path()).await;
    let before = proxy.count();
    let at = match at {
        Boundary::Before(k) => Boundary::Before(before + k),
        Boundary::After(k) => Boundary::After(before + k),
    };
    trap.set(&begun.provider, at);
    let applied = begun.provider.apply(SYNC, &begun.prior, &begun.plan, &begun.config).await;
    if !trap.has_sprung() {
        return if applied.is_none() { Err("it died by itself".to_owned()) } else { Ok(false) };
    }
    if let Some(answer) = applied {
        return Err(format!("a dead process answers {answer:?}"));
    }
    let said = begun.provider.stderr();
    if said.contains("canary") {
        return Err(format!("it told a value: {said}"));
    }
    let (prior, wanted) = (begun.prior.clone(), begun.config.clone());
    drop(begun);
    let mut fresh = start(subject, &proxy, directory.path()).await;
    // Also asserts that the plan after it is empty.
    let run = fresh.core.run(SYNC, &prior, &wanted).await;
    run.map_err(|errors| format!("the next run fails: {errors:?}"))?;
    let found = copies(&*subject.calm, order, &case).await;
    if found != *expected {
        return Err(format!("the vault has {found:?}, not {expected:?}"));
    }
    Ok(true)
}

/// Keys of the run between embedded vaults.
const KEYS: usize = 12;
/// Moments at which it is killed.
const MOMENTS: u32 = 24;

async fn embedded(directory: &Path) -> (Peer, Core) {
    let peer = Start::new().connect().await;
    let mut core = Core::connect(peer.provider()).await;
    let at = |file: &str| json!({ "embedded": { "path": directory.join(file) } });
    let profiles = json!({ "source": at("source.db"), "d": at("d.db") });
    let block = json!({ "default_profile": "source", "profiles": profiles });
    let block = config(&core.provider, &block);
    core.configure(&block).await.unwrap();
    (peer, core)
}

/// A file has no requests to count; so the run is killed at moments all over its length, as long as
/// there are such that caught it in the middle.
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn to_an_embedded_vault() {
    let (mut length, mut halfway, mut kills) = (Duration::ZERO, 0, 0);
    for moment in 0..=MOMENTS {
        let directory = tempfile::tempdir().unwrap();
        let (peer, mut core) = embedded(directory.path()).await;
        let schema = core.resources[SECRET].clone();
        for key in 0..KEYS {
            let block = json!({ "name": key.to_string(), "value_wo": format!("canary-{key}") });
            core.run(SECRET, &Instance::default(), &config(&schema, &block)).await.unwrap();
        }
        core.walk().await.unwrap();
        let wanted = sync(&core, "d", "");
        let plan = core.plan(SYNC, &Instance::default(), &wanted).await.unwrap();
        let request = core.apply_request(SYNC, &Instance::default(), &plan, &wanted);
        let begin = Instant::now();
        if moment == 0 {
            // Nobody kills the first one.
            core.client.apply_resource_change(request).await.unwrap();
            length = begin.elapsed();
            assert_eq!(stored(directory.path()).await, KEYS);
            continue;
        }
        let mut client = core.client.clone();
        let applying = tokio::spawn(async move { client.apply_resource_change(request).await });
        tokio::time::sleep(length * moment / MOMENTS).await;
        peer.process.signal(rustix::process::Signal::KILL);
        kills += usize::from(applying.await.unwrap().is_err());
        drop((core, peer));
        let before = stored(directory.path()).await;
        halfway += usize::from(before > 0 && before < KEYS);
        let (peer, mut core) = embedded(directory.path()).await;
        let (_, after) = core.run(SYNC, &Instance::default(), &wanted).await.unwrap();
        assert_eq!(after.value.get("status").as_str(), Some("synced"));
        drop((core, peer));
        let path = directory.path().to_owned();
        let check = move || {
            for key in 0..KEYS {
                let (name, file) = (key.to_string(), path.join("d.db"));
                let value = Vault::at(&file).value(&name);
                assert_eq!(value, Some(format!("canary-{key}")), "moment {moment}");
                let versions = Vault::at(&file).versions(&name);
                assert_eq!(versions, 1, "moment {moment}");
            }
        };
        tokio::task::spawn_blocking(check).await.unwrap();
    }
    assert!(kills >= 10, "only {kills} of {MOMENTS} kills came before the end");
    assert!(halfway >= 3, "only {halfway} of {kills} kills met the middle");
}

/// Number of copies.
async fn stored(directory: &Path) -> usize {
    let path = directory.join("d.db");
    let count = move || if path.exists() { Vault::at(&path).names().len() } else { 0 };
    tokio::task::spawn_blocking(count).await.unwrap()
}
