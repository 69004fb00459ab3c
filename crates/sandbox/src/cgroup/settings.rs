//! What is written into the files of a group. Values are pure functions of the limits.

use std::fs;
use std::path::Path;

use super::{Controller, Place, Version, cgroup_error};
use crate::error::SandboxError;
use crate::layers::{Layer, Layers};
use crate::limits::CPU_PERIOD_US;
use crate::spec::{Cpu, Limits};

/// One file and what goes into it.
#[derive(Debug, PartialEq, Eq)]
struct Setting {
    file: &'static str,
    value: String,
    /// Whether the kernel may lack the file (swap accounting, mostly).
    optional: bool,
}

fn must(file: &'static str, value: impl ToString) -> Setting {
    Setting { file, value: value.to_string(), optional: false }
}

fn may(file: &'static str, value: impl ToString) -> Setting {
    Setting { optional: true, ..must(file, value) }
}

/// Writes the limits of a sandbox into its group, but what is the same with those that it has already, if it has any.
pub(super) fn apply(
    Place { directory, version, controllers }: &Place,
    before: Option<&Limits>,
    limits: &Limits,
    layers: Layers,
) -> Result<(), SandboxError> {
    for controller in controllers {
        let wanted = settings(*controller, *version, limits, layers);
        if before.is_some_and(|before| settings(*controller, *version, before, layers) == wanted) {
            continue;
        }
        for setting in wanted {
            let path = directory.join(setting.file);
            match fs::write(&path, &setting.value) {
                Err(source) if !setting.optional => return Err(cgroup_error(&path, source)),
                _ => {}
            }
        }
    }
    Ok(())
}

fn settings(controller: Controller, version: Version, limits: &Limits, layers: Layers) -> Vec<Setting> {
    match controller {
        Controller::Memory if layers.contains(Layer::MemoryLimit) => memory(version, limits.memory_bytes),
        Controller::Cpu if layers.contains(Layer::CpuLimit) => cpu(version, limits.cpu),
        Controller::Pids if layers.contains(Layer::PidsLimit) => vec![must("pids.max", limits.processes_max)],
        _ => Vec::new(),
    }
}

/// Memory without swap. In v1 the limit of memory and swap together cannot be below that of memory: it is set before a larger one of that
/// and after a smaller one, where the kernel refuses the other attempt.
fn memory(version: Version, bytes: u64) -> Vec<Setting> {
    match version {
        Version::V1 => vec![
            may("memory.memsw.limit_in_bytes", bytes),
            must("memory.limit_in_bytes", bytes),
            may("memory.memsw.limit_in_bytes", bytes),
            may("memory.swappiness", 0),
        ],
        Version::V2 => vec![must("memory.max", bytes), may("memory.swap.max", 0)],
    }
}

fn cpu(version: Version, cpu: Cpu) -> Vec<Setting> {
    match (version, cpu) {
        (Version::V1, Cpu::Shares { milli_vcpus }) => vec![must("cpu.shares", shares(milli_vcpus))],
        (Version::V2, Cpu::Shares { milli_vcpus }) => vec![must("cpu.weight", weight(milli_vcpus))],
        (Version::V1, Cpu::Quota { milli_vcpus }) => {
            vec![must("cpu.cfs_period_us", CPU_PERIOD_US), must("cpu.cfs_quota_us", quota_us(milli_vcpus))]
        }
        (Version::V2, Cpu::Quota { milli_vcpus }) => {
            vec![must("cpu.max", format!("{} {CPU_PERIOD_US}", quota_us(milli_vcpus)))]
        }
    }
}

/// 1,024 for one vCPU; the kernel takes 2 to 262,144.
fn shares(milli_vcpus: u32) -> u64 {
    (u64::from(milli_vcpus) * 1024 / 1000).clamp(2, 262_144)
}

/// 100 for one vCPU; the kernel takes 1 to 10,000.
fn weight(milli_vcpus: u32) -> u64 {
    (u64::from(milli_vcpus) / 10).clamp(1, 10_000)
}

/// Microseconds in each period; the kernel takes 1,000 and more.
fn quota_us(milli_vcpus: u32) -> u64 {
    (u64::from(milli_vcpus) * CPU_PERIOD_US / 1000).max(1000)
}

/// All sandboxes together weigh as much as the machine has processors, against everything else on it.
pub(super) fn weigh_parent(parent: &Path, version: Version, controllers: &[Controller]) {
    if !controllers.contains(&Controller::Cpu) {
        return;
    }
    let processors = std::thread::available_parallelism().map_or(1, |count| count.get());
    let milli_vcpus = u32::try_from(processors).unwrap_or(1).saturating_mul(1000);
    for setting in cpu(version, Cpu::Shares { milli_vcpus }) {
        // Only fairness towards others depends on it.
        let _ = fs::write(parent.join(setting.file), setting.value);
    }
}

#[cfg(test)]
mod tests;
