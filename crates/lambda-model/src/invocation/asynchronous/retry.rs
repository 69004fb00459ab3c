//! When an event is tried again, and when no more.

use super::Progress;
use crate::{invocation::event_invoke_config::EventInvokeConfig, limits};

/// Attempts after the first when nobody says.
const RETRIES_DEFAULT: u32 = 2;
/// How long an event may wait when nobody says, milliseconds (A-03: six hours).
const AGE_MS_DEFAULT: i64 = 6 * 60 * 60 * 1_000;
/// The wait after a first refusal, milliseconds; it doubles with each further one.
const REFUSAL_WAIT_MS_MIN: i64 = 1_000;
/// The longest such wait, milliseconds.
const REFUSAL_WAIT_MS_MAX: i64 = 5 * 60_000;

/// How often, and for how long.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RetryPolicy {
    /// Attempts after the first that ended in an error of the function.
    pub retries_max: u32,
    /// From acceptance to the last attempt, milliseconds.
    pub age_ms_max: i64,
    /// The wait after the first error of the function, milliseconds; after the second it is twice as long.
    pub error_wait_ms: i64,
}

impl Default for RetryPolicy {
    fn default() -> Self {
        Self {
            retries_max: RETRIES_DEFAULT,
            age_ms_max: AGE_MS_DEFAULT,
            error_wait_ms: i64::from(limits::ASYNC_RETRY_WAIT_SECONDS_DEFAULT) * 1_000,
        }
    }
}

impl RetryPolicy {
    /// This one, with what is configured for a function.
    #[must_use]
    pub fn configured(self, config: &EventInvokeConfig) -> Self {
        let retries = config.maximum_retry_attempts.and_then(|retries| u32::try_from(retries).ok());
        let age_ms = config.maximum_event_age_seconds.map(|seconds| seconds.saturating_mul(1_000));
        Self {
            retries_max: retries.unwrap_or(self.retries_max),
            age_ms_max: age_ms.unwrap_or(self.age_ms_max),
            ..self
        }
    }
}

/// How an attempt ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum AttemptEnd {
    /// The function gave a response.
    Succeeded,
    /// The function, or the platform for it, gave an error.
    FunctionError,
    /// No environment could be had: throttled, or a fault of ours.
    Refused,
    /// There is no such function, version or alias any more.
    FunctionGone,
    /// The function calls itself in a loop.
    Looped,
}

/// Why an event has ended: `condition` of a destination record.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Condition {
    /// It succeeded.
    Success,
    /// The function gave errors as often as it may.
    RetriesExhausted,
    /// It waited too long, or the next attempt would come too late.
    EventAgeExceeded,
    /// The function may not run at all.
    ZeroReservedConcurrency,
    /// The function calls itself in a loop.
    RecursiveLoop,
    /// The function was deleted meanwhile.
    FunctionGone,
}

impl Condition {
    /// The word in records.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Success => "Success",
            Self::RetriesExhausted => "RetriesExhausted",
            Self::EventAgeExceeded => "EventAgeExceeded",
            Self::ZeroReservedConcurrency => "ZeroReservedConcurrency",
            Self::RecursiveLoop => "RecursiveInvocationDropped",
            Self::FunctionGone => "ResourceNotFound",
        }
    }
}

/// What follows from an attempt.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Next {
    /// Another, at this Unix time in milliseconds.
    Attempt(i64, Progress),
    /// Nothing more.
    End(Condition),
}

impl RetryPolicy {
    /// Whether an event that is due may be attempted; else why it has ended.
    pub fn before_attempt(
        &self,
        accepted_at_ms: i64,
        now_ms: i64,
        reserved_concurrency: Option<u32>,
    ) -> Option<Condition> {
        if reserved_concurrency == Some(0) {
            return Some(Condition::ZeroReservedConcurrency);
        }
        self.is_too_late(accepted_at_ms, now_ms).then_some(Condition::EventAgeExceeded)
    }

    /// What follows from an attempt that has ended now.
    pub fn after_attempt(&self, accepted_at_ms: i64, before: Progress, end: AttemptEnd, now_ms: i64) -> Next {
        let (progress, wait_ms) = match end {
            AttemptEnd::Succeeded => return Next::End(Condition::Success),
            AttemptEnd::FunctionGone => return Next::End(Condition::FunctionGone),
            AttemptEnd::Looped => return Next::End(Condition::RecursiveLoop),
            AttemptEnd::FunctionError if before.errors >= self.retries_max => {
                return Next::End(Condition::RetriesExhausted);
            }
            AttemptEnd::FunctionError => self.after_error(before),
            AttemptEnd::Refused => after_refusal(before),
        };
        let due_at_ms = now_ms.saturating_add(wait_ms);
        if self.is_too_late(accepted_at_ms, due_at_ms) {
            return Next::End(Condition::EventAgeExceeded);
        }
        Next::Attempt(due_at_ms, progress)
    }

    fn after_error(&self, before: Progress) -> (Progress, i64) {
        let errors = before.errors.saturating_add(1);
        (Progress { errors, refusals: 0 }, self.error_wait_ms.saturating_mul(i64::from(errors)))
    }

    fn is_too_late(&self, accepted_at_ms: i64, at_ms: i64) -> bool {
        at_ms.saturating_sub(accepted_at_ms) > self.age_ms_max
    }
}

fn after_refusal(before: Progress) -> (Progress, i64) {
    let doubled =
        REFUSAL_WAIT_MS_MIN.saturating_mul(1_i64.checked_shl(before.refusals.min(32)).unwrap_or(i64::MAX));
    (Progress { refusals: before.refusals.saturating_add(1), ..before }, doubled.min(REFUSAL_WAIT_MS_MAX))
}

#[cfg(test)]
mod tests {
    use super::*;

    const DEFAULT: RetryPolicy =
        RetryPolicy { retries_max: 2, age_ms_max: 21_600_000, error_wait_ms: 60_000 };

    fn progress(errors: u32, refusals: u32) -> Progress {
        Progress { errors, refusals }
    }

    #[test]
    fn a_02_two_more_attempts_after_one_and_two_minutes() {
        let after = |before, now_ms| DEFAULT.after_attempt(0, before, AttemptEnd::FunctionError, now_ms);
        assert_eq!(after(progress(0, 0), 10), Next::Attempt(60_010, progress(1, 0)));
        assert_eq!(after(progress(1, 3), 60_020), Next::Attempt(180_020, progress(2, 0)));
        assert_eq!(after(progress(2, 0), 180_030), Next::End(Condition::RetriesExhausted));
        assert_eq!(RetryPolicy::default(), DEFAULT);
    }

    #[test]
    fn a_03_refusals_wait_from_one_second_to_five_minutes_and_cost_no_attempt() {
        let mut now = progress(1, 0);
        let mut waits = Vec::new();
        for _ in 0..12 {
            let Next::Attempt(due, next) = DEFAULT.after_attempt(0, now, AttemptEnd::Refused, 0) else {
                panic!("it ended")
            };
            waits.push(due / 1_000);
            now = next;
        }
        assert_eq!(waits, [1, 2, 4, 8, 16, 32, 64, 128, 256, 300, 300, 300]);
        assert_eq!(now, progress(1, 12));
        let long = DEFAULT.after_attempt(0, progress(0, u32::MAX), AttemptEnd::Refused, 0);
        assert_eq!(long, Next::Attempt(300_000, progress(0, u32::MAX)));
    }

    #[test]
    fn a_04_what_is_configured_holds() {
        let config = EventInvokeConfig {
            maximum_retry_attempts: Some(0),
            maximum_event_age_seconds: Some(60),
            ..EventInvokeConfig::default()
        };
        let policy = DEFAULT.configured(&config);
        assert_eq!(policy, RetryPolicy { retries_max: 0, age_ms_max: 60_000, ..DEFAULT });
        assert_eq!(DEFAULT.configured(&EventInvokeConfig::default()), DEFAULT);
        let ended = policy.after_attempt(0, progress(0, 0), AttemptEnd::FunctionError, 5);
        assert_eq!(ended, Next::End(Condition::RetriesExhausted));
    }

    #[test]
    fn a_06_what_would_come_too_late_ends_at_once() {
        let policy = RetryPolicy { age_ms_max: 60_000, ..DEFAULT };
        let after = |end, now_ms| policy.after_attempt(0, progress(0, 0), end, now_ms);
        assert_eq!(after(AttemptEnd::FunctionError, 1), Next::End(Condition::EventAgeExceeded));
        assert_eq!(after(AttemptEnd::FunctionError, 0), Next::Attempt(60_000, progress(1, 0)));
        assert_eq!(after(AttemptEnd::Refused, 59_001), Next::End(Condition::EventAgeExceeded));
        assert_eq!(after(AttemptEnd::Succeeded, 99_000), Next::End(Condition::Success));
        assert_eq!(policy.before_attempt(0, 60_000, None), None);
        assert_eq!(policy.before_attempt(0, 60_001, Some(1)), Some(Condition::EventAgeExceeded));
    }

    #[test]
    fn a_09_what_may_not_run_is_not_tried() {
        assert_eq!(DEFAULT.before_attempt(0, 0, Some(0)), Some(Condition::ZeroReservedConcurrency));
        assert_eq!(DEFAULT.before_attempt(0, 0, Some(1)), None);
    }

    #[test]
    fn what_cannot_end_otherwise_ends_at_once() {
        let after = |end| DEFAULT.after_attempt(0, progress(0, 0), end, 0);
        assert_eq!(after(AttemptEnd::FunctionGone), Next::End(Condition::FunctionGone));
        assert_eq!(after(AttemptEnd::Looped), Next::End(Condition::RecursiveLoop));
    }
}
