//! Dispatch by type name: decode, guard, call, encode.
