//! Control groups of the sandboxes: v1, v2 and hybrids of both behind one type.
//!
//! ```text
//! <the server's own cgroup>/lambent-<data directory id>.<launcher>/<sandbox id>
//! ```
//! in every hierarchy that has one of our controllers. Init stays outside; the processes that it starts join by
//! writing to the `cgroup.procs` files that the server opened, so that no path and no right has to exist inside.

mod delegation;
mod hierarchy;
mod settings;

use std::collections::BTreeMap;
use std::fs::{self, File, OpenOptions};
use std::io;
use std::path::{Path, PathBuf};

use rustix::fs::Access;

use crate::error::SandboxError;
use crate::freeze::Freezer;
use crate::layers::Layers;
use crate::spec::Limits;

pub(crate) use delegation::Undelegated;
pub(crate) use hierarchy::{Controller, Hierarchies, Version};

/// The groups of one launcher.
#[derive(Debug)]
pub(crate) struct CgroupTree {
    /// Why controllers are missing.
    undelegated: Option<Undelegated>,
    /// Directory of this launcher in each hierarchy, with the controllers that it is there for.
    parents: BTreeMap<PathBuf, (Version, Vec<Controller>)>,
}

/// The beginning of the names of all groups that a data directory's servers make. Ids hold no dot.
pub(crate) fn name_prefix(data_dir_id: &str) -> String {
    format!("lambent-{data_dir_id}.")
}

impl CgroupTree {
    /// No groups at all: level `process`.
    pub(crate) fn none() -> CgroupTree {
        CgroupTree { undelegated: None, parents: BTreeMap::new() }
    }

    /// Finds the hierarchies, makes room in them and enables controllers. What the host does not delegate is
    /// left out; see [`CgroupTree::has`].
    pub(crate) fn prepare(name: &str) -> Result<CgroupTree, SandboxError> {
        let mut hierarchies = Hierarchies::of_this_process();
        delegation::make_room(&mut hierarchies);
        let mut parents: BTreeMap<PathBuf, (Version, Vec<Controller>)> = BTreeMap::new();
        for (controller, hierarchy) in hierarchies.usable() {
            if rustix::fs::access(&hierarchy.directory, Access::WRITE_OK).is_err() {
                continue;
            }
            let parent = hierarchy.directory.join(name);
            parents.entry(parent).or_insert((hierarchy.version, Vec::new())).1.push(controller);
        }
        for (parent, (version, controllers)) in &parents {
            make_directory(parent)?;
            settings::weigh_parent(parent, *version, controllers);
            if *version == Version::V2 {
                delegation::enable(parent, controllers).map_err(|source| cgroup_error(parent, source))?;
            }
        }
        Ok(CgroupTree { undelegated: hierarchies.undelegated, parents })
    }

    /// Whether `controller` works here.
    pub(crate) fn has(&self, controller: Controller) -> bool {
        self.parents.values().any(|(_, controllers)| controllers.contains(&controller))
    }

    /// Why controllers are missing.
    pub(crate) fn undelegated(&self) -> Option<&Undelegated> {
        self.undelegated.as_ref()
    }

    /// Directories that belong to this launcher alone.
    pub(crate) fn parents(&self) -> Vec<PathBuf> {
        self.parents.keys().cloned().collect()
    }

    /// Makes the groups of one sandbox and sets its limits. Returns them with the files into which a process writes `0` to
    /// join: they are needed once.
    pub(crate) fn create(
        &self,
        id: &str,
        limits: &Limits,
        layers: Layers,
    ) -> Result<(SandboxCgroup, Vec<File>), SandboxError> {
        let mut cgroup = SandboxCgroup::default();
        let mut joined = Vec::new();
        for (parent, (version, controllers)) in &self.parents {
            let directory = parent.join(id);
            make_directory(&directory)?;
            cgroup.directories.push(directory.clone());
            settings::apply(&directory, *version, controllers, limits, layers)?;
            let procs = directory.join("cgroup.procs");
            let file = OpenOptions::new().write(true).open(&procs);
            joined.push(file.map_err(|source| cgroup_error(&procs, source))?);
            if controllers.contains(&Controller::Memory) {
                cgroup.memory = Some(MemoryFiles::of(&directory, *version));
            }
            if controllers.contains(&Controller::Freezer) {
                cgroup.freezer = Some(Freezer::of(&directory, *version));
            }
        }
        Ok((cgroup, joined))
    }
}

impl Drop for CgroupTree {
    fn drop(&mut self) {
        for parent in self.parents.keys() {
            // Not empty when sandboxes are left; the spawner or the next start sweeps them.
            let _ = fs::remove_dir(parent);
        }
    }
}

/// The groups of one sandbox, removed with it.
#[derive(Debug, Default)]
pub(crate) struct SandboxCgroup {
    directories: Vec<PathBuf>,
    memory: Option<MemoryFiles>,
    freezer: Option<Freezer>,
}

impl SandboxCgroup {
    /// Freezing and thawing, where there is a freezer.
    pub(crate) fn freezer(&self) -> Option<&Freezer> {
        self.freezer.as_ref()
    }

    /// Memory accounting, where there is a memory controller.
    pub(crate) fn memory(&self) -> Option<&MemoryFiles> {
        self.memory.as_ref()
    }

    /// Removes the groups, killing what is left in them.
    pub(crate) fn remove(&mut self) -> Result<(), SandboxError> {
        for directory in std::mem::take(&mut self.directories) {
            crate::sweep::cgroup_tree(&directory).map_err(|source| cgroup_error(&directory, source))?;
        }
        Ok(())
    }
}

impl Drop for SandboxCgroup {
    fn drop(&mut self) {
        // A failure leaves an empty group, which the next start sweeps.
        let _ = self.remove();
    }
}

/// Accounting files. They are opened for each look: thousands of sandboxes share the server's descriptors.
#[derive(Debug)]
pub(crate) struct MemoryFiles {
    peak: PathBuf,
}

impl MemoryFiles {
    fn of(directory: &Path, version: Version) -> MemoryFiles {
        // memory.peak came with Linux 5.19.
        let peak = match version {
            Version::V1 => "memory.max_usage_in_bytes",
            Version::V2 => "memory.peak",
        };
        MemoryFiles { peak: directory.join(peak) }
    }

    /// The most memory used since the group was made, in bytes; page cache included.
    pub(crate) fn peak_bytes(&self) -> io::Result<u64> {
        fs::read_to_string(&self.peak)?.trim().parse().map_err(io::Error::other)
    }
}

fn make_directory(path: &Path) -> Result<(), SandboxError> {
    match fs::create_dir(path) {
        Err(error) if error.kind() != io::ErrorKind::AlreadyExists => Err(cgroup_error(path, error)),
        _ => Ok(()),
    }
}

pub(crate) fn cgroup_error(path: &Path, source: io::Error) -> SandboxError {
    SandboxError::Cgroup { path: path.to_path_buf(), source }
}
