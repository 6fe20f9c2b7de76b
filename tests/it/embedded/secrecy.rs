//! Nothing but sizes and counts can be seen in the vault's files.

use std::collections::BTreeMap;
use std::fs;
use std::os::unix::fs::PermissionsExt as _;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD_NO_PAD;
use coffer::domain::port::{Backend as _, Metadata, NewSecret};

use super::{Bench, generic, name, print, version};

const VALUE: &str = "CANARY-value-5b1f0c";
const WORDS: [&str; 6] = [
    VALUE,
    "CANARY/name-77aa31",
    "CANARY-description-0d93",
    "CANARY-tag-key-41c2",
    "CANARY-tag-value-9e0b",
    "canary/content-type-6b",
];

fn write(bench: &Bench) {
    let content = generic(VALUE.as_bytes());
    let print = print(&content);
    let metadata = Metadata {
        description: Some(WORDS[2].to_owned()),
        tags: BTreeMap::from([(WORDS[3].to_owned(), WORDS[4].to_owned())]),
        content_type: Some(WORDS[5].to_owned()),
        enabled: true,
        ..Metadata::default()
    };
    let secret = NewSecret {
        name: &name(WORDS[1]),
        metadata,
        options: coffer::domain::port::Options::new(),
        version: version(&content, &print, [1; 16]),
    };
    bench.runtime.block_on(bench.backend.create(secret)).unwrap();
}

#[test]
fn files_show_no_value_and_no_metadata() {
    let bench = Bench::new();
    write(&bench);
    let fingerprint = print(&generic(VALUE.as_bytes())).to_string();
    let mut searched = 0;
    let mut search = |directory: &std::path::Path| {
        for entry in fs::read_dir(directory).unwrap() {
            let entry = entry.unwrap();
            let mode = entry.metadata().unwrap().permissions().mode() & 0o777;
            assert_eq!(mode, 0o600, "{:?}", entry.path());
            let bytes = fs::read(entry.path()).unwrap();
            for word in WORDS.iter().copied().chain([fingerprint.as_str(), "generic", "current"]) {
                let hex: String = word.bytes().map(|b| format!("{b:02x}")).collect();
                for form in [word.to_owned(), STANDARD_NO_PAD.encode(word), hex] {
                    let found = bytes.windows(form.len()).any(|w| w == form.as_bytes());
                    assert!(!found, "{form} is in {:?}", entry.path());
                }
            }
            searched += 1;
        }
    };
    let directory = bench.path().parent().unwrap().to_owned();
    search(&directory);
    let kept = bench.close();
    search(&directory);
    // The file, its log and index while open, the file alone at rest, and the key file each time.
    assert!(searched >= 5, "only {searched} files");
    drop(kept);
}

#[test]
fn purged_secrets_leave_nothing_behind() {
    let bench = Bench::new();
    bench.create("kept", b"1").unwrap();
    let path = bench.path();
    let directory = bench.close();
    let bench = Bench::at(directory);
    write(&bench);
    let kept = bench.close();
    let ciphertexts = records(&path);
    let bench = Bench::at(kept);
    bench.purge(WORDS[1]).unwrap();
    let _kept = bench.close();
    let bytes = fs::read(&path).unwrap();
    let remaining = records(&path);
    let gone: Vec<_> = ciphertexts.iter().filter(|record| !remaining.contains(record)).collect();
    assert!(gone.len() >= 2, "the record and the value are gone");
    for record in gone {
        assert!(
            !bytes.windows(24).any(|window| window == &record[..24]),
            "a deleted record is left"
        );
    }
}

fn records(path: &std::path::Path) -> Vec<Vec<u8>> {
    let file = rusqlite::Connection::open(path).unwrap();
    let mut all = Vec::new();
    for table in ["secret", "version"] {
        let mut rows = file.prepare(&format!("SELECT record FROM {table}")).unwrap();
        let found = rows.query_map([], |row| row.get(0)).unwrap();
        all.extend(found.map(Result::unwrap));
    }
    all
}
