//! Ids of the versions that coffer writes.
//!
//! The service lets the caller choose the id of a version (`ClientRequestToken`, 32 to 64
//! characters) and treats a second write under the same id as the same write. So the id says
//! everything coffer wants to know about a version, and needs neither tags nor labels:
//!
//! ```text
//! 1 character    type, layout and algorithm of the fingerprint; a letter that no hexadecimal
//!                number begins with
//! 8 characters   key id of the fingerprint, eight dashes for one made without a key
//! 22 characters  salt of the fingerprint
//! 27 characters  tag of the fingerprint (a keyed hash of the content)
//! 1-6 characters number of the version, decimal
//! ```
//!
//! Everything else (UUIDs of the console, hashes of other tools) is somebody else's version. Ids
//! show up in CloudTrail and in listings; they tell as much about content as a fingerprint in
//! state does. Source: API reference, PutSecretValue.

use crate::domain::fingerprint::Fingerprint;
use crate::domain::kind::Kind;
use crate::domain::layout::Layout;

/// In the order of their letters; new types go to the end.
const KINDS: [Kind; 8] = [
    Kind::Generic,
    Kind::ApiKey,
    Kind::JwtToken,
    Kind::BasicAuth,
    Kind::PrivateKey,
    Kind::SecretKey,
    Kind::KeyStore,
    Kind::KeyValue,
];

/// Four letters for each type: native and envelope with a key, native and envelope without.
const LETTERS: &[u8; 32] = b"ghijklmnopqrstuvGHIJKLMNOPQRSTUV";

const NO_KEY: &str = "--------";
const LARGEST_NUMBER: u64 = 999_999;

/// What the id of a version says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct VersionId {
    /// Number of the version.
    pub(super) number: u64,
    /// Type of its content.
    pub(super) kind: Kind,
    /// How it lies there.
    pub(super) layout: Layout,
    /// Print of the content.
    pub(super) fingerprint: Fingerprint,
}

impl VersionId {
    /// The id; `None` when the number is too large for it.
    pub(super) fn encode(&self) -> Option<String> {
        if self.number == 0 || self.number > LARGEST_NUMBER {
            return None;
        }
        let kind = KINDS.iter().position(|kind| *kind == self.kind)?;
        let mut parts = self.fingerprint.as_str().split('.').skip(2);
        let (kid, salt, tag) = (parts.next()?, parts.next()?, parts.next()?);
        let keyless = self.fingerprint.key_id().is_none();
        let place =
            kind * 4 + usize::from(keyless) * 2 + usize::from(self.layout == Layout::Envelope);
        let letter = char::from(*LETTERS.get(place)?);
        let kid = if keyless { NO_KEY } else { kid };
        Some(format!("{letter}{kid}{salt}{tag}{}", self.number))
    }

    /// What an id says; `None` for somebody else's.
    pub(super) fn parse(id: &str) -> Option<Self> {
        if !id.is_ascii() || id.len() < 59 || id.len() > 64 {
            return None;
        }
        let place = LETTERS.iter().position(|letter| *letter == id.as_bytes()[0])?;
        let (kind, keyless, envelope) = (place / 4, place & 2 != 0, place & 1 != 0);
        let (kid, salt, tag, number) = (&id[1..9], &id[9..31], &id[31..58], &id[58..]);
        let print = match (keyless, kid) {
            (true, NO_KEY) => format!("cfp1.a2.-.{salt}.{tag}"),
            (true, _) => return None,
            (false, kid) => format!("cfp1.h2.{kid}.{salt}.{tag}"),
        };
        if number.starts_with('0') || !number.bytes().all(|byte| byte.is_ascii_digit()) {
            return None;
        }
        Some(Self {
            number: number.parse().ok()?,
            kind: *KINDS.get(kind)?,
            layout: if envelope { Layout::Envelope } else { Layout::Native },
            fingerprint: print.parse().ok()?,
        })
    }

    /// True for the same content in the same form, whatever the number.
    pub(super) fn same_content(&self, other: &Self) -> bool {
        self.kind == other.kind
            && self.layout == other.layout
            && self.fingerprint == other.fingerprint
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::fingerprint::{Key, KeyRing, Salt};
    use crate::domain::kind::Content;
    use crate::domain::material::Secret;

    fn print(keyed: bool) -> Fingerprint {
        let key = keyed.then(|| Key::new(Secret::new(vec![7; 32])).unwrap());
        let content = Content::generic(Secret::from("v")).unwrap();
        KeyRing::new(key, Vec::new()).fingerprint(&content, Salt([9; 16]))
    }

    #[test]
    fn every_id_says_what_went_into_it_and_fits() {
        assert_eq!(KINDS.len(), Kind::ALL.len());
        let mut seen = std::collections::BTreeSet::new();
        for keyed in [true, false] {
            let fingerprint = print(keyed);
            for kind in Kind::ALL {
                for layout in Layout::ALL {
                    for number in [1, 42, 999_999] {
                        let fingerprint = fingerprint.clone();
                        let version = VersionId { number, kind, layout, fingerprint };
                        let id = version.encode().unwrap();
                        assert!((32..=64).contains(&id.len()), "{id}");
                        assert_eq!(VersionId::parse(&id), Some(version));
                        assert!(seen.insert(id));
                    }
                }
            }
        }
    }

    #[test]
    fn ids_of_others_say_nothing() {
        let fingerprint = print(true);
        let version =
            VersionId { number: 1, kind: Kind::Generic, layout: Layout::Native, fingerprint };
        let own = version.encode().unwrap();
        for id in [
            "",
            "EXAMPLE1-90ab-cdef-fedc-ba987EXAMPLE",
            &"a".repeat(64),
            "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08",
            &own[..58],
            &format!("{own}x"),
            &format!("{}0", &own[..58]),
            &format!("Z{}", &own[1..]),
            &own.replacen('g', "h", 1).replace('_', "!"),
        ] {
            if id != own.replacen('g', "h", 1) {
                assert_eq!(VersionId::parse(id), None, "{id}");
            }
        }
    }

    #[test]
    fn number_beyond_the_form_has_no_id() {
        let fingerprint = print(true);
        let (kind, layout) = (Kind::Generic, Layout::Native);
        for number in [0, 1_000_000] {
            let fingerprint = fingerprint.clone();
            assert_eq!(VersionId { number, kind, layout, fingerprint }.encode(), None);
        }
    }
}
