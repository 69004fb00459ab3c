//! How many attempts the server has room for, as far as refusals have shown: less than it may run where memory is short, and more
//! again as time passes.

use std::time::Duration;

use tokio::time::Instant;

/// The room grows by one attempt in so much time.
const GROWS_EVERY: Duration = Duration::from_millis(50);

/// See the module's doc.
#[derive(Debug)]
pub(super) struct Room {
    total: u32,
    /// What there was room for, and when.
    found: (u32, Instant),
}

impl Room {
    /// Until something is refused there is room for all.
    pub(super) fn new(total: u32) -> Self {
        Self { total, found: (total, Instant::now()) }
    }

    /// Attempts that there may be room for.
    pub(super) fn width(&self, now: Instant) -> u32 {
        let (width, at) = self.found;
        let grown = now.saturating_duration_since(at).as_millis() / GROWS_EVERY.as_millis();
        width.saturating_add(u32::try_from(grown).unwrap_or(u32::MAX)).min(self.total)
    }

    /// One more than these had no room: a quarter is given up, so that whoever comes next finds some.
    pub(super) fn refused(&mut self, running: u32, now: Instant) {
        let left = running.saturating_mul(3) / 4;
        self.found = (left.clamp(1, self.width(now).max(1)), now);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn a_refusal_shows_how_much_there_is_and_it_grows_again() {
        let mut room = Room::new(100);
        let now = Instant::now();
        assert_eq!(room.width(now), 100);
        room.refused(40, now);
        assert_eq!(room.width(now), 30);
        assert_eq!(room.width(now + GROWS_EVERY * 5), 35);
        assert_eq!(room.width(now + GROWS_EVERY * 1_000), 100);
        room.refused(0, now);
        assert_eq!(room.width(now), 1);
        room.refused(90, now);
        assert_eq!(room.width(now), 1, "it is not more than was known");
    }
}
