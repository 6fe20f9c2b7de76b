//! Content as it lies in the vault: bytes, in base64.
//!
//! Responsible for the layout and for the service's limit. Leaves what each type looks like to
//! [`layout`](crate::domain::layout).

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use crate::adapters::http::SecretText;
use crate::domain::kind::{Content, Kind};
use crate::domain::layout::{Form, Layout, Shape, read, write};
use crate::domain::material::Secret;

/// Largest value. The documentation says 25 KB, and not of what; these are bytes before base64.
pub(in super::super) const MAX_VALUE_BYTES: usize = 25_600;

/// The value that holds the content, in base64.
///
/// # Errors
/// Why the vault cannot hold it, without content.
pub(super) fn encode(content: &Content, layout: Layout) -> Result<SecretText, String> {
    let form = write(content, layout, Shape::Bytes).map_err(|unfit| unfit.to_string())?;
    let Form::Bytes(value) = form else { unreachable!("the shape is bytes") };
    if value.is_empty() {
        return Err("this vault cannot hold an empty value".to_owned());
    }
    if value.len() > MAX_VALUE_BYTES {
        return Err(format!(
            "this vault holds values of at most {MAX_VALUE_BYTES} bytes, and in its layout this \
             one is larger; keep it in a vault that holds larger values"
        ));
    }
    Ok(SecretText(Secret::new(STANDARD.encode(value.expose()).into_bytes())))
}

/// The content of a value in base64; `None` when it is not laid out so.
pub(super) fn decode(text: &SecretText, kind: Kind, layout: Layout) -> Option<Content> {
    let value = Secret::new(STANDARD.decode(text.0.expose()).ok()?);
    read(kind, layout, &Form::Bytes(value)).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn generic(length: usize) -> Content {
        Content::generic(Secret::new(vec![b'x'; length])).unwrap()
    }

    #[test]
    fn value_comes_back_up_to_the_limit() {
        let largest = generic(MAX_VALUE_BYTES);
        let text = encode(&largest, Layout::Native).unwrap();
        assert_eq!(decode(&text, Kind::Generic, Layout::Native), Some(largest));
        assert!(encode(&generic(MAX_VALUE_BYTES + 1), Layout::Native).is_err());
        assert!(encode(&generic(MAX_VALUE_BYTES), Layout::Envelope).is_err());
    }

    #[test]
    fn value_of_another_layout_is_not_mangled() {
        let text = encode(&generic(3), Layout::Native).unwrap();
        assert_eq!(decode(&text, Kind::KeyValue, Layout::Native), None);
        assert_eq!(decode(&SecretText("%".into()), Kind::Generic, Layout::Native), None);
    }
}
