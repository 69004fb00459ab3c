//! The table of the module's doc.

use super::*;

const NOW: i64 = 1_000_000;

fn lock(mode: &str, until_ms: i64, legal_hold: Option<bool>) -> ObjectLock {
    ObjectLock { retention: Some(Retention { mode: mode.into(), until_ms }), legal_hold }
}

#[test]
fn what_protects_a_version_is_asked_in_time() {
    let cases = [
        (ObjectLock::default(), false, true),
        (lock(GOVERNANCE, NOW + 1, None), false, false),
        (lock(GOVERNANCE, NOW + 1, None), true, true),
        (lock(COMPLIANCE, NOW + 1, None), true, false),
        (lock(COMPLIANCE, NOW, None), false, true),
        (lock(GOVERNANCE, NOW - 1, Some(true)), true, false),
        (lock(GOVERNANCE, NOW - 1, Some(false)), false, true),
    ];
    for (lock, bypasses, is_deletable) in cases {
        assert_eq!(check_deletable(&lock, bypasses, NOW).is_ok(), is_deletable, "{lock:?} {bypasses}");
    }
}
