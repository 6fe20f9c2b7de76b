//! The state machine of rotation states over the versions of a secret.
