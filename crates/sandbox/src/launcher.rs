//! The server's side of starting sandboxes: the spawner process, the control groups, the images for `/tmp`.

use std::fs::{self, DirBuilder};
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::os::unix::fs::DirBuilderExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::{Mutex, PoisonError};
use std::time::Instant;

use crate::cgroup::{CgroupTree, Controller, SandboxCgroup, name_prefix};
use crate::channel::{Channel, Received};
use crate::ephemeral_storage::StoragePool;
use crate::error::SandboxError;
use crate::init_process::{InitProcess, end_init};
use crate::layers::{Layer, Layers};
use crate::limits::SET_UP_TIMEOUT;
use crate::network::{NetworkLease, NetworkPolicy, Networks};
use crate::protocol::{Command as InitCommand, Create, Failure, Identity, Network, Report, Request, Storage};
use crate::running::Sandbox;
use crate::sockets::SandboxSockets;
use crate::spec::{Limits, SandboxSpec, is_name};
use crate::user_namespace::{self, Subordinate};
use crate::zygote::{Zygote, ZygoteSpec};
use crate::{spawner, sweep};

/// Where a launcher keeps its things, and what it isolates.
#[derive(Clone, Debug)]
pub struct LauncherConfig {
    data_dir_id: String,
    run_dir: PathBuf,
    layers: Layers,
    networks: Vec<NetworkPolicy>,
}

impl LauncherConfig {
    /// Every layer. `data_dir_id` names what the launcher makes on the host, `run_dir` (made if absent) holds
    /// images and mount points.
    #[must_use]
    pub fn new(data_dir_id: String, run_dir: PathBuf) -> Self {
        Self { data_dir_id, run_dir, layers: Layers::ALL, networks: Vec::new() }
    }

    /// What sandboxes may reach; one without a policy reaches nothing.
    #[must_use]
    pub fn with_networks(mut self, networks: Vec<NetworkPolicy>) -> Self {
        self.networks = networks;
        self
    }

    /// Only these layers.
    #[must_use]
    pub fn with_layers(mut self, layers: Layers) -> Self {
        self.layers = layers;
        self
    }
}

/// Starts sandboxes. Shared by threads; each call of [`Launcher::create`] blocks its own.
#[derive(Debug)]
pub struct Launcher {
    config: LauncherConfig,
    identity: Identity,
    subordinate: Option<Subordinate>,
    storage: Option<StoragePool>,
    networks: Networks,
    /// Where init mounts the new root, in its own mount namespace.
    scratch: PathBuf,
    cgroups: CgroupTree,
    spawner: Mutex<SpawnerProcess>,
}

impl Launcher {
    /// Makes the control groups and starts the spawner.
    ///
    /// # Errors
    /// [`SandboxError::NetworkUnavailable`], before anything else is made; or when the directory or the groups cannot be made, or
    /// the spawner cannot be started.
    pub fn start(config: LauncherConfig) -> Result<Launcher, SandboxError> {
        if !is_name(&config.data_dir_id) {
            return Err(SandboxError::InvalidSpec(format!("the id {:?} is no name", config.data_dir_id)));
        }
        let scratch = config.run_dir.join("root");
        make_private(&config.run_dir)?;
        make_private(&scratch)?;
        let subordinate = Subordinate::of_this_user();
        let identity = identity(config.layers, subordinate.is_some());
        let networks = match config.layers.contains(Layer::NetworkNamespace) {
            true => Networks::start((&config.data_dir_id, &config.run_dir), &config.networks, identity)?,
            false => Networks::Shut,
        };
        let isolates = config.layers != Layers::NONE;
        let cgroups = match isolates {
            true => {
                CgroupTree::prepare(&format!("{}{}", name_prefix(&config.data_dir_id), std::process::id()))?
            }
            false => CgroupTree::none(),
        };
        sweep::record(&config.run_dir, &cgroups.parents()).map_err(SandboxError::Spawner)?;
        let storage = (isolates && identity == Identity::HostRoot)
            .then(|| StoragePool::start(&config.run_dir, &config.data_dir_id))
            .flatten();
        let spawner = Mutex::new(SpawnerProcess::start(&config, &cgroups).map_err(SandboxError::Spawner)?);
        Ok(Launcher { config, identity, subordinate, storage, networks, scratch, cgroups, spawner })
    }

    /// Why memory is not bounded although the layer is wanted, as a sentence fragment; `None` when it is.
    #[must_use]
    pub fn memory_unbounded(&self) -> Option<String> {
        if !self.config.layers.contains(Layer::MemoryLimit) || self.cgroups.has(Controller::Memory) {
            return None;
        }
        Some(match self.cgroups.undelegated() {
            Some(why) => {
                format!("{} does not hand its controllers down ({})", why.group.display(), why.error)
            }
            None => "there is no memory controller".into(),
        })
    }

    /// Makes a sandbox that is done with as new, but for its network, its user and an untouched `/tmp`, which it keeps; its control
    /// groups stay too where they have nothing left to tell, else `id` names new ones. Only what was bound late is unbound. `is_empty` is called when its processes are dead.
    ///
    /// # Errors
    /// Where something is left that should not be, or the kernel does not do its part: nothing of the sandbox is left then.
    pub fn renew(
        &self,
        mut sandbox: Sandbox,
        (id, limits): (&str, &Limits),
        is_empty: impl FnOnce(),
    ) -> Result<Sandbox, SandboxError> {
        sandbox.kill_processes()?;
        is_empty();
        let others = match sandbox.clear_groups(limits) {
            true => None,
            false => Some(self.cgroups.create(id, limits, self.config.layers)?),
        };
        sandbox.renew(others)?;
        Ok(sandbox)
    }

    /// Starts a process that others are forked from, and waits until it is ready.
    ///
    /// # Errors
    /// When it cannot be started, or ends before.
    pub fn start_zygote(&self, zygote: &ZygoteSpec) -> Result<Zygote, SandboxError> {
        if !self.binds_late() || self.config.layers != Layers::ALL {
            // What it forks enters every namespace, and is left to init by the process namespace's rules.
            return Err(SandboxError::InvalidSpec("runtimes are forked into whole sandboxes only".into()));
        }
        let (channel, theirs) = Channel::pair().map_err(SandboxError::Spawner)?;
        let create = Create {
            spec: zygote.sandbox(),
            layers: self.config.layers,
            identity: self.identity,
            scratch: self.scratch.clone(),
            mount_name: format!("lambent-{}.zygote", self.config.data_dir_id),
            storage: Storage::Unbounded,
            cgroups: 0,
            starts_in_group: false,
            network: Network::Own,
            host_address: None,
        };
        let request = Request::Zygote(Box::new(create), zygote.program());
        self.request(&request, &theirs, &[])?;
        drop(theirs);
        Zygote::wait_until_ready(channel)
    }

    /// Whether [`Sandbox::bind`] works: only root can take of the host's mounts what a built sandbox gets.
    #[must_use]
    pub fn binds_late(&self) -> bool {
        self.identity == Identity::HostRoot && self.config.layers.contains(Layer::MountNamespace)
    }

    /// Gives the host back what it shares with others, for which the end of the process is too late. No sandbox is built after it.
    pub fn close(&self) {
        if let Networks::Pool(pool) = &self.networks {
            pool.close();
        }
    }

    /// Builds a sandbox.
    ///
    /// # Errors
    /// What could not be built; nothing of it is left.
    pub fn create(&self, spec: &SandboxSpec) -> Result<Sandbox, SandboxError> {
        if let Some(fault) = spec.fault() {
            return Err(SandboxError::InvalidSpec(fault));
        }
        let (cgroup, entrance) = self.cgroups.create(&spec.id, &spec.limits, self.config.layers)?;
        let (storage, mount) = self.storage(spec)?;
        let (network, joined_network, number) = self.networks.of(&spec.network)?;
        let (channel, theirs) = Channel::pair().map_err(SandboxError::Spawner)?;
        let create = Create {
            spec: spec.clone(),
            layers: self.config.layers,
            identity: self.identity,
            scratch: self.scratch.clone(),
            mount_name: format!("lambent-{}.{}", self.config.data_dir_id, spec.id),
            storage,
            cgroups: entrance.tasks.len(),
            starts_in_group: entrance.group.is_some(),
            network,
            host_address: self.networks.host_address(),
        };
        let handed: Vec<OwnedFd> = entrance.into_descriptors().chain(mount).chain(joined_network).collect();
        self.request(&Request::Create(Box::new(create)), &theirs, &handed)?;
        drop((theirs, handed));
        let lease = NetworkLease { _number: number, _carried: None };
        let deadline = Instant::now() + SET_UP_TIMEOUT;
        Build { launcher: self, spec, channel, lease, deadline }.finish(cgroup)
    }

    fn request(&self, request: &Request, theirs: &Channel, handed: &[OwnedFd]) -> Result<(), SandboxError> {
        let mut descriptors: Vec<BorrowedFd<'_>> = vec![theirs.as_fd()];
        descriptors.extend(handed.iter().map(AsFd::as_fd));
        let mut spawner = self.spawner.lock().unwrap_or_else(PoisonError::into_inner);
        match spawner.channel.send(request, &descriptors) {
            Err(error) if error.raw_os_error() == Some(libc::EPIPE) => {
                // It died, and its sandboxes with it; the next ones come from another. It may still be sweeping.
                let _ = spawner.child.wait();
                *spawner =
                    SpawnerProcess::start(&self.config, &self.cgroups).map_err(SandboxError::Spawner)?;
                spawner.channel.send(request, &descriptors)
            }
            sent => sent,
        }
        .map_err(SandboxError::Spawner)
    }

    /// Where the sandbox's `/tmp` comes from, and the mount if it is one.
    fn storage(&self, spec: &SandboxSpec) -> Result<(Storage, Option<OwnedFd>), SandboxError> {
        if !self.config.layers.contains(Layer::EphemeralStorage) {
            return Ok((Storage::Unbounded, None));
        }
        match &self.storage {
            Some(pool) => Ok((Storage::Mount, Some(pool.take(spec.ephemeral_storage)?))),
            None => Ok((Storage::Tmpfs, None)),
        }
    }
}

/// The spawner, and our end of its channel, whose end is its sign to end.
#[derive(Debug)]
struct SpawnerProcess {
    channel: Channel,
    child: Child,
}

impl SpawnerProcess {
    fn start(config: &LauncherConfig, cgroups: &CgroupTree) -> std::io::Result<SpawnerProcess> {
        let (channel, theirs) = Channel::pair()?;
        // Not the path of the binary: it may have been replaced since we were started.
        let child = Command::new("/proc/self/exe")
            .arg(spawner::ARGUMENT)
            // Names the process for whoever looks for what this server started.
            .arg(&config.data_dir_id)
            .env_clear()
            .stdin(Stdio::from(theirs.into_fd()?))
            .stdout(Stdio::null())
            .spawn()?;
        channel
            .send(&Request::Configure { layers: config.layers, cgroup_parents: cgroups.parents() }, &[])?;
        Ok(SpawnerProcess { channel, child })
    }
}

impl Drop for SpawnerProcess {
    fn drop(&mut self) {
        // It kills what is left of its sandboxes on its way out.
        self.channel.close();
        let _ = self.child.wait();
    }
}

/// One sandbox on its way: init is being forked, set up, and waited for.
struct Build<'a> {
    launcher: &'a Launcher,
    spec: &'a SandboxSpec,
    channel: Channel,
    lease: NetworkLease,
    deadline: Instant,
}

impl Build<'_> {
    /// Waits for the spawner's word that init exists and for init's that the sandbox is built. Which comes first is a
    /// matter of luck: both processes run by then.
    fn finish(mut self, cgroup: SandboxCgroup) -> Result<Sandbox, SandboxError> {
        let (mut init, mut sockets) = (None, None);
        while init.is_none() || sockets.is_none() {
            if let Err(error) = self.wait_for_one(&mut init, &mut sockets) {
                if let Some(Ok(init)) = init.as_mut().map(|init| init.descriptor(&self.channel)) {
                    end_init(&self.channel, init, self.launcher.config.layers);
                }
                return Err(error);
            }
        }
        match (init, sockets) {
            (Some(init), Some(sockets)) => {
                let of = (self.launcher.config.layers, self.spec);
                Ok(Sandbox::new(self.channel, init, cgroup, sockets, self.lease, of))
            }
            _ => Err(self.broken(std::io::ErrorKind::InvalidData)),
        }
    }

    fn wait_for_one(
        &mut self,
        init: &mut Option<InitProcess>,
        sockets: &mut Option<SandboxSockets>,
    ) -> Result<(), SandboxError> {
        match self.report()? {
            (Report::Spawned { pid }, descriptors) => {
                *init = Some(InitProcess::new(pid, descriptors.into_iter().next()));
                self.map_users(pid)
            }
            (Report::Ready, descriptors) => {
                *sockets = Some(SandboxSockets::of(descriptors, self.spec.listen_ports.len()));
                Ok(())
            }
            (Report::Failed(failure), _) => Err(set_up(failure)),
            _ => Err(self.broken(std::io::ErrorKind::InvalidData)),
        }
    }

    /// Init waits for it before it builds anything.
    fn map_users(&mut self, pid: i32) -> Result<(), SandboxError> {
        let identity = self.launcher.identity;
        if !identity.has_user_namespace() {
            return Ok(());
        }
        user_namespace::map(pid, identity, &self.spec.user, self.launcher.subordinate.as_ref())
            .map_err(|source| SandboxError::SetUp { stage: "mapping users".into(), source })?;
        if let Some(pasta) = self.launcher.networks.carrier(&self.spec.network) {
            let carried = pasta.carry(pid, &self.spec.network);
            self.lease._carried = Some(carried.map_err(|source| SandboxError::Network { source })?);
        }
        let mapped = self.channel.send(&InitCommand::Mapped, &[]);
        mapped.map_err(|source| SandboxError::Control { doing: DOING, source })
    }

    fn report(&self) -> Result<(Report, Vec<OwnedFd>), SandboxError> {
        match self.channel.receive::<Report>(Some(self.deadline)) {
            Ok(Received::Message(report, descriptors)) => Ok((report, descriptors)),
            Ok(Received::Nothing) => Err(self.broken(std::io::ErrorKind::TimedOut)),
            Ok(Received::End) => Err(self.broken(std::io::ErrorKind::BrokenPipe)),
            Err(source) => Err(SandboxError::Control { doing: DOING, source }),
        }
    }

    fn broken(&self, kind: std::io::ErrorKind) -> SandboxError {
        SandboxError::Control { doing: DOING, source: kind.into() }
    }
}

const DOING: &str = "building it";

fn set_up(failure: Failure) -> SandboxError {
    let source = failure.source();
    SandboxError::SetUp { stage: failure.stage, source }
}

/// How processes come to their user: as the layers want it and the server's rights allow it.
fn identity(layers: Layers, has_subordinate_ids: bool) -> Identity {
    let is_root = nix::unistd::geteuid().is_root();
    match (layers == Layers::NONE, is_root, layers.contains(Layer::User)) {
        (true, ..) | (false, true, false) => Identity::Unchanged,
        (false, true, true) => Identity::HostRoot,
        // Without rights every other namespace comes from the user namespace.
        (false, false, _) if has_subordinate_ids => Identity::Subordinate,
        (false, false, _) => Identity::SingleUser,
    }
}

fn make_private(directory: &Path) -> Result<(), SandboxError> {
    match DirBuilder::new().mode(0o700).create(directory) {
        Err(error) if error.kind() != std::io::ErrorKind::AlreadyExists => {
            Err(SandboxError::SetUp { stage: format!("making {}", directory.display()), source: error })
        }
        _ => fs::metadata(directory).map(drop).map_err(SandboxError::Spawner),
    }
}
