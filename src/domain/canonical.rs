//! Canonical bytes of content: the injective, length-framed form.
//!
//! ```text
//! frame  = "coffer-fp" version field(type code) u64(number of fields) { field(name) field(value) }
//! version = one byte, 1
//! field(x) = u64(length of x in bytes) x            u64 = 8 bytes, little endian
//! ```
//!
//! Every length stands before what it measures, so no two different contents share a frame. The
//! frame is what fingerprints are computed over, and what vaults store that keep a whole content
//! as one blob. Leaves the MAC to [`fingerprint`](super::fingerprint) and encryption to adapters.

use super::kind::{Content, Kind};
use super::material::Secret;

const LABEL: &[u8] = b"coffer-fp";
const VERSION: u8 = 1;

/// Hands the frame of `content` to `sink` piece by piece, values without a copy.
pub fn write(content: &Content, mut sink: impl FnMut(&[u8])) {
    sink(LABEL);
    sink(&[VERSION]);
    framed(&mut sink, content.kind().code().as_bytes());
    sink(&length(content.fields().len()));
    for (name, value) in content.fields() {
        framed(&mut sink, name.as_bytes());
        framed(&mut sink, value.expose());
    }
}

/// The frame as one secret, in a buffer that is allocated once.
#[must_use]
pub fn encode(content: &Content) -> Secret {
    let mut size = 0;
    write(content, |piece| size += piece.len());
    let mut bytes = Vec::with_capacity(size);
    write(content, |piece| bytes.extend_from_slice(piece));
    Secret::new(bytes)
}

/// The content of a frame made by [`encode`], exactly.
///
/// # Errors
/// When the bytes are not a frame of this version. Any bytes are safe to pass.
pub fn decode(frame: &Secret) -> Result<Content, InvalidFrame> {
    let mut reader = Reader { rest: frame.expose() };
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
    let mut rest = Some(frame.expose());
    write(&content, |piece| rest = rest.and_then(|rest| rest.strip_prefix(piece)));
    if rest == Some(&[]) { Ok(content) } else { Err(InvalidFrame) }
}

/// The bytes are not canonical bytes of a secret.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("not the canonical bytes of a secret")]
pub struct InvalidFrame;

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
