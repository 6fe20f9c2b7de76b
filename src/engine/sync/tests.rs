//! Syncs between two vaults in memory: with failures at every call, dropped at every call.

use std::time::Duration as StdDuration;

use super::*;
use crate::domain::fingerprint::Salt;
use crate::domain::key_schema::{KeySchema, Values};
use crate::domain::policy::Removal;
use crate::domain::port::{
    Backend, Capability, ErrorKind, Metadata, MetadataPatch, NewSecret, NewVersion, Options, Stage,
};
use crate::domain::sync::naming::Naming;
use crate::domain::sync::plan::Action;
use crate::engine::testing::{
    Memory, Strike, When, capability, content, failing, name, ring, run, vault,
};

mod faults;

type Ledger = BTreeMap<SecretName, Entry>;

struct Bench {
    from: Arc<Memory>,
    to: Arc<Memory>,
    rules: Rules,
    ledger: Ledger,
    instance: &'static str,
}

impl Bench {
    async fn new(values: &[(&str, &str)]) -> Self {
        let rules = Rules { max_deletes: 5, ..Rules::default() };
        let (from, to) = (Memory::new(), Memory::new());
        let bench = Self { from, to, rules, ledger: Ledger::new(), instance: "1" };
        for (key, value) in values {
            put(&bench.from, key, value).await;
        }
        bench
    }

    async fn source(&self) -> Source {
        let vault = Arc::new(vault(&self.from));
        let mut secrets = BTreeMap::new();
        for record in list(&vault, &run(), &ListFilter::default()).await.unwrap() {
            let id = SecretId::new("main".parse().unwrap(), record.name.clone());
            let key = record.name.as_str().to_owned();
            let (chosen, open, planned) = (record.current.clone(), false, None);
            secrets.insert(key, Original { id, record: Some(record), chosen, open, planned });
        }
        Source { vault, state: RotationState::Current, secrets }
    }

    fn target(&self, source: &Source) -> Arc<Target> {
        let recipes = source.secrets.keys().map(|key| (key.clone(), Recipe::identity(key)));
        Arc::new(Target {
            native: None,
            recipes: recipes.collect(),
            options: Options::new(),
            vault: Arc::new(vault(&self.to)),
            identity: Identity { name: "s".to_owned(), instance: self.instance.to_owned() },
            rules: self.rules.clone(),
            parallelism: 1,
        })
    }

    async fn preview(&self, prefix: &str) -> (Source, Arc<Target>, Preview) {
        let source = self.source().await;
        let target = self.target(&source);
        let schema: KeySchema = format!("{prefix}{{{{secretKey}}}}").parse().unwrap();
        let naming =
            Naming { schema, values: Values::new(), kinds: BTreeMap::new(), map: BTreeMap::new() };
        let names = naming.names(source.secrets.keys().map(String::as_str), &capability()).unwrap();
        let key = |name: &SecretName| naming.key(name);
        let preview = preview(&source, &target, &run(), &names, &self.ledger, &key).await.unwrap();
        (source, target, preview)
    }

    async fn sync(&mut self, prefix: &str) -> BTreeMap<SecretName, Done> {
        let (source, target, preview) = self.preview(prefix).await;
        let done =
            carry_out(&source, &target, &run(), &Arc::new(ring()), &preview, &self.ledger).await;
        for (name, done) in &done {
            match &done.entry {
                Some(entry) => drop(self.ledger.insert(name.clone(), entry.clone())),
                None => drop(self.ledger.remove(name)),
            }
        }
        done
    }

    async fn steps(&self) -> Vec<(String, Action)> {
        let steps = self.preview("p-").await.2.steps;
        steps.into_iter().map(|(name, step)| (name.to_string(), step.action)).collect()
    }

    /// Nothing is left to do, and every copy has the value of its source.
    async fn assert_settled(&self, why: &str) {
        let steps = self.steps().await;
        assert!(steps.iter().all(|(_, action)| *action == Action::Keep), "{why}: {steps:?}");
        for key in self.from.names() {
            assert_eq!(self.to.value(&format!("p-{key}")), self.from.value(&key), "{why}");
        }
    }
}

async fn put(memory: &Arc<Memory>, key: &str, value: &str) {
    let (name, content) = (name(key), content(value));
    let salt = Salt([u8::try_from(key.len()).unwrap(); 16]);
    let fingerprint = ring().fingerprint(&content, salt);
    let nonce = run().random();
    let (expected_version, stage) = (None, Stage::Current);
    let version =
        NewVersion { content: &content, fingerprint: &fingerprint, stage, expected_version, nonce };
    if memory.value(key).is_some() {
        memory.put_version(&name, version).await.unwrap();
    } else {
        let metadata = Metadata { enabled: true, ..Metadata::default() };
        let options = Options::new();
        memory.create(NewSecret { name: &name, metadata, options, version }).await.unwrap();
    }
}

fn failures(done: &BTreeMap<SecretName, Done>) -> usize {
    done.values().filter(|done| done.failure.is_some()).count()
}

const THREE: &[(&str, &str)] = &[("a", "one"), ("bb", "two"), ("ccc", "three")];

#[tokio::test]
async fn copies_carry_owner_source_and_print() {
    let mut bench = Bench::new(THREE).await;
    assert_eq!(failures(&bench.sync("p-").await), 0);
    bench.assert_settled("after the first run").await;
    let record = bench.to.read(&name("p-a")).await.unwrap();
    assert_eq!(record.metadata.tags["coffer-owner"], "s.1");
    assert_eq!(record.metadata.tags["coffer-source"], "main/a");
    let source = bench.from.read(&name("a")).await.unwrap();
    let print = |record: &SecretRecord| record.current.as_ref().unwrap().fingerprint.clone();
    assert_eq!(print(&record), print(&source));
}

#[tokio::test]
async fn only_what_changed_is_read_and_written() {
    let mut bench = Bench::new(THREE).await;
    bench.sync("p-").await;
    put(&bench.from, "bb", "new").await;
    bench.from.calls();
    bench.to.calls();
    bench.sync("p-").await;
    let count = |calls: &[&str], method| calls.iter().filter(|call| **call == method).count();
    let (from, to) = (bench.from.calls(), bench.to.calls());
    assert_eq!(count(&from, "read_content"), 1, "{from:?}");
    assert_eq!(count(&to, "put_version"), 1, "{to:?}");
    assert_eq!(count(&to, "create") + count(&to, "update_metadata"), 0, "{to:?}");
    bench.assert_settled("after the change").await;
}

#[tokio::test]
async fn failure_of_any_call_is_told_and_made_good_by_the_next_run() {
    for when in [When::Before, When::After] {
        for k in 0.. {
            let mut bench = Bench::new(THREE).await;
            bench.sync("p-").await;
            put(&bench.from, "a", "changed").await;
            put(&bench.from, "dddd", "new").await;
            bench.from.purge(&name("ccc")).await.unwrap();
            let (source, target, preview) = bench.preview("p-").await;
            bench.to.strike(k, Strike::Fail(when));
            let ring = Arc::new(ring());
            let done = carry_out(&source, &target, &run(), &ring, &preview, &bench.ledger).await;
            if !bench.to.struck() {
                assert_eq!(k, 5, "write, look, create, look, delete");
                break;
            }
            for (name, done) in done {
                match done.entry {
                    Some(entry) => drop(bench.ledger.insert(name, entry)),
                    None => drop(bench.ledger.remove(&name)),
                }
            }
            bench.sync("p-").await;
            bench.assert_settled(&format!("call {k} failed {when:?}")).await;
            let gone = matches!(bench.to.lifecycle("p-ccc"), Some(Lifecycle::Deleted { .. }));
            assert!(gone, "call {k} failed {when:?}");
        }
    }
}

#[tokio::test]
async fn run_dropped_at_any_call_is_resumed_without_a_second_copy() {
    for when in [When::Before, When::After] {
        for k in 0.. {
            let mut bench = Bench::new(THREE).await;
            let (source, target, preview) = bench.preview("p-").await;
            bench.to.strike(k, Strike::Hang(when));
            let (ring, run) = (Arc::new(ring()), run());
            let work = carry_out(&source, &target, &run, &ring, &preview, &bench.ledger);
            drop(tokio::time::timeout(StdDuration::from_millis(50), work).await);
            if !bench.to.struck() {
                break;
            }
            // The state of the first run is lost, its instance with it.
            bench.instance = "2";
            assert_eq!(failures(&bench.sync("p-").await), 0, "call {k} {when:?}");
            bench.assert_settled(&format!("call {k} hung {when:?}")).await;
            for key in ["p-a", "p-bb", "p-ccc"] {
                assert_eq!(bench.to.latest(key), 1, "call {k} {when:?}");
            }
        }
    }
}

#[tokio::test]
async fn unreadable_name_stops_every_removal() {
    let mut bench = Bench::new(THREE).await;
    bench.sync("p-").await;
    bench.from.purge(&name("a")).await.unwrap();
    bench.to.fail("read", When::Before, failing(ErrorKind::PermissionDenied));
    let (_, _, preview) = bench.preview("p-").await;
    assert_eq!(preview.failures.len(), 1);
    assert!(preview.steps.values().all(|step| !step.action.removes()), "{:?}", preview.steps);
}

#[tokio::test]
async fn what_changed_since_the_plan_is_not_overwritten() {
    let mut bench = Bench::new(THREE).await;
    bench.sync("p-").await;
    put(&bench.from, "a", "changed").await;
    bench.from.purge(&name("bb")).await.unwrap();
    let (source, target, preview) = bench.preview("p-").await;
    bench.to.meddle("p-a", "theirs");
    bench.to.meddle("p-bb", "theirs");
    let ring = Arc::new(ring());
    let done = carry_out(&source, &target, &run(), &ring, &preview, &bench.ledger).await;
    assert_eq!(failures(&done), 2, "{done:?}");
    for key in ["p-a", "p-bb"] {
        assert_eq!(bench.to.value(key).as_deref(), Some("theirs"));
        assert_eq!(bench.to.lifecycle(key), Some(Lifecycle::Active));
    }
}

#[tokio::test]
async fn source_that_changed_since_the_plan_is_not_copied() {
    let bench = Bench::new(THREE).await;
    let (source, target, preview) = bench.preview("p-").await;
    put(&bench.from, "a", "changed").await;
    let ring = Arc::new(ring());
    let done = carry_out(&source, &target, &run(), &ring, &preview, &bench.ledger).await;
    let failure = &done[&name("p-a")].failure;
    assert!(matches!(failure, Some(Failure::ChangedSincePlan { .. })), "{failure:?}");
    assert_eq!(bench.to.value("p-a"), None);
}

#[tokio::test]
async fn deleted_copy_is_recovered_and_written_only_if_it_differs() {
    let mut bench = Bench::new(THREE).await;
    bench.sync("p-").await;
    bench.to.soft_delete(&name("p-a"), None).await.unwrap();
    bench.to.soft_delete(&name("p-bb"), None).await.unwrap();
    put(&bench.from, "bb", "new").await;
    assert_eq!(failures(&bench.sync("p-").await), 0);
    bench.assert_settled("after the recovery").await;
    assert_eq!((bench.to.latest("p-a"), bench.to.latest("p-bb")), (1, 2));
}

#[tokio::test]
async fn renamed_copies_are_written_before_the_old_ones_go() {
    let mut bench = Bench::new(THREE).await;
    bench.rules.on_orphan = Removal::Delete;
    assert_eq!(failures(&bench.sync("q-").await), 0);
    bench.to.fail("create", When::Before, failing(ErrorKind::Unavailable));
    assert_eq!(failures(&bench.sync("p-").await), 4, "one write, and every removal");
    assert!(bench.to.names().iter().any(|name| name.starts_with("q-")));
    assert_eq!(failures(&bench.sync("p-").await), 0);
    bench.assert_settled("after the rename").await;
    assert_eq!(bench.to.names(), ["p-a", "p-bb", "p-ccc"]);
}

#[tokio::test]
async fn destination_is_imported_once_and_differences_go_as_the_behaviour_says() {
    for (initial, kept) in [
        (InitialSync::ImportPrioritizeSource, "one"),
        (InitialSync::ImportPrioritizeDestination, "theirs"),
    ] {
        let mut bench = Bench::new(THREE).await;
        bench.rules.initial = initial;
        put(&bench.to, "p-a", "theirs").await;
        put(&bench.to, "p-x", "only there").await;
        put(&bench.to, "unrelated", "left alone").await;
        assert_eq!(failures(&bench.sync("p-").await), 0);
        bench.assert_settled(initial.code()).await;
        assert_eq!(bench.from.value("a").as_deref(), Some(kept));
        assert_eq!(bench.from.value("x").as_deref(), Some("only there"));
        assert_eq!(bench.from.value("unrelated"), None);
    }
}

#[tokio::test]
async fn equal_content_is_adopted_and_other_content_left_alone() {
    let mut bench = Bench::new(THREE).await;
    bench.rules.initial = InitialSync::AdoptIfEqual;
    put(&bench.to, "p-a", "one").await;
    put(&bench.to, "p-bb", "theirs").await;
    bench.sync("p-").await;
    assert_eq!((bench.to.latest("p-a"), bench.to.latest("p-bb")), (1, 1));
    assert_eq!(bench.to.value("p-bb").as_deref(), Some("theirs"));
    let record = bench.to.read(&name("p-a")).await.unwrap();
    assert_eq!(record.metadata.tags["coffer-owner"], "s.1");
}

#[tokio::test]
async fn other_syncs_on_the_same_names_are_refused() {
    let mut bench = Bench::new(THREE).await;
    bench.sync("p-").await;
    let patch = |owner: &str| MetadataPatch {
        tags: Some([("coffer-owner".to_owned(), owner.to_owned())].into()),
        ..MetadataPatch::default()
    };
    bench.to.update_metadata(&name("p-a"), patch("other.9")).await.unwrap();
    put(&bench.from, "a", "new").await;
    bench.sync("p-").await;
    assert_eq!(bench.to.value("p-a").as_deref(), Some("one"));
}

#[tokio::test]
async fn vault_without_tags_is_kept_by_the_ledger_and_resumed_by_print() {
    let mut bench = Bench::new(THREE).await;
    bench.to = Memory::with(Capability { max_tags: 0, ..capability() });
    assert_eq!(failures(&bench.sync("p-").await), 0);
    bench.assert_settled("by the ledger").await;
    bench.ledger.clear();
    assert_eq!(failures(&bench.sync("p-").await), 0);
    bench.assert_settled("by the print").await;
    assert_eq!(bench.to.latest("p-a"), 1);
}

/// Secrets `k000` and so on in a vault.
async fn filled(n: usize) -> Arc<Memory> {
    let memory = Memory::new();
    for i in 0..n {
        put(&memory, &format!("k{i:03}"), "value").await;
    }
    memory
}

/// One run; gives the calls at source and destination.
async fn counted(bench: &mut Bench) -> [BTreeMap<&'static str, usize>; 2] {
    let source = bench.source().await;
    let target = bench.target(&source);
    let names = source.secrets.keys().map(|key| (key.clone(), name(key))).collect();
    // What the test itself called to find the source does not count.
    drop((bench.from.calls(), bench.to.calls()));
    let preview =
        preview(&source, &target, &run(), &names, &bench.ledger, &|_| None).await.unwrap();
    let ring = Arc::new(ring());
    let done = carry_out(&source, &target, &run(), &ring, &preview, &bench.ledger).await;
    assert_eq!(failures(&done), 0, "{done:?}");
    bench.ledger.extend(done.into_iter().filter_map(|(name, done)| Some((name, done.entry?))));
    [bench.from.calls(), bench.to.calls()].map(|calls| {
        let mut count = BTreeMap::new();
        calls.into_iter().for_each(|call| *count.entry(call).or_default() += 1);
        count
    })
}

#[tokio::test]
async fn calls_of_two_hundred_keys_at_six_targets_follow_the_changes() {
    let from = filled(200).await;
    let mut targets: Vec<Bench> = Vec::new();
    for _ in 0..6 {
        let lists = Capability { lists: Lists::Complete { page: 100 }, ..capability() };
        let (from, to) = (Arc::clone(&from), Memory::with(lists));
        targets.push(Bench { from, to, ..Bench::new(&[]).await });
    }
    for bench in &mut targets {
        let [source, target] = counted(bench).await;
        assert_eq!(source, [("read_content", 200)].into());
        assert_eq!(target, [("create", 200), ("list", 1)].into(), "no name is asked for");
        let [source, target] = counted(bench).await;
        assert_eq!((source, target), (BTreeMap::new(), [("list", 2)].into()), "no change");
    }
    for key in ["k007", "k042", "k199"] {
        put(&from, key, "changed").await;
    }
    let mut writes = 0;
    for bench in &mut targets {
        let [source, target] = counted(bench).await;
        assert_eq!(source, [("read_content", 3)].into());
        assert_eq!(target, [("list", 2), ("put_version", 3), ("read", 3)].into());
        writes += target["put_version"];
        for key in from.names() {
            assert_eq!(bench.to.value(&key), from.value(&key), "{key}");
        }
    }
    assert_eq!(writes, 18);
}

#[tokio::test]
async fn as_many_values_are_held_as_are_copied_at_once() {
    for parallelism in [1, 4, 16] {
        // Source and destination in one, so that calls have one order.
        let both = filled(60).await;
        let bench = Bench { from: Arc::clone(&both), to: both, ..Bench::new(&[]).await };
        let source = bench.source().await;
        let target = Arc::into_inner(bench.target(&source)).unwrap();
        let target = Arc::new(Target { parallelism, ..target });
        let copy = |key: &String| (key.clone(), name(&format!("p-{key}")));
        let names = source.secrets.keys().map(copy).collect();
        let ledger = Ledger::new();
        let preview = preview(&source, &target, &run(), &names, &ledger, &|_| None).await.unwrap();
        bench.from.calls();
        let done = carry_out(&source, &target, &run(), &Arc::new(ring()), &preview, &ledger).await;
        assert_eq!((done.len(), failures(&done)), (60, 0));
        let (mut held, mut most) = (0_usize, 0);
        for call in bench.from.calls() {
            match call {
                "read_content" => held += 1,
                "create" => held -= 1,
                other => panic!("{other} is not needed"),
            }
            most = most.max(held);
        }
        assert_eq!((held, most), (0, parallelism));
    }
}
