//! Reserving concurrency for a function (C-01, C-04).

use crate::{LambdaError, limits};

/// What an account has in a Region when a reservation or a provision is asked for; the function's own is left out.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct AccountConcurrency {
    /// The account's limit.
    pub total: u32,
    /// Reserved by other functions, and provisioned for those without a reservation.
    pub taken_by_others: u32,
}

impl AccountConcurrency {
    /// What is left for this function and everything unreserved.
    pub fn left(self) -> u32 {
        self.total.saturating_sub(self.taken_by_others)
    }

    /// What must stay unreserved. An account that has less than twice that keeps half, so that a small one can reserve at all.
    pub fn unreserved_min(self) -> u32 {
        limits::UNRESERVED_CONCURRENCY_MIN.min(self.total / 2)
    }
}

/// Checks a reservation of `requested` for a function with `provisioned` provisioned concurrency.
///
/// # Errors
/// The recorded texts, blanks included.
pub fn check(requested: u32, provisioned: u32, account: AccountConcurrency) -> Result<(), LambdaError> {
    if requested < provisioned {
        return Err(LambdaError::InvalidParameterValue(format!(
            " ReservedConcurrentExecutions  {requested} should not be lower than function's total provisioned concurrency [{provisioned}]."
        )));
    }
    let unreserved_min = account.unreserved_min();
    if account.left().saturating_sub(requested) < unreserved_min {
        return Err(LambdaError::InvalidParameterValue(format!(
            "Specified ReservedConcurrentExecutions for function decreases account's UnreservedConcurrentExecution below \
             its minimum value of [{unreserved_min}]."
        )));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_hundred_stay_unreserved() {
        let account = AccountConcurrency { total: 1_000, taken_by_others: 500 };
        assert_eq!(check(400, 0, account), Ok(()));
        assert_eq!(check(0, 0, account), Ok(()));
        assert_eq!(
            check(401, 0, account).unwrap_err().to_string(),
            "Specified ReservedConcurrentExecutions for function decreases account's UnreservedConcurrentExecution below its \
             minimum value of [100]."
        );
        assert_eq!(check(5, 0, AccountConcurrency { total: 10, taken_by_others: 0 }), Ok(()));
    }

    #[test]
    fn a_reservation_holds_what_is_provisioned() {
        let account = AccountConcurrency { total: 1_000, taken_by_others: 0 };
        assert_eq!(check(2, 2, account), Ok(()));
        assert_eq!(
            check(1, 2, account).unwrap_err().to_string(),
            " ReservedConcurrentExecutions  1 should not be lower than function's total provisioned concurrency [2]."
        );
    }
}
