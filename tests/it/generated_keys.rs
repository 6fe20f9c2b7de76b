//! Key pairs that coffer makes, judged by others: OpenSSL and OpenSSH where they are installed, and
//! a signature that the told public half verifies everywhere.

use std::io::Write as _;
use std::path::Path;
use std::process::{Command, Stdio};

use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::signature::{
    ECDSA_P256_SHA256_ASN1, ECDSA_P256_SHA256_ASN1_SIGNING, ECDSA_P384_SHA384_ASN1,
    ECDSA_P384_SHA384_ASN1_SIGNING, ED25519, EcdsaKeyPair, Ed25519KeyPair,
    RSA_PKCS1_2048_8192_SHA256, RSA_PKCS1_SHA256, RsaKeyPair, UnparsedPublicKey,
    VerificationAlgorithm,
};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use coffer::domain::kind::field;
use serde_json::{Value as Json, json};

use crate::support::cli::report_ignored;
use crate::support::core::{Core, Instance, config};
use crate::support::peer::{Peer, Start};
use crate::support::vault::Vault;

const MESSAGE: &[u8] = b"whatever is signed";

/// A key pair as the vault and the state hold it.
struct Pair {
    private: String,
    public: String,
}

/// A provider with a vault.
struct Maker {
    core: Core,
    _peer: Peer,
    directory: tempfile::TempDir,
}

impl Maker {
    async fn start() -> Self {
        let directory = tempfile::tempdir().unwrap();
        let peer = Start::new().connect().await;
        let mut core = Core::connect(peer.provider()).await;
        let path = directory.path().join("vault.db");
        let block = json!({"profiles": {"main": {"embedded": {"path": path}}}});
        core.configure(&config(&core.provider, &block)).await.unwrap();
        Self { core, _peer: peer, directory }
    }

    async fn make(&mut self, name: &str, generate: &Json) -> Pair {
        let block = json!({"name": name, "generate": generate});
        let wanted = config(&self.core.resources["coffer_secret"], &block);
        let run = self.core.run("coffer_secret", &Instance::default(), &wanted).await;
        let (_, made) = run.unwrap();
        let public = made.value.get("public_key").as_str().unwrap().to_owned();
        let (path, name) = (self.directory.path().join("vault.db"), name.to_owned());
        let read = move || Vault::at(&path).content(&name).unwrap();
        let content = tokio::task::spawn_blocking(read).await.unwrap();
        let private = content.field(field::PEM).unwrap().expose_text().unwrap().to_owned();
        Pair { private, public }
    }
}

/// Runs a program with `input`; its output. Fails the test when the program does.
fn run(program: &str, arguments: &[&str], input: &str) -> String {
    let mut child = Command::new(program)
        .args(arguments)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    child.stdin.take().unwrap().write_all(input.as_bytes()).unwrap();
    let output = child.wait_with_output().unwrap();
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(output.status.success(), "{program} {arguments:?}: {said}");
    String::from_utf8(output.stdout).unwrap()
}

/// True when the program is there; says so when it is not.
fn is_there(program: &str, argument: &str, test: &str) -> bool {
    let quiet = || Stdio::null();
    let started =
        Command::new(program).arg(argument).stdin(quiet()).stdout(quiet()).stderr(quiet()).status();
    if started.is_err() {
        report_ignored(program, test, &format!("`{program}` is not on PATH"));
    }
    started.is_ok()
}

fn der(pem: &str) -> Vec<u8> {
    let lines = pem.lines().filter(|line| !line.starts_with("-----"));
    STANDARD.decode(lines.collect::<String>()).unwrap()
}

/// What the private half signs is what the public half verifies; another public half does not.
fn check_signature(kind: &str, bits: u64, pair: &Pair, other: &Pair) {
    let (private, random) = (der(&pair.private), SystemRandom::new());
    let curve =
        if bits == 384 { &ECDSA_P384_SHA384_ASN1_SIGNING } else { &ECDSA_P256_SHA256_ASN1_SIGNING };
    let (signature, algorithm): (Vec<u8>, &'static dyn VerificationAlgorithm) = match kind {
        "rsa" => {
            let key = RsaKeyPair::from_pkcs8(&private).unwrap();
            assert_eq!(key.public_modulus_len() as u64 * 8, bits);
            let mut signature = vec![0; key.public_modulus_len()];
            key.sign(&RSA_PKCS1_SHA256, &random, MESSAGE, &mut signature).unwrap();
            (signature, &RSA_PKCS1_2048_8192_SHA256)
        }
        "ec" => {
            let key = EcdsaKeyPair::from_pkcs8(curve, &private).unwrap();
            let signature = key.sign(&random, MESSAGE).unwrap();
            let wide: &'static dyn VerificationAlgorithm =
                if bits == 384 { &ECDSA_P384_SHA384_ASN1 } else { &ECDSA_P256_SHA256_ASN1 };
            (signature.as_ref().to_vec(), wide)
        }
        _ => {
            let key = Ed25519KeyPair::from_pkcs8_maybe_unchecked(&private).unwrap();
            (key.sign(MESSAGE).as_ref().to_vec(), &ED25519)
        }
    };
    let verifies = |public: &str| {
        UnparsedPublicKey::new(algorithm, der(public)).verify(MESSAGE, &signature).is_ok()
    };
    assert!(verifies(&pair.public), "{kind} {bits}");
    assert!(!verifies(&other.public), "{kind} {bits}: another key verifies it, too");
}

#[tokio::test(flavor = "multi_thread")]
async fn key_pairs_are_what_openssl_takes_them_for() {
    let openssl = is_there("openssl", "version", "generated_keys::openssl");
    let mut maker = Maker::start().await;
    for (kind, bits, says) in [
        ("rsa", 2048, "2048 bit"),
        ("rsa", 3072, "3072 bit"),
        ("ec", 256, "prime256v1"),
        ("ec", 384, "secp384r1"),
        ("ed25519", 0, "ED25519"),
    ] {
        let mut generate = json!({"kind": kind});
        if bits > 0 {
            generate["length"] = bits.into();
        }
        let pair = maker.make(&format!("{kind}/{bits}/a"), &generate).await;
        let other = maker.make(&format!("{kind}/{bits}/b"), &generate).await;
        assert_ne!(pair.private, other.private);
        check_signature(kind, bits, &pair, &other);
        if openssl {
            run("openssl", &["pkey", "-check", "-noout"], &pair.private);
            assert_eq!(run("openssl", &["pkey", "-pubout"], &pair.private), pair.public);
            let text = run("openssl", &["pkey", "-text", "-noout"], &pair.private);
            assert!(text.contains(says), "{kind} {bits} is not {says}");
            // The same text, so the same lines and labels.
            assert_eq!(run("openssl", &["pkey"], &pair.private), pair.private);
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn key_pairs_are_what_openssh_takes_them_for() {
    let there = is_there("ssh-keygen", "-?", "generated_keys::openssh");
    let mut maker = Maker::start().await;
    for (kind, label) in [("rsa", "RSA"), ("ed25519", "ED25519")] {
        let pair = maker.make(kind, &json!({"kind": kind, "format": "openssh"})).await;
        let key = ssh_key::PrivateKey::from_openssh(&pair.private).unwrap();
        assert_eq!(key.public_key().to_openssh().unwrap(), pair.public);
        if there {
            let file = maker.directory.path().join(kind);
            write_private(&file, &pair.private);
            let path = file.to_string_lossy();
            assert_eq!(run("ssh-keygen", &["-y", "-P", "", "-f", &path], "").trim(), pair.public);
            let told = run("ssh-keygen", &["-l", "-f", &path], "");
            assert!(told.contains(&format!("({label})")), "{told}");
        }
    }
}

/// OpenSSH refuses a key that others may read.
fn write_private(path: &Path, text: &str) {
    let mut options = std::fs::File::options();
    options.write(true).create_new(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    options.open(path).unwrap().write_all(text.as_bytes()).unwrap();
}
