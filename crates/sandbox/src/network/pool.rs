//! Network namespaces made ahead: making one takes longer than the rest of a sandbox, and waits for the removal of others.
//!
//! ```text
//! sandbox ── take(policy) ──► ready? ── yes ──► joins it
//!               │               └─ no ──► Demand ──► the thread makes one at once
//!               └────────────── Refill ──────────────► the thread makes up to NETWORKS_READY_MAX of each policy in use
//! ```
//! The thread moves between the host's namespace and the new one; nothing else of the server does.

use std::collections::{BTreeMap, BTreeSet};
use std::fs::File;
use std::io;
use std::os::fd::{AsFd, OwnedFd};
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, TryRecvError, channel};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread::JoinHandle;

use nix::sched::{CloneFlags, setns, unshare};

use super::host::{HostNetwork, Slot};
use super::netlink::Netlink;
use super::policy::NetworkPolicy;
use super::veth::{DeviceSettings, Pair};
use crate::error::SandboxError;
use crate::limits::{NETWORKS_READY_MAX, REFILL_QUIET};

/// A namespace, and the address that its pair of devices has while this lives.
#[derive(Debug)]
pub(crate) struct Network {
    /// Joined by init; it lives as long as somebody is in it or holds a socket of it.
    pub(crate) namespace: OwnedFd,
    /// Taken until dropped.
    pub(crate) lease: Lease,
}

/// A number of the slot that nobody else has; none where there is no pair.
#[derive(Debug)]
pub(crate) struct Lease(Option<(u32, Arc<Mutex<Numbers>>)>);

impl Drop for Lease {
    fn drop(&mut self) {
        if let Some((number, numbers)) = &self.0 {
            lock(numbers).in_use.remove(number);
        }
    }
}

/// Given out in turn, so that one that was just in use comes last: its devices may still be on their way out.
#[derive(Debug, Default)]
struct Numbers {
    in_use: BTreeSet<u32>,
    next: u32,
}

impl Numbers {
    fn take(&mut self) -> Option<u32> {
        let turn = (0..Slot::SANDBOXES).map(|offset| (self.next + offset) % Slot::SANDBOXES);
        let number = turn.into_iter().find(|number| !self.in_use.contains(number))?;
        self.in_use.insert(number);
        self.next = number + 1;
        Some(number)
    }
}

/// See the module's doc.
#[derive(Debug)]
pub(crate) struct NetworkPool {
    ready: Arc<Mutex<Ready>>,
    demands: Mutex<Option<Sender<Demand>>>,
    thread: Mutex<Option<JoinHandle<()>>>,
    host: Option<Arc<HostNetwork>>,
}

/// Namespaces that are ready, by the position of their policy; none for those that lead nowhere.
type Ready = BTreeMap<Option<usize>, Vec<Network>>;

/// To the thread.
enum Demand {
    /// One of this kind, now.
    Make(Option<usize>, Sender<io::Result<Network>>),
    /// Some was taken.
    Refill,
}

impl NetworkPool {
    /// Starts the thread. Without `host` no policy leads anywhere.
    ///
    /// # Errors
    /// When there is no room for a thread.
    pub(crate) fn start(host: Option<HostNetwork>) -> Result<NetworkPool, SandboxError> {
        let host = host.map(Arc::new);
        let (demands, demanded) = channel();
        let ready = Arc::default();
        let maker = Maker { host: host.clone(), numbers: Arc::default(), ready: Arc::clone(&ready) };
        let thread = std::thread::Builder::new().name("networks".into());
        let thread = thread.spawn(move || maker.run(&demanded)).map_err(SandboxError::Spawner)?;
        Ok(NetworkPool { ready, demands: Mutex::new(Some(demands)), thread: Mutex::new(Some(thread)), host })
    }

    /// A namespace of this policy: one that is ready, or one made now.
    pub(crate) fn take(&self, policy: &NetworkPolicy) -> Result<Network, SandboxError> {
        let kind = self.kind(policy)?;
        let ready = lock(&self.ready).entry(kind).or_default().pop();
        if let Some(network) = ready {
            // When the thread is gone, whoever finds none ready hears of it.
            let _ = self.demand(Demand::Refill);
            return Ok(network);
        }
        let (reply, made) = channel();
        let made =
            self.demand(Demand::Make(kind, reply)).and_then(|()| made.recv().map_err(io::Error::other)?);
        made.map_err(|source| SandboxError::Network { source })
    }

    fn demand(&self, demand: Demand) -> io::Result<()> {
        let demands = lock(&self.demands);
        let sent = demands.as_ref().map(|demands| demands.send(demand));
        sent.and_then(Result::ok).ok_or(io::ErrorKind::BrokenPipe.into())
    }

    /// The host's side, where there is one.
    pub(crate) fn host(&self) -> Option<&HostNetwork> {
        self.host.as_deref()
    }

    fn kind(&self, policy: &NetworkPolicy) -> Result<Option<usize>, SandboxError> {
        if !policy.reaches_out() {
            return Ok(None);
        }
        let known = self.host.iter().flat_map(|host| &host.policies).position(|known| known == policy);
        known
            .map(Some)
            .ok_or_else(|| SandboxError::InvalidSpec("its network policy is not the launcher's".into()))
    }
}

impl NetworkPool {
    /// Makes no more, and gives the host back what was changed there. Sandboxes that live on are cut off.
    pub(crate) fn close(&self) {
        drop(lock(&self.demands).take());
        let _ = lock(&self.thread).take().map(JoinHandle::join);
        lock(&self.ready).clear();
        if let Some(host) = &self.host {
            host.leave();
        }
    }
}

impl Drop for NetworkPool {
    fn drop(&mut self) {
        self.close();
    }
}

/// The thread's.
struct Maker {
    host: Option<Arc<HostNetwork>>,
    numbers: Arc<Mutex<Numbers>>,
    ready: Arc<Mutex<Ready>>,
}

impl Maker {
    fn run(&self, demands: &Receiver<Demand>) {
        let Ok(workshop) = Workshop::open() else { return };
        loop {
            let lacking = self.lacking();
            let demand = match lacking {
                Some((_, true)) => demands.try_recv(),
                Some((_, false)) => demands.recv_timeout(REFILL_QUIET).map_err(|error| match error {
                    RecvTimeoutError::Timeout => TryRecvError::Empty,
                    RecvTimeoutError::Disconnected => TryRecvError::Disconnected,
                }),
                None => demands.recv().map_err(|_| TryRecvError::Disconnected),
            };
            match (demand, lacking.map(|(kind, _)| kind)) {
                (Ok(Demand::Make(kind, reply)), _) => drop(reply.send(self.make(&workshop, kind))),
                (Ok(Demand::Refill), _) => {}
                (Err(TryRecvError::Empty), Some(kind)) => self.refill(&workshop, kind),
                (Err(_), _) => return,
            }
            if !workshop.is_home() {
                // Lost in a sandbox's network, the thread must make no more.
                return;
            }
        }
    }

    /// A kind of which there are not as many as there may be, and whether there are few: of two, that with fewer.
    fn lacking(&self) -> Option<(Option<usize>, bool)> {
        let ready = lock(&self.ready);
        let (kind, fewest) = ready.iter().min_by_key(|(_, ready)| ready.len())?;
        (fewest.len() < NETWORKS_READY_MAX).then_some((*kind, fewest.len() < NETWORKS_READY_MAX / 2))
    }

    fn refill(&self, workshop: &Workshop, kind: Option<usize>) {
        match self.make(workshop, kind) {
            Ok(network) => lock(&self.ready).entry(kind).or_default().push(network),
            // Whoever needs one hears of the error; the kind is forgotten until then.
            Err(_) => drop(lock(&self.ready).remove(&kind)),
        }
    }

    fn make(&self, workshop: &Workshop, kind: Option<usize>) -> io::Result<Network> {
        let (Some(position), Some(host)) = (kind, &self.host) else {
            let namespace = workshop.namespace(|_| Ok(()))?;
            return Ok(Network { namespace, lease: Lease(None) });
        };
        host.forward()?;
        // What another server had in this slot may still be on its way out, long after its namespaces had their last process.
        for _ in 0..Slot::SANDBOXES {
            match self.connected(workshop, host, position) {
                Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {}
                made => return made,
            }
        }
        Err(io::ErrorKind::AddrNotAvailable.into())
    }

    /// A namespace with a pair of the next number.
    fn connected(&self, workshop: &Workshop, host: &HostNetwork, position: usize) -> io::Result<Network> {
        let number = lock(&self.numbers).take().ok_or(io::ErrorKind::AddrNotAvailable)?;
        let lease = Lease(Some((number, Arc::clone(&self.numbers))));
        let name = host.slot.device(position, number);
        let leads_to_loopback = host.policies.get(position).is_some_and(NetworkPolicy::reaches_this_host);
        let (address, gateway) = (host.slot.address(number), host.slot.gateway());
        let pair = Pair { name: &name, address, gateway, leads_to_loopback };
        Ok(Network { namespace: workshop.namespace(|namespace| workshop.connect(&pair, namespace))?, lease })
    }
}

/// Both sides of the wall.
struct Workshop {
    home: File,
    host: Netlink,
    /// Of the host's devices, where they can be opened: whoever leads nowhere needs none.
    settings: Option<DeviceSettings>,
}

impl Workshop {
    fn open() -> io::Result<Workshop> {
        let home = File::open(OWN_NAMESPACE)?;
        Ok(Workshop { home, host: Netlink::open()?, settings: DeviceSettings::open().ok() })
    }

    /// A new namespace that `prepare` was done to, in the host's namespace.
    fn namespace(&self, prepare: impl FnOnce(&OwnedFd) -> io::Result<()>) -> io::Result<OwnedFd> {
        unshare(CloneFlags::CLONE_NEWNET)?;
        let made = File::open(OWN_NAMESPACE);
        setns(&self.home, CloneFlags::CLONE_NEWNET)?;
        let made = OwnedFd::from(made?);
        prepare(&made)?;
        Ok(made)
    }

    fn connect(&self, pair: &Pair<'_>, namespace: &OwnedFd) -> io::Result<()> {
        let settings = self.settings.as_ref().ok_or(io::ErrorKind::NotFound)?;
        pair.create(&self.host, settings, namespace.as_fd())?;
        setns(namespace, CloneFlags::CLONE_NEWNET)?;
        let finished = pair.finish_inside();
        setns(&self.home, CloneFlags::CLONE_NEWNET)?;
        finished
    }

    fn is_home(&self) -> bool {
        let same = || -> io::Result<bool> {
            let (here, home) = (rustix::fs::stat(OWN_NAMESPACE)?, rustix::fs::fstat(&self.home)?);
            Ok((here.st_dev, here.st_ino) == (home.st_dev, home.st_ino))
        };
        same().unwrap_or(false)
    }
}

/// Of the calling thread.
const OWN_NAMESPACE: &str = "/proc/thread-self/ns/net";

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
