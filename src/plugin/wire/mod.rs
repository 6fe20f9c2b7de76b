//! Protobuf messages to framework calls and back, one file per RPC family.
