//! moto, the peer that plays AWS: one process for all tests, a region of its own for each.
//!
//! Responsible for starting it on a free port (it ends when this process does) and for calling it
//! as somebody else would, with boto3. Its state is kept by region, so tests do not meet.

use std::io::{BufRead as _, BufReader};
use std::process::{Child, Stdio};
use std::sync::OnceLock;
use std::sync::atomic::{AtomicU32, Ordering};

use super::python;

/// A running moto.
pub struct Moto {
    port: u16,
    _process: Child,
}

/// The moto of this test process, or why there is none.
pub fn shared() -> Result<&'static Moto, String> {
    static SHARED: OnceLock<Result<Moto, String>> = OnceLock::new();
    SHARED.get_or_init(|| Moto::start(&[])).as_ref().map_err(Clone::clone)
}

impl Moto {
    /// Starts one; with `INITIAL_NO_AUTH_ACTION_COUNT` it verifies signatures and policies after so
    /// many calls.
    pub fn start(environment: &[(&str, &str)]) -> Result<Self, String> {
        python::interpreter()?;
        let mut process = python::command(&["-c", include_str!("moto_server.py")])
            .env("MOTO_ALLOW_NONEXISTENT_REGION", "True")
            .envs(environment.iter().copied())
            // It ends when this pipe closes, however this process ends.
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .map_err(|problem| format!("moto does not start: {problem}"))?;
        let output = process.stdout.take().expect("it is piped");
        let mut line = String::new();
        let _ = BufReader::new(output).read_line(&mut line);
        let port = line.trim().parse().map_err(|_| "moto ends at once".to_owned())?;
        Ok(Self { port, _process: process })
    }

    /// Its address.
    pub fn url(&self) -> String {
        format!("http://127.0.0.1:{}", self.port)
    }

    /// A region that no other test has.
    pub fn region(&self) -> String {
        static NEXT: AtomicU32 = AtomicU32::new(1);
        format!("test-region-{}", NEXT.fetch_add(1, Ordering::Relaxed))
    }

    /// Runs a script with `client`, a boto3 client of the service in a region, and returns what it
    /// printed.
    #[track_caller]
    pub fn boto3(&self, region: &str, script: &str) -> String {
        let script =
            format!("import boto3, json, sys\nclient = boto3.client('secretsmanager')\n{script}");
        let url = self.url();
        let environment = [
            ("AWS_ACCESS_KEY_ID", "somebody"),
            ("AWS_SECRET_ACCESS_KEY", "else"),
            ("AWS_DEFAULT_REGION", region),
            ("AWS_ENDPOINT_URL", &url),
        ];
        python::run(&script, &[], &environment).trim().to_owned()
    }
}
