//! Redriving: messages of a dead-letter queue go back to where they came from, or to another queue.
//!
//! ```text
//! StartMessageMoveTask ──► RUNNING ──► nothing is left: COMPLETED
//!                             │  └──► a message cannot be moved: FAILED
//!                             └──► CancelMessageMoveTask: CANCELLING ──► CANCELLED
//! ```
//! A task is stored, and one that ran goes on with the next server. Each batch of messages is moved in one transaction.

use std::{ops::ControlFlow, sync::Arc, time::Duration};

use aws_api::{error_response::ApiError, generated::sqs::types};
use base64::{Engine, prelude::BASE64_STANDARD};
use lambda_model::error::with_causes;
use serde::{Deserialize, Serialize};
use store::{Document, DocumentKey, MessageView, Place, QueueTransaction, StoreError};
use tokio::time::sleep;

use super::{
    Handled, Sqs,
    error::{invalid_value, no_resource, unsupported},
    message::{Header, State},
    queue::{Queue, QueueKey},
    receiving::state_of,
    sending::put,
};
use crate::change::{ChangeError, of_store};
use crate::service::ServiceContext;

/// Messages a second at most (API reference, StartMessageMoveTask).
const RATE_MAX: i64 = 500;
/// Messages of a transaction.
const BATCH_MAX: usize = 50;
/// Tasks that are remembered of a queue.
const REMEMBERED_MAX: usize = 10;

/// A task as it is stored.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(super) struct MoveTask {
    source: String,
    destination: Option<String>,
    per_second: Option<i64>,
    status: Status,
    started_ms: i64,
    moved: i64,
    to_move: i64,
    failure: Option<String>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
enum Status {
    Running,
    Cancelling,
    Cancelled,
    Completed,
    Failed,
}

impl Status {
    fn is_over(self) -> bool {
        matches!(self, Self::Cancelled | Self::Completed | Self::Failed)
    }

    fn name(self) -> &'static str {
        match self {
            Self::Running => "RUNNING",
            Self::Cancelling => "CANCELLING",
            Self::Cancelled => "CANCELLED",
            Self::Completed => "COMPLETED",
            Self::Failed => "FAILED",
        }
    }
}

impl Document for MoveTask {
    const KIND: &'static str = "sqs/move-task";
}

impl Sqs {
    pub(super) async fn start_message_move_task(
        &self,
        _: &ServiceContext,
        input: types::StartMessageMoveTaskRequest,
    ) -> Handled<types::StartMessageMoveTaskResult> {
        let source = self.queue_of_arn(input.source_arn.as_deref(), "SourceArn")?;
        let destination = input.destination_arn.as_deref().filter(|arn| !arn.is_empty());
        if let Some(arn) = destination {
            let queue = self.queue_of_arn(Some(arn), "DestinationArn")?;
            if queue.settings.is_fifo != source.settings.is_fifo {
                return Err(invalid_value(
                    "The destination queue must be of the same type as the source queue.",
                ));
            }
        }
        let per_second = input.max_number_of_messages_per_second;
        if per_second.is_some_and(|rate| !(1..=RATE_MAX).contains(&rate)) {
            return Err(invalid_value(format!(
                "Value for parameter MaxNumberOfMessagesPerSecond is invalid. Reason: Must be between 1 and {RATE_MAX}, if provided."
            )));
        }
        self.check_is_dead_letter_queue(&source)?;
        let counts = self.counts(&source).await?;
        let task = MoveTask {
            source: source.key.arn(),
            destination: destination.map(str::to_owned),
            per_second,
            status: Status::Running,
            started_ms: self.clock.now_ms(),
            moved: 0,
            to_move: i64::try_from(counts.visible).unwrap_or(i64::MAX),
            failure: None,
        };
        let key = self.store_new(&source.key, task).await?;
        self.run_task(key.clone());
        Ok(types::StartMessageMoveTaskResult { task_handle: Some(handle(&key)) })
    }

    pub(super) async fn cancel_message_move_task(
        &self,
        _: &ServiceContext,
        input: types::CancelMessageMoveTaskRequest,
    ) -> Handled<types::CancelMessageMoveTaskResult> {
        let key = input.task_handle.as_deref().and_then(read_handle).ok_or_else(no_task)?;
        let task = self
            .change_task(&key, |task| {
                if task.status != Status::Running {
                    return Err(unsupported("Only active tasks can be cancelled."));
                }
                task.status = Status::Cancelling;
                Ok(())
            })
            .await?;
        Ok(types::CancelMessageMoveTaskResult { approximate_number_of_messages_moved: Some(task.moved) })
    }

    pub(super) async fn list_message_move_tasks(
        &self,
        _: &ServiceContext,
        input: types::ListMessageMoveTasksRequest,
    ) -> Handled<types::ListMessageMoveTasksResult> {
        let source = self.queue_of_arn(input.source_arn.as_deref(), "SourceArn")?;
        let max = input.max_results.unwrap_or(1);
        if !(1..=REMEMBERED_MAX as i64).contains(&max) {
            return Err(invalid_value(
                "Value for parameter MaxResults is invalid. Reason: Must be between 1 and 10, if provided.",
            ));
        }
        let mut tasks = self.tasks_of(&source.key).await?;
        tasks.reverse();
        let results = tasks.into_iter().take(usize::try_from(max).unwrap_or(1));
        Ok(types::ListMessageMoveTasksResult {
            results: Some(results.map(|(key, task)| shown(&key, task)).collect()),
        })
    }

    /// Goes on with the tasks that an earlier server did not end.
    pub(super) async fn resume_tasks(&self) -> Result<(), StoreError> {
        for (key, task) in self.store.all_documents::<MoveTask>().await? {
            if !task.status.is_over() {
                self.run_task(key);
            }
        }
        Ok(())
    }

    fn queue_of_arn(&self, arn: Option<&str>, parameter: &str) -> Handled<Arc<Queue>> {
        let arn = arn.unwrap_or_default();
        let key = QueueKey::of_arn(arn)
            .ok_or_else(|| invalid_value(format!("You must use this format to specify the {parameter}: arn:<partition>:<service>:<region>:<account-id>:<resource-id>")))?;
        let missing = format!("The resource that you specified for the {parameter} parameter doesn't exist.");
        self.registry.queue(&key).ok_or_else(|| no_resource(missing))
    }

    fn check_is_dead_letter_queue(&self, queue: &Queue) -> Handled<()> {
        let names_it = |source: &Arc<Queue>| {
            source.settings.redrive.as_ref().is_some_and(|redrive| redrive.target == queue.key)
        };
        match self.registry.all().iter().any(names_it) {
            true => Ok(()),
            false => Err(invalid_value("Source queue must be configured as a Dead Letter Queue.")),
        }
    }

    async fn tasks_of(&self, queue: &QueueKey) -> Handled<Vec<(DocumentKey, MoveTask)>> {
        let range = store::DocumentRange {
            account_id: queue.account_id.clone(),
            region: queue.region.clone(),
            parent: Some(queue.name.clone()),
            ..Default::default()
        };
        self.store.documents(range).await.map_err(of_store)
    }

    /// Stores a task unless another of its queue is active, and forgets the oldest.
    async fn store_new(&self, queue: &QueueKey, task: MoveTask) -> Handled<DocumentKey> {
        let mut known = self.tasks_of(queue).await?;
        if known.iter().any(|(_, task)| !task.status.is_over()) {
            return Err(unsupported(
                "There is already a task running. Only one active task is allowed for a source queue arn at a given time.",
            ));
        }
        // By their names, tasks are in the order of their beginnings.
        let name = uuid::Uuid::now_v7().to_string();
        let key = DocumentKey { parent: queue.name.clone(), name, ..queue.document() };
        let too_many = (known.len() + 1).saturating_sub(REMEMBERED_MAX);
        let forgotten: Vec<_> = known.drain(..too_many).map(|(key, _)| key).collect();
        let stored = key.clone();
        self.store
            .transact(move |transaction| {
                for key in &forgotten {
                    transaction.delete_document::<MoveTask>(key)?;
                }
                Ok::<_, ChangeError>(transaction.put_document(&stored, &task)?)
            })
            .await?;
        Ok(key)
    }

    async fn change_task(
        &self,
        key: &DocumentKey,
        change: impl FnOnce(&mut MoveTask) -> Handled<()> + Send + 'static,
    ) -> Handled<MoveTask> {
        let key = key.clone();
        let changed = self.store.transact(move |transaction| {
            let mut task = transaction.document::<MoveTask>(&key)?.ok_or_else(no_task)?;
            change(&mut task)?;
            transaction.put_document(&key, &task)?;
            Ok::<_, ChangeError>(task)
        });
        Ok(changed.await?)
    }

    fn run_task(&self, key: DocumentKey) {
        let sqs = self.clone();
        tokio::spawn(async move {
            if let Err(error) = sqs.move_all(&key).await {
                tracing::error!(task = key.name, error = error.message, "messages could not be moved");
            }
        });
    }

    async fn move_all(&self, key: &DocumentKey) -> Handled<()> {
        let mut task = self.change_task(key, |_| Ok(())).await?;
        loop {
            if task.status == Status::Cancelling {
                self.change_task(key, |task| end(task, Status::Cancelled, None)).await?;
                return Ok(());
            }
            let batch =
                task.per_second.map_or(BATCH_MAX, |rate| usize::try_from(rate).unwrap_or(1).min(BATCH_MAX));
            match self.move_some(&task, batch).await {
                Ok(0) => {
                    self.change_task(key, |task| end(task, Status::Completed, None)).await?;
                    return Ok(());
                }
                Ok(moved) => {
                    let moved = i64::try_from(moved).unwrap_or(0);
                    task = self
                        .change_task(key, move |task| {
                            task.moved += moved;
                            Ok(())
                        })
                        .await?;
                }
                Err(reason) => {
                    self.change_task(key, |task| end(task, Status::Failed, Some(reason))).await?;
                    return Ok(());
                }
            }
            if let Some(rate) = task.per_second {
                sleep(Duration::from_secs_f64(batch as f64 / rate.max(1) as f64)).await;
            }
        }
    }

    /// Moves a few messages; how many, or why one could not be moved.
    async fn move_some(&self, task: &MoveTask, max: usize) -> Result<usize, String> {
        let source = QueueKey::of_arn(&task.source).and_then(|key| self.registry.queue(&key));
        let source = source.ok_or("AWS.SimpleQueueService.NonExistentQueue")?;
        let destination = match &task.destination {
            None => None,
            Some(arn) => {
                let queue = QueueKey::of_arn(arn).and_then(|key| self.registry.queue(&key));
                Some(queue.ok_or("AWS.SimpleQueueService.NonExistentQueue")?)
            }
        };
        let (registry, now_ms) = (Arc::clone(&self.registry), self.clock.now_ms());
        let move_them = move |transaction: &mut QueueTransaction<'_>| -> Result<_, MoveError> {
            let mut moved = 0;
            for place in visible(&transaction.messages(source.id())?, now_ms, max)? {
                let Some(stored) = transaction.message(source.id(), place)? else { continue };
                let header: Header = serde_json::from_slice(&stored.header)
                    .map_err(|_| MoveError::Failed("CouldNotDetermineMessageSource".into()))?;
                let target = match (&destination, &header.dead_letter_source) {
                    (Some(queue), _) => Some(Arc::clone(queue)),
                    (None, Some(arn)) => QueueKey::of_arn(arn).and_then(|key| registry.queue(&key)),
                    (None, None) => None,
                };
                let target =
                    target.ok_or_else(|| MoveError::Failed("CouldNotDetermineMessageSource".into()))?;
                transaction.delete_message(source.id(), place)?;
                put(transaction, &target, (anew(header, now_ms), stored.body), fresh(now_ms))?;
                moved += 1;
            }
            Ok(moved)
        };
        self.store.queues().transact(move_them).await.map_err(|error| match error {
            MoveError::Store(error) => with_causes(&error),
            MoveError::Failed(reason) => reason,
        })
    }
}

/// Messages that nobody has, in the order of the queue.
fn visible(view: &MessageView<'_>, now_ms: i64, max: usize) -> Result<Vec<Place>, StoreError> {
    let mut found = Vec::new();
    view.each(|place, state| {
        if state_of(state, now_ms).visible_ms <= now_ms {
            found.push(place);
        }
        if found.len() < max { ControlFlow::Continue(()) } else { ControlFlow::Break(()) }
    })?;
    Ok(found)
}

enum MoveError {
    Store(StoreError),
    Failed(String),
}

impl From<StoreError> for MoveError {
    fn from(error: StoreError) -> Self {
        Self::Store(error)
    }
}

/// A message that was moved back is a new one (SQS developer guide, dead-letter queue redrive).
fn anew(header: Header, now_ms: i64) -> Header {
    Header {
        message_id: uuid::Uuid::new_v4().to_string(),
        sent_ms: now_ms,
        dead_letter_source: None,
        ..header
    }
}

fn fresh(now_ms: i64) -> State {
    State { sent_ms: now_ms, visible_ms: now_ms, ..State::default() }
}

fn end(task: &mut MoveTask, status: Status, failure: Option<String>) -> Handled<()> {
    task.status = status;
    task.failure = failure;
    Ok(())
}

fn shown(key: &DocumentKey, task: MoveTask) -> types::ListMessageMoveTasksResultEntry {
    types::ListMessageMoveTasksResultEntry {
        task_handle: (task.status == Status::Running).then(|| handle(key)),
        status: Some(task.status.name().to_owned()),
        source_arn: Some(task.source),
        destination_arn: task.destination,
        max_number_of_messages_per_second: task.per_second,
        approximate_number_of_messages_moved: Some(task.moved),
        approximate_number_of_messages_to_move: Some(task.to_move),
        failure_reason: task.failure,
        started_timestamp: Some(task.started_ms),
    }
}

fn handle(key: &DocumentKey) -> String {
    let DocumentKey { account_id, region, parent, name } = key;
    BASE64_STANDARD.encode(format!("{account_id} {region} {parent} {name}"))
}

fn read_handle(handle: &str) -> Option<DocumentKey> {
    let text = String::from_utf8(BASE64_STANDARD.decode(handle).ok()?).ok()?;
    let parts: Vec<&str> = text.split(' ').collect();
    let [account_id, region, parent, name] = parts[..] else { return None };
    Some(DocumentKey {
        account_id: account_id.into(),
        region: region.into(),
        parent: parent.into(),
        name: name.into(),
    })
}

fn no_task() -> ApiError {
    no_resource("Task does not exist.")
}
