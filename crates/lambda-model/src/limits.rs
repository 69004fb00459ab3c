//! Every limit of Lambda and of this server, in one place, the unit last in the name.
//!
//! Sources: the quotas page of AWS's developer guide, the API model, and recorded answers (see SPECIFICATION.md).

/// Synchronous request payload, bytes (6 MiB; quotas page).
pub const SYNC_REQUEST_PAYLOAD_BYTES_MAX: usize = 6 * 1024 * 1024;
/// Asynchronous request payload, bytes (P-01: 1 MB; quotas page).
pub const ASYNC_REQUEST_PAYLOAD_BYTES_MAX: usize = 1024 * 1024;
/// The same of the older `InvokeAsync`, bytes (P-01).
pub const INVOKE_ASYNC_PAYLOAD_BYTES_MAX: usize = 256 * 1024;
/// The wait after the first error of an asynchronous invocation, seconds; after the second it is twice as long.
pub const ASYNC_RETRY_WAIT_SECONDS_DEFAULT: u32 = 60;
/// Passages through the same function after which a chain of events is a loop.
pub const RECURSION_HOPS_MAX: u32 = 16;
/// Synchronous response payload as the Runtime API accepts it, bytes (6 MiB + 100; AWS's Runtime API server).
pub const RESPONSE_PAYLOAD_BYTES_MAX: usize = 6 * 1024 * 1024 + 100;
/// A streamed response, bytes (P-01: 200 MB).
pub const STREAMED_RESPONSE_BYTES_MAX: usize = 200 * 1024 * 1024;
/// Part of a streamed response that goes as fast as the caller reads, bytes (P-02).
pub const STREAMING_BURST_BYTES_DEFAULT: u32 = 6 * 1024 * 1024;
/// How fast the rest of it goes, bytes a second (P-02).
pub const STREAMING_BYTES_PER_SECOND_DEFAULT: u32 = 2 * 1024 * 1024;
/// Smallest value of these two, bytes (P-02).
pub const STREAMING_BYTES_MIN: u32 = 32 * 1024;
/// Largest value of these two, bytes (P-02).
pub const STREAMING_BYTES_MAX: u32 = 64 * 1024 * 1024;
/// Pieces of a streamed response that wait for a caller who is slower than the function.
pub const STREAMED_PIECES_WAITING_MAX: usize = 4;
/// Decoded `X-Amz-Client-Context`, bytes (API model).
pub const CLIENT_CONTEXT_BYTES_MAX: usize = 3_583;
/// Tail of an invocation's log in `X-Amz-Log-Result`, bytes before base64 (API model).
pub const LOG_TAIL_BYTES_MAX: usize = 4 * 1024;
/// One log line, bytes; longer ones are split (CloudWatch Logs' event limit).
pub const LOG_LINE_BYTES_MAX: usize = 256 * 1024;

/// Zipped package uploaded directly, bytes.
pub const ZIPPED_PACKAGE_BYTES_MAX: u64 = 52_428_800;
/// Zipped package in S3, bytes: what unzips to more than is allowed cannot be smaller than this and still be checked cheaply.
pub const ZIPPED_PACKAGE_IN_S3_BYTES_MAX: u64 = UNZIPPED_PACKAGE_BYTES_MAX;
/// Unzipped package with its layers, bytes.
pub const UNZIPPED_PACKAGE_BYTES_MAX: u64 = 262_144_000;
/// Body of CreateFunction and UpdateFunctionCode, bytes (recorded: 70,167,211).
pub const CREATE_FUNCTION_REQUEST_BYTES_MAX: usize = 70_167_211;
/// Body of every other control-plane request, bytes.
pub const CONTROL_REQUEST_BYTES_MAX: usize = 6 * 1024 * 1024;
/// Code storage per account and Region, bytes.
pub const TOTAL_CODE_BYTES_MAX: i64 = 80_530_636_800;

/// Memory of an ordinary function, MB.
pub const MEMORY_SIZE_MB_MIN: i64 = 128;
/// Memory of an ordinary function, MB (the model's 32,768 is for managed instances).
pub const MEMORY_SIZE_MB_MAX: i64 = 10_240;
/// Memory when the caller names none, MB.
pub const MEMORY_SIZE_MB_DEFAULT: i64 = 128;
/// Memory at which a function gets one whole vCPU, MB.
pub const MEMORY_SIZE_MB_PER_VCPU: u64 = 1_769;
/// Longest timeout of an ordinary function, seconds.
pub const TIMEOUT_SECONDS_MAX: i64 = 900;
/// Timeout when the caller names none, seconds.
pub const TIMEOUT_SECONDS_DEFAULT: i64 = 3;
/// `/tmp`, MB.
pub const EPHEMERAL_STORAGE_MB_MIN: i64 = 512;
/// `/tmp`, MB.
pub const EPHEMERAL_STORAGE_MB_MAX: i64 = 10_240;
/// Files in `/tmp` per MB of it: 64 inodes a MB is what ext4 gives by default.
pub const EPHEMERAL_STORAGE_INODES_PER_MB: u64 = 64;
/// All environment variables of a function measured as JSON, bytes.
pub const ENVIRONMENT_VARIABLES_BYTES_MAX: usize = 4 * 1024;
/// Tags of a resource.
pub const TAGS_MAX: usize = 50;
/// A resource policy, bytes of its document (B.25).
pub const RESOURCE_POLICY_BYTES_MAX: usize = 20_480;
/// Filters of an event source mapping (B.25: 5, and 10 by quota).
pub const FILTERS_MAX: usize = 10;
/// Layers of a function.
pub const LAYERS_MAX: usize = 5;

/// Concurrent executions of an account in a Region unless configured otherwise.
pub const ACCOUNT_CONCURRENCY_DEFAULT: u32 = 1_000;
/// Part of the account's concurrency that reservations may not take.
pub const UNRESERVED_CONCURRENCY_MIN: u32 = 100;

/// Environments that a function may start at once (C-02).
pub const SCALING_BURST_DEFAULT: u32 = 1_000;
/// Environments that a function may start each second beyond that (C-02: 1,000 in ten seconds).
pub const SCALING_PER_SECOND_DEFAULT: u32 = 100;
/// Requests per second for each unit of concurrency (C-03).
pub const REQUESTS_PER_SECOND_AND_CONCURRENCY_DEFAULT: u32 = 10;
/// Init phase of a provisioned environment, milliseconds, unless the function's timeout is longer (L-03).
pub const PROVISIONED_INIT_TIMEOUT_MS: u64 = 130_000;
/// The wait after a first failed Init of a provisioned environment, milliseconds; it doubles with each further one.
pub const PROVISIONED_RETRY_MS_MIN: u64 = 1_000;
/// The longest such wait, milliseconds.
pub const PROVISIONED_RETRY_MS_MAX: u64 = 60_000;

/// On-demand Init phase, milliseconds (L-02).
pub const INIT_TIMEOUT_MS: u64 = 10_000;
/// From an environment's start to its runtime's process, milliseconds; a sandbox that takes longer is destroyed.
pub const SANDBOX_START_TIMEOUT_MS: u64 = 30_000;
/// Wait for processes to be gone after they were killed in a reset, milliseconds (L-09).
pub const RESET_TIMEOUT_MS: u64 = 2_000;
/// Extensions of an environment, external and internal.
pub const EXTENSIONS_MAX: usize = 10;
/// Time to shut down when there are external extensions, milliseconds (L-09, L-11).
pub const SHUTDOWN_MS_WITH_EXTERNAL_EXTENSIONS: u64 = 2_000;
/// The same when there are internal extensions only, milliseconds (L-11).
pub const SHUTDOWN_MS_WITH_INTERNAL_EXTENSIONS: u64 = 500;
/// The runtime's part of it, per cent (L-11: AWS's Runtime API server; its documentation says 300 ms).
pub const SHUTDOWN_PER_CENT_OF_RUNTIME: u64 = 30;
/// Idle time after which an environment is frozen, milliseconds. One that gets its next event sooner never pays for it.
pub const FREEZE_AFTER_IDLE_MS: u64 = 20;
/// Idle time after which it gives up what it does not need to be invoked again, milliseconds: a server has few descriptors and many idle
/// environments.
pub const REST_AFTER_IDLE_MS: u64 = 1_000;
/// Time that a request waits for an environment whose response is out but which has not called Next yet, milliseconds.
pub const FINISHING_GRACE_MS: u64 = 3;
/// Time that an event which nobody waits for may wait for an environment that gets free, milliseconds: about what it costs to start one
/// with a runtime, so that waiting in vain at most doubles that.
pub const PATIENCE_MS: u64 = 100;
/// Environments that may be started at a time for events that nobody waits for, however few there are.
pub const PATIENT_STARTS_MIN: usize = 4;
/// How long the credentials of an environment last, seconds.
pub const ENVIRONMENT_CREDENTIALS_SECONDS: i64 = 12 * 3_600;
/// Age at which an environment ends instead of taking another event, milliseconds: its credentials must outlast the longest
/// invocation (M-03).
pub const ENVIRONMENT_LIFETIME_MS: u64 = 8 * 3_600_000;
/// Idle time after which an environment is retired unless configured otherwise, milliseconds.
pub const IDLE_RETIREMENT_MS_DEFAULT: u64 = 10 * 60 * 1000;
/// How long it is remembered that a kind of sandbox was asked for, seconds: as long as an environment stays that nobody asks for.
pub const DEMAND_MEMORY_SECONDS: u64 = 600;
/// Sandboxes that are built before anybody asks for them, unless configured otherwise.
pub const PREPARED_SANDBOXES_DEFAULT: usize = 16;
/// Of one kind.
pub const PREPARED_SANDBOXES_OF_A_KIND: usize = 8;
/// How long a request waits for the room of an environment that is being evicted for it, milliseconds.
pub const ROOM_TIMEOUT_MS: u64 = 5_000;
/// How long it waits for the one that it had evicted, before it has another one evicted, milliseconds.
pub const EVICTION_PATIENCE_MS: u64 = 250;
/// Requests that may wait for an environment of one function version.
pub const WAITING_REQUESTS_MAX: usize = 10_000;
/// Processes and threads in an environment (quotas page).
pub const PROCESSES_MAX: u32 = 1_024;
/// Open files of a process in an environment (recorded: soft and hard 1,024).
pub const OPEN_FILES_MAX: u64 = 1_024;
/// How long the AWS SDK of a runtime may take to arrive while a function is Pending, milliseconds.
pub const SDK_PREPARATION_TIMEOUT_MS: u64 = 60_000;

const _: () = {
    assert!(RESPONSE_PAYLOAD_BYTES_MAX > SYNC_REQUEST_PAYLOAD_BYTES_MAX);
    assert!(CREATE_FUNCTION_REQUEST_BYTES_MAX as u64 > ZIPPED_PACKAGE_BYTES_MAX / 3 * 4);
    assert!(UNRESERVED_CONCURRENCY_MIN < ACCOUNT_CONCURRENCY_DEFAULT);
    assert!(MEMORY_SIZE_MB_MIN <= MEMORY_SIZE_MB_DEFAULT && MEMORY_SIZE_MB_DEFAULT <= MEMORY_SIZE_MB_MAX);
};
