//! Every write fails once, and every read: what succeeded stays in the ledger, nothing is removed
//! meanwhile, and the next run does the rest, each of it once.

use super::*;

const FIVE: &[(&str, &str)] =
    &[("a", "one"), ("bb", "two"), ("ccc", "three"), ("dddd", "four"), ("eeeee", "five")];

fn writes(calls: &[&str]) -> usize {
    calls.iter().filter(|call| ["create", "put_version"].contains(*call)).count()
}

/// The order of the writes is not said; so it is the k-th call that counts, whichever it is.
async fn fails_once(k: usize, when: When) -> bool {
    let mut bench = Bench::new(FIVE).await;
    bench.rules.on_orphan = Removal::Delete;
    bench.sync("p-").await;
    for key in ["a", "bb", "ccc"] {
        put(&bench.from, key, "changed").await;
    }
    put(&bench.from, "ffffff", "new").await;
    bench.from.purge(&name("dddd")).await.unwrap();
    let (source, target, preview) = bench.preview("p-").await;
    bench.to.calls();
    bench.to.strike(k, Strike::Fail(when));
    let ring = Arc::new(ring());
    let done = carry_out(&source, &target, &run(), &ring, &preview, &bench.ledger).await;
    if !bench.to.struck() {
        return false;
    }
    let what = format!("call {k} failed {when:?}");
    let of_writes = |name: &SecretName| preview.steps[name].action.writes();
    let failed = done.iter().filter(|(n, d)| of_writes(n) && d.failure.is_some()).count();
    assert!(failed <= 1, "{what}: {done:?}");
    let removed = bench.to.lifecycle("p-dddd") != Some(Lifecycle::Active);
    assert!(failed == 0 || !removed, "{what}: removed in spite of a failure");
    for (name, done) in done.iter().filter(|(name, _)| of_writes(name)) {
        let key = name.as_str().trim_start_matches("p-");
        // What the ledger says is so: the old version where it failed, the new one where not.
        let current = bench.to.read(name).await.ok().and_then(|record| record.current);
        let entry = done.entry.as_ref().map(|entry| &entry.copy.id);
        if done.failure.is_none() {
            assert_eq!(entry, current.as_ref().map(|version| &version.version_id), "{what}");
            assert_eq!(bench.to.value(name.as_str()), bench.from.value(key), "{what}");
        } else {
            assert_eq!(entry, bench.ledger.get(name).map(|entry| &entry.copy.id), "{what}");
        }
    }
    for (name, done) in done {
        match done.entry {
            Some(entry) => drop(bench.ledger.insert(name, entry)),
            None => drop(bench.ledger.remove(&name)),
        }
    }
    bench.to.calls();
    assert_eq!(failures(&bench.sync("p-").await), 0, "{what}");
    let again = bench.to.calls();
    assert!(writes(&again) <= failed, "{what}: {again:?}");
    bench.assert_settled(&what).await;
    assert_eq!(bench.to.lifecycle("p-eeeee"), Some(Lifecycle::Active), "{what}");
    assert_eq!(bench.to.latest("p-eeeee"), 1, "{what}");
    for (key, versions) in [("p-a", 2), ("p-bb", 2), ("p-ccc", 2), ("p-ffffff", 1)] {
        assert_eq!(bench.to.latest(key), versions, "{what}: {key}");
    }
    assert_ne!(bench.to.lifecycle("p-dddd"), Some(Lifecycle::Active), "{what}");
    true
}

#[tokio::test]
async fn each_of_the_writes_fails_once() {
    for when in [When::Before, When::After] {
        let mut met = 0;
        while fails_once(met, when).await {
            met += 1;
        }
        // Three updates with a look each, one creation, a look and a removal.
        assert!(met >= 9, "only {met} calls failed");
    }
}

#[tokio::test]
async fn source_that_does_not_answer_fails_only_its_own_copy() {
    for k in 0..FIVE.len() {
        let mut bench = Bench::new(FIVE).await;
        let (source, target, preview) = bench.preview("p-").await;
        bench.from.strike(k, Strike::Fail(When::Before));
        let ring = Arc::new(ring());
        let done = carry_out(&source, &target, &run(), &ring, &preview, &bench.ledger).await;
        assert!(bench.from.struck());
        assert_eq!(failures(&done), 1);
        for (name, done) in done {
            drop(done.entry.map(|entry| bench.ledger.insert(name, entry)));
        }
        assert_eq!(bench.ledger.len(), FIVE.len() - 1);
        bench.to.calls();
        assert_eq!(failures(&bench.sync("p-").await), 0);
        assert_eq!(writes(&bench.to.calls()), 1);
        bench.assert_settled(&format!("source failed at {k}")).await;
    }
}

#[tokio::test]
async fn unreadable_destination_writes_the_readable_names_and_removes_none() {
    for k in 0..FIVE.len() {
        let mut bench = Bench::new(FIVE).await;
        bench.sync("p-").await;
        bench.from.purge(&name("a")).await.unwrap();
        put(&bench.from, "bb", "changed").await;
        bench.to.strike(k, Strike::Fail(When::Before));
        let (_, _, preview) = bench.preview("p-").await;
        assert!(bench.to.struck());
        assert_eq!(preview.failures.len(), 1, "read {k}");
        let removes = preview.steps.values().any(|step| step.action.removes());
        assert!(!removes, "read {k}: {:?}", preview.steps);
    }
}

#[tokio::test]
async fn removal_that_fails_is_made_good_and_the_others_go_on() {
    let mut bench = Bench::new(FIVE).await;
    bench.sync("p-").await;
    bench.from.purge(&name("a")).await.unwrap();
    bench.from.purge(&name("bb")).await.unwrap();
    bench.to.fail("soft_delete", When::Before, failing(ErrorKind::PermissionDenied));
    let done = bench.sync("p-").await;
    assert_eq!(failures(&done), 1);
    assert!(bench.ledger.contains_key(&name("p-a")) != bench.ledger.contains_key(&name("p-bb")));
    assert_eq!(failures(&bench.sync("p-").await), 0);
    assert_eq!(bench.ledger.len(), 3);
    bench.assert_settled("after the second removal").await;
}

#[tokio::test]
async fn empty_value_fails_where_it_does_not_fit_and_the_rest_is_done() {
    let mut bench = Bench::new(&[("a", ""), ("bb", "two")]).await;
    let done = bench.sync("p-").await;
    assert_eq!(failures(&done), 1);
    assert!(done[&name("p-a")].failure.is_some());
    assert_eq!(bench.to.names(), ["p-bb"]);
    bench.to = Memory::with(Capability { empty_values: true, ..capability() });
    bench.ledger.clear();
    assert_eq!(failures(&bench.sync("p-").await), 0);
    bench.assert_settled("where it fits").await;
}

/// A listing that is not complete may lack the tags that say whose a secret is.
#[tokio::test]
async fn copies_of_other_syncs_are_not_imported_from_a_poor_listing() {
    let mut bench = Bench::new(&[("a", "one")]).await;
    bench.to = Memory::with(Capability { lists: Lists::Partial, ..capability() });
    bench.rules.initial = InitialSync::ImportPrioritizeSource;
    put(&bench.to, "p-x", "theirs").await;
    let tags = Some([("coffer-owner".to_owned(), "other.9".to_owned())].into());
    let patch = MetadataPatch { tags, ..MetadataPatch::default() };
    bench.to.update_metadata(&name("p-x"), patch).await.unwrap();
    bench.to.poor_lists();
    bench.sync("p-").await;
    assert_eq!(bench.from.value("x"), None);
    let record = bench.to.read(&name("p-x")).await.unwrap();
    assert_eq!(record.metadata.tags["coffer-owner"], "other.9");
}
