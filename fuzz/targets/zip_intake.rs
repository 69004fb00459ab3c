//! Packages: refused, or unpacked into their place and nowhere else.

#![no_main]

use libfuzzer_sys::fuzz_target;

fuzz_target!(|data: &[u8]| store::fuzzing::intake(data));
