//! When schedules are due, for whoever keeps their appointments.

use std::{collections::BTreeMap, sync::Arc};

use lambda_model::{
    invocation::asynchronous::Delivery,
    schedule::{Schedule as Expression, Timing},
};
use store::{DocumentKey, StoreError, Transaction};

use super::{
    Scheduler,
    invocation::{self, Occasion},
    record::{ScheduleRecord, key_of_schedule_arn, schedule_arn},
    registry::Schedule,
    zone::NamedZone,
};
use crate::schedules::{Plan, Timetable};

const MINUTE_MS: i64 = 60_000;

/// When a schedule is due.
pub(super) struct Planned {
    timing: Timing,
    zone: NamedZone,
}

impl Planned {
    /// `None` for one that is disabled.
    pub(super) fn of(key: &DocumentKey, record: &ScheduleRecord) -> Option<Self> {
        if !record.is_enabled() {
            return None;
        }
        let window_minutes = record
            .window
            .maximum_window_in_minutes
            .filter(|_| record.window.mode.as_deref() == Some("FLEXIBLE"));
        let timing = Timing {
            schedule: Expression::of_scheduler(&record.expression).ok()?,
            since_ms: record.modified_ms,
            start_ms: record.start_ms,
            end_ms: record.end_ms,
            window_ms: window_minutes.unwrap_or(0) * MINUTE_MS,
            seed: seed(&schedule_arn(key)),
        };
        Some(Self { timing, zone: NamedZone::of(&record.time_zone)? })
    }
}

/// The same for the same name (FNV-1a).
fn seed(name: &str) -> u64 {
    const OFFSET: u64 = 0xcbf2_9ce4_8422_2325;
    const PRIME: u64 = 0x0100_0000_01b3;
    name.bytes().fold(OFFSET, |hash, byte| (hash ^ u64::from(byte)).wrapping_mul(PRIME))
}

/// A schedule that is enabled.
pub(crate) struct PlannedSchedule {
    key: DocumentKey,
    schedule: Arc<Schedule>,
}

impl PlannedSchedule {
    fn timing(&self) -> Option<(&Timing, &NamedZone)> {
        self.schedule.planned.as_ref().map(|planned| (&planned.timing, &planned.zone))
    }
}

impl Plan for PlannedSchedule {
    fn since_ms(&self) -> i64 {
        self.schedule.record.modified_ms
    }

    fn first(&self) -> Option<i64> {
        self.next_after(self.since_ms() - 1)
    }

    fn next_after(&self, after_ms: i64) -> Option<i64> {
        let (timing, zone) = self.timing()?;
        timing.next_after(after_ms, zone)
    }

    fn deliveries(&self, due_at_ms: i64, now_ms: i64) -> Vec<Delivery> {
        let said_ms = self.timing().map_or(due_at_ms, |(timing, zone)| timing.scheduled_at(due_at_ms, zone));
        let occasion = Occasion { key: &self.key, said_ms, now_ms };
        invocation::delivery(&self.schedule.record.target, &occasion).into_iter().collect()
    }

    fn goes_when_over(&self) -> bool {
        self.schedule.record.action_after_completion == "DELETE"
    }
}

impl Timetable for Scheduler {
    type Plan = PlannedSchedule;
    const SERVICE: &'static str = "scheduler";

    fn plans(&self) -> BTreeMap<String, PlannedSchedule> {
        let plan = |(key, schedule)| (schedule_arn(&key), PlannedSchedule { key, schedule });
        self.registry.planned().into_iter().map(plan).collect()
    }

    async fn changed(&self) {
        self.registry.changed().await;
    }

    async fn delete(&self, over: Vec<(String, i64)>) -> Result<(), StoreError> {
        let change = move |transaction: &mut Transaction<'_>| -> Result<(), StoreError> {
            for (key, since_ms) in
                over.iter().filter_map(|(arn, since)| Some((key_of_schedule_arn(arn)?, since)))
            {
                let known = transaction.document::<ScheduleRecord>(&key)?;
                if known.is_some_and(|record| record.modified_ms == *since_ms) {
                    transaction.delete_document::<ScheduleRecord>(&key)?;
                }
            }
            Ok(())
        };
        self.store.transact(change).await
    }
}
