//! What to isolate (semantics B.20): what many environments have in common, and what one function brings.

use std::{
    net::Ipv4Addr,
    path::{Path, PathBuf},
};

use lambda_model::{function::FunctionKey, limits, ports::RunnableVersion};
use sandbox::{Bind, Cpu, EphemeralStorage, IsolationLevel, Limits, NetworkPolicy, SandboxSpec, SandboxUser};

use super::WaitingProgram;
use crate::{
    compiled,
    configuration::{Configuration, CpuPolicy},
    environment::name_server,
    runtimes::RuntimePlan,
    uids::Uid,
};

/// Recorded on Lambda: `AWS_LAMBDA_RUNTIME_API` is 169.254.100.1:9001.
const ADDRESS: Ipv4Addr = Ipv4Addr::new(169, 254, 100, 1);
const RUNTIME_API_PORT: u16 = 9_001;
/// Recorded on Lambda: `AWS_XRAY_DAEMON_ADDRESS` is 169.254.100.1:2000 (Z-02).
const XRAY_PORT: u16 = 2_000;
/// Where the AWS endpoint of this server is inside an environment.
const ENDPOINT_PORT: u16 = 4_566;

/// Where the function's code and its layers are inside.
pub(crate) const TASK_ROOT: &str = "/var/task";
pub(crate) const LAYERS_ROOT: &str = "/opt";

/// What a sandbox is built with: sandboxes of one kind are alike.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Kind {
    /// Of the host, without code and layers.
    binds: Vec<Bind>,
    masks: Vec<PathBuf>,
    ephemeral_storage: EphemeralStorage,
    network: NetworkPolicy,
    /// What can be started before the function is known.
    pub waiting: Option<WaitingProgram>,
}

/// What comes later.
#[derive(Debug, Clone)]
pub(crate) struct Late {
    /// Code and layers.
    pub binds: Vec<Bind>,
    /// Those of the function.
    pub limits: Limits,
}

/// A sandbox for a function.
pub(crate) struct Wanted {
    /// Whose it is to be.
    pub function: FunctionKey,
    pub kind: Kind,
    pub late: Late,
}

impl Wanted {
    /// What an environment of the version needs; `code` and `layers` are where they are on the host.
    pub(crate) fn of(
        configuration: &Configuration,
        version: &RunnableVersion,
        plan: &RuntimePlan,
        (code, layers, compiled): (&Path, Option<&Path>, Vec<Bind>),
    ) -> Self {
        let kind = Kind::of(configuration, version, plan);
        let mut binds = vec![Bind { source: code.to_owned(), target: TASK_ROOT.into() }];
        binds.extend(layers.map(|layers| Bind { source: layers.to_owned(), target: LAYERS_ROOT.into() }));
        binds.extend(compiled);
        Self {
            function: version.key.clone(),
            kind,
            late: Late { binds, limits: limits_of(configuration.cpu, version.configuration.memory_size_mb) },
        }
    }
}

impl Kind {
    /// What environments of the version are built from, whatever their code.
    pub(crate) fn of(configuration: &Configuration, version: &RunnableVersion, plan: &RuntimePlan) -> Self {
        let settings = &version.configuration;
        // At level `process` it is the machine's own, whatever the policy.
        let network = match configuration.isolation {
            IsolationLevel::Sandbox => configuration.networks.of(&version.key.name).clone(),
            IsolationLevel::Process => NetworkPolicy::default(),
        };
        let bind = |bind: &crate::runtimes::RuntimeBind| Bind {
            source: bind.source.clone(),
            target: bind.target.clone(),
        };
        Self {
            binds: plan.binds.iter().map(bind).collect(),
            masks: plan.masks.clone(),
            ephemeral_storage: ephemeral_storage(settings.ephemeral_storage_mb),
            network,
            waiting: WaitingProgram::of(plan, settings.environment.iter().flatten()),
        }
    }

    /// What it has in common with all kinds whose runtimes can be forked from one.
    pub(crate) fn of_zygote(&self) -> Self {
        Self { ephemeral_storage: ephemeral_storage(0), network: NetworkPolicy::default(), ..self.clone() }
    }

    /// The same for a program that compiles: it talks to nobody, and nothing waits in it.
    pub(crate) fn of_compiler(&self) -> Self {
        Self { network: NetworkPolicy::default(), waiting: None, ..self.clone() }
    }

    /// What of the host it shows, and what of that it hides.
    pub(crate) fn shows(&self) -> (&[Bind], &[PathBuf]) {
        (&self.binds, &self.masks)
    }

    /// A sandbox of this kind, with room for what comes later.
    pub(crate) fn specification(&self, id: u64, uid: &Uid, limits: Limits) -> SandboxSpec {
        let name_server = self.network.has_names().then_some(name_server::PORT);
        SandboxSpec {
            id: format!("env-{id}"),
            hostname: "169-254-100-1".into(),
            user: SandboxUser { uid: uid.id(), gid: uid.id(), name: uid.name() },
            binds: self.binds.clone(),
            masks: self.masks.clone(),
            symlinks: Vec::new(),
            directories: [TASK_ROOT, LAYERS_ROOT, compiled::TASK, compiled::LAYERS]
                .map(PathBuf::from)
                .to_vec(),
            ephemeral_storage: self.ephemeral_storage,
            limits,
            address: ADDRESS,
            listen_ports: vec![RUNTIME_API_PORT, ENDPOINT_PORT],
            datagram_ports: std::iter::once(XRAY_PORT).chain(name_server).collect(),
            accepted_ports: name_server.into_iter().collect(),
            network: self.network.clone(),
        }
    }
}

/// The limits of a function with so much memory.
pub(crate) fn limits_of(cpu: CpuPolicy, memory_size_mb: i64) -> Limits {
    Limits {
        memory_bytes: positive(memory_size_mb) << 20,
        cpu: cpu_of(cpu, memory_size_mb),
        processes_max: limits::PROCESSES_MAX.into(),
        open_files_max: limits::OPEN_FILES_MAX,
    }
}

fn ephemeral_storage(size_mb: i64) -> EphemeralStorage {
    let size_mb = positive(size_mb);
    EphemeralStorage { bytes: size_mb << 20, inodes: size_mb * limits::EPHEMERAL_STORAGE_INODES_PER_MB }
}

/// 1,769 MB are one vCPU (N-04).
fn cpu_of(policy: CpuPolicy, memory_size_mb: i64) -> Cpu {
    let milli_vcpus = positive(memory_size_mb) * 1_000 / limits::MEMORY_SIZE_MB_PER_VCPU;
    let milli_vcpus = u32::try_from(milli_vcpus.max(1)).unwrap_or(u32::MAX);
    match policy {
        CpuPolicy::Shares => Cpu::Shares { milli_vcpus },
        CpuPolicy::Quota => Cpu::Quota { milli_vcpus },
    }
}

fn positive(value: i64) -> u64 {
    u64::try_from(value).unwrap_or(0)
}
