//! Running validators and schema rules over a configuration.
