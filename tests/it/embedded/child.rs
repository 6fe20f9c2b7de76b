//! A process of its own that writes to a vault: this test binary, started again.
//!
//! It says on standard output what was committed, and nothing before that.

use std::io::{BufRead as _, BufReader, Write as _};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdout, Command, Stdio};

use coffer::domain::port::ErrorKind;

use super::{create, open, put, runtime, value};

const JOB: &str = "COFFER_TEST_CHILD_JOB";
const VAULT: &str = "COFFER_TEST_CHILD_VAULT";

/// What the child does, by the word it is told.
#[test]
#[ignore = "a child process of the tests beside it; does nothing by itself"]
fn child() {
    let (Ok(job), Ok(vault)) = (std::env::var(JOB), std::env::var(VAULT)) else { return };
    let (word, argument) = job.split_once(' ').unwrap_or((&job, ""));
    match word {
        "create-one" => create_one(Path::new(&vault)),
        "write-forever" => write_forever(Path::new(&vault), argument.parse().unwrap()),
        "write-many" => write_many(Path::new(&vault), argument),
        "write-until-full" => write_until_full(Path::new(&vault)),
        "use-read-only" => use_read_only(Path::new(&vault)),
        other => panic!("there is no job {other}"),
    }
}

/// A command that runs the job.
pub(super) fn command(executable: &Path, job: &str, vault: &Path) -> Command {
    let mut command = Command::new(executable);
    command
        .args(["--ignored", "--exact", "embedded::child::child", "--nocapture"])
        .env(JOB, job)
        .env(VAULT, vault)
        .stdout(Stdio::piped())
        .stderr(Stdio::inherit());
    command
}

/// A running child with the lines that it says.
pub(super) struct Running {
    child: Child,
    lines: std::io::Lines<BufReader<ChildStdout>>,
}

impl Running {
    pub(super) fn start(job: &str, vault: &Path) -> Self {
        Self::spawn(command(&this_executable(), job, vault))
    }

    pub(super) fn spawn(mut command: Command) -> Self {
        let mut child = command.spawn().unwrap();
        let lines = BufReader::new(child.stdout.take().unwrap()).lines();
        Self { child, lines }
    }

    /// Kills the process without warning and returns what it still said.
    pub(super) fn kill(mut self) -> Vec<String> {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
        said(self.lines)
    }

    /// Waits for the end of the process and returns what it said.
    pub(super) fn finish(mut self) -> Vec<String> {
        let lines = said(self.lines.by_ref());
        assert!(self.child.wait().unwrap().success(), "the child failed: {lines:?}");
        lines
    }

    /// The next thing it says.
    pub(super) fn next(&mut self) -> String {
        self.lines
            .by_ref()
            .find_map(|line| line.unwrap().strip_prefix("> ").map(str::to_owned))
            .unwrap()
    }
}

pub(super) fn this_executable() -> PathBuf {
    std::env::current_exe().unwrap()
}

fn said(lines: impl Iterator<Item = std::io::Result<String>>) -> Vec<String> {
    lines.filter_map(|line| line.ok()?.strip_prefix("> ").map(str::to_owned)).collect()
}

/// Says something. The test harness may have left its own line unfinished.
fn say(what: &str) {
    let mut stdout = std::io::stdout().lock();
    write!(stdout, "\n> {what}\n").unwrap();
    stdout.flush().unwrap();
}

/// Values of a writing, of many sizes.
pub(super) fn value_of(number: u64) -> Vec<u8> {
    let size = usize::try_from(number * 977 % 9_000).unwrap();
    format!("{number}:").into_bytes().into_iter().chain(std::iter::repeat_n(b'.', size)).collect()
}

fn create_one(vault: &Path) {
    say("starting");
    runtime().block_on(create(&open(vault), "a", b"one")).unwrap();
    say("done");
}

/// Creates `n<number>` and puts versions of `shared`, from a number on, until it is killed.
fn write_forever(vault: &Path, first: u64) {
    let (backend, runtime) = (open(vault), runtime());
    runtime.block_on(async {
        for number in first.. {
            // The first is a repetition: the process before may have been killed after the commit
            // and before it could say so.
            let value = value_of(number);
            create(&backend, &format!("n{number}"), &value).await.unwrap();
            create(&backend, "shared", &value_of(0)).await.unwrap();
            put(&backend, "shared", &value).await.unwrap();
            say(&number.to_string());
        }
    });
}

fn write_many(vault: &Path, writer: &str) {
    const EACH: usize = 40;
    let (backend, runtime) = (open(vault), runtime());
    runtime.block_on(async {
        // One of the writers creates it, and perhaps the vault as well.
        if let Err(error) = create(&backend, "shared", writer.as_bytes()).await {
            assert_eq!(error.kind, ErrorKind::AlreadyExists, "{error}");
        }
        for n in 0..EACH {
            let text = format!("{writer}-{n}");
            create(&backend, &format!("own/{text}"), text.as_bytes()).await.unwrap();
            let number = put(&backend, "shared", text.as_bytes()).await.unwrap();
            say(&format!("{number} {text}"));
        }
    });
}

fn write_until_full(vault: &Path) {
    let (backend, runtime) = (open(vault), runtime());
    runtime.block_on(async {
        for number in 0..10_000_u64 {
            let bulk = vec![b'b'; 20_000];
            match create(&backend, &format!("n{number}"), &bulk).await {
                Ok(()) => say(&number.to_string()),
                Err(error) => {
                    assert_eq!(error.kind, ErrorKind::Unavailable, "{error}");
                    assert!(error.message.contains("space"), "{error}");
                    say("full");
                    return;
                }
            }
        }
    });
}

fn use_read_only(vault: &Path) {
    let (backend, runtime) = (open(vault), runtime());
    runtime.block_on(async {
        assert_eq!(value(&backend, "kept").await.unwrap(), b"from before");
        say("read");
        for outcome in
            [create(&backend, "new", b"x").await, put(&backend, "kept", b"x").await.map(|_| ())]
        {
            let error = outcome.unwrap_err();
            assert_eq!(error.kind, ErrorKind::PermissionDenied, "{error}");
            assert!(
                error.message.contains("read-only") || error.message.contains("owner"),
                "{error}"
            );
        }
        say("refused");
        assert_eq!(value(&backend, "kept").await.unwrap(), b"from before");
    });
}
