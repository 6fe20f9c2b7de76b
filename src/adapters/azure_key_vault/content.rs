//! Content as the text that lies in a vault, and its media type.
//!
//! Responsible for the size limit, for the media type beside a user's own, and for reading what
//! others stored. Leaves the layout itself to [`domain::layout`](crate::domain::layout).

use super::history::Entry;
use super::marks::Marks;
use crate::adapters::http::SecretText;
use crate::domain::kind::{Content, Kind, field};
use crate::domain::layout::{self, Form, Layout, Shape};
use crate::domain::material::Secret;

/// Largest value: 25 KB of UTF-8, after encoding.
pub(super) const MAX_VALUE_BYTES: usize = 25_600;
/// Longest media type.
pub(super) const MAX_MEDIA_CHARS: usize = 255;

/// Says to every reader that the text is base64.
const BASE64: &str = ";encoding=base64";
/// Media type of the layout `envelope`.
const ENVELOPE: &str = "application/vnd.coffer+json";

/// Content in the form in which it lies in a vault.
#[derive(Debug)]
pub(super) struct Stored {
    pub(super) text: SecretText,
    pub(super) media: String,
}

/// The form of content, if the vault holds it.
///
/// # Errors
/// What does not fit, without content.
pub(super) fn store(content: &Content) -> Result<Stored, String> {
    let form = layout::write(content, Layout::Native, Shape::Text);
    let form = form.map_err(|unfit| format!("this vault cannot hold it: {}", unfit.rule))?;
    let Form::Text { text, content_type } = form else {
        return Err("this vault holds text only".to_owned());
    };
    if text.len() > MAX_VALUE_BYTES {
        return Err(format!(
            "this vault holds values of at most {MAX_VALUE_BYTES} bytes, and in the form in which \
             it would lie there (encoding counts) this one is larger; keep it in a vault that \
             holds larger values"
        ));
    }
    Ok(Stored { text: SecretText(text), media: content_type })
}

/// What a value is.
///
/// # Errors
/// When it is not what coffer noted.
pub(super) fn read(entry: &Entry, value: Secret) -> Result<Content, String> {
    let noted = entry.marks.as_ref();
    let kind = noted.and_then(|marks| marks.kind);
    let own = noted.and_then(|marks| marks.media.clone());
    let content_type = own.or_else(|| entry.item.content_type.clone()).unwrap_or_default();
    let layout = if content_type.starts_with(ENVELOPE) { Layout::Envelope } else { Layout::Native };
    let form = Form::Text { text: value, content_type };
    match (layout::read(kind.unwrap_or(Kind::Generic), layout, &form), kind, form) {
        (Ok(content), ..) => Ok(content),
        // Somebody else's, with a media type that says more than is true.
        (Err(_), None, Form::Text { text, .. }) => {
            Content::restore(Kind::Generic, vec![(field::VALUE.to_owned(), text)])
                .map_err(|error| error.to_string())
        }
        (Err(unreadable), ..) => Err(unreadable.to_string()),
    }
}

/// The media type as it is stored: the user's own, with what readers must know about the encoding.
pub(super) fn media_field(media: &str, users: Option<&str>) -> String {
    match users {
        None => media.to_owned(),
        Some(own) if media.ends_with(BASE64) => format!("{own}{BASE64}"),
        Some(own) => own.to_owned(),
    }
}

/// The media type that the user set, from what is stored.
pub(super) fn users_media(marks: Option<&Marks>, stored: Option<&str>) -> Option<String> {
    let stored = stored.filter(|text| !text.is_empty())?;
    let Some((marks, media)) = marks.and_then(|m| Some((m, m.media.as_deref()?))) else {
        return Some(stored.to_owned());
    };
    if !marks.user_media {
        // Whatever it is besides the layout's own was set by somebody else.
        return Some(stored.to_owned()).filter(|stored| stored != media);
    }
    let own = if media.ends_with(BASE64) { stored.strip_suffix(BASE64) } else { None };
    Some(own.unwrap_or(stored).to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn generic(bytes: &[u8]) -> Content {
        Content::restore(Kind::Generic, vec![("value".to_owned(), Secret::new(bytes.to_vec()))])
            .unwrap()
    }

    #[test]
    fn limit_counts_what_lies_in_the_vault() {
        assert!(store(&generic(&[b'x'; MAX_VALUE_BYTES])).is_ok());
        assert!(store(&generic(&[b'x'; MAX_VALUE_BYTES + 1])).unwrap_err().contains("25600"));
        // Bytes that are no text lie there in base64, four for three.
        assert!(store(&generic(&[0xff; MAX_VALUE_BYTES / 4 * 3])).is_ok());
        assert!(store(&generic(&[0xff; MAX_VALUE_BYTES / 4 * 3 + 1])).is_err());
    }

    #[test]
    fn users_media_type_comes_back_as_it_was_set() {
        for media in ["text/plain", "application/octet-stream;encoding=base64"] {
            for users in [None, Some("text/plain"), Some("a/b"), Some("a/b;encoding=base64")] {
                let marks = Marks {
                    media: Some(media.to_owned()),
                    user_media: users.is_some(),
                    ..Marks::default()
                };
                let stored = media_field(media, users);
                let read = users_media(Some(&marks), Some(&stored));
                assert_eq!(read.as_deref(), users, "{media} {stored}");
            }
        }
        assert_eq!(users_media(None, Some("a/b")).as_deref(), Some("a/b"));
        assert_eq!(users_media(None, None), None);
        let marks = Marks { media: Some("text/plain".to_owned()), ..Marks::default() };
        assert_eq!(
            users_media(Some(&marks), Some("changed/outside")).as_deref(),
            Some("changed/outside")
        );
    }
}
