//! The one thread that writes to the database, with group commit.
//!
//! Jobs come through a channel. The thread takes all that wait, runs each in a savepoint of one transaction, commits, and only
//! then answers: however many callers there are, a batch costs one fsync, and nobody hears of a change that is not on disk.
//! A job that fails is rolled back alone; when the transaction as a whole fails, nobody of the batch is told otherwise.

use std::{
    sync::{Mutex, PoisonError, mpsc},
    thread::JoinHandle,
};

use rusqlite::Connection;
use tokio::sync::oneshot;

use crate::StoreError;

/// Jobs of one transaction; more wait for the next.
const BATCH_MAX: usize = 1_000;

/// What a job leaves to be done once the outcome of the commit is known.
type Answer = Box<dyn FnOnce(Result<(), StoreError>) + Send>;
/// Gets the connection, inside a transaction; or learns why there is none.
type Job = Box<dyn FnOnce(Result<&Connection, StoreError>) -> Answer + Send>;

/// Sends jobs to the thread.
pub(crate) struct Writer {
    jobs: Mutex<Option<mpsc::Sender<Job>>>,
    thread: Mutex<Option<JoinHandle<()>>>,
}

impl Writer {
    /// Starts the thread with its connection.
    pub(crate) fn start(connection: Connection) -> Result<Self, StoreError> {
        let (jobs, queue) = mpsc::channel();
        let thread = std::thread::Builder::new()
            .name("store-writer".into())
            .spawn(move || run(&connection, &queue))
            .map_err(crate::error::at(std::path::Path::new("store-writer thread")))?;
        Ok(Self { jobs: Mutex::new(Some(jobs)), thread: Mutex::new(Some(thread)) })
    }

    /// Runs `job` on the writer thread; its result comes after the commit. Before it does, `committed` is called with it, on the same
    /// thread and so in the order of the commits, whether or not anyone still waits for the result.
    pub(crate) async fn write<T: Send + 'static>(
        &self,
        job: impl FnOnce(&Connection) -> Result<T, StoreError> + Send + 'static,
        committed: impl FnOnce(&T) + Send + 'static,
    ) -> Result<T, StoreError> {
        let (sender, receiver) = oneshot::channel();
        let job: Job = Box::new(move |connection| {
            let result = connection.and_then(|connection| in_savepoint(connection, job));
            Box::new(move |outcome| {
                let result = outcome.and(result);
                if let Ok(value) = &result {
                    committed(value);
                }
                let _ = sender.send(result);
            })
        });
        let jobs = self.jobs.lock().unwrap_or_else(PoisonError::into_inner).clone();
        jobs.ok_or(StoreError::Closed)?.send(job).map_err(|_| StoreError::Closed)?;
        receiver.await.map_err(|_| StoreError::Closed)?
    }

    /// Ends the thread after what was sent. Blocks.
    pub(crate) fn close(&self) {
        self.jobs.lock().unwrap_or_else(PoisonError::into_inner).take();
        let thread = self.thread.lock().unwrap_or_else(PoisonError::into_inner).take();
        if let Some(thread) = thread {
            let _ = thread.join();
        }
    }
}

fn in_savepoint<T>(
    connection: &Connection,
    job: impl FnOnce(&Connection) -> Result<T, StoreError>,
) -> Result<T, StoreError> {
    let run = |statement| connection.prepare_cached(statement)?.execute([]);
    run("SAVEPOINT job")?;
    let result = job(connection);
    if result.is_err() {
        run("ROLLBACK TO job")?;
    }
    run("RELEASE job")?;
    result
}

fn run(connection: &Connection, queue: &mpsc::Receiver<Job>) {
    while let Ok(first) = queue.recv() {
        let mut answers = Vec::new();
        let committed = run_batch(connection, first, queue, &mut answers);
        if committed.is_err() {
            // There may be no transaction any more.
            let _ = connection.execute_batch("ROLLBACK");
        }
        for answer in answers {
            tracing::trace!(target: "crash_point", "writer: is about to answer");
            answer(committed.as_ref().map(|_| ()).map_err(|error| StoreError::NotWritten(error.clone())));
        }
    }
}

/// Runs the first job and those that wait behind it in one transaction; the outcome is that of the transaction.
fn run_batch(
    connection: &Connection,
    first: Job,
    queue: &mpsc::Receiver<Job>,
    answers: &mut Vec<Answer>,
) -> Result<(), String> {
    tracing::trace!(target: "crash_point", "writer: a batch begins");
    let begun = connection.execute_batch("BEGIN IMMEDIATE").map_err(|error| error.to_string());
    if let Err(error) = &begun {
        answers.push(first(Err(StoreError::NotWritten(error.clone()))));
        return begun;
    }
    let mut next = Some(first);
    while let Some(job) = next {
        answers.push(job(Ok(connection)));
        tracing::trace!(target: "crash_point", "writer: a job is done");
        if connection.is_autocommit() {
            // A full disk, say, ends the whole transaction at once; another job would commit itself.
            return Err("the transaction was rolled back".into());
        }
        next = if answers.len() < BATCH_MAX { queue.try_recv().ok() } else { None };
    }
    tracing::trace!(target: "crash_point", "writer: is about to commit");
    let committed = connection.execute_batch("COMMIT").map_err(|error| error.to_string());
    tracing::trace!(target: "crash_point", "writer: has committed");
    committed
}

#[cfg(test)]
mod tests;
