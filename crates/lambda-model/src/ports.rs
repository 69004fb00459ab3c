//! The small traits through which the feature crates meet in `server`. Futures are boxed on purpose: no generics travel.

use std::{future::Future, net::TcpListener, path::PathBuf, pin::Pin, sync::Arc};

use bytes::Bytes;

use crate::{
    LambdaError,
    concurrency::{Place, ProvisionedState},
    error::ThrottleReason,
    function::{CodeReference, FunctionConfiguration, FunctionKey, FunctionState},
    invocation::{Invocation, InvocationOutcome, Measurements},
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

    /// The directory to mount at `/opt`: the packages of the layers over each other in this order; `None` for no layers.
    ///
    /// # Errors
    /// As above.
    fn layers(&self, layers: &[CodeReference]) -> Result<Option<CodeDirectory>, String>;
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
    fn serve(&self, listener: TcpListener) -> Box<dyn Send + Sync>;
}

/// Takes the log lines of environments.
pub trait LogSink: Send + Sync {
    /// Appends text that ends in a newline to a log stream. Never blocks; drops and counts when it cannot keep up.
    fn append(&self, to: &Arc<LogDestination>, text: &[u8], form: LogForm);
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
    /// An environment was started.
    fn environment_started(&self, key: &FunctionKey);
}

/// End of an invocation for the metrics.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct InvocationEnd {
    /// Whether it counts under `Errors`.
    pub is_error: bool,
    /// Its figures, if it is wholly over.
    pub measurements: Option<Measurements>,
}
