//! The system call filters: data in `seccomp/*.json`, one file per architecture, compiled at start.
//!
//! *environment* is the allow-list. The spawner installs it once, and every sandbox inherits it for nothing:
//! installing costs about two microseconds per instruction, inheriting costs none. What is not on the list
//! answers `ENOSYS`, so that libraries fall back to older calls (io_uring to epoll).
//! splice is not on it, nor sendfile without an offset: both hold a pipe's lock while they wait for a socket, and if that is the
//! pipe that the function prints to, whoever reads its log waits in the kernel for as long as the function likes.
//! *closing* takes away what only the set-up needs; each process installs it last before it gives up its user. After it clone3
//! too answers `ENOSYS`: its flags lie in memory, where no filter sees them, and libraries fall back to clone.

mod closing;

use seccompiler::{BpfProgram, TargetArch, compile_from_json};

use crate::syscalls;

#[cfg(target_arch = "x86_64")]
const FILTERS: &str = include_str!("seccomp/x86_64.json");
#[cfg(target_arch = "aarch64")]
const FILTERS: &str = include_str!("seccomp/aarch64.json");

/// Both filters, compiled.
pub(crate) struct Filters {
    environment: BpfProgram,
    closing: BpfProgram,
}

impl Filters {
    /// Compiles the filters of this machine's architecture.
    pub(crate) fn compile() -> std::io::Result<Filters> {
        let arch = TargetArch::try_from(std::env::consts::ARCH).map_err(std::io::Error::other)?;
        compile(FILTERS, arch)
    }

    /// For the spawner: everything that is not allowed now stays forbidden for all its descendants.
    pub(crate) fn install_environment(&self) -> std::io::Result<()> {
        syscalls::install_seccomp_filter(&self.environment)
    }

    /// The closing filter as the kernel takes it, for a program that installs it itself.
    pub(crate) fn closing_bytes(&self) -> Vec<u8> {
        let bytes = |instruction: &seccompiler::sock_filter| {
            let [low, high] = instruction.code.to_ne_bytes();
            let [a, b, c, d] = instruction.k.to_ne_bytes();
            [low, high, instruction.jt, instruction.jf, a, b, c, d]
        };
        self.closing.iter().flat_map(bytes).collect()
    }

    /// For a process of a sandbox: no more mounts, namespaces, roots.
    pub(crate) fn install_closing(&self) -> std::io::Result<()> {
        syscalls::install_seccomp_filter(&self.closing)
    }
}

fn compile(text: &str, arch: TargetArch) -> std::io::Result<Filters> {
    let mut programs = compile_from_json(text.as_bytes(), arch).map_err(std::io::Error::other)?;
    let mut take = |name: &str| {
        programs.remove(name).ok_or_else(|| std::io::Error::other(format!("no seccomp filter {name:?}")))
    };
    Ok(Filters { environment: take("environment")?, closing: closing::program() })
}

#[cfg(test)]
mod tests;
