//! Admission of an invocation: a provisioned environment first, then the function's reservation, then what the account has left (B.10).

use crate::error::ThrottleReason;

/// What is running now, counted by the caller.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct ConcurrencyInUse {
    /// Invocations of the account in this Region that count against the unreserved pool.
    pub unreserved: u32,
    /// Invocations of the function, all versions, that run in no provisioned environment.
    pub on_demand: u32,
    /// Invocations of the version that count as provisioned.
    pub provisioned: u32,
}

/// Limits that apply to the function.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Admission {
    /// The account's concurrency less all reservations, and less what is provisioned without one.
    pub unreserved_max: u32,
    /// The function's own reservation: a cap and a guarantee (C-04).
    pub reserved: Option<u32>,
    /// Provisioned environments of the version that are ready.
    pub provisioned: u32,
    /// Provisioned concurrency of the function, all versions, ready or not: it is kept out of the reservation (C-07).
    pub provisioned_of_function: u32,
}

/// What an admitted invocation counts as.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Place {
    /// It takes a provisioned environment.
    Provisioned,
    /// It takes any other.
    OnDemand,
}

impl Admission {
    /// Whether one more invocation may run, and as what. Beyond what is provisioned it spills over (C-08).
    ///
    /// # Errors
    /// The reason that the 429 gives (E-11).
    pub fn check(self, in_use: ConcurrencyInUse) -> Result<Place, ThrottleReason> {
        if in_use.provisioned < self.provisioned {
            return Ok(Place::Provisioned);
        }
        match self.reserved {
            Some(reserved) if in_use.on_demand >= reserved.saturating_sub(self.provisioned_of_function) => {
                Err(ThrottleReason::ReservedFunctionConcurrentInvocationLimitExceeded)
            }
            Some(_) => Ok(Place::OnDemand),
            None if in_use.unreserved >= self.unreserved_max => {
                Err(ThrottleReason::ConcurrentInvocationLimitExceeded)
            }
            None => Ok(Place::OnDemand),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_reservation_is_a_cap_and_a_guarantee() {
        let full = ConcurrencyInUse { unreserved: 1_000, on_demand: 2, provisioned: 0 };
        let admission = |reserved| Admission { unreserved_max: 1_000, reserved, ..Admission::default() };
        assert_eq!(admission(Some(3)).check(full), Ok(Place::OnDemand));
        assert_eq!(
            admission(Some(2)).check(full),
            Err(ThrottleReason::ReservedFunctionConcurrentInvocationLimitExceeded)
        );
        assert_eq!(admission(None).check(full), Err(ThrottleReason::ConcurrentInvocationLimitExceeded));
        assert!(admission(Some(0)).check(ConcurrencyInUse::default()).is_err());
    }

    #[test]
    fn provisioned_environments_come_first_and_what_is_beyond_spills_over() {
        let admission =
            Admission { unreserved_max: 5, provisioned: 2, provisioned_of_function: 2, reserved: None };
        let used = |provisioned| ConcurrencyInUse { provisioned, ..ConcurrencyInUse::default() };
        assert_eq!(admission.check(used(1)), Ok(Place::Provisioned));
        assert_eq!(admission.check(used(2)), Ok(Place::OnDemand));
    }

    #[test]
    fn what_is_provisioned_is_kept_out_of_the_reservation() {
        // C-07: all of the reservation is provisioned, for another version than this.
        let admission =
            Admission { unreserved_max: 5, reserved: Some(2), provisioned: 0, provisioned_of_function: 2 };
        assert_eq!(
            admission.check(ConcurrencyInUse::default()),
            Err(ThrottleReason::ReservedFunctionConcurrentInvocationLimitExceeded)
        );
    }
}
