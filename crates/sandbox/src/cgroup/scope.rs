//! A control group from systemd, where the one that the server was started in is not its own: a login session's, a terminal's, a
//! test suite's.
//!
//! systemd manages the hierarchy alone, and hands a part of it to whoever asks (CONTROL_GROUP_INTERFACE and "Control Group APIs and
//! Delegation" of its documentation): a *scope* with `Delegate=yes` is a group for processes that systemd did not start. Root asks
//! the system's manager, everybody else the manager of the user's own services. We are moved; nothing is started anew.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use nix::unistd::geteuid;

use super::delegation::{self, controllers};
use super::hierarchy::{Controller, Hierarchies};
use crate::host_report::program;
use crate::limits::RETRY_PAUSE;

/// Moving a process takes systemd milliseconds; on a machine that is just booting it has other work.
const MOVE_TIMEOUT: Duration = Duration::from_secs(10);

/// The program that speaks to systemd. It comes with systemd.
const BUSCTL: &str = "busctl";

/// The controllers that a scope would have, where it can be asked for and the group of this process will not do.
pub(crate) fn offered(hierarchies: &Hierarchies) -> Option<Vec<Controller>> {
    let own = hierarchies.v2.as_deref()?;
    // sd_booted(3).
    if !Path::new("/run/systemd/system").is_dir() || is_main_process(own) || program(BUSCTL).is_none() {
        return None;
    }
    if !geteuid().is_root() && !user_run_dir().join("bus").exists() {
        return None;
    }
    let offered = controllers(&manager_group(own)?).filter(|offered| !offered.is_empty())?;
    let here = controllers(own).unwrap_or_default();
    let lacks = offered.iter().any(|controller| !here.contains(controller));
    (lacks || !delegation::is_ours(own)).then_some(offered)
}

/// Whether this process is a systemd service. It stays in it: the unit says `Delegate=yes`, or does not want us to have more.
fn is_main_process(own: &Path) -> bool {
    own.extension().is_some_and(|kind| kind == "service") && delegation::is_alone(own)
}

/// The group below which the manager that we ask makes scopes, with the controllers that it can give them.
fn manager_group(own: &Path) -> Option<PathBuf> {
    let root = own.ancestors().take_while(|group| controllers(group).is_some()).last()?;
    let user = geteuid();
    Some(match user.is_root() {
        true => root.to_owned(),
        false => root.join(format!("user.slice/user-{user}.slice/user@{user}.service")),
    })
}

/// Where systemd keeps the socket of this user's services; a shell that `su` started is not told.
fn user_run_dir() -> PathBuf {
    PathBuf::from(format!("/run/user/{}", geteuid()))
}

/// Asks for a scope and waits until this process is in it.
///
/// # Errors
/// What systemd answered; the process is where it was.
pub(crate) fn take() -> io::Result<()> {
    let pid = std::process::id().to_string();
    let scope = format!("lambent-{pid}.scope");
    let mut busctl = Command::new(program(BUSCTL).ok_or(io::ErrorKind::NotFound)?);
    busctl.env("XDG_RUNTIME_DIR", user_run_dir()).stdin(Stdio::null());
    busctl.arg(if geteuid().is_root() { "--system" } else { "--user" });
    busctl.args(["call", "org.freedesktop.systemd1", "/org/freedesktop/systemd1"]);
    busctl.args([
        "org.freedesktop.systemd1.Manager",
        "StartTransientUnit",
        "ssa(sv)a(sa(sv))",
        &scope,
        "fail",
    ]);
    busctl.args(["4", "Description", "s", "Lambent", "PIDs", "au", "1", &pid, "Delegate", "b", "true"]);
    busctl.args(["CollectMode", "s", "inactive-or-failed", "0"]);
    let answer = busctl.output()?;
    if !answer.status.success() {
        return Err(io::Error::other(String::from_utf8_lossy(&answer.stderr).trim().to_owned()));
    }
    wait_until_in(&scope)
}

fn wait_until_in(scope: &str) -> io::Result<()> {
    let deadline = Instant::now() + MOVE_TIMEOUT;
    while Instant::now() < deadline {
        if fs::read_to_string("/proc/self/cgroup")?.lines().any(|line| line.ends_with(scope)) {
            return Ok(());
        }
        std::thread::sleep(RETRY_PAUSE);
    }
    Err(io::Error::from(io::ErrorKind::TimedOut))
}
