//! Text: passwords, passphrases, tokens, UUIDs.
//!
//! Whatever holds a part of a value on its way has its final size from the start and is wiped: a
//! buffer that grows leaves its former place behind as it is.
//!
//! The word list is the English one of BIP-39 (2,048 words, MIT licence: see `words.LICENSE`): no
//! two words share their first four letters, and every word is worth 11 bits.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use zeroize::Zeroizing;

use super::{Entropy, NotMade, below};
use crate::domain::material::Secret;

/// Symbols of passwords unless others are given. Without quotes, backslash and space, which shells,
/// connection strings and configuration files treat specially.
pub const DEFAULT_SYMBOLS: &str = "!#%&()*+,-./:;<=>?@[]^_{|}~";

const LOWER: &str = "abcdefghijklmnopqrstuvwxyz";
const UPPER: &str = "ABCDEFGHIJKLMNOPQRSTUVWXYZ";
const DIGITS: &str = "0123456789";

static WORDS: &str = include_str!("words.txt");

/// Characters of a password: of each class at least so many; `None` leaves the class out.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Characters {
    /// `a` to `z`.
    pub lower: Option<usize>,
    /// `A` to `Z`.
    pub upper: Option<usize>,
    /// `0` to `9`.
    pub digits: Option<usize>,
    /// Those of `symbol_set`.
    pub symbols: Option<usize>,
    /// What counts as a symbol.
    pub symbol_set: String,
    /// Never used, of whatever class.
    pub exclude: String,
}

impl Default for Characters {
    fn default() -> Self {
        Self {
            lower: Some(1),
            upper: Some(1),
            digits: Some(1),
            symbols: Some(1),
            symbol_set: DEFAULT_SYMBOLS.to_owned(),
            exclude: String::new(),
        }
    }
}

impl Characters {
    /// What is wrong with these characters for a password of this length, if anything.
    ///
    /// # Errors
    /// In words for the user.
    pub fn check(&self, length: usize) -> Result<(), NotMade> {
        let classes = self.classes();
        let needed: usize = classes.iter().map(|(_, least, _)| least).sum();
        if needed > length {
            return Err(NotMade(format!(
                "the classes need at least {needed} characters, the length is {length}"
            )));
        }
        if let Some((name, ..)) = classes.iter().find(|(_, _, set)| set.is_empty()) {
            return Err(NotMade(format!("all characters of the class {name} are excluded")));
        }
        let all: usize = classes.iter().map(|(.., set)| set.len()).sum();
        if all < 2 {
            return Err(NotMade("there are fewer than two characters to choose from".to_owned()));
        }
        Ok(())
    }

    /// A password: the characters that each class must have, the rest from all of them, shuffled.
    pub(super) fn password(
        &self,
        length: usize,
        entropy: &mut dyn Entropy,
    ) -> Result<Secret, NotMade> {
        self.check(length)?;
        let classes = self.classes();
        let all: Vec<char> = classes.iter().flat_map(|(.., set)| set.iter().copied()).collect();
        let mut chosen = Zeroizing::new(Vec::with_capacity(length));
        for (_, least, set) in &classes {
            chosen.extend((0..*least).map(|_| set[below(set.len(), entropy)]));
        }
        while chosen.len() < length {
            chosen.push(all[below(all.len(), entropy)]);
        }
        // Fisher and Yates.
        for last in (1..chosen.len()).rev() {
            chosen.swap(last, below(last + 1, entropy));
        }
        let mut text = room(chosen.iter().map(|character| character.len_utf8()).sum());
        for character in chosen.iter() {
            text.extend_from_slice(character.encode_utf8(&mut [0; 4]).as_bytes());
        }
        Ok(Secret::from_zeroizing(text))
    }

    /// Name, least number and characters of each class in use. A character counts once.
    fn classes(&self) -> Vec<(&'static str, usize, Vec<char>)> {
        let mut seen = Vec::new();
        let given = [
            ("lower", self.lower, LOWER),
            ("upper", self.upper, UPPER),
            ("digits", self.digits, DIGITS),
            ("symbols", self.symbols, self.symbol_set.as_str()),
        ];
        let mut classes = Vec::new();
        for (name, least, set) in given {
            let Some(least) = least else { continue };
            let mut characters = Vec::new();
            for character in set.chars() {
                if !self.exclude.contains(character) && !seen.contains(&character) {
                    seen.push(character);
                    characters.push(character);
                }
            }
            classes.push((name, least, characters));
        }
        classes
    }
}

pub(super) fn passphrase(count: usize, separator: &str, entropy: &mut dyn Entropy) -> Secret {
    let words: Vec<&str> = WORDS.lines().collect();
    let longest = words.iter().map(|word| word.len()).max().unwrap_or_default();
    let mut text = room(count * (longest + separator.len()));
    for place in 0..count {
        if place > 0 {
            text.extend_from_slice(separator.as_bytes());
        }
        text.extend_from_slice(words[below(words.len(), entropy)].as_bytes());
    }
    Secret::from_zeroizing(text)
}

pub(super) fn token(count: usize, hex: bool, entropy: &mut dyn Entropy) -> Secret {
    let mut bytes = Zeroizing::new(vec![0; count]);
    entropy.fill(&mut bytes);
    if !hex {
        // Encodes into a buffer of the final size.
        return Secret::new(URL_SAFE_NO_PAD.encode(&*bytes).into_bytes());
    }
    let mut text = room(2 * count);
    bytes.iter().for_each(|byte| text.extend_from_slice(&hexadecimal(*byte)));
    Secret::from_zeroizing(text)
}

pub(super) fn uuid(entropy: &mut dyn Entropy) -> Secret {
    let mut bytes = Zeroizing::new([0_u8; 16]);
    entropy.fill(&mut *bytes);
    bytes[6] = bytes[6] & 0x0f | 0x40;
    bytes[8] = bytes[8] & 0x3f | 0x80;
    let mut text = room(36);
    for (place, byte) in bytes.iter().enumerate() {
        if matches!(place, 4 | 6 | 8 | 10) {
            text.push(b'-');
        }
        text.extend_from_slice(&hexadecimal(*byte));
    }
    Secret::from_zeroizing(text)
}

/// Wiping memory for so many bytes.
fn room(size: usize) -> Zeroizing<Vec<u8>> {
    Zeroizing::new(Vec::with_capacity(size))
}

const fn hexadecimal(byte: u8) -> [u8; 2] {
    const LETTERS: &[u8; 16] = b"0123456789abcdef";
    [LETTERS[(byte >> 4) as usize], LETTERS[(byte & 0x0f) as usize]]
}
