//! Messages lie where they were put, and what one transaction does to them happens wholly or not at all.

use std::ops::ControlFlow;

use crate::{
    Queues, StoreError,
    queues::{Place, QueueTransaction, StoredMessage},
};

fn opened() -> (tempfile::TempDir, Queues) {
    let folder = tempfile::tempdir().unwrap();
    let queues = Queues::open(&folder.path().join("queues.db")).unwrap();
    (folder, queues)
}

fn message(body: &str) -> StoredMessage {
    StoredMessage { header: b"{}".to_vec(), body: body.as_bytes().to_vec() }
}

async fn change<T: Send + 'static>(
    queues: &Queues,
    change: impl FnOnce(&mut QueueTransaction<'_>) -> Result<T, StoreError> + Send + 'static,
) -> T {
    queues.transact(change).await.unwrap()
}

/// Every message of a queue: when its turn is, and its state.
async fn all(queues: &Queues, queue: &str) -> Vec<(i64, String)> {
    let look = |view: &super::MessageView<'_>| {
        let mut all = Vec::new();
        view.each(|place, state| {
            all.push((place.due_at_ms, state.to_owned()));
            ControlFlow::Continue(())
        })?;
        Ok(all)
    };
    queues.look_at_messages(queue, look).await.unwrap()
}

#[tokio::test]
async fn a_lane_is_in_the_order_of_its_turns() {
    let (_folder, queues) = opened();
    for (body, due_at_ms) in [("c", 30), ("a", 10), ("b", 20)] {
        change(&queues, move |transaction| {
            transaction.put_message("q", message(body), due_at_ms, body.to_owned())
        })
        .await;
    }
    assert_eq!(all(&queues, "q").await, [(10, "a".into()), (20, "b".into()), (30, "c".into())]);
    assert_eq!(all(&queues, "another").await, []);
    let due =
        queues.look_at_messages("q", |view| Ok((view.due(20, 9)?, view.next_due_ms(20)?))).await.unwrap();
    assert_eq!(due.0.iter().map(|one| one.state.as_str()).collect::<Vec<_>>(), ["a", "b"]);
    assert_eq!(due.1, Some(30));
    assert_eq!(
        queues.look_at_messages("q", |view| view.later(10, 1)).await.unwrap(),
        1,
        "no more are counted"
    );
    assert_eq!(queues.queues_with_messages(), ["q"]);
}

#[tokio::test]
async fn a_message_that_is_moved_is_found_and_one_that_is_deleted_is_gone() {
    let (folder, queues) = opened();
    let id = change(&queues, |transaction| transaction.put_message("q", message("m"), 10, "0".into())).await;
    let (first, moved) = (Place { due_at_ms: 10, id }, Place { due_at_ms: 99, id });
    change(&queues, move |transaction| {
        transaction.place_message("q", first, 99, "1".into())?;
        transaction.remember_move(moved)
    })
    .await;
    queues.close();
    let queues = Queues::open(&folder.path().join("queues.db")).unwrap();
    let found = queues
        .look_at_messages("q", move |view| {
            Ok((view.state_at(first)?, view.moved_to(id)?, view.state_at(moved)?))
        })
        .await
        .unwrap();
    assert_eq!(found, (None, Some(moved), Some("1".into())));
    let deleted = change(&queues, move |transaction| {
        assert_eq!(transaction.message("q", moved)?.unwrap().body, b"m");
        Ok((transaction.delete_message("q", first)?, transaction.delete_message("q", moved)?))
    })
    .await;
    assert_eq!(deleted, (false, true));
    let left = queues.look_at_messages("q", move |view| view.moved_to(id)).await.unwrap();
    assert_eq!((left, all(&queues, "q").await), (None, Vec::new()));
}

#[tokio::test]
async fn what_fails_changes_nothing() {
    let (_folder, queues) = opened();
    let failed = queues.transact(|transaction| {
        transaction.put_message("q", message("m"), 0, String::new())?;
        transaction.remember("q", "key", b"value", (0, 9))?;
        Err::<(), _>(StoreError::Closed)
    });
    assert!(failed.await.is_err());
    assert_eq!(all(&queues, "q").await, []);
    assert_eq!(change(&queues, |transaction| transaction.recall("q", "key", 1)).await, None);
}

#[tokio::test]
async fn a_key_is_known_for_its_time_and_to_its_owner() {
    let (_folder, queues) = opened();
    change(&queues, |transaction| transaction.remember("q", "key", b"value", (0, 10))).await;
    let known = change(&queues, |transaction| {
        let of = |whose, now_ms| transaction.recall(whose, "key", now_ms);
        Ok((of("q", 9)?, of("q", 10)?, of("another", 9)?))
    });
    assert_eq!(known.await, (Some(b"value".to_vec()), None, None));
    // What nobody can recall any more is forgotten when something else is remembered.
    change(&queues, |transaction| transaction.remember("another", "other", b"", (20, 30))).await;
    assert_eq!(change(&queues, |transaction| transaction.recall("q", "key", 9)).await, None);
}

#[tokio::test]
async fn a_message_of_the_transaction_before_is_there_whether_or_not_that_is_on_disk() {
    let (_folder, queues) = opened();
    // Both in one batch of the writer: the lane is not known in memory yet.
    let first = queues.transact(|transaction| transaction.put_message("q", message("m"), 0, "0".into()));
    let second =
        queues.transact(|transaction| Ok::<_, StoreError>(transaction.messages("q")?.due(9, 9)?.len()));
    let (first, second) = tokio::join!(first, second);
    assert!(first.is_ok());
    assert_eq!(second.unwrap(), 1);
}
