//! Which controllers exist, in which hierarchy, and where in it this process is.

use std::fs;
use std::path::{Path, PathBuf};

use super::delegation::Undelegated;

/// What a hierarchy may control. The freezer of v2 is no controller there but a file of every group.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Controller {
    Memory,
    Cpu,
    Pids,
    Freezer,
}

impl Controller {
    pub(crate) const ALL: [Controller; 4] =
        [Controller::Memory, Controller::Cpu, Controller::Pids, Controller::Freezer];

    /// The kernel's name.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Controller::Memory => "memory",
            Controller::Cpu => "cpu",
            Controller::Pids => "pids",
            Controller::Freezer => "freezer",
        }
    }
}

/// The two interfaces of the kernel.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Version {
    V1,
    V2,
}

/// One hierarchy, seen from this process.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Hierarchy {
    pub(crate) version: Version,
    /// The directory below which our groups are made: this process's own.
    pub(crate) directory: PathBuf,
}

/// All of them.
#[derive(Clone, Debug, Default)]
pub(crate) struct Hierarchies {
    v1: Vec<(Controller, PathBuf)>,
    /// The directory of this process in the v2 hierarchy.
    pub(crate) v2: Option<PathBuf>,
    /// Controllers of v2 that groups of ours can have.
    pub(crate) v2_controllers: Vec<Controller>,
    /// Why there are fewer of them than the hierarchy has.
    pub(crate) undelegated: Option<Undelegated>,
}

impl Hierarchies {
    /// Reads `/proc/self/cgroup` and `/proc/self/mountinfo`.
    pub(crate) fn of_this_process() -> Hierarchies {
        let read = |path| fs::read_to_string(path).unwrap_or_default();
        Hierarchies::parse(&read("/proc/self/cgroup"), &read("/proc/self/mountinfo"))
    }

    /// See cgroups(7) for the first text and proc_pid_mountinfo(5) for the second.
    pub(crate) fn parse(cgroup: &str, mountinfo: &str) -> Hierarchies {
        let mut found = Hierarchies::default();
        for line in cgroup.lines() {
            let mut fields = line.splitn(3, ':');
            let (Some(number), Some(controllers), Some(path)) = (fields.next(), fields.next(), fields.next())
            else {
                continue;
            };
            if number == "0" && controllers.is_empty() {
                found.v2 = directory(mountinfo, "cgroup2", None, path);
                continue;
            }
            for controller in Controller::ALL {
                if controllers.split(',').any(|name| name == controller.name())
                    && let Some(directory) = directory(mountinfo, "cgroup", Some(controller.name()), path)
                {
                    found.v1.push((controller, directory));
                }
            }
        }
        found
    }

    /// The directory of this process in the v1 hierarchy of a controller.
    pub(crate) fn v1_directory(&self, controller: Controller) -> Option<&Path> {
        self.v1.iter().find(|(named, _)| *named == controller).map(|(_, directory)| directory.as_path())
    }

    /// Every controller with the hierarchy that serves it. A controller is in one only, and where that is v1, v1 wins; freezing is in
    /// both, and in v2 a frozen process can be killed.
    pub(crate) fn usable(&self) -> Vec<(Controller, Hierarchy)> {
        let mut usable = Vec::new();
        for controller in Controller::ALL {
            let prefers_v2 = controller == Controller::Freezer && self.v2_controllers.contains(&controller);
            if let Some(directory) = self.v1_directory(controller).filter(|_| !prefers_v2) {
                usable
                    .push((controller, Hierarchy { version: Version::V1, directory: directory.to_owned() }));
            } else if let Some(directory) = &self.v2
                && self.v2_controllers.contains(&controller)
            {
                usable.push((controller, Hierarchy { version: Version::V2, directory: directory.clone() }));
            }
        }
        usable
    }

    /// Every directory in which groups of an earlier server may lie: the own one, and the one above it, should
    /// this process have been started in a server's leaf.
    pub(crate) fn searched(&self) -> Vec<PathBuf> {
        let above = self.v2.iter().map(|own| super::delegation::above_leaf(own));
        let mut all: Vec<_> =
            self.v1.iter().map(|(_, own)| own.clone()).chain(self.v2.clone()).chain(above).collect();
        all.sort();
        all.dedup();
        all
    }
}

/// Where a hierarchy is mounted, and below it the directory of `path`.
///
/// In a container the mount may show only a part of the hierarchy: `root` of the mount is then a prefix of `path`,
/// or, in a cgroup namespace, `path` is relative to the part already.
fn directory(mountinfo: &str, kind: &str, controller: Option<&str>, path: &str) -> Option<PathBuf> {
    mountinfo.lines().find_map(|line| {
        let (mount, file_system) = line.split_once(" - ")?;
        let mount: Vec<_> = mount.split(' ').collect();
        let file_system: Vec<_> = file_system.split(' ').collect();
        let named = controller.is_none_or(|name| {
            file_system.get(2).is_some_and(|options| options.split(',').any(|option| option == name))
        });
        if file_system.first() != Some(&kind) || !named {
            return None;
        }
        let (root, point) = (Path::new(*mount.get(3)?), Path::new(*mount.get(4)?));
        let below = Path::new(path).strip_prefix(root).or_else(|_| Path::new(path).strip_prefix("/")).ok()?;
        Some(if below.as_os_str().is_empty() { point.to_path_buf() } else { point.join(below) })
    })
}

#[cfg(test)]
mod tests;
