//! Receipt handles: they name a message, where it lay when it was received, and which of its receives that was.

use base64::{Engine, prelude::BASE64_STANDARD};
use store::Place;

use super::queue::Queue;

/// What a handle says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Receipt {
    /// The queue, by the name of its messages in the store.
    pub queue: String,
    /// Where the message lay.
    pub place: Place,
    /// How often it had been received by then.
    pub receives: u32,
}

impl Receipt {
    /// As clients see it.
    pub(super) fn handle(&self) -> String {
        let Self { queue, place, receives } = self;
        BASE64_STANDARD.encode(format!("{queue} {} {} {receives}", place.id, place.due_at_ms))
    }

    /// Of a handle that this queue gave.
    pub(super) fn read(queue: &Queue, handle: &str) -> Option<Self> {
        let text = String::from_utf8(BASE64_STANDARD.decode(handle).ok()?).ok()?;
        let parts: Vec<&str> = text.split(' ').collect();
        let [of, id, due_at_ms, receives] = parts[..] else { return None };
        let place = Place { id: id.parse().ok()?, due_at_ms: due_at_ms.parse().ok()? };
        (of == queue.id()).then_some(Self { queue: of.to_owned(), place, receives: receives.parse().ok()? })
    }
}
