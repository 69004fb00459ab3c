//! The network of an ordinary user's sandbox: `pasta` (package passt) carries its traffic from a device inside to sockets of the
//! user's own outside.
//!
//! ```text
//! init forked, its user mapped ──► pasta started, device inside seen ──► init goes on: refuses itself ([`super::refusals`])
//! ```
//! Whatever the user reaches, pasta reaches: what the policy refuses is refused inside, by rules of the sandbox's namespace.

use std::fs::{self, File};
use std::io::{self, Read, Seek};
use std::net::Ipv4Addr;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::time::Instant;

use rustix::fs::{Access, MemfdFlags, memfd_create};
use rustix::process::{Pid, Signal, kill_process};

use super::policy::NetworkPolicy;
use super::veth::NAME_INSIDE;
use crate::host_report::program;
use crate::limits::{PASTA_TIMEOUT, RETRY_PAUSE};

/// What the sandbox sends from, and where it sends to: known in its namespace only, so all sandboxes have the same.
const ADDRESS: &str = "198.18.0.2";
/// Reaches the machine's loopback where the policy says so.
pub(crate) const GATEWAY: Ipv4Addr = Ipv4Addr::new(198, 18, 0, 1);
const NETMASK: &str = "255.255.255.252";
/// Locally administered.
const GATEWAY_MAC: &str = "02:00:00:00:00:01";

/// The program.
#[derive(Clone, Debug)]
pub(crate) struct PastaProgram {
    path: PathBuf,
    /// Names its processes; pasta is what it is by the first five letters.
    name: String,
}

/// Carries one sandbox's traffic until dropped.
#[derive(Debug)]
pub(crate) struct Pasta(Child);

impl PastaProgram {
    /// # Errors
    /// What is missing, as a sentence fragment that ends in the fix.
    pub(crate) fn find(data_dir_id: &str) -> Result<PastaProgram, String> {
        let path = program("pasta").ok_or(
            "for a user who is not root this needs pasta: install it (package passt), or run as root",
        )?;
        rustix::fs::access("/dev/net/tun", Access::READ_OK | Access::WRITE_OK).map_err(|error| {
            format!("this user cannot open /dev/net/tun ({error}): allow it, or run as root")
        })?;
        Ok(PastaProgram { path, name: process_name(data_dir_id) })
    }

    /// Gives the namespaces of process `pid` a device that leads out, and waits until it is there.
    ///
    /// # Errors
    /// When pasta ends, or takes too long.
    pub(crate) fn carry(&self, pid: i32, policy: &NetworkPolicy) -> io::Result<Pasta> {
        let mut command = Command::new(&self.path);
        command.arg0(&self.name).args(["--foreground", "--quiet", "--ipv4-only", "--config-net"]);
        // Nobody comes in, neither from the machine nor to its loopback.
        command.args(["-t", "none", "-u", "none", "-T", "none", "-U", "none"]);
        // It takes nothing from a device of the machine, but wants one to exist: loopback does, also on a machine that is offline. What
        // loopback has not is an address for the gateway's frames.
        command.args(["-i", "lo", "-M", GATEWAY_MAC]);
        command.args(["--no-dhcp", "--no-dhcpv6", "--no-ndp", "--no-ra", "--ns-ifname", NAME_INSIDE]);
        command.args(["-a", ADDRESS, "-n", NETMASK, "-g", &GATEWAY.to_string()]);
        if !policy.reaches_this_host() {
            command.arg("--no-map-gw");
        }
        command.arg(pid.to_string()).env_clear();
        // A pipe would cost a descriptor for as long as the sandbox lives.
        let mut words = File::from(memfd_create("pasta", MemfdFlags::CLOEXEC)?);
        command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(words.try_clone()?);
        let mut pasta = Pasta(command.spawn()?);
        match pasta.wait_for_device(Path::new(&format!("/proc/{pid}/net/route")))? {
            None => Ok(pasta),
            Some(status) => {
                let mut text = String::new();
                words.rewind()?;
                words.read_to_string(&mut text)?;
                Err(io::Error::other(format!("pasta ended: {status}: {}", text.trim())))
            }
        }
    }
}

impl Pasta {
    /// How it ended, if it did.
    fn wait_for_device(&mut self, routes: &Path) -> io::Result<Option<ExitStatus>> {
        let deadline = Instant::now() + PASTA_TIMEOUT;
        while !fs::read_to_string(routes)?.contains(NAME_INSIDE) {
            if let Some(status) = self.0.try_wait()? {
                return Ok(Some(status));
            }
            if Instant::now() > deadline {
                return Err(io::ErrorKind::TimedOut.into());
            }
            std::thread::sleep(RETRY_PAUSE);
        }
        Ok(None)
    }
}

impl Drop for Pasta {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// Ends what a dead server with this data directory left running. Returns how many processes.
pub(crate) fn sweep(data_dir_id: &str) -> usize {
    let name = process_name(data_dir_id);
    let entries = fs::read_dir("/proc").into_iter().flatten().flatten();
    let pids = entries.filter_map(|entry| Pid::from_raw(entry.file_name().to_str()?.parse().ok()?));
    let ours = |pid: &Pid| {
        let command = fs::read(format!("/proc/{}/cmdline", pid.as_raw_nonzero())).unwrap_or_default();
        command.split(|byte| *byte == 0).next() == Some(name.as_bytes())
    };
    pids.filter(ours).filter(|pid| kill_process(*pid, Signal::KILL).is_ok()).count()
}

fn process_name(data_dir_id: &str) -> String {
    format!("pasta.lambent-{data_dir_id}")
}
