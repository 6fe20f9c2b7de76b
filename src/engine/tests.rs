//! Use cases against the vault in memory.
