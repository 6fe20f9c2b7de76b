//! The plan pipeline.
