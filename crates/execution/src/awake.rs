//! Keeps this machine's processors from halting while the server looks for what comes next ([`crate::attention`]).
//!
//! A runtime waits for its event on a processor that has nothing else to do. If that halts meanwhile, whoever has the event interrupts it,
//! which on a virtual machine is its host's business: some 10 microseconds for who wakes and as much for who is woken, twice for each
//! invocation. Linux takes a bound for what a wake-up may cost, for as long as the file that it was written to is open (`PM Quality Of
//! Service Interface` in the kernel's documentation); with 0 idle processors look for work instead of halting. All of the machine do, so
//! it is asked for where there are few of them, and only while invocations follow each other closely.

use std::{
    fs::{File, OpenOptions},
    io::Write,
    thread::available_parallelism,
};

/// Takes the bound, microseconds: four bytes in the machine's own order.
pub(crate) const DEVICE: &str = "/dev/cpu_dma_latency";
/// Processors of a machine where it is worth what the idle ones use.
const PROCESSORS_MAX: usize = 4;

/// Whether processors may be kept awake.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum AwakePolicy {
    /// Where there are no more than four.
    Few,
    /// However many there are.
    Always,
    /// Not at all.
    Never,
}

impl AwakePolicy {
    fn allows(self) -> bool {
        match self {
            Self::Few => available_parallelism().is_ok_and(|processors| processors.get() <= PROCESSORS_MAX),
            Self::Always => true,
            Self::Never => false,
        }
    }
}

/// What the machine was asked for.
pub(crate) struct Awake {
    may_ask: bool,
    /// The kernel forgets the request with it.
    request: Option<File>,
}

impl Awake {
    /// Nothing is asked for yet.
    pub(crate) fn new(policy: AwakePolicy) -> Self {
        Self { may_ask: policy.allows(), request: None }
    }

    /// Asks; again makes no difference.
    pub(crate) fn begin(&mut self) {
        if !self.may_ask || self.request.is_some() {
            return;
        }
        let asked = OpenOptions::new().write(true).open(DEVICE).and_then(|mut device| {
            device.write_all(&0_i32.to_ne_bytes())?;
            Ok(device)
        });
        match asked {
            Ok(device) => self.request = Some(device),
            Err(error) => {
                // An ordinary user, or a machine without it: it will not be different next time.
                tracing::debug!(%error, "processors are not kept awake");
                self.may_ask = false;
            }
        }
    }

    /// Whether processors are kept awake.
    pub(crate) fn is_asked(&self) -> bool {
        self.request.is_some()
    }

    /// Lets them halt again.
    pub(crate) fn end(&mut self) {
        self.request = None;
    }
}

#[cfg(test)]
mod tests {
    use std::os::fd::AsRawFd;

    use super::*;

    #[test]
    fn processors_are_let_go_when_asked_for_no_more() {
        // An ordinary user may not ask, nor does every machine have it: then nothing is asked, and nothing else is different.
        let can_ask = OpenOptions::new().write(true).open(DEVICE).is_ok();
        let mut awake = Awake::new(AwakePolicy::Always);
        assert!(!awake.is_asked());
        awake.begin();
        assert_eq!(awake.is_asked(), can_ask);
        let descriptor = awake.request.as_ref().map(AsRawFd::as_raw_fd);
        awake.begin();
        assert_eq!(awake.request.as_ref().map(AsRawFd::as_raw_fd), descriptor, "once is enough");
        awake.end();
        assert!(!awake.is_asked());
        let mut never = Awake::new(AwakePolicy::Never);
        never.begin();
        assert!(!never.is_asked());
    }
}
