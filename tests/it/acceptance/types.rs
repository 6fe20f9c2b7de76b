//! Typed content of the formats that are parsed: stored as given, compared by meaning, refused by
//! the rule that is broken.

use super::head;
use crate::support::cli::{Workspace, cases};
use crate::support::keys;

cases! {
    token
    encrypted_token
    private_key
    secret_key
    key_store
    read_back_as_given
    broken_rules
    import_and_empty_plan
}

/// One secret `a` whose arguments may use `var.value`.
fn secret(workspace: &Workspace, arguments: &str) {
    let head = head(workspace);
    let text =
        format!("{head}\nresource \"coffer_secret\" \"a\" {{\n  name = \"a\"\n{arguments}\n}}\n");
    workspace.write("main.tf", &text);
}

#[track_caller]
fn created(workspace: &Workspace, kind: &str) {
    workspace.apply(&[]).succeeds().says("1 added");
    assert_eq!(workspace.attribute("coffer_secret.a", "type"), kind);
    workspace.plan(&[]).has_no_changes();
}

fn token(workspace: &mut Workspace) {
    secret(workspace, "jwt_wo = var.value");
    workspace.env("TF_VAR_value", keys::TOKEN);
    created(workspace, "jwt_token");
    workspace.env("TF_VAR_value", &format!("\n  {}\n", keys::TOKEN));
    workspace.plan(&[]).has_no_changes();
    workspace.env("TF_VAR_value", "eyJhbGciOiJub25lIn0.e30.");
    workspace.plan(&[]).has_changes().says("0 to add, 1 to change, 0 to destroy");
    workspace.apply(&[]).succeeds().says("1 changed");
    assert_eq!(workspace.attribute("coffer_secret.a", "version"), "2");
}

fn encrypted_token(workspace: &mut Workspace) {
    workspace.env("TF_VAR_value", keys::ENCRYPTED_TOKEN);
    secret(workspace, "jwt_wo = var.value");
    workspace.plan(&[]).fails().says("jwt_allow_encrypted_wo").never_says("c2VjcmV0");
    secret(workspace, "jwt_wo = var.value\njwt_allow_encrypted_wo = true");
    created(workspace, "jwt_token");
}

fn private_key(workspace: &mut Workspace) {
    secret(workspace, "private_key_wo = { pem = var.value }");
    workspace.env("TF_VAR_value", &keys::text("rsa.pkcs8.pem"));
    created(workspace, "private_key");
    for same in ["rsa.pkcs1.pem", "rsa.openssh.pem"] {
        workspace.env("TF_VAR_value", &keys::text(same));
        workspace.plan(&[]).has_no_changes();
    }
    let encrypted =
        format!("private_key_wo = {{ pem = var.value, passphrase = {:?} }}", keys::PASSWORD);
    secret(workspace, &encrypted);
    workspace.env("TF_VAR_value", &keys::text("rsa.encrypted.pem"));
    workspace.apply(&[]).succeeds().says("1 changed");
    workspace.env("TF_VAR_value", &keys::text("rsa.encrypted-again.pem"));
    workspace.plan(&[]).has_no_changes();
    workspace.env("TF_VAR_value", &keys::text("ec.openssh-encrypted.pem"));
    workspace.apply(&[]).succeeds().says("1 changed");
    assert_eq!(workspace.attribute("coffer_secret.a", "version"), "3");
}

fn secret_key(workspace: &mut Workspace) {
    secret(workspace, "secret_key_wo = { base64 = var.value, algorithm = \"AES\" }");
    workspace.env("TF_VAR_value", keys::BASE64_256_BITS);
    created(workspace, "secret_key");
    secret(workspace, "secret_key_wo = { base64 = var.value, algorithm = \"CHACHA20\" }");
    workspace.plan(&[]).has_changes();
    workspace.apply(&[]).succeeds().says("1 changed");
}

fn key_store(workspace: &mut Workspace) {
    let arguments = |format: &str, comparison: &str| {
        format!(
            "key_store_wo = {{ base64 = var.value, password = {:?}, format = {format:?}, comparison = {comparison} }}",
            keys::PASSWORD
        )
    };
    secret(workspace, &arguments("PKCS12", "null"));
    workspace.env("TF_VAR_value", &keys::base64("java.p12"));
    created(workspace, "key_store");
    workspace.env("TF_VAR_value", &keys::base64("java-again.p12"));
    workspace.plan(&[]).has_changes();
    secret(workspace, &arguments("PKCS12", "\"semantic\""));
    workspace.apply(&[]).succeeds().says("1 changed");
    for same in ["java.p12", "openssl.p12", "legacy.p12"] {
        workspace.env("TF_VAR_value", &keys::base64(same));
        workspace.plan(&[]).has_no_changes();
    }
    secret(workspace, &arguments("JKS", "\"semantic\""));
    workspace.env("TF_VAR_value", &keys::base64("java.jks"));
    workspace.apply(&[]).succeeds().says("1 changed");
    workspace.env("TF_VAR_value", &keys::base64("java-again.jks"));
    workspace.plan(&[]).has_no_changes();
}

/// Through the ephemeral resource, byte for byte: the reader says no to anything else.
fn read_back_as_given(workspace: &mut Workspace) {
    let mut other = workspace.beside("somebody-else");
    let pem = keys::text("rsa.encrypted.pem");
    let text = format!(
        r#"{}
resource "coffer_secret" "jwt" {{
  name   = "jwt"
  jwt_wo = {token:?}
}}

resource "coffer_secret" "pem" {{
  name           = "pem"
  private_key_wo = {{ pem = {pem:?}, passphrase = {password:?} }}
}}

resource "coffer_secret" "key" {{
  name          = "key"
  secret_key_wo = {{ base64 = {key:?}, algorithm = "HMAC-SHA256" }}
}}

resource "coffer_secret" "store" {{
  name         = "store"
  key_store_wo = {{ base64 = {store:?}, password = {password:?}, format = "JKS" }}
}}
"#,
        head(workspace),
        token = keys::TOKEN,
        password = keys::PASSWORD,
        key = keys::BASE64_256_BITS,
        store = keys::base64("java.jks"),
    );
    other.write("main.tf", &text);
    other.env("TF_VAR_value", "unused");
    other.apply(&[]).succeeds().says("4 added");
    let reader =
        |name: &str| format!("ephemeral \"coffer_secret\" {name:?} {{ name = {name:?} }}\n");
    let text = format!(
        r#"{}
{}
locals {{
  read = [
    ephemeral.coffer_secret.jwt.jwt,
    ephemeral.coffer_secret.pem.private_key.pem,
    ephemeral.coffer_secret.pem.private_key.passphrase,
    ephemeral.coffer_secret.key.secret_key.base64,
    ephemeral.coffer_secret.key.secret_key.algorithm,
    ephemeral.coffer_secret.store.key_store.base64,
    ephemeral.coffer_secret.store.key_store.password,
    ephemeral.coffer_secret.store.key_store.format,
  ]
}}

resource "coffer_secret" "sum" {{
  name     = "sum"
  value_wo = sha256(join("|", local.read))
}}
"#,
        head(workspace),
        ["jwt", "pem", "key", "store"].map(reader).concat(),
    );
    workspace.write("main.tf", &text);
    workspace.apply(&[]).succeeds().never_says("PRIVATE KEY");
    let expected = [
        keys::TOKEN,
        &pem,
        keys::PASSWORD,
        keys::BASE64_256_BITS,
        "HMAC-SHA256",
        &keys::base64("java.jks"),
        keys::PASSWORD,
        "JKS",
    ];
    use sha2::Digest as _;
    let sum = sha2::Sha256::digest(expected.join("|"));
    let sum: String = sum.iter().map(|byte| format!("{byte:02x}")).collect();
    assert_eq!(super::stored(workspace, "sum"), sum);
}

fn broken_rules(workspace: &mut Workspace) {
    let rsa = keys::text("rsa.pkcs8.pem");
    let p12 = keys::base64("java.p12");
    let aes =
        |base64: &str| format!("secret_key_wo = {{ base64 = {base64:?}, algorithm = \"AES\" }}");
    let store = |password: &str, format: &str| {
        format!(
            "key_store_wo = {{ base64 = {p12:?}, password = {password:?}, format = {format:?} }}"
        )
    };
    let key = |pem: &str, more: &str| format!("private_key_wo = {{ pem = {pem:?}{more} }}");
    let cases = [
        ("jwt_wo = \"c4n4ry\"".to_owned(), "three parts"),
        ("jwt_wo = \"c4n4ryAA.e30.AA\"".to_owned(), "JSON object with a text"),
        (key("c4n4ry", ""), "pem: must be PEM text"),
        (key(&format!("{rsa}{rsa}"), ""), "exactly one private key"),
        (
            key(&rsa, ", passphrase = \"c4n4ry\""),
            "passphrase: is set, but the key is not encrypted",
        ),
        (
            key(&keys::text("rsa.encrypted.pem"), ", passphrase = \"c4n4ry\""),
            "does not open the key",
        ),
        ("private_key_wo = { passphrase = \"c4n4ry\" }".to_owned(), "pem"),
        (aes("c4n4ry"), "is not base64"),
        (aes("AAAA"), "16, 24 or 32 bytes"),
        ("secret_key_wo = { base64 = \"AAAA\", algorithm = \"c4n4ry\" }".to_owned(), "one of AES"),
        (store("c4n4ry", "PKCS12"), "password: does not open the store"),
        (store("c4n4ry", "JKS"), "base64: is not a JKS store"),
        (store("c4n4ry", "JCEKS"), "one of PKCS12, JKS"),
    ];
    for (arguments, expected) in cases {
        secret(workspace, &arguments);
        let outcome = workspace.plan(&[]).fails();
        let prose = outcome.prose();
        assert!(prose.contains(expected), "{arguments}: {prose}");
        // The CLI itself quotes the line of the argument, so the text of the error is searched.
        let (_, detail) = prose.split_once("cannot hold this").unwrap_or(("", ""));
        assert!(!detail.contains("c4n4ry"), "{prose}");
        assert!(!detail.contains("MII"), "{prose}");
    }
}

fn import_and_empty_plan(workspace: &mut Workspace) {
    secret(workspace, "private_key_wo = { pem = var.value }");
    workspace.env("TF_VAR_value", &keys::text("ec.sec1.pem"));
    created(workspace, "private_key");
    workspace.run(&["state", "rm", "coffer_secret.a"]).succeeds();
    workspace.run(&["import", "coffer_secret.a", "main/a"]).succeeds();
    workspace.plan(&[]).has_no_changes();
}
