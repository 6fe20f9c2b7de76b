//! Stock validators for attributes.
//!
//! Responsible for common checks of one value. Leaves running them (never on null or unknown
//! values) to [`validate`](super::validate). No message repeats the value: it may be a secret.

use std::fmt::Display;
use std::sync::Arc;

use super::diag::Diagnostics;
use super::number::Number;
use super::path::Path;
use super::schema::Validator;
use super::timeouts::parse_duration;
use super::value::Value;

/// A check of a value, with the rule in words ("between 7 and 30").
pub fn check(
    description: impl Into<String>,
    check: impl Fn(&Value, &Path, &mut Diagnostics) + Send + Sync + 'static,
) -> Validator {
    Validator { description: description.into(), check: Arc::new(check) }
}

/// A check of a string. `test` returns what is wrong as a phrase that completes "The value …",
/// without repeating the value.
pub fn text<E: Display>(
    description: impl Into<String>,
    test: impl Fn(&str) -> Result<(), E> + Send + Sync + 'static,
) -> Validator {
    check(description, move |value, path, diags| {
        if let Some(text) = value.as_str()
            && let Err(problem) = test(text)
        {
            invalid(path, &format!("The value of {path} {problem}."), diags);
        }
    })
}

/// One of the texts given.
#[must_use]
pub fn one_of(choices: &'static [&'static str]) -> Validator {
    let list = choices.iter().map(|c| format!("`{c}`")).collect::<Vec<_>>().join(", ");
    text(format!("one of {list}"), move |value| {
        if choices.contains(&value) { Ok(()) } else { Err(format!("must be one of {list}")) }
    })
}

/// A list or set of some of the texts given, not empty.
#[must_use]
pub fn some_of(choices: &'static [&'static str]) -> Validator {
    let list = choices.iter().map(|c| format!("`{c}`")).collect::<Vec<_>>().join(", ");
    check(format!("some of {list}"), move |value, path, diags| {
        let (Value::List(items) | Value::Set(items)) = value else { return };
        let known = |item: &Value| match item.as_str() {
            Some(text) => choices.contains(&text),
            None => item.is_unknown(),
        };
        if items.is_empty() || !items.iter().all(known) {
            invalid(path, &format!("The elements of {path} must be some of {list}."), diags);
        }
    })
}

/// A number from `least` to `greatest`.
#[must_use]
pub fn between(least: i64, greatest: i64) -> Validator {
    check(format!("between {least} and {greatest}"), move |value, path, diags| {
        let within =
            matches!(value, Value::Number(Number::Int(n)) if (least..=greatest).contains(n));
        if !within {
            let problem = format!(
                "The value of {path} must be a whole number between {least} and {greatest}."
            );
            invalid(path, &problem, diags);
        }
    })
}

/// A text of `least` to `greatest` characters.
#[must_use]
pub fn length(least: usize, greatest: usize) -> Validator {
    text(format!("{least} to {greatest} characters"), move |value| {
        let count = value.chars().count();
        if (least..=greatest).contains(&count) {
            Ok(())
        } else {
            Err(format!("must have {least} to {greatest} characters, and has {count}"))
        }
    })
}

/// A text that is not empty.
#[must_use]
pub fn not_empty() -> Validator {
    text("not empty", |value| if value.is_empty() { Err("must not be empty") } else { Ok(()) })
}

/// A text of letters, digits and the further characters in `extra`, all ASCII.
#[must_use]
pub fn alphabet(extra: &'static str) -> Validator {
    let described = if extra.is_empty() {
        "letters and digits".to_owned()
    } else {
        let extra = extra.chars().map(|c| format!("`{c}`")).collect::<Vec<_>>().join(" ");
        format!("letters, digits and {extra}")
    };
    text(described.clone(), move |value| {
        match value.chars().position(|c| !c.is_ascii_alphanumeric() && !extra.contains(c)) {
            None => Ok(()),
            Some(at) => {
                Err(format!("may have only {described}; character {} is something else", at + 1))
            }
        }
    })
}

/// A point in time in RFC 3339 form, such as `2030-01-31T12:00:00Z`.
#[must_use]
pub fn rfc3339() -> Validator {
    text("RFC 3339 date and time", |value| {
        if is_rfc3339(value) {
            Ok(())
        } else {
            Err("must be a date and time as in `2030-01-31T12:00:00Z` (RFC 3339)")
        }
    })
}

/// Standard base64 with padding.
#[must_use]
pub fn base64() -> Validator {
    text("standard base64 with padding", |value| {
        if is_base64(value.as_bytes()) {
            Ok(())
        } else {
            Err("must be standard base64 with padding (RFC 4648 section 4), without line breaks")
        }
    })
}

/// A duration such as `1h30m`.
#[must_use]
pub fn duration() -> Validator {
    text("duration such as `30s` or `1h30m`", |value| {
        parse_duration(value)
            .map(|_| ())
            .map_err(|problem| format!("is not a duration such as `30s` or `1h30m`: {problem}"))
    })
}

/// For a nested attribute: each object sets exactly one of the attributes `names`.
#[must_use]
pub fn each_exactly_one_of(names: &'static [&'static str]) -> Validator {
    let list = names.join(", ");
    check(format!("exactly one of {list}"), move |value, path, diags| {
        each_object(value, path, &mut |object, path| {
            let set: Vec<_> = names.iter().filter(|n| !object.get(n).is_null()).collect();
            let open = set.iter().any(|n| object.get(n).is_unknown());
            let problem = match set.as_slice() {
                [] => format!("None of them is set in {path}."),
                [_] => return,
                _ if open => return,
                [first, second, ..] => format!("{path} sets {first} and {second}."),
            };
            diags.error(
                path.clone(),
                "Exactly one attribute is needed",
                format!("{problem} Next step: set exactly one of {list}."),
            );
        });
    })
}

fn each_object(value: &Value, path: &Path, f: &mut impl FnMut(&Value, &Path)) {
    match value {
        Value::Object(_) => f(value, path),
        Value::List(items) => {
            for (item, index) in items.iter().zip(0..) {
                each_object(item, &path.clone().index(index), f);
            }
        }
        Value::Set(items) => items.iter().for_each(|item| each_object(item, path, f)),
        Value::Map(entries) => {
            for (key, entry) in entries {
                each_object(entry, &path.clone().key(key), f);
            }
        }
        _ => {}
    }
}

fn invalid(path: &Path, detail: &str, diags: &mut Diagnostics) {
    diags.error(path.clone(), "Invalid attribute value", detail);
}

fn is_base64(text: &[u8]) -> bool {
    let padding = text.iter().rev().take_while(|b| **b == b'=').count();
    let body = &text[..text.len() - padding];
    text.len().is_multiple_of(4)
        && padding <= 2
        && body.iter().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'+' | b'/'))
}

/// `YYYY-MM-DDThh:mm:ss[.fraction](Z|±hh:mm)` with plausible numbers; months' lengths included.
fn is_rfc3339(text: &str) -> bool {
    let bytes = text.as_bytes();
    if !text.is_ascii() || bytes.len() < 20 {
        return false;
    }
    let number = |from: usize, to: usize| -> Option<u32> {
        let digits = bytes.get(from..to)?;
        digits
            .iter()
            .all(u8::is_ascii_digit)
            .then(|| digits.iter().fold(0, |sum, digit| sum * 10 + u32::from(digit - b'0')))
    };
    let separators = bytes[4] == b'-'
        && bytes[7] == b'-'
        && matches!(bytes[10], b'T' | b't')
        && bytes[13] == b':'
        && bytes[16] == b':';
    let (Some(year), Some(month), Some(day)) = (number(0, 4), number(5, 7), number(8, 10)) else {
        return false;
    };
    let clock = [number(11, 13), number(14, 16), number(17, 19)];
    let [Some(hour), Some(minute), Some(second)] = clock else { return false };
    let mut zone = &text[19..];
    if let Some(fraction) = zone.strip_prefix('.') {
        let digits =
            fraction.len() - fraction.trim_start_matches(|c: char| c.is_ascii_digit()).len();
        if digits == 0 {
            return false;
        }
        zone = &fraction[digits..];
    }
    separators
        && (1..=12).contains(&month)
        && (1..=days_in(year, month)).contains(&day)
        && hour < 24
        && minute < 60
        && second <= 60
        && is_zone(zone)
}

fn is_zone(zone: &str) -> bool {
    if matches!(zone, "Z" | "z") {
        return true;
    }
    let Some((hours, minutes)) =
        zone.strip_prefix(['+', '-']).and_then(|offset| offset.split_once(':'))
    else {
        return false;
    };
    let within = |text: &str, limit: u8| {
        text.len() == 2
            && text.bytes().all(|b| b.is_ascii_digit())
            && text.parse::<u8>().is_ok_and(|n| n < limit)
    };
    within(hours, 24) && within(minutes, 60)
}

const fn days_in(year: u32, month: u32) -> u32 {
    match month {
        2 if year.is_multiple_of(4) && (!year.is_multiple_of(100) || year.is_multiple_of(400)) => {
            29
        }
        2 => 28,
        4 | 6 | 9 | 11 => 30,
        _ => 31,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn verdict(validator: &Validator, value: &Value) -> Option<String> {
        let mut diags = Diagnostics::new();
        (validator.check)(value, &Path::attribute("a"), &mut diags);
        diags.iter().next().map(|d| d.detail.clone())
    }

    fn accepts(validator: &Validator, text: &str) -> bool {
        verdict(validator, &Value::string(text)).is_none()
    }

    #[test]
    fn choices_lengths_and_alphabets() {
        let choice = one_of(&["keep", "drop"]);
        assert!(accepts(&choice, "keep"));
        let message = verdict(&choice, &Value::string("s3cret")).unwrap();
        assert!(message.contains("`keep`, `drop`") && !message.contains("s3cret"), "{message}");
        assert!(accepts(&length(1, 3), "äöü") && !accepts(&length(1, 3), ""));
        assert!(accepts(&alphabet("-_/"), "a-B_9/x") && !accepts(&alphabet("-"), "a b"));
        assert!(!accepts(&not_empty(), ""));
    }

    #[test]
    fn numbers_are_bounded_and_whole() {
        let days = between(7, 30);
        let with = |n| verdict(&days, &Value::Number(n));
        assert!(with(Number::Int(7)).is_none() && with(Number::Int(30)).is_none());
        assert!(with(Number::Int(31)).is_some() && with(Number::Float(7.5)).is_some());
    }

    #[test]
    fn dates_follow_rfc3339() {
        let date = rfc3339();
        for good in
            ["2030-01-31T12:00:00Z", "2024-02-29T23:59:60.123456+05:30", "2030-01-31t12:00:00z"]
        {
            assert!(accepts(&date, good), "{good}");
        }
        for bad in [
            "2030-01-31",
            "2030-02-29T00:00:00Z",
            "2030-13-01T00:00:00Z",
            "2030-01-31T12:00:00",
            "2030-01-31T12:00:00.Z",
            "2030-01-31T12:00:00+5:30",
            "2030-01-31 12:00:00Z",
            "２030-01-31T12:00:00Z",
        ] {
            assert!(!accepts(&date, bad), "{bad}");
        }
    }

    #[test]
    fn base64_is_standard_and_padded() {
        for good in ["", "QQ==", "QUI=", "QUJD", "+/+/"] {
            assert!(accepts(&base64(), good), "{good}");
        }
        for bad in ["QQ", "QQ=", "Q===", "Q-==", "QU\nI=", "=QQ="] {
            assert!(!accepts(&base64(), bad), "{bad}");
        }
    }

    #[test]
    fn nested_objects_set_exactly_one() {
        let rule = each_exactly_one_of(&["x", "y"]);
        let entry = |x: Value, y: Value| {
            Value::Map([("k".to_owned(), Value::object([("x", x), ("y", y)]))].into())
        };
        assert!(verdict(&rule, &entry(Value::string("1"), Value::Null)).is_none());
        assert!(verdict(&rule, &entry(Value::string("1"), Value::UNKNOWN)).is_none());
        let none = verdict(&rule, &entry(Value::Null, Value::Null)).unwrap();
        assert!(none.contains("a[\"k\"]"), "{none}");
        assert!(verdict(&rule, &entry(Value::string("1"), Value::string("2"))).is_some());
    }
}
