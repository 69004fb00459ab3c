//! X-Amzn-Trace-Id: what an invocation gets is a header that is read again, and as it was.

#![no_main]

use lambda_model::invocation::trace_header::{NewIds, TraceHeader, of_invocation};
use libfuzzer_sys::fuzz_target;

const NEW: NewIds = NewIds { now_seconds: 1_700_000_000, root: 1, segment: 2 };

fuzz_target!(|text: &str| {
    // A line break cannot come: the header is one of HTTP.
    let Some(header) = TraceHeader::parse(text).filter(|_| !text.contains(['\r', '\n'])) else { return };
    for is_active in [false, true] {
        let given = of_invocation(Some(text), is_active, NEW);
        let again = TraceHeader::parse(&given).unwrap_or_else(|| panic!("{given:?} of {text:?} names no trace"));
        assert_eq!(again.root, header.root);
        assert!(!given.contains(['\r', '\n']), "a header of its own in {given:?}");
    }
});
