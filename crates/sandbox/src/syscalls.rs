//! Every `unsafe` block of the project: kernel calls that neither rustix nor nix wraps safely, behind functions
//! that are safe to call with any argument.

#![allow(unsafe_code)]

use std::ffi::CStr;
use std::io;
use std::mem;
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, FromRawFd, OwnedFd, RawFd};
use std::time::Duration;

use seccompiler::sock_filter;

use crate::event::{ExitStatus, ResourceUsage};

/// Which side of a fork the caller is on.
pub(crate) enum Fork {
    /// The new process.
    Child,
    /// The old one, with the child's number in this process namespace and a descriptor for it.
    Parent {
        /// The child's process id.
        pid: i32,
        /// Becomes readable when the child is gone.
        pidfd: OwnedFd,
    },
}

/// Makes sure that [`fork`] is safe here: the child of a process with several threads may find a lock taken by a
/// thread that it does not have.
///
/// # Errors
/// `EDEADLK` when the process has more than one thread.
pub(crate) fn require_single_thread() -> io::Result<()> {
    match std::fs::read_dir("/proc/self/task")?.count() {
        1 => Ok(()),
        _ => Err(io::Error::from_raw_os_error(libc::EDEADLK)),
    }
}

/// fork(2) into new namespaces: `namespaces` are `CLONE_NEW*` flags, others are dropped. Called by the spawner,
/// which made sure that it has one thread, and by init, its forked child, which makes none.
pub(crate) fn fork(namespaces: i32) -> io::Result<Fork> {
    const NAMESPACES: i32 = libc::CLONE_NEWNS
        | libc::CLONE_NEWCGROUP
        | libc::CLONE_NEWUTS
        | libc::CLONE_NEWIPC
        | libc::CLONE_NEWUSER
        | libc::CLONE_NEWPID
        | libc::CLONE_NEWNET;
    let flags = (namespaces & NAMESPACES) | libc::CLONE_PIDFD | libc::SIGCHLD;
    let mut pidfd: RawFd = -1;
    // SAFETY: without CLONE_VM the child gets a copy of the address space and a null stack means "go on on the
    // copy of this one", so this is fork(2): no memory is shared, and the kernel writes only `pidfd`, which
    // outlives the call. Flags that would share anything are masked out above. The callers have one thread
    // (see `require_single_thread`), so that no lock of libc or std is held by a thread that the child lacks.
    // The argument order (flags, stack, parent_tid, ...) is the same on x86_64 and aarch64 up to parent_tid.
    let pid = unsafe {
        libc::syscall(
            libc::SYS_clone,
            libc::c_long::from(flags),
            std::ptr::null_mut::<libc::c_void>(),
            &raw mut pidfd,
            0 as libc::c_long,
            0 as libc::c_long,
        )
    };
    // SAFETY: `pidfd` is what CLONE_PIDFD wrote.
    unsafe { forked(pid, pidfd) }
}

/// From linux/sched.h; libc's is of a type that cannot hold it.
const CLONE_INTO_CGROUP: u64 = 0x2_0000_0000;

/// fork(2) into a control group of v2, of which `group` is the directory: the child is in it from its first instruction on.
/// Called by init, which has one thread.
///
/// # Errors
/// Those of clone3(2); `ENOSYS` and `EINVAL` before Linux 5.7, or where somebody's filter is in the way.
pub(crate) fn fork_into(group: BorrowedFd<'_>) -> io::Result<Fork> {
    let mut pidfd: RawFd = -1;
    // SAFETY: the kernel's structure, of integers only, for which zero means "nothing".
    let mut arguments: libc::clone_args = unsafe { mem::zeroed() };
    arguments.flags = CLONE_INTO_CGROUP | libc::CLONE_PIDFD as u64;
    arguments.pidfd = (&raw mut pidfd) as u64;
    arguments.exit_signal = libc::SIGCHLD as u64;
    arguments.cgroup = group.as_raw_fd() as u64;
    // SAFETY: as in `fork`: no CLONE_VM and no stack, so nothing is shared; `arguments` and `pidfd` outlive the call, and the true
    // size is given.
    let pid =
        unsafe { libc::syscall(libc::SYS_clone3, &raw mut arguments, mem::size_of::<libc::clone_args>()) };
    // SAFETY: `pidfd` is what CLONE_PIDFD wrote.
    unsafe { forked(pid, pidfd) }
}

/// What clone(2) answered.
///
/// # Safety
/// When `pid` is positive, `pidfd` is an open descriptor that nobody else knows.
unsafe fn forked(pid: libc::c_long, pidfd: RawFd) -> io::Result<Fork> {
    match pid {
        -1 => Err(io::Error::last_os_error()),
        0 => Ok(Fork::Child),
        pid => {
            // SAFETY: the caller's promise.
            let pidfd = unsafe { OwnedFd::from_raw_fd(pidfd) };
            let pid = i32::try_from(pid).map_err(io::Error::other)?;
            Ok(Fork::Parent { pid, pidfd })
        }
    }
}

/// Changes flags of a mount, or of a mount and all below it; see mount_setattr(2). `set` are `MOUNT_ATTR_*`.
pub(crate) fn mount_setattr(mount: BorrowedFd<'_>, recursive: bool, set: u64) -> io::Result<()> {
    let flags = libc::AT_EMPTY_PATH | if recursive { libc::AT_RECURSIVE } else { 0 };
    let attributes = libc::mount_attr { attr_set: set, attr_clr: 0, propagation: 0, userns_fd: 0 };
    // SAFETY: the path is a NUL-terminated literal, `attributes` is alive during the call, its true size is
    // given, and the kernel only reads both.
    let result = unsafe {
        libc::syscall(
            libc::SYS_mount_setattr,
            mount.as_raw_fd(),
            c"".as_ptr(),
            flags,
            &raw const attributes,
            mem::size_of::<libc::mount_attr>(),
        )
    };
    answer(result)
}

/// Marks every descriptor from `first` on close-on-exec.
pub(crate) fn close_on_exec_from(first: u32) -> io::Result<()> {
    // SAFETY: no memory is passed. With CLOSE_RANGE_CLOEXEC no descriptor is closed now, so that no `OwnedFd` of
    // this process is left dangling.
    let result = unsafe { libc::syscall(libc::SYS_close_range, first, u32::MAX, libc::CLOSE_RANGE_CLOEXEC) };
    answer(result)
}

/// Gives `descriptor` a second number, which stays open when a program is run. For a process that is about to run one: whatever
/// had the number is closed.
pub(crate) fn duplicate_to(descriptor: &OwnedFd, number: i32) -> io::Result<()> {
    // SAFETY: no memory is passed. A process between fork and exec has few descriptors, far below the numbers that are asked for,
    // and uses none of its own but the standard ones from here on.
    answer(unsafe { libc::dup2(descriptor.as_raw_fd(), number) }.into())
}

/// Adds a seccomp filter to the calling thread (for ever). Needs `no_new_privs` or CAP_SYS_ADMIN.
pub(crate) fn install_seccomp_filter(program: &[sock_filter]) -> io::Result<()> {
    let Ok(len) = u16::try_from(program.len()) else {
        return Err(io::Error::from_raw_os_error(libc::EINVAL));
    };
    // The two structs are laid out alike (both are the kernel's `struct sock_filter`, `repr(C)`).
    let program = libc::sock_fprog { len, filter: program.as_ptr().cast::<libc::sock_filter>().cast_mut() };
    // SAFETY: `program` points at `len` instructions that live during the call; the kernel copies them, checks
    // them, and writes nothing. An invalid program is an error, not undefined behaviour.
    let result = unsafe {
        libc::syscall(libc::SYS_seccomp, libc::SECCOMP_SET_MODE_FILTER, 0 as libc::c_long, &raw const program)
    };
    answer(result)
}

/// A child that is gone.
pub(crate) struct Reaped {
    /// Its process id.
    pub(crate) pid: i32,
    /// How it ended.
    pub(crate) status: ExitStatus,
    /// What it used.
    pub(crate) usage: ResourceUsage,
}

/// Takes the status of one dead child, if there is one; never blocks.
///
/// # Errors
/// `ECHILD` when there are no children at all.
pub(crate) fn reap_one() -> io::Result<Option<Reaped>> {
    let mut status = 0;
    // SAFETY: `rusage` consists of integers only, for which all-zero bytes are a valid value.
    let mut usage: libc::rusage = unsafe { mem::zeroed() };
    // SAFETY: both pointers are to locals of the right types that outlive the call.
    let pid = unsafe { libc::wait4(-1, &raw mut status, libc::WNOHANG | libc::__WALL, &raw mut usage) };
    match pid {
        -1 => Err(io::Error::last_os_error()),
        0 => Ok(None),
        pid => Ok(Some(Reaped { pid, status: exit_status(status), usage: resource_usage(&usage) })),
    }
}

fn exit_status(status: i32) -> ExitStatus {
    if libc::WIFSIGNALED(status) {
        ExitStatus::Signal(libc::WTERMSIG(status))
    } else {
        ExitStatus::Code(libc::WEXITSTATUS(status))
    }
}

fn resource_usage(usage: &libc::rusage) -> ResourceUsage {
    let duration = |time: libc::timeval| {
        Duration::from_secs(u64::try_from(time.tv_sec).unwrap_or(0))
            + Duration::from_micros(u64::try_from(time.tv_usec).unwrap_or(0))
    };
    ResourceUsage {
        user: duration(usage.ru_utime),
        system: duration(usage.ru_stime),
        resident_bytes_max: u64::try_from(usage.ru_maxrss).unwrap_or(0).saturating_mul(1024),
    }
}

/// Asks `/dev/loop-control` for a free loop device's number.
pub(crate) fn loop_device_free(control: impl AsFd) -> io::Result<u32> {
    const LOOP_CTL_GET_FREE: libc::Ioctl = 0x4C82;
    // SAFETY: this request takes no argument and touches no memory of ours.
    let number = unsafe { libc::ioctl(control.as_fd().as_raw_fd(), LOOP_CTL_GET_FREE) };
    u32::try_from(number).map_err(|_| io::Error::last_os_error())
}

/// `struct loop_info64` of linux/loop.h.
#[repr(C)]
struct LoopInfo64 {
    device: u64,
    inode: u64,
    rdevice: u64,
    offset: u64,
    size_limit: u64,
    number: u32,
    encrypt_type: u32,
    encrypt_key_size: u32,
    flags: u32,
    file_name: [u8; 64],
    crypt_name: [u8; 64],
    encrypt_key: [u8; 32],
    init: [u64; 2],
}

/// `struct loop_config` of linux/loop.h.
#[repr(C)]
struct LoopConfig {
    fd: u32,
    block_size: u32,
    info: LoopInfo64,
    reserved: [u64; 8],
}

/// Attaches `image` to a loop device. The device frees itself with its last user; `file_name` is what losetup
/// shows (63 bytes at most). Direct I/O keeps the image out of the page cache where the file system allows it.
pub(crate) fn loop_device_attach(device: impl AsFd, image: impl AsFd, file_name: &CStr) -> io::Result<()> {
    const LOOP_CONFIGURE: libc::Ioctl = 0x4C0A;
    const LO_FLAGS_AUTOCLEAR: u32 = 4;
    const LO_FLAGS_DIRECT_IO: u32 = 16;
    const BLOCK_BYTES: u32 = 4096;
    let mut info = LoopInfo64 {
        device: 0,
        inode: 0,
        rdevice: 0,
        offset: 0,
        size_limit: 0,
        number: 0,
        encrypt_type: 0,
        encrypt_key_size: 0,
        flags: LO_FLAGS_AUTOCLEAR | LO_FLAGS_DIRECT_IO,
        file_name: [0; 64],
        crypt_name: [0; 64],
        encrypt_key: [0; 32],
        init: [0; 2],
    };
    for (to, from) in info.file_name.iter_mut().take(63).zip(file_name.to_bytes()) {
        *to = *from;
    }
    let fd = u32::try_from(image.as_fd().as_raw_fd()).map_err(io::Error::other)?;
    let config = LoopConfig { fd, block_size: BLOCK_BYTES, info, reserved: [0; 8] };
    // SAFETY: LOOP_CONFIGURE reads one `struct loop_config`; ours has its layout (`repr(C)`, sizes asserted
    // below), is fully initialised and lives during the call. The kernel takes its own reference to the file.
    let result = unsafe { libc::ioctl(device.as_fd().as_raw_fd(), LOOP_CONFIGURE, &raw const config) };
    answer(libc::c_long::from(result))
}

// Sizes as on every 64-bit Linux; a wrong layout would make the call above read past the struct.
const _: () = assert!(mem::size_of::<LoopInfo64>() == 232);
const _: () = assert!(mem::size_of::<LoopConfig>() == 304);
const _: () = assert!(mem::size_of::<sock_filter>() == mem::size_of::<libc::sock_filter>());

/// Gives a signal its default handling.
pub(crate) fn default_signal_action(number: i32) -> io::Result<()> {
    // SAFETY: SIG_DFL is no function of ours, so no code of this process can be entered by the signal; an invalid
    // number is an error.
    let previous = unsafe { libc::signal(number, libc::SIG_DFL) };
    if previous == libc::SIG_ERR { Err(io::Error::last_os_error()) } else { Ok(()) }
}

/// Ignores the death of children: the kernel reaps them.
pub(crate) fn ignore_children() -> io::Result<()> {
    // SAFETY: as above, for SIG_IGN.
    let previous = unsafe { libc::signal(libc::SIGCHLD, libc::SIG_IGN) };
    if previous == libc::SIG_ERR { Err(io::Error::last_os_error()) } else { Ok(()) }
}

/// Ends the process at once: no destructors, no handlers, no flushing of what was copied from the parent.
pub(crate) fn exit_now(code: i32) -> ! {
    // SAFETY: _exit(2) takes no memory and does not return.
    unsafe { libc::_exit(code) }
}

fn answer(result: libc::c_long) -> io::Result<()> {
    if result < 0 { Err(io::Error::last_os_error()) } else { Ok(()) }
}
