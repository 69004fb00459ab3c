//! What a server has in the host's network: a slot of addresses, one nft table, and forwarding on the devices that lead out.
//!
//! ```text
//! start ─► claim a slot by making its table (which nobody else can) ─► forwarding on, noted in the table ─► leave: both undone
//! ```
//! Several servers share a machine. Forwarding that one of them turned on is noted in its own table; when it leaves, the note
//! goes to another that is still there, and the last one turns it off. A server that was killed leaves its table, which the next
//! start with its data directory finds by its owner's name.

use std::collections::BTreeSet;
use std::fs;
use std::io::{self, Write};
use std::net::Ipv4Addr;
use std::os::linux::net::SocketAddrExt;
use std::os::unix::net::{SocketAddr, UnixListener};
use std::path::PathBuf;
use std::process::{Command, Stdio};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, PoisonError};
use std::time::Instant;

use serde_json::Value;

use super::policy::NetworkPolicy;
use super::ruleset;
use super::uplinks::uplinks;
use crate::error::SandboxError;
use crate::host_report::program;
use crate::limits::{NETWORK_LOCK_TIMEOUT, NETWORK_LOOK_INTERVAL, RETRY_PAUSE};

/// Addresses for benchmarks between networks (RFC 2544), which no network routes: they do not collide with a user's.
const RANGE: Ipv4Addr = Ipv4Addr::new(198, 18, 0, 0);
/// Of the part that one server has: 8,190 sandboxes.
pub(super) const PREFIX_LENGTH: u8 = 19;
/// Servers on one machine, or in one network namespace.
const SLOTS: u8 = 16;
/// Held while tables and forwarding change; an abstract socket, which belongs to the network namespace and leaves nothing.
const LOCK: &str = "lambent-network";

/// A server's part of the range, and the names that come with it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Slot(pub(super) u8);

impl Slot {
    /// The host's ends of all servers' pairs, as nft writes it.
    pub(super) const DEVICES_OF_ALL: &str = "lmb*";
    const TABLE_PREFIX: &str = "lambent_";

    pub(super) fn table(self) -> String {
        format!("{}{}", Self::TABLE_PREFIX, self.0)
    }

    pub(super) fn devices(self) -> String {
        format!("lmb{}.*", self.0)
    }

    pub(super) fn devices_of(self, policy: usize) -> String {
        format!("lmb{}.{policy}.*", self.0)
    }

    /// Fifteen characters are a name's most.
    pub(super) fn device(self, policy: usize, number: u32) -> String {
        format!("lmb{}.{policy}.{number:x}", self.0)
    }

    pub(super) fn network(self) -> Ipv4Addr {
        Ipv4Addr::from(u32::from(RANGE) + (u32::from(self.0) << (32 - PREFIX_LENGTH)))
    }

    pub(super) fn gateway(self) -> Ipv4Addr {
        Ipv4Addr::from(u32::from(self.network()) + 1)
    }

    /// Of the sandbox with this number, from 0 to [`Slot::SANDBOXES`].
    pub(super) fn address(self, number: u32) -> Ipv4Addr {
        Ipv4Addr::from(u32::from(self.network()) + 2 + number % Self::SANDBOXES)
    }

    /// Network, gateway and broadcast address are none's.
    pub(super) const SANDBOXES: u32 = (1 << (32 - PREFIX_LENGTH)) - 3;
}

/// A claimed slot.
#[derive(Debug)]
pub(crate) struct HostNetwork {
    nft: Nft,
    pub(super) slot: Slot,
    pub(super) policies: Vec<NetworkPolicy>,
    left: AtomicBool,
    /// When the routes were last looked at: there is one for each sandbox among them.
    looked: Mutex<Option<Instant>>,
    /// Whether it turned forwarding on anywhere.
    noted: AtomicBool,
}

impl HostNetwork {
    /// Claims a slot and writes the table.
    ///
    /// # Errors
    /// [`SandboxError::NetworkUnavailable`] with the reason.
    pub(crate) fn start(data_dir_id: &str, policies: &[NetworkPolicy]) -> Result<HostNetwork, SandboxError> {
        let lacks = SandboxError::NetworkUnavailable;
        let nft = Nft::find().ok_or_else(|| lacks(NO_NFT.into()))?;
        let lock = Lock::take().map_err(|error| lacks(error.to_string()))?;
        let slot = claim(&nft, data_dir_id, policies).map_err(lacks)?;
        let network = HostNetwork {
            nft,
            slot,
            policies: policies.to_vec(),
            left: AtomicBool::default(),
            looked: Mutex::default(),
            noted: AtomicBool::default(),
        };
        let forwarded = network.forward();
        drop(lock);
        forwarded.inspect_err(|_| network.leave()).map_err(|error| lacks(error.to_string()))?;
        Ok(network)
    }

    /// Undoes both, once.
    pub(super) fn leave(&self) {
        if !self.left.swap(true, Ordering::Relaxed) {
            // What cannot be undone now is found by the next start.
            let _lock = Lock::take();
            let _ = leave(&self.nft, &self.slot.table());
        }
    }

    /// The host's address as sandboxes see it.
    pub(crate) fn gateway(&self) -> Ipv4Addr {
        self.slot.gateway()
    }

    /// Turns forwarding on where it is off and needed: routes come and go while a server runs.
    pub(super) fn forward(&self) -> io::Result<()> {
        let mut looked = self.looked.lock().unwrap_or_else(PoisonError::into_inner);
        if looked.is_some_and(|at| at.elapsed() < NETWORK_LOOK_INTERVAL) {
            return Ok(());
        }
        *looked = Some(Instant::now());
        if machine_forwards() {
            return self.forget_forwarding();
        }
        let routes = fs::read_to_string("/proc/net/route")?;
        for device in uplinks(&routes, &self.policies) {
            let setting = forwarding(&device);
            if !fs::read_to_string(&setting).is_ok_and(|value| value.trim() == "0") {
                continue;
            }
            // Noted first: what is noted and was never done is undone without harm.
            self.nft.note(&self.slot.table(), &device).map_err(io::Error::other)?;
            self.noted.store(true, Ordering::Relaxed);
            fs::write(setting, "1")?;
        }
        Ok(())
    }

    /// Somebody has turned it on for the whole machine since: what their devices forward is theirs, and so is turning it off.
    fn forget_forwarding(&self) -> io::Result<()> {
        if !self.noted.swap(false, Ordering::Relaxed) {
            return Ok(());
        }
        let flushed = self.nft.run(&["flush", "set", "inet", &self.slot.table(), "forwarding"], "");
        flushed.map(drop).map_err(io::Error::other)
    }
}

const NO_NFT: &str = "install nft (package nftables)";

/// What root lacks for it.
pub(super) fn program_fault() -> Option<String> {
    Nft::find().is_none().then(|| NO_NFT.to_owned())
}

/// Removes what a server with this data directory left. Returns how many tables.
pub(crate) fn sweep(data_dir_id: &str) -> Result<usize, SandboxError> {
    let lacks =
        |why: String| SandboxError::HostLacks(format!("cannot remove an earlier server's network: {why}"));
    let Some(nft) = Nft::find().filter(|_| nix::unistd::geteuid().is_root()) else { return Ok(0) };
    let _lock = Lock::take().map_err(|error| lacks(error.to_string()))?;
    let left = nft.tables_with_chain(&ruleset::owner_chain(data_dir_id)).map_err(lacks)?;
    left.iter().try_for_each(|table| leave(&nft, table)).map_err(lacks)?;
    Ok(left.len())
}

fn claim(nft: &Nft, data_dir_id: &str, policies: &[NetworkPolicy]) -> Result<Slot, String> {
    let taken = nft.tables()?;
    let free = (0..SLOTS).map(Slot).find(|slot| !taken.contains(&slot.table()));
    let slot = free.ok_or_else(|| format!("{SLOTS} servers run on this machine already"))?;
    nft.run(&["-f", "-"], &ruleset::table(slot, data_dir_id, policies))?;
    Ok(slot)
}

/// Undoes forwarding, or hands the note of it to another server, and removes the table.
fn leave(nft: &Nft, table: &str) -> Result<(), String> {
    let noted = nft.noted(table)?;
    let others: Vec<String> = nft.tables()?.into_iter().filter(|other| other != table).collect();
    for device in noted {
        match others.first() {
            Some(other) => nft.note(other, &device)?,
            None if !machine_forwards() => drop(fs::write(forwarding(&device), "0")),
            None => {}
        }
    }
    nft.run(&["delete", "table", "inet", table], "").map(drop)
}

/// By the setting for all devices, which is never ours.
fn machine_forwards() -> bool {
    fs::read_to_string("/proc/sys/net/ipv4/ip_forward").is_ok_and(|value| value.trim() == "1")
}

fn forwarding(device: &str) -> String {
    format!("/proc/sys/net/ipv4/conf/{device}/forwarding")
}

/// The program that speaks to the packet filter.
#[derive(Debug)]
struct Nft(PathBuf);

impl Nft {
    fn find() -> Option<Nft> {
        program("nft").map(Nft)
    }

    fn run(&self, arguments: &[&str], input: &str) -> Result<String, String> {
        let run = || -> io::Result<_> {
            let mut child = Command::new(&self.0)
                .args(arguments)
                .stdin(Stdio::piped())
                .stdout(Stdio::piped())
                .stderr(Stdio::piped())
                .spawn()?;
            // Its end is what the program waits for. It reads nothing when the arguments are all.
            let _ = child.stdin.take().map(|mut stdin| stdin.write_all(input.as_bytes()));
            child.wait_with_output()
        };
        let output = run().map_err(|error| format!("nft: {error}"))?;
        if output.status.success() {
            return Ok(String::from_utf8_lossy(&output.stdout).into_owned());
        }
        let said = String::from_utf8_lossy(&output.stderr);
        Err(format!("nft: {}", said.lines().next().unwrap_or("failed without a word")))
    }

    /// Names of all servers' tables.
    fn tables(&self) -> Result<BTreeSet<String>, String> {
        let listed = self.list(&["tables", "inet"], "table")?;
        let names = listed.iter().filter_map(|table| table["name"].as_str());
        Ok(names.filter(|name| name.starts_with(Slot::TABLE_PREFIX)).map(str::to_owned).collect())
    }

    fn tables_with_chain(&self, chain: &str) -> Result<Vec<String>, String> {
        let listed = self.list(&["chains", "inet"], "chain")?;
        let named = listed.iter().filter(|listed| listed["name"] == chain);
        Ok(named.filter_map(|listed| listed["table"].as_str()).map(str::to_owned).collect())
    }

    /// Devices whose forwarding the table's server turned on.
    fn noted(&self, table: &str) -> Result<Vec<String>, String> {
        let sets = self.list(&["set", "inet", table, "forwarding"], "set")?;
        let elements = sets.iter().filter_map(|set| set["elem"].as_array()).flatten();
        Ok(elements.filter_map(Value::as_str).map(str::to_owned).collect())
    }

    fn note(&self, table: &str, device: &str) -> Result<(), String> {
        let element = format!("add element inet {table} forwarding {{ \"{device}\" }}\n");
        self.run(&["-f", "-"], &element).map(drop)
    }

    fn list(&self, what: &[&str], kind: &str) -> Result<Vec<Value>, String> {
        let arguments: Vec<&str> = ["-j", "list"].into_iter().chain(what.iter().copied()).collect();
        let text = self.run(&arguments, "")?;
        let listed: Value = serde_json::from_str(&text).map_err(|error| format!("nft: {error}"))?;
        let objects = listed["nftables"].as_array().into_iter().flatten();
        Ok(objects.filter_map(|object| object.get(kind)).cloned().collect())
    }
}

/// One server at a time.
struct Lock(#[allow(dead_code, reason = "held")] UnixListener);

impl Lock {
    fn take() -> io::Result<Lock> {
        let address = SocketAddr::from_abstract_name(LOCK)?;
        let deadline = Instant::now() + NETWORK_LOCK_TIMEOUT;
        loop {
            match UnixListener::bind_addr(&address) {
                Ok(listener) => return Ok(Lock(listener)),
                Err(error) if Instant::now() > deadline => return Err(error),
                Err(_) => std::thread::sleep(RETRY_PAUSE),
            }
        }
    }
}
