//! The figures that a user feels, each against its limit: start, memory, size, plan and apply.
//!
//! Run by `make bench`, on the binary that is released. Times of plan and apply are compared, in the
//! same run so that the machine cancels out, with two floors: the same number of `terraform_data`
//! blocks, and of objects with the schema of `coffer_secret` from a provider that does nothing. Ends with an error when a figure is missed. `COFFER_BENCH_ROUNDS` sets how
//! often the comparison is repeated (3). `COFFER_BENCH_PLUGINS` is a filesystem mirror with the
//! vendors' providers to compare with.

#![expect(clippy::print_stdout, reason = "printing figures is what this program does")]
#![expect(unreachable_pub, reason = "a program exports nothing; `pub` marks what modules share")]
#![expect(clippy::unwrap_used, reason = "a measurement that cannot go on fails with the place")]

mod aws;
mod cli;
#[path = "../../tests/it/fakes/mod.rs"]
#[expect(dead_code, unused_imports, reason = "the tests use more of it")]
mod fakes;
mod idle;
mod idle_sync;
mod many;
mod start;
#[expect(dead_code, unused_imports, unused_macros, reason = "the tests use more of it")]
mod support;
mod sync;

use std::hint::black_box;
use std::path::Path;
use std::process::ExitCode;
use std::time::{Duration, Instant};

use coffer::domain::fingerprint::{Key, KeyRing, Salt};
use coffer::domain::kind::Content;
use coffer::domain::material::Secret;

/// The binary under test, in the profile of the benchmark.
const BINARY: &str = env!("CARGO_BIN_EXE_terraform-provider-coffer");

/// Measures with a Terraform and reports.
type Part = fn(&Path, &mut Report);

fn main() -> ExitCode {
    if idle::serves() {
        return ExitCode::SUCCESS;
    }
    // `cargo test --all-targets` runs benchmarks, too, without this argument.
    if !std::env::args().any(|argument| argument == "--bench") {
        return ExitCode::SUCCESS;
    }
    let mut report = Report::default();
    // `cargo bench --bench e2e -- aws` measures only that, `many` and `sync` theirs.
    let parts: [(&str, Part); 3] =
        [("aws", aws::measure), ("many", many::measure), ("sync", sync::measure)];
    if let Some((name, measure)) =
        parts.into_iter().find(|(name, _)| std::env::args().any(|argument| argument == *name))
    {
        match cli::terraform() {
            Ok(terraform) => measure(&terraform, &mut report),
            Err(reason) => println!("{name}: not measured, {reason}"),
        }
        return if report.missed { ExitCode::FAILURE } else { ExitCode::SUCCESS };
    }
    println!("{:<52} {:>10} {:>10}", "figure", "measured", "limit");
    let starts = start::measure(20);
    report.figure("handshake after start, median", ms(starts.handshake), 30.0, "ms");
    report.figure("schema after the handshake, median", ms(starts.schema), 15.0, "ms");
    report.figure("resident when idle", starts.idle_mib, 20.0, "MiB");
    let size = std::fs::metadata(BINARY).unwrap().len();
    report.figure("binary", size as f64 / f64::from(1 << 20), 25.0, "MiB");
    report.figure("keyed fingerprint of 64 bytes", fingerprint().as_secs_f64() * 1e6, 5.0, "µs");
    match cli::terraform() {
        Ok(terraform) => {
            let times = cli::measure(&terraform, rounds());
            let sides = [
                ("terraform_data", &times.floor),
                ("objects of that shape, idle provider", &times.idle),
                ("coffer_secret", &times.coffer),
            ];
            for (name, side) in sides {
                for (command, run) in [("first apply", side.apply), ("no-change plan", side.plan)] {
                    println!(
                        "1,000 {name}, {command}: {:.2} s; processor: Terraform {:.2} s, provider \
                         {:.2} s",
                        run.time.as_secs_f64(),
                        run.terraform_cpu,
                        run.provider_cpu
                    );
                }
            }
            let ratio = |a: cli::Run, b: cli::Run| a.time.as_secs_f64() / b.time.as_secs_f64();
            let plan = ratio(times.coffer.plan, times.idle.plan);
            report.figure("no-change plan of 1,000, to an idle provider", plan, 1.5, "×");
            let apply = ratio(times.coffer.apply, times.idle.apply);
            report.figure("first apply of 1,000, to an idle provider", apply, 1.3, "×");
            let plan = ratio(times.coffer.plan, times.floor.plan);
            report.figure("no-change plan of 1,000, to terraform_data", plan, 1.5, "×");
            let apply = ratio(times.coffer.apply, times.floor.apply);
            report.figure("first apply of 1,000, to terraform_data", apply, 1.3, "×");
            report.figure("resident at most during both", times.peak_mib, 60.0, "MiB");
            aws::measure(&terraform, &mut report);
            many::measure(&terraform, &mut report);
            sync::measure(&terraform, &mut report);
        }
        Err(reason) => {
            println!("plan and apply: not measured, {reason}");
            report.missed = true;
        }
    }
    if report.missed { ExitCode::FAILURE } else { ExitCode::SUCCESS }
}

/// How often what is compared is measured.
fn rounds() -> usize {
    std::env::var("COFFER_BENCH_ROUNDS").map_or(3, |n| n.parse().unwrap())
}

/// Whether all figures are met so far.
#[derive(Default)]
struct Report {
    missed: bool,
}

impl Report {
    fn figure(&mut self, name: &str, measured: f64, limit: f64, unit: &str) {
        let missed = measured > limit;
        let verdict = if missed { "MISSED" } else { "ok" };
        let (measured, limit) = (format!("{measured:.2} {unit}"), format!("{limit} {unit}"));
        println!("{name:<52} {measured:>10} {limit:>10}  {verdict}");
        self.missed |= missed;
    }
}

fn ms(time: Duration) -> f64 {
    time.as_secs_f64() * 1e3
}

/// The middle one.
fn median(mut times: Vec<Duration>) -> Duration {
    times.sort();
    times[times.len() / 2]
}

/// The best of several batches, each long enough for the clock.
fn fingerprint() -> Duration {
    const BATCH: u32 = 20_000;
    let key = Key::new(Secret::new(vec![7; 32])).unwrap();
    let ring = KeyRing::new(Some(key), Vec::new());
    let content = Content::generic(Secret::new(vec![b'x'; 64])).unwrap();
    let batch = |_| {
        let start = Instant::now();
        for _ in 0..BATCH {
            black_box(ring.fingerprint(black_box(&content), Salt([9; 16])));
        }
        start.elapsed() / BATCH
    };
    (0..5).map(batch).min().unwrap()
}

/// A field of `/proc/<pid>/status` in MiB.
fn memory_mib(pid: u32, field: &str) -> Option<f64> {
    let status = std::fs::read_to_string(format!("/proc/{pid}/status")).ok()?;
    let line = status.lines().find_map(|line| line.strip_prefix(field)?.strip_prefix(':'))?;
    let kib: f64 = line.trim().strip_suffix(" kB")?.parse().ok()?;
    Some(kib / 1024.0)
}
