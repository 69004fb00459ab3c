//! Tests that see the whole system live beside this file; see `tests/README.md`.
