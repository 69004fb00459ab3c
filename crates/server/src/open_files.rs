//! How many files this process may have open: an environment costs the server some, a client one.

use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

/// Enough for the thousand environments that an account may have by default, and their clients.
const WANTED: u64 = 16_384;

/// Raises the limit as far as this user may.
pub(crate) fn raise_limit() {
    let limit = getrlimit(Resource::Nofile);
    let raised = setrlimit(Resource::Nofile, Rlimit { current: limit.maximum, maximum: limit.maximum });
    let now = if raised.is_ok() { limit.maximum } else { limit.current };
    if let Some(files) = now.filter(|files| *files < WANTED) {
        tracing::warn!(
            "only {files} files may be open at a time, which bounds how many functions run at once: \
             raise the hard limit (ulimit -Hn, or LimitNOFILE= of a systemd unit)"
        );
    }
}
