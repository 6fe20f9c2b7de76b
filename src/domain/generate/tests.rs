//! What is made keeps its recipe, with a source that is known and with one that is not.

use std::collections::BTreeMap;

use aws_lc_rs::encoding::AsDer as _;

use super::*;
use crate::domain::kind::{Kind, field};

/// Bytes of a linear congruential generator: the same every time.
struct Fixed(u64);

impl Entropy for Fixed {
    fn fill(&mut self, bytes: &mut [u8]) {
        for byte in bytes {
            self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
            *byte = (self.0 >> 33) as u8;
        }
    }

    fn private_key(&mut self, algorithm: KeyAlgorithm) -> Result<Secret, NotMade> {
        use aws_lc_rs::rand::SystemRandom;
        use aws_lc_rs::signature::{
            ECDSA_P256_SHA256_ASN1_SIGNING, ECDSA_P384_SHA384_ASN1_SIGNING, EcdsaKeyPair,
            Ed25519KeyPair,
        };
        let random = SystemRandom::new();
        let der = match algorithm {
            KeyAlgorithm::Rsa(_) => {
                let pair = aws_lc_rs::rsa::KeyPair::generate(aws_lc_rs::rsa::KeySize::Rsa2048);
                let der: aws_lc_rs::encoding::Pkcs8V1Der<'_> = pair.unwrap().as_der().unwrap();
                der.as_ref().to_vec()
            }
            KeyAlgorithm::P256 => {
                EcdsaKeyPair::generate_pkcs8(&ECDSA_P256_SHA256_ASN1_SIGNING, &random)
                    .unwrap()
                    .as_ref()
                    .to_vec()
            }
            KeyAlgorithm::P384 => {
                EcdsaKeyPair::generate_pkcs8(&ECDSA_P384_SHA384_ASN1_SIGNING, &random)
                    .unwrap()
                    .as_ref()
                    .to_vec()
            }
            KeyAlgorithm::Ed25519 => {
                Ed25519KeyPair::generate_pkcs8v1(&random).unwrap().as_ref().to_vec()
            }
        };
        Ok(Secret::new(der))
    }
}

fn make(recipe: &Recipe, seed: u64) -> Generated {
    recipe.make(None, &mut Fixed(seed)).unwrap()
}

fn text(recipe: &Recipe, seed: u64) -> String {
    let generated = make(recipe, seed);
    generated.content.field(field::VALUE).unwrap().expose_text().unwrap().to_owned()
}

fn password(length: usize, characters: Characters) -> Recipe {
    Recipe::Password { length, characters }
}

#[test]
fn password_has_its_length_and_of_every_class_enough() {
    let characters = Characters {
        lower: Some(2),
        upper: Some(3),
        digits: Some(4),
        symbols: Some(5),
        symbol_set: "!?".to_owned(),
        exclude: "0O1lI".to_owned(),
    };
    for seed in 0..500 {
        let made = text(&password(20, characters.clone()), seed);
        let count = |test: fn(char) -> bool| made.chars().filter(|c| test(*c)).count();
        assert_eq!(made.chars().count(), 20);
        assert!(count(|c| c.is_ascii_lowercase()) >= 2, "{made}");
        assert!(count(|c| c.is_ascii_uppercase()) >= 3, "{made}");
        assert!(count(|c| c.is_ascii_digit()) >= 4, "{made}");
        assert!(count(|c| "!?".contains(c)) >= 5, "{made}");
        assert!(!made.contains(['0', 'O', '1', 'l', 'I']), "{made}");
        assert!(made.chars().all(|c| c.is_ascii_alphanumeric() || "!?".contains(c)));
    }
}

#[test]
fn class_that_is_left_out_does_not_occur() {
    let characters = Characters { symbols: None, upper: None, ..Characters::default() };
    for seed in 0..200 {
        let made = text(&password(30, characters.clone()), seed);
        assert!(made.chars().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit()), "{made}");
    }
}

#[test]
fn impossible_characters_are_refused() {
    let refused = |length, characters: Characters| {
        password(length, characters).make(None, &mut Fixed(1)).unwrap_err().0
    };
    assert!(refused(3, Characters::default()).contains("at least 4"));
    let excluded = Characters { exclude: "0123456789".to_owned(), ..Characters::default() };
    assert!(refused(20, excluded).contains("digits"));
    let nothing = Characters {
        lower: None,
        upper: None,
        digits: None,
        symbols: Some(1),
        symbol_set: "x".to_owned(),
        exclude: String::new(),
    };
    assert!(refused(20, nothing).contains("fewer than two"));
}

/// Every character is equally likely at every place: chi square over 62 characters, whose count
/// does not divide a power of two. 61 degrees of freedom: above 120 once in 100,000 times.
#[test]
fn characters_are_uniform() {
    let characters = Characters {
        lower: Some(0),
        upper: Some(0),
        digits: Some(0),
        symbols: None,
        ..Characters::default()
    };
    let made = text(&password(62_000, characters), 7);
    for part in [&made[..31_000], &made[31_000..]] {
        let mut counts: BTreeMap<char, f64> = BTreeMap::new();
        for character in part.chars() {
            *counts.entry(character).or_default() += 1.0;
        }
        assert_eq!(counts.len(), 62);
        let chi: f64 = counts.values().map(|n| (n - 500.0) * (n - 500.0) / 500.0).sum();
        assert!(chi < 120.0, "{chi}");
    }
}

#[test]
fn draws_that_favour_low_numbers_are_thrown_away() {
    /// Gives the largest draw first, which is unfair for every bound but powers of two.
    struct Largest(bool);
    impl Entropy for Largest {
        fn fill(&mut self, bytes: &mut [u8]) {
            bytes.fill(if std::mem::replace(&mut self.0, false) { 0xff } else { 5 });
        }
        fn private_key(&mut self, _: KeyAlgorithm) -> Result<Secret, NotMade> {
            Err(NotMade(String::new()))
        }
    }
    let second = u32::from_le_bytes([5; 4]) % 62;
    assert_eq!(below(62, &mut Largest(true)), second as usize);
}

#[test]
fn known_source_gives_known_values() {
    // Fixed values: a change of how bytes become text must be a decision.
    let hex = Recipe::Token { bytes: 4, hex: true };
    let mut bytes = [0; 4];
    Fixed(3).fill(&mut bytes);
    let expected: String = bytes.iter().map(|byte| format!("{byte:02x}")).collect();
    assert_eq!(text(&hex, 3), expected);
    let url = text(&Recipe::Token { bytes: 32, hex: false }, 3);
    assert_eq!(url.len(), 43);
    assert!(url.chars().all(|c| c.is_ascii_alphanumeric() || "-_".contains(c)));
    let uuid = text(&Recipe::Uuid, 3);
    let parsed = uuid::Uuid::parse_str(&uuid).unwrap();
    assert_eq!((parsed.get_version_num(), parsed.get_variant()), (4, uuid::Variant::RFC4122));
}

#[test]
fn passphrase_has_words_of_the_list() {
    let words: Vec<&str> = include_str!("words.txt").lines().collect();
    assert_eq!(words.len(), 2048);
    let made = text(&Recipe::Passphrase { words: 7, separator: " - ".to_owned() }, 5);
    let parts: Vec<&str> = made.split(" - ").collect();
    assert_eq!(parts.len(), 7);
    assert!(parts.iter().all(|part| words.contains(part)), "{made}");
}

#[test]
fn user_name_makes_basic_auth() {
    let recipe = password(12, Characters::default());
    let made = recipe.make(Some("app"), &mut Fixed(1)).unwrap();
    assert_eq!(made.content.kind(), Kind::BasicAuth);
    assert_eq!(made.content.field(field::USERNAME).unwrap().expose(), b"app");
    assert_eq!(made.content.field(field::PASSWORD).unwrap().len(), 12);
}

#[test]
fn symmetric_keys_have_their_size() {
    for bits in [128, 192, 256] {
        let made = make(&Recipe::Aes(bits), 1);
        assert_eq!(made.content.kind(), Kind::SecretKey);
        assert_eq!(made.content.field(field::BYTES).unwrap().len(), usize::from(bits) / 8);
    }
}

#[test]
fn key_pairs_are_valid_and_tell_their_public_half() {
    for (algorithm, label) in [
        (KeyAlgorithm::Rsa(2048), "rsa"),
        (KeyAlgorithm::P256, "p256"),
        (KeyAlgorithm::P384, "p384"),
        (KeyAlgorithm::Ed25519, "ed25519"),
    ] {
        let made = make(&Recipe::KeyPair { algorithm, format: KeyFormat::Pkcs8 }, 1);
        assert_eq!(made.content.kind(), Kind::PrivateKey, "{label}");
        let public = made.public_key.unwrap();
        let again = public_half(algorithm, KeyFormat::Pkcs8, &made.content).unwrap();
        assert_eq!(again, public);
        assert!(public.starts_with("-----BEGIN PUBLIC KEY-----\n"), "{label}: {public}");
        assert!(public.lines().all(|line| line.len() <= 64), "{label}");
    }
}

#[test]
fn openssh_keys_read_back_with_the_same_public_half() {
    for algorithm in [KeyAlgorithm::Rsa(2048), KeyAlgorithm::Ed25519] {
        let made = make(&Recipe::KeyPair { algorithm, format: KeyFormat::OpenSsh }, 1);
        let pem = made.content.field(field::PEM).unwrap().expose_text().unwrap();
        let key = ssh_key::PrivateKey::from_openssh(pem).unwrap();
        assert_eq!(Some(key.public_key().to_openssh().unwrap()), made.public_key);
        let again = public_half(algorithm, KeyFormat::OpenSsh, &made.content).unwrap();
        assert_eq!(Some(again), made.public_key);
    }
    let p256 = Recipe::KeyPair { algorithm: KeyAlgorithm::P256, format: KeyFormat::OpenSsh };
    assert!(p256.make(None, &mut Fixed(1)).is_err());
}
