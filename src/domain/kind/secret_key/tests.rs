//! Sizes of keys.

use super::*;
use crate::domain::material::Secret;

fn key(size: usize, algorithm: Option<&str>) -> Result<Content, InvalidContent> {
    Content::secret_key(Secret::new(vec![0xc5; size]), algorithm.map(Secret::from))
}

#[test]
fn size_must_fit_the_algorithm() {
    for (algorithm, good) in [
        ("AES", &[16, 24, 32][..]),
        ("CHACHA20", &[32]),
        ("HMAC-SHA256", &[16, 17, 64, 1024]),
        ("HMAC-SHA384", &[16, 1024]),
        ("HMAC-SHA512", &[16, 1024]),
    ] {
        for size in good {
            assert!(key(*size, Some(algorithm)).is_ok(), "{algorithm} {size}");
        }
        for size in [1, 15, 1025] {
            let error = key(size, Some(algorithm)).unwrap_err();
            assert_eq!(error.field, field::BYTES);
            assert!(error.rule.contains(algorithm) && error.rule.contains("bytes long"), "{error}");
        }
    }
    assert!(key(1, None).is_ok());
    assert_eq!(key(0, None).unwrap_err().to_string(), "bytes: must not be empty");
}

#[test]
fn algorithm_that_is_not_known_is_refused_with_those_that_are() {
    for code in ["3DES", "aes", "", "canary"] {
        let error = key(24, Some(code)).unwrap_err();
        assert_eq!(error.field, field::ALGORITHM);
        assert!(error.rule.contains("AES, CHACHA20, HMAC-SHA256"), "{error}");
        assert!(!error.rule.contains("canary"));
    }
}
