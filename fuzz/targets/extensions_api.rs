//! Calls of the Extensions API: never a panic, never a server that answers no more.

#![no_main]

use execution::fuzzing::{Api, call};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|data: &[u8]| call(Api::Extensions, data));
