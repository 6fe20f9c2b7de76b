//! The `timeouts` attribute: how long an operation may take.
//!
//! Responsible for the schema fragment, for parsing Go-style durations (`1h30m`, `45s`, `500ms`)
//! and for reading the attribute. Leaves enforcing the limits to those who have a clock.
//! Source: the duration syntax users know from other providers (Go's `time.ParseDuration`).

use std::time::Duration;

use super::schema::{Attribute, Nesting, Presence};
use super::types::Type;
use super::validators;
use super::value::Value;

/// Name of the attribute.
pub const ATTRIBUTE: &str = "timeouts";

/// An operation that can have a limit.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Operation {
    /// Making the object.
    Create,
    /// Reading it, as refresh and data sources do.
    Read,
    /// Changing it.
    Update,
    /// Removing it.
    Delete,
}

impl Operation {
    /// Name of the nested attribute.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Create => "create",
            Self::Read => "read",
            Self::Update => "update",
            Self::Delete => "delete",
        }
    }
}

/// The optional attribute `timeouts` with a limit for each of `operations`.
#[must_use]
pub fn attribute(operations: &[Operation]) -> Attribute {
    let limits = operations.iter().map(|operation| {
        let description = format!(
            "Longest time for the {} operation, such as `30s` or `2h45m`.",
            operation.name()
        );
        let limit = Attribute::optional(Type::String, description).check(validators::duration());
        (operation.name(), limit)
    });
    Attribute::nested(
        Nesting::Single,
        Presence::Optional,
        limits,
        "How long operations may take before they are given up.",
    )
}

/// The limit that `object` (a configuration, plan or state) sets for `operation`. `None` when it
/// sets none; what cannot be parsed was reported by validation and counts as none.
#[must_use]
pub fn of(object: &Value, operation: Operation) -> Option<Duration> {
    let text = object.get(ATTRIBUTE).get(operation.name()).as_str()?;
    parse_duration(text).ok()
}

/// Why a text is not a duration. Does not repeat the text.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum DurationError {
    /// Nothing there.
    #[error("the duration is empty")]
    Empty,
    /// A part without digits.
    #[error("a number is expected before each unit")]
    Number,
    /// A number without a unit, or with one that does not exist.
    #[error("each number needs a unit: h, m, s, ms, us or ns")]
    Unit,
    /// Below zero.
    #[error("a negative duration makes no sense here")]
    Negative,
    /// More than fits.
    #[error("the duration is too long")]
    Overflow,
}

/// Parses a duration such as `1h30m`, `1.5h`, `45s` or `500ms`. A lone `0` is accepted, too.
///
/// # Errors
/// When the text has another form.
pub fn parse_duration(text: &str) -> Result<Duration, DurationError> {
    if text.starts_with('-') {
        return Err(DurationError::Negative);
    }
    let text = text.strip_prefix('+').unwrap_or(text);
    if text == "0" {
        return Ok(Duration::ZERO);
    }
    if text.is_empty() {
        return Err(DurationError::Empty);
    }
    let mut rest = text;
    let mut total: u128 = 0;
    while !rest.is_empty() {
        let (nanos, after) = part(rest)?;
        total = total.checked_add(nanos).ok_or(DurationError::Overflow)?;
        rest = after;
    }
    // Go durations end at 2^63-1 ns (292 years); the same limit keeps arithmetic with clocks safe.
    if total > i64::MAX as u128 {
        return Err(DurationError::Overflow);
    }
    u64::try_from(total).map(Duration::from_nanos).map_err(|_| DurationError::Overflow)
}

/// Nanoseconds of the first number and unit of `text`, and what follows.
fn part(text: &str) -> Result<(u128, &str), DurationError> {
    let number_end = text.find(|c: char| !c.is_ascii_digit() && c != '.').unwrap_or(text.len());
    let (number, rest) = text.split_at(number_end);
    let unit_end = rest.find(|c: char| c.is_ascii_digit() || c == '.').unwrap_or(rest.len());
    let (unit, rest) = rest.split_at(unit_end);
    let scale: u128 = match unit {
        _ if number.is_empty() => return Err(DurationError::Number),
        "h" => 3_600_000_000_000,
        "m" => 60_000_000_000,
        "s" => 1_000_000_000,
        "ms" => 1_000_000,
        "us" | "\u{b5}s" | "\u{3bc}s" => 1_000,
        "ns" => 1,
        _ => return Err(DurationError::Unit),
    };
    let (whole, fraction) = number.split_once('.').unwrap_or((number, ""));
    if whole.is_empty() && fraction.is_empty() || fraction.contains('.') {
        return Err(DurationError::Number);
    }
    let whole = if whole.is_empty() { Ok(0) } else { whole.parse::<u64>() };
    let whole = whole.map_err(|_| DurationError::Overflow)?;
    let nanos = u128::from(whole).checked_mul(scale).ok_or(DurationError::Overflow)?;
    Ok((nanos + fraction_of(fraction, scale), rest))
}

/// `0.<digits>` of `scale`, cut off below one nanosecond.
fn fraction_of(digits: &str, scale: u128) -> u128 {
    let mut nanos = 0;
    let mut place = scale;
    for digit in digits.bytes().take(18) {
        // Kept exact by summing digit * scale / 10^n, which rounds each term down at most once.
        place /= 10;
        nanos += u128::from(digit - b'0') * place;
    }
    nanos
}

#[cfg(test)]
mod tests {
    use super::{DurationError, Operation, attribute, of, parse_duration};
    use crate::plugin::framework::value::Value;
    use std::time::Duration;

    #[test]
    fn go_durations_are_read() {
        for (text, millis) in [
            ("0", 0),
            ("45s", 45_000),
            ("500ms", 500),
            ("1h30m", 5_400_000),
            ("1.5h", 5_400_000),
            (".5s", 500),
            ("1m1.25s", 61_250),
            ("+2m", 120_000),
            ("2000us", 2),
        ] {
            assert_eq!(parse_duration(text), Ok(Duration::from_millis(millis)), "{text}");
        }
        assert_eq!(parse_duration("7ns"), Ok(Duration::from_nanos(7)));
    }

    #[test]
    fn other_texts_are_refused_with_a_reason() {
        for (text, reason) in [
            ("", DurationError::Empty),
            ("-1s", DurationError::Negative),
            ("5", DurationError::Unit),
            ("5x", DurationError::Unit),
            ("h", DurationError::Number),
            (".s", DurationError::Number),
            ("1.2.3s", DurationError::Number),
            ("99999999999999999999h", DurationError::Overflow),
            ("9999999h", DurationError::Overflow),
            ("1h 5m", DurationError::Unit),
        ] {
            assert_eq!(parse_duration(text), Err(reason), "{text}");
        }
    }

    #[test]
    fn limit_is_read_from_the_attribute() {
        let limits = Value::object([("create", Value::string("2m")), ("delete", Value::Null)]);
        let object = Value::object([("timeouts", limits)]);
        assert_eq!(of(&object, Operation::Create), Some(Duration::from_secs(120)));
        assert_eq!(of(&object, Operation::Delete), None);
        assert_eq!(of(&Value::object([("timeouts", Value::Null)]), Operation::Create), None);
        let shape = attribute(&[Operation::Create, Operation::Delete]);
        assert!(!shape.is_computed());
    }
}
