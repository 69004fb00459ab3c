//! Rules with a schedule: what is due is put into the outbox, together with when it is due next, in one transaction. So no time is missed
//! for a crash, and none comes twice.
//!
//! ```text
//!  rule committed ──► appointment made (its first time after the rule's) ──due──► outbox of each target, and the next time
//!  rule changed or gone ──► appointment made anew, or forgotten
//! ```
//! What was due while the server was down is due at once, once: the first of the times that were missed. A target whose retry policy
//! would have given up by then gets nothing, and the log says so.

use std::{collections::BTreeMap, convert::Infallible, time::Duration};

use aws_api::{request_id, timestamp};
use lambda_model::{error::with_causes, invocation::asynchronous::Delivery};
use serde_json::json;
use store::{Appointment, QueueTransaction, StoreError};
use tokio::time::sleep;

use super::{
    EventBridge,
    bus::BusKey,
    registry::{Named, Rule},
};

/// The longest sleep: whatever the clock does, it is looked at.
const SLEEP_MAX: Duration = Duration::from_secs(60);
/// The wait after a store that could not be read or written.
const UNREADABLE_PAUSE: Duration = Duration::from_secs(1);

/// When something is due that is never due: kept all the same, so that what is over does not begin again.
const NEVER_MS: i64 = i64::MAX;

/// Appointments by the ARNs of their rules.
type Appointments = BTreeMap<String, Appointment>;

impl Rule {
    /// Its first time after another; none where it has no schedule.
    fn next(&self, name: String, after_ms: i64) -> Option<Appointment> {
        let (schedule, since_ms) = self.schedule.as_ref()?;
        let due_at_ms = schedule.next_after(after_ms, *since_ms).unwrap_or(NEVER_MS);
        Some(Appointment { name, since_ms: *since_ms, due_at_ms })
    }
}

impl EventBridge {
    /// Does what is due, until the store is closed.
    pub async fn run_schedules(self) {
        loop {
            let Err(error) = self.keep_appointments().await;
            if matches!(error, StoreError::Closed) {
                return;
            }
            tracing::error!(error = with_causes(&error), "schedules could not be kept");
            sleep(UNREADABLE_PAUSE).await;
        }
    }

    async fn keep_appointments(&self) -> Result<Infallible, StoreError> {
        let mut kept = self.kept().await?;
        loop {
            let due_ms = self.do_what_is_due(&mut kept).await?;
            let wait_ms = due_ms.saturating_sub(self.clock.now_ms());
            let wait = Duration::from_millis(u64::try_from(wait_ms).unwrap_or(0)).min(SLEEP_MAX);
            tokio::select! {
                // What changes meanwhile has left a permit.
                () = self.registry.schedules_changed() => {}
                () = sleep(wait) => {}
            }
        }
    }

    /// What an earlier server left. What is damaged of it counts from now: it may have been due before.
    async fn kept(&self) -> Result<Appointments, StoreError> {
        let (whole, damaged) = self.store.queues().appointments().await?;
        let now_ms = self.clock.now_ms();
        let rules = self.registry.scheduled();
        let anew = |name: String| rules.get(&name).and_then(|(_, _, rule)| rule.next(name, now_ms));
        let anew: Vec<Appointment> = damaged.into_iter().filter_map(anew).collect();
        let made = anew.clone();
        let make = move |transaction: &mut QueueTransaction<'_>| -> Result<(), StoreError> {
            made.iter().try_for_each(|appointment| transaction.appoint(appointment))
        };
        if !anew.is_empty() {
            self.store.queues().transact(make).await?;
        }
        Ok(whole.into_iter().chain(anew).map(|one| (one.name.clone(), one)).collect())
    }

    /// Makes up with the rules, and has delivered what is due; when something is due next.
    async fn do_what_is_due(&self, kept: &mut Appointments) -> Result<i64, StoreError> {
        self.reconcile(kept).await?;
        let now_ms = self.clock.now_ms();
        let due: Vec<Appointment> = kept.values().filter(|one| one.due_at_ms <= now_ms).cloned().collect();
        for appointment in due {
            self.keep(kept, appointment, now_ms).await?;
        }
        Ok(kept.values().map(|one| one.due_at_ms).min().unwrap_or(NEVER_MS))
    }

    /// Makes the appointments of rules that have none, and forgets those of rules that are not as they were.
    async fn reconcile(&self, kept: &mut Appointments) -> Result<(), StoreError> {
        let rules = self.registry.scheduled();
        let is_current = |one: &Appointment| {
            rules.get(&one.name).is_some_and(|(_, _, rule)| rule.since_ms() == Some(one.since_ms))
        };
        let gone = kept.values().filter(|one| !is_current(one)).map(|one| one.name.clone());
        let gone: Vec<String> = gone.collect();
        let is_new = |name: &String| gone.contains(name) || !kept.contains_key(name);
        let first = |(name, (_, _, rule)): (&String, &Named)| rule.next(name.clone(), rule.since_ms()?);
        let new: Vec<Appointment> = rules.iter().filter(|(name, _)| is_new(name)).filter_map(first).collect();
        if gone.is_empty() && new.is_empty() {
            return Ok(());
        }
        let (cancelled, made) = (gone.clone(), new.clone());
        let change = move |transaction: &mut QueueTransaction<'_>| -> Result<(), StoreError> {
            cancelled.iter().try_for_each(|name| transaction.cancel(name))?;
            made.iter().try_for_each(|appointment| transaction.appoint(appointment))
        };
        self.store.queues().transact(change).await?;
        kept.retain(|name, _| !gone.contains(name));
        kept.extend(new.into_iter().map(|one| (one.name.clone(), one)));
        Ok(())
    }

    /// Has it delivered, and keeps when it is due next.
    async fn keep(
        &self,
        kept: &mut Appointments,
        appointment: Appointment,
        now_ms: i64,
    ) -> Result<(), StoreError> {
        let named = self.registry.scheduled().remove(&appointment.name);
        // Of a rule that is not as it was the next look makes it anew.
        let Some((key, name, rule)) =
            named.filter(|(_, _, rule)| rule.since_ms() == Some(appointment.since_ms))
        else {
            return Ok(());
        };
        let Some(next) = rule.next(appointment.name.clone(), now_ms) else { return Ok(()) };
        let deliveries = self.due_deliveries(&key, &name, &rule, &appointment, now_ms);
        let after = next.clone();
        let change = move |transaction: &mut QueueTransaction<'_>| -> Result<(), StoreError> {
            deliveries.into_iter().try_for_each(|delivery| transaction.deliver(delivery))?;
            transaction.appoint(&after)
        };
        self.store.queues().transact(change).await?;
        kept.insert(next.name.clone(), next);
        Ok(())
    }

    fn due_deliveries(
        &self,
        key: &BusKey,
        name: &str,
        rule: &Rule,
        appointment: &Appointment,
        now_ms: i64,
    ) -> Vec<Delivery> {
        let event = json!({
            "version": "0",
            "id": request_id::new(),
            "detail-type": "Scheduled Event",
            "source": "aws.events",
            "account": key.account_id,
            "time": timestamp::iso_seconds(appointment.due_at_ms.div_euclid(1_000)),
            "region": key.region,
            "resources": [key.rule_arn(name)],
            "detail": {},
        });
        let mut deliveries = self.deliveries(key, name, rule, (&event.to_string(), None));
        let late_ms = now_ms - appointment.due_at_ms;
        deliveries.retain_mut(|delivery| {
            let Some(tries) = &mut delivery.tries else { return true };
            tries.until_ms = tries.until_ms.saturating_sub(late_ms);
            let is_in_time = tries.until_ms >= now_ms;
            if !is_in_time {
                let (rule, target) = (&appointment.name, &delivery.target);
                tracing::warn!(
                    rule,
                    target,
                    late_ms,
                    "a schedule was due so long ago that its target gets nothing"
                );
            }
            is_in_time
        });
        deliveries
    }
}

#[cfg(test)]
mod tests {
    use std::{
        path::PathBuf,
        sync::{
            Arc,
            atomic::{AtomicI64, Ordering},
        },
    };

    use lambda_model::ports::Clock;
    use store::{Change, CommitObserver, Document, DocumentKey, OpenOptions, Store};

    use super::*;
    use crate::eventbridge::bus::{DEFAULT, RuleRecord};

    const MINUTE_MS: i64 = 60_000;
    const TARGET: &str = "arn:aws:sqs:us-east-1:000000000000:q";

    struct SetClock(AtomicI64);

    impl Clock for SetClock {
        fn now_ms(&self) -> i64 {
            self.0.load(Ordering::Relaxed)
        }
    }

    struct Nobody;

    impl CommitObserver for Nobody {
        fn committed(&self, _: &Change) {}
    }

    /// EventBridge on a clock that is set, with one rule.
    struct Bench {
        events: EventBridge,
        clock: Arc<SetClock>,
    }

    impl Bench {
        fn new() -> Self {
            let options = OpenOptions { data_dir: PathBuf::new(), ephemeral: true };
            let store = Store::open(options, Arc::new(Nobody)).unwrap();
            let clock = Arc::new(SetClock(AtomicI64::new(0)));
            Self { events: EventBridge::new(store, Arc::default(), clock.clone()), clock }
        }

        fn key() -> BusKey {
            BusKey { account_id: "000000000000".into(), region: "us-east-1".into(), name: DEFAULT.into() }
        }

        fn put_rule(&self, expression: &str, since_ms: i64) {
            let target = aws_api::generated::events::types::Target {
                id: Some("0".into()),
                arn: Some(TARGET.into()),
                ..Default::default()
            };
            let record = RuleRecord {
                schedule: Some((expression.into(), since_ms)),
                state: "ENABLED".into(),
                targets: [("0".to_owned(), target)].into(),
                ..RuleRecord::default()
            };
            let document: DocumentKey = Self::key().rule_document("r");
            let change = Change::DocumentStored {
                kind: RuleRecord::KIND.to_owned(),
                key: document,
                document: serde_json::to_vec(&record).unwrap(),
            };
            self.events.registry.committed(&change);
        }

        /// A server that begins at a time: what it keeps, and the times of the events that it puts into the outbox.
        async fn begin(&self, now_ms: i64) -> (Appointments, Vec<String>) {
            self.clock.0.store(now_ms, Ordering::Relaxed);
            let mut kept = self.events.kept().await.unwrap();
            self.events.do_what_is_due(&mut kept).await.unwrap();
            (kept, self.told().await)
        }

        async fn at(&self, kept: &mut Appointments, now_ms: i64) -> Vec<String> {
            self.clock.0.store(now_ms, Ordering::Relaxed);
            self.events.do_what_is_due(kept).await.unwrap();
            self.told().await
        }

        /// The times of the events in the outbox that were not claimed yet.
        async fn told(&self) -> Vec<String> {
            let queues = self.events.store.queues();
            let items = queues.claim_deliveries(TARGET, i64::MAX, 100).await.unwrap().items;
            let time = |body: &[u8]| {
                let event: serde_json::Value = serde_json::from_slice(body).unwrap();
                event["time"].as_str().unwrap().to_owned()
            };
            items.iter().map(|item| time(&item.delivery.body)).collect()
        }
    }

    #[tokio::test]
    async fn each_time_comes_once_also_when_another_server_goes_on() {
        let bench = Bench::new();
        bench.put_rule("rate(5 minutes)", 0);
        let (mut kept, told) = bench.begin(MINUTE_MS).await;
        assert!(told.is_empty());
        assert_eq!(bench.at(&mut kept, 5 * MINUTE_MS).await, ["1970-01-01T00:05:00Z"]);
        assert!(bench.at(&mut kept, 9 * MINUTE_MS).await.is_empty());
        // Another server, at the same time: nothing comes again.
        assert!(bench.begin(9 * MINUTE_MS).await.1.is_empty());
        // While none was there three times were missed: the first of them comes, late.
        let (mut kept, told) = bench.begin(21 * MINUTE_MS).await;
        assert_eq!(told, ["1970-01-01T00:10:00Z"]);
        assert_eq!(bench.at(&mut kept, 25 * MINUTE_MS).await, ["1970-01-01T00:25:00Z"]);
        // A clock that is put back has nothing come twice.
        assert!(bench.at(&mut kept, 5 * MINUTE_MS).await.is_empty());
        assert!(bench.at(&mut kept, 25 * MINUTE_MS).await.is_empty());
    }

    #[tokio::test]
    async fn what_is_too_late_for_its_target_does_not_come() {
        let bench = Bench::new();
        bench.put_rule("rate(5 minutes)", 0);
        bench.begin(0).await;
        let (kept, told) = bench.begin(5 * MINUTE_MS + 24 * 60 * MINUTE_MS + 1).await;
        assert!(told.is_empty());
        assert_eq!(kept.values().next().unwrap().due_at_ms, 10 * MINUTE_MS + 24 * 60 * MINUTE_MS);
    }

    #[tokio::test]
    async fn what_is_over_does_not_begin_again() {
        let bench = Bench::new();
        bench.put_rule("cron(30 0 1 1 ? 1970)", 0);
        bench.begin(0).await;
        assert_eq!(bench.begin(30 * MINUTE_MS).await.1, ["1970-01-01T00:30:00Z"]);
        let (mut kept, told) = bench.begin(31 * MINUTE_MS).await;
        assert!(told.is_empty() && bench.at(&mut kept, 366 * 24 * 60 * MINUTE_MS).await.is_empty());
    }

    #[tokio::test]
    async fn a_rule_that_changes_counts_anew() {
        let bench = Bench::new();
        bench.put_rule("rate(5 minutes)", 0);
        let (mut kept, _) = bench.begin(4 * MINUTE_MS).await;
        bench.put_rule("rate(10 minutes)", 4 * MINUTE_MS);
        assert!(bench.at(&mut kept, 5 * MINUTE_MS).await.is_empty());
        assert_eq!(bench.at(&mut kept, 14 * MINUTE_MS).await, ["1970-01-01T00:14:00Z"]);
        let gone = Change::DocumentDeleted {
            kind: RuleRecord::KIND.to_owned(),
            key: Bench::key().rule_document("r"),
        };
        bench.events.registry.committed(&gone);
        assert!(bench.at(&mut kept, 24 * MINUTE_MS).await.is_empty() && kept.is_empty());
    }
}
