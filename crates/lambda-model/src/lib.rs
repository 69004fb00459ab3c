//! Lambda's rules as plain data and pure functions: no I/O, no clock, no randomness, no async.
