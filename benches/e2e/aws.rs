//! AWS Secrets Manager next to the vendor's own provider, on moto, in the same run.
//!
//! 100 secrets with a version each: time, calls and memory of the first apply and of a plan without
//! changes. The other provider is taken from a filesystem mirror that `COFFER_BENCH_PLUGINS` names.

use std::fmt::Write as _;
use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::TcpStream;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use super::cli::{Project, Run};
use super::{BINARY, Report};

const SECRETS: usize = 100;
const PROFILES: usize = 30;
const PEER: &str = "registry.terraform.io/hashicorp/aws/5.100.0/linux_amd64";

/// A command with the calls that it made.
struct Measured {
    run: Run,
    calls: u64,
}

/// Measures both, and thirty profiles in one process.
pub fn measure(terraform: &Path, report: &mut Report) {
    let moto = match Moto::start() {
        Ok(moto) => moto,
        Err(reason) => return println!("AWS on moto: not measured, {reason}"),
    };
    let folder = Path::new(BINARY).parent().unwrap();
    let ours = side(terraform, &moto, "coffer/coffer", folder, &coffer(&moto));
    show("coffer_secret", &ours);
    match peer() {
        Ok(folder) => {
            let theirs = side(terraform, &moto, "hashicorp/aws", &folder, &aws(&moto));
            show("aws_secretsmanager_secret and _version", &theirs);
            let ratio = |place: usize| {
                ours[place].run.time.as_secs_f64() / theirs[place].run.time.as_secs_f64()
            };
            report.figure("AWS: first apply of 100, to hashicorp/aws", ratio(0), 0.25, "×");
            report.figure("AWS: no-change plan of 100, to hashicorp/aws", ratio(1), 0.1, "×");
            let peak = |side: &[Measured; 2]| side[0].run.peak_mib.max(side[1].run.peak_mib);
            let memory = peak(&ours) / peak(&theirs);
            report.figure("AWS: resident memory, to hashicorp/aws", memory, 0.1, "×");
        }
        Err(reason) => println!("hashicorp/aws: not measured, {reason}"),
    }
    let per_secret = ours[0].calls as f64 / SECRETS as f64;
    report.figure("AWS: calls of the first apply, per secret", per_secret, 3.0, "");
    report.figure("AWS: calls of the no-change plan of 100", ours[1].calls as f64, 5.0, "");
    let many =
        Project::of(terraform, &profiles(&moto), Some(("coffer/coffer", folder)), environment());
    let peak = ["apply", "plan"].map(|command| {
        let more = if command == "apply" { "-auto-approve" } else { "-detailed-exitcode" };
        many.run(&[command, more]).peak_mib
    });
    report.figure("AWS: resident, thirty profiles in use", peak[0].max(peak[1]), 80.0, "MiB");
}

fn side(
    terraform: &Path,
    moto: &Moto,
    source: &str,
    folder: &Path,
    configuration: &str,
) -> [Measured; 2] {
    let project = Project::of(terraform, configuration, Some((source, folder)), environment());
    [["apply", "-auto-approve"], ["plan", "-detailed-exitcode"]].map(|command| {
        moto.http("POST");
        let run = project.run(&command);
        Measured { run, calls: moto.calls() }
    })
}

fn show(name: &str, side: &[Measured; 2]) {
    for (command, measured) in ["first apply", "no-change plan"].iter().zip(side) {
        println!(
            "100 {name}, {command}: {:.2} s, {} calls, {:.0} MiB; processor: Terraform {:.2} s, \
             provider {:.2} s",
            measured.run.time.as_secs_f64(),
            measured.calls,
            measured.run.peak_mib,
            measured.run.terraform_cpu,
            measured.run.provider_cpu
        );
    }
}

fn environment() -> Vec<(&'static str, String)> {
    ["AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"]
        .into_iter()
        .map(|name| (name, "benchmark".to_owned()))
        .chain([(
            "COFFER_FINGERPRINT_KEY",
            "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=".to_owned(),
        )])
        .collect()
}

const FINGERPRINT: &str = "  fingerprint = { key_env = \"COFFER_FINGERPRINT_KEY\" }\n";

fn coffer(moto: &Moto) -> String {
    let mut text = format!(
        "provider \"coffer\" {{\n  profiles = {{\n    aws = {{\n      aws_secrets_manager = {{ \
         region = \"eu-west-1\", endpoint = \"{}\" }}\n    }}\n  }}\n{FINGERPRINT}}}\n",
        moto.url()
    );
    for i in 0..SECRETS {
        writeln!(
            text,
            "resource \"coffer_secret\" \"r{i:03}\" {{\n  name     = \"app/secret-{i:03}\"\n  \
             value_wo = \"value-{i:03}\"\n}}"
        )
        .unwrap();
    }
    text
}

fn profiles(moto: &Moto) -> String {
    let mut text = "provider \"coffer\" {\n  profiles = {\n".to_owned();
    for i in 0..PROFILES {
        writeln!(
            text,
            "    p{i} = {{ aws_secrets_manager = {{ region = \"many-{i}\", endpoint = \"{}\" }} }}",
            moto.url()
        )
        .unwrap();
    }
    write!(text, "  }}\n{FINGERPRINT}}}\n").unwrap();
    for i in 0..PROFILES {
        writeln!(
            text,
            "resource \"coffer_secret\" \"r{i}\" {{\n  profile  = \"p{i}\"\n  name     = \
             \"app/secret\"\n  value_wo = \"value-{i}\"\n}}"
        )
        .unwrap();
    }
    text
}

fn aws(moto: &Moto) -> String {
    let mut text = format!(
        "provider \"aws\" {{\n  region                      = \"eu-west-2\"\n  \
         skip_credentials_validation = true\n  skip_metadata_api_check     = true\n  \
         skip_requesting_account_id  = true\n  endpoints {{\n    secretsmanager = \"{}\"\n  }}\n}}\n",
        moto.url()
    );
    for i in 0..SECRETS {
        writeln!(
            text,
            "resource \"aws_secretsmanager_secret\" \"r{i:03}\" {{\n  name = \
             \"app/secret-{i:03}\"\n}}\nresource \"aws_secretsmanager_secret_version\" \"r{i:03}\" \
             {{\n  secret_id     = aws_secretsmanager_secret.r{i:03}.id\n  secret_string = \
             \"value-{i:03}\"\n}}"
        )
        .unwrap();
    }
    text
}

/// Folder of the other provider.
fn peer() -> Result<PathBuf, String> {
    let mirror = std::env::var_os("COFFER_BENCH_PLUGINS")
        .ok_or("COFFER_BENCH_PLUGINS names no filesystem mirror of providers")?;
    let folder = Path::new(&mirror).join(PEER);
    if folder.is_dir() { Ok(folder) } else { Err(format!("{} is not there", folder.display())) }
}

/// moto on a free port, until this process ends.
struct Moto {
    port: u16,
    _process: Child,
}

impl Moto {
    fn start() -> Result<Self, String> {
        let python =
            Path::new(env!("CARGO_MANIFEST_DIR")).join("target/tools/python-clients-1/bin/python");
        if !python.is_file() {
            return Err("no moto; `make tools` installs it".to_owned());
        }
        let mut process = Command::new(python)
            .args(["-c", include_str!("../../tests/it/support/moto_server.py")])
            .env("MOTO_ALLOW_NONEXISTENT_REGION", "True")
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .map_err(|problem| format!("moto does not start: {problem}"))?;
        let mut line = String::new();
        BufReader::new(process.stdout.take().unwrap()).read_line(&mut line).unwrap();
        let port = line.trim().parse().map_err(|_| "moto ends at once".to_owned())?;
        Ok(Self { port, _process: process })
    }

    fn url(&self) -> String {
        format!("http://127.0.0.1:{}", self.port)
    }

    /// Calls since the last reset.
    fn calls(&self) -> u64 {
        let answer = self.http("GET");
        let (_, body) = answer.split_once("\r\n\r\n").unwrap();
        let calls: serde_json::Map<String, serde_json::Value> = serde_json::from_str(body).unwrap();
        println!("  {}", serde_json::Value::Object(calls.clone()));
        calls.values().filter_map(serde_json::Value::as_u64).sum()
    }

    fn http(&self, method: &str) -> String {
        let mut stream = TcpStream::connect(("127.0.0.1", self.port)).unwrap();
        let request = format!(
            "{method} /coffer-calls HTTP/1.0\r\nHost: 127.0.0.1\r\nContent-Length: 0\r\n\r\n"
        );
        stream.write_all(request.as_bytes()).unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).unwrap();
        answer
    }
}
