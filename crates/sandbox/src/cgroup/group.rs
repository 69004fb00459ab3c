//! The groups of one sandbox: the way in, what is asked of them, and their end.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Write};
use std::os::fd::OwnedFd;
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};

use rustix::fs::{Mode, OFlags};

use super::{Controller, Version, cgroup_error, settings};
use crate::error::SandboxError;
use crate::freeze::Freezer;
use crate::layers::Layers;
use crate::spec::Limits;

/// A number of bytes, and the end of its line.
const BYTES_TEXT_MAX: usize = 24;

/// What may be left of the memory of those that are dead: the kernel counts some pages ahead on every processor, and frees some of its own
/// later. Whoever comes next finds it in its figures, which are in MB.
const LEFT_BYTES_MAX: u64 = 1 << 20;

/// What a process needs to get into the groups of a sandbox.
#[derive(Debug, Default)]
pub(crate) struct Entrance {
    /// Files of v1 into which a process of one thread writes `0` to join.
    pub(crate) tasks: Vec<OwnedFd>,
    /// The directory of v2, to start processes in.
    pub(crate) group: Option<OwnedFd>,
}

impl Entrance {
    pub(super) fn lead_into(&mut self, directory: &Path, version: Version) -> io::Result<()> {
        match version {
            Version::V1 => {
                // A thread that moves itself needs none of the kernel's global lock, which `cgroup.procs` takes (cgroup_procs_write_start;
                // some 4 ms for each hierarchy): what joins has no other thread.
                self.tasks.push(OpenOptions::new().write(true).open(directory.join("tasks"))?.into());
            }
            Version::V2 => {
                let flags = OFlags::PATH | OFlags::DIRECTORY | OFlags::CLOEXEC;
                self.group = Some(rustix::fs::open(directory, flags, Mode::empty())?);
            }
        }
        Ok(())
    }

    /// In the order of a request to the spawner.
    pub(crate) fn into_descriptors(self) -> impl Iterator<Item = OwnedFd> {
        self.tasks.into_iter().chain(self.group)
    }
}

/// One of the groups of a sandbox.
#[derive(Debug)]
pub(super) struct Place {
    pub(super) directory: PathBuf,
    pub(super) version: Version,
    /// Those that it is there for.
    pub(super) controllers: Vec<Controller>,
}

impl Place {
    /// Whether no process is in it. One that cannot be read is not.
    fn is_empty(&self) -> bool {
        fs::read(self.directory.join("cgroup.procs")).is_ok_and(|processes| processes.is_empty())
    }
}

/// The groups of one sandbox, removed with it.
#[derive(Debug, Default)]
pub(crate) struct SandboxCgroup {
    pub(super) places: Vec<Place>,
    /// Those that were set last.
    limits: Option<Limits>,
    pub(super) memory: Option<MemoryFiles>,
    pub(super) freezer: Option<Freezer>,
}

impl SandboxCgroup {
    /// Freezing and thawing, where there is a freezer.
    pub(crate) fn freezer(&self) -> Option<&Freezer> {
        self.freezer.as_ref()
    }

    /// Memory accounting, where there is a memory controller.
    pub(crate) fn memory(&mut self) -> Option<&mut MemoryFiles> {
        self.memory.as_mut()
    }

    /// Another way in.
    pub(crate) fn entrance(&self) -> Result<Entrance, SandboxError> {
        let mut entrance = Entrance::default();
        for Place { directory, version, .. } in &self.places {
            entrance.lead_into(directory, *version).map_err(|source| cgroup_error(directory, source))?;
        }
        Ok(entrance)
    }

    /// Sets the limits, for what is inside already too.
    pub(crate) fn limit(&mut self, limits: &Limits, layers: Layers) -> Result<(), SandboxError> {
        let before = self.limits.replace(*limits);
        self.places.iter().try_for_each(|place| settings::apply(place, before.as_ref(), limits, layers))
    }

    /// Makes the groups as new for other processes, with these limits, and says whether that was possible: nobody may be left in them, next
    /// to no memory, and the most that was ever used is to be forgotten, which v2 does not do. Making groups and taking them away costs a
    /// sixth of all that the start and the end of an environment do.
    pub(crate) fn clear(&mut self, limits: &Limits, layers: Layers) -> bool {
        self.is_empty()
            && self.memory.as_mut().is_none_or(MemoryFiles::forget)
            && self.limit(limits, layers).is_ok()
    }

    /// Whether no process is in them. Where there is a group of v2, all that are in another were started in that; and v1 sorts what it shows.
    fn is_empty(&self) -> bool {
        let has_v2 = self.places.iter().any(|place| place.version == Version::V2);
        let mut shown = self.places.iter().filter(|place| !has_v2 || place.version == Version::V2);
        shown.all(Place::is_empty)
    }

    /// Kills every process of the groups at once, frozen ones too; nothing can be started in them after it. False where the kernel
    /// cannot (v1, and v2 before Linux 5.14): nothing has happened then.
    pub(crate) fn kill(&self) -> bool {
        self.places.iter().any(|place| kill_group(&place.directory))
    }

    /// Removes the groups, killing what is left in them.
    pub(crate) fn remove(&mut self) -> Result<(), SandboxError> {
        for Place { directory, .. } in std::mem::take(&mut self.places) {
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

/// Kills everything in a group of v2 and in the groups below it. False when there is no such thing.
pub(crate) fn kill_group(directory: &Path) -> bool {
    // Not created when it is missing: no file can be made in a hierarchy.
    OpenOptions::new()
        .write(true)
        .open(directory.join("cgroup.kill"))
        .is_ok_and(|mut file| file.write_all(b"1").is_ok())
}

/// Accounting files. They are open while somebody looks at them again and again, and no longer: thousands of sandboxes share the server's
/// descriptors.
#[derive(Debug)]
pub(crate) struct MemoryFiles {
    peak: PathBuf,
    /// What is used now, where the peak can be set back to that: a file of v1.
    now: Option<PathBuf>,
    /// The file that has the kernel take back what it can, and what is written to it.
    reclaim: (PathBuf, &'static str),
    open: Option<File>,
}

impl MemoryFiles {
    pub(super) fn of(directory: &Path, version: Version) -> MemoryFiles {
        // memory.peak came with Linux 5.19.
        let (peak, now) = match version {
            Version::V1 => ("memory.max_usage_in_bytes", Some("memory.usage_in_bytes")),
            Version::V2 => ("memory.peak", None),
        };
        // memory.reclaim came with Linux 5.19; it takes as much as there is.
        let (reclaim, all) = match version {
            Version::V1 => ("memory.force_empty", "0"),
            Version::V2 => ("memory.reclaim", "64G"),
        };
        MemoryFiles {
            peak: directory.join(peak),
            now: now.map(|name| directory.join(name)),
            reclaim: (directory.join(reclaim), all),
            open: None,
        }
    }

    /// Sets the peak back to what is used now, and says whether that is next to nothing.
    fn forget(&mut self) -> bool {
        self.close();
        let left = || -> io::Result<u64> {
            let now = self.now.as_ref().ok_or(io::ErrorKind::Unsupported)?;
            fs::read_to_string(now)?.trim().parse().map_err(io::Error::other)
        };
        left().is_ok_and(|left| left <= LEFT_BYTES_MAX) && fs::write(&self.peak, "0").is_ok()
    }

    /// The most memory used since the group was made, in bytes; page cache included.
    pub(crate) fn peak_bytes(&mut self) -> io::Result<u64> {
        let file = match self.open.take() {
            Some(file) => file,
            None => File::open(&self.peak)?,
        };
        let mut text = [0; BYTES_TEXT_MAX];
        let length = file.read_at(&mut text, 0)?;
        self.open = Some(file);
        let text = std::str::from_utf8(&text[..length]).map_err(io::Error::other)?;
        text.trim().parse().map_err(io::Error::other)
    }

    /// Has the kernel take back what it can.
    pub(crate) fn reclaim(&self) {
        let (path, all) = &self.reclaim;
        // Not made where it is missing: no file can be made in a hierarchy. Less than all is taken back, which is an error.
        let _ = OpenOptions::new().write(true).open(path).and_then(|mut file| file.write_all(all.as_bytes()));
    }

    /// Nobody will look for a while.
    pub(crate) fn close(&mut self) {
        self.open = None;
    }
}
