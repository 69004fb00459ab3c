//! Every bound of this crate that is not part of a specification.

use std::time::Duration;

/// A message between server, spawner and init: argument vector, environment and specification together. Below
/// the kernel's default socket buffer (212,992 bytes), beyond which a sequenced packet is refused.
pub(crate) const MESSAGE_BYTES_MAX: usize = 192 * 1024;

/// Descriptors that travel with one message; the kernel allows 253 (`SCM_MAX_FD`).
pub(crate) const MESSAGE_DESCRIPTORS_MAX: usize = 64;

/// Until a message that found no room can be sent: the other side reads at once or is broken.
pub(crate) const SEND_TIMEOUT: Duration = Duration::from_secs(20);

/// From the request to a sandbox that answers. Takes milliseconds; seconds on a machine that is swapping.
pub(crate) const SET_UP_TIMEOUT: Duration = Duration::from_secs(20);

/// From the command to start a process until its `execve` succeeded.
pub(crate) const START_PROCESS_TIMEOUT: Duration = Duration::from_secs(20);

/// Until every process of a sandbox is gone after SIGKILL. A process may be writing to a slow disk.
pub(crate) const KILL_TIMEOUT: Duration = Duration::from_secs(20);

/// Until a sandbox that is renewed has its addresses for itself again.
pub(crate) const SOCKETS_GONE_TIMEOUT: Duration = Duration::from_millis(500);

/// The pause between two looks at something that the kernel finishes in its own time.
pub(crate) const RETRY_PAUSE: Duration = Duration::from_millis(2);

/// The same, of what takes next to no time.
pub(crate) const FIRST_PAUSE: Duration = Duration::from_micros(100);

/// The tmpfs that holds a sandbox's root: a few directories, links and files of `/etc`.
pub(crate) const ROOT_BYTES_MAX: u64 = 1024 * 1024;

/// Files in that tmpfs.
pub(crate) const ROOT_INODES_MAX: u64 = 1024;

/// Locked memory of a process, as on Lambda (65,536).
pub(crate) const LOCKED_MEMORY_BYTES_MAX: u64 = 64 * 1024;

/// Soft bound of a stack, as on Lambda.
pub(crate) const STACK_BYTES_SOFT_MAX: u64 = 8 * 1024 * 1024;

/// The period of a processor quota. Short, so that a small share is not one long pause; with 20 ms the smallest
/// share (128 MB = 72 milli-vCPUs) is 1.4 ms, above the kernel's minimum of 1 ms.
pub(crate) const CPU_PERIOD_US: u64 = 20_000;

/// Loop devices tried before giving up: another process may take the free one that the kernel named.
pub(crate) const LOOP_DEVICE_ATTEMPTS_MAX: u32 = 32;

/// Kinds of `/tmp` (bytes and inodes) for which images are kept ready.
pub(crate) const STORAGE_KINDS_MAX: usize = 16;

/// Images for `/tmp` kept ready of each kind in use.
pub(crate) const STORAGE_READY_MAX: usize = 4;

/// What is made ahead, while half of it is there, is not made before nothing was taken for so long: whoever took it is still starting, and
/// both would be waited for.
pub(crate) const REFILL_QUIET: Duration = Duration::from_millis(20);

/// Connections waiting to be accepted on a sandbox's listener.
pub(crate) const LISTEN_BACKLOG: i32 = 1024;

/// Network namespaces kept ready of each policy in use.
pub(crate) const NETWORKS_READY_MAX: usize = 8;

/// Connections that a sandbox has open to the outside at a time, those included that the host remembers for a while after their
/// end: the table of connections is one for the whole machine. A process has 1,024 files open at most.
pub(crate) const CONNECTIONS_MAX: u32 = 4_096;

/// How often the routes of the machine are looked at while sandboxes are made.
pub(crate) const NETWORK_LOOK_INTERVAL: Duration = Duration::from_secs(1);

/// How long another server may take to change what all servers of a machine share.
pub(crate) const NETWORK_LOCK_TIMEOUT: Duration = Duration::from_secs(10);

/// Until pasta has made its device in a sandbox; takes about twenty milliseconds.
pub(crate) const PASTA_TIMEOUT: Duration = Duration::from_secs(5);

/// Connections that init accepted and the server has not taken yet: a flood of them must not keep it from hearing anything else.
pub(crate) const CONNECTIONS_WAITING_MAX: usize = 16;

/// How long init may take to make a socket.
pub(crate) const SOCKET_TIMEOUT: Duration = Duration::from_secs(5);
