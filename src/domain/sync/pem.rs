//! Parts of a PEM bundle (RFC 7468): what servers and load balancers want in files of their own.
//!
//! Responsible for cutting text into blocks, byte for byte. Leaves what is in a block to
//! [`kind`](crate::domain::kind).

use zeroize::Zeroizing;

use crate::domain::material::Secret;

/// A part of a bundle.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Part {
    /// The only private key.
    PrivateKey,
    /// The first certificate: the server's own.
    Certificate,
    /// The certificates after the first.
    Chain,
    /// All certificates.
    FullChain,
}

impl Part {
    /// Every part, in the order of the documentation.
    pub const ALL: [Self; 4] = [Self::PrivateKey, Self::Certificate, Self::Chain, Self::FullChain];
    /// The codes of all parts.
    pub const CODES: &'static [&'static str] =
        &["private_key", "certificate", "chain", "full_chain"];

    /// The code as users write it.
    #[must_use]
    pub const fn code(self) -> &'static str {
        Self::CODES[self as usize]
    }

    /// What a key ends with for this part.
    #[must_use]
    pub const fn suffix(self) -> &'static str {
        ["-private-key", "-certificate", "-chain", "-full-chain"][self as usize]
    }

    /// The part of a code.
    #[must_use]
    pub fn parse(code: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|part| part.code() == code)
    }

    /// The blocks of this part, each ended by a line break.
    pub(super) fn of(self, text: &str) -> Result<Secret, &'static str> {
        let blocks = blocks(text)?;
        let with = |wanted: fn(&str) -> bool| -> Vec<&str> {
            blocks.iter().filter(|(label, _)| wanted(label)).map(|(_, block)| *block).collect()
        };
        let certificates = with(|label| label == "CERTIFICATE");
        let chosen = match self {
            Self::PrivateKey => match with(|label| label.ends_with("PRIVATE KEY")) {
                keys if keys.len() > 1 => return Err("holds several private keys"),
                keys if keys.is_empty() => return Err("holds no private key"),
                keys => keys,
            },
            Self::Certificate if certificates.is_empty() => return Err("holds no certificate"),
            Self::Certificate => certificates[..1].to_vec(),
            Self::FullChain if certificates.is_empty() => return Err("holds no certificate"),
            Self::FullChain => certificates,
            Self::Chain if certificates.len() < 2 => {
                return Err("holds no certificate after the first, so there is no chain");
            }
            Self::Chain => certificates[1..].to_vec(),
        };
        let size = chosen.iter().map(|block| block.len() + 1).sum();
        let mut bytes = Zeroizing::new(Vec::with_capacity(size));
        for block in chosen {
            bytes.extend_from_slice(block.as_bytes());
            bytes.push(b'\n');
        }
        Ok(Secret::from_zeroizing(bytes))
    }
}

/// The blocks by label, from `-----BEGIN` to the end of the `-----END` line.
fn blocks(text: &str) -> Result<Vec<(&str, &str)>, &'static str> {
    let mut blocks = Vec::new();
    let mut rest = text;
    while let Some(start) = rest.find("-----BEGIN ") {
        let block = &rest[start..];
        let after = &block["-----BEGIN ".len()..];
        let (label, _) = after.split_once("-----").ok_or("is not PEM text: a label has no end")?;
        let end = format!("-----END {label}-----");
        let stop = block.find(&end).ok_or("is not PEM text: a block has no end")? + end.len();
        blocks.push((label, &block[..stop]));
        rest = &block[stop..];
    }
    if blocks.is_empty() { Err("is not PEM text: it has no block") } else { Ok(blocks) }
}
