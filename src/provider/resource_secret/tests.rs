//! The plan rules and applies, against the vault in memory.
