//! What waits is there again after the file was closed, claims are not, and damage takes nothing with it.

use std::{
    path::{Path, PathBuf},
    sync::{Arc, Mutex},
};

use bytes::Bytes;
use lambda_model::{
    function::FunctionKey,
    invocation::asynchronous::{
        AsyncEvent, Delivery, DeliveryKind, DeliveryOrigin, EventId, Progress, Settlement,
    },
    ports::AsyncInvocationQueue,
};
use rusqlite::Connection;
use tempfile::TempDir;

use super::{Appointment, QueueObserver, Queues};

fn file() -> (TempDir, PathBuf) {
    let folder = TempDir::new().unwrap();
    let path = folder.path().join("queues.db");
    (folder, path)
}

fn key(name: &str) -> FunctionKey {
    FunctionKey { account_id: "000000000000".into(), region: "us-east-1".into(), name: name.into() }
}

fn event(function: &str, request_id: &str) -> AsyncEvent {
    AsyncEvent {
        request_id: request_id.into(),
        key: key(function),
        qualifier: None,
        payload: Bytes::from(format!("\"{request_id}\"")),
        trace_id: None,
        accepted_at_ms: now_ms(),
    }
}

fn now_ms() -> i64 {
    let since = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap();
    i64::try_from(since.as_millis()).unwrap()
}

fn delivery(target: &str) -> Delivery {
    Delivery {
        target: target.into(),
        origin: Some(DeliveryOrigin {
            kind: DeliveryKind::OnFailure,
            function: key("f"),
            resource: "$LATEST".into(),
        }),
        request_id: "id".into(),
        trace_id: None,
        sender: None,
        tries: None,
        group: None,
        object_key: None,
        subject: None,
        attributes: Vec::new(),
        ended_at_ms: now_ms(),
        body: Bytes::from_static(b"record"),
    }
}

/// What of the function can be claimed.
async fn claimed(queues: &Queues, function: &str, max: usize) -> Vec<(EventId, String, u32)> {
    let found = queues.claim(&key(function), now_ms() + 1, max).await.unwrap();
    found
        .events
        .into_iter()
        .map(|claimed| (claimed.id, claimed.event.request_id, claimed.progress.errors))
        .collect()
}

fn ids(claimed: &[(EventId, String, u32)]) -> Vec<&str> {
    claimed.iter().map(|(_, request_id, _)| request_id.as_str()).collect()
}

#[tokio::test]
async fn events_are_claimed_in_order_once_and_again_after_a_crash() {
    let (_folder, path) = file();
    let queues = Queues::open(&path).unwrap();
    for request_id in ["a", "b", "c"] {
        queues.accept(event("f", request_id)).await.unwrap();
    }
    queues.accept(event("g", "other")).await.unwrap();
    assert_eq!(queues.functions().await.unwrap(), [key("f"), key("g")]);
    assert_eq!(ids(&claimed(&queues, "f", 2).await), ["a", "b"]);
    assert_eq!(ids(&claimed(&queues, "f", 2).await), ["c"]);
    assert!(claimed(&queues, "f", 2).await.is_empty());
    assert!(claimed(&queues, "never", 2).await.is_empty());
    drop(queues);
    let queues = Queues::open(&path).unwrap();
    let again = claimed(&queues, "f", 9).await;
    assert_eq!(ids(&again), ["a", "b", "c"]);
    assert!(queues.damaged().is_empty());
}

#[tokio::test]
async fn a_settled_event_waits_or_is_gone_and_what_is_to_be_told_is_kept_with_it() {
    let (_folder, path) = file();
    let queues = Queues::open(&path).unwrap();
    for request_id in ["waits", "ends"] {
        queues.accept(event("f", request_id)).await.unwrap();
    }
    let found = claimed(&queues, "f", 2).await;
    let due_at_ms = now_ms() + 60_000;
    let progress = Progress { errors: 1, refusals: 0 };
    queues.settle(&key("f"), found[0].0, Settlement::Waits { due_at_ms, progress }).await.unwrap();
    let ended = Settlement::Ended(vec![delivery("arn:q"), delivery("arn:t")]);
    queues.settle(&key("f"), found[1].0, ended).await.unwrap();
    // Once more changes nothing, also if it says otherwise.
    let again = Settlement::Waits { due_at_ms: now_ms(), progress };
    queues.settle(&key("f"), found[1].0, again).await.unwrap();

    let look = queues.claim(&key("f"), now_ms(), 2).await.unwrap();
    assert_eq!((look.events.len(), look.next_due_ms), (0, Some(due_at_ms)));
    queues.close();
    let queues = Queues::open(&path).unwrap();
    let later = queues.claim(&key("f"), due_at_ms, 2).await.unwrap();
    assert_eq!(later.events.len(), 1);
    assert_eq!((later.events[0].event.request_id.as_str(), later.events[0].progress.errors), ("waits", 1));

    assert_eq!(queues.targets().await.unwrap(), ["arn:q", "arn:t"]);
    let told = queues.claim_deliveries("arn:q", now_ms(), 9).await.unwrap().items;
    assert_eq!((told.len(), told[0].attempts, &told[0].delivery.body[..]), (1, 0, &b"record"[..]));
    queues.not_delivered(&told[0], Some(now_ms())).await.unwrap();
    let told = queues.claim_deliveries("arn:q", now_ms(), 9).await.unwrap().items;
    assert_eq!(told[0].attempts, 1);
    queues.not_delivered(&told[0], None).await.unwrap();
    assert_eq!(queues.targets().await.unwrap(), ["arn:t"]);
}

#[derive(Default)]
struct Heard(Mutex<Vec<String>>);

impl QueueObserver for Heard {
    fn event_waits(&self, key: &FunctionKey, resource: &str) {
        self.0.lock().unwrap().push(format!("{}:{resource}", key.name));
    }

    fn delivery_waits(&self, target: &str) {
        self.0.lock().unwrap().push(target.to_owned());
    }

    fn message_waits(&self, queue: &str) {
        self.0.lock().unwrap().push(queue.to_owned());
    }
}

#[tokio::test]
async fn who_looks_on_hears_of_what_is_on_disk_and_nothing_else() {
    let (_folder, path) = file();
    let queues = Queues::open(&path).unwrap();
    let heard = Arc::new(Heard::default());
    queues.observe(heard.clone());
    queues.accept(event("f", "a")).await.unwrap();
    let refused = queues.transact(|transaction| {
        transaction.accept(event("g", "b"))?;
        Err::<(), _>(crate::StoreError::Closed)
    });
    assert!(refused.await.is_err());
    let id = claimed(&queues, "f", 1).await[0].0;
    queues.settle(&key("f"), id, Settlement::Ended(vec![delivery("arn:q")])).await.unwrap();
    assert_eq!(*heard.0.lock().unwrap(), ["f:$LATEST", "arn:q"]);
    assert!(claimed(&queues, "g", 1).await.is_empty());
}

#[tokio::test]
async fn what_is_forgotten_is_not_brought_back_by_who_worked_on_it() {
    let (_folder, path) = file();
    let queues = Queues::open(&path).unwrap();
    queues.accept(event("f", "a")).await.unwrap();
    let id = claimed(&queues, "f", 1).await[0].0;
    queues.clear().await.unwrap();
    let waits = Settlement::Waits { due_at_ms: now_ms(), progress: Progress::default() };
    queues.settle(&key("f"), id, waits).await.unwrap();
    assert!(queues.functions().await.unwrap().is_empty());
    queues.accept(event("f", "b")).await.unwrap();
    assert_eq!(ids(&claimed(&queues, "f", 9).await), ["b"]);
}

/// Events a to j in a file that is closed.
async fn ten_events() -> (TempDir, PathBuf) {
    let (folder, path) = file();
    let queues = Queues::open(&path).unwrap();
    for request_id in ["a", "b", "c", "d", "e", "f", "g", "h", "i", "j"] {
        queues.accept(event("f", request_id)).await.unwrap();
    }
    queues.close();
    drop(queues);
    (folder, path)
}

fn damage(path: &Path, statement: &str) {
    Connection::open(path).unwrap().execute_batch(statement).unwrap();
}

#[tokio::test]
async fn a_damaged_entry_is_set_aside_and_reported_until_the_others_are_done() {
    let (_folder, path) = ten_events().await;
    damage(&path, "UPDATE entries SET body = CAST('x' AS BLOB) WHERE id = 3");
    for _ in 0..2 {
        let queues = Queues::open(&path).unwrap();
        assert_eq!(queues.damaged(), ["what waited as number 3"]);
        assert_eq!(ids(&claimed(&queues, "f", 20).await), ["a", "b", "d", "e", "f", "g", "h", "i", "j"]);
    }
}

#[tokio::test]
async fn damage_that_is_found_later_is_set_aside_too() {
    let (_folder, path) = ten_events().await;
    let queues = Queues::open(&path).unwrap();
    damage(&path, "UPDATE entries SET header = CAST('{}' AS BLOB) WHERE id = 10");
    assert_eq!(claimed(&queues, "f", 20).await.len(), 9);
    assert_eq!(queues.damaged().len(), 1);
    drop(queues);
    assert_eq!(Queues::open(&path).unwrap().damaged().len(), 1);
}

#[tokio::test]
async fn an_entry_whose_turn_is_damaged_gets_a_new_one() {
    for statement in [
        "DELETE FROM schedule WHERE entry_id = 3",
        "UPDATE schedule SET due_at_ms = due_at_ms + 1 WHERE entry_id = 3",
        "UPDATE schedule SET state = 'x' WHERE entry_id = 3",
        "UPDATE schedule SET lane_id = 7 WHERE entry_id = 3",
        "UPDATE schedule SET entry_id = 77 WHERE entry_id = 3",
        "UPDATE lanes SET name = 'events/000000000000/us-east-1/g'",
        "DELETE FROM lanes",
    ] {
        let (_folder, path) = ten_events().await;
        damage(&path, statement);
        let queues = Queues::open(&path).unwrap();
        let mut found = claimed(&queues, "f", 20).await;
        found.sort_by(|a, b| a.1.cmp(&b.1));
        assert_eq!(ids(&found), ["a", "b", "c", "d", "e", "f", "g", "h", "i", "j"], "{statement}");
        assert!(queues.damaged().is_empty());
    }
}

/// A wait of hours is one that was asked for (`--async-retry-wait-seconds`): it is kept, and so is what became of the event.
#[tokio::test]
async fn a_long_wait_survives_the_server_with_what_became_of_the_event() {
    let (_folder, path) = file();
    let queues = Queues::open(&path).unwrap();
    let hour_ms = 3_600_000;
    let progress = Progress { errors: 1, refusals: 2 };
    for (request_id, hours) in [("soon", 2), ("impossible", 13)] {
        queues.accept(event("f", request_id)).await.unwrap();
        let id = claimed(&queues, "f", 1).await[0].0;
        let due_at_ms = now_ms() + hours * hour_ms;
        queues.settle(&key("f"), id, Settlement::Waits { due_at_ms, progress }).await.unwrap();
    }
    queues.close();
    drop(queues);
    let queues = Queues::open(&path).unwrap();
    // No event waits longer than it may grow old: the clock was put back, and its turn is now.
    let now = queues.claim(&key("f"), now_ms() + 1, 9).await.unwrap().events;
    assert_eq!((now.len(), now[0].progress), (1, progress));
    assert_eq!(now[0].event.request_id, "impossible");
    let later = queues.claim(&key("f"), now_ms() + 3 * hour_ms, 9).await.unwrap().events;
    assert_eq!((later.len(), later[0].progress), (1, progress));
}

#[tokio::test]
async fn turns_of_a_clock_that_was_put_back_come_now() {
    let (_folder, path) = file();
    let queues = Queues::open(&path).unwrap();
    let accepted_at_ms = now_ms() + 3_600_000;
    queues.accept(AsyncEvent { accepted_at_ms, ..event("f", "a") }).await.unwrap();
    assert!(claimed(&queues, "f", 1).await.is_empty());
    queues.close();
    drop(queues);
    assert_eq!(claimed(&Queues::open(&path).unwrap(), "f", 1).await.len(), 1);
}

/// A server that dies while it salvages has lost nothing: the next one goes on.
#[tokio::test]
async fn a_salvage_that_was_cut_short_is_gone_on_with() {
    let (_folder, path) = ten_events().await;
    // Set aside, and nothing more.
    std::fs::rename(&path, path.with_extension("db.damaged-1")).unwrap();
    let queues = Queues::open(&path).unwrap();
    assert_eq!(claimed(&queues, "f", 20).await.len(), 10);
    for (id, _, _) in claimed(&Queues::open(&path).unwrap(), "f", 20).await {
        queues.settle(&key("f"), id, Settlement::Ended(vec![])).await.unwrap();
    }
    queues.close();
    drop(queues);
    // What was salvaged once, and has run since, does not come back.
    let queues = Queues::open(&path).unwrap();
    assert!(claimed(&queues, "f", 20).await.is_empty());
}

/// What cannot be read for another reason than damage is left where it is.
#[tokio::test]
async fn a_file_that_cannot_be_opened_is_not_taken_for_damaged() {
    let (_folder, path) = ten_events().await;
    // A folder in the place of the log, as no user's rights can forbid root anything.
    std::fs::create_dir(path.with_extension("db-wal")).unwrap();
    assert!(Queues::open(&path).is_err());
    std::fs::remove_dir(path.with_extension("db-wal")).unwrap();
    assert_eq!(claimed(&Queues::open(&path).unwrap(), "f", 20).await.len(), 10);
}

/// Two hundred events, as a crash leaves them: the file, and its log.
async fn two_hundred_events(path: &Path) -> Vec<String> {
    let queues = Queues::open(path).unwrap();
    let expected: Vec<String> = (0..200).map(|number| format!("request-{number:03}")).collect();
    for request_id in &expected {
        queues.accept(event("f", request_id)).await.unwrap();
    }
    expected
}

/// Opens what is left after a bit was flipped: each event is there as it was, or the damage is told.
async fn hold_to(path: &Path, expected: &[String], flipped: &str) {
    let queues = match Queues::open(path) {
        // It says that the file is from the future, and the server does not start on it.
        Err(crate::StoreError::NewerSchema { .. }) => return,
        opened => opened.unwrap_or_else(|error| panic!("{flipped}: {error:?}")),
    };
    let mut found = claimed(&queues, "f", 1_000).await;
    found.sort_by(|a, b| a.1.cmp(&b.1));
    let (is_all, damaged) = (ids(&found) == expected, queues.damaged());
    assert!(is_all || !damaged.is_empty(), "{flipped}: {} of 200", found.len());
    assert!(found.iter().all(|(_, request_id, _)| expected.contains(request_id)));
    // One bit is never worth more than the page that it is on.
    assert!(found.len() >= 150, "{flipped}: {} of 200, {damaged:?}", found.len());
}

#[tokio::test]
async fn no_flipped_bit_of_the_file_goes_unseen() {
    let (folder, path) = file();
    let expected = two_hundred_events(&path).await;
    let queues = Queues::open(&path).unwrap();
    queues.close();
    drop(queues);
    let whole = std::fs::read(&path).unwrap();
    assert!(whole.len() > 10 * 4_096, "it is all in the file");
    let mut random = fastrand::Rng::with_seed(5);
    for number in 0..300 {
        let path = folder.path().join(format!("{number}.db"));
        let (byte, bit) = (random.usize(..whole.len()), random.u32(..8));
        let mut bytes = whole.clone();
        bytes[byte] ^= 1 << bit;
        std::fs::write(&path, bytes).unwrap();
        hold_to(&path, &expected, &format!("byte {byte} bit {bit}")).await;
    }
}

#[tokio::test]
async fn no_flipped_bit_of_the_log_goes_unseen() {
    let (folder, path) = file();
    let expected = two_hundred_events(&path).await;
    let log = std::fs::read(path.with_extension("db-wal")).unwrap();
    assert!(log.len() > 200 * 4_096, "it is all in the log");
    let mut random = fastrand::Rng::with_seed(6);
    for number in 0..200 {
        let copy = folder.path().join(format!("{number}.db"));
        std::fs::copy(&path, &copy).unwrap();
        // The last transaction may as well be torn.
        let (byte, bit) = (random.usize(..log.len() - 6 * 4_120), random.u32(..8));
        let mut bytes = log.clone();
        bytes[byte] ^= 1 << bit;
        std::fs::write(copy.with_extension("db-wal"), bytes).unwrap();
        hold_to(&copy, &expected, &format!("byte {byte} bit {bit}")).await;
    }
}

#[tokio::test]
async fn an_appointment_that_is_damaged_is_named_and_reported() {
    let (_folder, path) = file();
    let queues = Queues::open(&path).unwrap();
    let appointment = |name: &str, due_at_ms| Appointment { name: name.to_owned(), since_ms: 1, due_at_ms };
    let kept = [appointment("a", 5), appointment("b", 6)];
    let made = kept.clone();
    queues.transact(move |change| made.iter().try_for_each(|one| change.appoint(one))).await.unwrap();
    assert_eq!(queues.appointments().await.unwrap(), (kept.to_vec(), vec![]));
    let moved = [appointment("a", 7)];
    let again = moved.clone();
    queues.transact(move |change| change.appoint(&again[0])).await.unwrap();
    let flip = "UPDATE appointments SET due_at_ms = 2 WHERE name = 'b'";
    rusqlite::Connection::open(&path).unwrap().execute(flip, []).unwrap();
    assert_eq!(queues.appointments().await.unwrap(), (moved.to_vec(), vec!["b".to_owned()]));
    assert_eq!(queues.damaged(), ["when b is due"]);
    queues.transact(|change| change.cancel("b")).await.unwrap();
    assert_eq!(queues.appointments().await.unwrap(), (moved.to_vec(), vec![]));
}
