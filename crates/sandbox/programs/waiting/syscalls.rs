//! The kernel calls of this program, without a library, behind functions that are safe unless they say otherwise.

use core::arch::{asm, global_asm};
use core::ffi::{CStr, c_char, c_void};

/// What the kernel said was wrong.
#[derive(Clone, Copy)]
pub struct Errno(pub i32);

impl Errno {
    /// `EINVAL`.
    pub const INVALID: Errno = Errno(22);
    /// `EINTR`.
    const INTERRUPTED: i32 = 4;
}

/// A message that came.
pub struct Received {
    /// None at the end of the channel.
    pub bytes: usize,
    /// What came along, then -1.
    pub descriptors: [i32; 3],
}

/// As `src/limits.rs` says, and one more.
const MESSAGE_BYTES_MAX: usize = 192 * 1024 + 1;
/// Arguments and variables of a message, and the two nulls that end them.
const TEXTS_MAX: usize = 16 * 1024;

/// Where arguments, and after a null variables, are.
pub type Texts = [*const c_char; TEXTS_MAX];

// What is never touched takes no page.
static mut MESSAGE: [u8; MESSAGE_BYTES_MAX] = [0; MESSAGE_BYTES_MAX];
static mut TEXTS: Texts = [core::ptr::null(); TEXTS_MAX];

/// `stack` is as the kernel leaves it: how many arguments there are, and where each is. The first is the number of the channel.
#[unsafe(no_mangle)]
unsafe extern "C" fn begin(stack: *const *const u8) -> ! {
    // SAFETY: there is at least one argument, and it is digits and a zero.
    let channel = unsafe { read_number(*stack.wrapping_add(1)) };
    // SAFETY: this is the only thread, comes here once, and nobody else names them.
    let (message, texts) = unsafe { (&mut *(&raw mut MESSAGE), &mut *(&raw mut TEXTS)) };
    crate::main(channel, message, texts)
}

/// # Safety
/// `digits` end with anything else.
unsafe fn read_number(mut digits: *const u8) -> i32 {
    let mut value = 0;
    // SAFETY: the caller's promise.
    while let digit @ b'0'..=b'9' = unsafe { *digits } {
        value = 10 * value + i32::from(digit - b'0');
        digits = digits.wrapping_add(1);
    }
    value
}

// The first instruction: no stack frame before this one, and the stack as calls want it.
#[cfg(target_arch = "x86_64")]
global_asm!(".globl _start", "_start:", "xor ebp, ebp", "mov rdi, rsp", "and rsp, -16", "call begin", "ud2");
#[cfg(target_arch = "aarch64")]
global_asm!(".globl _start", "_start:", "mov x29, xzr", "mov x30, xzr", "mov x0, sp", "bl begin", "brk #1");

/// Numbers of asm/unistd.h.
#[cfg(target_arch = "x86_64")]
mod numbers {
    pub const SENDTO: usize = 44;
    pub const RECVMSG: usize = 47;
    pub const EXECVE: usize = 59;
    pub const FCNTL: usize = 72;
    pub const CHDIR: usize = 80;
    pub const EXIT_GROUP: usize = 231;
    pub const OPENAT: usize = 257;
    pub const DUP3: usize = 292;
}
#[cfg(target_arch = "aarch64")]
mod numbers {
    pub const DUP3: usize = 24;
    pub const FCNTL: usize = 25;
    pub const CHDIR: usize = 49;
    pub const OPENAT: usize = 56;
    pub const EXIT_GROUP: usize = 94;
    pub const SENDTO: usize = 206;
    pub const RECVMSG: usize = 212;
    pub const EXECVE: usize = 221;
}

const F_SETFD: usize = 2;
const FD_CLOEXEC: usize = 1;
const AT_FDCWD: usize = -100_isize as usize;
const O_CLOEXEC: usize = 0o2_000_000;
const MSG_NOSIGNAL: usize = 0x4000;
const MSG_CMSG_CLOEXEC: usize = 0x4000_0000;
const SOL_SOCKET: i32 = 1;
const SCM_RIGHTS: i32 = 1;

#[repr(C)]
struct IoVec {
    base: *mut c_void,
    length: usize,
}

#[repr(C)]
struct MsgHdr {
    name: *mut c_void,
    name_length: u32,
    vectors: *mut IoVec,
    vectors_count: usize,
    control: *mut c_void,
    control_length: usize,
    flags: i32,
}

/// `struct cmsghdr` with as many descriptors as may come, whole words.
#[repr(C)]
struct Control {
    length: usize,
    level: i32,
    kind: i32,
    descriptors: [i32; 4],
}

/// Three arguments are enough for all but two calls.
///
/// # Safety
/// As the call of that number asks for.
unsafe fn call3(number: usize, a: usize, b: usize, c: usize) -> Result<usize, Errno> {
    // SAFETY: the caller's.
    unsafe { call6(number, [a, b, c, 0, 0, 0]) }
}

/// # Safety
/// As the call of that number asks for.
unsafe fn call6(number: usize, arguments: [usize; 6]) -> Result<usize, Errno> {
    let [a, b, c, d, e, f] = arguments;
    let answer: isize;
    // SAFETY: the kernel changes what is said here, and what the caller has answered for.
    #[cfg(target_arch = "x86_64")]
    unsafe {
        asm!("syscall", inlateout("rax") number as isize => answer, in("rdi") a, in("rsi") b, in("rdx") c, in("r10") d, in("r8") e,
            in("r9") f, lateout("rcx") _, lateout("r11") _, options(nostack));
    }
    // SAFETY: as above.
    #[cfg(target_arch = "aarch64")]
    unsafe {
        asm!("svc 0", in("x8") number, inlateout("x0") a as isize => answer, in("x1") b, in("x2") c, in("x3") d, in("x4") e,
            in("x5") f, options(nostack));
    }
    match answer {
        -4095..0 => Err(Errno(-answer as i32)),
        value => Ok(value as usize),
    }
}

pub fn close_on_exec(descriptor: i32) -> Result<(), Errno> {
    // SAFETY: no memory is passed.
    unsafe { call3(numbers::FCNTL, descriptor as usize, F_SETFD, FD_CLOEXEC) }.map(drop)
}

/// Waits for a message, and for the descriptors that come with it: they close when a program is run.
pub fn receive(channel: i32, into: &mut [u8]) -> Result<Received, Errno> {
    let mut vector = IoVec { base: into.as_mut_ptr().cast(), length: into.len() };
    let mut control = Control { length: 0, level: 0, kind: 0, descriptors: [-1; 4] };
    let mut header = MsgHdr {
        name: core::ptr::null_mut(),
        name_length: 0,
        vectors: &raw mut vector,
        vectors_count: 1,
        control: (&raw mut control).cast(),
        control_length: size_of::<Control>(),
        flags: 0,
    };
    let bytes = loop {
        // SAFETY: everything that the header names outlives the call and is as long as it says.
        match unsafe {
            call3(numbers::RECVMSG, channel as usize, (&raw mut header) as usize, MSG_CMSG_CLOEXEC)
        } {
            Err(Errno(Errno::INTERRUPTED)) => {}
            received => break received?,
        }
    };
    let [a, b, c, _] = control.descriptors;
    let has_any = header.control_length > 0 && control.level == SOL_SOCKET && control.kind == SCM_RIGHTS;
    Ok(Received { bytes, descriptors: if has_any { [a, b, c] } else { [-1; 3] } })
}

pub fn send(channel: i32, text: &[u8]) -> Result<(), Errno> {
    let to = [channel as usize, text.as_ptr() as usize, text.len(), MSG_NOSIGNAL, 0, 0];
    // SAFETY: the kernel reads `text`, as long as it is.
    unsafe { call6(numbers::SENDTO, to) }.map(drop)
}

pub fn change_directory(path: &CStr) -> Result<(), Errno> {
    // SAFETY: the kernel reads `path`.
    unsafe { call3(numbers::CHDIR, path.as_ptr() as usize, 0, 0) }.map(drop)
}

pub fn open_to_read(path: &CStr) -> Result<i32, Errno> {
    let how = [AT_FDCWD, path.as_ptr() as usize, O_CLOEXEC, 0, 0, 0];
    // SAFETY: the kernel reads `path`.
    unsafe { call6(numbers::OPENAT, how) }.map(|descriptor| descriptor as i32)
}

/// Gives a descriptor another number, which stays open when a program is run.
pub fn duplicate(from: i32, to: i32) -> Result<(), Errno> {
    // SAFETY: no memory is passed.
    unsafe { call3(numbers::DUP3, from as usize, to as usize, 0) }.map(drop)
}

/// Runs the program that the first of so many arguments names; returns only what was wrong.
pub fn execute(texts: &Texts, arguments: usize) -> Errno {
    let (Some(program), Some(variables)) = (texts.first(), texts.get(arguments + 1..)) else {
        return Errno::INVALID;
    };
    let lists = [*program as usize, texts.as_ptr() as usize, variables.as_ptr() as usize];
    // SAFETY: the kernel only reads, up to the nulls, and says so where it cannot.
    match unsafe { call3(numbers::EXECVE, lists[0], lists[1], lists[2]) } {
        Err(error) => error,
        Ok(_) => Errno::INVALID,
    }
}

pub fn exit(code: i32) -> ! {
    // SAFETY: no memory is passed, and the process is gone afterwards.
    let _ = unsafe { call3(numbers::EXIT_GROUP, code as usize, 0, 0) };
    loop {}
}

/// What the compiler calls for any large copy: there is no library that has them.
mod memory {
    /// # Safety
    /// As memset(3).
    #[unsafe(no_mangle)]
    unsafe extern "C" fn memset(to: *mut u8, value: i32, count: usize) -> *mut u8 {
        for place in 0..count {
            // SAFETY: the caller's promise. Volatile, lest the compiler make of it what it is: a call of memset.
            unsafe { to.add(place).write_volatile(value as u8) };
        }
        to
    }

    /// # Safety
    /// As memcpy(3).
    #[unsafe(no_mangle)]
    unsafe extern "C" fn memcpy(to: *mut u8, from: *const u8, count: usize) -> *mut u8 {
        for place in 0..count {
            // SAFETY: as above.
            unsafe { to.add(place).write_volatile(from.add(place).read()) };
        }
        to
    }

    /// The library's parts name it; nothing unwinds here.
    #[unsafe(no_mangle)]
    extern "C" fn rust_eh_personality() {}
}
