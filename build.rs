//! Compiles the protobuf definitions below `proto/` without `protoc`: protox parses them,
//! tonic-prost-build writes the Rust code. The descriptor set is kept next to it for the test that
//! guards the field numbers.

use std::path::PathBuf;

use prost::Message as _;

const PROTOS: [&str; 5] = [
    "tfplugin6.proto",
    "plugin/grpc_controller.proto",
    "plugin/grpc_stdio.proto",
    "plugin/grpc_broker.proto",
    "grpc/health.proto",
];

/// Messages that can carry secret or private bytes: they get no derived `Debug`.
const NO_DEBUG: [&str; 16] = [
    ".tfplugin6.DynamicValue",
    ".tfplugin6.RawState",
    ".tfplugin6.ReadResource.Request",
    ".tfplugin6.ReadResource.Response",
    ".tfplugin6.PlanResourceChange.Request",
    ".tfplugin6.PlanResourceChange.Response",
    ".tfplugin6.ApplyResourceChange.Request",
    ".tfplugin6.ApplyResourceChange.Response",
    ".tfplugin6.ImportResourceState.ImportedResource",
    ".tfplugin6.ImportResourceState.Response",
    ".tfplugin6.MoveResourceState.Request",
    ".tfplugin6.MoveResourceState.Response",
    ".tfplugin6.OpenEphemeralResource.Response",
    ".tfplugin6.RenewEphemeralResource.Request",
    ".tfplugin6.RenewEphemeralResource.Response",
    ".tfplugin6.CloseEphemeralResource.Request",
];

fn main() -> Result<(), Box<dyn std::error::Error>> {
    println!("cargo::rerun-if-changed=proto");
    println!("cargo::rerun-if-changed=build.rs");
    let descriptors = protox::compile(PROTOS, ["proto"])?;
    let out = PathBuf::from(std::env::var("OUT_DIR")?);
    std::fs::write(out.join("descriptors.bin"), descriptors.encode_to_vec())?;
    tonic_prost_build::configure()
        // The client half serves the tests, which play Terraform's part.
        .build_client(true)
        .build_server(true)
        .build_transport(false)
        // Sorted maps make answers byte-stable.
        .btree_map(".tfplugin6")
        .skip_debug(NO_DEBUG)
        .compile_fds(descriptors)?;
    Ok(())
}
