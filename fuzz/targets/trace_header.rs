//! X-Amzn-Trace-Id: what an invocation gets is a header that is read again, and as it was; each return to a function is counted.

#![no_main]

use lambda_model::invocation::trace_header::{NewIds, TraceHeader, of_invocation};
use libfuzzer_sys::fuzz_target;

const NEW: NewIds = NewIds { now_seconds: 1_700_000_000, root: 1, segment: 2 };
const ARN: &str = "arn:aws:lambda:us-east-1:000000000000:function:f";

fuzz_target!(|text: &str| {
    // A line break cannot come: the header is one of HTTP.
    let Some(header) = TraceHeader::parse(text).filter(|_| !text.contains(['\r', '\n'])) else { return };
    for is_active in [false, true] {
        let given = of_invocation(Some(text), ARN, is_active, NEW);
        let again = TraceHeader::parse(&given.header)
            .unwrap_or_else(|| panic!("{:?} of {text:?} names no trace", given.header));
        assert_eq!(again.root, header.root);
        assert!(!given.header.contains(['\r', '\n']), "a header of its own in {:?}", given.header);
        let next = of_invocation(Some(&given.header), ARN, is_active, NEW);
        assert!(next.hops > given.hops || is_full(&given.header), "{text:?} came back uncounted");
    }
});

/// A lineage of 64 functions takes no more.
fn is_full(header: &str) -> bool {
    header.matches('|').count() >= 63
}
