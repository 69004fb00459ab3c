//! What becomes of messages that were received: they are deleted, or hidden for longer or shorter.

use std::sync::Arc;

use aws_api::{error_response::ApiError, generated::sqs::types};
use store::{Place, QueueTransaction, StoreError};

use super::{
    Handled, Sqs,
    batches::{self, Batch},
    error::{bad_receipt, expired_receipt, invalid, invalid_value, not_in_flight},
    message::State,
    queue::Queue,
    receipt::Receipt,
    receiving::{VISIBILITY_SECONDS_MAX, is_gone},
};
use crate::change::ChangeError;
use crate::service::ServiceContext;

impl Sqs {
    pub(super) async fn delete_message(
        &self,
        context: &ServiceContext,
        input: types::DeleteMessageRequest,
    ) -> Handled<()> {
        let queue = self.queue_at(context, input.queue_url.as_deref())?;
        let handle = input.receipt_handle.unwrap_or_default();
        self.delete_all(&queue, vec![handle]).await?.into_iter().collect()
    }

    pub(super) async fn delete_message_batch(
        &self,
        context: &ServiceContext,
        input: types::DeleteMessageBatchRequest,
    ) -> Handled<types::DeleteMessageBatchResult> {
        let queue = self.queue_at(context, input.queue_url.as_deref())?;
        let entries = input.entries.unwrap_or_default();
        batches::check(&entries, "DeleteMessageBatchRequestEntry")?;
        let (ids, handles): (Vec<_>, Vec<_>) = entries
            .into_iter()
            .map(|entry| (entry.id().to_owned(), entry.receipt_handle.unwrap_or_default()))
            .unzip();
        let (mut successful, mut failed) = (Vec::new(), Vec::new());
        for (id, done) in ids.into_iter().zip(self.delete_all(&queue, handles).await?) {
            match done {
                Ok(()) => successful.push(types::DeleteMessageBatchResultEntry { id: Some(id) }),
                Err(error) => failed.push(batches::failure(id, &error)),
            }
        }
        let failed = (!failed.is_empty()).then_some(failed);
        Ok(types::DeleteMessageBatchResult { successful: Some(successful), failed })
    }

    pub(super) async fn change_message_visibility(
        &self,
        context: &ServiceContext,
        input: types::ChangeMessageVisibilityRequest,
    ) -> Handled<()> {
        let queue = self.queue_at(context, input.queue_url.as_deref())?;
        let seconds = input.visibility_timeout.unwrap_or_default();
        let change = (input.receipt_handle.unwrap_or_default(), seconds);
        self.change_all(&queue, vec![change]).await?.into_iter().collect()
    }

    pub(super) async fn change_message_visibility_batch(
        &self,
        context: &ServiceContext,
        input: types::ChangeMessageVisibilityBatchRequest,
    ) -> Handled<types::ChangeMessageVisibilityBatchResult> {
        let queue = self.queue_at(context, input.queue_url.as_deref())?;
        let entries = input.entries.unwrap_or_default();
        batches::check(&entries, "ChangeMessageVisibilityBatchRequestEntry")?;
        let visibility = queue.settings.visibility_seconds;
        let (ids, changes): (Vec<_>, Vec<_>) = entries
            .into_iter()
            .map(|entry| {
                let seconds = entry.visibility_timeout.unwrap_or(visibility);
                (entry.id().to_owned(), (entry.receipt_handle.unwrap_or_default(), seconds))
            })
            .unzip();
        let (mut successful, mut failed) = (Vec::new(), Vec::new());
        for (id, done) in ids.into_iter().zip(self.change_all(&queue, changes).await?) {
            match done {
                Ok(()) => successful.push(types::ChangeMessageVisibilityBatchResultEntry { id: Some(id) }),
                Err(error) => failed.push(batches::failure(id, &error)),
            }
        }
        let failed = (!failed.is_empty()).then_some(failed);
        Ok(types::ChangeMessageVisibilityBatchResult { successful: Some(successful), failed })
    }

    /// Deletes each, in one transaction.
    pub(super) async fn delete_all(
        &self,
        queue: &Arc<Queue>,
        handles: Vec<String>,
    ) -> Handled<Vec<Result<(), ApiError>>> {
        let (queue, now_ms) = (Arc::clone(queue), self.clock.now_ms());
        let delete = move |transaction: &mut QueueTransaction<'_>| -> Result<_, ChangeError> {
            let each = handles.iter().map(|handle| refusals(delete(transaction, &queue, handle, now_ms)));
            each.collect()
        };
        Ok(self.store.queues().transact(delete).await?)
    }

    async fn change_all(
        &self,
        queue: &Arc<Queue>,
        changes: Vec<(String, i64)>,
    ) -> Handled<Vec<Result<(), ApiError>>> {
        let (queue, now_ms) = (Arc::clone(queue), self.clock.now_ms());
        let change = move |transaction: &mut QueueTransaction<'_>| -> Result<_, ChangeError> {
            let each = changes
                .iter()
                .map(|(handle, seconds)| refusals(change(transaction, &queue, (handle, *seconds), now_ms)));
            each.collect()
        };
        Ok(self.store.queues().transact(change).await?)
    }
}

/// A refusal is of one entry; that the database refuses is of all.
fn refusals<T>(done: Result<T, ChangeError>) -> Result<Result<T, ApiError>, ChangeError> {
    match done {
        Err(ChangeError::Refused(error)) => Ok(Err(error)),
        Err(error) => Err(error),
        Ok(value) => Ok(Ok(value)),
    }
}

/// Where the message of a receipt is now, and what became of it.
enum Found {
    Here(Place, State),
    /// Somebody received it again since.
    ReceivedAgain,
    Gone,
}

fn find(transaction: &QueueTransaction<'_>, queue: &Queue, receipt: &Receipt) -> Result<Found, StoreError> {
    let view = transaction.messages(queue.id())?;
    let read = |place: Place| -> Result<Option<(Place, State)>, StoreError> {
        let state = view.state_at(place)?.and_then(|state| state.parse::<State>().ok());
        Ok(state.map(|state| (place, state)))
    };
    let found = match read(receipt.place)? {
        Some(found) => Some(found),
        None => view.moved_to(receipt.place.id)?.map(read).transpose()?.flatten(),
    };
    Ok(match found {
        Some((place, state)) if state.receives == receipt.receives => Found::Here(place, state),
        Some(_) => Found::ReceivedAgain,
        // A standard queue's message that was received again lies elsewhere, and nobody notes where.
        None => Found::Gone,
    })
}

/// Deletes a message. One that is gone is deleted; AWS says nothing either of one that a standard queue has handed out again.
fn delete(
    transaction: &mut QueueTransaction<'_>,
    queue: &Queue,
    handle: &str,
    now_ms: i64,
) -> Result<(), ChangeError> {
    let receipt = Receipt::read(queue, handle).ok_or_else(|| bad_receipt(handle))?;
    match find(transaction, queue, &receipt)? {
        Found::Here(_, state) if queue.settings.is_fifo && state.visible_ms <= now_ms => {
            Err(expired_receipt(handle).into())
        }
        Found::ReceivedAgain if queue.settings.is_fifo => Err(expired_receipt(handle).into()),
        Found::Here(place, _) => {
            transaction.delete_message(queue.id(), place)?;
            if queue.settings.is_fifo {
                // The next of its group may be had.
                transaction.wake_receivers(queue.id());
            }
            Ok(())
        }
        Found::ReceivedAgain | Found::Gone => Ok(()),
    }
}

fn change(
    transaction: &mut QueueTransaction<'_>,
    queue: &Queue,
    (handle, seconds): (&str, i64),
    now_ms: i64,
) -> Result<(), ChangeError> {
    if !(0..=VISIBILITY_SECONDS_MAX).contains(&seconds) {
        let reason = "VisibilityTimeout must be an integer between 0 and 43200.";
        return Err(invalid("VisibilityTimeout", seconds, reason).into());
    }
    let receipt = Receipt::read(queue, handle).ok_or_else(|| bad_receipt(handle))?;
    let Found::Here(place, state) = find(transaction, queue, &receipt)? else {
        return Err(not_in_flight(handle).into());
    };
    if !state.is_in_flight(now_ms) || is_gone(queue, place, &state, now_ms) {
        return Err(not_in_flight(handle).into());
    }
    let visible_ms = now_ms.saturating_add(seconds * 1_000);
    if visible_ms - state.last_received_ms > VISIBILITY_SECONDS_MAX * 1_000 {
        let message = format!(
            "Value {seconds} for parameter VisibilityTimeout is invalid. Reason: Total VisibilityTimeout for the message is beyond the limit [{VISIBILITY_SECONDS_MAX} seconds]."
        );
        return Err(invalid_value(message).into());
    }
    let due_at_ms = if queue.settings.is_fifo { 0 } else { visible_ms };
    let state = State { visible_ms, ..state };
    transaction.place_message(queue.id(), place, due_at_ms, state.to_string())?;
    let moved = Place { due_at_ms, ..place };
    if moved != receipt.place {
        transaction.remember_move(moved)?;
    }
    transaction.wake_receivers(queue.id());
    Ok(())
}
