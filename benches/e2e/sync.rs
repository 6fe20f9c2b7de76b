//! `coffer_secret_sync` with many targets, many keys and large values.
//!
//! Counts what is written and called, and measures time and memory. Times stand next to those of an
//! idle provider with an object of the same shape. AWS is played by moto, which counts the calls;
//! the others are embedded vaults that are filled, and whose versions are counted, past the
//! provider, through the backend port.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::ops::Range;
use std::path::Path;

use coffer::adapters::embedded::{Ambient, Config, Embedded};
use coffer::domain::fingerprint::{Key, KeyRing, Salt};
use coffer::domain::kind::Content;
use coffer::domain::material::Secret;
use coffer::domain::port::{Backend, ListFilter, Metadata, NewSecret, NewVersion, Options, Stage};
use coffer::domain::secret::SecretName;
use futures_util::future::join_all;
use tempfile::TempDir;
use uuid::Uuid;

use super::aws::{FINGERPRINT, by_method, environment, reset};
use super::cli::{Project, Run, idle_provider};
use super::support::moto::Moto;
use super::{BINARY, Report};

/// Copies that the comparison with many targets makes: keys and targets, and keys that change.
const KEYS: usize = 200;
const TARGETS: usize = 6;
const CHANGED: usize = 3;
/// The same of the large sync, which has one target.
const MANY_KEYS: usize = 5000;
const MANY_CHANGED: usize = 10;
/// Large values: how many, and bytes of each.
const LARGE: usize = 1000;
const LARGE_BYTES: usize = 64 << 10;
/// As many of them at once as a sync may copy, so that what they need stands out.
const AT_ONCE: usize = 64;
/// How often each is measured.
const ROUNDS: usize = 3;

/// As fast as it goes: what the service allows a second is not what is measured.
const HASTY: &str = "limits = { concurrency = 64, requests_per_second = 100000 }";

const APPLY: &[&str] = &["apply", "-auto-approve"];
const PLAN: &[&str] = &["plan", "-detailed-exitcode"];

/// Measures all three.
pub fn measure(terraform: &Path, report: &mut Report) {
    many_targets(terraform, report);
    many_keys(terraform, report);
    match Moto::start(&[]) {
        Ok(moto) => {
            calls(terraform, &moto, report);
            memory(terraform, &moto, report);
        }
        Err(reason) => println!("sync to AWS on moto: not measured, {reason}"),
    }
}

/// Time next to the floor, and what is written.
fn many_targets(terraform: &Path, report: &mut Report) {
    let vaults = Vaults::new();
    vaults.store(0..KEYS, |i| format!("value-{i}").into());
    let targets: Vec<String> = (0..TARGETS).map(|i| format!("t{i}")).collect();
    let text = sync("coffer", KEYS, &targets, 4);
    let project = coffer(terraform, &format!("{}{text}", vaults.provider(&targets)));
    let ours = [APPLY, PLAN].map(|command| project.run(command));
    let idle = idle(terraform, KEYS, &targets);
    show(&format!("sync of {KEYS} keys to {TARGETS} embedded vaults"), &ours, &idle);
    over("sync of 200 to 6", [1.5, 0.5], &ours, &idle, report);
    let before = vaults.versions(&targets);
    vaults.store(0..CHANGED, |i| format!("changed-{i}").into());
    project.run(APPLY);
    let written = vaults.versions(&targets) - before;
    assert_eq!(before as usize, KEYS * TARGETS, "the first sync has copied everything, once");
    assert_eq!(written as usize, CHANGED * TARGETS, "every change has been copied");
    report.figure("sync of 200 to 6, versions written for 3 changes", written as f64, 18.0, "");
}

/// One large sync.
fn many_keys(terraform: &Path, report: &mut Report) {
    let vaults = Vaults::new();
    vaults.store(0..MANY_KEYS, |i| format!("value-{i}").into());
    let targets = ["t0".to_owned()];
    let text = sync("coffer", MANY_KEYS, &targets, 16);
    let project = coffer(terraform, &format!("{}{text}", vaults.provider(&targets)));
    let ours = [APPLY, PLAN].map(|command| project.run(command));
    let idle = idle(terraform, MANY_KEYS, &targets);
    show(&format!("sync of {MANY_KEYS} keys to an embedded vault"), &ours, &idle);
    let before = vaults.versions(&targets);
    assert_eq!(before as usize, MANY_KEYS, "the first sync has copied everything, once");
    vaults.store(0..MANY_CHANGED, |i| format!("changed-{i}").into());
    let change = project.run(APPLY);
    let written = vaults.versions(&targets) - before;
    tell("  apply with 10 changed", &change);
    let seconds = |run: &Run| run.time.as_secs_f64();
    report.figure("sync of 5,000, first apply", seconds(&ours[0]), 20.0, "s");
    report.figure("sync of 5,000, no-change plan", seconds(&ours[1]), 5.0, "s");
    report.figure("sync of 5,000, apply with 10 changed", seconds(&change), 12.0, "s");
    let peak = ours.iter().chain([&change]).map(|run| run.peak_mib).fold(0.0, f64::max);
    report.figure("sync of 5,000, resident at most", peak, 256.0, "MiB");
    assert!(written as usize >= MANY_CHANGED, "every change has been copied");
    report.figure("sync of 5,000, versions written for 10 changes", written as f64, 10.0, "");
}

/// What is asked of a remote vault.
fn calls(terraform: &Path, moto: &Moto, report: &mut Report) {
    let vaults = Vaults::new();
    vaults.store(0..KEYS, |i| format!("value-{i}").into());
    let targets: Vec<String> = (0..TARGETS).map(|i| format!("sync-{i}")).collect();
    let text = sync("coffer", KEYS, &targets, 16);
    let project = coffer(terraform, &format!("{}{text}", vaults.with_regions(moto, &targets)));
    let counted = |command: &[&str]| {
        reset(moto);
        let run = project.run(command);
        (run, by_method(moto))
    };
    let first = counted(APPLY);
    let plan = counted(PLAN);
    vaults.store(0..CHANGED, |i| format!("changed-{i}").into());
    let change = counted(APPLY);
    let commands = ["first apply", "no-change plan", "apply with 3 changed"];
    for (command, (run, calls)) in commands.into_iter().zip([&first, &plan, &change]) {
        tell(&format!("sync of {KEYS} keys to {TARGETS} regions of AWS, {command}"), run);
        println!("  {calls:?}");
    }
    let all = |calls: &Calls| calls.values().sum::<u64>() as f64;
    let of = |calls: &Calls, names: &[&str]| {
        names.iter().filter_map(|name| calls.get(*name)).sum::<u64>() as f64
    };
    // Calls that store a value; moving the label `AWSCURRENT` to it is one more, which lets the
    // service refuse when somebody else was faster.
    let versions = |calls: &Calls| of(calls, &["CreateSecret", "PutSecretValue"]);
    let labels = |calls: &Calls| of(calls, &["UpdateSecretVersionStage"]);
    let copies = (KEYS * TARGETS) as f64;
    assert!((versions(&first.1) - copies).abs() < 0.5, "everything has been copied, once");
    assert!(versions(&change.1) >= (CHANGED * TARGETS) as f64, "every change has been copied");
    report.figure("sync to AWS, calls per copy, first apply", all(&first.1) / copies, 2.1, "");
    report.figure("sync to AWS, versions written without a change", versions(&plan.1), 0.0, "");
    report.figure("sync to AWS, calls of the no-change plan", all(&plan.1), 12.0, "");
    report.figure("sync to AWS, versions written for 3 changes", versions(&change.1), 18.0, "");
    report.figure("sync to AWS, labels moved for 3 changes", labels(&change.1), 18.0, "");
    // Two pages of a listing in six regions for the plan, for Terraform's second plan within the
    // apply and for the apply itself; four calls for each of 18 copies.
    report.figure("sync to AWS, all calls for 3 changes", all(&change.1), 108.0, "");
}

/// What values add to the memory of the provider: the same sync with large values and with small
/// ones, into a remote vault, so that no value is kept on this side.
fn memory(terraform: &Path, moto: &Moto, report: &mut Report) {
    let [large, small] = [LARGE_BYTES, 16].map(|bytes| {
        let vaults = Vaults::new();
        vaults.store(0..LARGE, |i| {
            let mut value = i.to_string().into_bytes();
            value.resize(bytes, b'x');
            value
        });
        vaults
    });
    let mut region = 0;
    let mut once = |vaults: &Vaults| {
        region += 1;
        let targets = [format!("large-{region}")];
        let text = sync("coffer", LARGE, &targets, AT_ONCE);
        let text = format!("{}{text}", vaults.with_regions(moto, &targets));
        coffer(terraform, &text).run(APPLY).peak_mib
    };
    // The least of several: other things in the process only ever add to it.
    let mut peak = |vaults: &Vaults| (0..ROUNDS).map(|_| once(vaults)).fold(f64::MAX, f64::min);
    let (small, large) = (peak(&small), peak(&large));
    let in_flight = (AT_ONCE * LARGE_BYTES) as f64 / f64::from(1 << 20);
    println!(
        "sync of 1,000 values to AWS, {AT_ONCE} at once: resident {small:.1} MiB with 16 bytes \
         each, {large:.1} MiB with 64 KiB each, of which {in_flight:.1} MiB are in flight"
    );
    let name = "sync of 64 KiB values, memory over that of 16 bytes, to bytes in flight";
    report.figure(name, (large - small) / in_flight, 4.0, "x");
}

fn coffer(terraform: &Path, configuration: &str) -> Project {
    let folder = Path::new(BINARY).parent().unwrap();
    Project::of(terraform, configuration, Some(("coffer/coffer", folder)), environment())
}

/// The same commands with the idle provider.
fn idle(terraform: &Path, keys: usize, targets: &[String]) -> [Run; 2] {
    let binary = idle_provider();
    let text = sync("idle", keys, targets, 4);
    let project = Project::of(terraform, &text, Some(("coffer/idle", binary.path())), Vec::new());
    [APPLY, PLAN].map(|command| project.run(command))
}

fn sync(provider: &str, keys: usize, targets: &[String], parallelism: usize) -> String {
    let mut text = format!(
        "resource \"{provider}_secret_sync\" \"s\" {{\n  name = \"bench\"\n  description = \
         \"{keys}\"\n  source = {{ profile = \"main\", names = [\"**\"] }}\n  parallelism = \
         {parallelism}\n  destinations = {{\n"
    );
    for target in targets {
        writeln!(text, "    {target} = {{ profile = \"{target}\" }}").unwrap();
    }
    text + "  }\n}\n"
}

fn show(name: &str, ours: &[Run; 2], idle: &[Run; 2]) {
    for (place, command) in ["first apply", "no-change plan"].into_iter().enumerate() {
        tell(&format!("{name}, {command}"), &ours[place]);
        tell("  of that shape, idle provider", &idle[place]);
    }
}

fn tell(name: &str, run: &Run) {
    println!(
        "{name}: {:.2} s, {:.1} MiB; processor: Terraform {:.2} s, provider {:.2} s",
        run.time.as_secs_f64(),
        run.peak_mib,
        run.terraform_cpu,
        run.provider_cpu
    );
}

/// What the commands take longer than with an idle provider.
fn over(name: &str, limits: [f64; 2], ours: &[Run; 2], idle: &[Run; 2], report: &mut Report) {
    for (place, command) in ["first apply", "no-change plan"].into_iter().enumerate() {
        let over = ours[place].time.as_secs_f64() - idle[place].time.as_secs_f64();
        report.figure(&format!("{name}, {command}, over idle"), over, limits[place], "s");
    }
}

/// Calls by method.
type Calls = BTreeMap<String, u64>;

/// Embedded vaults in a directory; `main` is the source.
struct Vaults {
    directory: TempDir,
    runtime: tokio::runtime::Runtime,
}

impl Vaults {
    fn new() -> Self {
        let runtime = tokio::runtime::Runtime::new().unwrap();
        Self { directory: tempfile::tempdir().unwrap(), runtime }
    }

    fn open(&self, profile: &str) -> Embedded {
        let path = self.directory.path().join(format!("{profile}.db"));
        Embedded::new(Config::at(path), Ambient::system())
    }

    /// Stores a new version in each of these secrets of the source, which it makes at first.
    fn store(&self, secrets: Range<usize>, value: impl Fn(usize) -> Vec<u8>) {
        let backend = self.open("main");
        let key = Key::new(Secret::new((0..32).collect())).unwrap();
        let ring = KeyRing::new(Some(key), Vec::new());
        let one = async |i: usize| {
            let name = SecretName::parse(&format!("app/secret-{i:04}")).unwrap();
            let content = Content::generic(Secret::new(value(i))).unwrap();
            let salt = Salt(Uuid::new_v4().into_bytes());
            let version = NewVersion {
                content: &content,
                fingerprint: &ring.fingerprint(&content, salt),
                stage: Stage::Current,
                expected_version: None,
                nonce: Uuid::new_v4().into_bytes(),
            };
            if backend.read(&name).await.is_ok() {
                backend.put_version(&name, version).await.unwrap();
                return;
            }
            let metadata = Metadata { enabled: true, ..Metadata::default() };
            let options = Options::new();
            let secret = NewSecret { name: &name, metadata, options, version };
            backend.create(secret).await.unwrap();
        };
        let secrets: Vec<usize> = secrets.collect();
        // As many as share a commit, so that few values are in memory.
        for some in secrets.chunks(64) {
            self.runtime.block_on(join_all(some.iter().map(|i| one(*i))));
        }
    }

    /// Versions ever written to these vaults.
    fn versions(&self, profiles: &[String]) -> u64 {
        let of = |profile: &String| {
            let backend = self.open(profile);
            let filter = ListFilter::default();
            let (mut count, mut page) = (0, None);
            loop {
                let listed = backend.list(&filter, page);
                let listed = self.runtime.block_on(listed).unwrap();
                count += listed.items.iter().map(|record| record.latest).sum::<u64>();
                page = listed.next;
                if page.is_none() {
                    return count;
                }
            }
        };
        profiles.iter().map(of).sum()
    }

    fn provider(&self, targets: &[String]) -> String {
        let embedded = |profile: &str| {
            let path = self.directory.path().join(format!("{profile}.db"));
            format!("    {profile} = {{ embedded = {{ path = {path:?} }} }}\n")
        };
        let targets: String = targets.iter().map(|target| embedded(target)).collect();
        let main = embedded("main");
        format!("provider \"coffer\" {{\n  profiles = {{\n{main}{targets}  }}\n{FINGERPRINT}}}\n")
    }

    /// The same with targets that are regions of AWS.
    fn with_regions(&self, moto: &Moto, targets: &[String]) -> String {
        let region = |name: &String| {
            let endpoint = moto.url();
            format!(
                "    {name} = {{ aws_secrets_manager = {{ region = \"{name}\", endpoint = \
                 \"{endpoint}\" }}, {HASTY} }}\n"
            )
        };
        let regions: String = targets.iter().map(region).collect();
        let profiles = format!("  profiles = {{\n{regions}");
        self.provider(&[]).replacen("  profiles = {\n", &profiles, 1)
    }
}
