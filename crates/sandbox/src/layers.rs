//! The layers of isolation, one bit each, so that a proof can take one away and show what it was good for.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

/// How much of the host a sandbox hides.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum IsolationLevel {
    /// Nothing: ordinary child processes of the server's own user, listeners on 127.0.0.1. For hosts that allow
    /// no namespaces, and for tests.
    Process,
    /// Every layer.
    Sandbox,
}

/// One layer.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[repr(u32)]
pub enum Layer {
    /// Own process ids; the death of the first process ends all.
    PidNamespace = 1,
    /// Own root file system.
    MountNamespace = 1 << 1,
    /// Own loopback, nothing else.
    NetworkNamespace = 1 << 2,
    /// Own System V IPC objects and message queues.
    IpcNamespace = 1 << 3,
    /// Own host name.
    UtsNamespace = 1 << 4,
    /// The host's cgroup paths are not shown.
    CgroupNamespace = 1 << 5,
    /// An unprivileged user.
    User = 1 << 6,
    /// No capabilities, not even in the bounding set.
    Capabilities = 1 << 7,
    /// No privileges through set-user-id files.
    NoNewPrivileges = 1 << 8,
    /// The system call allow-list.
    Seccomp = 1 << 9,
    /// The memory limit.
    MemoryLimit = 1 << 10,
    /// The share or quota of processor time.
    CpuLimit = 1 << 11,
    /// The bound on processes and threads (cgroup and rlimit).
    PidsLimit = 1 << 12,
    /// Bounds on open files, locked memory, core files.
    ResourceLimits = 1 << 13,
    /// `/tmp` bounded in bytes and inodes.
    EphemeralStorage = 1 << 14,
    /// Masked files in `/proc`, other users' processes hidden.
    ProcMasks = 1 << 15,
}

impl Layer {
    /// Every layer, in the order of the bits.
    pub const ALL: [Layer; 16] = [
        Layer::PidNamespace,
        Layer::MountNamespace,
        Layer::NetworkNamespace,
        Layer::IpcNamespace,
        Layer::UtsNamespace,
        Layer::CgroupNamespace,
        Layer::User,
        Layer::Capabilities,
        Layer::NoNewPrivileges,
        Layer::Seccomp,
        Layer::MemoryLimit,
        Layer::CpuLimit,
        Layer::PidsLimit,
        Layer::ResourceLimits,
        Layer::EphemeralStorage,
        Layer::ProcMasks,
    ];

    /// The name on command lines and in reports: `pid-namespace`.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Layer::PidNamespace => "pid-namespace",
            Layer::MountNamespace => "mount-namespace",
            Layer::NetworkNamespace => "network-namespace",
            Layer::IpcNamespace => "ipc-namespace",
            Layer::UtsNamespace => "uts-namespace",
            Layer::CgroupNamespace => "cgroup-namespace",
            Layer::User => "user",
            Layer::Capabilities => "capabilities",
            Layer::NoNewPrivileges => "no-new-privileges",
            Layer::Seccomp => "seccomp",
            Layer::MemoryLimit => "memory-limit",
            Layer::CpuLimit => "cpu-limit",
            Layer::PidsLimit => "pids-limit",
            Layer::ResourceLimits => "resource-limits",
            Layer::EphemeralStorage => "ephemeral-storage",
            Layer::ProcMasks => "proc-masks",
        }
    }
}

impl FromStr for Layer {
    type Err = String;

    fn from_str(name: &str) -> Result<Self, Self::Err> {
        Layer::ALL.into_iter().find(|layer| layer.name() == name).ok_or_else(|| {
            let names: Vec<_> = Layer::ALL.iter().map(|layer| layer.name()).collect();
            format!("no layer is called {name:?}; there are {}", names.join(", "))
        })
    }
}

/// A set of layers.
#[derive(Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Layers(u32);

impl Layers {
    /// No layer: level `process`.
    pub const NONE: Layers = Layers(0);
    /// Every layer: level `sandbox`.
    pub const ALL: Layers = Layers((1 << Layer::ALL.len()) - 1);

    /// The same set less `layer`.
    #[must_use]
    pub const fn without(self, layer: Layer) -> Layers {
        Layers(self.0 & !(layer as u32))
    }

    /// Whether `layer` is in the set.
    #[must_use]
    pub const fn contains(self, layer: Layer) -> bool {
        self.0 & layer as u32 != 0
    }

    /// The layers of the full set that are missing in this one.
    pub fn missing(self) -> impl Iterator<Item = Layer> {
        Layer::ALL.into_iter().filter(move |layer| !self.contains(*layer))
    }
}

impl From<IsolationLevel> for Layers {
    fn from(level: IsolationLevel) -> Self {
        match level {
            IsolationLevel::Process => Layers::NONE,
            IsolationLevel::Sandbox => Layers::ALL,
        }
    }
}

impl fmt::Debug for Layers {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_set().entries(Layer::ALL.into_iter().filter(|layer| self.contains(*layer))).finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_layer_taken_away_is_the_only_one_missing() {
        let layers = Layers::ALL.without(Layer::Seccomp);
        assert_eq!(layers.missing().collect::<Vec<_>>(), [Layer::Seccomp]);
        assert!(layers.contains(Layer::PidsLimit));
    }

    #[test]
    fn every_layer_has_a_bit_and_a_name_of_its_own() {
        for layer in Layer::ALL {
            assert_eq!(layer.name().parse(), Ok(layer));
            assert!(Layers::ALL.contains(layer) && !Layers::NONE.contains(layer));
        }
        assert!("seccom".parse::<Layer>().is_err());
    }
}
