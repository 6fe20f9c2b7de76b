//! Canonical bytes of content: the injective, length-framed form.
