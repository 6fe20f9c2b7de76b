//! The fuzz targets on stable Rust, each for a short bounded time over mutated seeds.
//!
//! `COFFER_FUZZ_SECONDS` sets the time per target (2), `COFFER_FUZZ_SEED` repeats a run: the seed
//! is in the output of a failure, together with the input in hexadecimal. Leaves long runs with
//! coverage feedback to `cargo fuzz` (directory `fuzz/`).

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::time::{Duration, Instant, SystemTime};

#[path = "../../fuzz/targets.rs"]
mod targets;

use targets::{TARGETS, Target};

macro_rules! bounded_runs {
    ($($name:ident),* $(,)?) => {
        $(
            #[test]
            fn $name() {
                run(TARGETS.iter().find(|target| target.name == stringify!($name)).unwrap());
            }
        )*

        #[test]
        fn every_target_runs_here_and_has_its_binary() {
            let names: Vec<_> = TARGETS.iter().map(|target| target.name).collect();
            assert_eq!(names, [$(stringify!($name)),*]);
            for name in names {
                let file = format!("{}/fuzz/fuzz_targets/{name}.rs", env!("CARGO_MANIFEST_DIR"));
                let text = std::fs::read_to_string(&file).unwrap_or_else(|e| panic!("{file}: {e}"));
                assert!(text.contains(&format!("::{name}(data));")), "{file}");
            }
        }
    };
}

bounded_runs! {
    plugin_environment,
    msgpack_value,
    json_value,
    type_json,
    canonical_frame,
    fingerprint_text,
    secret_id,
    version_id,
    key_schema,
    stored_state,
    vault_file,
    vault_backup,
}

#[expect(clippy::print_stdout, reason = "how much was tried, and how to repeat it")]
fn run(target: &Target) {
    let seconds = setting("COFFER_FUZZ_SECONDS").unwrap_or(2);
    let seed = setting("COFFER_FUZZ_SEED")
        .unwrap_or_else(|| SystemTime::UNIX_EPOCH.elapsed().unwrap().as_nanos() as u64);
    let mut random = Random(seed);
    let seeds = (target.seeds)();
    let end = Instant::now() + Duration::from_secs(seconds);
    seeds.iter().for_each(|input| check(target, input, seed));
    let mut runs = 0_u64;
    while Instant::now() < end {
        let input = random.mutated(&seeds);
        check(target, &input, seed);
        runs += 1;
    }
    println!("{}: {runs} inputs, COFFER_FUZZ_SEED={seed}", target.name);
    assert!(runs > 0, "no time to run");
}

fn check(target: &Target, input: &[u8], seed: u64) {
    if catch_unwind(AssertUnwindSafe(|| (target.run)(input))).is_err() {
        let hex: String = input.iter().map(|byte| format!("{byte:02x}")).collect();
        panic!("{} fails, COFFER_FUZZ_SEED={seed}, input {hex}", target.name);
    }
}

fn setting(name: &str) -> Option<u64> {
    std::env::var(name).ok().map(|text| text.parse().unwrap_or_else(|e| panic!("{name}: {e}")))
}

/// SplitMix64: small, and the same sequence for a seed everywhere.
struct Random(u64);

impl Random {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut x = self.0;
        x = (x ^ (x >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        x = (x ^ (x >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        x ^ (x >> 31)
    }

    fn below(&mut self, limit: usize) -> usize {
        (self.next() % limit.max(1) as u64) as usize
    }

    /// A seed after one to eight small accidents.
    fn mutated(&mut self, seeds: &[Vec<u8>]) -> Vec<u8> {
        let mut bytes = seeds[self.below(seeds.len())].clone();
        for _ in 0..=self.below(8) {
            let at = self.below(bytes.len() + 1);
            match self.below(8) {
                0 => bytes.truncate(at),
                1 => bytes.insert(at, self.next() as u8),
                2 if at < bytes.len() => {
                    bytes.remove(at);
                }
                3 if at < bytes.len() => bytes[at] ^= 1 << self.below(8),
                4 if at < bytes.len() => bytes[at] = self.edge(),
                5 => {
                    let other = &seeds[self.below(seeds.len())];
                    let from = self.below(other.len());
                    bytes.splice(at.., other[from..].iter().copied());
                }
                6 => {
                    let from = self.below(at + 1);
                    let part = bytes[from..at].to_vec();
                    bytes.splice(at..at, part);
                }
                _ if at < bytes.len() => bytes[at] = self.next() as u8,
                _ => {}
            }
        }
        // Repeated parts must not make inputs grow without limit.
        let longest = seeds.iter().map(Vec::len).max().unwrap_or(0);
        bytes.truncate(2 * longest + 1024);
        bytes
    }

    /// Bytes at which formats change their meaning.
    fn edge(&mut self) -> u8 {
        const EDGES: &[u8] = b"\x00\x01\x7f\x80\x8f\x90\x9f\xa0\xbf\xc0\xc1\xc4\xc7\xcb\xcf\xd3\
            \xd4\xd9\xdc\xdd\xde\xdf\xe0\xff\"'{}[]()/\\#.,:-_ \n09eE";
        EDGES[self.below(EDGES.len())]
    }
}
