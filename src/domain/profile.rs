//! Vault profiles: a named vault with its defaults and policies.
