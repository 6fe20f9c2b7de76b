//! Power cuts: the files as they are after every single write, opened again.
//!
//! The log is the only file that a commit writes, and it is only appended to; every prefix of it
//! is what a power cut could leave. A checkpoint then copies pages into the file; every prefix of
//! that is tried as well.

use std::fs;
use std::path::Path;
use std::sync::Arc;

use coffer::domain::port::ErrorKind;
use tempfile::TempDir;

use super::{Bench, Sequence, copy};

const FRAME: usize = 24 + 4096;
const WRITES: usize = 16;

/// A vault whose log holds `WRITES` commits, copied while it is open: before and after its log was
/// moved into the file.
struct Image {
    before: Arc<TempDir>,
    after: Arc<TempDir>,
    log: Vec<u8>,
}

fn image() -> Image {
    for _ in 0..50 {
        let bench = Bench::new();
        bench.create("kept", b"from before").unwrap();
        let bench = Bench::at(bench.close());
        for n in 0..WRITES {
            // Small and large values, so that commits have few and many frames.
            bench.create(&format!("s{n}"), &vec![b'v'; 1 + (n % 5) * 3_000]).unwrap();
        }
        let before = copy(bench.path().parent().unwrap());
        let log = fs::read(before.path().join("vault.db-wal")).unwrap_or_default();
        let after = bench.close();
        // A slow machine may have moved the log in between; then there is nothing to cut.
        if commits(&log) >= WRITES {
            return Image { before, after, log };
        }
    }
    panic!("the log never held all commits");
}

fn commits(log: &[u8]) -> usize {
    let frames = log.get(32..).unwrap_or_default().chunks_exact(FRAME);
    frames.filter(|frame| frame[4..8] != [0; 4]).count()
}

/// How many of the writes are there: they must be the first ones, whole.
fn present(bench: &Bench, what: &str) -> usize {
    assert_eq!(bench.value("kept").unwrap(), b"from before", "{what}");
    let mut there = 0;
    for n in 0..WRITES {
        match bench.value(&format!("s{n}")) {
            Ok(value) => {
                assert_eq!(there, n, "{what}: a commit is missing before s{n}");
                assert!(value == vec![b'v'; 1 + (n % 5) * 3_000], "{what}: wrong value of s{n}");
                there += 1;
            }
            Err(error) => assert_eq!(error.kind, ErrorKind::NotFound, "{what}: {error}"),
        }
    }
    there
}

fn with_log(vault: &Path, log: &[u8]) -> Bench {
    let directory = copy(vault);
    fs::write(directory.path().join("vault.db-wal"), log).unwrap();
    Bench::at(directory)
}

#[test]
fn every_prefix_of_the_log_opens_to_what_was_committed() {
    let image = image();
    let mut cuts: Vec<usize> = (0..=image.log.len() / FRAME).map(|n| 32 + n * FRAME).collect();
    let mut sequence = Sequence(0xdead_beef_1234_5678);
    cuts.extend((0..40).map(|_| sequence.below(image.log.len())));
    cuts.extend([0, 1, 31]);
    cuts.retain(|cut| *cut <= image.log.len());
    for (place, cut) in cuts.into_iter().enumerate() {
        let log = &image.log[..cut];
        let bench = with_log(image.before.path(), log);
        let what = format!("log cut to {cut} bytes");
        // Group commits may hold several writes, the checksum's commit none.
        let there = present(&bench, &what);
        assert!(there >= commits(log).min(WRITES), "{what}: only {there} writes are there");
        assert!(bench.is_sound(), "{what}");
        // And it can be written on.
        if place % 3 == 0 {
            bench.create("next", b"after the power cut").unwrap();
            assert_eq!(bench.value("next").unwrap(), b"after the power cut");
        }
    }
}

#[test]
fn a_torn_last_transaction_is_undone() {
    let image = image();
    let last = 32 + (image.log.len() - 32) / FRAME * FRAME;
    let mut sequence = Sequence(0x0bad_f00d_0bad_f00d);
    for _ in 0..20 {
        // Pages of the last write reached the disk in part.
        let mut log = image.log[..last].to_vec();
        let at = last - 1 - sequence.below(4_000);
        log[at] ^= 0x40;
        let bench = with_log(image.before.path(), &log);
        assert!(present(&bench, "torn") >= WRITES - 1);
        assert!(bench.is_sound());
    }
}

#[test]
fn a_damaged_log_is_refused_instead_of_cut_short() {
    let image = image();
    let mut sequence = Sequence(0x1357_9bdf_0246_8ace);
    for _ in 0..40 {
        let mut log = image.log.clone();
        // Well before the last commits, so that it cannot be a power cut.
        let at = 32 + sequence.below(log.len() / 2);
        log[at] ^= 1 << sequence.below(8);
        let bench = with_log(image.before.path(), &log);
        match bench.value("kept") {
            Err(error) => assert_eq!(error.kind, ErrorKind::Corrupt, "byte {at}: {error}"),
            // Bytes that the log does not use: everything must be there.
            Ok(_) => assert_eq!(present(&bench, &format!("byte {at}")), WRITES),
        }
    }
}

#[test]
fn every_step_of_a_checkpoint_opens_to_everything() {
    let image = image();
    let old = fs::read(image.before.path().join("vault.db")).unwrap();
    let new = fs::read(image.after.path().join("vault.db")).unwrap();
    assert!(new.len() >= old.len());
    let pages = new.len() / 4096;
    for written in 0..=pages {
        // The first pages are copied, and half of the next one.
        let cut = (written * 4096 + 2048).min(new.len());
        let mut file = new[..cut].to_vec();
        file.extend_from_slice(old.get(cut..).unwrap_or_default());
        let directory = copy(image.before.path());
        fs::write(directory.path().join("vault.db"), &file).unwrap();
        let bench = Bench::at(directory);
        assert_eq!(present(&bench, &format!("{written} pages copied")), WRITES);
        assert!(bench.is_sound(), "{written} pages copied");
    }
}
