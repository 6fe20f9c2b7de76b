//! The one place that nulls write-only values and checks what objects return.
