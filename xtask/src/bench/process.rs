//! A program that runs beside us and ends with us.

use std::io::{BufRead, BufReader};
use std::net::{TcpListener, TcpStream};
use std::process::{Child, Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use crate::failure::Failure;

/// How long a server may take to listen.
const START_TIMEOUT: Duration = Duration::from_secs(10);
/// How long one may take to end: a server takes its environments down.
const STOP_TIMEOUT: Duration = Duration::from_secs(60);

/// An address where nobody listens now, as `host:port`.
///
/// # Errors
/// When there is none.
pub(super) fn free_address() -> std::io::Result<String> {
    Ok(TcpListener::bind("127.0.0.1:0")?.local_addr()?.to_string())
}

/// A running program; ended when dropped.
pub(super) struct Background(Child);

impl Background {
    /// Starts a program whose output nobody reads.
    ///
    /// # Errors
    /// When it cannot be started.
    pub(super) fn start(command: &mut Command) -> Result<Self, Failure> {
        let program = command.get_program().to_string_lossy().into_owned();
        command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
        let child = command.spawn().map_err(|e| Failure::during(format!("cannot start `{program}`"), e))?;
        Ok(Self(child))
    }

    /// Starts a server and waits until it listens.
    ///
    /// # Errors
    /// When it cannot be started, or does not listen.
    pub(super) fn start_and_connect(command: &mut Command, address: &str) -> Result<Self, Failure> {
        let (running, started) = (Self::start(command)?, Instant::now());
        while TcpStream::connect(address).is_err() {
            if started.elapsed() > START_TIMEOUT {
                let program = command.get_program().to_string_lossy().into_owned();
                return Err(Failure::new(format!("`{program}` does not listen at {address}")));
            }
            thread::sleep(Duration::from_millis(10));
        }
        Ok(running)
    }

    /// Starts a server and waits for the first line that it prints.
    ///
    /// # Errors
    /// When it cannot be started, or ends before it prints a line.
    pub(super) fn start_and_read_line(command: &mut Command) -> Result<(Self, String), Failure> {
        let program = command.get_program().to_string_lossy().into_owned();
        command.stdin(Stdio::null()).stdout(Stdio::piped());
        let child = command.spawn().map_err(|e| Failure::during(format!("cannot start `{program}`"), e))?;
        let mut running = Self(child);
        let mut line = String::new();
        if let Some(output) = running.0.stdout.take() {
            BufReader::new(output).read_line(&mut line).map_err(|e| Failure::during(&program, e))?;
        }
        if line.is_empty() {
            return Err(Failure::new(format!("`{program}` ended before it was ready")));
        }
        Ok((running, line.trim().to_owned()))
    }

    /// Its number.
    pub(super) fn id(&self) -> u32 {
        self.0.id()
    }

    /// Asks it to end as an operator does, and waits.
    pub(super) fn stop(self) {
        drop(self);
    }
}

impl Drop for Background {
    /// What is killed leaves on the machine what slows down whoever is measured next.
    fn drop(&mut self) {
        let asked = Command::new("kill").args(["-TERM", &self.0.id().to_string()]).status();
        let began = Instant::now();
        while asked.as_ref().is_ok_and(|status| status.success()) && began.elapsed() < STOP_TIMEOUT {
            if !matches!(self.0.try_wait(), Ok(None)) {
                return;
            }
            thread::sleep(Duration::from_millis(5));
        }
        // It may have ended by itself, which is as good.
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}
