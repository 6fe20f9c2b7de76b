//! The form of the file: a vault and a backup that the first release wrote must open for ever.
//!
//! `format-1.vault` and `format-1.backup` were written once, under the key below, with the clock
//! at 2027-01-15T08:00:00Z. A change that breaks this test needs a new format number and a
//! migration, not new files.

use std::fs;
use std::path::Path;

use coffer::adapters::embedded::{Ambient, Config, Embedded, KeySource, MasterKey, SealState};
use coffer::domain::kind::Kind;
use coffer::domain::material::Secret;
use coffer::domain::port::{Backend as _, Lifecycle, ListFilter, VersionSelector};
use coffer::domain::rotation::RotationState;
use time::{Duration, OffsetDateTime};

use super::{generic, name, print, runtime, value};

const KEY: &str = "MDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3ODlhYmNkZWY=";
const WRITTEN_AT: i64 = 1_800_000_000;

#[test]
fn a_vault_and_a_backup_of_the_first_release_open() {
    let fixtures = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/it/embedded");
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("vault.db");
    fs::copy(fixtures.join("format-1.vault"), &path).unwrap();
    let written_at = OffsetDateTime::from_unix_timestamp(WRITTEN_AT).unwrap();
    let key = KeySource::Key(MasterKey::parse(&Secret::from(KEY)).unwrap());
    let clock = Ambient::with_clock(move || written_at + Duration::days(100));
    let backend = Embedded::new(Config { path, key }, clock);

    let found = backend.vault().verify().unwrap().unwrap();
    assert_eq!((found.secrets, found.versions, found.seal), (3, 4, SealState::Intact));
    assert!(found.problems.is_empty(), "{found:?}");
    runtime().block_on(async {
        assert_eq!(value(&backend, "app/token").await.unwrap(), b"second");
        let first = VersionSelector::State(RotationState::Previous);
        let read = backend.read_content(&name("app/token"), first).await.unwrap();
        assert_eq!(read.content, generic(b"first"));
        assert_eq!(read.version.fingerprint, Some(print(&generic(b"first"))));

        let login = backend.read(&name("login")).await.unwrap();
        assert_eq!((login.kind, login.created_at), (Some(Kind::BasicAuth), Some(written_at)));
        assert_eq!(login.metadata.tags["k"], "v");
        assert_eq!(login.metadata.expires_at.unwrap().unix_timestamp(), 1_900_000_000);
        let current = VersionSelector::State(RotationState::Current);
        let read = backend.read_content(&name("login"), current).await.unwrap();
        assert_eq!(read.content.field("password"), Some(&Secret::from("p\u{e9}")));

        let all = ListFilter { include_deleted: true, ..ListFilter::default() };
        let page = backend.list(&all, None).await.unwrap();
        let old = page.items.iter().find(|record| record.name == name("old")).unwrap();
        let purge_at = Some(written_at + Duration::days(365));
        assert_eq!(old.lifecycle, Lifecycle::Deleted { purge_at });

        backend.purge(&name("app/token")).await.unwrap();
        let backup = fs::read(fixtures.join("format-1.backup")).unwrap();
        backend.restore(&backup).await.unwrap();
        assert_eq!(value(&backend, "app/token").await.unwrap(), b"second");
    });
}
