//! A process that is all that one of a sandbox may be, but for its program: it waits to be told, and runs it.
//!
//! ```text
//! waits ──program, and the word that all is mounted where it is wanted──► takes its place ──► exec: its channel ends
//!   └── the end of its channel: nobody wants it any more ──► gone         └─────────────────► why not, on its channel
//! ```
//! A program of its own, of a few pages: what was forked from init has init's memory, and somebody waits while the kernel throws that away
//! (docs/performance.md, cold native). It needs no library, makes no allocation and reads the message where it lies; `build.rs` compiles
//! it, `src/waiting.rs` runs it and writes what it reads.

#![no_std]
#![no_main]

mod syscalls;

use core::convert::Infallible;
use core::ffi::CStr;

use syscalls::{Errno, Received, Texts};

/// The word that all is mounted: zero, or the number of an error.
const WORD_BYTES: usize = 4;
/// Numbers before the texts: arguments, variables, the second number of standard output or -1, whether to wait for the mounts.
const HEAD: usize = 4;
/// Standard output, error and input.
const STREAMS_MAX: usize = 3;

/// What a message says to do.
struct Program<'a> {
    directory: &'a CStr,
    /// How many of the texts are arguments.
    arguments: usize,
    texts: &'a Texts,
    stdout_again: i32,
    waits: bool,
}

/// What was being done, and why it failed.
struct Failure(&'static [u8], Errno);

/// The stage that is the program's own fault.
const RUNNING: &[u8] = b"running the program";

/// The other end of the channel is the server's; init has it too until everything is mounted.
fn main(channel: i32, message: &mut [u8], texts: &mut Texts) -> ! {
    let Err(failure) = wait(channel, message, texts);
    tell(channel, &failure);
    syscalls::exit(127)
}

/// Waits for the program, and until it may run.
fn wait(channel: i32, message: &mut [u8], texts: &mut Texts) -> Result<Infallible, Failure> {
    syscalls::close_on_exec(channel).map_err(|error| Failure(b"keeping the channel", error))?;
    let mut is_mounted = false;
    let (bytes, streams) = loop {
        match receive(channel, message)? {
            Received { bytes: WORD_BYTES, .. } => is_mounted = heard(message)?,
            Received { bytes, descriptors } => break (bytes, descriptors),
        }
    };
    let unreadable = Failure(b"reading arguments and environment", Errno::INVALID);
    let program = read(message.get(..bytes).unwrap_or_default(), texts).ok_or(unreadable)?;
    while program.waits && !is_mounted {
        let mut word = [0; WORD_BYTES];
        receive(channel, &mut word)?;
        is_mounted = heard(&word)?;
    }
    run(&program, streams)
}

fn receive(channel: i32, into: &mut [u8]) -> Result<Received, Failure> {
    let received = syscalls::receive(channel, into);
    let received = received.map_err(|error| Failure(b"waiting for a program", error))?;
    if received.bytes == 0 {
        syscalls::exit(0);
    }
    Ok(received)
}

/// Whether the word is that everything is mounted.
fn heard(word: &[u8]) -> Result<bool, Failure> {
    match number(word, 0) {
        0 => Ok(true),
        error => Err(Failure(b"mounting what comes late", Errno(error))),
    }
}

/// The program of a message: numbers, then the directory, the arguments and the variables, each ended by a zero.
fn read<'a>(message: &'a [u8], texts: &'a mut Texts) -> Option<Program<'a>> {
    let arguments = usize::try_from(number(message, 0)).ok().filter(|arguments| *arguments > 0)?;
    let variables = usize::try_from(number(message, 1)).ok()?;
    let (stdout_again, waits) = (number(message, 2), number(message, 3) != 0);
    let mut rest = message.get(4 * HEAD..)?;
    let mut next = || {
        let text = CStr::from_bytes_until_nul(rest).ok()?;
        rest = rest.get(text.count_bytes() + 1..)?;
        Some(text)
    };
    let directory = next()?;
    // There are nulls everywhere, so that one ends both lists.
    let end = arguments.checked_add(variables)?.checked_add(1).filter(|end| *end < texts.len())?;
    for place in (0..arguments).chain(arguments + 1..end) {
        *texts.get_mut(place)? = next()?.as_ptr();
    }
    Some(Program { directory, arguments, texts, stdout_again, waits })
}

fn run(program: &Program<'_>, streams: [i32; STREAMS_MAX]) -> Result<Infallible, Failure> {
    let [stdout, stderr, stdin] = streams;
    let entering = |error| Failure(b"entering the directory", error);
    syscalls::change_directory(program.directory).map_err(entering)?;
    let placing = |error| Failure(b"taking the standard streams", error);
    let stdin = match stdin {
        -1 => syscalls::open_to_read(c"/dev/null").map_err(|error| Failure(b"opening /dev/null", error))?,
        stdin => stdin,
    };
    for (from, to) in [(stdin, 0), (stdout, 1), (stderr, 2)] {
        syscalls::duplicate(from, to).map_err(placing)?;
    }
    if program.stdout_again >= 0 {
        syscalls::duplicate(stdout, program.stdout_again).map_err(placing)?;
    }
    Err(Failure(RUNNING, syscalls::execute(program.texts, program.arguments)))
}

/// As the server reads it: `StartFailure` of `src/protocol.rs`.
fn tell(channel: i32, Failure(stage, Errno(error)): &Failure) {
    let kind: &[u8] = if core::ptr::eq(*stage, RUNNING) { b"Program" } else { b"OnTheWay" };
    let mut text = [0_u8; 256];
    let mut length = 0;
    let mut digits = [0_u8; 10];
    for part in [
        b"{\"",
        kind,
        b"\":{\"stage\":\"",
        *stage,
        b"\",\"errno\":",
        decimal(*error, &mut digits),
        b",\"text\":\"\"}}",
    ] {
        for (to, from) in text.iter_mut().skip(length).zip(part) {
            *to = *from;
        }
        length += part.len();
    }
    // Nobody is left to tell when this fails.
    let _ = syscalls::send(channel, text.get(..length).unwrap_or_default());
}

/// A number of the kernel's as text.
fn decimal(mut value: i32, digits: &mut [u8; 10]) -> &[u8] {
    let mut first = digits.len();
    for (place, digit) in digits.iter_mut().enumerate().rev() {
        *digit = b'0' + u8::try_from(value.rem_euclid(10)).unwrap_or(0);
        value /= 10;
        first = place;
        if value == 0 {
            break;
        }
    }
    digits.get(first..).unwrap_or_default()
}

/// One of the numbers that a message begins with, in the machine's own order.
fn number(message: &[u8], index: usize) -> i32 {
    message.get(4 * index..).and_then(<[u8]>::first_chunk).map_or(0, |bytes| i32::from_ne_bytes(*bytes))
}

#[panic_handler]
fn panicked(_: &core::panic::PanicInfo<'_>) -> ! {
    syscalls::exit(126)
}
