//! Every row of the three-way table, and what holds for all plans.

use proptest::prelude::*;

use super::*;

fn name(text: &str) -> SecretName {
    SecretName::parse(text).unwrap()
}

/// The vault's `id`, with a print that stands for the content `content`.
fn version(id: &str, content: u8) -> Version {
    let tag = "A".repeat(26) + if content.is_multiple_of(2) { "E" } else { "I" };
    let print = format!("cfp1.h2.{}.{}.{tag}", "aaaaaaaa", "A".repeat(22));
    Version { id: id.to_owned(), print: print.parse().ok() }
}

fn bare(id: &str) -> Version {
    Version { id: id.to_owned(), print: None }
}

fn wanted(version: Version) -> Desired {
    Desired { key: "k".to_owned(), version: Some(version), empty: false }
}

fn entry(source: Version, copy: Version) -> Entry {
    Entry { key: "k".to_owned(), source, copy }
}

fn present(owner: Owner, version: Version) -> Seen {
    let lifecycle = Lifecycle::Active;
    Seen::Present(Present { owner, lifecycle, version: Some(version), equal: None })
}

fn one(rules: &Rules, desired: Option<Desired>, entry: Option<Entry>, seen: Seen) -> Action {
    let at = || name("k");
    let desired = desired.into_iter().map(|d| (at(), d)).collect();
    let ledger = entry.into_iter().map(|e| (at(), e)).collect();
    let steps = plan(rules, &desired, &ledger, &[(at(), seen)].into(), &BTreeMap::new());
    steps.get(&at()).map_or(Action::Keep, |step| step.action)
}

fn rules() -> Rules {
    Rules { max_deletes: 5, ..Rules::default() }
}

#[test]
fn every_row_of_the_table() {
    let (s1, s2) = (|| wanted(bare("s1")), || wanted(bare("s2")));
    let known = || Some(entry(bare("s1"), bare("d1")));
    let ours = |id: &str| present(Owner::Ours, bare(id));
    let nobody = present(Owner::Nobody, bare("x"));
    let rules = rules();
    let act = |desired, entry, seen: &Seen| one(&rules, desired, entry, seen.clone());
    assert_eq!(act(Some(s1()), None, &Seen::Absent), Action::Create);
    assert_eq!(act(Some(s1()), None, &ours("d1")), Action::Update);
    assert_eq!(act(Some(s1()), None, &nobody), Action::Conflict(Conflict::Foreign));
    assert_eq!(act(Some(s2()), known(), &ours("d1")), Action::Update);
    assert_eq!(act(Some(s1()), known(), &ours("d1")), Action::Keep);
    assert_eq!(act(Some(s1()), known(), &ours("d2")), Action::Correct);
    assert_eq!(act(Some(s2()), known(), &ours("d2")), Action::Correct);
    assert_eq!(act(None, known(), &ours("d1")), Action::Remove(Removal::SoftDelete));
    assert_eq!(act(None, known(), &ours("d2")), Action::Spared);
    assert_eq!(act(None, known(), &Seen::Absent), Action::Forget);
    assert_eq!(act(None, known(), &Seen::Unreadable), Action::Unreadable);
    assert_eq!(act(Some(s2()), known(), &Seen::Unreadable), Action::Unreadable);
    assert_eq!(act(None, None, &nobody), Action::Keep);
    let open = Desired { key: "k".to_owned(), version: None, empty: false };
    assert_eq!(act(Some(open), known(), &ours("d1")), Action::Update);
    let empty = || Desired { key: "k".to_owned(), version: None, empty: true };
    assert_eq!(act(Some(empty()), known(), &ours("d1")), Action::Skipped);
    assert_eq!(act(Some(empty()), None, &Seen::Absent), Action::Skipped);
}

#[test]
fn drift_policies_decide_about_a_changed_copy() {
    let act = |drift, seen| {
        let rules = Rules { drift, ..rules() };
        one(&rules, Some(wanted(bare("s1"))), Some(entry(bare("s1"), bare("d1"))), seen)
    };
    let changed = || present(Owner::Ours, bare("d2"));
    assert_eq!(act(DriftPolicy::Warn, changed()), Action::Drifted);
    assert_eq!(act(DriftPolicy::Accept, changed()), Action::Record);
    assert_eq!(act(DriftPolicy::Warn, Seen::Absent), Action::Drifted);
    assert_eq!(act(DriftPolicy::Correct, Seen::Absent), Action::Create);
}

#[test]
fn initial_behaviours_decide_about_a_foreign_secret() {
    let act = |initial, equal| {
        let rules = Rules { initial, ..rules() };
        let version = Some(bare("x"));
        let (owner, lifecycle) = (Owner::Nobody, Lifecycle::Active);
        let seen = Seen::Present(Present { owner, lifecycle, version, equal });
        one(&rules, Some(wanted(bare("s1"))), None, seen)
    };
    let conflict = Action::Conflict;
    for (initial, different, equal) in [
        (InitialSync::OverwriteManaged, conflict(Conflict::Foreign), Action::Adopt),
        (InitialSync::AdoptIfEqual, conflict(Conflict::Different), Action::Adopt),
        (InitialSync::FailIfExists, conflict(Conflict::Foreign), conflict(Conflict::Foreign)),
        (InitialSync::OverwriteDestination, Action::Overwrite, Action::Adopt),
        (InitialSync::ImportPrioritizeSource, Action::Overwrite, Action::Adopt),
        (InitialSync::ImportPrioritizeDestination, Action::Import, Action::Adopt),
    ] {
        assert_eq!(act(initial, Some(false)), different, "{initial}");
        assert_eq!(act(initial, Some(true)), equal, "{initial}");
    }
}

#[test]
fn lost_state_is_found_again_and_other_owners_are_refused() {
    let rules = Rules { initial: InitialSync::OverwriteDestination, ..rules() };
    let act = |owner, content| {
        let seen = present(owner, version("d1", content));
        one(&rules, Some(wanted(version("s1", 1))), None, seen)
    };
    assert_eq!(act(Owner::Ours, 1), Action::Record);
    assert_eq!(act(Owner::Ours, 2), Action::Update);
    assert_eq!(act(Owner::Namesake, 1), Action::Adopt);
    assert_eq!(act(Owner::Namesake, 2), Action::Conflict(Conflict::OtherOwner));
    let named = Rules { adopt: [name("k")].into(), ..rules.clone() };
    for (owner, action) in [
        (Owner::Namesake, Action::Overwrite),
        (Owner::Other, Action::Conflict(Conflict::OtherOwner)),
    ] {
        let seen = present(owner, version("d1", 2));
        assert_eq!(one(&named, Some(wanted(version("s1", 1))), None, seen), action);
    }
    assert_eq!(act(Owner::Other, 1), Action::Conflict(Conflict::OtherOwner));
    let taken = present(Owner::Other, version("d1", 1));
    let known = entry(version("s1", 1), version("d1", 1));
    let act = |desired| one(&rules, desired, Some(known.clone()), taken.clone());
    assert_eq!(act(Some(wanted(version("s1", 1)))), Action::Conflict(Conflict::OtherOwner));
    assert_eq!(act(None), Action::Forget);
    // A namesake that took a copy over gives it back to whoever names it.
    for (rules, action) in
        [(&rules, Action::Conflict(Conflict::OtherOwner)), (&named, Action::Overwrite)]
    {
        let taken = present(Owner::Namesake, version("d1", 1));
        let desired = Some(wanted(version("s1", 1)));
        assert_eq!(one(rules, desired, Some(known.clone()), taken), action);
    }
}

#[test]
fn deleted_secret_is_recovered_and_updated() {
    let seen = |owner| {
        let lifecycle = Lifecycle::Deleted { purge_at: None };
        let version = Some(bare("d1"));
        Seen::Present(Present { owner, lifecycle, version, equal: None })
    };
    let known = Some(entry(bare("s1"), bare("d1")));
    let desired = || Some(wanted(bare("s1")));
    assert_eq!(one(&rules(), desired(), known.clone(), seen(Owner::Ours)), Action::Recover);
    assert_eq!(one(&rules(), desired(), None, seen(Owner::Nobody)), Action::Recover);
    // A sync of this name removed it and is gone; another's stays its own.
    assert_eq!(one(&rules(), desired(), None, seen(Owner::Namesake)), Action::Recover);
    let other = one(&rules(), desired(), None, seen(Owner::Other));
    assert_eq!(other, Action::Conflict(Conflict::OtherOwner));
    assert_eq!(one(&rules(), None, known, seen(Owner::Ours)), Action::Forget);
}

#[test]
fn changed_schema_shows_as_rename_and_the_old_name_goes_last() {
    let desired = [(name("new"), wanted(bare("s1")))].into();
    let ledger = [(name("old"), entry(bare("s1"), bare("d1")))].into();
    let old = (name("old"), present(Owner::Ours, bare("d1")));
    let seen = [old.clone(), (name("new"), Seen::Absent)].into();
    let steps = plan(&rules(), &desired, &ledger, &seen, &BTreeMap::new());
    assert_eq!(steps[&name("new")].to_string(), "create (renamed from old)");
    assert_eq!(steps[&name("old")].to_string(), "soft-delete (renamed to new)");
    let taken = [old, (name("new"), present(Owner::Other, bare("x")))].into();
    let steps = plan(&rules(), &desired, &ledger, &taken, &BTreeMap::new());
    assert_eq!(steps[&name("old")].action, Action::Held);
}

fn owners() -> impl Strategy<Value = Owner> {
    prop::sample::select(vec![Owner::Ours, Owner::Namesake, Owner::Other, Owner::Nobody])
}

fn versions() -> impl Strategy<Value = Version> {
    (0..4_u8, any::<bool>()).prop_map(|(n, printed)| {
        let id = format!("v{n}");
        if printed { version(&id, n) } else { bare(&id) }
    })
}

fn seens() -> impl Strategy<Value = Seen> {
    let present = (owners(), versions(), 0..6_u8, any::<Option<bool>>()).prop_map(
        |(owner, version, life, equal)| {
            let lifecycle = match life {
                0 => Lifecycle::Disabled,
                1 => Lifecycle::Deleted { purge_at: None },
                _ => Lifecycle::Active,
            };
            Seen::Present(Present { owner, lifecycle, version: Some(version), equal })
        },
    );
    prop_oneof![1 => Just(Seen::Absent), 5 => present]
}

type World =
    (Rules, BTreeMap<SecretName, Desired>, BTreeMap<SecretName, Entry>, BTreeMap<SecretName, Seen>);

fn worlds() -> impl Strategy<Value = World> {
    let names = || "[a-f]".prop_map(|text| name(&text));
    let rules = (
        prop::sample::select(InitialSync::ALL),
        prop::sample::select(Removal::ALL),
        prop::sample::select(DriftPolicy::ALL),
        prop::collection::btree_set(names(), 0..2),
    )
        .prop_map(|(initial, on_orphan, drift, adopt)| Rules {
            initial,
            on_orphan,
            drift,
            adopt,
            max_deletes: 5,
        });
    let desired = prop::collection::btree_map(names(), versions(), 0..6).prop_map(|map| {
        map.into_iter()
            .map(|(name, version)| {
                let key = name.as_str().to_owned();
                (name, Desired { key, version: Some(version), empty: false })
            })
            .collect()
    });
    let entries = (versions(), versions(), "[a-h]");
    let ledger = prop::collection::btree_map(names(), entries, 0..6).prop_map(|map| {
        map.into_iter()
            .map(|(name, (source, copy, key))| (name, Entry { key, source, copy }))
            .collect()
    });
    let seen = prop::collection::btree_map(names(), seens(), 6..7);
    (rules, desired, ledger, seen)
}

/// What source, ledger and destination are after every step was carried out.
fn carry_out(steps: &Steps, world: &mut World) {
    let (_, desired, ledger, seen) = world;
    for (name, step) in steps {
        let at_source = desired.get(name).and_then(|d| d.version.clone());
        match step.action {
            Action::Create
            | Action::Recover
            | Action::Update
            | Action::Correct
            | Action::Overwrite => {
                let source = at_source.unwrap();
                let copy = Version { id: format!("w-{}", source.id), print: source.print.clone() };
                seen.insert(name.clone(), present(Owner::Ours, copy.clone()));
                ledger.insert(name.clone(), Entry { key: step.key.clone(), source, copy });
            }
            Action::Adopt | Action::Record | Action::Import => {
                let Some(Seen::Present(there)) = seen.get_mut(name) else { continue };
                there.owner = Owner::Ours;
                there.lifecycle = Lifecycle::Active;
                let copy = there.version.clone().unwrap();
                if step.action == Action::Import {
                    let version = Some(copy.clone());
                    desired.insert(
                        name.clone(),
                        Desired { key: step.key.clone(), version, empty: false },
                    );
                }
                let source = desired[name].version.clone().unwrap();
                ledger.insert(name.clone(), Entry { key: step.key.clone(), source, copy });
            }
            Action::Remove(Removal::Disable) => {
                ledger.remove(name);
            }
            Action::Remove(_) => {
                seen.insert(name.clone(), Seen::Absent);
                ledger.remove(name);
            }
            Action::Forget => {
                ledger.remove(name);
            }
            _ => {}
        }
    }
}

proptest! {
    #[test]
    fn plan_after_a_plan_that_was_carried_out_is_empty(mut world in worlds()) {
        let first = plan(&world.0, &world.1, &world.2, &world.3, &BTreeMap::new());
        prop_assert_eq!(&first, &plan(&world.0, &world.1, &world.2, &world.3, &BTreeMap::new()));
        carry_out(&first, &mut world);
        let second = plan(&world.0, &world.1, &world.2, &world.3, &BTreeMap::new());
        let left: Vec<_> = second.iter().filter(|(name, step)| {
            // What was held back for a name that is taken goes on when that is free again.
            step.action.is_change() && first.get(*name).is_none_or(|s| s.action != Action::Held)
        }).collect();
        prop_assert!(left.is_empty(), "{left:?} after {first:?}");
    }

    #[test]
    fn nothing_is_removed_outside_the_ledger_nor_blindly(world in worlds(), hidden in 0..7_usize) {
        let (rules, desired, ledger, mut seen) = world;
        if let Some(name) = seen.keys().nth(hidden).cloned() {
            seen.insert(name, Seen::Unreadable);
        }
        let steps = plan(&rules, &desired, &ledger, &seen, &BTreeMap::new());
        let blind = steps.keys().any(|name| seen.get(name) == Some(&Seen::Unreadable));
        for (name, step) in steps.iter().filter(|(_, step)| step.action.removes()) {
            prop_assert!(ledger.contains_key(name) && !desired.contains_key(name));
            prop_assert!(!blind, "{step:?}");
        }
    }

    #[test]
    fn every_name_is_decided_on_its_own(world in worlds()) {
        let (rules, desired, _, seen) = world;
        let whole = plan(&rules, &desired, &BTreeMap::new(), &seen, &BTreeMap::new());
        for (name, wanted) in &desired {
            let alone = [(name.clone(), wanted.clone())].into();
            let step = plan(&rules, &alone, &BTreeMap::new(), &seen, &BTreeMap::new());
            prop_assert_eq!(step.get(name), whole.get(name));
        }
    }
}
