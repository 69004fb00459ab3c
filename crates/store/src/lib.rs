//! Durable state of Lambent: the only crate that knows SQL and file layout.
