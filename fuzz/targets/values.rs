//! Values and types of the plugin protocol, MessagePack and JSON.

use coffer::plugin::framework::codec::{
    decode_json, decode_json_value, decode_msgpack, decode_type, encode_json, encode_msgpack,
    encode_type,
};
use coffer::plugin::framework::types::Type;
use coffer::plugin::framework::value::Value;

/// Types by the first byte of the input; dynamic values carry any other type.
fn typed(data: &[u8]) -> Option<(Type, &[u8])> {
    let (selector, rest) = data.split_first()?;
    let ty = match selector % 8 {
        0 => Type::Dynamic,
        1 => Type::String,
        2 => Type::Number,
        3 => Type::set(Type::Dynamic),
        4 => Type::map(Type::list(Type::Bool)),
        5 => Type::Tuple(vec![Type::Number, Type::String]),
        6 => Type::list(Type::Number),
        _ => Type::object([
            ("id", Type::String),
            ("tags", Type::map(Type::String)),
            ("versions", Type::list(Type::object([("number", Type::Number)]))),
        ]),
    };
    Some((ty, rest))
}

/// MessagePack of a value, by type: what is accepted is written again in a stable form.
pub fn msgpack_value(data: &[u8]) {
    let Some((ty, bytes)) = typed(data) else { return };
    let Ok(value) = decode_msgpack(bytes, &ty) else { return };
    let written = encode_msgpack(&value, &ty).expect("a value that was read can be written");
    let again = decode_msgpack(&written, &ty).expect("what was written can be read");
    assert_eq!(encode_msgpack(&again, &ty).expect("and written"), written, "unstable encoding");
}

/// JSON of a value, by type, from text and from parsed JSON.
pub fn json_value(data: &[u8]) {
    let Some((ty, bytes)) = typed(data) else { return };
    let Ok(value) = decode_json(bytes, &ty) else { return };
    let written = encode_json(&value, &ty).expect("a value that was read can be written");
    let again = decode_json(&written, &ty).expect("what was written can be read");
    assert!(again.same(&value), "JSON changed the value");
    let parsed = serde_json::from_slice(&written).expect("what was written is JSON");
    let parsed = decode_json_value(parsed, &ty).expect("parsed JSON can be read");
    assert!(parsed.same(&value), "parsed JSON changed the value");
    // A value from JSON has a MessagePack form, too: that is how stored state reaches core.
    encode_msgpack(&value, &ty).expect("a value from JSON can be sent");
}

/// The JSON form of a type.
pub fn type_json(data: &[u8]) {
    let Ok(ty) = decode_type(data) else { return };
    assert_eq!(decode_type(&encode_type(&ty)).expect("a type"), ty);
}

fn with_selector(selector: u8, bytes: &[u8]) -> Vec<u8> {
    [&[selector], bytes].concat()
}

fn sample() -> Value {
    Value::object([
        ("id", Value::string("main/app/db")),
        ("tags", Value::Map([("env".to_owned(), Value::string("caf\u{e9}"))].into())),
        ("versions", Value::List(vec![Value::object([("number", Value::Number(3_u32.into()))])])),
    ])
}

pub fn msgpack_seeds() -> Vec<Vec<u8>> {
    let (ty, _) = typed(&[7]).expect("a selector");
    let object = encode_msgpack(&sample(), &ty).expect("the sample is of the type");
    let dynamic = Value::Dynamic(Box::new((ty, sample())));
    let dynamic = encode_msgpack(&dynamic, &Type::Dynamic).expect("dynamic takes all");
    vec![
        with_selector(7, &object),
        with_selector(0, &dynamic),
        with_selector(0, b"\x92\xc4\x08\"string\"\xc7\x09\x0c\x82\x01\xc2\x02\xa4arn:"),
        with_selector(0, b"\x92\xc4\x09\"dynamic\"\x92\xc4\x06\"bool\"\xc3"),
        with_selector(1, b"\xa6cafe\xcc\x81"),
        with_selector(2, b"\xb412345678901234567890"),
        with_selector(2, b"\xc7\x0c\x0c\x82\x03\x92\x01\xc3\x04\x92\xa30.1\xc2"),
        with_selector(3, b"\x92\x92\xc4\x06\"bool\"\xc3\x92\xc4\x06\"bool\"\xc3"),
        with_selector(4, b"\x81\xa1k\xdc\x00\x02\xc2\xc0"),
        with_selector(5, b"\x92\xcb\x3f\xf8\0\0\0\0\0\0\xd9\x01x"),
        with_selector(6, b"\x93\xcf\xff\xff\xff\xff\xff\xff\xff\xff\xd0\x80\xca\x3f\xc0\0\0"),
        with_selector(6, b"\xdd\xff\xff\xff\xff\x01"),
    ]
}

pub fn json_seeds() -> Vec<Vec<u8>> {
    let (ty, _) = typed(&[7]).expect("a selector");
    let object = encode_json(&sample(), &ty).expect("the sample is of the type");
    vec![
        with_selector(7, &object),
        with_selector(7, b"{}"),
        with_selector(0, br#"{"value":["x",1.50],"type":["tuple",["string","number"]]}"#),
        with_selector(0, br#"{"type":["set","dynamic"],"value":[{"type":"bool","value":true}]}"#),
        with_selector(1, br#""cafe\u0301 \ud83d\ude00""#),
        with_selector(2, b"-1234567890.1234567890e-20"),
        with_selector(2, br#""1e400""#),
        with_selector(4, br#"{"k":[true,null]}"#),
        with_selector(6, b"[1,0.1,1E+2,18446744073709551616,-0]"),
    ]
}

pub fn type_seeds() -> Vec<Vec<u8>> {
    vec![
        br#"["object",{"a":["tuple",["bool",["set","dynamic"]]],"b":["map","number"]}]"#.to_vec(),
        br#"["list",["list",["list","string"]]]"#.to_vec(),
    ]
}
