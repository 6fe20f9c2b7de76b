//! Numbers of arbitrary precision, exact as received.
//!
//! Responsible for holding what the wire can carry (i64, u64, exact f64, decimal text) without
//! loss, and for comparing it by value. Leaves the wire forms to [`codec`](super::codec).

/// A Terraform number.
#[derive(Debug, Clone, PartialEq)]
pub enum Number {
    /// Fits a signed 64-bit integer.
    Int(i64),
    /// Fits an unsigned 64-bit integer and not a signed one.
    Uint(u64),
    /// Exactly representable as a double, and not an integer of the forms above.
    Float(f64),
    /// Decimal text for everything else, in canonical form: no exponent, no superfluous zeros.
    Decimal(String),
}

impl From<i64> for Number {
    fn from(value: i64) -> Self {
        Self::Int(value)
    }
}
