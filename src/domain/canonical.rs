//! Canonical bytes of content: the injective, length-framed form.
//!
//! ```text
//! frame  = "coffer-fp" version field(type code) u64(number of fields) { field(name) field(value) }
//! version = one byte, 1
//! field(x) = u64(length of x in bytes) x            u64 = 8 bytes, little endian
//! ```
//!
//! Every length stands before what it measures, so no two different contents share a frame. There
//! are two of a content: [`write`] frames its canonical fields, for fingerprints; [`encode`] frames
//! its fields as they are, for vaults that keep a whole content as one blob. They differ for types
//! whose encoding says less than its bytes, such as a private key (ADR 0008). Leaves what canonical
//! fields are to [`kind`](super::kind), the MAC to [`fingerprint`](super::fingerprint) and
//! encryption to adapters.

use super::kind::{Content, Kind};
use super::material::Secret;

const LABEL: &[u8] = b"coffer-fp";
const VERSION: u8 = 1;

/// Hands the frame of the canonical fields of `content` to `sink`, piece by piece.
pub fn write(content: &Content, sink: impl FnMut(&[u8])) {
    let canonical = content.canonical_fields();
    frame(content.kind(), canonical.as_deref().unwrap_or_else(|| content.fields()), sink);
}

/// The frame of the canonical fields as one secret.
#[must_use]
pub fn bytes(content: &Content) -> Secret {
    let canonical = content.canonical_fields();
    collect(content.kind(), canonical.as_deref().unwrap_or_else(|| content.fields()))
}

/// The frame of the fields as they are, as one secret.
#[must_use]
pub fn encode(content: &Content) -> Secret {
    collect(content.kind(), content.fields())
}

/// The content of a frame made by [`encode`], exactly.
///
/// # Errors
/// When the bytes are not a frame of this version. Any bytes are safe to pass.
pub fn decode(encoded: &Secret) -> Result<Content, InvalidFrame> {
    let mut reader = Reader { rest: encoded.expose() };
    if reader.take(LABEL.len())? != LABEL || reader.take(1)? != [VERSION] {
        return Err(InvalidFrame);
    }
    let kind = Kind::parse(reader.text()?).ok_or(InvalidFrame)?;
    let count = reader.length()?;
    let mut fields = Vec::new();
    for _ in 0..count {
        let name = reader.text()?.to_owned();
        fields.push((name, Secret::new(reader.framed()?.to_vec())));
    }
    if !reader.rest.is_empty() {
        return Err(InvalidFrame);
    }
    let content = Content::restore(kind, fields).map_err(|_| InvalidFrame)?;
    // Fields in another order than the canonical one would make a second frame of one content.
    let mut rest = Some(encoded.expose());
    frame(content.kind(), content.fields(), |piece| {
        rest = rest.and_then(|rest| rest.strip_prefix(piece))
    });
    if rest == Some(&[]) { Ok(content) } else { Err(InvalidFrame) }
}

/// The bytes are not canonical bytes of a secret.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("not the canonical bytes of a secret")]
pub struct InvalidFrame;

fn frame(kind: Kind, fields: &[(String, Secret)], mut sink: impl FnMut(&[u8])) {
    sink(LABEL);
    sink(&[VERSION]);
    framed(&mut sink, kind.code().as_bytes());
    sink(&length(fields.len()));
    for (name, value) in fields {
        framed(&mut sink, name.as_bytes());
        framed(&mut sink, value.expose());
    }
}

/// The frame in a buffer that is allocated once.
fn collect(kind: Kind, fields: &[(String, Secret)]) -> Secret {
    let mut size = 0;
    frame(kind, fields, |piece| size += piece.len());
    let mut bytes = Vec::with_capacity(size);
    frame(kind, fields, |piece| bytes.extend_from_slice(piece));
    Secret::new(bytes)
}

fn framed(sink: &mut impl FnMut(&[u8]), bytes: &[u8]) {
    sink(&length(bytes.len()));
    sink(bytes);
}

const fn length(bytes: usize) -> [u8; 8] {
    (bytes as u64).to_le_bytes()
}

struct Reader<'f> {
    rest: &'f [u8],
}

impl<'f> Reader<'f> {
    fn take(&mut self, length: usize) -> Result<&'f [u8], InvalidFrame> {
        let (taken, rest) = self.rest.split_at_checked(length).ok_or(InvalidFrame)?;
        self.rest = rest;
        Ok(taken)
    }

    fn length(&mut self) -> Result<usize, InvalidFrame> {
        let (bytes, rest) = self.rest.split_first_chunk().ok_or(InvalidFrame)?;
        self.rest = rest;
        usize::try_from(u64::from_le_bytes(*bytes)).map_err(|_| InvalidFrame)
    }

    fn framed(&mut self) -> Result<&'f [u8], InvalidFrame> {
        let length = self.length()?;
        self.take(length)
    }

    fn text(&mut self) -> Result<&'f str, InvalidFrame> {
        std::str::from_utf8(self.framed()?).map_err(|_| InvalidFrame)
    }
}

#[cfg(test)]
mod tests;
