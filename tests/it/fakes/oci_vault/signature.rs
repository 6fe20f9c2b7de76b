//! Verifying signatures, from the draft and not from coffer's code.

use std::collections::HashMap;

use aws_lc_rs::digest::{SHA256, digest};
use aws_lc_rs::signature::{
    KeyPair as _, RSA_PKCS1_2048_8192_SHA256, RsaKeyPair, UnparsedPublicKey,
};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use time::format_description::well_known::Rfc2822;
use time::{Duration, OffsetDateTime};

use super::Received;

const SKEW: Duration = Duration::minutes(5);

/// Public keys by `keyId`.
#[derive(Debug, Default)]
pub struct Trust(HashMap<String, Vec<u8>>);

impl Trust {
    /// Trusts the public half of a PKCS#8 key in PEM.
    pub fn add(&mut self, key_id: &str, pem: &str) {
        let body: String = pem.lines().filter(|line| !line.starts_with("-----")).collect();
        let der = STANDARD.decode(body).expect("base64");
        let key = RsaKeyPair::from_pkcs8(&der).expect("a private key");
        self.0.insert(key_id.to_owned(), key.public_key().as_ref().to_vec());
    }

    /// Trusts a public key.
    pub fn add_public(&mut self, key_id: &str, der: Vec<u8>) {
        self.0.insert(key_id.to_owned(), der);
    }

    /// Forgets a key.
    pub fn remove(&mut self, key_id: &str) {
        self.0.remove(key_id);
    }

    /// Why a request is not accepted. Federation wants no host signed, everything else does.
    pub fn verify(
        &self,
        request: &Received,
        now: OffsetDateTime,
        host: bool,
    ) -> Result<(), String> {
        let authorization = request.header("authorization").ok_or("no authorization")?;
        let parameters = authorization.strip_prefix("Signature ").ok_or("no signature")?;
        let parameters = parse(parameters);
        let get = |name: &str| {
            parameters.get(name).copied().ok_or_else(|| format!("no parameter {name}"))
        };
        if get("version")? != "1" {
            return Err("another version".to_owned());
        }
        if !get("algorithm")?.eq_ignore_ascii_case("rsa-sha256") {
            return Err("another algorithm".to_owned());
        }
        let key = self.0.get(get("keyId")?).ok_or("unknown keyId")?;
        let names: Vec<&str> = get("headers")?.split(' ').collect();
        check_names(request, &names, host)?;
        check_date(request, now)?;
        check_body(request)?;
        let text = signing_string(request, &names)?;
        let signature = STANDARD.decode(get("signature")?).map_err(|_| "no base64")?;
        UnparsedPublicKey::new(&RSA_PKCS1_2048_8192_SHA256, key)
            .verify(text.as_bytes(), &signature)
            .map_err(|_| "the signature is not that of the request".to_owned())
    }
}

/// `name="value"` pairs in any order.
fn parse(parameters: &str) -> HashMap<&str, &str> {
    let pairs = parameters.split("\",").filter_map(|pair| pair.split_once("=\""));
    pairs.map(|(name, value)| (name.trim(), value.trim_end_matches('"'))).collect()
}

fn has_body(request: &Received) -> bool {
    matches!(request.method.as_str(), "POST" | "PUT" | "PATCH")
}

fn check_names(request: &Received, names: &[&str], host: bool) -> Result<(), String> {
    let mut needed = vec!["(request-target)"];
    if host {
        needed.push("host");
    }
    if has_body(request) {
        needed.extend(["content-length", "content-type", "x-content-sha256"]);
    }
    for name in needed {
        if !names.contains(&name) {
            return Err(format!("{name} is not signed"));
        }
    }
    if !names.contains(&"date") && !names.contains(&"x-date") {
        return Err("no date is signed".to_owned());
    }
    Ok(())
}

fn check_date(request: &Received, now: OffsetDateTime) -> Result<(), String> {
    let date = request.header("x-date").or_else(|| request.header("date")).ok_or("no date")?;
    let date = OffsetDateTime::parse(&date.replace("GMT", "+0000"), &Rfc2822)
        .map_err(|_| format!("{date:?} is no date"))?;
    if (now - date).abs() > SKEW { Err("the clock is wrong".to_owned()) } else { Ok(()) }
}

fn check_body(request: &Received) -> Result<(), String> {
    if !has_body(request) {
        return Ok(());
    }
    let hash = STANDARD.encode(digest(&SHA256, &request.body));
    if request.header("x-content-sha256") != Some(&hash) {
        return Err("x-content-sha256 is not that of the body".to_owned());
    }
    if request.header("content-length") != Some(&request.body.len().to_string()) {
        return Err("content-length is not that of the body".to_owned());
    }
    Ok(())
}

fn signing_string(request: &Received, names: &[&str]) -> Result<String, String> {
    let lines: Result<Vec<String>, String> = names
        .iter()
        .map(|name| {
            if *name == "(request-target)" {
                let method = request.method.as_str().to_lowercase();
                return Ok(format!("{name}: {method} {}", request.target));
            }
            let value = request.header(name).ok_or_else(|| format!("{name} was not sent"))?;
            Ok(format!("{name}: {value}"))
        })
        .collect();
    Ok(lines?.join("\n"))
}
