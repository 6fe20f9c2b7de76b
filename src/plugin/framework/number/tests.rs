//! Unit tests of numbers.

use super::*;

fn number(text: &str) -> Number {
    text.parse().unwrap()
}

#[test]
fn text_is_read_in_its_narrowest_form() {
    assert!(matches!(number("5"), Number::Int(5)));
    assert!(matches!(number("-0"), Number::Int(0)));
    assert!(matches!(number("5.000"), Number::Int(5)));
    assert!(matches!(number("1.2e3"), Number::Int(1200)));
    assert!(matches!(number("0e999999999999"), Number::Int(0)));
    assert!(matches!(number("9223372036854775808"), Number::Uint(9_223_372_036_854_775_808)));
    assert!(matches!(number("1.5"), Number::Float(f) if f == 1.5));
    assert!(matches!(number("-2.25e-1"), Number::Decimal(text) if text == "-0.225"));
    assert!(matches!(number("0.1"), Number::Decimal(text) if text == "0.1"));
    assert!(matches!(number("00.10"), Number::Decimal(text) if text == "0.1"));
    assert!(matches!(number("1e20"), Number::Decimal(text) if text == "100000000000000000000"));
    assert!(matches!(number("-1e-3"), Number::Decimal(text) if text == "-0.001"));
    // The double nearest to 0.1, written out.
    let nearest = "0.1000000000000000055511151231257827021181583404541015625";
    assert!(matches!(number(nearest), Number::Float(f) if f == 0.1));
}

#[test]
fn what_is_no_number_is_refused() {
    for text in ["", "-", ".", "+.", "1e", "1e+", "e5", "0x10", "1_000", " 1", "1 ", "--1", "1.2.3"]
    {
        assert_eq!(text.parse::<Number>(), Err(InvalidNumber), "{text:?}");
    }
    for text in
        ["inf", "NaN", "1e99999", "1e-99999", "1e9223372036854775807", "1e99999999999999999999"]
    {
        assert_eq!(text.parse::<Number>(), Err(InvalidNumber), "{text:?}");
    }
    assert_eq!("9".repeat(MAX_DIGITS + 1).parse::<Number>(), Err(InvalidNumber));
    assert!("9".repeat(MAX_DIGITS).parse::<Number>().is_ok());
}

#[test]
fn equality_is_by_value_across_forms() {
    assert_eq!(Number::Int(5), Number::Decimal("5".to_owned()));
    assert_eq!(Number::Int(5), Number::Float(5.0));
    assert_eq!(Number::Uint(5), Number::Int(5));
    assert_eq!(Number::Decimal("1.50".to_owned()), Number::Float(1.5));
    assert_ne!(Number::Float(0.1), number("0.1"));
    assert_ne!(Number::Float(f64::NAN), Number::Float(f64::NAN));
    assert_eq!(Number::Float(f64::INFINITY), Number::Float(f64::INFINITY));
    assert_ne!(Number::Float(f64::INFINITY), Number::Float(f64::NEG_INFINITY));
}

#[test]
fn order_is_by_value_across_forms() {
    let ascending = [
        Number::Float(f64::NEG_INFINITY),
        number("-1e30"),
        Number::Int(i64::MIN),
        number("-1.5"),
        number("-0.1"),
        Number::Int(0),
        number("0.099"),
        number("0.1"),
        Number::Float(0.1),
        number("0.12"),
        Number::Int(1),
        Number::Uint(u64::MAX),
        number("18446744073709551616"),
        Number::Float(f64::INFINITY),
    ];
    for (i, a) in ascending.iter().enumerate() {
        for (j, b) in ascending.iter().enumerate() {
            assert_eq!(a.partial_cmp(b), Some(i.cmp(&j)), "{a} and {b}");
        }
    }
}

#[test]
fn conversions_are_exact_or_refused() {
    assert_eq!(number("42.0").to_i64(), Some(42));
    assert_eq!(number("42.5").to_i64(), None);
    assert_eq!(number("9223372036854775808").to_i64(), None);
    assert_eq!(number("18446744073709551615").to_u64(), Some(u64::MAX));
    assert_eq!(number("-1").to_u64(), None);
    assert_eq!(number("0.1").to_f64(), None);
    assert_eq!(number("0.1").nearest_f64(), Some(0.1));
    assert_eq!(number("9007199254740993").to_f64(), None);
    assert_eq!(number("9007199254740992").to_f64(), Some(9_007_199_254_740_992.0));
    assert_eq!(number("1e400").nearest_f64(), None);
    assert_eq!(Number::Float(f64::INFINITY).to_f64(), Some(f64::INFINITY));
}

#[test]
fn doubles_are_taken_over_exactly() {
    assert!(Number::from_f64(f64::NAN).is_none());
    assert!(matches!(Number::from_f64(-0.0), Some(Number::Int(0))));
    assert!(matches!(Number::from_f64(3.0), Some(Number::Int(3))));
    assert!(matches!(Number::from_f64(1e300), Some(Number::Decimal(_))));
    for value in [f64::MAX, f64::MIN, f64::MIN_POSITIVE, 5e-324, 0.1, 1e23, -123.456] {
        let number = Number::from_f64(value).unwrap();
        assert_eq!(number.to_f64(), Some(value));
        assert_eq!(number.to_string().parse::<Number>().unwrap(), number);
    }
}

#[test]
fn text_is_canonical() {
    for (number, text) in [
        (number("1e3"), "1000"),
        (number("-12.340"), "-12.34"),
        (number("12e-5"), "0.00012"),
        (Number::Float(1.5), "1.5"),
        (Number::Uint(u64::MAX), "18446744073709551615"),
        (Number::Float(f64::NEG_INFINITY), "-inf"),
    ] {
        assert_eq!(number.to_string(), text);
    }
}
