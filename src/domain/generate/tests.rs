//! What is made keeps its recipe, with a source that is known and with one that is not.

use std::collections::BTreeMap;

use aws_lc_rs::encoding::AsDer as _;
use proptest::prelude::*;

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

/// Computed from the same bytes outside of this program: a change of how bytes become text must be
/// a decision.
#[test]
fn known_source_gives_known_values() {
    let known = [
        (password(24, Characters::default()), "a}loL4Pz<2@i;DV0CFpqy(a."),
        (
            Recipe::Passphrase { words: 7, separator: "-".to_owned() },
            "chronic-entire-flat-south-type-office-flame",
        ),
        (Recipe::Token { bytes: 16, hex: true }, "43099a785c8a814bc492575f813e0ac9"),
        (Recipe::Token { bytes: 32, hex: false }, "QwmaeFyKgUvEkldfgT4KyV7ndznMXNehwsLxJ066mXE"),
        (Recipe::Uuid, "43099a78-5c8a-414b-8492-575f813e0ac9"),
    ];
    for (recipe, value) in known {
        assert_eq!(text(&recipe, 3), value, "{recipe:?}");
    }
    let key = make(&Recipe::Aes(128), 3);
    let bytes = key.content.field(field::BYTES).unwrap().expose();
    assert_eq!(
        bytes,
        u128::from_str_radix("43099a785c8a814bc492575f813e0ac9", 16).unwrap().to_be_bytes()
    );
    let uuid = uuid::Uuid::parse_str(&text(&Recipe::Uuid, 4)).unwrap();
    assert_eq!((uuid.get_version_num(), uuid.get_variant()), (4, uuid::Variant::RFC4122));
}

/// Out of how many equally likely outcomes each count is; far above what chance gives.
fn chi_square(counts: impl IntoIterator<Item = usize>, outcomes: usize, expected: f64) -> f64 {
    let counts: Vec<usize> = counts.into_iter().collect();
    let missing = (outcomes - counts.len()) as f64 * expected;
    counts.iter().map(|n| (*n as f64 - expected).powi(2) / expected).sum::<f64>() + missing
}

/// Mean and deviation of chi square are known; six deviations are beyond any chance. The source is
/// fixed, so the result is, too.
fn assert_uniform(what: &str, chi: f64, outcomes: usize) {
    let free = (outcomes - 1) as f64;
    let limit = free + 6.0 * (2.0 * free).sqrt();
    assert!(chi < limit, "{what}: {chi} of at most {limit}");
}

#[test]
fn words_are_uniform() {
    let recipe = Recipe::Passphrase { words: 2048 * 50, separator: "-".to_owned() };
    let made = text(&recipe, 11);
    let mut counts: BTreeMap<&str, usize> = BTreeMap::new();
    made.split('-').for_each(|word| *counts.entry(word).or_default() += 1);
    assert_uniform("words", chi_square(counts.into_values(), 2048, 50.0), 2048);
}

/// The one digit that must be there is at each place equally often.
#[test]
fn places_are_uniform() {
    let characters = Characters {
        lower: Some(9),
        digits: Some(1),
        upper: None,
        symbols: None,
        ..Characters::default()
    };
    let recipe = password(10, characters);
    let mut source = Fixed(23);
    let mut counts = [0; 10];
    for _ in 0..20_000 {
        let made = recipe.make(None, &mut source).unwrap();
        let made = made.content.field(field::VALUE).unwrap().expose_text().unwrap();
        counts[made.find(|c: char| c.is_ascii_digit()).unwrap()] += 1;
    }
    assert_uniform("places", chi_square(counts, 10, 2_000.0), 10);
}

#[test]
fn no_two_values_of_one_source_are_the_same() {
    let mut source = Fixed(5);
    for recipe in [
        password(16, Characters::default()),
        Recipe::Passphrase { words: 6, separator: "-".to_owned() },
        Recipe::Token { bytes: 16, hex: false },
        Recipe::Uuid,
    ] {
        let mut seen = std::collections::BTreeSet::new();
        for _ in 0..5_000 {
            let made = recipe.make(None, &mut source).unwrap();
            let value = made.content.field(field::VALUE).unwrap().expose().to_vec();
            assert!(seen.insert(value), "{recipe:?}");
        }
    }
}

fn classes() -> impl Strategy<Value = Characters> {
    let least = || proptest::option::of(0_usize..6);
    // Letters and digits among them: a character counts in the first class that has it.
    let some = |least: usize| proptest::collection::vec("[a-cA-C0-3!?äß€]", least..12);
    (least(), least(), least(), least(), some(1), some(0)).prop_map(
        |(lower, upper, digits, symbols, set, exclude)| Characters {
            lower,
            upper,
            digits,
            symbols,
            symbol_set: set.concat(),
            exclude: exclude.concat(),
        },
    )
}

proptest! {
    #[test]
    fn password_obeys_whatever_is_asked(wanted in classes(), length in 1_usize..64, seed: u64) {
        let made = password(length, wanted.clone()).make(None, &mut Fixed(seed));
        prop_assert_eq!(made.is_ok(), wanted.check(length).is_ok());
        let Ok(made) = made else { return Ok(()) };
        let made = made.content.field(field::VALUE).unwrap().expose_text().unwrap();
        prop_assert_eq!(made.chars().count(), length);
        prop_assert!(!made.chars().any(|c| wanted.exclude.contains(c)));
        // What a class before it has is no symbol.
        let symbol = |c: char| {
            wanted.symbol_set.contains(c)
                && !(wanted.lower.is_some() && c.is_ascii_lowercase())
                && !(wanted.upper.is_some() && c.is_ascii_uppercase())
                && !(wanted.digits.is_some() && c.is_ascii_digit())
        };
        let count = |test: &dyn Fn(char) -> bool| made.chars().filter(|c| test(*c)).count();
        let mut told = 0;
        for (least, test) in [
            (wanted.lower, &(|c: char| c.is_ascii_lowercase()) as &dyn Fn(char) -> bool),
            (wanted.upper, &|c: char| c.is_ascii_uppercase()),
            (wanted.digits, &|c: char| c.is_ascii_digit()),
            (wanted.symbols, &symbol),
        ] {
            if let Some(least) = least {
                let count = count(test);
                prop_assert!(count >= least, "{} of {}", count, least);
                told += count;
            }
        }
        prop_assert_eq!(told, length, "every character is of a class that is asked for");
    }

    #[test]
    fn tokens_carry_all_their_bytes(bytes in 1_usize..200, seed: u64) {
        use base64::Engine as _;
        let mut drawn = vec![0; bytes];
        Fixed(seed).fill(&mut drawn);
        let url = text(&Recipe::Token { bytes, hex: false }, seed);
        let decoded = base64::engine::general_purpose::URL_SAFE_NO_PAD.decode(url).unwrap();
        prop_assert_eq!(&decoded, &drawn);
        let hex = text(&Recipe::Token { bytes, hex: true }, seed);
        let expected: String = drawn.iter().map(|byte| format!("{byte:02x}")).collect();
        prop_assert_eq!(hex, expected);
    }
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
