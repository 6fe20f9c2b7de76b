//! Unit tests of the codec: known bytes, refusals, and round trips of arbitrary values.

use std::collections::BTreeMap;

use proptest::collection::{btree_map, vec};
use proptest::prelude::*;

use super::super::number::Number;
use super::super::value::{Refinements, Text};
use super::*;

fn number(text: &str) -> Value {
    Value::Number(text.parse().unwrap())
}

fn object(attributes: &[(&str, Type)]) -> Type {
    Type::object(attributes.iter().map(|(name, ty)| (*name, ty.clone())))
}

/// `bytes` are what core writes for `value`, and what we write.
#[track_caller]
fn golden(value: &Value, ty: &Type, bytes: &[u8]) {
    assert_eq!(encode_msgpack(value, ty).unwrap(), bytes);
    let decoded = decode_msgpack(bytes, ty).unwrap();
    assert!(decoded.same(value), "{decoded:?} is not {value:?}");
}

#[test]
fn decimal_fraction_is_text() {
    golden(&number("0.1"), &Type::Number, b"\xa30.1");
}

#[test]
fn binary_fraction_is_a_double() {
    golden(&number("1.5"), &Type::Number, &[0xcb, 0x3f, 0xf8, 0, 0, 0, 0, 0, 0]);
}

#[test]
fn integer_beyond_64_bits_is_text() {
    golden(&number("12345678901234567890"), &Type::Number, b"\xb412345678901234567890");
    golden(&number("-9223372036854775809"), &Type::Number, b"\xb4-9223372036854775809");
}

#[test]
fn integers_are_written_shortest() {
    golden(&number("1"), &Type::Number, &[1]);
    golden(&number("-1"), &Type::Number, &[0xff]);
    golden(&number("200"), &Type::Number, &[0xcc, 200]);
    golden(&number("-9223372036854775808"), &Type::Number, b"\xd3\x80\0\0\0\0\0\0\0");
}

#[test]
fn infinity_is_a_double() {
    let infinity = Value::Number(Number::from_f64(f64::INFINITY).unwrap());
    golden(&infinity, &Type::Number, &[0xcb, 0x7f, 0xf0, 0, 0, 0, 0, 0, 0]);
    let infinity = Value::Number(Number::from_f64(f64::NEG_INFINITY).unwrap());
    golden(&infinity, &Type::Number, &[0xcb, 0xff, 0xf0, 0, 0, 0, 0, 0, 0]);
}

#[test]
fn every_form_of_a_number_is_read() {
    for (bytes, text) in [
        (&b"\xcf\xff\xff\xff\xff\xff\xff\xff\xff"[..], "18446744073709551615"),
        (b"\xca\x3f\xc0\0\0", "1.5"),
        (b"\xcb\x40\0\0\0\0\0\0\0", "2"),
        (b"\xd0\x80", "-128"),
        (b"\xa41e-1", "0.1"),
        (b"\xa51.500", "1.5"),
    ] {
        assert_eq!(decode_msgpack(bytes, &Type::Number).unwrap(), number(text));
    }
    assert!(decode_msgpack(b"\xcb\x7f\xf8\0\0\0\0\0\0", &Type::Number).is_err(), "not a number");
    assert!(decode_msgpack(b"\xa3abc", &Type::Number).is_err());
}

#[test]
fn strings_are_composed() {
    let composed = Value::string("caf\u{e9}");
    golden(&composed, &Type::String, b"\xa5caf\xc3\xa9");
    assert_eq!(decode_msgpack(b"\xa6cafe\xcc\x81", &Type::String).unwrap(), composed);
    assert_eq!(decode_json(b"\"cafe\\u0301\"", &Type::String).unwrap(), composed);
    let bytes = encode_msgpack(&Value::string("cafe\u{301}"), &Type::String).unwrap();
    assert_eq!(bytes, b"\xa5caf\xc3\xa9");
}

#[test]
fn null_and_unknown_have_one_form_for_every_type() {
    for ty in [Type::Bool, Type::String, Type::Dynamic, Type::list(Type::Bool), object(&[])] {
        golden(&Value::Null, &ty, &[0xc0]);
        golden(&Value::UNKNOWN, &ty, &[0xd4, 0, 0]);
        // Any extension is unknown.
        assert_eq!(decode_msgpack(b"\xc7\x03\x55abc", &ty).unwrap(), Value::UNKNOWN);
        assert_eq!(decode_msgpack(b"\xc7\x00\x0c", &ty).unwrap(), Value::UNKNOWN);
    }
}

#[test]
fn refined_unknown_keeps_what_is_known() {
    let value = Value::Unknown(Some(Box::new(Refinements {
        null: Some(false),
        string_prefix: Some(Text::from("arn:")),
        ..Refinements::default()
    })));
    golden(&value, &Type::String, b"\xc7\x09\x0c\x82\x01\xc2\x02\xa4arn:");

    let value = Value::Unknown(Some(Box::new(Refinements {
        number_lower: Some((Number::Int(1), true)),
        number_upper: Some(("0.1".parse().unwrap(), false)),
        ..Refinements::default()
    })));
    golden(&value, &Type::Number, b"\xc7\x0c\x0c\x82\x03\x92\x01\xc3\x04\x92\xa30.1\xc2");

    let value = Value::Unknown(Some(Box::new(Refinements {
        length_lower: Some(2),
        length_upper: Some(300),
        ..Refinements::default()
    })));
    golden(&value, &Type::set(Type::Bool), b"\xc7\x07\x0c\x82\x05\x02\x06\xcd\x01\x2c");
}

#[test]
fn refinements_that_do_not_apply_are_left_out() {
    // Key 9 of a later protocol with a nested value, then the nullness, then trailing bytes.
    let bytes = b"\xc7\x09\x0c\x82\x09\x91\x81\x05\x01\x01\xc2\0";
    let value =
        Value::Unknown(Some(Box::new(Refinements { null: Some(false), ..Refinements::default() })));
    assert_eq!(decode_msgpack(bytes, &Type::String).unwrap(), value);
    assert_eq!(decode_msgpack(bytes, &Type::Dynamic).unwrap(), Value::UNKNOWN);

    let long = Value::Unknown(Some(Box::new(Refinements {
        string_prefix: Some(Text::from("\u{e9}".repeat(200))),
        ..Refinements::default()
    })));
    let bytes = encode_msgpack(&long, &Type::String).unwrap();
    let Value::Unknown(Some(read)) = decode_msgpack(&bytes, &Type::String).unwrap() else {
        panic!("refinement lost");
    };
    assert_eq!(read.string_prefix, Some(Text::from("\u{e9}".repeat(128))));
    assert!(decode_msgpack(b"\xc7\x02\x0c\x81\x01", &Type::String).is_err(), "cut short");
}

#[test]
fn dynamic_carries_its_type_as_binary() {
    let ty = object(&[("a", Type::String), ("b", Type::Number)]);
    let inner = Value::object([("a", Value::string("x")), ("b", number("1"))]);
    let value = Value::Dynamic(Box::new((ty, inner)));
    let json = br#"["object",{"a":"string","b":"number"}]"#;
    let bytes = [&[0x92, 0xc4, json.len() as u8], &json[..], b"\x82\xa1a\xa1x\xa1b\x01"].concat();
    golden(&value, &Type::Dynamic, &bytes);

    // The type as text or the value alone are refused, as core refuses them.
    assert!(decode_msgpack(b"\x92\xa8\"string\"\xa1x", &Type::Dynamic).is_err());
    assert!(decode_msgpack(b"\xa1x", &Type::Dynamic).is_err());
    assert!(encode_msgpack(&Value::string("x"), &Type::Dynamic).is_err());
}

#[test]
fn typed_null_stays_typed() {
    let value = Value::Dynamic(Box::new((Type::String, Value::Null)));
    golden(&value, &Type::Dynamic, b"\x92\xc4\x08\"string\"\xc0");
}

#[test]
fn object_is_written_with_every_attribute() {
    let ty = object(&[("b", Type::Bool), ("a", Type::String)]);
    let value = Value::object([("b", Value::Bool(true))]);
    let bytes = encode_msgpack(&value, &ty).unwrap();
    assert_eq!(bytes, b"\x82\xa1a\xc0\xa1b\xc3");

    let extra = Value::object([("c", Value::Bool(true))]);
    assert_eq!(encode_msgpack(&extra, &ty).unwrap_err().message, "unsupported attribute \"c\"");
    for bytes in [&b"\x81\xa1a\xc0"[..], b"\x82\xa1a\xc0\xa1a\xc0", b"\x82\xa1a\xc0\xa1c\xc0"] {
        assert!(decode_msgpack(bytes, &ty).is_err());
    }
}

#[test]
fn set_has_one_encoding_without_duplicates() {
    let ty = Type::set(Type::String);
    let set = |items: &[&str]| Value::Set(items.iter().map(|item| Value::string(*item)).collect());
    let bytes = encode_msgpack(&set(&["b", "a", "b"]), &ty).unwrap();
    assert_eq!(bytes, b"\x92\xa1a\xa1b");
    let unknown = Value::Set(vec![Value::UNKNOWN, Value::UNKNOWN]);
    assert_eq!(encode_msgpack(&unknown, &ty).unwrap(), b"\x92\xd4\0\0\xd4\0\0");
}

#[test]
fn errors_tell_the_place_and_not_the_value() {
    let ty = object(&[("list", Type::list(Type::map(Type::Number)))]);
    let bytes = b"\x81\xa4list\x92\x80\x81\xa1k\xa7hunter2";
    let error = decode_msgpack(bytes, &ty).unwrap_err();
    assert_eq!(error.to_string(), "expected a number, found a string at list[1][\"k\"]");

    let json = br#"{"list":[{},{"k":"hunter2"}]}"#;
    let error = decode_json(json, &ty).unwrap_err();
    assert_eq!(error.path.to_string(), "list[1][\"k\"]");
    assert!(!error.to_string().contains("hunter2"));
    for (json, ty) in [
        (&br#"{"list":"hunter2"}"#[..], &ty),
        (br#""hunter2""#, &Type::Bool),
        (br#"{"hunter2"}"#, &Type::map(Type::Bool)),
        (br#"{"list":[{"k":hunter2}]}"#, &ty),
        (br#"{"value":"hunter2","type":"number"}"#, &Type::Dynamic),
    ] {
        let error = decode_json(json, ty).unwrap_err();
        assert!(!error.to_string().contains("hunter2"), "{error}");
    }
}

#[test]
fn bytes_after_the_value_are_refused() {
    assert!(decode_msgpack(b"\xc0\xc0", &Type::Bool).is_err());
    assert!(decode_json(b"true true", &Type::Bool).is_err());
    assert!(decode_msgpack(b"", &Type::Bool).is_err());
    assert!(decode_json(b"", &Type::Bool).is_err());
}

#[test]
fn json_fills_what_is_missing_and_refuses_what_is_unknown() {
    let ty = object(&[("a", Type::String), ("b", Type::list(Type::Number))]);
    let value = decode_json(br#"{"b":[1, "2.50", 1e30]}"#, &ty).unwrap();
    let list = vec![number("1"), number("2.5"), number("1e30")];
    assert_eq!(value, Value::object([("a", Value::Null), ("b", Value::List(list))]));
    let error = decode_json(br#"{"c":1}"#, &ty).unwrap_err();
    assert_eq!(error.message, "unsupported attribute \"c\"");
    // A number is no map, although the JSON parser hands it over as one.
    assert!(decode_json(b"5", &Type::map(Type::String)).is_err());
    assert!(decode_json(b"true", &Type::Number).is_err());
    assert!(decode_json(b"[5]", &Type::Number).is_err());
    assert!(decode_json(b"[1,2]", &Type::Tuple(vec![Type::Number])).is_err());
    assert!(decode_json(b"[]", &Type::Tuple(vec![Type::Number])).is_err());
}

#[test]
fn json_numbers_of_any_precision_are_kept() {
    // The last one lies between two decimals that are equally near to the double nearest to it.
    for text in [
        "0.1",
        "12345678901234567890123",
        "-0.000000000000000000000000000001",
        "1.5",
        "-123456734567890.12",
    ] {
        let value = decode_json(text.as_bytes(), &Type::Number).unwrap();
        let parsed = serde_json::from_str(text).unwrap();
        assert_eq!(decode_json_value(parsed, &Type::Number).unwrap(), value);
        assert_eq!(encode_json(&value, &Type::Number).unwrap(), text.as_bytes());
    }
}

#[test]
fn json_dynamic_is_read_in_either_order() {
    let value = Value::Dynamic(Box::new((Type::list(Type::String), {
        Value::List(vec![Value::string("x")])
    })));
    for json in [
        r#"{"type":["list","string"],"value":["x"]}"#,
        r#"{"value":["x"],"type":["list","string"]}"#,
    ] {
        assert_eq!(decode_json(json.as_bytes(), &Type::Dynamic).unwrap(), value);
        let parsed = serde_json::from_str(json).unwrap();
        assert_eq!(decode_json_value(parsed, &Type::Dynamic).unwrap(), value);
    }
    for json in ["{}", r#"{"type":"bool"}"#, r#"{"value":1}"#, r#"{"type":"bool","value":1,"x":1}"#]
    {
        assert!(decode_json(json.as_bytes(), &Type::Dynamic).is_err());
    }
}

#[test]
fn unknown_has_no_json_form() {
    let value = Value::List(vec![Value::UNKNOWN]);
    let error = encode_json(&value, &Type::list(Type::Bool)).unwrap_err();
    assert_eq!(error.to_string(), "expected a bool, found an unknown value at [0]");
}

#[test]
fn types_have_the_json_form_of_schemas() {
    let ty = Type::object([
        ("a", Type::Tuple(vec![Type::Bool, Type::set(Type::Dynamic)])),
        ("b", Type::map(Type::list(Type::Number))),
    ]);
    let json =
        r#"["object",{"a":["tuple",["bool",["set","dynamic"]]],"b":["map",["list","number"]]}]"#;
    assert_eq!(encode_type(&ty), json.as_bytes());
    assert_eq!(decode_type(json.as_bytes()).unwrap(), ty);
    for json in ["", "null", "[]", r#""text""#, r#"["list"]"#, r#"["list","bool","bool"]"#, "{}"] {
        assert!(decode_type(json.as_bytes()).is_err(), "{json}");
    }
}

#[test]
fn depth_and_size_are_limited() {
    let deep = format!("{}\"bool\"{}", "[\"list\",".repeat(100), "]".repeat(100));
    assert!(decode_type(deep.as_bytes()).is_err());

    // A dynamic value in a dynamic value in …
    let nested = [b"\x92\xc4\x09\"dynamic\"".repeat(100), vec![0xc0]].concat();
    let error = decode_msgpack(&nested, &Type::Dynamic).unwrap_err();
    assert!(error.message.contains("levels deep"), "{error}");
    let nested = format!("{}null{}", r#"{"type":"dynamic","value":"#.repeat(100), "}".repeat(100));
    assert!(decode_json(nested.as_bytes(), &Type::Dynamic).is_err());

    // Lengths without the elements to match.
    for bytes in [&b"\xdd\xff\xff\xff\xff"[..], b"\xdd\xff\xff\xff\xff\xc0\xc0"] {
        assert!(decode_msgpack(bytes, &Type::list(Type::Bool)).is_err());
    }
    assert!(decode_msgpack(b"\xdf\xff\xff\xff\xff\xa1a\xc0", &Type::map(Type::Bool)).is_err());
    assert!(decode_msgpack(b"\xdb\xff\xff\xff\xffabc", &Type::String).is_err());

    // A small document that stands for many filled-in nulls.
    let attributes: BTreeMap<_, _> = (0..1000).map(|i| (format!("a{i}"), Type::Bool)).collect();
    let objects = format!("[{}]", vec!["{}"; 2000].join(","));
    let error = decode_json(objects.as_bytes(), &Type::list(Type::Object(attributes))).unwrap_err();
    assert!(error.message.contains("values"), "{error}");
}

#[test]
fn megabyte_string_passes() {
    let value = Value::string("s".repeat(1 << 20));
    let bytes = encode_msgpack(&value, &Type::String).unwrap();
    assert_eq!(decode_msgpack(&bytes, &Type::String).unwrap(), value);
}

/// Any type, three levels deep at most.
fn types() -> impl Strategy<Value = Type> {
    let leaf = prop_oneof![
        Just(Type::Bool),
        Just(Type::Number),
        Just(Type::String),
        Just(Type::String),
        Just(Type::Dynamic),
    ];
    leaf.prop_recursive(3, 16, 4, |inner| {
        prop_oneof![
            inner.clone().prop_map(Type::list),
            inner.clone().prop_map(Type::set),
            inner.clone().prop_map(Type::map),
            btree_map("[a-z_]{1,6}", inner.clone(), 0..4).prop_map(Type::Object),
            vec(inner, 0..4).prop_map(Type::Tuple),
        ]
    })
}

fn numbers() -> impl Strategy<Value = Number> {
    prop_oneof![
        any::<i64>().prop_map(Number::from),
        any::<u64>().prop_map(Number::from),
        any::<f64>().prop_filter_map("a number", Number::from_f64),
        "-?[0-9]{1,40}(\\.[0-9]{1,40})?".prop_map(|text| text.parse().unwrap()),
    ]
}

fn texts() -> impl Strategy<Value = Text> {
    any::<String>().prop_map(|text| Text::normalized(&text))
}

fn keys() -> impl Strategy<Value = String> {
    texts().prop_map(|text| text.as_str().to_owned())
}

fn refinements(ty: &Type) -> BoxedStrategy<Refinements> {
    let null = proptest::option::of(Just(false));
    let bound = || proptest::option::of((numbers(), any::<bool>()));
    let length = || proptest::option::of(0..=i64::MAX as u64);
    match ty {
        Type::String => (null, proptest::option::of("[a-z]{0,300}"))
            .prop_map(|(null, prefix)| Refinements {
                null,
                string_prefix: prefix.map(|p| Text::from(&p[..p.len().min(256)])),
                ..Refinements::default()
            })
            .boxed(),
        // Two doubles written out may be longer than a payload can be; then nothing is said.
        Type::Number => (null, bound(), bound())
            .prop_map(|(null, number_lower, number_upper)| Refinements {
                null,
                number_lower,
                number_upper,
                ..Refinements::default()
            })
            .boxed(),
        Type::List(_) | Type::Set(_) | Type::Map(_) => (null, length(), length())
            .prop_map(|(null, length_lower, length_upper)| Refinements {
                null,
                length_lower,
                length_upper,
                ..Refinements::default()
            })
            .boxed(),
        Type::Dynamic => Just(Refinements::default()).boxed(),
        _ => null.prop_map(|null| Refinements { null, ..Refinements::default() }).boxed(),
    }
}

/// Any value of type `ty`; with unknown parts if `unknowns`.
fn values(ty: &Type, unknowns: bool) -> BoxedStrategy<Value> {
    let known = match ty {
        Type::Bool => any::<bool>().prop_map(Value::Bool).boxed(),
        Type::Number => numbers()
            .prop_filter("JSON has no infinity", move |number| {
                unknowns || number.nearest_f64().is_none_or(f64::is_finite)
            })
            .prop_map(Value::Number)
            .boxed(),
        Type::String => texts().prop_map(Value::String).boxed(),
        Type::List(element) => vec(values(element, unknowns), 0..4).prop_map(Value::List).boxed(),
        Type::Set(element) => vec(values(element, unknowns), 0..4).prop_map(distinct).boxed(),
        Type::Map(element) => {
            btree_map(keys(), values(element, unknowns), 0..4).prop_map(Value::Map).boxed()
        }
        Type::Object(attributes) => attributes
            .iter()
            .map(|(name, ty)| (Just(name.clone()), values(ty, unknowns)))
            .collect::<Vec<_>>()
            .prop_map(Value::object)
            .boxed(),
        Type::Tuple(elements) => elements
            .iter()
            .map(|ty| values(ty, unknowns))
            .collect::<Vec<_>>()
            .prop_map(Value::Tuple)
            .boxed(),
        Type::Dynamic => prop_oneof![Just(Type::String), Just(Type::list(Type::Number))]
            .prop_flat_map(move |ty| {
                values(&ty, unknowns).prop_map(move |v| Value::Dynamic(Box::new((ty.clone(), v))))
            })
            .boxed(),
    };
    if !unknowns {
        return prop_oneof![1 => Just(Value::Null), 8 => known].boxed();
    }
    let unknown = refinements(ty)
        .prop_map(|known| Value::Unknown((!known.is_empty()).then(|| Box::new(known))));
    prop_oneof![1 => Just(Value::Null), 1 => unknown, 8 => known].boxed()
}

fn distinct(items: Vec<Value>) -> Value {
    let mut distinct: Vec<Value> = Vec::new();
    for item in items {
        if !distinct.iter().any(|seen| seen.same(&item)) {
            distinct.push(item);
        }
    }
    Value::Set(distinct)
}

fn typed_values(unknowns: bool) -> impl Strategy<Value = (Type, Value)> {
    types().prop_flat_map(move |ty| {
        let values = values(&ty, unknowns);
        (Just(ty), values)
    })
}

proptest! {
    #[test]
    fn msgpack_round_trip((ty, value) in typed_values(true)) {
        let bytes = encode_msgpack(&value, &ty).unwrap();
        let read = decode_msgpack(&bytes, &ty).unwrap();
        prop_assert!(read.same(&value) || contains_long_bounds(&value));
        prop_assert_eq!(encode_msgpack(&read, &ty).unwrap(), bytes);
    }

    #[test]
    fn json_round_trip((ty, value) in typed_values(false)) {
        let json = encode_json(&value, &ty).unwrap();
        let read = decode_json(&json, &ty).unwrap();
        prop_assert!(read.same(&value));
        let parsed: serde_json::Value = serde_json::from_slice(&json).unwrap();
        prop_assert!(decode_json_value(parsed, &ty).unwrap().same(&value));
    }

    #[test]
    fn type_round_trip(ty in types()) {
        prop_assert_eq!(decode_type(&encode_type(&ty)).unwrap(), ty);
    }

    #[test]
    fn arbitrary_bytes_never_panic(ty in types(), bytes in vec(any::<u8>(), 0..200)) {
        let _ = decode_msgpack(&bytes, &ty);
        let _ = decode_json(&bytes, &ty);
        let _ = decode_type(&bytes);
    }

    #[test]
    fn damaged_bytes_never_panic(
        (ty, value) in typed_values(true),
        damage in vec((any::<proptest::sample::Index>(), any::<u8>()), 1..4),
    ) {
        let mut bytes = encode_msgpack(&value, &ty).unwrap();
        for (index, byte) in damage {
            let index = index.index(bytes.len());
            bytes[index] = byte;
        }
        if let Ok(read) = decode_msgpack(&bytes, &ty) {
            // What is accepted can be written again.
            prop_assert!(encode_msgpack(&read, &ty).is_ok());
        }
    }
}

/// True when a refinement may have been left out for its length.
fn contains_long_bounds(value: &Value) -> bool {
    match value {
        Value::Unknown(Some(known)) => [&known.number_lower, &known.number_upper]
            .into_iter()
            .flatten()
            .any(|(number, _)| number.to_string().len() > 300),
        Value::List(items) | Value::Set(items) | Value::Tuple(items) => {
            items.iter().any(contains_long_bounds)
        }
        Value::Map(entries) | Value::Object(entries) => entries.values().any(contains_long_bounds),
        Value::Dynamic(inner) => contains_long_bounds(&inner.1),
        _ => false,
    }
}
