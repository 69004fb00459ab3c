//! Admission of an invocation against the account's concurrency and a function's reservation (B.10).

use crate::error::ThrottleReason;

/// What is running now, counted by the caller.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ConcurrencyInUse {
    /// Invocations of the account in this Region that count against the unreserved pool.
    pub unreserved: u32,
    /// Invocations of the function, all versions.
    pub function: u32,
}

/// Limits that apply to the function.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Admission {
    /// The account's concurrency less all reservations.
    pub unreserved_max: u32,
    /// The function's own reservation: a cap and a guarantee (C-04).
    pub reserved: Option<u32>,
}

impl Admission {
    /// Whether one more invocation may run.
    ///
    /// # Errors
    /// The reason that the 429 gives (E-11).
    pub fn check(self, in_use: ConcurrencyInUse) -> Result<(), ThrottleReason> {
        match self.reserved {
            Some(reserved) if in_use.function >= reserved => {
                Err(ThrottleReason::ReservedFunctionConcurrentInvocationLimitExceeded)
            }
            Some(_) => Ok(()),
            None if in_use.unreserved >= self.unreserved_max => {
                Err(ThrottleReason::ConcurrentInvocationLimitExceeded)
            }
            None => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_reservation_is_a_cap_and_a_guarantee() {
        let full = ConcurrencyInUse { unreserved: 1_000, function: 2 };
        assert_eq!(Admission { unreserved_max: 1_000, reserved: Some(3) }.check(full), Ok(()));
        assert_eq!(
            Admission { unreserved_max: 1_000, reserved: Some(2) }.check(full),
            Err(ThrottleReason::ReservedFunctionConcurrentInvocationLimitExceeded)
        );
        assert_eq!(
            Admission { unreserved_max: 1_000, reserved: None }.check(full),
            Err(ThrottleReason::ConcurrentInvocationLimitExceeded)
        );
        let none = ConcurrencyInUse { unreserved: 0, function: 0 };
        assert!(Admission { unreserved_max: 1_000, reserved: Some(0) }.check(none).is_err());
    }
}
