//! The Python environment with moto and the vendors' own clients, which judge ours.
//!
//! Responsible for finding it (`scripts/tools.py` installs it below `target/tools`) and for running
//! scripts in it. A test that needs it and does not find it reports itself as ignored.

use std::path::PathBuf;
use std::process::{Command, Stdio};

use super::cli;

/// The interpreter, or why there is none.
pub fn interpreter() -> Result<PathBuf, String> {
    cli::tool("python-clients-1", "bin/python")
}

/// The interpreter; without one the test called `test` is reported as ignored.
pub fn interpreter_for(test: &str) -> Option<PathBuf> {
    match interpreter() {
        Ok(path) => Some(path),
        Err(reason) => {
            cli::report_ignored("Python clients", test, &reason);
            None
        }
    }
}

/// A command of the interpreter that sees nothing of the user's configuration.
pub fn command(arguments: &[&str]) -> Command {
    let interpreter = interpreter().expect("the caller has asked for the interpreter before");
    let mut command = Command::new(interpreter);
    command.args(arguments).env_clear().stdin(Stdio::null());
    command.env("PATH", "/usr/bin:/bin").env("HOME", "/nonexistent");
    command.env("PYTHONUNBUFFERED", "1");
    command
}

/// Runs a script to its end and returns what it printed.
#[track_caller]
pub fn run(script: &str, arguments: &[&str], environment: &[(&str, &str)]) -> String {
    let mut all = vec!["-c", script];
    all.extend(arguments);
    let done = command(&all).envs(environment.iter().copied()).output().expect("Python starts");
    let errors = String::from_utf8_lossy(&done.stderr);
    assert!(done.status.success(), "{}: {errors}", done.status);
    String::from_utf8_lossy(&done.stdout).into_owned()
}
