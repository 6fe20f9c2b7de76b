//! A configured provider over the vault in memory, for tests.
