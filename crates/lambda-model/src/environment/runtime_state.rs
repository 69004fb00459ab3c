//! States of a runtime as AWS's Runtime API server names them, and the one table of what it may do when (R-05).
//!
//! ```text
//!            next                 event                response            next
//!  Started ───────► Ready ──────────────► Running ──────────────► InvocationResponse ───► Ready
//!     │                                      │       error                 next
//!     │ init/error                           └────► InvocationErrorResponse ────────────► Ready
//!     ▼
//!  InitError
//! ```
//! Everything not drawn is refused with 403 `InvalidStateTransition`. A runtime that asks for the next event while it has one
//! waits for the next one: it is not given the same event twice, nor anyone else's (R-14).

/// Where a runtime stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RuntimeState {
    /// Its process runs, it has not called yet.
    Started,
    /// It reported that it could not initialise.
    InitError,
    /// It waits for an event.
    Ready,
    /// It has an event.
    Running,
    /// It answered; it may now ask for the next event.
    InvocationResponse,
    /// It reported an error for the event; it may now ask for the next one.
    InvocationErrorResponse,
}

/// What a runtime wants to do.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RuntimeTransition {
    /// `GET /runtime/invocation/next`.
    Next,
    /// `POST /runtime/invocation/{id}/response`.
    Response,
    /// `POST /runtime/invocation/{id}/error`.
    ErrorResponse,
    /// `POST /runtime/init/error`.
    InitError,
}

impl RuntimeState {
    /// The name that AWS's Runtime API server prints.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Started => "Started",
            Self::InitError => "InitError",
            Self::Ready => "Ready",
            Self::Running => "Running",
            Self::InvocationResponse => "InvocationResponse",
            Self::InvocationErrorResponse => "InvocationErrorResponse",
        }
    }

    /// The state after `transition`, or the text of the refusal.
    ///
    /// # Errors
    /// The message of AWS's 403 `InvalidStateTransition` (R-05).
    pub fn apply(self, transition: RuntimeTransition) -> Result<Self, String> {
        use RuntimeState as S;
        use RuntimeTransition as T;
        let target = match transition {
            T::Next => S::Ready,
            T::Response => S::InvocationResponse,
            T::ErrorResponse => S::InvocationErrorResponse,
            T::InitError => S::InitError,
        };
        let permitted = match (self, transition) {
            (S::Started | S::Ready | S::InvocationResponse | S::InvocationErrorResponse, T::Next)
            | (S::Running, T::Response | T::ErrorResponse)
            | (S::Started, T::InitError) => true,
            (S::Running, T::Next) => return Ok(S::Running),
            _ => false,
        };
        if permitted {
            return Ok(target);
        }
        Err(format!(
            "State transition from {} to {} failed for runtime. Error: State transition is not allowed",
            self.as_str(),
            target.as_str()
        ))
    }
}

#[cfg(test)]
mod tests {
    use super::{RuntimeState as S, RuntimeTransition as T};

    const STATES: [S; 6] =
        [S::Started, S::InitError, S::Ready, S::Running, S::InvocationResponse, S::InvocationErrorResponse];

    fn permitted(transition: T) -> Vec<S> {
        STATES.into_iter().filter(|state| state.apply(transition).is_ok()).collect()
    }

    #[test]
    fn the_table_permits_exactly_what_is_drawn() {
        assert_eq!(
            permitted(T::Next),
            [S::Started, S::Ready, S::Running, S::InvocationResponse, S::InvocationErrorResponse]
        );
        assert_eq!(permitted(T::Response), [S::Running]);
        assert_eq!(permitted(T::ErrorResponse), [S::Running]);
        assert_eq!(permitted(T::InitError), [S::Started]);
    }

    #[test]
    fn a_refusal_names_both_states() {
        assert_eq!(
            S::Ready.apply(T::Response),
            Err("State transition from Ready to InvocationResponse failed for runtime. \
                 Error: State transition is not allowed"
                .into())
        );
    }
}
