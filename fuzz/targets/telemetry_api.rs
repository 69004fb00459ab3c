//! Calls of the Telemetry API and of the older Logs API, by an extension that registered: never a panic, never a server that answers no more.

#![no_main]

use execution::fuzzing::{Api, call};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|data: &[u8]| call(Api::Telemetry, data));
