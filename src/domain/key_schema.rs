//! Key schemas: templates that turn a secret's key into the name at a destination and back.
