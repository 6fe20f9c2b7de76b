//! Guards the wire format: every message, field, enum value and call of the compiled descriptors
//! must be in the committed table, with the same number and type.
//!
//! Source: the published protocol 6.11; `proto/README.md` tells how to change the table.

use std::fmt::Write as _;
use std::path::Path;

use prost::Message as _;
use prost_types::field_descriptor_proto::{Label, Type};
use prost_types::{DescriptorProto, EnumDescriptorProto, FileDescriptorSet};

#[test]
fn compiled_descriptors_match_the_committed_table() {
    let table = table();
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/wire-numbers.txt");
    if std::env::var_os("COFFER_BLESS").is_some() {
        std::fs::write(&path, &table).unwrap();
    }
    let committed = std::fs::read_to_string(&path).unwrap();
    let missing: Vec<_> = committed.lines().filter(|l| !table.lines().any(|t| t == *l)).collect();
    let added: Vec<_> = table.lines().filter(|l| !committed.lines().any(|t| t == *l)).collect();
    assert!(
        missing.is_empty() && added.is_empty(),
        "the wire format changed.\nonly in the table: {missing:#?}\nonly in proto/: {added:#?}"
    );
}

/// The numbers that every peer relies on, checked without the table.
#[test]
fn anchors_hold() {
    let table = table();
    for line in [
        "tfplugin6.Schema.Attribute.nested_type = 10 message tfplugin6.Schema.Object",
        "tfplugin6.Schema.Attribute.write_only = 11 bool",
        "tfplugin6.ClientCapabilities.write_only_attributes_allowed = 2 bool",
        "tfplugin6.PlanResourceChange.Request.planned_private = 9 bytes",
        "tfplugin6.OpenEphemeralResource.Response.renew_at = 2 optional message google.protobuf.Timestamp",
        "plugin.StdioData.data = 2 bytes",
        "rpc /plugin.GRPCController/Shutdown (plugin.Empty) -> (plugin.Empty)",
        "rpc /grpc.health.v1.Health/Check (grpc.health.v1.HealthCheckRequest) -> (grpc.health.v1.HealthCheckResponse)",
    ] {
        assert!(table.lines().any(|l| l == line), "not in the descriptors: {line}");
    }
}

/// One line per field, enum value and call of our packages.
fn table() -> String {
    let bytes = include_bytes!(concat!(env!("OUT_DIR"), "/descriptors.bin"));
    let set = FileDescriptorSet::decode(bytes.as_slice()).unwrap();
    let mut out = String::new();
    for file in set.file.iter().filter(|f| !f.package().starts_with("google.")) {
        for service in &file.service {
            for call in &service.method {
                let stream = |on: bool| if on { "stream " } else { "" };
                writeln!(
                    out,
                    "rpc /{}.{}/{} ({}{}) -> ({}{})",
                    file.package(),
                    service.name(),
                    call.name(),
                    stream(call.client_streaming()),
                    call.input_type().trim_start_matches('.'),
                    stream(call.server_streaming()),
                    call.output_type().trim_start_matches('.'),
                )
                .unwrap();
            }
        }
        file.enum_type.iter().for_each(|e| enumeration(&mut out, file.package(), e));
        file.message_type.iter().for_each(|m| message(&mut out, file.package(), m));
    }
    out
}

fn message(out: &mut String, prefix: &str, message: &DescriptorProto) {
    let name = format!("{prefix}.{}", message.name());
    writeln!(out, "message {name}").unwrap();
    for field in &message.field {
        let label = match field.label() {
            Label::Repeated => "repeated ",
            _ if field.proto3_optional() => "optional ",
            _ => "",
        };
        let kind = format!("{:?}", field.r#type()).to_lowercase();
        let named = match field.r#type() {
            Type::Message | Type::Enum => format!(" {}", field.type_name().trim_start_matches('.')),
            _ => String::new(),
        };
        let oneof = match field.oneof_index {
            Some(index) if !field.proto3_optional() => {
                format!(" oneof {}", message.oneof_decl[usize::try_from(index).unwrap()].name())
            }
            _ => String::new(),
        };
        writeln!(out, "{name}.{} = {} {label}{kind}{named}{oneof}", field.name(), field.number())
            .unwrap();
    }
    message.enum_type.iter().for_each(|e| enumeration(out, &name, e));
    message.nested_type.iter().for_each(|m| self::message(out, &name, m));
}

fn enumeration(out: &mut String, prefix: &str, enumeration: &EnumDescriptorProto) {
    for value in &enumeration.value {
        writeln!(out, "{prefix}.{}.{} = {}", enumeration.name(), value.name(), value.number())
            .unwrap();
    }
}
