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

/// All sides of the comparison.
pub struct Times {
    /// `terraform_data`.
    pub floor: Side,
    /// A provider that does nothing, with the schema of `coffer_secret`.
    pub idle: Side,
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
    /// The most that a provider process held.
    pub peak_mib: f64,
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

/// Runs all sides alternately, so that whatever else the machine does meets all.
pub fn measure(terraform: &Path, rounds: usize) -> Times {
    let data = blocks("terraform_data", |i| format!("input = \"value-{i:04}\""));
    let idle_binary = idle_provider();
    let coffer_binaries = Path::new(BINARY).parent().unwrap();
    let sides = [
        (data, None),
        (secrets("idle_secret"), Some(("idle", idle_binary.path()))),
        (secrets("coffer_secret"), Some(("coffer", coffer_binaries))),
    ];
    let mut runs = [(); 3].map(|()| [Vec::new(), Vec::new()]);
    for _ in 0..rounds {
        let projects: Vec<_> = sides
            .iter()
            .map(|(resources, provider)| Project::new(terraform, resources, *provider))
            .collect();
        let commands = [["apply", "-auto-approve"], ["plan", "-detailed-exitcode"]];
        for (step, command) in commands.iter().enumerate() {
            for (side, project) in projects.iter().enumerate() {
                runs[side][step].push(project.run(command));
            }
        }
    }
    let peak_mib = runs[2].iter().flatten().map(|run| run.peak_mib).fold(0.0, f64::max);
    let [floor, idle, coffer] =
        runs.map(|[apply, plan]| Side { apply: middle(apply), plan: middle(plan) });
    Times { floor, idle, coffer, peak_mib }
}

/// Secrets that an idle provider serves, applied.
pub struct Idle {
    project: Project,
    _binary: TempDir,
}

impl Idle {
    /// Applies them.
    pub fn start(terraform: &Path) -> Self {
        let binary = idle_provider();
        let provider = Some(("idle", binary.path()));
        let project = Project::new(terraform, &secrets("idle_secret"), provider);
        project.run(&["apply", "-auto-approve"]);
        Self { project, _binary: binary }
    }

    /// A plan without changes.
    pub fn plan(&self) -> Run {
        self.project.run(&["plan", "-detailed-exitcode"])
    }
}

/// A block for each secret.
pub fn secrets(resource: &str) -> String {
    blocks(resource, |i| format!("name     = \"app-secret-{i:04}\"\n  value_wo = \"value-{i:04}\""))
}

/// A folder with this very program under the name of the idle provider.
pub fn idle_provider() -> TempDir {
    let folder = tempfile::tempdir().unwrap();
    fs::copy(env::current_exe().unwrap(), folder.path().join("terraform-provider-idle")).unwrap();
    folder
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
pub struct Project {
    terraform: PathBuf,
    directory: TempDir,
    requirement: String,
    environment: Vec<(&'static str, String)>,
}

impl Project {
    /// With a provider of the namespace `coffer` by name and folder, or only Terraform's own.
    fn new(terraform: &Path, resources: &str, provider: Option<(&str, &Path)>) -> Self {
        let provider = provider.map(|(name, folder)| (format!("coffer/{name}"), folder));
        let provider = provider.as_ref().map(|(source, folder)| (source.as_str(), *folder));
        Self::of(terraform, resources, provider, Vec::new())
    }

    /// With a provider by source and folder, and an environment.
    pub fn of(
        terraform: &Path,
        resources: &str,
        provider: Option<(&str, &Path)>,
        environment: Vec<(&'static str, String)>,
    ) -> Self {
        let directory = tempfile::tempdir().unwrap();
        let (mut requirement, mut overrides) = (String::new(), String::new());
        if let Some((source, folder)) = provider {
            let name = source.rsplit('/').next().unwrap();
            write!(
                requirement,
                "terraform {{\n  required_providers {{\n    {name} = {{ source = \"{source}\" \
                 }}\n  }}\n}}\n"
            )
            .unwrap();
            let folder = folder.display();
            overrides = format!("  dev_overrides {{\n    \"{source}\" = \"{folder}\"\n  }}\n");
        }
        let settings = format!(
            "disable_checkpoint = true\nprovider_installation {{\n{overrides}  direct {{}}\n}}\n"
        );
        fs::write(directory.path().join("cli.tfrc"), settings).unwrap();
        let project = Self { terraform: terraform.to_owned(), directory, requirement, environment };
        project.write(resources);
        project
    }

    /// Another configuration in its place.
    pub fn write(&self, resources: &str) {
        let text = format!("{resources}{}", self.requirement);
        fs::write(self.directory.path().join("main.tf"), text).unwrap();
    }

    /// Runs a command that must succeed.
    pub fn run(&self, arguments: &[&str]) -> Run {
        let path = self.directory.path();
        let log = fs::File::create(path.join("output")).unwrap();
        let mut command = Command::new(&self.terraform);
        command.args(arguments).args(["-no-color", "-input=false"]).current_dir(path).env_clear();
        for name in ["PATH", "LD_LIBRARY_PATH"] {
            command.envs(env::var_os(name).map(|value| (name, value)));
        }
        command.envs(self.environment.iter().map(|(name, value)| (*name, value.as_str())));
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
