//! Object Lock: a version that is retained, or held, cannot be deleted.
//!
//! | lock of a version | a delete of that version | its retention may |
//! |---|---|---|
//! | none, or retained until a time that has passed | succeeds | be set |
//! | `GOVERNANCE`, in time | succeeds with the header that bypasses governance | be extended; with that header, anything |
//! | `COMPLIANCE`, in time | is refused | be extended |
//! | legal hold | is refused, whatever the retention | |
//!
//! A bucket has it once it is configured, and then keeps versions for ever. A delete without a version puts a marker on top, as
//! always.

mod configuration;
mod of_objects;

pub(super) use configuration::{
    Configured, SETTING, get_object_lock_configuration, put_object_lock_configuration,
};
pub(super) use of_objects::{
    get_object_legal_hold, get_object_retention, put_object_legal_hold, put_object_retention,
};

use s3s::dto::{ObjectLockLegalHoldStatus, ObjectLockMode, Timestamp};
use store::s3::{BucketRecord, ObjectLock, Retention};

use super::{
    conditions,
    error::{Refusal, refuse},
    object_headers::timestamp,
};

pub(super) const GOVERNANCE: &str = "GOVERNANCE";
pub(super) const COMPLIANCE: &str = "COMPLIANCE";

/// What a write asks for in its headers.
#[derive(Debug, Clone, Default)]
pub(super) struct Asked {
    pub mode: Option<ObjectLockMode>,
    pub retain_until: Option<Timestamp>,
    pub legal_hold: Option<ObjectLockLegalHoldStatus>,
}

/// Reads it from any of the inputs that have it: they are different types with the same fields.
macro_rules! asked_lock {
    ($input:expr) => {
        $crate::s3::object_lock::Asked {
            mode: $input.object_lock_mode.clone(),
            retain_until: $input.object_lock_retain_until_date.clone(),
            legal_hold: $input.object_lock_legal_hold_status.clone(),
        }
    };
}
pub(super) use asked_lock;

impl Asked {
    /// The lock of a version that is written now: what is asked for, or the default of the bucket.
    pub(super) fn applied(&self, bucket: &BucketRecord, now_ms: i64) -> Result<ObjectLock, Refusal> {
        let asks = self.mode.is_some() || self.retain_until.is_some() || self.legal_hold.is_some();
        let Some(configured) = Configured::of(bucket) else {
            return if asks { Err(not_configured()) } else { Ok(ObjectLock::default()) };
        };
        let retention = match (&self.mode, &self.retain_until) {
            (None, None) => configured.default_retention(now_ms),
            (Some(mode), Some(until)) => Some(retention(mode.as_str(), until.clone(), now_ms)?),
            _ => {
                return Err(refuse(
                    "InvalidArgument",
                    "x-amz-object-lock-retain-until-date and x-amz-object-lock-mode must both be supplied",
                ));
            }
        };
        let legal_hold = self.legal_hold.as_ref().map(|status| status.as_str() == "ON");
        Ok(ObjectLock { retention, legal_hold })
    }
}

/// A retention as it is asked for.
fn retention(mode: &str, until: Timestamp, now_ms: i64) -> Result<Retention, Refusal> {
    if mode != GOVERNANCE && mode != COMPLIANCE {
        return Err(refuse("InvalidArgument", "Unknown wormMode directive."));
    }
    let until_ms = conditions::seconds(until) * 1000;
    if until_ms <= now_ms {
        return Err(refuse("InvalidArgument", "The retain until date must be in the future!"));
    }
    Ok(Retention { mode: mode.to_owned(), until_ms })
}

/// Whether a version may be deleted.
pub(super) fn check_deletable(
    lock: &ObjectLock,
    bypasses_governance: bool,
    now_ms: i64,
) -> Result<(), Refusal> {
    let is_retained = lock.retention.as_ref().is_some_and(|retention| {
        retention.until_ms > now_ms && !(bypasses_governance && retention.mode == GOVERNANCE)
    });
    if is_retained || lock.legal_hold == Some(true) { Err(is_protected()) } else { Ok(()) }
}

fn is_protected() -> Refusal {
    refuse("AccessDenied", "Access Denied because object protected by object lock.")
}

fn not_configured() -> Refusal {
    refuse("InvalidRequest", "Bucket is missing Object Lock Configuration")
}

/// What answers tell of a lock: mode, time, hold.
pub(super) fn told(
    lock: &ObjectLock,
) -> (Option<ObjectLockMode>, Option<Timestamp>, Option<ObjectLockLegalHoldStatus>) {
    let retention = lock.retention.as_ref();
    (
        retention.map(|retention| retention.mode.clone().into()),
        retention.map(|retention| timestamp(retention.until_ms)),
        lock.legal_hold.map(|held| ObjectLockLegalHoldStatus::from_static(on_off(held))),
    )
}

fn on_off(held: bool) -> &'static str {
    if held { ObjectLockLegalHoldStatus::ON } else { ObjectLockLegalHoldStatus::OFF }
}

#[cfg(test)]
mod tests;
