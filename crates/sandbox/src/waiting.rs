//! The program that a prepared process runs until it is told another one (`programs/waiting`): how it is run, and what it is told.

use std::convert::Infallible;
use std::ffi::{CString, OsStr};
use std::io::{self, Write};
use std::os::fd::{AsFd, AsRawFd, OwnedFd};
use std::os::unix::ffi::OsStrExt;

use nix::fcntl::AtFlags;
use rustix::fs::{MemfdFlags, SealFlags};
use rustix::io::FdFlags;

use crate::channel::Channel;
use crate::spec::ProcessSpec;

const PROGRAM: &[u8] = include_bytes!(concat!(env!("OUT_DIR"), "/waiting"));

/// The program, as a file that nobody can change and no sandbox shows.
pub(crate) struct Waiting(OwnedFd);

impl Waiting {
    /// Writes it to memory.
    pub(crate) fn new() -> io::Result<Waiting> {
        let flags = MemfdFlags::CLOEXEC | MemfdFlags::ALLOW_SEALING;
        let file = match rustix::fs::memfd_create("waiting", flags | MemfdFlags::EXEC) {
            // Before Linux 6.3 every such file may be run.
            Err(rustix::io::Errno::INVAL) => rustix::fs::memfd_create("waiting", flags)?,
            file => file?,
        };
        let mut file = std::fs::File::from(file);
        file.write_all(PROGRAM)?;
        rustix::fs::fcntl_add_seals(
            &file,
            SealFlags::WRITE | SealFlags::SHRINK | SealFlags::GROW | SealFlags::SEAL,
        )?;
        Ok(Waiting(file.into()))
    }

    /// Makes the calling process the program, which waits on `channel`.
    pub(crate) fn run(&self, channel: &Channel) -> io::Result<Infallible> {
        let descriptor = channel.as_fd();
        rustix::io::fcntl_setfd(descriptor, FdFlags::empty())?;
        let number = CString::new(descriptor.as_raw_fd().to_string())?;
        let nothing: [CString; 0] = [];
        Ok(nix::unistd::execveat(self.0.as_fd(), c"", &[number], &nothing, AtFlags::AT_EMPTY_PATH)?)
    }
}

/// What tells it a program: four numbers (how many arguments and variables; the second number of standard output, or -1; whether to wait
/// for [`mounted`]), then the directory, the arguments and the variables, each ended by a zero.
///
/// # Errors
/// `EINVAL` for a text with a zero in it.
pub(crate) fn message(process: &ProcessSpec<'_>, waits: bool) -> io::Result<Vec<u8>> {
    let count = |texts: usize| i32::try_from(texts).map_err(io::Error::other);
    let numbers = [
        count(process.argv.len())?,
        count(process.env.len())?,
        process.stdout_again.unwrap_or(-1),
        i32::from(waits),
    ];
    let mut message: Vec<u8> = numbers.iter().flat_map(|number| number.to_ne_bytes()).collect();
    let mut add = |parts: &[&OsStr]| {
        for part in parts {
            if part.as_bytes().contains(&0) {
                return Err(io::Error::from_raw_os_error(libc::EINVAL));
            }
            message.extend_from_slice(part.as_bytes());
        }
        message.push(0);
        Ok(())
    };
    add(&[process.cwd.as_os_str()])?;
    process.argv.iter().try_for_each(|argument| add(&[argument]))?;
    process.env.iter().try_for_each(|(name, value)| add(&[name, OsStr::new("="), value]))?;
    Ok(message)
}

/// The word that everything is where the program will look for it; or the number of the error, after which it is not run.
pub(crate) fn mounted(errno: i32) -> [u8; 4] {
    errno.to_ne_bytes()
}

#[cfg(test)]
mod tests;
