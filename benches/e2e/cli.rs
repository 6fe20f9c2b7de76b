//! Plan and apply of many objects with a real Terraform: coffer's next to Terraform's own.

use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};
use std::{env, fs};

use tempfile::TempDir;

use super::{BINARY, median, memory_mib};

/// Separate blocks, as people write them; `for_each` would be faster for both.
const BLOCKS: usize = 1000;

/// Both sides of the comparison.
pub struct Times {
    /// `terraform_data`.
    pub floor: Side,
    /// `coffer_secret` on the embedded vault.
    pub coffer: Side,
    /// The most that a provider process held.
    pub peak_mib: f64,
}

/// Medians of one side.
pub struct Side {
    /// First apply.
    pub apply: Duration,
    /// Plan without changes after it.
    pub plan: Duration,
}

/// A Terraform to measure with.
pub fn terraform() -> Result<PathBuf, String> {
    if let Some(path) = env::var_os("TF_ACC_TERRAFORM_PATH") {
        return Ok(path.into());
    }
    let installed = Path::new(env!("CARGO_MANIFEST_DIR")).join("target/tools/terraform-1.15");
    env::split_paths(&env::var_os("PATH").unwrap_or_default())
        .chain([installed])
        .map(|folder| folder.join("terraform"))
        .find(|path| path.is_file())
        .ok_or_else(|| "no terraform on PATH; `make tools` installs one".to_owned())
}

/// Runs both sides alternately, so that whatever else the machine does meets both.
pub fn measure(terraform: &Path, rounds: usize) -> Times {
    let mut floor = (Vec::new(), Vec::new());
    let mut coffer = (Vec::new(), Vec::new());
    let mut peak_mib = 0.0_f64;
    for _ in 0..rounds {
        let data = Project::new(
            terraform,
            &blocks("terraform_data", |i| format!("input = \"value-{i:04}\"")),
        );
        let secrets = Project::new(
            terraform,
            &blocks("coffer_secret", |i| {
                format!("name = \"app/secret-{i:04}\"\n  value_wo = \"value-{i:04}\"")
            }),
        );
        floor.0.push(data.run(&["apply", "-auto-approve"], &mut 0.0));
        coffer.0.push(secrets.run(&["apply", "-auto-approve"], &mut peak_mib));
        floor.1.push(data.run(&["plan", "-detailed-exitcode"], &mut 0.0));
        coffer.1.push(secrets.run(&["plan", "-detailed-exitcode"], &mut peak_mib));
    }
    let side = |(apply, plan)| Side { apply: median(apply), plan: median(plan) };
    Times { floor: side(floor), coffer: side(coffer), peak_mib }
}

fn blocks(resource: &str, body: impl Fn(usize) -> String) -> String {
    let mut text = String::new();
    for i in 0..BLOCKS {
        write!(text, "resource \"{resource}\" \"r{i:04}\" {{\n  {}\n}}\n", body(i)).unwrap();
    }
    text
}

/// A directory with a configuration, found by nobody else and finding nothing of the user's.
struct Project {
    terraform: PathBuf,
    directory: TempDir,
}

impl Project {
    fn new(terraform: &Path, resources: &str) -> Self {
        let directory = tempfile::tempdir().unwrap();
        let provider = "terraform {\n  required_providers {\n    coffer = { source = \
                        \"coffer/coffer\" }\n  }\n}\n";
        let configuration = if resources.contains("coffer_secret") {
            format!("{provider}{resources}")
        } else {
            resources.to_owned()
        };
        fs::write(directory.path().join("main.tf"), configuration).unwrap();
        let binaries = Path::new(BINARY).parent().unwrap().display();
        let overrides = format!(
            "disable_checkpoint = true\nprovider_installation {{\n  dev_overrides {{\n    \
             \"coffer/coffer\" = \"{binaries}\"\n  }}\n  direct {{}}\n}}\n"
        );
        fs::write(directory.path().join("cli.tfrc"), overrides).unwrap();
        Self { terraform: terraform.to_owned(), directory }
    }

    /// Runs a command that must succeed; returns its time and raises `peak_mib`.
    fn run(&self, arguments: &[&str], peak_mib: &mut f64) -> Duration {
        let path = self.directory.path();
        let log = fs::File::create(path.join("output")).unwrap();
        let mut command = Command::new(&self.terraform);
        command.args(arguments).args(["-no-color", "-input=false"]).current_dir(path).env_clear();
        for name in ["PATH", "LD_LIBRARY_PATH"] {
            command.envs(env::var_os(name).map(|value| (name, value)));
        }
        command.env("HOME", path).env("TF_CLI_CONFIG_FILE", path.join("cli.tfrc"));
        command.stdin(Stdio::null()).stdout(log.try_clone().unwrap()).stderr(log);
        let begin = Instant::now();
        let mut child = command.spawn().unwrap();
        let status = loop {
            if let Some(status) = child.try_wait().unwrap() {
                break status;
            }
            for pid in children(child.id()) {
                *peak_mib = peak_mib.max(memory_mib(pid, "VmHWM").unwrap_or(0.0));
            }
            std::thread::sleep(Duration::from_millis(10));
        };
        let time = begin.elapsed();
        if !status.success() {
            let output = fs::read_to_string(path.join("output")).unwrap_or_default();
            let tail: Vec<&str> = output.lines().rev().take(30).collect();
            panic!(
                "{arguments:?}: {status}\n{}",
                tail.into_iter().rev().collect::<Vec<_>>().join("\n")
            );
        }
        time
    }
}

/// The processes that a thread of `parent` started.
fn children(parent: u32) -> Vec<u32> {
    let threads = fs::read_dir(format!("/proc/{parent}/task")).into_iter().flatten().flatten();
    threads
        .filter_map(|thread| fs::read_to_string(thread.path().join("children")).ok())
        .flat_map(|pids| pids.split_whitespace().filter_map(|p| p.parse().ok()).collect::<Vec<_>>())
        .collect()
}
