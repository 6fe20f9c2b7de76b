//! 1,000 secrets in each remote vault, every answer of which takes 5 ms longer, and thirty profiles.
//!
//! What a no-change plan takes over an idle provider's, the best of some rounds beside each other,
//! and how many calls it makes, with the limits that a profile has by default. The vaults are moto and the tests' own
//! fakes. What each vendor's listing allows is printed with the figures.

use std::fmt::Write as _;
use std::path::Path;
use std::time::Duration;

use super::cli::{Idle, Project, Run, secrets};
use super::fakes::{azure_key_vault, oci_vault};
use super::support::keys;
use super::support::moto::Moto;
use super::{BINARY, Report, aws, rounds};

const LATENCY: Duration = Duration::from_millis(5);
/// What a plan may take longer than an idle provider's, where the vault can list what is needed.
const SECONDS_OVER_FLOOR: f64 = 1.5;
const PROFILES: usize = 30;

/// A vault with its way of counting.
struct Vault<'v> {
    name: &'static str,
    /// The block of the profile.
    block: String,
    environment: Vec<(&'static str, String)>,
    /// Calls since the last time this was asked.
    calls: Box<dyn Fn() -> u64 + 'v>,
    /// Calls that a plan may make, where the listing tells all that a plan needs.
    limit: Option<u64>,
    why: &'static str,
}

/// Measures all.
pub fn measure(terraform: &Path, report: &mut Report) {
    let moto = Moto::start(&[("COFFER_LATENCY", "0.005")]);
    let azure = azure_key_vault::Fake::quick();
    azure.configure(|options| options.latency = LATENCY);
    let oci = oci_vault::Fake::start();
    oci.world(|world| {
        world.settings.latency = LATENCY;
        world.settings.delay = time::Duration::ZERO;
    });
    let mut vaults = vec![in_azure(&azure), in_oci(&oci)];
    match &moto {
        Ok(moto) => vaults.insert(0, in_aws(moto)),
        Err(reason) => println!("AWS: not measured, {reason}"),
    }
    let idle = Idle::start(terraform);
    for vault in &vaults {
        plan(terraform, &idle, vault, report);
    }
    thirty_profiles(terraform, &vaults, report);
}

/// Profiles of all kinds, each with a secret, in one process.
fn thirty_profiles(terraform: &Path, vaults: &[Vault<'_>], report: &mut Report) {
    let (mut profiles, mut secrets) = (String::new(), String::new());
    for i in 0..PROFILES {
        let block = &vaults[i % vaults.len()].block;
        writeln!(profiles, "p{i} = {{\n{block}\n}}").unwrap();
        writeln!(
            secrets,
            "resource \"coffer_secret\" \"r{i}\" {{\n  profile  = \"p{i}\"\n  name     = \
             \"many-{i}\"\n  value_wo = \"value-{i}\"\n}}"
        )
        .unwrap();
    }
    let folder = Path::new(BINARY).parent().unwrap();
    let environment = vaults.iter().flat_map(|vault| vault.environment.clone()).collect();
    let text = format!("{}{secrets}", provider(&profiles));
    let project = Project::of(terraform, &text, Some(("coffer/coffer", folder)), environment);
    let commands = [["apply", "-auto-approve"], ["plan", "-detailed-exitcode"]];
    let peaks = commands.map(|command| project.run(&command).peak_mib);
    report.figure("resident, thirty profiles in use", peaks[0].max(peaks[1]), 80.0, "MiB");
}

/// A plan of many secrets.
fn plan(terraform: &Path, idle: &Idle, vault: &Vault<'_>, report: &mut Report) {
    let folder = Path::new(BINARY).parent().unwrap();
    // Filled as fast as it goes; that is not what is measured.
    let hasty = "limits = { concurrency = 64, requests_per_second = 100000 }";
    let source = Some(("coffer/coffer", folder));
    let environment = vault.environment.clone();
    let project = Project::of(terraform, &configuration(vault, hasty), source, environment);
    project.run(&["apply", "-auto-approve"]);
    println!("{}: {}", vault.name, vault.why);
    for (limits, more) in [("default limits", ""), ("no limits", hasty)] {
        project.write(&configuration(vault, more));
        let (mut floors, mut plans, mut calls) = (Vec::new(), Vec::new(), 0);
        for _ in 0..rounds() {
            floors.push(idle.plan());
            (vault.calls)();
            plans.push(project.run(&["plan", "-detailed-exitcode"]));
            calls = (vault.calls)().max(calls);
        }
        let (floor, run) = (best(&floors), best(&plans));
        let over = run.time.as_secs_f64() - floor.time.as_secs_f64();
        println!(
            "1,000 secrets, {}, {limits}, no-change plan: {:.2} s, idle provider {:.2} s, {calls} \
             calls, {:.0} MiB; processor: Terraform {:.2} s, provider {:.2} s",
            vault.name,
            run.time.as_secs_f64(),
            floor.time.as_secs_f64(),
            run.peak_mib,
            run.terraform_cpu,
            run.provider_cpu
        );
        if let (Some(limit), true) = (vault.limit, more.is_empty()) {
            let name = format!("{}: plan of 1,000, over an idle provider", vault.name);
            report.figure(&name, over, SECONDS_OVER_FLOOR, "s");
            let name = format!("{}: calls of the plan of 1,000", vault.name);
            report.figure(&name, calls as f64, limit as f64, "");
        }
    }
}

/// The one that other work on the machine delayed least.
fn best(runs: &[Run]) -> Run {
    *runs.iter().min_by_key(|run| run.time).unwrap()
}

fn configuration(vault: &Vault<'_>, more: &str) -> String {
    let profile = format!("vault = {{\n{}\n{more}\n}}\n", vault.block);
    provider(&profile) + &secrets("coffer_secret")
}

fn provider(profiles: &str) -> String {
    format!(
        "provider \"coffer\" {{\n  fingerprint = {{ key_env = \"COFFER_FINGERPRINT_KEY\" }}\n  \
         profiles = {{\n{profiles}\n  }}\n}}\n"
    )
}

fn in_aws(moto: &Moto) -> Vault<'_> {
    Vault {
        name: "AWS",
        block: format!(
            "aws_secrets_manager = {{ region = \"eu-west-1\", endpoint = \"{}\" }}",
            moto.url()
        ),
        environment: aws::environment(),
        calls: Box::new(|| {
            let calls = aws::calls(moto);
            aws::reset(moto);
            calls
        }),
        limit: Some(12),
        why: "ListSecrets tells tags, labels and the ids of versions, which are fingerprints; 100 \
              secrets to a page, so 10 calls are the least",
    }
}

fn in_azure(fake: &azure_key_vault::Fake) -> Vault<'_> {
    let mut environment = fake.sign_in();
    environment.extend([
        ("HTTPS_PROXY", fake.proxy_url()),
        ("NO_PROXY", "127.0.0.1".to_owned()),
        ("COFFER_FINGERPRINT_KEY", keys::BASE64_256_BITS.to_owned()),
    ]);
    Vault {
        name: "Azure",
        block: format!("azure_key_vault = {{ vault_url = \"{}\" }}", fake.vault_url("kv1")),
        environment,
        calls: Box::new(|| {
            let calls = fake.journal().len() as u64;
            fake.clear_journal();
            calls
        }),
        limit: Some(45),
        why: "a page of a listing has 25 secrets at most, so 40 calls are the least; it has no ids \
              of versions, but the marks of what coffer wrote tell whether a secret is as it was",
    }
}

fn in_oci(fake: &oci_vault::Fake) -> Vault<'_> {
    let mut environment = oci_vault::sign_in().to_vec();
    environment.push(("OCI_CLI_ENDPOINT", fake.url()));
    environment.push(("COFFER_FINGERPRINT_KEY", keys::BASE64_256_BITS.to_owned()));
    Vault {
        name: "OCI",
        block: format!(
            "oci_vault = {{ vault_id = \"{}\", compartment_id = \"{}\", key_id = \"{}\" }}",
            oci_vault::VAULT,
            oci_vault::COMPARTMENT,
            oci_vault::KEY
        ),
        environment,
        calls: Box::new(|| fake.calls().len() as u64),
        limit: None,
        why: "ListSecrets tells neither the current version nor when a secret changed, so each is \
              read; Oracle publishes no rate, and the default is 50 calls a second",
    }
}
