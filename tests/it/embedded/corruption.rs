//! Flipped bits: every one is found by `verify`, and none ever changes what is read.

use std::collections::BTreeMap;
use std::fs;
use std::sync::Arc;

use coffer::domain::port::{Backend as _, ErrorKind, ListFilter};
use tempfile::TempDir;

use super::{Bench, Sequence, copy, name};

const FLIPS: usize = 1_000;
const SECRETS: usize = 16;

/// A vault with a past: updates, deletions, small and large values.
fn populated() -> (Arc<TempDir>, BTreeMap<String, Vec<u8>>) {
    let bench = Bench::new();
    let mut expected = BTreeMap::new();
    for n in 0..SECRETS {
        let secret = format!("app/{n}");
        // A few values are larger than a page of the file.
        let size = if n % 10 == 9 { 5_000 } else { 10 + n * 20 };
        let value = vec![b'a' + u8::try_from(n % 26).unwrap(); size];
        bench.create(&secret, &value).unwrap();
        expected.insert(secret, value);
    }
    for n in (0..SECRETS).step_by(3) {
        let secret = format!("app/{n}");
        let value = format!("second value of {n}").into_bytes();
        bench.put(&secret, &value).unwrap();
        expected.insert(secret, value);
    }
    for n in (0..SECRETS).step_by(5) {
        let secret = format!("app/{n}");
        bench.purge(&secret).unwrap();
        expected.remove(&secret);
    }
    (bench.close(), expected)
}

/// Reads everything; panics when anything that is returned is not what was written.
fn read_all(bench: &Bench, expected: &BTreeMap<String, Vec<u8>>, what: &str) {
    for (secret, value) in expected {
        match bench.value(secret) {
            Ok(found) => assert!(found == *value, "{what}: wrong value of {secret}"),
            Err(error) => assert_ne!(error.kind, ErrorKind::NotFound, "{what}: {secret}: {error}"),
        }
    }
    let listed = bench.runtime.block_on(bench.backend.list(&ListFilter::default(), None));
    if let Ok(page) = listed {
        let names: Vec<_> = page.items.iter().map(|record| record.name.to_string()).collect();
        let all: Vec<_> = {
            let mut all: Vec<_> = expected.keys().cloned().collect();
            all.sort();
            all
        };
        assert_eq!(names, all, "{what}");
    }
}

#[test]
fn flipped_bits_are_all_found_and_never_change_a_value() {
    let (vault, expected) = populated();
    let intact = Bench::at(copy(vault.path()));
    assert!(intact.is_sound());
    read_all(&intact, &expected, "untouched");
    assert!(!vault.path().join("vault.db-wal").exists(), "the file is complete when at rest");

    let original = fs::read(vault.path().join("vault.db")).unwrap();
    let mut sequence = Sequence(0x5eed_c0ff_e4a1_1ce5);
    let mut places: Vec<(usize, usize)> =
        (0..FLIPS).map(|_| (sequence.below(original.len()), sequence.below(8))).collect();
    // The first 100 bytes are SQLite's header: small, and special in every bit.
    places.extend((0..100).map(|byte| (byte, byte % 8)));
    let directory = copy(vault.path());
    let path = directory.path().join("vault.db");
    for (byte, bit) in places {
        let mut damaged = original.clone();
        damaged[byte] ^= 1 << bit;
        fs::write(&path, &damaged).unwrap();
        let bench = Bench::at(directory.clone());
        let what = format!("bit {bit} of byte {byte}");
        read_all(&bench, &expected, &what);
        assert!(!bench.is_sound(), "{what}: not found");
        drop(bench);
        let after = fs::read(&path).unwrap();
        assert!(after == damaged, "{what}: looking changed the file");
    }
}

#[test]
fn truncated_files_are_found() {
    let (vault, expected) = populated();
    let original = fs::read(vault.path().join("vault.db")).unwrap();
    let directory = copy(vault.path());
    let path = directory.path().join("vault.db");
    for length in (1..original.len()).step_by(1 + original.len() / 60) {
        fs::write(&path, &original[..length]).unwrap();
        let bench = Bench::at(directory.clone());
        read_all(&bench, &expected, &format!("cut to {length} bytes"));
        assert!(!bench.is_sound(), "cut to {length} bytes: not found");
    }
}

#[test]
fn records_of_an_earlier_file_do_not_fit_into_a_later_one() {
    let bench = Bench::new();
    bench.create("a", b"old").unwrap();
    bench.create("b", b"stays").unwrap();
    let directory = bench.close();
    let earlier = copy(directory.path());
    let bench = Bench::at(directory);
    bench.put("a", b"new").unwrap();
    let directory = bench.close();

    // Somebody who can write the file, but has no key, puts the earlier record of `a` back.
    let graft = rusqlite::Connection::open(directory.path().join("vault.db")).unwrap();
    let source = earlier.path().join("vault.db");
    graft.execute("ATTACH DATABASE ?1 AS earlier", [source.to_str().unwrap()]).unwrap();
    let replaced = graft
        .execute("INSERT OR REPLACE INTO main.secret SELECT * FROM earlier.secret", [])
        .unwrap();
    assert_eq!(replaced, 2);
    drop(graft);

    let bench = Bench::at(directory);
    for secret in ["a", "b"] {
        assert_eq!(bench.value(secret).unwrap_err().kind, ErrorKind::Corrupt);
    }
    assert_eq!(bench.put("a", b"x").unwrap_err().kind, ErrorKind::Corrupt);
    assert!(!bench.is_sound());
}

#[test]
fn a_removed_record_is_not_taken_for_a_secret_that_is_gone() {
    let bench = Bench::new();
    bench.create("a", b"1").unwrap();
    bench.create("b", b"2").unwrap();
    let directory = bench.close();
    let file = rusqlite::Connection::open(directory.path().join("vault.db")).unwrap();
    file.execute("DELETE FROM secret", []).unwrap();
    drop(file);
    let bench = Bench::at(directory);
    let read = bench.runtime.block_on(bench.backend.read(&name("a")));
    assert_eq!(read.unwrap_err().kind, ErrorKind::Corrupt);
    let list = bench.runtime.block_on(bench.backend.list(&ListFilter::default(), None));
    assert_eq!(list.unwrap_err().kind, ErrorKind::Corrupt);
}
