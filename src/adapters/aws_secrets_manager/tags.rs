//! Tags: the user's, and those in which coffer keeps what the service has no place for.
//!
//! `coffer:content_type`, `coffer:valid` (not before / expires at) and `coffer:fingerprint` (a print
//! that replaces the one in a version's id after a change of the key). They are written only when
//! there is something to say; a plain secret has none. Never shown as the user's; neither are
//! tags of AWS itself (`aws:`). Values are limited to letters, digits, spaces and `_.:/=+-@`, so
//! other bytes are written as `=` and two hexadecimal digits. Pure.

use std::collections::BTreeMap;

use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;

use super::wire::Tag;
use crate::domain::fingerprint::Fingerprint;
use crate::domain::port::Metadata;

/// Most tags the service takes.
const SERVICE_TAGS: usize = 50;
/// Most tags of the user's.
pub(super) const MAX_TAGS: usize = SERVICE_TAGS - 3;

const OWN: &str = "coffer:";
const RESERVED: &str = "aws:";
const CONTENT_TYPE: &str = "coffer:content_type";
const VALID: &str = "coffer:valid";
const FINGERPRINT: &str = "coffer:fingerprint";

/// What the tags of a secret say.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(super) struct Tags {
    /// The user's.
    pub(super) user: BTreeMap<String, String>,
    /// Media type.
    pub(super) content_type: Option<String>,
    /// Not to be used before.
    pub(super) not_before: Option<OffsetDateTime>,
    /// Not to be used after.
    pub(super) expires_at: Option<OffsetDateTime>,
    /// A version's id and the print that replaces its own.
    pub(super) print: Option<(String, Fingerprint)>,
}

impl Tags {
    /// Reads the tags of a secret.
    pub(super) fn read(tags: &[Tag]) -> Self {
        let mut read = Self::default();
        for Tag { key, value } in tags {
            match key.as_str() {
                CONTENT_TYPE => read.content_type = unescape(value),
                VALID => {
                    let (from, until) = value.split_once('/').unwrap_or((value, ""));
                    let time = |text: &str| OffsetDateTime::parse(text, &Rfc3339).ok();
                    (read.not_before, read.expires_at) = (time(from), time(until));
                }
                FINGERPRINT => {
                    read.print = value.split_once('@').and_then(|(print, id)| {
                        print.parse().ok().map(|print| (id.to_owned(), print))
                    });
                }
                key if key.starts_with(OWN) || key.starts_with(RESERVED) => {}
                _ => {
                    read.user.insert(key.clone(), value.clone());
                }
            }
        }
        read
    }

    /// The tags for metadata.
    pub(super) fn of(metadata: &Metadata) -> Self {
        Self {
            user: metadata.tags.clone(),
            content_type: metadata.content_type.clone(),
            not_before: metadata.not_before,
            expires_at: metadata.expires_at,
            print: None,
        }
    }

    /// As the service takes them.
    pub(super) fn write(&self) -> BTreeMap<String, String> {
        let mut tags = self.user.clone();
        let mut own = |key: &str, value: Option<String>| {
            tags.extend(value.map(|value| (key.to_owned(), value)))
        };
        own(CONTENT_TYPE, self.content_type.as_deref().map(escape));
        let time = |at: Option<OffsetDateTime>| {
            at.and_then(|at| at.format(&Rfc3339).ok()).unwrap_or_default()
        };
        if self.not_before.is_some() || self.expires_at.is_some() {
            own(VALID, Some(format!("{}/{}", time(self.not_before), time(self.expires_at))));
        }
        own(FINGERPRINT, self.print.as_ref().map(|(id, print)| format!("{print}@{id}")));
        tags
    }

    /// What of the user's tags cannot be stored, if anything.
    pub(super) fn problem(&self) -> Option<String> {
        if self.user.len() > MAX_TAGS {
            return Some(format!(
                "a secret has at most {MAX_TAGS} tags here ({SERVICE_TAGS} of the service, less \
                 those that coffer needs), these are {}",
                self.user.len()
            ));
        }
        let reserved = |key: &&String| key.starts_with(OWN) || key.starts_with(RESERVED);
        if let Some(key) = self.user.keys().find(reserved) {
            return Some(format!(
                "the tag {key:?} begins with {OWN:?} or {RESERVED:?}, which are reserved"
            ));
        }
        let long = self.content_type.as_deref().is_some_and(|text| escape(text).len() > 256);
        long.then(|| "content_type is longer than a tag of 256 characters can hold".to_owned())
    }
}

/// What to change so that `now` becomes `wanted`: tags to set, keys to remove.
pub(super) fn difference(
    now: &BTreeMap<String, String>,
    wanted: &BTreeMap<String, String>,
) -> (Vec<Tag>, Vec<String>) {
    let set = wanted
        .iter()
        .filter(|(key, value)| now.get(*key) != Some(value))
        .map(|(key, value)| Tag { key: key.clone(), value: value.clone() })
        .collect();
    let remove = now.keys().filter(|key| !wanted.contains_key(*key)).cloned().collect();
    (set, remove)
}

fn escape(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for byte in text.bytes() {
        if byte.is_ascii_alphanumeric() || b" _.:/+-@".contains(&byte) {
            escaped.push(char::from(byte));
        } else {
            escaped.push_str(&format!("={byte:02X}"));
        }
    }
    escaped
}

fn unescape(text: &str) -> Option<String> {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let Some((first, others)) = rest.split_first() {
        rest = others;
        if *first == b'=' {
            let (digits, others) = rest.split_first_chunk::<2>()?;
            let digits = std::str::from_utf8(digits).ok()?;
            bytes.push(u8::from_str_radix(digits, 16).ok()?);
            rest = others;
        } else {
            bytes.push(*first);
        }
    }
    String::from_utf8(bytes).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read_back(tags: &Tags) -> Tags {
        let written: Vec<Tag> =
            tags.write().into_iter().map(|(key, value)| Tag { key, value }).collect();
        assert!(written.iter().all(|tag| tag.value.len() <= 256));
        Tags::read(&written)
    }

    #[test]
    fn what_is_written_is_read() {
        let print: Fingerprint =
            "cfp1.h2.abcdefgh.CQkJCQkJCQkJCQkJCQkJCQ.AAAAAAAAAAAAAAAAAAAAAAAAAAA".parse().unwrap();
        let time = OffsetDateTime::from_unix_timestamp(1_700_000_000).unwrap();
        let tags = Tags {
            user: BTreeMap::from([("env".to_owned(), "prod".to_owned())]),
            content_type: Some("text/plain; charset=\"utf-8\"".to_owned()),
            not_before: None,
            expires_at: Some(time),
            print: Some(("x".repeat(64), print)),
        };
        assert_eq!(read_back(&tags), tags);
        assert_eq!(read_back(&Tags::default()), Tags::default());
        assert!(Tags::default().write().is_empty());
    }

    #[test]
    fn tags_of_aws_are_not_the_users() {
        let tag = |key: &str| Tag { key: key.to_owned(), value: "v".to_owned() };
        let read = Tags::read(&[tag("aws:cloudformation:stack-id"), tag("own"), tag("coffer:new")]);
        assert_eq!(read.user.into_keys().collect::<Vec<_>>(), ["own"]);
    }

    #[test]
    fn reserved_and_too_many_tags_are_refused() {
        let with = |keys: &[String]| Tags {
            user: keys.iter().map(|key| (key.clone(), String::new())).collect(),
            ..Tags::default()
        };
        assert!(with(&["aws:x".to_owned()]).problem().is_some());
        assert!(with(&["coffer:x".to_owned()]).problem().is_some());
        let many: Vec<String> = (0..=MAX_TAGS).map(|n| n.to_string()).collect();
        assert!(with(&many).problem().is_some());
        assert_eq!(with(&many[1..]).problem(), None);
    }

    #[test]
    fn only_differences_are_written() {
        let map = |pairs: &[(&str, &str)]| -> BTreeMap<String, String> {
            pairs.iter().map(|(k, v)| ((*k).to_owned(), (*v).to_owned())).collect()
        };
        let (set, remove) = difference(
            &map(&[("a", "1"), ("b", "2"), ("c", "3")]),
            &map(&[("a", "1"), ("b", "9")]),
        );
        assert_eq!(set, [Tag { key: "b".to_owned(), value: "9".to_owned() }]);
        assert_eq!(remove, ["c"]);
    }
}
