//! Master keys: where they come from, wrong and missing ones, and changing them.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;
use std::sync::Arc;

use coffer::adapters::descriptor::{Setting, Settings};
use coffer::adapters::embedded::{Ambient, Config, DESCRIPTOR, Embedded, KeySource, MasterKey};
use coffer::domain::material::Secret;
use coffer::domain::port::{Backend, BackendError, ErrorKind, ListFilter, WhenMissing};
use tempfile::TempDir;

use super::{Bench, create, name, runtime, value};

const KEY: &str = "MDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3ODlhYmNkZWY=";
const OTHER: &str = "QUJDREVGR0hJSktMTU5PUFFSU1RVVldYWVphYmNkZWY=";

fn key(text: &str) -> KeySource {
    KeySource::Key(MasterKey::parse(&Secret::from(text)).unwrap())
}

fn passphrase(text: &str) -> KeySource {
    KeySource::Passphrase(Secret::from(text))
}

fn vault(directory: &TempDir, key: KeySource) -> Embedded {
    let path = directory.path().join("vault.db");
    Embedded::new(Config { path, key }, Ambient::system())
}

fn get(backend: &Embedded) -> Result<Vec<u8>, BackendError> {
    runtime().block_on(value(backend, "a"))
}

fn put_first(backend: &Embedded) {
    runtime().block_on(create(backend, "a", b"one")).unwrap();
}

#[test]
fn looking_creates_nothing() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("below/vault.db");
    let backend = Embedded::new(Config::at(&path), Ambient::system());
    runtime().block_on(async {
        assert_eq!(backend.read(&name("a")).await.unwrap_err().kind, ErrorKind::NotFound);
        assert!(backend.list(&ListFilter::default(), None).await.unwrap().items.is_empty());
        let material = backend.fingerprint_key_material(WhenMissing::Leave).await.unwrap();
        assert!(material.is_none());
        assert_eq!(backend.purge(&name("a")).await.unwrap_err().kind, ErrorKind::NotFound);
    });
    assert_eq!(fs::read_dir(directory.path()).unwrap().count(), 0);

    let material = runtime().block_on(backend.fingerprint_key_material(WhenMissing::Create));
    let material = material.unwrap().unwrap();
    assert_eq!(material.len(), 32);
    assert!(path.exists());
    assert_eq!(mode(&directory.path().join("below")), 0o700);
    let again = runtime().block_on(backend.fingerprint_key_material(WhenMissing::Leave));
    assert!(again.unwrap().unwrap() == material);
}

#[test]
fn key_file_is_made_once_private_and_announced() {
    let bench = Bench::new();
    bench.create("a", b"one").unwrap();
    let file = bench.directory.path().join("vault.db.key");
    assert_eq!(mode(&file), 0o600);
    let notices = bench.backend.take_notices();
    assert_eq!(notices.len(), 1);
    assert!(notices[0].contains("vault.db.key") && notices[0].contains("recovered"), "{notices:?}");
    assert!(bench.backend.take_notices().is_empty());
    let again = Bench::at(bench.close());
    assert_eq!(again.value("a").unwrap(), b"one");
    assert!(again.backend.take_notices().is_empty());
}

#[test]
fn key_file_that_others_can_read_is_refused() {
    let bench = Bench::new();
    bench.create("a", b"one").unwrap();
    let directory = bench.close();
    let file = directory.path().join("vault.db.key");
    fs::set_permissions(&file, fs::Permissions::from_mode(0o640)).unwrap();
    let error = Bench::at(directory).value("a").unwrap_err();
    assert_eq!(error.kind, ErrorKind::PermissionDenied);
    assert!(error.message.contains("chmod 600"), "{error}");
}

#[test]
fn missing_key_file_is_an_error_and_no_new_key() {
    let bench = Bench::new();
    bench.create("a", b"one").unwrap();
    let directory = bench.close();
    let file = directory.path().join("vault.db.key");
    fs::remove_file(&file).unwrap();
    let bench = Bench::at(directory);
    for error in [bench.value("a").unwrap_err(), bench.create("b", b"two").unwrap_err()] {
        assert_eq!(error.kind, ErrorKind::Unauthenticated, "{error}");
    }
    assert!(!file.exists());
}

#[test]
fn wrong_key_is_one_clear_error_and_changes_nothing() {
    type Case = (fn() -> KeySource, fn() -> KeySource);
    let cases: [Case; 4] = [
        (|| key(KEY), || key(OTHER)),
        (|| passphrase("right"), || passphrase("wrong")),
        (|| key(KEY), || passphrase("none was set")),
        (|| passphrase("right"), || key(KEY)),
    ];
    for (right, wrong) in cases {
        let directory = tempfile::tempdir().unwrap();
        put_first(&vault(&directory, right()));
        let before = fs::read(directory.path().join("vault.db")).unwrap();
        let other = vault(&directory, wrong());
        for error in [
            get(&other).unwrap_err(),
            runtime().block_on(create(&other, "b", b"two")).unwrap_err(),
            runtime().block_on(other.list(&ListFilter::default(), None)).unwrap_err(),
        ] {
            assert_eq!(error.kind, ErrorKind::Unauthenticated, "{error}");
        }
        assert!(fs::read(directory.path().join("vault.db")).unwrap() == before);
        assert_eq!(get(&vault(&directory, right())).unwrap(), b"one");
    }
}

#[test]
fn changed_key_opens_and_the_old_one_does_not() {
    type Source = fn(&TempDir) -> KeySource;
    let sources: [Source; 4] = [
        |_| key(KEY),
        |_| passphrase("words"),
        |directory| KeySource::File(directory.path().join("vault.db.key")),
        |_| key(OTHER),
    ];
    let directory = tempfile::tempdir().unwrap();
    put_first(&vault(&directory, sources[0](&directory)));
    let print = material(&vault(&directory, sources[0](&directory)));
    for pair in sources.windows(2) {
        let present = vault(&directory, pair[0](&directory));
        present.vault().rekey(&pair[1](&directory)).unwrap();
        assert_eq!(get(&present).unwrap_err().kind, ErrorKind::Unauthenticated);
        let next = vault(&directory, pair[1](&directory));
        assert_eq!(get(&next).unwrap(), b"one");
        assert!(material(&next) == print, "fingerprints stay comparable");
        assert!(next.vault().verify().unwrap().unwrap().problems.is_empty());
    }
}

fn material(backend: &Embedded) -> Secret {
    runtime().block_on(backend.fingerprint_key_material(WhenMissing::Leave)).unwrap().unwrap()
}

#[test]
fn key_file_is_replaced_in_its_place_even_after_a_kill() {
    let bench = Bench::new();
    bench.create("a", b"one").unwrap();
    let file = bench.directory.path().join("vault.db.key");
    let staged = bench.directory.path().join("vault.db.key.new");
    let old = fs::read(&file).unwrap();
    bench.backend.vault().rekey(&KeySource::File(file.clone())).unwrap();
    let new = fs::read(&file).unwrap();
    assert!(old != new && !staged.exists());
    assert_eq!(bench.value("a").unwrap(), b"one");

    // Killed before the commit: a new key that nothing depends on lies there, and is replaced.
    fs::write(&staged, KEY).unwrap();
    fs::set_permissions(&staged, fs::Permissions::from_mode(0o600)).unwrap();
    assert_eq!(bench.value("a").unwrap(), b"one");
    bench.backend.vault().rekey(&KeySource::File(file.clone())).unwrap();
    let new = fs::read(&file).unwrap();
    assert!(!staged.exists());

    // Killed after the commit and before the rename: the old key still lies in its place.
    let directory = bench.close();
    fs::rename(&file, &staged).unwrap();
    fs::write(&file, &old).unwrap();
    fs::set_permissions(&file, fs::Permissions::from_mode(0o600)).unwrap();
    assert_eq!(Bench::at(directory.clone()).value("a").unwrap(), b"one");
    assert!(fs::read(&file).unwrap() == new && !staged.exists());
}

#[test]
fn configured_key_source_wins_over_the_environment() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("vault.db").to_str().unwrap().to_owned();
    let file = directory.path().join("my.key").to_str().unwrap().to_owned();
    let mut settings = Settings::default();
    settings.set("path", Setting::Text(path.clone()));
    settings.set("key_file", Setting::Text(file.clone()));
    settings.set_from_environment("key", Setting::Secret(Secret::from(KEY)));
    let backend = (DESCRIPTOR.open)(settings).unwrap();
    let material = runtime().block_on(backend.fingerprint_key_material(WhenMissing::Create));
    assert!(material.unwrap().is_some() && Path::new(&file).exists());

    let mut settings = Settings::default();
    settings.set("path", Setting::Text(path));
    settings.set("key_file", Setting::Text(file));
    settings.set("passphrase", Setting::Secret(Secret::from("words")));
    let refused = (DESCRIPTOR.open)(settings).unwrap_err();
    assert!(refused.message.contains("only one"), "{refused}");
}

#[test]
fn keys_that_are_none_are_refused_without_being_shown() {
    for wrong in ["", "short", "bm90IDMyIGJ5dGVz", "!!!!", &"A".repeat(300)] {
        let mut settings = Settings::default();
        settings.set("key", Setting::Secret(Secret::from(wrong)));
        let refused = (DESCRIPTOR.open)(settings).unwrap_err();
        assert_eq!(refused.argument, Some("key"));
        assert!(wrong.is_empty() || !refused.message.contains(wrong));
        assert!(refused.message.contains("32 bytes"), "{refused}");
    }
}

#[test]
fn files_that_are_no_vault_are_left_alone() {
    let sql = |path: &Path, statements: &str| {
        rusqlite::Connection::open(path).unwrap().execute_batch(statements).unwrap();
    };
    let text: &dyn Fn(&Path) = &|path| fs::write(path, "not a database at all".repeat(99)).unwrap();
    let database: &dyn Fn(&Path) =
        &|path| sql(path, "CREATE TABLE t (x); INSERT INTO t VALUES (1)");
    let newer: &dyn Fn(&Path) = &|path| {
        let config = Config::at(path);
        put_first(&Embedded::new(config, Ambient::system()));
        sql(path, "PRAGMA user_version = 2");
    };
    let directory_itself: &dyn Fn(&Path) = &|path| fs::create_dir(path).unwrap();
    for (make, kind, word) in [
        (text, ErrorKind::Corrupt, "not a coffer vault"),
        (database, ErrorKind::Corrupt, "not a coffer vault"),
        (newer, ErrorKind::Unsupported, "newer release"),
        (directory_itself, ErrorKind::InvalidRequest, "directory"),
    ] {
        let directory = Arc::new(tempfile::tempdir().unwrap());
        let path = directory.path().join("vault.db");
        make(&path);
        let before = fs::read(&path).ok();
        let bench = Bench::at(directory);
        for error in [bench.value("a").unwrap_err(), bench.create("b", b"x").unwrap_err()] {
            assert_eq!(error.kind, kind, "{error}");
            assert!(error.message.contains(word), "{error}");
        }
        assert!(fs::read(&path).ok() == before, "{word}: the file was changed");
    }
}

#[test]
fn an_empty_file_becomes_a_vault() {
    let directory = Arc::new(tempfile::tempdir().unwrap());
    fs::write(directory.path().join("vault.db"), "").unwrap();
    let bench = Bench::at(directory);
    assert_eq!(bench.value("a").unwrap_err().kind, ErrorKind::NotFound);
    bench.create("a", b"one").unwrap();
    assert_eq!(bench.value("a").unwrap(), b"one");
}

#[test]
fn a_vault_that_is_replaced_under_a_running_process_is_opened_anew() {
    let bench = Bench::new();
    bench.create("a", b"first vault").unwrap();
    let path = bench.path();
    for file in ["vault.db", "vault.db-wal", "vault.db-shm", "vault.db.key"] {
        let _ = fs::remove_file(bench.directory.path().join(file));
    }
    assert_eq!(bench.value("a").unwrap_err().kind, ErrorKind::NotFound);
    bench.create("a", b"second vault").unwrap();
    assert!(path.exists());
    assert_eq!(bench.value("a").unwrap(), b"second vault");
    assert_eq!(Bench::at(bench.close()).value("a").unwrap(), b"second vault");
}

fn mode(path: &Path) -> u32 {
    fs::metadata(path).unwrap().permissions().mode() & 0o777
}
