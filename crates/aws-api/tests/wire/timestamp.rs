//! The formats of moments.

use aws_api::timestamp;

#[test]
fn iso_has_microseconds() {
    assert_eq!(timestamp::iso(1_700_000_000_007), "2023-11-14T22:13:20.007000Z");
    assert_eq!(timestamp::iso_milliseconds(1_700_000_000_007), "2023-11-14T22:13:20.007Z");
}

#[test]
fn last_modified_reads_as_on_aws() {
    assert_eq!(timestamp::last_modified(1_700_000_000_007), "2023-11-14T22:13:20.007+0000");
    assert_eq!(timestamp::last_modified(i64::MAX), "1970-01-01T00:00:00.000+0000");
}
