//! Filter patterns of logs, on a message each: an answer, in time.

#![no_main]

use libfuzzer_sys::fuzz_target;
use services::logs::pattern::FilterPattern;

fuzz_target!(|data: (&str, &str)| {
    let (pattern, message) = data;
    if let Ok(pattern) = FilterPattern::parse(pattern) {
        let _ = pattern.matches(message);
        let _ = pattern.extract(message);
    }
});
