//! Several processes, killed ones among them, and disks that are full or read-only.

use std::collections::BTreeSet;
use std::fs;
use std::os::unix::fs::{PermissionsExt as _, chown};
use std::os::unix::process::CommandExt as _;
use std::process::Command;
use std::sync::Arc;
use std::thread::sleep;
use std::time::Duration;

use coffer::domain::port::{Backend as _, ErrorKind};

use super::child::{Running, command, this_executable, value_of};
use super::{Bench, Sequence, name};

const KILLS: usize = 40;

#[test]
fn killed_writers_lose_nothing_that_was_committed() {
    let directory = Arc::new(tempfile::tempdir().unwrap());
    let path = directory.path().join("vault.db");
    let mut sequence = Sequence(0xfeed_face_cafe_beef);
    let mut done = 0;
    let mut unanswered = 0;
    for kill in 0..KILLS {
        let mut writer = Running::start(&format!("write-forever {done}"), &path);
        let mut said = Vec::new();
        if kill % 2 == 1 {
            // Every other kill hits a writer at work, the others one that opens or creates.
            said.push(writer.next());
        }
        sleep(Duration::from_micros(sequence.below(40_000) as u64));
        said.extend(writer.kill());
        done = said
            .iter()
            .filter_map(|word| word.parse::<u64>().ok())
            .map(|n| n + 1)
            .fold(done, u64::max);

        let bench = Bench::at(directory.clone());
        for number in 0..done {
            assert!(
                bench.value(&format!("n{number}")).unwrap() == value_of(number),
                "kill {kill}: n{number} is not what was committed"
            );
        }
        // The write that was not answered took place as a whole or not at all.
        match bench.value(&format!("n{done}")) {
            Ok(value) => {
                assert!(value == value_of(done));
                unanswered += 1;
            }
            Err(error) => assert_eq!(error.kind, ErrorKind::NotFound, "kill {kill}: {error}"),
        }
        assert!(bench.is_sound(), "kill {kill}");
    }
    assert!(
        done >= KILLS as u64 / 2,
        "only {done} writes in {KILLS} kills ({unanswered} unanswered)"
    );
}

#[test]
fn killed_creation_of_a_vault_is_no_obstacle() {
    let mut sequence = Sequence(0x0123_4567_89ab_cdef);
    let mut early = 0;
    for kill in 0..KILLS {
        let directory = Arc::new(tempfile::tempdir().unwrap());
        let mut writer = Running::start("create-one", &directory.path().join("vault.db"));
        assert_eq!(writer.next(), "starting");
        // From a microsecond to 16 milliseconds: creation takes one on some disks, ten on others.
        sleep(Duration::from_micros(sequence.below(1 << (kill % 15)) as u64));
        let done = !writer.kill().is_empty();
        early += usize::from(!done);
        let bench = Bench::at(directory);
        match bench.value("a") {
            Ok(value) => assert_eq!(value, b"one"),
            Err(error) => {
                assert_eq!(error.kind, ErrorKind::NotFound, "kill {kill}: {error}");
                assert!(!done, "kill {kill}: a committed secret is lost");
                bench.create("a", b"one").unwrap();
            }
        }
        // A key file that was left behind is used, not replaced or complained about.
        let again = Bench::at(bench.close());
        assert_eq!(again.value("a").unwrap(), b"one");
        assert!(again.is_sound());
    }
    assert!(early > 0, "no kill was early enough to matter");
}

#[test]
fn four_processes_write_at_once() {
    let bench = Bench::new();
    bench.create("shared", b"start").unwrap();
    four_writers(&bench);
}

#[test]
fn four_processes_create_one_vault() {
    for _ in 0..3 {
        let bench = Bench::new();
        four_writers(&bench);
        let directory = bench.close();
        let keys = fs::read_dir(directory.path()).unwrap();
        let keys = keys.filter(|e| e.as_ref().unwrap().path().extension().unwrap() == "key");
        assert_eq!(keys.count(), 1);
    }
}

fn four_writers(bench: &Bench) {
    let path = bench.path();
    let writers: Vec<_> =
        (0..4).map(|writer| Running::start(&format!("write-many {writer}"), &path)).collect();
    let mut numbers = BTreeSet::new();
    let mut writes = 0;
    for writer in writers {
        for line in writer.finish() {
            let (number, text) = line.split_once(' ').unwrap();
            numbers.insert(number.parse::<u64>().unwrap());
            writes += 1;
            assert_eq!(bench.value(&format!("own/{text}")).unwrap(), text.as_bytes());
        }
    }
    assert_eq!(writes, 4 * 40);
    // Each write got a number of its own, and there are no gaps.
    assert_eq!(numbers, (2..=161).collect());
    let versions = bench.runtime.block_on(bench.backend.list_versions(&name("shared"))).unwrap();
    assert_eq!(versions.len(), 161);
    assert!(bench.is_sound());
}

#[test]
fn a_full_disk_stops_writes_and_loses_nothing() {
    let bench = Bench::new();
    bench.create("kept", b"from before").unwrap();
    let directory = bench.close();
    let path = directory.path().join("vault.db");
    // A limit on file sizes is what a full disk looks like, without the signal that comes with it.
    let inner = command(&this_executable(), "write-until-full", &path);
    let mut limited = Command::new("sh");
    limited
        .args(["-c", "trap '' XFSZ; ulimit -f 800; exec \"$@\"", "sh"])
        .arg(inner.get_program())
        .args(inner.get_args())
        .envs(inner.get_envs().filter_map(|(name, value)| Some((name, value?))))
        .stdout(std::process::Stdio::piped());
    let said = Running::spawn(limited).finish();
    assert_eq!(said.last().map(String::as_str), Some("full"), "{said:?}");
    let written = said.len() - 1;
    assert!(written > 3, "{said:?}");

    let bench = Bench::at(directory);
    assert_eq!(bench.value("kept").unwrap(), b"from before");
    for number in 0..written {
        assert!(bench.value(&format!("n{number}")).unwrap() == vec![b'b'; 20_000]);
    }
    let next = bench.value(&format!("n{written}"));
    assert_eq!(next.unwrap_err().kind, ErrorKind::NotFound);
    assert!(bench.is_sound());
    bench.create("next", b"there is space again").unwrap();
    assert_eq!(bench.value("next").unwrap(), b"there is space again");
}

#[test]
fn a_read_only_vault_is_read_and_not_written() {
    const NOBODY: u32 = 65_534;
    let root = rustix::process::geteuid().is_root();
    for directory_mode in [0o755, 0o555] {
        let bench = Bench::new();
        bench.create("kept", b"from before").unwrap();
        let path = bench.path();
        let directory = bench.close();
        // Modes do not bind root, so the child becomes somebody else. That somebody may not be
        // able to reach this binary where it is.
        let mut executable = this_executable();
        let place = tempfile::tempdir().unwrap();
        if root {
            let copy = place.path().join("it");
            fs::copy(&executable, &copy).unwrap();
            set_mode(place.path(), 0o755);
            executable = copy;
            for file in ["", "vault.db", "vault.db.key"] {
                chown(directory.path().join(file), Some(NOBODY), Some(NOBODY)).unwrap();
            }
        }
        let before = fs::read(&path).unwrap();
        set_mode(&path, 0o400);
        set_mode(directory.path(), directory_mode);
        let mut child = command(&executable, "use-read-only", &path);
        child.current_dir("/");
        if root {
            child.uid(NOBODY).gid(NOBODY);
        }
        let said = Running::spawn(child).finish();
        set_mode(directory.path(), 0o755);
        assert_eq!(said, ["read", "refused"]);
        assert!(fs::read(&path).unwrap() == before, "the file was changed");
    }
}

fn set_mode(path: &std::path::Path, mode: u32) {
    fs::set_permissions(path, fs::Permissions::from_mode(mode)).unwrap();
}
