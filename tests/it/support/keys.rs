//! Throw-away keys and stores (`tests/fixtures/keys`), and values of the same sort.

use std::fs;
use std::path::Path;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

/// The password of all fixtures.
pub const PASSWORD: &str = "throwaway";

/// The signed token of RFC 7515, appendix A.1.
pub const TOKEN: &str = "eyJ0eXAiOiJKV1QiLA0KICJhbGciOiJIUzI1NiJ9.eyJpc3MiOiJqb2UiLA0KICJleHAiOjEzMDA4MTkzODAsDQogImh0dHA6Ly9leGFtcGxlLmNvbS9pc19yb290Ijp0cnVlfQ.dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk";

/// An encrypted token by its structure.
pub const ENCRYPTED_TOKEN: &str = "eyJhbGciOiJkaXIiLCJlbmMiOiJBMjU2R0NNIn0..AAAA.c2VjcmV0.AAAA";

/// 32 bytes.
pub const BASE64_256_BITS: &str = "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=";

/// A fixture that is text.
pub fn text(name: &str) -> String {
    String::from_utf8(bytes(name)).expect("a text")
}

/// A fixture in base64.
pub fn base64(name: &str) -> String {
    STANDARD.encode(bytes(name))
}

fn bytes(name: &str) -> Vec<u8> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/keys");
    fs::read(folder.join(name)).unwrap_or_else(|problem| panic!("{name}: {problem}"))
}
