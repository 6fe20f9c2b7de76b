//! Numbers and states, whatever order the service lists in and whoever wrote.

use super::*;
use crate::adapters::azure_key_vault::marks::assemble;

fn item(id: &str, created: i64, marks: Option<Marks>) -> Item {
    let tags = marks.map(|marks| assemble(&Tags::new(), &marks, None, None));
    serde_json::from_value(serde_json::json!({
        "id": format!("https://v.vault.azure.net/secrets/a/{id}"),
        "attributes": { "enabled": true, "created": created, "updated": created },
        "tags": tags,
    }))
    .unwrap()
}

fn ours(id: &str, created: i64, number: u64, sequence: u64) -> Item {
    let marks = Marks { number: Some(number), sequence: Some(sequence), ..Marks::default() };
    item(id, created, Some(marks))
}

fn copy(id: &str, created: i64, number: u64, sequence: u64, of: &str) -> Item {
    let marks = Marks {
        number: Some(number),
        sequence: Some(sequence),
        copy: Some(of.to_owned()),
        ..Marks::default()
    };
    item(id, created, Some(marks))
}

fn foreign(id: &str, created: i64) -> Item {
    item(id, created, None)
}

/// Numbers by id, whatever the order of the listing.
#[track_caller]
fn numbers(items: &[Item]) -> Vec<(String, u64)> {
    let told = |items: Vec<Item>| {
        let history = History::new(items, Vec::new());
        history.entries.iter().map(|e| (e.id.clone(), e.number)).collect::<Vec<_>>()
    };
    let forward = told(items.to_vec());
    let mut turned = items.to_vec();
    turned.reverse();
    assert_eq!(told(turned), forward);
    forward
}

fn expected(pairs: &[(&str, u64)]) -> Vec<(String, u64)> {
    pairs.iter().map(|(id, number)| ((*id).to_owned(), *number)).collect()
}

#[test]
fn versions_of_others_are_numbered_by_creation() {
    let items = [foreign("c", 10), foreign("a", 30), foreign("b", 20)];
    assert_eq!(numbers(&items), expected(&[("c", 1), ("b", 2), ("a", 3)]));
}

#[test]
fn numbers_stay_when_others_write_in_between() {
    let mut items = vec![foreign("x", 10), ours("y", 20, 2, 2)];
    assert_eq!(numbers(&items), expected(&[("x", 1), ("y", 2)]));
    items.push(foreign("z", 30));
    assert_eq!(numbers(&items), expected(&[("x", 1), ("y", 2), ("z", 3)]));
    items.push(ours("w", 40, 4, 4));
    assert_eq!(numbers(&items), expected(&[("x", 1), ("y", 2), ("z", 3), ("w", 4)]));
    assert_eq!(History::new(items, Vec::new()).next_sequence(), 5);
}

#[test]
fn writer_that_was_overtaken_keeps_its_number() {
    // Somebody else's came between the listing and the write that noted 2.
    let items = [ours("a", 10, 1, 1), foreign("b", 20), ours("c", 21, 2, 2)];
    assert_eq!(numbers(&items), expected(&[("a", 1), ("b", 3), ("c", 2)]));
    let history = History::new(items.to_vec(), Vec::new());
    assert_eq!(history.latest(), 3);
    assert_eq!(history.told()[&2], "current");
}

#[test]
fn of_two_writers_with_one_number_the_later_counts_as_somebody_elses() {
    let items = [ours("a", 10, 1, 1), ours("b", 20, 2, 2), ours("c", 21, 2, 2)];
    assert_eq!(numbers(&items), expected(&[("a", 1), ("b", 2), ("c", 3)]));
    let history = History::new(items.to_vec(), Vec::new());
    assert!(history.current().unwrap().marks.is_none(), "its notes are not believed");
}

#[test]
fn versions_of_one_second_are_told_apart_by_sequence() {
    let items = [ours("z", 10, 1, 1), ours("m", 10, 2, 2), copy("a", 10, 1, 3, "z")];
    let history = History::new(items.to_vec(), Vec::new());
    assert_eq!(history.current().unwrap().id, "a");
    assert_eq!(numbers(&items), expected(&[("z", 1), ("m", 2), ("a", 1)]));
}

#[test]
fn states_follow_from_the_order() {
    let mut items = vec![ours("a", 10, 1, 1)];
    let told = |items: &[Item]| {
        let told = History::new(items.to_vec(), Vec::new()).told();
        told.into_values().collect::<Vec<_>>()
    };
    assert_eq!(told(&items), ["current, latest"]);
    items.push(ours("b", 20, 2, 2));
    assert_eq!(told(&items), ["previous", "current, latest"]);
    items.push(ours("c", 30, 3, 3));
    assert_eq!(told(&items), ["deprecated", "previous", "current, latest"]);
    // A roll-back to 1: the same number, a new version of the service.
    items.push(copy("d", 40, 1, 4, "a"));
    assert_eq!(told(&items), ["current", "deprecated", "latest, previous"]);
    let history = History::new(items, Vec::new());
    let first = history.record(1).unwrap();
    assert_eq!(first.version_id, "d");
    assert_eq!(first.created_at.unwrap().unix_timestamp(), 10);
    assert_eq!(history.latest(), 3);
}

#[test]
fn retired_version_is_not_previous() {
    let retired = Marks { number: Some(1), sequence: Some(1), retired: true, ..Marks::default() };
    let items = vec![item("a", 10, Some(retired)), ours("b", 20, 2, 2)];
    let told = History::new(items, Vec::new()).told();
    assert_eq!(told[&1], "deprecated");
}

#[test]
fn what_waits_is_pending_until_it_is_promoted() {
    let waiting = |id: &str, number: u64, sequence: u64| {
        let marks = Marks {
            number: Some(number),
            sequence: Some(sequence),
            is_sibling: true,
            ..Marks::default()
        };
        item(id, 50, Some(marks))
    };
    let sibling = vec![waiting("p", 2, 1), waiting("q", 3, 2)];
    let history = History::new(vec![ours("a", 10, 1, 1)], sibling.clone());
    let told: Vec<_> = history.told().into_values().collect();
    assert_eq!(told, ["current", "deprecated", "latest, pending"]);
    assert_eq!(history.only_waiting(), [2, 3].into());
    let promoted = History::new(vec![ours("a", 10, 1, 1), copy("b", 60, 3, 2, "q")], sibling);
    let told: Vec<_> = promoted.told().into_values().collect();
    assert_eq!(told, ["previous", "deprecated", "current, latest"]);
    assert_eq!(promoted.record(3).unwrap().version_id, "b");
    assert_eq!(promoted.spent().map(|e| e.id.as_str()).collect::<Vec<_>>(), ["q"]);
}

#[test]
fn number_that_waits_is_not_given_to_somebody_elses_version() {
    let marks = Marks { number: Some(2), sequence: Some(1), is_sibling: true, ..Marks::default() };
    let sibling = vec![item("p", 50, Some(marks))];
    let items = vec![ours("a", 10, 1, 1), foreign("b", 60)];
    let history = History::new(items, sibling);
    assert_eq!(history.current().unwrap().number, 3);
    assert_eq!(history.pending(), Some(2));
}
