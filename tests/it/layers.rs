//! The architecture as a test: who may use whom, which crates where, headers, sizes, output.
//!
//! The table is that of `docs/internals/architecture.md`; a change here is a change there. The
//! checks are functions from files to findings, so that the last tests can show each of them a
//! file that breaks its rule. Type-level invariants (I1, I6) are checked where they live.

use std::fs;
use std::path::{Path, PathBuf};

use coffer::adapters::catalog::BACKENDS;

use crate::support::rust_source::{SourceFile, Token};

/// One row of the table.
struct Layer {
    /// Files of the layer, as prefixes of the path below `src`.
    files: &'static [&'static str],
    /// What of ours it may refer to, besides itself.
    ours: &'static [&'static str],
    /// Which crates it may refer to.
    crates: &'static [&'static str],
}

/// Crates every layer may use: error types, attribute macros, wiping memory.
const EVERYWHERE: &[&str] = &["async_trait", "serde", "thiserror", "zeroize"];

/// From the most specific to the least: the first row with a matching prefix counts.
const LAYERS: &[Layer] = &[
    Layer {
        files: &["plugin/transport/", "plugin/wire/"],
        ours: &["plugin"],
        crates: &[
            "base64",
            "futures_util",
            "prost",
            "prost_types",
            "rcgen",
            "rustix",
            "rustls",
            "serde_json",
            "time",
            "tokio",
            "tokio_rustls",
            "tokio_stream",
            "tonic",
            "tonic_prost",
            "tracing",
            "tracing_subscriber",
            "uuid",
        ],
    },
    Layer {
        files: &["plugin/framework/", "plugin/mod.rs"],
        ours: &["plugin/framework"],
        crates: &["rmp", "serde_json", "unicode_normalization"],
    },
    Layer {
        files: &["domain/"],
        ours: &[],
        crates: &[
            "argon2",
            "aws_lc_rs",
            "base64",
            "hkdf",
            "hmac",
            "p12_keystore",
            "pkcs1",
            "pkcs8",
            "regex_lite",
            "sec1",
            "serde_json",
            "sha1",
            "sha2",
            "ssh_key",
            "subtle",
            "time",
        ],
    },
    Layer { files: &["engine/"], ours: &["domain"], crates: &["time", "tokio", "tracing"] },
    Layer {
        files: &["adapters/http/", "adapters/sign/"],
        ours: &[
            "domain/material",
            "domain/port",
            "adapters/descriptor",
            "adapters/http",
            "adapters/sign",
        ],
        crates: &[
            "aws_lc_rs",
            "aws_sigv4",
            "base64",
            "bytes",
            "getrandom",
            "hmac",
            "http",
            "reqwest",
            "rustls",
            "rustls_native_certs",
            "serde_json",
            "sha2",
            "time",
            "tokio",
            "tracing",
            "url",
        ],
    },
    Layer {
        files: &["adapters/descriptor.rs", "adapters/mod.rs"],
        ours: &["domain", "adapters/descriptor"],
        crates: &["time"],
    },
    Layer { files: &["adapters/catalog.rs"], ours: &["domain", "adapters"], crates: &[] },
    Layer {
        files: &["adapters/"],
        ours: &["domain", "adapters/descriptor", "adapters/http", "adapters/sign"],
        crates: &["base64", "bytes", "serde_json", "time", "tokio", "tracing", "url"],
    },
    Layer {
        files: &["provider/"],
        ours: &["plugin/framework", "domain", "engine", "adapters/catalog", "adapters/descriptor"],
        crates: &["aws_lc_rs", "base64", "getrandom", "serde_json", "time", "tracing"],
    },
    Layer {
        files: &["main.rs", "lib.rs", "cli/"],
        ours: &["plugin", "domain", "engine", "adapters", "provider", "cli"],
        crates: &["anyhow", "clap", "coffer", "serde_json", "time", "tokio", "zeroizing_alloc"],
    },
];

/// What a backend's own folder may use on top of its row.
const BACKEND_CRATES: &[(&str, &[&str])] = &[
    (
        "aws_secrets_manager",
        &[
            "aws_config",
            "aws_credential_types",
            "aws_sigv4",
            "aws_smithy_runtime_api",
            "aws_smithy_types",
            "aws_types",
            "http",
        ],
    ),
    ("azure_key_vault", &["aws_lc_rs", "azure_core", "azure_identity", "http", "sha1", "sha2"]),
    (
        "embedded",
        &["argon2", "chacha20poly1305", "getrandom", "hkdf", "hmac", "rusqlite", "rustix", "sha2"],
    ),
    ("oci_vault", &["aws_lc_rs", "http", "pkcs8", "sha2"]),
];

/// Files that may write to standard output or standard error, and why.
const OUTPUT: &[(&str, &str)] = &[
    ("cli/output.rs", "the command line"),
    ("plugin/transport/handshake.rs", "the handshake line"),
    ("plugin/transport/logging.rs", "log lines on standard error"),
    ("plugin/transport/panic.rs", "the line that the CLI looks for when a plugin dies"),
];

/// Files that may open files (I7), and why.
const FILES: &[(&str, &str)] = &[
    ("adapters/aws_secrets_manager/auth", "token files of the sign-in"),
    ("adapters/azure_key_vault/auth", "token files of the sign-in"),
    ("adapters/embedded/", "the vault file and its key file"),
    ("adapters/http/tls.rs", "certificates of a profile"),
    ("adapters/oci_vault/auth", "the configuration file, keys and tokens of the sign-in"),
    ("provider/keys.rs", "key files named in the configuration"),
    ("main.rs", "the command line"),
    ("cli/", "the command line"),
    ("plugin/transport/", "the private directory of the socket"),
];

/// Top-level modules.
const FOLDERS: &[&str] = &["adapters", "cli", "domain", "engine", "plugin", "provider"];

const CEILING: usize = 800;
const MEDIAN: usize = 150;
const P90: usize = 400;

#[test]
fn layers_use_only_what_the_table_allows() {
    assert_none(&every_file(check_layer));
}

#[test]
fn files_have_headers_and_stay_small() {
    let files = source_files();
    let mut findings = every_file(check_header_and_ceiling);
    findings.extend(check_distribution(&files));
    assert_none(&findings);
}

#[test]
fn nothing_writes_to_standard_output_outside_the_allowed_files() {
    assert_none(&every_file(check_output));
}

#[test]
fn the_domain_is_deterministic() {
    assert_none(&every_file(check_deterministic));
}

#[test]
fn files_are_opened_only_where_allowed() {
    assert_none(&every_file(check_files_opened));
}

#[test]
fn backends_are_named_only_in_the_catalogue() {
    assert_none(&every_file(check_backend_names));
}

fn check_layer(file: &SourceFile) -> Vec<String> {
    let Some(layer) = LAYERS.iter().find(|layer| in_files(layer.files, &file.path)) else {
        return vec![format!("{}: belongs to no layer", file.path)];
    };
    let known = known_crates();
    let mut findings = Vec::new();
    for (reference, line) in &file.references {
        if reference[0] == "crate" {
            if !FOLDERS.contains(&reference[1].as_str()) {
                // A `#[macro_export]` macro: it lives at the root, whatever layer it belongs to.
                continue;
            }
            let target = reference[1..].join("/");
            let at_home = layer.files.iter().any(|own| same_folder(own, &file.path, &target));
            if !at_home && !layer.ours.iter().any(|allowed| is_below(&target, allowed)) {
                findings.push(format!(
                    "{}:{line}: may not use crate::{}",
                    file.path,
                    reference[1..].join("::")
                ));
            }
        } else if known.contains(&reference[0]) {
            let name = reference[0].as_str();
            let own = BACKEND_CRATES.iter().any(|(backend, crates)| {
                file.path.starts_with(&format!("adapters/{backend}/")) && crates.contains(&name)
            });
            if !own && !EVERYWHERE.contains(&name) && !layer.crates.contains(&name) {
                findings.push(format!("{}:{line}: may not use the crate {name}", file.path));
            }
        }
    }
    findings
}

fn in_files(prefixes: &[&str], path: &str) -> bool {
    prefixes.iter().any(|prefix| path.starts_with(prefix))
}

fn is_below(target: &str, allowed: &str) -> bool {
    target == allowed || target.starts_with(&format!("{allowed}/"))
}

/// Whether `target` is in the layer folder `own`; for backends, in the same backend's folder.
fn same_folder(own: &str, path: &str, target: &str) -> bool {
    if own == "adapters/" {
        let backend: Vec<&str> = path.split('/').take(2).collect();
        return is_below(target, &backend.join("/"));
    }
    own.ends_with('/') && is_below(target, own.trim_end_matches('/'))
}

fn check_header_and_ceiling(file: &SourceFile) -> Vec<String> {
    let mut findings = Vec::new();
    if !file.has_header {
        findings.push(format!("{}: has no `//!` header on its first line", file.path));
    }
    if file.lines > CEILING {
        findings.push(format!("{}: {} lines, the ceiling is {CEILING}", file.path, file.lines));
    }
    findings
}

fn check_distribution(files: &[SourceFile]) -> Vec<String> {
    let mut sizes: Vec<usize> =
        files.iter().map(|file| file.lines).filter(|lines| *lines > 0).collect();
    sizes.sort_unstable();
    let at =
        |share: usize| sizes.get((sizes.len() * share / 100).min(sizes.len().saturating_sub(1)));
    let mut findings = Vec::new();
    for (name, share, limit) in [("median", 50, MEDIAN), ("90th percentile", 90, P90)] {
        if let Some(size) = at(share)
            && *size > limit
        {
            findings.push(format!(
                "the {name} of the file sizes is {size} lines, the limit is {limit}"
            ));
        }
    }
    findings
}

fn check_output(file: &SourceFile) -> Vec<String> {
    if in_allowed(OUTPUT, &file.path) {
        return Vec::new();
    }
    let mut lines = Vec::new();
    for name in ["println", "print", "eprintln", "eprint", "dbg"] {
        lines.extend(file.macro_uses(name));
    }
    for name in ["stdout", "stderr"] {
        lines.extend(file.calls(name));
    }
    lines
        .into_iter()
        .map(|line| format!("{}:{line}: writes to standard output or error", file.path))
        .collect()
}

fn check_deterministic(file: &SourceFile) -> Vec<String> {
    if !file.path.starts_with("domain/") {
        return Vec::new();
    }
    let mut findings = Vec::new();
    for (reference, line) in &file.references {
        let path = reference.join("::");
        let banned =
            ["std::env", "std::fs", "std::net", "std::process", "std::thread", "std::io::stdin"];
        let clock = ["SystemTime", "Instant", "now_utc", "now_local"];
        if banned.iter().any(|banned| path == *banned || path.starts_with(&format!("{banned}::")))
            || reference.iter().any(|segment| clock.contains(&segment.as_str()))
        {
            findings.push(format!("{}:{line}: {path} is not deterministic", file.path));
        }
    }
    for spanned in &file.tokens {
        if spanned.token == Token::Ident("async".to_owned()) && file.path != "domain/port.rs" {
            findings.push(format!("{}:{}: the domain is synchronous", file.path, spanned.line));
        }
    }
    findings
}

fn check_files_opened(file: &SourceFile) -> Vec<String> {
    let auth = file.path.starts_with("adapters/") && file.path.ends_with("/auth.rs");
    if auth || in_allowed(FILES, &file.path) {
        return Vec::new();
    }
    file.references
        .iter()
        .filter(|(path, _)| {
            let path = path.join("::");
            ["std::fs", "tokio::fs", "rustix::fs"]
                .iter()
                .any(|fs| path == *fs || path.starts_with(&format!("{fs}::")))
        })
        .map(|(path, line)| format!("{}:{line}: opens files ({})", file.path, path.join("::")))
        .collect()
}

fn check_backend_names(file: &SourceFile) -> Vec<String> {
    let mut findings = Vec::new();
    for backend in BACKENDS {
        let home = format!("adapters/{}/", backend.name);
        let command_line = file.path == "main.rs" || file.path.starts_with("cli/");
        if file.path == "adapters/catalog.rs" || file.path.starts_with(&home) || command_line {
            continue;
        }
        for line in file.string_literals(backend.name) {
            findings.push(format!("{}:{line}: names the backend `{}`", file.path, backend.name));
        }
    }
    findings
}

fn in_allowed(allowed: &[(&str, &str)], path: &str) -> bool {
    allowed.iter().any(|(prefix, _)| path.starts_with(prefix))
}

/// Crates of the manifest, as they are called in code.
fn known_crates() -> Vec<String> {
    let manifest = include_str!("../../Cargo.toml");
    let mut names = vec!["coffer".to_owned()];
    let mut inside = false;
    for line in manifest.lines() {
        if let Some(section) = line.strip_prefix('[') {
            inside = section.trim_end_matches(']').ends_with("dependencies");
        } else if let Some((name, _)) = line.split_once('=')
            && inside
        {
            names.push(name.trim().replace('-', "_"));
        }
    }
    names
}

fn every_file(check: fn(&SourceFile) -> Vec<String>) -> Vec<String> {
    source_files().iter().flat_map(check).collect()
}

fn source_files() -> Vec<SourceFile> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let mut paths = Vec::new();
    collect(&root, &mut paths);
    paths.sort();
    assert!(paths.len() > 20, "found only {} files below {}", paths.len(), root.display());
    paths
        .iter()
        .map(|path| {
            let text = fs::read_to_string(path).expect("a source file is readable");
            let relative = path.strip_prefix(&root).expect("it was found below the root");
            SourceFile::parse(&relative.to_string_lossy().replace('\\', "/"), &text)
        })
        .collect()
}

fn collect(folder: &Path, paths: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(folder).expect("a source folder is readable") {
        let path = entry.expect("a source folder is readable").path();
        if path.is_dir() {
            collect(&path, paths);
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            paths.push(path);
        }
    }
}

#[track_caller]
fn assert_none(findings: &[String]) {
    assert!(findings.is_empty(), "\n{}\n", findings.join("\n"));
}

/// What the checks say about code that breaks the rules.
mod checker {
    use super::*;

    fn findings(check: fn(&SourceFile) -> Vec<String>, path: &str, code: &str) -> Vec<String> {
        check(&SourceFile::parse(path, code))
    }

    #[track_caller]
    fn assert_found(check: fn(&SourceFile) -> Vec<String>, path: &str, code: &str) {
        assert_eq!(findings(check, path, code).len(), 1, "{path}: {code}");
    }

    #[track_caller]
    fn assert_fine(check: fn(&SourceFile) -> Vec<String>, path: &str, code: &str) {
        assert_none(&findings(check, path, code));
    }

    #[test]
    fn a_forbidden_layer_is_found_in_every_spelling() {
        for code in [
            "use crate::provider::Coffer;",
            "use crate::{domain::kind::Kind, provider};",
            "use super::super::provider::configure;",
            "fn f() { crate::provider::configure::run() }",
            "mod inner { use super::super::super::provider::configure; }",
        ] {
            assert_found(check_layer, "adapters/embedded.rs", code);
        }
        assert_found(
            check_layer,
            "plugin/framework/value.rs",
            "use crate::domain::material::Secret;",
        );
        assert_found(check_layer, "plugin/transport/mod.rs", "use crate::provider::Coffer;");
        assert_found(check_layer, "domain/kind.rs", "use crate::engine::secret;");
        assert_found(check_layer, "engine/secret.rs", "use crate::adapters::catalog;");
        assert_found(check_layer, "provider/mod.rs", "use crate::plugin::wire::server;");
        assert_found(check_layer, "provider/mod.rs", "use crate::adapters::embedded::Vault;");
        assert_found(
            check_layer,
            "adapters/oci_vault/mod.rs",
            "use crate::adapters::embedded::Vault;",
        );
    }

    #[test]
    fn a_forbidden_crate_is_found() {
        assert_found(check_layer, "domain/kind.rs", "use tokio::sync::Mutex;");
        assert_found(check_layer, "domain/kind.rs", "fn f() { tokio::spawn(g()); }");
        assert_found(check_layer, "plugin/framework/value.rs", "use prost::Message as _;");
        assert_found(check_layer, "engine/secret.rs", "fn f(_: tonic::Status) {}");
        assert_found(check_layer, "adapters/oci_vault/mod.rs", "use rusqlite::Connection;");
    }

    #[test]
    fn what_the_table_allows_is_fine() {
        assert_fine(
            check_layer,
            "adapters/embedded/store.rs",
            "use crate::domain::kind::Kind; use super::crypto; use rusqlite::Connection;",
        );
        assert_fine(check_layer, "engine/secret.rs", "use tokio::time; fn f() { time::sleep(d) }");
        assert_fine(
            check_layer,
            "domain/kind.rs",
            "// use crate::provider;\nconst A: &str = \"tokio::spawn\";",
        );
        assert_fine(
            check_layer,
            "domain/kind.rs",
            "#[cfg(test)] mod tests { use super::*; use proptest::prelude::*; }",
        );
        assert_fine(
            check_layer,
            "provider/mod.rs",
            "use std::sync::Arc; use crate::plugin::framework::{schema::{self, Schema}, value::Value};",
        );
    }

    #[test]
    fn a_file_of_no_layer_is_found() {
        assert_found(check_layer, "helpers/mod.rs", "fn f() {}");
    }

    #[test]
    fn headers_and_sizes_are_checked() {
        assert_found(check_header_and_ceiling, "domain/kind.rs", "fn f() {}\n");
        let long = format!("//! Header.\n{}", "fn f() {}\n".repeat(CEILING));
        assert_found(check_header_and_ceiling, "domain/kind.rs", &long);
        let tests = format!(
            "//! Header.\n#[cfg(test)]\nmod tests {{\n{}}}\n",
            "fn f() {}\n".repeat(CEILING)
        );
        assert_fine(check_header_and_ceiling, "domain/kind.rs", &tests);
        let sizes = |lines: usize| SourceFile::parse("a.rs", &"fn f() {}\n".repeat(lines));
        assert_eq!(check_distribution(&[sizes(10), sizes(MEDIAN + 1), sizes(MEDIAN + 1)]).len(), 1);
        assert_eq!(check_distribution(&[sizes(10), sizes(10), sizes(P90 + 1)]).len(), 1);
        assert_none(&check_distribution(&[sizes(10), sizes(MEDIAN), sizes(P90)]));
    }

    #[test]
    fn output_is_found() {
        for code in [
            "fn f() { println!(\"x\"); }",
            "fn f() { std::eprint!(\"x\"); }",
            "fn f() { std::io::stdout().write_all(b\"x\"); }",
            "use std::io::stdout; fn f() { stdout().lock(); }",
        ] {
            assert_found(check_output, "provider/mod.rs", code);
        }
        assert_fine(check_output, "cli/output.rs", "fn f() { println!(\"x\"); }");
        assert_fine(
            check_output,
            "provider/mod.rs",
            "fn f() { let s = \"println!()\"; } // println!(",
        );
    }

    #[test]
    fn a_clock_or_a_file_in_the_domain_is_found() {
        assert_found(check_deterministic, "domain/kind.rs", "use std::fs::File;");
        assert_found(check_deterministic, "domain/kind.rs", "use std::time::SystemTime;");
        assert_found(
            check_deterministic,
            "domain/kind.rs",
            "fn f() { time::OffsetDateTime::now_utc(); }",
        );
        assert_found(check_deterministic, "domain/kind.rs", "async fn f() {}");
        assert_found(check_files_opened, "provider/resource_secret.rs", "use std::fs;");
        assert_found(check_files_opened, "engine/secret.rs", "fn f() { std::fs::read(p); }");
        assert_fine(check_files_opened, "adapters/embedded/file.rs", "use std::fs;");
    }

    #[test]
    fn a_backend_name_is_found() {
        assert_found(
            check_backend_names,
            "provider/configure.rs",
            "fn f(n: &str) { match n { \"embedded\" => {} _ => {} } }",
        );
        assert_fine(check_backend_names, "adapters/catalog.rs", "const A: &str = \"embedded\";");
        assert_fine(
            check_backend_names,
            "provider/configure.rs",
            "const A: &str = \"an embedded vault\";",
        );
    }

    #[test]
    fn tokens_are_read_as_rust_reads_them() {
        let code = r##"//! x
            fn f<'a>(c: char) -> &'a str { if c == '"' || c == '\'' { r#"use crate::provider;"# } else { "\"use crate::provider;" } }
            /* /* use crate::provider; */ use crate::provider; */
        "##;
        assert_fine(check_layer, "domain/kind.rs", code);
    }
}
