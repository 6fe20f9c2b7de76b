//! Points in time as users write and read them (RFC 3339).

use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;

/// Reads a time.
pub(super) fn parse(text: &str) -> Option<OffsetDateTime> {
    // The format wants an upper-case T and Z; both cases are allowed by the RFC.
    OffsetDateTime::parse(&text.to_ascii_uppercase(), &Rfc3339).ok()
}

/// Writes a time in UTC.
pub(super) fn format(time: OffsetDateTime) -> String {
    // Years beyond 9999 have no RFC 3339 form; no vault gives them.
    time.to_offset(time::UtcOffset::UTC).format(&Rfc3339).unwrap_or_default()
}

/// Writes a time for people: whole seconds.
pub(super) fn told(time: OffsetDateTime) -> String {
    format(time.replace_nanosecond(0).unwrap_or(time))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_written_in_utc() {
        let time = parse("2030-01-31t13:00:00+01:00").unwrap();
        assert_eq!(format(time), "2030-01-31T12:00:00Z");
        assert_eq!(parse("2030-01-31"), None);
        assert_eq!(told(parse("2030-01-31T12:00:00.5Z").unwrap()), "2030-01-31T12:00:00Z");
    }
}
