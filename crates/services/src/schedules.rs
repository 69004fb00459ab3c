//! What comes again: rules with a schedule, and schedules. What is due is put into the outbox, together with when it is due next, in one
//! transaction. So no time is missed for a crash, and none comes twice.
//!
//! ```text
//!  plan committed ──► appointment made (its first time) ──due──► outbox of each target, and the next time ──never again──► plan told
//!  plan changed or gone ──► appointment made anew, or forgotten
//! ```
//! What was due while the server was down is due at once, once: the first of the times that were missed. A target whose retry policy
//! would have given up by then gets nothing, and the log says so.

use std::{collections::BTreeMap, convert::Infallible, future::Future, sync::Arc, time::Duration};

use lambda_model::{
    error::with_causes,
    invocation::asynchronous::Delivery,
    ports::{Clock, ScheduleMetrics},
};
use store::{Appointment, QueueTransaction, Queues, StoreError};
use tokio::time::sleep;

/// The longest sleep: whatever the clock does, it is looked at.
const SLEEP_MAX: Duration = Duration::from_secs(60);
/// The wait after a store that could not be read or written.
const UNREADABLE_PAUSE: Duration = Duration::from_secs(1);
/// What is late by less was not missed: what is due between it and now comes too.
const LATE_MS: i64 = 60_000;
/// Appointments that one transaction keeps at most: others use the database meanwhile.
const BATCH: usize = 100;

/// When something is due that is never due: kept all the same, so that what is over does not begin again.
const NEVER_MS: i64 = i64::MAX;

/// Something that comes again.
pub(crate) trait Plan: Send + Sync {
    /// When it became what it is: one of the same name that is made anew has another. Unix time, milliseconds.
    fn since_ms(&self) -> i64;

    /// The first time ever at which it is due.
    fn first(&self) -> Option<i64>;

    /// The first time after `after_ms`; `None`: never.
    fn next_after(&self, after_ms: i64) -> Option<i64>;

    /// What is to be delivered for the time at which it was due.
    fn deliveries(&self, due_at_ms: i64, now_ms: i64) -> Vec<Delivery>;

    /// Whether it is to go when it is never due again.
    fn goes_when_over(&self) -> bool {
        false
    }
}

/// The plans of a service.
pub(crate) trait Timetable: Send + Sync + 'static {
    /// What they are.
    type Plan: Plan;

    /// The service in their ARNs, which names their appointments too.
    const SERVICE: &'static str;

    /// Those that may be due, by their ARNs.
    fn plans(&self) -> BTreeMap<String, Self::Plan>;

    /// Until one of them changes. What changes meanwhile leaves a permit.
    fn changed(&self) -> impl Future<Output = ()> + Send;

    /// Deletes those that are over, unless they have changed since.
    fn delete(&self, over: Vec<(String, i64)>) -> impl Future<Output = Result<(), StoreError>> + Send {
        let _ = over;
        async { Ok(()) }
    }
}

/// Appointments by the ARNs of their plans.
type Appointments = BTreeMap<String, Appointment>;

/// Who has what is due delivered.
pub(crate) struct Keeper<T> {
    pub timetable: T,
    pub queues: Queues,
    pub clock: Arc<dyn Clock>,
    pub metrics: Arc<dyn ScheduleMetrics>,
}

impl<T: Timetable> Keeper<T> {
    /// Does what is due, until the store is closed.
    pub(crate) async fn run(self) {
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
                () = self.timetable.changed() => {}
                () = sleep(wait) => {}
            }
        }
    }

    /// What an earlier server left. What is damaged of it counts from now: it may have been due before.
    async fn kept(&self) -> Result<Appointments, StoreError> {
        let (mut whole, mut damaged) = self.queues.appointments().await?;
        let is_ours = |name: &str| name.split(':').nth(2) == Some(T::SERVICE);
        whole.retain(|one| is_ours(&one.name));
        damaged.retain(|name| is_ours(name));
        let now_ms = self.clock.now_ms();
        let plans = self.timetable.plans();
        let anew = |name: String| {
            let plan = plans.get(&name)?;
            Some(appointment(name, plan, plan.next_after(now_ms)))
        };
        let anew: Vec<Appointment> = damaged.into_iter().filter_map(anew).collect();
        self.appoint(Vec::new(), anew.clone()).await?;
        Ok(whole.into_iter().chain(anew).map(|one| (one.name.clone(), one)).collect())
    }

    /// Makes up with the plans, and has delivered what is due; when something is due next.
    async fn do_what_is_due(&self, kept: &mut Appointments) -> Result<i64, StoreError> {
        let plans = self.timetable.plans();
        self.reconcile(&plans, kept).await?;
        let now_ms = self.clock.now_ms();
        let due: Vec<Appointment> = kept.values().filter(|one| one.due_at_ms <= now_ms).cloned().collect();
        for batch in due.chunks(BATCH) {
            self.keep(&plans, kept, batch, now_ms).await?;
        }
        self.end_what_is_over(&plans, kept).await?;
        Ok(kept.values().map(|one| one.due_at_ms).min().unwrap_or(NEVER_MS))
    }

    /// Makes the appointments of plans that have none, and forgets those of plans that are not as they were.
    async fn reconcile(
        &self,
        plans: &BTreeMap<String, T::Plan>,
        kept: &mut Appointments,
    ) -> Result<(), StoreError> {
        let is_current =
            |one: &Appointment| plans.get(&one.name).is_some_and(|plan| plan.since_ms() == one.since_ms);
        let gone = kept.values().filter(|one| !is_current(one)).map(|one| one.name.clone());
        let gone: Vec<String> = gone.collect();
        kept.retain(|_, one| is_current(one));
        let new = plans.iter().filter(|(name, _)| !kept.contains_key(*name));
        let new: Vec<Appointment> =
            new.map(|(name, plan)| appointment(name.clone(), plan, plan.first())).collect();
        self.appoint(gone, new.clone()).await?;
        kept.extend(new.into_iter().map(|one| (one.name.clone(), one)));
        Ok(())
    }

    async fn appoint(&self, cancelled: Vec<String>, made: Vec<Appointment>) -> Result<(), StoreError> {
        if cancelled.is_empty() && made.is_empty() {
            return Ok(());
        }
        let change = move |transaction: &mut QueueTransaction<'_>| -> Result<(), StoreError> {
            cancelled.iter().try_for_each(|name| transaction.cancel(name))?;
            made.iter().try_for_each(|appointment| transaction.appoint(appointment))
        };
        self.queues.transact(change).await
    }

    /// Has them delivered, and keeps when they are due next.
    async fn keep(
        &self,
        plans: &BTreeMap<String, T::Plan>,
        kept: &mut Appointments,
        due: &[Appointment],
        now_ms: i64,
    ) -> Result<(), StoreError> {
        let (mut deliveries, mut next) = (Vec::new(), Vec::new());
        for one in due {
            let Some(plan) = plans.get(&one.name) else { continue };
            let is_missed = now_ms - one.due_at_ms >= LATE_MS;
            let after_ms = if is_missed { now_ms } else { one.due_at_ms };
            next.push(appointment(one.name.clone(), plan, plan.next_after(after_ms)));
            let due = plan.deliveries(one.due_at_ms, now_ms).into_iter();
            deliveries.extend(due.filter_map(|delivery| self.in_time(delivery, one, now_ms)));
        }
        let made = next.clone();
        let change = move |transaction: &mut QueueTransaction<'_>| -> Result<(), StoreError> {
            deliveries.into_iter().try_for_each(|delivery| transaction.deliver(delivery))?;
            made.iter().try_for_each(|appointment| transaction.appoint(appointment))
        };
        self.queues.transact(change).await?;
        kept.extend(next.into_iter().map(|one| (one.name.clone(), one)));
        Ok(())
    }

    async fn end_what_is_over(
        &self,
        plans: &BTreeMap<String, T::Plan>,
        kept: &Appointments,
    ) -> Result<(), StoreError> {
        let goes = |one: &&Appointment| plans.get(&one.name).is_some_and(Plan::goes_when_over);
        let over = kept.values().filter(|one| one.due_at_ms == NEVER_MS).filter(goes);
        let over: Vec<(String, i64)> = over.map(|one| (one.name.clone(), one.since_ms)).collect();
        if over.is_empty() { Ok(()) } else { self.timetable.delete(over).await }
    }

    /// What is not too late for its target; its time counts from when it was due.
    fn in_time(&self, mut delivery: Delivery, due: &Appointment, now_ms: i64) -> Option<Delivery> {
        let late_ms = now_ms - due.due_at_ms;
        let Some(tries) = &mut delivery.tries else { return Some(delivery) };
        tries.until_ms = tries.until_ms.saturating_sub(late_ms);
        if tries.until_ms >= now_ms {
            return Some(delivery);
        }
        let (schedule, target) = (&due.name, &delivery.target);
        self.metrics.schedule_dropped(schedule);
        tracing::warn!(
            schedule,
            target,
            late_ms,
            "a schedule was due so long ago that its target gets nothing"
        );
        None
    }
}

fn appointment(name: String, plan: &impl Plan, due_at_ms: Option<i64>) -> Appointment {
    Appointment { name, since_ms: plan.since_ms(), due_at_ms: due_at_ms.unwrap_or(NEVER_MS) }
}

#[cfg(test)]
mod tests {
    use std::{
        path::PathBuf,
        sync::{
            Arc, Mutex,
            atomic::{AtomicI64, Ordering},
        },
    };

    use lambda_model::ports::Clock;
    use lambda_model::{
        invocation::asynchronous::Tries,
        schedule::{Schedule, Utc},
    };
    use store::{Change, CommitObserver, DataDir, OpenOptions, Store};

    use super::*;

    const MINUTE_MS: i64 = 60_000;
    const NAME: &str = "arn:aws:tests:us-east-1:000000000000:plan";
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

    #[derive(Default)]
    struct Dropped(AtomicI64);

    impl ScheduleMetrics for Dropped {
        fn schedule_dropped(&self, schedule: &str) {
            assert_eq!(schedule, NAME);
            self.0.fetch_add(1, Ordering::Relaxed);
        }
    }

    /// Tells a queue when it was due, within a day.
    #[derive(Clone)]
    struct Daily {
        schedule: Schedule,
        since_ms: i64,
        goes: bool,
    }

    impl Plan for Daily {
        fn since_ms(&self) -> i64 {
            self.since_ms
        }

        fn first(&self) -> Option<i64> {
            self.next_after(self.since_ms)
        }

        fn next_after(&self, after_ms: i64) -> Option<i64> {
            self.schedule.next_after(after_ms, self.since_ms, &Utc)
        }

        fn deliveries(&self, due_at_ms: i64, now_ms: i64) -> Vec<Delivery> {
            let tries = Tries {
                retries_max: 0,
                until_ms: now_ms + 24 * 60 * MINUTE_MS,
                dead_letter: None,
                event: None,
                about: Vec::new(),
            };
            vec![Delivery {
                target: TARGET.into(),
                origin: None,
                sender: None,
                tries: Some(tries),
                group: None,
                request_id: due_at_ms.to_string(),
                trace_id: None,
                object_key: None,
                subject: None,
                attributes: Vec::new(),
                ended_at_ms: now_ms,
                body: due_at_ms.to_string().into_bytes().into(),
            }]
        }

        fn goes_when_over(&self) -> bool {
            self.goes
        }
    }

    #[derive(Clone, Default)]
    struct Plans(Arc<Mutex<BTreeMap<String, Daily>>>);

    impl Timetable for Plans {
        type Plan = Daily;
        const SERVICE: &'static str = "tests";

        fn plans(&self) -> BTreeMap<String, Daily> {
            self.0.lock().unwrap().clone()
        }

        async fn changed(&self) {}

        async fn delete(&self, over: Vec<(String, i64)>) -> Result<(), StoreError> {
            self.0.lock().unwrap().retain(|name, plan| !over.contains(&(name.clone(), plan.since_ms)));
            Ok(())
        }
    }

    /// One plan on a clock that is set.
    struct Bench {
        keeper: Keeper<Plans>,
        clock: Arc<SetClock>,
        dropped: Arc<Dropped>,
    }

    impl Bench {
        fn new() -> Self {
            let options = OpenOptions { data_dir: PathBuf::new(), ephemeral: true };
            let queues = Store::open(DataDir::open(&options).unwrap(), Arc::new(Nobody)).unwrap().queues();
            let dropped: Arc<Dropped> = Arc::default();
            let clock = Arc::new(SetClock(AtomicI64::new(0)));
            let keeper = Keeper {
                timetable: Plans::default(),
                queues,
                clock: clock.clone(),
                metrics: dropped.clone(),
            };
            Self { keeper, clock, dropped }
        }

        fn put(&self, expression: &str, since_ms: i64) {
            let plan = Daily {
                schedule: Schedule::of_scheduler(expression).unwrap(),
                since_ms,
                goes: expression.starts_with("at"),
            };
            self.keeper.timetable.0.lock().unwrap().insert(NAME.into(), plan);
        }

        /// A server that begins at a time: what it keeps, and the times of the events that it puts into the outbox.
        async fn begin(&self, now_ms: i64) -> (Appointments, Vec<i64>) {
            self.clock.0.store(now_ms, Ordering::Relaxed);
            let mut kept = self.keeper.kept().await.unwrap();
            self.keeper.do_what_is_due(&mut kept).await.unwrap();
            (kept, self.told().await)
        }

        async fn at(&self, kept: &mut Appointments, now_ms: i64) -> Vec<i64> {
            self.clock.0.store(now_ms, Ordering::Relaxed);
            self.keeper.do_what_is_due(kept).await.unwrap();
            self.told().await
        }

        /// What is in the outbox and was not claimed yet: when it was due, minutes.
        async fn told(&self) -> Vec<i64> {
            let items = self.keeper.queues.claim_deliveries(TARGET, i64::MAX, 1_000).await.unwrap().items;
            let minute = |body: &[u8]| std::str::from_utf8(body).unwrap().parse::<i64>().unwrap() / MINUTE_MS;
            items.iter().map(|item| minute(&item.delivery.body)).collect()
        }
    }

    #[tokio::test]
    async fn each_time_comes_once_also_when_another_server_goes_on() {
        let bench = Bench::new();
        bench.put("rate(5 minutes)", 0);
        let (mut kept, told) = bench.begin(MINUTE_MS).await;
        assert!(told.is_empty());
        assert_eq!(bench.at(&mut kept, 5 * MINUTE_MS).await, [5]);
        assert!(bench.at(&mut kept, 9 * MINUTE_MS).await.is_empty());
        // Another server, at the same time: nothing comes again.
        assert!(bench.begin(9 * MINUTE_MS).await.1.is_empty());
        // While none was there three times were missed: the first of them comes, late.
        let (mut kept, told) = bench.begin(21 * MINUTE_MS).await;
        assert_eq!(told, [10]);
        assert_eq!(bench.at(&mut kept, 25 * MINUTE_MS).await, [25]);
        // A clock that is put back has nothing come twice.
        assert!(bench.at(&mut kept, 5 * MINUTE_MS).await.is_empty());
        assert!(bench.at(&mut kept, 25 * MINUTE_MS).await.is_empty());
    }

    #[tokio::test]
    async fn what_is_too_late_for_its_target_does_not_come() {
        let bench = Bench::new();
        bench.put("rate(5 minutes)", 0);
        bench.begin(0).await;
        let (kept, told) = bench.begin(5 * MINUTE_MS + 24 * 60 * MINUTE_MS + 1).await;
        assert!(told.is_empty());
        assert_eq!(bench.dropped.0.load(Ordering::Relaxed), 1);
        assert_eq!(kept.values().next().unwrap().due_at_ms, 10 * MINUTE_MS + 24 * 60 * MINUTE_MS);
    }

    #[tokio::test]
    async fn what_is_over_does_not_begin_again() {
        let bench = Bench::new();
        bench.put("cron(30 0 1 1 ? 1970)", 0);
        bench.begin(0).await;
        assert_eq!(bench.begin(30 * MINUTE_MS).await.1, [30]);
        let (mut kept, told) = bench.begin(31 * MINUTE_MS).await;
        assert!(told.is_empty() && bench.at(&mut kept, 366 * 24 * 60 * MINUTE_MS).await.is_empty());
    }

    #[tokio::test]
    async fn a_rule_that_changes_counts_anew() {
        let bench = Bench::new();
        bench.put("rate(5 minutes)", 0);
        let (mut kept, _) = bench.begin(4 * MINUTE_MS).await;
        bench.put("rate(10 minutes)", 4 * MINUTE_MS);
        assert!(bench.at(&mut kept, 5 * MINUTE_MS).await.is_empty());
        assert_eq!(bench.at(&mut kept, 14 * MINUTE_MS).await, [14]);
        bench.keeper.timetable.0.lock().unwrap().clear();
        assert!(bench.at(&mut kept, 24 * MINUTE_MS).await.is_empty() && kept.is_empty());
    }

    /// What is only late is no reason to leave out what is due since.
    #[tokio::test]
    async fn what_is_due_while_a_server_is_slow_comes_too() {
        let bench = Bench::new();
        bench.put("rate(1 minute)", 0);
        let (mut kept, _) = bench.begin(0).await;
        assert_eq!(bench.at(&mut kept, 2 * MINUTE_MS - 1).await, [1]);
        assert_eq!(bench.at(&mut kept, 2 * MINUTE_MS + 1).await, [2]);
    }

    #[tokio::test]
    async fn what_is_due_once_goes_when_it_is_over_and_not_before() {
        let bench = Bench::new();
        bench.put("at(1970-01-01T00:30:00)", 0);
        let (mut kept, _) = bench.begin(0).await;
        assert_eq!(bench.keeper.timetable.plans().len(), 1);
        assert_eq!(bench.at(&mut kept, 30 * MINUTE_MS).await, [30]);
        assert!(bench.keeper.timetable.plans().is_empty());
        assert!(bench.at(&mut kept, 31 * MINUTE_MS).await.is_empty() && kept.is_empty());
    }

    /// More than fit into a transaction, and of another service too.
    #[tokio::test]
    async fn many_that_are_due_at_once_all_come_and_those_of_others_stay() {
        let bench = Bench::new();
        let other = Appointment { name: "arn:aws:other:::x".into(), since_ms: 0, due_at_ms: 0 };
        bench.keeper.appoint(Vec::new(), vec![other.clone()]).await.unwrap();
        bench.put("rate(1 minute)", 0);
        let plan = bench.keeper.timetable.plans().remove(NAME).unwrap();
        for number in 0..2 * BATCH {
            bench.keeper.timetable.0.lock().unwrap().insert(format!("{NAME}/{number}"), plan.clone());
        }
        assert_eq!(bench.begin(MINUTE_MS).await.1.len(), 2 * BATCH + 1);
        let (all, _) = bench.keeper.queues.appointments().await.unwrap();
        assert!(all.contains(&other) && all.len() == 2 * BATCH + 2);
    }
}
