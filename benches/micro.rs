//! Criterion benchmarks of what runs for every value: the codec and the keyed fingerprint.
//!
//! Run by `make bench`; `benches/e2e.py` reads the fingerprint's figure and holds it to its limit.
//! The allocator is the binary's, which wipes what it frees.

use std::hint::black_box;

use coffer::domain::fingerprint::{Key, KeyRing, Salt};
use coffer::domain::kind::Content;
use coffer::domain::material::Secret;
use coffer::plugin::framework::codec::{decode_json, decode_msgpack, encode_json, encode_msgpack};
use coffer::plugin::framework::types::Type;
use coffer::plugin::framework::value::Value;
use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use zeroizing_alloc::ZeroAlloc;

#[global_allocator]
static ALLOCATOR: ZeroAlloc<std::alloc::System> = ZeroAlloc(std::alloc::System);

/// One string of a megabyte.
fn megabyte() -> (Type, Value) {
    (Type::String, Value::string("0123456789abcdef".repeat(1 << 16)))
}

/// An object as wide as a large resource.
fn wide_object() -> (Type, Value) {
    let names = || (0..40).map(|i| format!("attribute_{i:02}"));
    let ty = Type::object(names().enumerate().map(|(i, name)| (name, scalar(i).0)));
    let value = Value::object(names().enumerate().map(|(i, name)| (name, scalar(i).1)));
    (ty, value)
}

fn scalar(index: usize) -> (Type, Value) {
    match index % 4 {
        0 => (Type::String, Value::string("main/app/db-password")),
        1 => (Type::Number, Value::Number(i64::try_from(index).unwrap_or(0).into())),
        2 => (Type::Bool, Value::Bool(true)),
        _ => (Type::map(Type::String), Value::Map([("env".into(), Value::string("prod"))].into())),
    }
}

/// A thousand small objects in a list.
fn small_objects() -> (Type, Value) {
    let ty = Type::object([("name", Type::String), ("version", Type::Number)]);
    let objects = (0..1000_i64).map(|i| {
        let name = Value::string(format!("app/secret-{i}"));
        Value::object([("name", name), ("version", Value::Number(i.into()))])
    });
    (Type::list(ty), Value::List(objects.collect()))
}

fn codec(criterion: &mut Criterion) {
    for (name, (ty, value)) in [
        ("1_mb_string", megabyte()),
        ("40_attributes", wide_object()),
        ("1000_objects", small_objects()),
    ] {
        let bytes = encode_msgpack(&value, &ty).expect("the value is of the type");
        let json = encode_json(&value, &ty).expect("the value is of the type");
        let mut group = criterion.benchmark_group(name);
        group.throughput(Throughput::Bytes(bytes.len() as u64));
        group.bench_function("msgpack_decode", |b| {
            b.iter(|| decode_msgpack(black_box(&bytes), &ty))
        });
        group.bench_function("msgpack_encode", |b| {
            b.iter(|| encode_msgpack(black_box(&value), &ty))
        });
        group.bench_function("json_decode", |b| b.iter(|| decode_json(black_box(&json), &ty)));
        group.bench_function("json_encode", |b| b.iter(|| encode_json(black_box(&value), &ty)));
        group.finish();
    }
}

fn fingerprint(criterion: &mut Criterion) {
    let key = Key::new(Secret::new(vec![7; 32])).expect("32 bytes");
    let ring = KeyRing::new(Some(key), Vec::new());
    let content = Content::generic(Secret::new(vec![b'x'; 64])).expect("valid content");
    let salt = Salt([9; 16]);
    let stored = ring.fingerprint(&content, salt);
    criterion.bench_function("fingerprint_64_bytes", |b| {
        b.iter(|| ring.fingerprint(black_box(&content), salt));
    });
    criterion.bench_function("verify_64_bytes", |b| {
        b.iter(|| ring.verify(black_box(&content), &stored));
    });
}

criterion_group!(benches, codec, fingerprint);
criterion_main!(benches);
