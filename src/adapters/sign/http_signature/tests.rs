//! Known answers: the two requests that Oracle's page and SDKs publish, with their key of 1024
//! bits, too short for anybody to sign with, so their signatures are verified over our strings.

use aws_lc_rs::rsa::PublicKeyComponents;
use aws_lc_rs::signature::RSA_PKCS1_1024_8192_SHA256_FOR_LEGACY_USE_ONLY;
use time::macros::datetime;

use super::*;

const PUBLISHED_KEY: &str = "MIGfMA0GCSqGSIb3DQEBAQUAA4GNADCBiQKBgQDCFENGw33yGihy92pDjZQhl0C36rPJj+CvfSC8+q28hxA161QFNUd13wuCTUcq0Qd2qsBe/2hFyc2DCJJg0h1L78+6Z4UMR7EOcpfdUE9Hf3m/hs+FUR45uBJeDK1HSFHD8bHKD6kv8FPGfJTotc+2xjJwoYi+1hqp1fIekaxsyQIDAQAB";

const GET_TARGET: &str = "/20160918/instances?availabilityDomain=Pjwf%3A%20PHX-AD-1&compartmentId=ocid1.compartment.oc1..aaaaaaaam3we6vgnherjq5q2idnccdflvjsnog7mlr6rtdb25gilchfeyjxa&displayName=TeamXInstances&volumeId=ocid1.volume.oc1.phx.abyhqljrgvttnlx73nmrwfaux7kcvzfs3s66izvxf2h4lgvyndsdsnoiwr5q";
const GET_SIGNATURE: &str = "GBas7grhyrhSKHP6AVIj/h5/Vp8bd/peM79H9Wv8kjoaCivujVXlpbKLjMPeDUhxkFIWtTtLBj3sUzaFj34XE6YZAHc9r2DmE4pMwOAy/kiITcZxa1oHPOeRheC0jP2dqbTll8fmTZVwKZOKHYPtrLJIJQHJjNvxFWeHQjMaR7M=";

const POST_BODY: &str = "{
    \"compartmentId\": \"ocid1.compartment.oc1..aaaaaaaam3we6vgnherjq5q2idnccdflvjsnog7mlr6rtdb25gilchfeyjxa\",
    \"instanceId\": \"ocid1.instance.oc1.phx.abuw4ljrlsfiqw6vzzxb43vyypt4pkodawglp3wqxjqofakrwvou52gb6s5a\",
    \"volumeId\": \"ocid1.volume.oc1.phx.abyhqljrgvttnlx73nmrwfaux7kcvzfs3s66izvxf2h4lgvyndsdsnoiwr5q\"
}";
const POST_SIGNATURE: &str = "Mje8vIDPlwIHmD/cTDwRxE7HaAvBg16JnVcsuqaNRim23fFPgQfLoOOxae6WqKb1uPjYEl0qIdazWaBy/Ml8DRhqlocMwoSXv0fbukP8J5N80LCmzT/FFBvIvTB91XuXI3hYfP9Zt1l7S6ieVadHUfqBedWH0itrtPJBgKmrWso=";

const HOST_NAME: &str = "iaas.us-phoenix-1.oraclecloud.com";

fn get() -> Signable<'static> {
    Signable {
        method: "GET",
        target: GET_TARGET,
        host: Some(HOST_NAME),
        body: None,
        now: datetime!(2014-01-05 21:31:40 UTC),
    }
}

fn post() -> Signable<'static> {
    let body = Body { bytes: POST_BODY.as_bytes(), content_type: "application/json" };
    Signable { method: "POST", target: "/20160918/volumeAttachments", body: Some(body), ..get() }
}

/// The modulus inside the published key: 128 bytes before the exponent `02 03 01 00 01`.
fn verify(message: &str, signature: &str) -> bool {
    let der = STANDARD.decode(PUBLISHED_KEY).unwrap();
    let end = der.len() - 5;
    let (n, e) = (&der[end - 128..end], &[1, 0, 1][..]);
    let signature = STANDARD.decode(signature).unwrap();
    PublicKeyComponents { n, e }
        .verify(&RSA_PKCS1_1024_8192_SHA256_FOR_LEGACY_USE_ONLY, message.as_bytes(), &signature)
        .is_ok()
}

/// The vectors are dated "Thu", which the 5th of January 2014 was not.
fn published(lines: &[(&'static str, String)]) -> String {
    signing_string(lines).replace("date: Sun,", "date: Thu,")
}

#[test]
fn published_get_verifies() {
    let text = published(&lines(&get()));
    assert!(text.starts_with("date: Thu, 05 Jan 2014 21:31:40 GMT\n(request-target): get /2016"));
    assert!(verify(&text, GET_SIGNATURE));
    assert!(!verify(&text.replace("%20", "+"), GET_SIGNATURE));
}

#[test]
fn published_post_verifies() {
    let text = published(&lines(&post()));
    assert!(text.ends_with(
        "content-length: 316\ncontent-type: application/json\nx-content-sha256: V9Z20UJTvkvpJ50flBzKE32+6m2zJjweHpDMX/U4Uy0="
    ));
    assert!(verify(&text, POST_SIGNATURE));
}

#[test]
fn empty_body_is_signed_as_such() {
    let body = Body { bytes: b"", content_type: "application/json" };
    let lines = lines(&Signable { body: Some(body), ..post() });
    let value = |name: &str| lines.iter().find(|(n, _)| *n == name).map(|(_, v)| v.as_str());
    assert_eq!(value("content-length"), Some("0"));
    assert_eq!(value("x-content-sha256"), Some("47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU="));
}

#[test]
fn header_names_what_is_signed_in_order() {
    let key = SigningKey::generate().unwrap();
    let headers = sign(&post(), "tenancy/user/aa:bb", &key).unwrap();
    let names: Vec<_> = headers.iter().map(|(name, _)| *name).collect();
    assert_eq!(
        names,
        ["date", "content-length", "content-type", "x-content-sha256", "authorization"]
    );
    let (_, authorization) = headers.last().unwrap();
    assert!(authorization.starts_with(
        "Signature version=\"1\",keyId=\"tenancy/user/aa:bb\",algorithm=\"rsa-sha256\",headers=\"date (request-target) host content-length content-type x-content-sha256\",signature=\""
    ));
}

#[test]
fn key_comes_back_from_either_encoding_and_short_ones_do_not() {
    let key = RsaKeyPair::generate(KeySize::Rsa2048).unwrap();
    let pkcs8: aws_lc_rs::encoding::Pkcs8V1Der<'_> = key.as_der().unwrap();
    assert!(SigningKey::from_der(pkcs8.as_ref()).is_ok());
    assert_eq!(SigningKey::from_der(b"\x30\x03\x02\x01\x00").err(), Some(UnusableKey));
}
