//! Who waits for what, on a paused clock: environments are offers, and starts are counted.

use std::sync::atomic::{AtomicUsize, Ordering};

use bytes::Bytes;
use lambda_model::{
    function::{CodeReference, FunctionConfiguration, FunctionKey},
    ports::RunnableVersion,
};
use tokio::time::advance;

use super::*;

#[derive(Default)]
struct Starts(AtomicUsize);

impl StartEnvironment for Starts {
    fn start_environment(&self, _: &Arc<Pool>) {
        self.0.fetch_add(1, Ordering::Relaxed);
    }
}

struct Fixture {
    pool: Arc<Pool>,
    starts: Arc<Starts>,
    /// Whoever waits for an outcome still does.
    callers: Vec<oneshot::Receiver<Result<InvocationOutcome, LambdaError>>>,
}

impl Fixture {
    fn new() -> Self {
        let key = FunctionKey { account_id: String::new(), region: String::new(), name: "f".into() };
        let version = RunnableVersion {
            key,
            version: "$LATEST".into(),
            deployment_id: String::new(),
            configuration: FunctionConfiguration::default(),
            code: CodeReference { sha256_hex: String::new(), code_sha256: String::new(), code_size_bytes: 0 },
        };
        let starts = Arc::new(Starts::default());
        Self { pool: Pool::new(Arc::new(version), starts.clone()), starts, callers: Vec::new() }
    }

    fn submit(&mut self, request_id: &str, is_patient: bool) {
        let (reply, caller) = oneshot::channel();
        let invocation = Arc::new(Invocation {
            request_id: request_id.into(),
            payload: Bytes::new(),
            invoked_function_arn: String::new(),
            trace_id: None,
            client_context: None,
            cognito_identity: None,
            wants_log_tail: false,
            response_stream: None,
            is_patient,
        });
        assert!(self.pool.submit(Request { invocation, reply }).is_ok());
        self.callers.push(caller);
    }

    /// An environment, and where its requests come.
    fn idle(&self, id: u64) -> (IdleEnvironment, mpsc::Receiver<Request>) {
        let (requests, comes) = mpsc::channel(1);
        (IdleEnvironment { id, requests, since: Instant::now(), memory_mb: 1, start_ms: 1 }, comes)
    }

    /// An environment gets free; what it gets.
    fn offer(&self, came_from: CameFrom) -> Option<String> {
        match self.pool.offer(self.idle(1).0, came_from) {
            Offer::Serve(request) => Some(request.invocation.request_id.clone()),
            Offer::Wait | Offer::Closed => None,
        }
    }

    fn starts(&self) -> usize {
        self.starts.0.load(Ordering::Relaxed)
    }
}

/// Lets tasks run.
async fn pass(time: Duration) {
    for _ in 0..20 {
        advance(time / 20).await;
        tokio::task::yield_now().await;
    }
}

#[tokio::test(start_paused = true)]
async fn whoever_has_time_waits_for_an_environment_that_gets_free() {
    let mut fixture = Fixture::new();
    fixture.submit("first", true);
    assert_eq!(fixture.starts(), 1, "there is none in a new pool");
    assert_eq!(fixture.offer(CameFrom::Start).as_deref(), Some("first"));
    assert_eq!(fixture.offer(CameFrom::Invocation), None);
    assert!(fixture.pool.withdraw(1));
    for request in ["second", "third"] {
        fixture.submit(request, true);
    }
    fixture.submit("urgent", false);
    assert_eq!(fixture.starts(), 2, "for the urgent one");
    assert_eq!(fixture.offer(CameFrom::Invocation).as_deref(), Some("urgent"));
    pass(PATIENCE / 2).await;
    assert_eq!(fixture.offer(CameFrom::Invocation).as_deref(), Some("second"));
    pass(PATIENCE * 2).await;
    assert_eq!(fixture.starts(), 2, "what was started for the urgent one is for the third now");
    assert_eq!(fixture.offer(CameFrom::Start).as_deref(), Some("third"));
}

#[tokio::test(start_paused = true)]
async fn patience_ends() {
    let mut fixture = Fixture::new();
    assert_eq!(fixture.offer(CameFrom::Start), None);
    assert!(fixture.pool.withdraw(1));
    for request in ["a", "b", "c"] {
        fixture.submit(request, true);
    }
    assert_eq!(fixture.starts(), 0);
    drop(fixture.callers.remove(1));
    pass(PATIENCE * 2).await;
    assert_eq!(fixture.starts(), 2, "for each whose outcome is wanted");
    let served = [(); 2].map(|()| fixture.offer(CameFrom::Start).unwrap());
    assert_eq!(served, ["a", "c"]);
    (0..3).for_each(|_| fixture.pool.has_left());
    fixture.submit("d", true);
    assert_eq!(fixture.starts(), 3, "there is none any more");
    (0..100).for_each(|_| fixture.submit("e", true));
    pass(PATIENCE * 10).await;
    assert_eq!(fixture.starts(), 3 + limits::PATIENT_STARTS_MIN, "not all at once");
}

#[tokio::test(start_paused = true)]
async fn a_pool_that_is_closed_serves_what_waits() {
    let mut fixture = Fixture::new();
    assert_eq!(fixture.offer(CameFrom::Start), None);
    assert!(fixture.pool.withdraw(1));
    fixture.submit("patient", true);
    fixture.pool.close();
    pass(PATIENCE * 2).await;
    assert_eq!(fixture.starts(), 1);
    assert_eq!(fixture.offer(CameFrom::Start).as_deref(), Some("patient"));
}

#[tokio::test(start_paused = true)]
async fn whoever_waits_for_a_finishing_environment_of_a_closed_pool_gets_another() {
    let mut fixture = Fixture::new();
    fixture.pool.is_finishing(1);
    fixture.submit("waits", false);
    assert_eq!(fixture.starts(), 0);
    tokio::task::yield_now().await;
    fixture.pool.close();
    fixture.pool.is_not_finishing(1);
    pass(Duration::from_millis(limits::FINISHING_GRACE_MS * 2)).await;
    assert_eq!(fixture.starts(), 1);
    assert_eq!(fixture.offer(CameFrom::Start).as_deref(), Some("waits"));
}

#[tokio::test(start_paused = true)]
async fn an_environment_that_has_just_answered_is_worth_a_moment() {
    let mut fixture = Fixture::new();
    assert_eq!(fixture.offer(CameFrom::Start), None);
    fixture.pool.is_finishing(2);
    fixture.submit("waits", false);
    assert_eq!(fixture.pool.lock().idle.len(), 1, "another was idle");
    let mut ready = fixture.idle(2);
    let served = fixture.pool.offer(ready.0, CameFrom::Finishing);
    assert!(matches!(served, Offer::Serve(request) if request.invocation.request_id == "waits"));
    assert!(ready.1.try_recv().is_err());
}

#[tokio::test(start_paused = true)]
async fn whoever_waited_for_it_in_vain_gets_an_idle_one_or_else_a_new_one() {
    let mut fixture = Fixture::new();
    let mut idle = fixture.idle(1);
    assert!(matches!(fixture.pool.offer(idle.0, CameFrom::Start), Offer::Wait));
    fixture.pool.is_finishing(2);
    fixture.pool.is_finishing(3);
    for request in ["first", "second"] {
        fixture.submit(request, false);
    }
    assert_eq!(fixture.starts(), 0);
    pass(GRACE * 2).await;
    assert_eq!(idle.1.try_recv().unwrap().invocation.request_id, "first");
    assert_eq!((fixture.starts(), fixture.pool.lock().waiting.len()), (1, 1));
    assert_eq!(fixture.offer(CameFrom::Start).as_deref(), Some("second"));
    assert!(!fixture.pool.lock().is_graced, "nobody looks any more");
}

#[tokio::test(start_paused = true)]
async fn callers_that_come_again_while_environments_start_have_no_more_started() {
    let mut fixture = Fixture::new();
    assert_eq!(fixture.offer(CameFrom::Start), None);
    assert!(fixture.pool.withdraw(1));
    for request in ["a", "b", "c"] {
        fixture.submit(request, false);
    }
    for _ in 0..100 {
        assert!(fixture.offer(CameFrom::Invocation).is_some());
        fixture.submit("again", false);
    }
    assert_eq!(fixture.starts(), 3);
    for _ in 0..3 {
        assert_eq!(fixture.offer(CameFrom::Start).as_deref(), Some("again"));
    }
}

#[tokio::test(start_paused = true)]
async fn a_start_that_fails_is_only_told_to_whom_no_other_is_on_its_way_for() {
    let mut fixture = Fixture::new();
    assert_eq!(fixture.offer(CameFrom::Start), None);
    assert!(fixture.pool.withdraw(1));
    fixture.submit("first", false);
    fixture.submit("second", false);
    assert_eq!(fixture.offer(CameFrom::Invocation).as_deref(), Some("first"));
    let refusal = LambdaError::TooManyRequests(ThrottleReason::ConcurrentInvocationLimitExceeded);
    fixture.pool.start_failed(&refusal);
    assert!(fixture.callers[1].try_recv().is_err(), "another comes for it");
    fixture.pool.start_failed(&refusal);
    assert!(matches!(fixture.callers[1].try_recv(), Ok(Err(_))));
}
