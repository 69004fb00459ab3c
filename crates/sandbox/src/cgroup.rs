//! Control groups of the sandboxes: v1, v2 and hybrids of both behind one type.
//!
//! ```text
//! <the server's own cgroup>/lambent-<data directory id>.<launcher>/<sandbox id>
//! ```
//! (of a sandbox that is used again the id that it had when they were made)
//! in every hierarchy that has one of our controllers, and in that of v2 wherever it is mounted: only there a process can be
//! started in its group, killed while it is frozen, and killed together with all others in one step. A hybrid host keeps its
//! controllers in v1 and has such a hierarchy beside them.
//!
//! Init stays outside. The processes that it starts are in their group of v2 from their first instruction on, and join those of v1
//! by writing to the `tasks` files that the server opened, so that no path and no right has to exist inside.

mod delegation;
mod group;
mod hierarchy;
pub(crate) mod scope;
mod settings;

use std::collections::BTreeMap;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use rustix::fs::Access;

use crate::error::SandboxError;
use crate::freeze::Freezer;
use crate::layers::Layers;
use crate::spec::Limits;

pub(crate) use delegation::{Undelegated, controllers};
use group::Place;
pub(crate) use group::{Entrance, MemoryFiles, SandboxCgroup, kill_group};
pub(crate) use hierarchy::{Controller, Hierarchies, Version};

/// The groups of one launcher.
#[derive(Debug)]
pub(crate) struct CgroupTree {
    /// Why controllers are missing.
    undelegated: Option<Undelegated>,
    /// Directory of this launcher in each hierarchy, with the controllers that it is there for.
    parents: BTreeMap<PathBuf, (Version, Vec<Controller>)>,
}

/// Makes sure that the groups of sandboxes can be made and bounded below the one of this process: where its own does not allow it,
/// because it was started from a shell, say, systemd is asked for one that does. To be called before a [`Launcher`](crate::Launcher)
/// is started. True when the process has been moved, false when there was no need or nobody to ask.
///
/// # Errors
/// What systemd said; the process is where it was, and has what it had.
pub fn take_own_group() -> io::Result<bool> {
    match scope::offered(&Hierarchies::of_this_process()) {
        Some(_) => scope::take().map(|()| true),
        None => Ok(false),
    }
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

    /// Makes the groups of one sandbox and sets its limits. Returns them with the way into them, which is needed once.
    pub(crate) fn create(
        &self,
        id: &str,
        limits: &Limits,
        layers: Layers,
    ) -> Result<(SandboxCgroup, Entrance), SandboxError> {
        let mut cgroup = SandboxCgroup::default();
        for (parent, (version, controllers)) in &self.parents {
            let directory = parent.join(id);
            make_directory(&directory)?;
            let place =
                Place { directory: directory.clone(), version: *version, controllers: controllers.clone() };
            cgroup.places.push(place);
            if controllers.contains(&Controller::Memory) {
                cgroup.memory = Some(MemoryFiles::of(&directory, *version));
            }
            if controllers.contains(&Controller::Freezer) {
                cgroup.freezer = Some(Freezer::of(&directory, *version));
            }
        }
        cgroup.limit(limits, layers)?;
        let entrance = cgroup.entrance()?;
        Ok((cgroup, entrance))
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

fn make_directory(path: &Path) -> Result<(), SandboxError> {
    match fs::create_dir(path) {
        Err(error) if error.kind() != io::ErrorKind::AlreadyExists => Err(cgroup_error(path, error)),
        _ => Ok(()),
    }
}

pub(crate) fn cgroup_error(path: &Path, source: io::Error) -> SandboxError {
    SandboxError::Cgroup { path: path.to_path_buf(), source }
}

#[cfg(test)]
pub(crate) mod tests;
