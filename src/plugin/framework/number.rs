//! Numbers of arbitrary precision, exact as received.
//!
//! Responsible for holding what the wire can carry (i64, u64, exact f64, decimal text) without
//! loss, for comparing by value whatever the form, and for conversions that are exact or refused.
//! Leaves the wire forms to [`codec`](super::codec).
//! Source: the plugin protocol's object wire format, numbers; core parses text with 512 bits, so
//! `0.1` is the decimal and not the double nearest to it.

use std::cmp::Ordering;
use std::fmt;
use std::str::FromStr;

/// Greatest number of characters of a decimal text, here and after an exponent is written out.
/// A double needs at most 1,077; the limit keeps `1e999999999` from filling memory.
const MAX_DIGITS: usize = 4096;

/// A Terraform number. Two numbers are equal when they have the same value, whatever the form.
#[derive(Debug, Clone)]
pub enum Number {
    /// Fits a signed 64-bit integer.
    Int(i64),
    /// Fits an unsigned 64-bit integer and not a signed one.
    Uint(u64),
    /// Exactly representable as a double, and not an integer; or infinite.
    Float(f64),
    /// Decimal text for everything else, in canonical form: no exponent, no superfluous zeros.
    Decimal(String),
}

/// The text is not a decimal number, or is too long.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("not a decimal number of at most {MAX_DIGITS} digits")]
pub struct InvalidNumber;

impl Number {
    /// The number a double stands for, exactly; `None` for "not a number".
    #[must_use]
    pub fn from_f64(value: f64) -> Option<Self> {
        if value.is_nan() {
            None
        } else if value.is_infinite() || value.fract() != 0.0 {
            Some(Self::Float(value))
        } else {
            // An integer: without digits after the point the text is exact and has no exponent.
            format!("{value:.0}").parse().ok()
        }
    }

    /// The same number in the form that the documentation of the variants promises.
    ///
    /// # Errors
    /// When a variant was filled with something that is not a number.
    pub fn canonical(&self) -> Result<Self, InvalidNumber> {
        match self {
            Self::Int(value) => Ok(Self::Int(*value)),
            Self::Uint(value) => Ok((*value).into()),
            Self::Float(value) => Self::from_f64(*value).ok_or(InvalidNumber),
            Self::Decimal(text) => text.parse(),
        }
    }

    /// The value as `i64`, or `None` when it is not exactly one.
    #[must_use]
    pub fn to_i64(&self) -> Option<i64> {
        match self.canonical() {
            Ok(Self::Int(value)) => Some(value),
            _ => None,
        }
    }

    /// The value as `u64`, or `None` when it is not exactly one.
    #[must_use]
    pub fn to_u64(&self) -> Option<u64> {
        match self.canonical() {
            Ok(Self::Int(value)) => u64::try_from(value).ok(),
            Ok(Self::Uint(value)) => Some(value),
            _ => None,
        }
    }

    /// The value as a double, or `None` when it is not exactly one (`0.1` is not).
    #[must_use]
    pub fn to_f64(&self) -> Option<f64> {
        let value = self.nearest_f64()?;
        (Self::from_f64(value)? == *self).then_some(value)
    }

    /// The double nearest to the value, or `None` when it is beyond their range.
    #[must_use]
    pub fn nearest_f64(&self) -> Option<f64> {
        if let Self::Float(value) = self {
            return (!value.is_nan()).then_some(*value);
        }
        self.decimal()?.text().parse().ok().filter(|value: &f64| value.is_finite())
    }

    /// True for a number that has a sign of minus.
    fn is_negative(&self) -> bool {
        match self {
            Self::Int(value) => *value < 0,
            Self::Uint(_) => false,
            Self::Float(value) => *value < 0.0,
            Self::Decimal(text) => text.starts_with('-'),
        }
    }

    /// The exact decimal expansion; `None` for an infinity or what is no number.
    fn decimal(&self) -> Option<Decimal> {
        match self {
            Self::Int(value) => Decimal::parse(&value.to_string()),
            Self::Uint(value) => Decimal::parse(&value.to_string()),
            // 1,074 digits after the point are enough for every double.
            Self::Float(value) if value.is_finite() => Decimal::parse(&format!("{value:.1074}")),
            Self::Float(_) => None,
            Self::Decimal(text) => Decimal::parse(text),
        }
    }
}

impl FromStr for Number {
    type Err = InvalidNumber;

    /// Reads decimal text, with or without fraction and exponent.
    fn from_str(text: &str) -> Result<Self, InvalidNumber> {
        if let Ok(value) = text.parse::<i64>() {
            return Ok(Self::Int(value));
        }
        let decimal = Decimal::parse(text).ok_or(InvalidNumber)?;
        let text = decimal.text();
        if let Ok(value) = text.parse::<i64>() {
            return Ok(Self::Int(value));
        }
        if let Ok(value) = text.parse::<u64>() {
            return Ok(Self::Uint(value));
        }
        Ok(decimal.exact_fraction(&text).map_or(Self::Decimal(text), Self::Float))
    }
}

impl From<i64> for Number {
    fn from(value: i64) -> Self {
        Self::Int(value)
    }
}

impl From<u32> for Number {
    fn from(value: u32) -> Self {
        Self::Int(value.into())
    }
}

impl From<u64> for Number {
    fn from(value: u64) -> Self {
        i64::try_from(value).map_or(Self::Uint(value), Self::Int)
    }
}

/// The canonical decimal text, without exponent.
impl fmt::Display for Number {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (self, self.decimal()) {
            (_, Some(decimal)) => f.write_str(&decimal.text()),
            (Self::Float(value), None) => write!(f, "{value}"),
            (_, None) => f.write_str("NaN"),
        }
    }
}

impl PartialEq for Number {
    fn eq(&self, other: &Self) -> bool {
        self.partial_cmp(other) == Some(Ordering::Equal)
    }
}

impl PartialOrd for Number {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        match (self, other) {
            (Self::Int(a), Self::Int(b)) => Some(a.cmp(b)),
            (Self::Float(a), Self::Float(b)) => a.partial_cmp(b),
            (Self::Float(a), _) if a.is_infinite() => other.decimal().map(|_| sign(*a)),
            (_, Self::Float(b)) if b.is_infinite() => self.decimal().map(|_| sign(*b).reverse()),
            _ => match (self.is_negative(), self.decimal()?, other.decimal()?) {
                (_, a, b) if a.negative != b.negative => Some(b.negative.cmp(&a.negative)),
                (true, a, b) => Some(b.cmp_magnitude(&a)),
                (false, a, b) => Some(a.cmp_magnitude(&b)),
            },
        }
    }
}

/// How an infinity compares with everything finite.
fn sign(infinity: f64) -> Ordering {
    if infinity > 0.0 { Ordering::Greater } else { Ordering::Less }
}

/// `±digits × 10^scale`, without zeros at either end of `digits`; no digits for zero.
struct Decimal {
    negative: bool,
    digits: String,
    scale: i64,
}

impl Decimal {
    fn parse(text: &str) -> Option<Self> {
        let unsigned = text.strip_prefix(['+', '-']).unwrap_or(text);
        let (mantissa, exponent) = match unsigned.split_once(['e', 'E']) {
            Some((mantissa, exponent)) => (mantissa, parse_exponent(exponent)?),
            None => (unsigned, 0),
        };
        let (whole, fraction) = mantissa.split_once('.').unwrap_or((mantissa, ""));
        let all = [whole, fraction].concat();
        if all.is_empty() || all.len() > MAX_DIGITS || !all.bytes().all(|b| b.is_ascii_digit()) {
            return None;
        }
        let trimmed = all.trim_end_matches('0');
        let zeros = i64::try_from(all.len() - trimmed.len()).ok()?;
        let scale =
            exponent.checked_sub(i64::try_from(fraction.len()).ok()?)?.checked_add(zeros)?;
        let digits = trimmed.trim_start_matches('0').to_owned();
        if digits.is_empty() {
            return Some(Self { negative: false, digits, scale: 0 });
        }
        let length = scale.unsigned_abs().checked_add(digits.len() as u64)?;
        let fits = usize::try_from(length).is_ok_and(|length| length <= MAX_DIGITS);
        fits.then(|| Self { negative: text.starts_with('-'), digits, scale })
    }

    /// Number of digits before the point; negative when zeros follow the point.
    fn magnitude(&self) -> i64 {
        i64::try_from(self.digits.len()).unwrap_or(i64::MAX).saturating_add(self.scale)
    }

    fn cmp_magnitude(&self, other: &Self) -> Ordering {
        match (self.digits.is_empty(), other.digits.is_empty()) {
            (false, false) => self
                .magnitude()
                .cmp(&other.magnitude())
                .then_with(|| self.digits.cmp(&other.digits)),
            (a, b) => b.cmp(&a),
        }
    }

    /// The canonical text.
    fn text(&self) -> String {
        if self.digits.is_empty() {
            return "0".to_owned();
        }
        let sign = if self.negative { "-" } else { "" };
        let zeros = |count: i64| "0".repeat(usize::try_from(count).unwrap_or(0));
        let digits = &self.digits;
        match usize::try_from(self.magnitude()) {
            _ if self.scale >= 0 => format!("{sign}{digits}{}", zeros(self.scale)),
            Ok(point) if point > 0 => format!("{sign}{}.{}", &digits[..point], &digits[point..]),
            _ => format!("{sign}0.{}{digits}", zeros(-self.magnitude())),
        }
    }

    /// The double of exactly this value, if there is one and it is not an integer.
    fn exact_fraction(&self, text: &str) -> Option<f64> {
        // The expansion of a binary fraction ends in 5; this spares most texts the long way.
        if self.scale >= 0 || !self.digits.ends_with('5') {
            return None;
        }
        let value: f64 = text.parse().ok()?;
        (Self::parse(&format!("{value:.1074}"))?.text() == text).then_some(value)
    }
}

fn parse_exponent(text: &str) -> Option<i64> {
    let digits = text.strip_prefix(['+', '-']).unwrap_or(text);
    let valid = !digits.is_empty() && digits.bytes().all(|b| b.is_ascii_digit());
    // Beyond i64 only a zero mantissa could have a value within the limit; that is refused, too.
    if valid { text.parse().ok() } else { None }
}

#[cfg(test)]
mod tests;
