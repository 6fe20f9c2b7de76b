//! What coffer writes into the name of a version.
//!
//! A version's name is unique within its secret, never changes and can be read without the right
//! to read values. So it carries what belongs to one version: its print, its type, its layout and
//! the nonce of the write that made it.
//!
//! ```text
//! cfp1.h2.<kid>.<salt>.<tag>.<type><layout>.<nonce>      93 characters, or 86
//! ```
//!
//! The nonce makes the name unique (the same content may come again) and lets a write whose answer
//! was lost be found.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;

use crate::domain::fingerprint::Fingerprint;
use crate::domain::kind::Kind;
use crate::domain::layout::Layout;

/// What a name of coffer's says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct VersionName {
    pub fingerprint: Fingerprint,
    pub kind: Kind,
    pub layout: Layout,
    pub nonce: [u8; 16],
}

const KINDS: [(char, Kind); 8] = [
    ('g', Kind::Generic),
    ('a', Kind::ApiKey),
    ('j', Kind::JwtToken),
    ('b', Kind::BasicAuth),
    ('p', Kind::PrivateKey),
    ('s', Kind::SecretKey),
    ('k', Kind::KeyStore),
    ('v', Kind::KeyValue),
];
const LAYOUTS: [(char, Layout); 2] = [('n', Layout::Native), ('e', Layout::Envelope)];

impl VersionName {
    /// The text.
    pub(super) fn encode(&self) -> String {
        let kind = KINDS.iter().find(|(_, kind)| *kind == self.kind).map_or('g', |(code, _)| *code);
        let layout = LAYOUTS
            .iter()
            .find(|(_, layout)| *layout == self.layout)
            .map_or('n', |(code, _)| *code);
        let nonce = URL_SAFE_NO_PAD.encode(self.nonce);
        format!("{}.{kind}{layout}.{nonce}", self.fingerprint.as_str())
    }

    /// Reads a name; `None` for one that somebody else gave.
    pub(super) fn parse(text: &str) -> Option<Self> {
        let (rest, nonce) = text.rsplit_once('.')?;
        let (fingerprint, codes) = rest.rsplit_once('.')?;
        let mut codes = codes.chars();
        let (kind, layout) = (codes.next()?, codes.next()?);
        if codes.next().is_some() {
            return None;
        }
        Some(Self {
            fingerprint: fingerprint.parse().ok()?,
            kind: KINDS.iter().find(|(code, _)| *code == kind)?.1,
            layout: LAYOUTS.iter().find(|(code, _)| *code == layout)?.1,
            nonce: URL_SAFE_NO_PAD.decode(nonce).ok()?.try_into().ok()?,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const PRINT: &str = "cfp1.h2.abcdefgh.AAAAAAAAAAAAAAAAAAAAAA.AAAAAAAAAAAAAAAAAAAAAAAAAAA";

    #[test]
    fn name_comes_back_and_fits_the_alphabet() {
        for kind in Kind::ALL {
            for layout in Layout::ALL {
                let fingerprint = PRINT.parse().unwrap();
                let name = VersionName { fingerprint, kind, layout, nonce: [0xfb; 16] };
                let text = name.encode();
                assert_eq!(text.len(), 93);
                assert!(text.chars().all(|c| c.is_ascii_alphanumeric() || "._-".contains(c)));
                assert_eq!(VersionName::parse(&text), Some(name));
            }
        }
    }

    #[test]
    fn other_names_are_somebody_elses() {
        for text in ["", "v1", "2024-01-01", PRINT, &format!("{PRINT}.gn.short"), "a.b.c"] {
            assert_eq!(VersionName::parse(text), None, "{text}");
        }
    }
}
