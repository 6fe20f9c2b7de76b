//! The machine step by step, and against a naive one that moves labels from version to version.

use std::collections::BTreeMap;

use proptest::collection::vec;
use proptest::prelude::*;

use super::*;
use RotationState::{Current, Deprecated, Latest, Pending, Previous};

/// The states of all versions as text: `1:previous 2:current,latest`.
fn show(ledger: &Ledger) -> String {
    let versions = ledger.versions().map(|(n, states)| format!("{n}:{states}").replace(", ", ","));
    versions.collect::<Vec<_>>().join(" ")
}

fn after(ops: &[Op]) -> Ledger {
    let mut ledger = Ledger::new();
    for op in ops {
        ledger.apply(*op).unwrap();
    }
    ledger
}

const PUT: Op = Op::Put(Stage::Current);
const STAGE: Op = Op::Put(Stage::Pending);

#[test]
fn uploads_push_the_older_versions_down() {
    assert_eq!(show(&after(&[PUT])), "1:current,latest");
    assert_eq!(show(&after(&[PUT, PUT])), "1:previous 2:current,latest");
    assert_eq!(show(&after(&[PUT, PUT, PUT])), "1:deprecated 2:previous 3:current,latest");
}

#[test]
fn pending_does_not_touch_current_and_there_is_one_only() {
    let mut ledger = after(&[PUT, STAGE]);
    assert_eq!(show(&ledger), "1:current 2:latest,pending");
    ledger.apply(STAGE).unwrap();
    assert_eq!(show(&ledger), "1:current 2:deprecated 3:latest,pending");
    ledger.apply(PUT).unwrap();
    assert_eq!(show(&ledger), "1:previous 2:deprecated 3:pending 4:current,latest");
}

#[test]
fn promotion_and_rollback_swap_current_and_previous() {
    let mut ledger = after(&[PUT, STAGE, Op::Promote(2)]);
    assert_eq!(show(&ledger), "1:previous 2:current,latest");
    ledger.apply(Op::Promote(1)).unwrap();
    assert_eq!(show(&ledger), "1:current 2:latest,previous");
    let change = ledger.apply(Op::Promote(1)).unwrap();
    assert_eq!(change, Change { number: 1, changed: vec![] });
}

#[test]
fn change_lists_what_a_vault_must_store() {
    let mut ledger = after(&[PUT, PUT]);
    let change = ledger.apply(PUT).unwrap();
    let states = |list: &[RotationState]| list.iter().copied().collect::<RotationStates>();
    assert_eq!(change.number, 3);
    assert_eq!(
        change.changed,
        [(1, states(&[Deprecated])), (2, states(&[Previous])), (3, states(&[Current, Latest]))]
    );
}

#[test]
fn withdrawn_latest_can_be_deleted_and_its_number_is_not_used_again() {
    let mut ledger = after(&[PUT, STAGE, Op::Deprecate(2)]);
    assert_eq!(show(&ledger), "1:current 2:latest,deprecated");
    ledger.apply(Op::Delete(2)).unwrap();
    assert_eq!(show(&ledger), "1:current,latest");
    assert_eq!((ledger.last(), ledger.apply(PUT).unwrap().number), (2, 3));
}

#[test]
fn moves_that_are_not_allowed_change_nothing() {
    let ledger = after(&[PUT, PUT, STAGE]);
    for (op, says) in [
        (Op::Deprecate(2), "version 2 is current; make another version current first"),
        (Op::Delete(1), "version 1 is previous; only a deprecated version can be deleted"),
        (Op::Delete(3), "version 3 is latest, pending; only a deprecated version can be deleted"),
        (Op::Promote(4), "there is no version 4"),
        (Op::Delete(0), "there is no version 0"),
    ] {
        let mut same = ledger.clone();
        assert_eq!(same.apply(op).unwrap_err().to_string(), says);
        assert_eq!(same, ledger);
    }
    assert_eq!(Ledger::new().apply(STAGE), Err(Refusal::FirstIsCurrent));
    assert_eq!(Op::set(1, Previous), Err(Refusal::NotSettable(Previous)));
    assert_eq!(Op::set(1, Current), Ok(Op::Promote(1)));
}

#[test]
fn stored_states_that_contradict_are_refused() {
    let states = |codes: &str| RotationStates::parse(codes).unwrap();
    let restore = |versions: &[(u64, &str)], last| {
        Ledger::restore(versions.iter().map(|(n, codes)| (*n, states(codes))), last)
    };
    assert!(restore(&[], 0).is_ok());
    assert!(restore(&[(1, "previous"), (2, "current latest")], 2).is_ok());
    for (versions, last) in [
        (&[(1, "current"), (2, "current latest")][..], 2),
        (&[(1, "previous"), (2, "latest deprecated")], 2),
        (&[(1, "current")], 1),
        (&[(1, "current latest"), (1, "current latest")], 1),
        (&[(2, "current latest")], 1),
        (&[(1, "current pending"), (2, "deprecated latest")], 2),
        (&[(1, "current deprecated latest")], 1),
    ] {
        assert!(matches!(restore(versions, last), Err(Refusal::Inconsistent(_))), "{versions:?}");
    }
}

/// The naive machine: labels lie on versions and are moved by hand.
#[derive(Default)]
struct Naive {
    versions: BTreeMap<u64, Vec<RotationState>>,
    given: u64,
}

impl Naive {
    fn apply(&mut self, op: Op) -> bool {
        match op {
            Op::Put(Stage::Pending) if self.versions.is_empty() => return false,
            Op::Put(stage) => {
                self.given += 1;
                self.versions.insert(self.given, vec![]);
                match stage {
                    Stage::Current => self.make_current(self.given),
                    Stage::Pending => {
                        self.strip(Pending);
                        self.label(self.given, Pending);
                    }
                }
            }
            Op::Promote(number) if self.versions.contains_key(&number) => {
                if !self.versions[&number].contains(&Current) {
                    self.make_current(number);
                }
            }
            Op::Deprecate(number) if self.versions.contains_key(&number) => {
                if self.versions[&number].contains(&Current) {
                    return false;
                }
                self.versions.insert(number, vec![]);
            }
            Op::Delete(number)
                if self.versions.get(&number).is_some_and(|l| l.contains(&Deprecated)) =>
            {
                self.versions.remove(&number);
            }
            _ => return false,
        }
        self.settle();
        true
    }

    fn make_current(&mut self, number: u64) {
        self.versions.insert(number, vec![]);
        self.strip(Previous);
        if let Some(old) = self.strip(Current) {
            self.label(old, Previous);
        }
        self.label(number, Current);
    }

    fn strip(&mut self, label: RotationState) -> Option<u64> {
        let number = *self.versions.iter().find(|(_, labels)| labels.contains(&label))?.0;
        self.versions.get_mut(&number)?.retain(|other| *other != label);
        Some(number)
    }

    fn label(&mut self, number: u64, label: RotationState) {
        self.versions.get_mut(&number).unwrap().push(label);
    }

    /// Brings `latest` and `deprecated` up to date.
    fn settle(&mut self) {
        for labels in self.versions.values_mut() {
            labels.retain(|label| !matches!(label, Latest | Deprecated));
            if labels.is_empty() {
                labels.push(Deprecated);
            }
        }
        if let Some(mut newest) = self.versions.last_entry() {
            newest.get_mut().push(Latest);
        }
    }
}

fn op() -> impl Strategy<Value = Op> {
    prop_oneof![
        3 => Just(PUT),
        3 => Just(STAGE),
        3 => (0_u64..12).prop_map(Op::Promote),
        2 => (0_u64..12).prop_map(Op::Deprecate),
        3 => (0_u64..12).prop_map(Op::Delete),
    ]
}

proptest! {
    #[test]
    fn machine_agrees_with_the_naive_one(ops in vec(op(), 0..40)) {
        let (mut ledger, mut naive) = (Ledger::new(), Naive::default());
        for op in ops {
            prop_assert_eq!(ledger.apply(op).is_ok(), naive.apply(op));
            let expected: Vec<_> = naive
                .versions
                .iter()
                .map(|(number, labels)| (*number, labels.iter().copied().collect::<RotationStates>()))
                .collect();
            let actual: Vec<_> = ledger.versions().collect();
            prop_assert_eq!(&actual, &expected);
            prop_assert_eq!(ledger.last(), naive.given);
            let restored = Ledger::restore(actual, ledger.last()).unwrap();
            prop_assert_eq!(&restored, &ledger);
        }
    }

    #[test]
    fn there_is_always_exactly_one_current_version(ops in vec(op(), 1..40)) {
        let mut ledger = Ledger::new();
        for op in ops {
            let _ = ledger.apply(op);
            let count = |state| ledger.versions().filter(|(_, s)| s.contains(state)).count();
            let some = usize::from(ledger.last() > 0);
            prop_assert_eq!(count(Current), some);
            prop_assert_eq!(count(Latest), some);
            prop_assert!(count(Pending) <= 1 && count(Previous) <= 1);
        }
    }
}
