//! An even sample of a stream whose length is not known before its end, in its order.

/// Keeps every event at first; when it is full, every second one, then every fourth, and so on.
#[derive(Debug)]
pub(super) struct Sample<T> {
    items: Vec<T>,
    max: usize,
    /// One of so many is kept.
    stride: usize,
    offered: usize,
    has_dropped: bool,
}

impl<T> Sample<T> {
    /// Room for `max` items, at least one.
    pub(super) fn new(max: usize) -> Self {
        Self { items: Vec::new(), max: max.max(1), stride: 1, offered: 0, has_dropped: false }
    }

    /// The next item of the stream.
    pub(super) fn offer(&mut self, item: T) {
        let is_kept = self.offered.is_multiple_of(self.stride);
        self.offered += 1;
        if !is_kept {
            self.has_dropped = true;
            return;
        }
        if self.items.len() == self.max {
            self.halve();
            if !(self.offered - 1).is_multiple_of(self.stride) {
                return;
            }
        }
        self.items.push(item);
    }

    fn halve(&mut self) {
        let mut position = 0usize;
        self.items.retain(|_| {
            position += 1;
            !position.is_multiple_of(2)
        });
        self.stride *= 2;
        self.has_dropped = true;
    }

    /// Something of the stream is not offered.
    pub(super) fn leave_out(&mut self) {
        self.has_dropped = true;
    }

    /// Whether it is less than the stream.
    pub(super) fn has_dropped(&self) -> bool {
        self.has_dropped
    }

    /// What was kept.
    pub(super) fn into_items(self) -> Vec<T> {
        self.items
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sample(max: usize, stream: std::ops::Range<usize>) -> Sample<usize> {
        let mut sample = Sample::new(max);
        stream.for_each(|item| sample.offer(item));
        sample
    }

    #[test]
    fn what_fits_is_whole() {
        let whole = sample(500, 0..500);
        assert!(!whole.has_dropped());
        assert_eq!(whole.into_items(), (0..500).collect::<Vec<_>>());
    }

    #[test]
    fn of_more_every_part_of_the_stream_is_there_in_its_order() {
        for length in [501, 999, 1000, 1001, 123_456] {
            let sampled = sample(500, 0..length);
            assert!(sampled.has_dropped());
            let items = sampled.into_items();
            assert!((250..=500).contains(&items.len()), "{length}: {}", items.len());
            let steps: Vec<usize> = items.windows(2).map(|pair| pair[1] - pair[0]).collect();
            assert!(steps.iter().all(|step| *step == steps[0]), "{length}: evenly");
            assert!(length - items[items.len() - 1] <= steps[0], "{length}: to the end");
        }
    }

    #[test]
    fn there_is_room_for_one_at_least() {
        assert_eq!(sample(0, 0..3).into_items().len(), 1);
    }
}
