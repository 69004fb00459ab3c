//! How many files this process may have open: an environment costs the server some, a client one.

use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

/// Enough for the thousand environments that an account may have by default, and their clients.
const WANTED: u64 = 16_384;

/// What the server itself has open, and clients that wait for nothing.
const OF_THE_SERVER: u64 = 1_024;

/// An environment's: its channel, its init, two listeners, where segments of traces and questions for names come, a connection,
/// its log; and its client.
const OF_AN_ENVIRONMENT: u64 = 9;

/// Raises the limit as far as this user may. The environments that it has room for: more would fail in the middle of a start,
/// these are throttled.
pub(crate) fn raise_limit() -> usize {
    let limit = getrlimit(Resource::Nofile);
    let raised = setrlimit(Resource::Nofile, Rlimit { current: limit.maximum, maximum: limit.maximum });
    let now = if raised.is_ok() { limit.maximum } else { limit.current };
    if let Some(files) = now.filter(|files| *files < WANTED) {
        tracing::warn!(
            "only {files} files may be open at a time, which bounds how many functions run at once: \
             raise the hard limit (ulimit -Hn, or LimitNOFILE= of a systemd unit)"
        );
    }
    let room = now.unwrap_or(u64::MAX).saturating_sub(OF_THE_SERVER) / OF_AN_ENVIRONMENT;
    usize::try_from(room.max(1)).unwrap_or(usize::MAX)
}

/// How many files may be open now.
pub(crate) fn limit() -> usize {
    let now = getrlimit(Resource::Nofile).current.unwrap_or(u64::from(u32::MAX));
    usize::try_from(now).unwrap_or(usize::MAX).min(tokio::sync::Semaphore::MAX_PERMITS)
}
