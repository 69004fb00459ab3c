//! States of an extension as AWS's Extensions API server names them, and the one table of what it may do when (X-04).
//!
//! ```text
//!            register              event/next          event          event/next
//!  Started ───────────► Registered ──────────► Ready ─────────► Running ──────────► Ready
//!     │                     │ init/error         │ exit/error      │ exit/error
//!     ▼                     ▼                    ▼                 ▼
//!  LaunchError          InitError            ExitError         ExitError
//! ```
//! An extension that is shut down ends as Exited, or as ShutdownFailed if it had to be killed. Everything not drawn is refused
//! with 403 `Extension.InvalidExtensionState`.

/// Where an extension stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ExtensionState {
    /// Its process runs, it has not registered yet.
    Started,
    /// It is known, and initialises.
    Registered,
    /// It waits for an event.
    Ready,
    /// It has an event.
    Running,
    /// It reported that it could not initialise.
    InitError,
    /// It reported that it cannot go on.
    ExitError,
    /// It had to be killed.
    ShutdownFailed,
    /// It ended when it was told to.
    Exited,
    /// Its program could not be started.
    LaunchError,
}

/// What an extension wants to do.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ExtensionTransition {
    /// `POST /extension/register`.
    Register,
    /// `GET /extension/event/next`.
    Next,
    /// `POST /extension/init/error`.
    InitError,
    /// `POST /extension/exit/error`.
    ExitError,
}

impl ExtensionState {
    /// The name that AWS's server prints.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Started => "Started",
            Self::Registered => "Registered",
            Self::Ready => "Ready",
            Self::Running => "Running",
            Self::InitError => "InitError",
            Self::ExitError => "ExitError",
            Self::ShutdownFailed => "ShutdownFailed",
            Self::Exited => "Exited",
            Self::LaunchError => "LaunchError",
        }
    }

    /// The state after `transition`; `extension` is how the refusal names the extension.
    ///
    /// # Errors
    /// The message of AWS's 403.
    pub fn apply(self, transition: ExtensionTransition, extension: &str) -> Result<Self, String> {
        use ExtensionState as S;
        use ExtensionTransition as T;
        let target = match transition {
            T::Register => S::Registered,
            T::Next => S::Ready,
            T::InitError => S::InitError,
            T::ExitError => S::ExitError,
        };
        let permitted = matches!(
            (self, transition),
            (S::Started, T::Register)
                | (S::Registered | S::Running, T::Next)
                // The first report counts; whoever repeats it is told so, not refused.
                | (S::Registered | S::InitError, T::InitError)
                | (S::Registered | S::Ready | S::Running | S::ExitError, T::ExitError)
        );
        if permitted {
            return Ok(target);
        }
        Err(format!(
            "State transition from {} to {} failed for extension {extension}. Error: State transition is not allowed",
            self.as_str(),
            target.as_str()
        ))
    }
}

#[cfg(test)]
mod tests {
    use super::{ExtensionState as S, ExtensionTransition as T};

    const STATES: [S; 9] = [
        S::Started,
        S::Registered,
        S::Ready,
        S::Running,
        S::InitError,
        S::ExitError,
        S::ShutdownFailed,
        S::Exited,
        S::LaunchError,
    ];

    fn permitted(transition: T) -> Vec<S> {
        STATES.into_iter().filter(|state| state.apply(transition, "x").is_ok()).collect()
    }

    #[test]
    fn the_table_permits_exactly_what_is_drawn() {
        assert_eq!(permitted(T::Register), [S::Started]);
        assert_eq!(permitted(T::Next), [S::Registered, S::Running]);
        assert_eq!(permitted(T::InitError), [S::Registered, S::InitError]);
        assert_eq!(permitted(T::ExitError), [S::Registered, S::Ready, S::Running, S::ExitError]);
    }

    #[test]
    fn a_refusal_names_both_states_and_the_extension() {
        assert_eq!(
            S::Ready.apply(T::Next, "id"),
            Err("State transition from Ready to Ready failed for extension id. \
                 Error: State transition is not allowed"
                .into())
        );
    }
}
