//! One event as one hclog line.
//!
//! Invariants: `@message` and `@level` are strings and `@timestamp` parses, because the host
//! crashes or falls back to plain text otherwise; a line is shorter than the 64 KiB at which the
//! host splits it.
//! Source: go-plugin's log entry: `2006-01-02T15:04:05.000000Z07:00`.

use std::fmt;

use serde_json::{Map, Value};
use time::OffsetDateTime;
use time::format_description::BorrowedFormatItem;
use time::macros::format_description;
use tracing::Level;
use tracing::field::{Field, Visit};

const TIMESTAMP: &[BorrowedFormatItem<'_>] =
    format_description!("[year]-[month]-[day]T[hour]:[minute]:[second].[subsecond digits:6]Z");

/// Longest text of one field, in bytes.
const TEXT_LIMIT: usize = 4 << 10;
/// Longest line, in bytes; the host's buffer is 64 KiB.
const LINE_LIMIT: usize = 60 << 10;

/// The fields of an event or a span.
#[derive(Debug, Default)]
pub(super) struct Fields(Map<String, Value>);

impl Fields {
    /// Takes over fields that are not there yet.
    pub(super) fn inherit(&mut self, outer: &Self) {
        for (name, value) in &outer.0 {
            if !self.0.contains_key(name) {
                self.0.insert(name.clone(), value.clone());
            }
        }
    }

    /// The whole line with its end.
    pub(super) fn line(mut self, level: Level, module: &str, now: OffsetDateTime) -> String {
        let message = match self.0.remove("message") {
            Some(Value::String(text)) => text,
            _ => String::new(),
        };
        let timestamp = now.format(TIMESTAMP).unwrap_or_default();
        let mut head = Map::new();
        head.insert("@level".into(), level.as_str().to_ascii_lowercase().into());
        head.insert("@message".into(), message.into());
        head.insert("@module".into(), module.into());
        head.insert("@timestamp".into(), timestamp.into());
        let mut short = head.clone();
        head.extend(self.0);
        let mut line = Value::Object(head).to_string();
        if line.len() > LINE_LIMIT {
            short.insert("truncated".into(), true.into());
            line = Value::Object(short).to_string();
        }
        line.push('\n');
        line
    }

    fn insert(&mut self, field: &Field, value: Value) {
        // A field cannot pose as one of the host's.
        let name = field.name().trim_start_matches('@');
        self.0.insert(name.to_owned(), value);
    }
}

impl Visit for Fields {
    fn record_str(&mut self, field: &Field, value: &str) {
        self.insert(field, limited(value).into());
    }

    fn record_bool(&mut self, field: &Field, value: bool) {
        self.insert(field, value.into());
    }

    fn record_i64(&mut self, field: &Field, value: i64) {
        self.insert(field, value.into());
    }

    fn record_u64(&mut self, field: &Field, value: u64) {
        self.insert(field, value.into());
    }

    fn record_f64(&mut self, field: &Field, value: f64) {
        self.insert(field, value.into());
    }

    fn record_debug(&mut self, field: &Field, value: &dyn fmt::Debug) {
        self.insert(field, limited(&format!("{value:?}")).into());
    }
}

/// Cuts at a character boundary and says how much is missing.
fn limited(text: &str) -> String {
    if text.len() <= TEXT_LIMIT {
        return text.to_owned();
    }
    let end = (0..=TEXT_LIMIT).rev().find(|&i| text.is_char_boundary(i)).unwrap_or(0);
    format!("{}… ({} bytes more)", &text[..end], text.len() - end)
}

#[cfg(test)]
mod tests {
    use time::macros::datetime;

    use super::*;

    const NOW: OffsetDateTime = datetime!(2026-01-02 03:04:05.000_006_7 UTC);

    fn fields(pairs: &[(&str, Value)]) -> Fields {
        Fields(pairs.iter().map(|(k, v)| ((*k).to_owned(), v.clone())).collect())
    }

    fn parsed(line: &str) -> Value {
        assert!(line.ends_with('\n') && line.len() < 64 << 10);
        assert_eq!(line.matches('\n').count(), 1, "one event, one line");
        serde_json::from_str(line).unwrap()
    }

    #[test]
    fn line_has_the_keys_the_host_reads() {
        let fields = fields(&[("message", "two\nlines".into()), ("n", 1.into())]);
        let line = parsed(&fields.line(Level::WARN, "provider", NOW));
        assert_eq!(line["@level"], "warn");
        assert_eq!(line["@message"], "two\nlines");
        assert_eq!(line["@module"], "provider");
        assert_eq!(line["@timestamp"], "2026-01-02T03:04:05.000006Z");
        assert_eq!(line["n"], 1);
    }

    #[test]
    fn message_is_a_string_even_when_absent() {
        let line = parsed(&fields(&[("message", 7.into())]).line(Level::INFO, "provider", NOW));
        assert_eq!(line["@message"], "");
    }

    #[test]
    fn long_texts_and_lines_are_cut() {
        let long = "ü".repeat(TEXT_LIMIT);
        let cut = limited(&long);
        assert!(cut.len() < TEXT_LIMIT + 40 && cut.ends_with("bytes more)"));
        let names: Vec<String> = (0..40).map(|n| format!("field{n}")).collect();
        let many: Vec<(&str, Value)> =
            names.iter().map(|n| (n.as_str(), cut.clone().into())).collect();
        let line = parsed(&fields(&many).line(Level::INFO, "provider", NOW));
        assert_eq!(line["truncated"], true);
        assert_eq!(line["@level"], "info");
    }

    #[test]
    fn inner_fields_win() {
        let mut inner = fields(&[("a", 1.into())]);
        inner.inherit(&fields(&[("a", 2.into()), ("b", 3.into())]));
        assert_eq!((inner.0["a"].clone(), inner.0["b"].clone()), (1.into(), 3.into()));
    }
}
