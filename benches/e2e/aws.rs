//! AWS Secrets Manager next to the vendor's own provider, on moto, in the same run.
//!
//! 100 secrets with a version each: time, calls and memory of the first apply and of a plan without
//! changes. The other provider is taken from a filesystem mirror that `COFFER_BENCH_PLUGINS` names.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::io::{Read as _, Write as _};
use std::net::TcpStream;
use std::path::{Path, PathBuf};

use super::cli::{Project, Run};
use super::support::moto::Moto;
use super::{BINARY, Report};

const SECRETS: usize = 100;
const PEER: &str = "registry.terraform.io/hashicorp/aws/5.100.0/linux_amd64";

/// A command with the calls that it made.
struct Measured {
    run: Run,
    calls: u64,
}

/// Measures both.
pub fn measure(terraform: &Path, report: &mut Report) {
    let moto = match Moto::start(&[]) {
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
        reset(moto);
        let run = project.run(&command);
        Measured { run, calls: calls(moto) }
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

/// Sign-in and fingerprint key.
pub fn environment() -> Vec<(&'static str, String)> {
    ["AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"]
        .into_iter()
        .map(|name| (name, "benchmark".to_owned()))
        .chain([(
            "COFFER_FINGERPRINT_KEY",
            "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=".to_owned(),
        )])
        .collect()
}

/// The fingerprint key in the provider block.
pub const FINGERPRINT: &str = "  fingerprint = { key_env = \"COFFER_FINGERPRINT_KEY\" }\n";

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

/// Calls of moto since the last reset.
pub fn calls(moto: &Moto) -> u64 {
    let calls = by_method(moto);
    println!("  {calls:?}");
    calls.values().sum()
}

/// The same by method.
pub fn by_method(moto: &Moto) -> BTreeMap<String, u64> {
    let answer = http(moto, "GET");
    let (_, body) = answer.split_once("\r\n\r\n").unwrap();
    serde_json::from_str(body).unwrap()
}

/// Counts from 0 again.
pub fn reset(moto: &Moto) {
    http(moto, "POST");
}

fn http(moto: &Moto, method: &str) -> String {
    let url = moto.url();
    let mut stream = TcpStream::connect(url.trim_start_matches("http://")).unwrap();
    let request =
        format!("{method} /coffer-calls HTTP/1.0\r\nHost: 127.0.0.1\r\nContent-Length: 0\r\n\r\n");
    stream.write_all(request.as_bytes()).unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    answer
}
