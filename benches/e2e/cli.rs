//! Plan and apply of many objects with a real Terraform: coffer's next to Terraform's own.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};
use std::{env, fs};

use tempfile::TempDir;

use super::{BINARY, memory_mib};

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
    pub apply: Run,
    /// Plan without changes after it.
    pub plan: Run,
}

/// One command.
#[derive(Clone, Copy)]
pub struct Run {
    /// From start to end.
    pub time: Duration,
    /// Processor time of Terraform itself, in seconds.
    pub terraform_cpu: f64,
    /// Processor time of the provider processes it started, in seconds.
    pub provider_cpu: f64,
    peak_mib: f64,
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
    let data = blocks("terraform_data", |i| format!("input = \"value-{i:04}\""));
    let secrets = blocks("coffer_secret", |i| {
        format!("name     = \"app/secret-{i:04}\"\n  value_wo = \"value-{i:04}\"")
    });
    let (mut floor, mut coffer) = ([Vec::new(), Vec::new()], [Vec::new(), Vec::new()]);
    for _ in 0..rounds {
        let (data, secrets) = (Project::new(terraform, &data), Project::new(terraform, &secrets));
        let commands = [["apply", "-auto-approve"], ["plan", "-detailed-exitcode"]];
        for (step, command) in commands.iter().enumerate() {
            floor[step].push(data.run(command));
            coffer[step].push(secrets.run(command));
        }
    }
    let peak_mib = coffer.iter().flatten().map(|run| run.peak_mib).fold(0.0, f64::max);
    let side = |[apply, plan]: [Vec<Run>; 2]| Side { apply: middle(apply), plan: middle(plan) };
    Times { floor: side(floor), coffer: side(coffer), peak_mib }
}

fn middle(mut runs: Vec<Run>) -> Run {
    runs.sort_by_key(|run| run.time);
    runs[runs.len() / 2]
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

    /// Runs a command that must succeed.
    fn run(&self, arguments: &[&str]) -> Run {
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
        let (mut terraform_cpu, mut providers, mut peak_mib) = (0.0, BTreeMap::new(), 0.0_f64);
        let status = loop {
            if let Some(status) = child.try_wait().unwrap() {
                break status;
            }
            terraform_cpu = processor_seconds(child.id()).unwrap_or(terraform_cpu);
            for pid in children(child.id()) {
                providers.extend(processor_seconds(pid).map(|seconds| (pid, seconds)));
                peak_mib = peak_mib.max(memory_mib(pid, "VmHWM").unwrap_or(0.0));
            }
            std::thread::sleep(Duration::from_millis(20));
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
        Run {
            time,
            terraform_cpu,
            provider_cpu: providers.values().fold(0.0, |sum, one| sum + one),
            peak_mib,
        }
    }
}

/// Processor time of a process so far, all its threads, in user and system mode.
fn processor_seconds(pid: u32) -> Option<f64> {
    let stat = fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    // Fields 14 and 15, counted from the end of the name in parentheses, in hundredths.
    let mut fields = stat.rsplit_once(')')?.1.split_whitespace().skip(11);
    let mut ticks = || fields.next()?.parse::<f64>().ok();
    Some((ticks()? + ticks()?) / 100.0)
}

/// The processes that a thread of `parent` started.
fn children(parent: u32) -> Vec<u32> {
    let threads = fs::read_dir(format!("/proc/{parent}/task")).into_iter().flatten().flatten();
    threads
        .filter_map(|thread| fs::read_to_string(thread.path().join("children")).ok())
        .flat_map(|pids| pids.split_whitespace().filter_map(|p| p.parse().ok()).collect::<Vec<_>>())
        .collect()
}
