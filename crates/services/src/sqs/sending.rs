//! Sending: into a lane of the store, in one transaction with whatever else belongs to it.

use std::sync::Arc;

use aws_api::{error_response::ApiError, generated::sqs::types};
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use store::{QueueTransaction, StoreError, StoredMessage};

use super::{
    Handled, Sqs,
    batches::{self, Batch},
    message::{Attribute, Header, State, md5_of, md5_of_attributes, sequence_number},
    outgoing::{Outgoing, check_fifo},
    queue::{Queue, QueueKey},
};
use crate::{change::ChangeError, service::ServiceContext};

/// How long a FIFO queue knows a message again, milliseconds.
const DEDUPLICATION_MS: i64 = 5 * 60 * 1_000;
/// Bytes of a batch at most (SQS quotas).
const BATCH_BYTES_MAX: usize = 1_048_576;

/// The sender's id of what a service of this server sends.
const SERVICE_SENDER: &str = "lambent";

/// What a sender is told.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(super) struct Sent {
    message_id: String,
    sequence_number: Option<String>,
}

impl Sqs {
    pub(super) async fn send_message(
        &self,
        context: &ServiceContext,
        input: types::SendMessageRequest,
    ) -> Handled<types::SendMessageResult> {
        let queue = self.queue_at(context, input.queue_url.as_deref())?;
        let entry = types::SendMessageBatchRequestEntry {
            id: None,
            message_body: input.message_body,
            delay_seconds: input.delay_seconds,
            message_attributes: input.message_attributes,
            message_system_attributes: input.message_system_attributes,
            message_deduplication_id: input.message_deduplication_id,
            message_group_id: input.message_group_id,
        };
        let outgoing = Outgoing::checked(entry, &queue.settings)?;
        let mut sent = self.send_all(context, queue, vec![(String::new(), outgoing)]).await?;
        let sent = sent.pop().unwrap_or_default();
        Ok(types::SendMessageResult {
            md5_of_message_body: sent.md5_of_message_body,
            md5_of_message_attributes: sent.md5_of_message_attributes,
            md5_of_message_system_attributes: sent.md5_of_message_system_attributes,
            message_id: sent.message_id,
            sequence_number: sent.sequence_number,
        })
    }

    pub(super) async fn send_message_batch(
        &self,
        context: &ServiceContext,
        input: types::SendMessageBatchRequest,
    ) -> Handled<types::SendMessageBatchResult> {
        let queue = self.queue_at(context, input.queue_url.as_deref())?;
        let entries = input.entries.unwrap_or_default();
        batches::check(&entries, "SendMessageBatchRequestEntry")?;
        entries.iter().try_for_each(|entry| {
            let (group, id) = (entry.message_group_id.as_ref(), entry.message_deduplication_id.as_ref());
            check_fifo(&queue.settings, group, id)
        })?;
        // Before any of them is found too long by itself.
        check_batch_bytes(
            entries.iter().filter_map(|entry| entry.message_body.as_ref()).map(String::len).sum(),
        )?;
        let mut failed = Vec::new();
        let mut outgoing = Vec::new();
        for entry in entries {
            let id = entry.id().to_owned();
            match Outgoing::checked(entry, &queue.settings) {
                Ok(checked) => outgoing.push((id, checked)),
                Err(error) => failed.push(batches::failure(id, &error)),
            }
        }
        check_batch_bytes(outgoing.iter().map(|(_, outgoing)| outgoing.bytes()).sum())?;
        let successful = self.send_all(context, queue, outgoing).await?;
        Ok(types::SendMessageBatchResult {
            successful: Some(successful),
            failed: (!failed.is_empty()).then_some(failed),
        })
    }

    async fn send_all(
        &self,
        context: &ServiceContext,
        queue: Arc<Queue>,
        all: Vec<(String, Outgoing)>,
    ) -> Handled<Vec<types::SendMessageBatchResultEntry>> {
        let (sender_id, trace_header) = (context.principal.user_id.clone(), context.trace_header.clone());
        let now_ms = self.clock.now_ms();
        let send = move |transaction: &mut QueueTransaction<'_>| -> Result<_, ChangeError> {
            let all = all.into_iter().map(|(id, outgoing)| {
                let answer = told(id, &outgoing);
                let outgoing = outgoing.traced(trace_header.clone());
                let sent = send(transaction, &queue, (outgoing, &sender_id), now_ms)?;
                let Sent { message_id, sequence_number } = sent;
                Ok(types::SendMessageBatchResultEntry {
                    message_id: Some(message_id),
                    sequence_number,
                    ..answer
                })
            });
            all.collect()
        };
        Ok(self.store.queues().transact(send).await?)
    }
}

fn check_batch_bytes(bytes: usize) -> Handled<()> {
    if bytes <= BATCH_BYTES_MAX {
        return Ok(());
    }
    let message =
        format!("Batch requests cannot be longer than {BATCH_BYTES_MAX} bytes. You have sent {bytes} bytes.");
    Err(ApiError::user("BatchRequestTooLong", 400, message))
}

/// Lets other services of this server send, as a part of what they do.
#[derive(Clone)]
pub(crate) struct Door {
    queue: Arc<Queue>,
    now_ms: i64,
}

impl Sqs {
    /// The way into a queue, if there is one.
    pub(crate) fn door(&self, key: &QueueKey) -> Option<Door> {
        Some(Door { queue: self.registry.queue(key)?, now_ms: self.clock.now_ms() })
    }
}

impl Door {
    /// Whether the queue takes this message, or why not.
    pub(crate) fn check(&self, outgoing: &Outgoing) -> Result<(), String> {
        outgoing.check(&self.queue.settings).map_err(|error| error.message)
    }

    /// The message without what only queues of the other kind take.
    pub(crate) fn fitted(&self, outgoing: Outgoing) -> Outgoing {
        match self.queue.settings.is_fifo {
            true => outgoing,
            false => Outgoing { deduplication_id: None, ..outgoing },
        }
    }

    /// Sends it, in whatever transaction it belongs to.
    pub(crate) fn put(
        &self,
        transaction: &mut QueueTransaction<'_>,
        outgoing: Outgoing,
    ) -> Result<(), StoreError> {
        send(transaction, &self.queue, (outgoing, SERVICE_SENDER), self.now_ms).map(drop)
    }
}

/// Puts a message into its queue, unless a FIFO queue has it already.
pub(super) fn send(
    transaction: &mut QueueTransaction<'_>,
    queue: &Queue,
    (outgoing, sender_id): (Outgoing, &str),
    now_ms: i64,
) -> Result<Sent, StoreError> {
    let settings = &queue.settings;
    let delay_seconds =
        outgoing.delay_seconds.filter(|_| !settings.is_fifo).unwrap_or(settings.delay_seconds);
    let body = outgoing.body.into_bytes();
    let deduplication_id = match outgoing.deduplication_id {
        None if settings.is_fifo => Some(aws_api::hex::encode(&Sha256::digest(&body))),
        given => given,
    };
    let header = Header {
        message_id: uuid::Uuid::new_v4().to_string(),
        sent_ms: now_ms,
        sender_id: sender_id.to_owned(),
        attributes: outgoing.attributes,
        trace_header: outgoing.trace_header,
        group: outgoing.group,
        deduplication_id,
        dead_letter_source: None,
    };
    let key = deduplication_key(queue, &header);
    let known = key.as_ref().map(|key| transaction.recall(queue.id(), key, now_ms)).transpose()?.flatten();
    if let Some(sent) = known.and_then(|known| serde_json::from_slice(&known).ok()) {
        return Ok(sent);
    }
    let visible_ms = now_ms.saturating_add(delay_seconds.saturating_mul(1_000));
    let message_id = header.message_id.clone();
    let id =
        put(transaction, queue, (header, body), State { sent_ms: now_ms, visible_ms, ..State::default() })?;
    let sent = Sent { message_id, sequence_number: settings.is_fifo.then(|| sequence_number(id)) };
    if let Some(key) = key {
        let until_ms = now_ms.saturating_add(DEDUPLICATION_MS);
        let value = serde_json::to_vec(&sent).map_err(|error| StoreError::NotWritten(error.to_string()))?;
        transaction.remember(queue.id(), &key, &value, (now_ms, until_ms))?;
    }
    Ok(sent)
}

/// Puts what was made elsewhere into a queue.
pub(super) fn put(
    transaction: &mut QueueTransaction<'_>,
    queue: &Queue,
    (header, body): (Header, Vec<u8>),
    state: State,
) -> Result<i64, StoreError> {
    let state = State { group: header.group.clone().unwrap_or_default(), ..state };
    let header = serde_json::to_vec(&header).map_err(|error| StoreError::NotWritten(error.to_string()))?;
    let due_at_ms = if queue.settings.is_fifo { 0 } else { state.visible_ms };
    transaction.put_message(queue.id(), StoredMessage { header, body }, due_at_ms, state.to_string())
}

/// Under what a FIFO queue knows a message again.
fn deduplication_key(queue: &Queue, header: &Header) -> Option<String> {
    let settings = &queue.settings;
    let id = header.deduplication_id.as_ref().filter(|_| settings.is_fifo)?;
    match &header.group {
        Some(group) if settings.is_deduplicated_by_group => Some(format!("{group} {id}")),
        _ => Some(id.clone()),
    }
}

/// What the sender is told of the contents.
fn told(id: String, outgoing: &Outgoing) -> types::SendMessageBatchResultEntry {
    let trace_header = outgoing.trace_header.clone().map(|value| {
        let attribute = Attribute { data_type: "String".into(), value };
        ("AWSTraceHeader".to_owned(), attribute)
    });
    let system = trace_header.as_ref().map(|(name, attribute)| (name, attribute));
    types::SendMessageBatchResultEntry {
        id: Some(id),
        md5_of_message_body: Some(md5_of(outgoing.body.as_bytes())),
        md5_of_message_attributes: md5_of_attributes(&outgoing.attributes),
        md5_of_message_system_attributes: md5_of_attributes(system),
        ..Default::default()
    }
}
