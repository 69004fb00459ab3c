//! The small traits through which the feature crates meet in `server`. Futures are boxed on purpose: no generics travel.

use std::{future::Future, net::TcpListener, path::PathBuf, pin::Pin, sync::Arc};

use bytes::Bytes;

use crate::{
    LambdaError,
    concurrency::{Place, ProvisionedState},
    error::ThrottleReason,
    function::{CodeReference, FunctionConfiguration, FunctionKey, FunctionState},
    invocation::{
        Invocation, InvocationOutcome, Measurements,
        asynchronous::{
            AsyncEvent, DeliveryKind, EventId, Progress, RetryPolicy, Settlement, destination_record::Targets,
        },
    },
};

/// A boxed future.
pub type BoxFuture<'a, T> = Pin<Box<dyn Future<Output = T> + Send + 'a>>;

/// What an environment is made from: one version of one function at one revision, ready to run.
#[derive(Debug, Clone, PartialEq)]
pub struct RunnableVersion {
    /// The function.
    pub key: FunctionKey,
    /// `$LATEST` or a number.
    pub version: String,
    /// Identifies code and settings together; an environment never outlives a change of it.
    pub deployment_id: String,
    /// The settings.
    pub configuration: FunctionConfiguration,
    /// The code.
    pub code: CodeReference,
}

/// A function as an invocation finds it.
#[derive(Debug, Clone, PartialEq)]
pub struct ResolvedFunction {
    /// What to run.
    pub version: Arc<RunnableVersion>,
    /// Whether it may run.
    pub state: FunctionState,
    /// Reserved concurrency of the function, all versions together.
    pub reserved_concurrency: Option<u32>,
    /// Of the account's concurrency in the Region: what all functions have reserved, and what is provisioned for those that have
    /// reserved nothing.
    pub account_taken: u32,
    /// Provisioned concurrency asked for the version.
    pub provisioned: u32,
    /// The same for all versions of the function.
    pub provisioned_of_function: u32,
    /// Whether it may run however often a chain of events comes back to it.
    pub allows_recursion: bool,
}

/// What is configured for asynchronous invocations of a qualifier.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct AsyncSettings {
    /// When they are tried again.
    pub policy: RetryPolicy,
    /// Who is told of their ends.
    pub targets: Targets,
    /// Reserved concurrency of the function.
    pub reserved_concurrency: Option<u32>,
}

/// Finds functions without touching the disk.
pub trait FunctionCatalog: Send + Sync {
    /// The version that `qualifier` names, `$LATEST` when it is absent. Of an alias with two versions `roll`, uniform in [0, 1),
    /// chooses one.
    ///
    /// # Errors
    /// 404 for what does not exist.
    fn resolve(
        &self,
        key: &FunctionKey,
        qualifier: Option<&str>,
        roll: f64,
    ) -> Result<ResolvedFunction, LambdaError>;

    /// What is configured for asynchronous invocations of the function under this qualifier; Lambda's defaults where nothing is.
    fn asynchronous(&self, key: &FunctionKey, qualifier: Option<&str>) -> AsyncSettings;
}

/// Keeps events until they have ended.
///
/// An event is *claimed* by who attempts it: in memory only, so that all of them wait again after a crash.
pub trait AsyncInvocationQueue: Send + Sync {
    /// Takes an event; it is on disk when this resolves. Whoever attempts events is told of it then, also if nobody waits for this
    /// any more.
    ///
    /// # Errors
    /// When it could not be made durable: it was not accepted.
    fn accept(&self, event: AsyncEvent) -> BoxFuture<'_, Result<(), LambdaError>>;

    /// The functions that have events.
    ///
    /// # Errors
    /// When they cannot be read.
    fn functions(&self) -> BoxFuture<'_, Result<Vec<FunctionKey>, LambdaError>>;

    /// Claims events of a function that are due, at most `max`, those that are due longest first.
    ///
    /// # Errors
    /// When they cannot be read.
    fn claim<'a>(
        &'a self,
        key: &'a FunctionKey,
        now_ms: i64,
        max: usize,
    ) -> BoxFuture<'a, Result<Claimed, LambdaError>>;

    /// Settles a claimed event; what it leaves is on disk when this resolves, and the claim is given back.
    ///
    /// # Errors
    /// When it could not be made durable: the event is still claimed.
    fn settle(
        &self,
        key: &FunctionKey,
        event: EventId,
        settlement: Settlement,
    ) -> BoxFuture<'_, Result<(), LambdaError>>;
}

/// What could be claimed.
#[derive(Debug, Default)]
pub struct Claimed {
    /// Events, now claimed.
    pub events: Vec<ClaimedEvent>,
    /// When the next event that is not claimed is due, Unix time, milliseconds; `None` when there is none.
    pub next_due_ms: Option<i64>,
}

/// A claimed event.
#[derive(Debug)]
pub struct ClaimedEvent {
    /// Identifies it.
    pub id: EventId,
    /// The event.
    pub event: AsyncEvent,
    /// What became of it so far.
    pub progress: Progress,
}

/// A clock that never jumps, however the machine's is set: Unix time when the server started, and what has passed since.
pub trait Clock: Send + Sync {
    /// Unix time, milliseconds.
    fn now_ms(&self) -> i64;
}

/// Runs invocations in execution environments.
pub trait ExecutionEnvironments: Send + Sync {
    /// Runs one invocation: in an idle environment, or in one started for it; in a provisioned one if `place` says so and one is idle.
    ///
    /// Fails when no environment could be had (429 when the server has no room); an invocation that ran is an outcome.
    fn invoke(
        &self,
        version: Arc<RunnableVersion>,
        invocation: Invocation,
        place: Place,
    ) -> BoxFuture<'_, Result<InvocationOutcome, LambdaError>>;

    /// A version is ready to run: what its first environment needs beside its code may be made now.
    fn expect(&self, _version: &Arc<RunnableVersion>) {}

    /// Initialises and keeps so many environments of these versions of a function, and no others of it.
    fn provision(&self, key: &FunctionKey, desired: Vec<(Arc<RunnableVersion>, u32)>);

    /// How far the provisioned environments of a version have come.
    fn provisioned(&self, key: &FunctionKey, version: &str) -> ProvisionedState;

    /// Retires environments of a function, those of one version or all, except those of `keep_deployment_id`; running invocations
    /// end first.
    fn retire(&self, key: &FunctionKey, version: Option<&str>, keep_deployment_id: Option<&str>);
}

/// Takes a response while it is being made (B.7).
pub trait ResponseStream: Send + Sync {
    /// Says of what type the bytes will be, before the first of them.
    ///
    /// # Errors
    /// When the caller has left; the invocation goes on all the same.
    fn begin(&self, content_type: Option<String>) -> BoxFuture<'_, Result<(), CallerGone>>;

    /// Passes on the next bytes, as fast as the caller takes them.
    ///
    /// # Errors
    /// When the caller has left; the invocation goes on all the same.
    fn write(&self, bytes: Bytes) -> BoxFuture<'_, Result<(), CallerGone>>;
}

/// Whoever asked for a response no longer reads it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct CallerGone;

/// Gives the unpacked code of a version.
pub trait CodePackages: Send + Sync {
    /// The directory to mount at `/var/task`, unpacked and checked.
    ///
    /// # Errors
    /// A text for the server's log when the package is missing or damaged.
    fn directory(&self, code: &CodeReference) -> Result<CodeDirectory, String>;

    /// The same when it is there, which takes no time; `None` when it would have to be unpacked again.
    fn at_hand(&self, code: &CodeReference) -> Option<CodeDirectory>;

    /// The directory to mount at `/opt`: the packages of the layers over each other in this order; `None` for no layers.
    ///
    /// # Errors
    /// As above.
    fn layers(&self, layers: &[CodeReference]) -> Result<Option<CodeDirectory>, String>;

    /// What was compiled of a package for a runtime, for as long as the package is leased; `None` where nothing was.
    fn compiled(&self, code: &CodeReference, runtime: &str) -> Option<PathBuf>;

    /// The same of layers, over each other as they are; `None` where one of them was not.
    ///
    /// # Errors
    /// A text for the server's log.
    fn compiled_layers(&self, layers: &[CodeReference], runtime: &str) -> Result<Option<PathBuf>, String>;

    /// Keeps what was compiled of a package, which is leased, until the machine starts anew: relative paths, and what they hold.
    ///
    /// # Errors
    /// A text for the server's log.
    fn keep_compiled(
        &self,
        code: &CodeReference,
        runtime: &str,
        files: &[(PathBuf, &[u8])],
    ) -> Result<(), String>;
}

/// Reads objects of S3 that hold code.
pub trait CodeObjects: Send + Sync {
    /// The whole object, as `account_id` may read it; at most `bytes_max` bytes of it are taken.
    fn get<'a>(
        &'a self,
        account_id: &'a str,
        object: &'a CodeObject,
        bytes_max: u64,
    ) -> BoxFuture<'a, Result<Bytes, CodeObjectError>>;
}

/// Where code lies in S3.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CodeObject {
    /// The bucket's name.
    pub bucket: String,
    /// The object's key.
    pub key: String,
    /// Its version; the current one when absent.
    pub version_id: Option<String>,
}

/// Why an object could not be had, in S3's words.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CodeObjectError {
    /// Such as `NoSuchKey`.
    pub code: String,
    /// Such as `The specified key does not exist.`.
    pub message: String,
}

/// Unpacked code that stays while this is held, whatever becomes of the function.
pub struct CodeDirectory {
    /// Where it is.
    pub path: PathBuf,
    /// Keeps it there.
    pub lease: Box<dyn Send + Sync>,
}

/// The AWS endpoint of this server inside an environment: serves whatever connects to the listener.
pub trait EnvironmentEndpoint: Send + Sync {
    /// Serves connections until the returned guard is dropped.
    fn serve(&self, listener: TcpListener) -> Box<dyn ServedEndpoint>;
}

/// Ends serving when it is dropped.
pub trait ServedEndpoint: Send + Sync {
    /// Whether nobody is connected.
    fn is_idle(&self) -> bool;
}

/// Takes the log lines of environments.
pub trait LogSink: Send + Sync {
    /// Appends text that ends in a newline to a log stream. Never blocks; drops and counts when it cannot keep up.
    fn append(&self, to: &Arc<LogDestination>, text: &[u8], form: LogForm);

    /// What was appended so far is not to wait for more: something that it tells of is about to be made durable. Never blocks.
    fn hurry(&self) {}
}

/// A log stream, which is made when something is first written to it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LogDestination {
    /// Whose.
    pub account_id: String,
    /// Where.
    pub region: String,
    /// The group's name.
    pub group: String,
    /// The stream's name.
    pub stream: String,
}

/// How text becomes events.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LogForm {
    /// Each line is one.
    Lines,
    /// All of it is one.
    Whole,
    /// All of it is one, and the platform's: where room is short, what functions print goes first.
    Platform,
}

/// Counts what AWS counts, under AWS's names (B.22).
pub trait MetricSink: Send + Sync {
    /// An invocation was admitted.
    fn invocation_started(&self, key: &FunctionKey, version: &str);
    /// An admitted invocation is over; `None` when no environment could run it.
    fn invocation_ended(&self, key: &FunctionKey, version: &str, ended: Option<InvocationEnd>);
    /// An invocation was refused.
    fn throttled(&self, key: &FunctionKey, version: &str, reason: ThrottleReason);
    /// An invocation of a version with provisioned concurrency was admitted, to such an environment or beyond them.
    fn provisioned_invocation(&self, key: &FunctionKey, version: &str, place: Place);
    /// An event was accepted (`AsyncEventsReceived`).
    fn async_event_received(&self, key: &FunctionKey, resource: &str);
    /// An event is being attempted that was accepted so long ago, milliseconds (`AsyncEventAge`).
    fn async_event_age(&self, key: &FunctionKey, resource: &str, age_ms: u64);
    /// An event has ended without success (`AsyncEventsDropped`).
    fn async_event_dropped(&self, key: &FunctionKey, resource: &str);
    /// A chain of events was cut (`RecursiveInvocationsDropped`).
    fn recursive_invocation_dropped(&self, key: &FunctionKey, resource: &str);
    /// A target could not be told (`DestinationDeliveryFailures`, `DeadLetterErrors`).
    fn delivery_failed(&self, key: &FunctionKey, resource: &str, kind: DeliveryKind);
    /// So many events of a mapping, which its UUID names, came to this. Counted where the mapping asks for it.
    fn event_source_events(&self, _mapping: &str, _what: EventSourceCount, _events: usize) {}
    /// Records of a stream were done whose last had come so long before, milliseconds (`IteratorAge`).
    fn iterator_age(&self, _key: &FunctionKey, _resource: &str, _age_ms: u64) {}
    /// An environment was started.
    fn environment_started(&self, key: &FunctionKey);
}

/// A stream that mappings read. Places of its records go up in each shard; place 0 is before all of them.
pub trait StreamSource: Send + Sync {
    /// What tells of records that are given up: `KinesisBatchInfo`, say.
    fn batch_info(&self) -> &'static str;

    /// The shards of a stream; `None` where there is no such stream.
    ///
    /// # Errors
    /// When they cannot be read.
    fn shards<'a>(
        &'a self,
        stream_arn: &'a str,
    ) -> BoxFuture<'a, Result<Option<Vec<StreamShard>>, LambdaError>>;

    /// Records of a shard, in their order.
    ///
    /// # Errors
    /// When they cannot be read.
    fn read<'a>(&'a self, read: StreamRead<'a>) -> BoxFuture<'a, Result<StreamChunk, LambdaError>>;

    /// Resolves when a record is put into the shard after this call.
    fn appended(&self, shard: &StreamShard) -> BoxFuture<'static, ()>;

    /// The place of what comes at a time, Unix time, milliseconds.
    fn place_at(&self, at_ms: i64) -> u64;
}

/// A shard.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StreamShard {
    /// Its name.
    pub id: String,
    /// The shards that it goes on from: they are read first.
    pub parents: Vec<String>,
    /// Whether records still come.
    pub is_open: bool,
    /// The place behind its last record.
    pub end: u64,
    /// Where it is kept.
    pub space: i64,
}

impl StreamShard {
    /// What it is kept under how far it is read: a stream that is made anew under its old name has other shards of the same names.
    pub fn checkpoint(&self) -> String {
        format!("{}@{}", self.id, self.space)
    }
}

/// What is to be read.
#[derive(Debug, Clone, Copy)]
pub struct StreamRead<'a> {
    /// The stream.
    pub stream_arn: &'a str,
    /// One of its shards.
    pub shard: &'a StreamShard,
    /// The first place.
    pub from: u64,
    /// Records at most.
    pub records_max: usize,
    /// Bytes at most, nearly.
    pub bytes_max: usize,
    /// Who reads: the ARN of a role.
    pub role: &'a str,
}

/// Records that were read.
#[derive(Debug, Default)]
pub struct StreamChunk {
    /// They, in their order.
    pub records: Vec<StreamRecord>,
    /// Where to read on.
    pub next: u64,
    /// Whether there was nothing more by now.
    pub is_end: bool,
    /// Whether nothing more ever comes.
    pub is_closed: bool,
}

/// A record of a stream.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StreamRecord {
    /// Its place in the shard.
    pub place: u64,
    /// The same, as the stream shows it.
    pub sequence_number: String,
    /// What it is about: records of the same key stay in their order.
    pub key: Vec<u8>,
    /// When it came: Unix time, milliseconds.
    pub arrived_ms: i64,
    /// As a function gets it.
    pub json: String,
    /// As filters see it, where that differs.
    pub filtered: Option<String>,
}

/// Counts what schedules leave out.
pub trait ScheduleMetrics: Send + Sync {
    /// What was due at a time of a schedule, which its ARN names, is not delivered: it is too late for its target.
    fn schedule_dropped(&self, schedule: &str);
}

/// What events of a mapping come to, under AWS's names: `PolledEventCount` and so on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum EventSourceCount {
    /// They were read.
    Polled,
    /// No filter let them through.
    FilteredOut,
    /// A function was invoked with them.
    Invoked,
    /// That failed.
    FailedInvoke,
    /// They were deleted from their queue.
    Deleted,
    /// The offsets behind them were committed.
    Committed,
    /// They were given up: they had failed too often, or were too old.
    Dropped,
    /// They were given up, and the destination is told.
    OnFailureDestinationDelivered,
}

/// End of an invocation for the metrics.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct InvocationEnd {
    /// Whether it counts under `Errors`.
    pub is_error: bool,
    /// Its figures, if it is wholly over.
    pub measurements: Option<Measurements>,
}
