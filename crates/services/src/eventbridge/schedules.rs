//! The schedules of rules.

use std::{collections::BTreeMap, sync::Arc};

use aws_api::{request_id, timestamp};
use lambda_model::{
    invocation::asynchronous::Delivery,
    ports::ScheduleMetrics,
    schedule::{Schedule, Utc},
};
use serde_json::json;

use super::{EventBridge, bus::BusKey, registry::Rule};
use crate::schedules::{Keeper, Plan, Timetable};

impl EventBridge {
    /// Has what is due delivered, until the store is closed.
    pub async fn run_schedules(self, metrics: Arc<dyn ScheduleMetrics>) {
        let (queues, clock) = (self.store.queues(), Arc::clone(&self.clock));
        Keeper { timetable: self, queues, clock, metrics }.run().await;
    }
}

impl Timetable for EventBridge {
    type Plan = ScheduledRule;
    const SERVICE: &'static str = "events";

    fn plans(&self) -> BTreeMap<String, ScheduledRule> {
        let plan = |(key, name, rule): (BusKey, String, Arc<Rule>)| {
            let (schedule, since_ms) = rule.schedule.clone()?;
            Some(ScheduledRule { events: self.clone(), key, name, rule, schedule, since_ms })
        };
        self.registry.scheduled().into_iter().filter_map(|(arn, named)| Some((arn, plan(named)?))).collect()
    }

    async fn changed(&self) {
        self.registry.schedules_changed().await;
    }
}

/// A rule that is enabled and has a schedule.
pub(crate) struct ScheduledRule {
    events: EventBridge,
    key: BusKey,
    name: String,
    rule: Arc<Rule>,
    schedule: Schedule,
    since_ms: i64,
}

impl Plan for ScheduledRule {
    fn since_ms(&self) -> i64 {
        self.since_ms
    }

    fn first(&self) -> Option<i64> {
        self.next_after(self.since_ms)
    }

    fn next_after(&self, after_ms: i64) -> Option<i64> {
        self.schedule.next_after(after_ms, self.since_ms, &Utc)
    }

    fn deliveries(&self, due_at_ms: i64, _: i64) -> Vec<Delivery> {
        let event = json!({
            "version": "0",
            "id": request_id::new(),
            "detail-type": "Scheduled Event",
            "source": "aws.events",
            "account": self.key.account_id,
            "time": timestamp::iso_seconds(due_at_ms.div_euclid(1_000)),
            "region": self.key.region,
            "resources": [self.key.rule_arn(&self.name)],
            "detail": {},
        });
        self.events.deliveries(&self.key, &self.name, &self.rule, (&event.to_string(), None))
    }
}
