//! What a template may make the server handle while it is rendered. A step may be long, and loops make many steps: what they handle
//! is counted where it is handled, by the thread that renders.

use std::cell::Cell;

use super::RenderError;

/// Bytes that all steps together may read and write: some seconds of work.
const HANDLED_BYTES_MAX: usize = 1024 * 1024 * 1024;
/// No text becomes longer (API Gateway quotas: payloads of 10 MB; what is on its way to one may be twice that).
pub(super) const TEXT_BYTES_MAX: usize = 20 * 1024 * 1024;
/// No list becomes longer, but those of the payload.
pub(super) const ITEMS_MAX: usize = 100_000;
/// What reading a pattern counts for, bytes.
pub(super) const PATTERN_COST: usize = 200_000;

thread_local! {
    /// What is left; `None` while nothing is rendered.
    static LEFT: Cell<Option<usize>> = const { Cell::new(None) };
}

/// As long as it lives, what is handled is counted.
pub(super) struct Meter(());

impl Meter {
    pub(super) fn start() -> Self {
        LEFT.set(Some(HANDLED_BYTES_MAX));
        Self(())
    }
}

impl Drop for Meter {
    fn drop(&mut self) {
        LEFT.set(None);
    }
}

/// Counts what is handled.
pub(super) fn count(bytes: usize) {
    LEFT.set(LEFT.get().map(|left| left.saturating_sub(bytes)));
}

/// Whether there is more to handle than there may be.
pub(super) fn is_spent() -> bool {
    LEFT.get() == Some(0)
}

/// Refuses to go on where too much was handled.
pub(super) fn check() -> Result<(), RenderError> {
    match is_spent() {
        true => Err(RenderError("the template does too much".to_owned())),
        false => Ok(()),
    }
}

/// Refuses to go on with a text that is too long.
pub(super) fn check_text(bytes: usize) -> Result<(), RenderError> {
    match bytes > TEXT_BYTES_MAX {
        true => Err(RenderError("the template gives too much".to_owned())),
        false => check(),
    }
}

/// The same of a list.
pub(super) fn check_list(items: usize) -> Result<(), RenderError> {
    match items > ITEMS_MAX {
        true => Err(RenderError(format!("a list has at most {ITEMS_MAX} items"))),
        false => check(),
    }
}
