//! What a member brings next.

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use lambda_model::event_source_mapping::{
    broker::kafka::KafkaRecord,
    filter::{FilterPattern, kafka::matches_any},
    queue::BATCH_BYTES_MAX,
};

/// Bytes that are around the records of an event: names of servers and partitions.
const AROUND: usize = 16 * 1024;

/// Records, and where their partitions go on behind them.
#[derive(Default)]
pub(super) struct Batch {
    /// Those that a filter lets through.
    pub records: Vec<KafkaRecord>,
    /// Behind these and the others.
    pub behind: BTreeMap<i32, i64>,
    /// Of the records.
    bytes: usize,
    /// Whether it takes no more.
    pub is_full: bool,
    /// Those that no filter let through.
    pub filtered_out: usize,
}

impl Batch {
    /// Takes records from the front, as many as there is room for; says how many.
    pub(super) fn take(
        &mut self,
        ahead: &mut VecDeque<KafkaRecord>,
        patterns: &[FilterPattern],
        records_max: usize,
    ) -> usize {
        let before = ahead.len();
        while let Some(record) = ahead.pop_front() {
            if !matches_any(patterns, &record) {
                self.pass(&record);
                self.filtered_out += 1;
                continue;
            }
            let bytes = record.json().to_string().len() + 1;
            if !self.records.is_empty() && AROUND + self.bytes + bytes > BATCH_BYTES_MAX {
                self.is_full = true;
                ahead.push_front(record);
                break;
            }
            self.pass(&record);
            self.bytes += bytes;
            self.records.push(record);
            if self.records.len() >= records_max {
                self.is_full = true;
                break;
            }
        }
        before - ahead.len()
    }

    fn pass(&mut self, record: &KafkaRecord) {
        self.behind.insert(record.partition, record.offset.saturating_add(1));
    }

    /// Whether it passes nothing.
    pub(super) fn is_empty(&self) -> bool {
        self.behind.is_empty()
    }

    /// Gives back what is of partitions that are another's now.
    pub(super) fn leave(&mut self, partitions: &BTreeSet<i32>) {
        self.records.retain(|record| !partitions.contains(&record.partition));
        self.behind.retain(|partition, _| !partitions.contains(partition));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn record(partition: i32, offset: i64, bytes: usize) -> KafkaRecord {
        KafkaRecord {
            topic: "t".into(),
            partition,
            offset,
            timestamp_ms: 0,
            is_append_time: false,
            key: None,
            value: Some(vec![b'a'; bytes].into()),
            headers: Vec::new(),
        }
    }

    #[test]
    fn a_batch_passes_what_no_filter_lets_through() {
        let patterns = [FilterPattern::parse(r#"{"offset": [1, 2]}"#).unwrap()];
        let mut ahead: VecDeque<_> = (0..4).map(|offset| record(0, offset, 1)).collect();
        let mut batch = Batch::default();
        assert_eq!(batch.take(&mut ahead, &patterns, 10), 4);
        assert_eq!((batch.records.len(), batch.filtered_out, batch.is_full), (2, 2, false));
        assert_eq!(batch.behind, [(0, 4)].into());
    }

    #[test]
    fn a_batch_is_full_with_its_size_or_its_bytes_and_has_one_record_at_least() {
        let mut ahead: VecDeque<_> = (0..4).map(|offset| record(0, offset, 1)).collect();
        let mut batch = Batch::default();
        batch.take(&mut ahead, &[], 3);
        assert_eq!((batch.records.len(), batch.is_full, ahead.len()), (3, true, 1));
        let mut ahead: VecDeque<_> = (0..3).map(|offset| record(1, offset, BATCH_BYTES_MAX / 2)).collect();
        let mut batch = Batch::default();
        batch.take(&mut ahead, &[], 3);
        assert_eq!((batch.records.len(), batch.is_full, ahead.len()), (1, true, 2));
        assert_eq!(batch.behind, [(1, 1)].into());
    }

    #[test]
    fn what_is_anothers_is_left() {
        let mut ahead: VecDeque<_> = [record(0, 1, 1), record(1, 5, 1)].into();
        let mut batch = Batch::default();
        batch.take(&mut ahead, &[], 9);
        batch.leave(&[1].into());
        assert_eq!((batch.records.len(), batch.behind), (1, [(0, 2)].into()));
    }
}
