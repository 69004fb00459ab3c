//! `/proc`: of the own process namespace, without what shows or steers the host.

use std::path::Path;

use rustix::mount::{
    FsMountFlags, FsOpenFlags, MountAttrFlags, fsconfig_create, fsconfig_set_string, fsmount, fsopen,
};

use super::{READ_ONLY, Root};
use crate::layers::Layer;
use crate::protocol::{Create, Failure, Stage};

/// Files and directories that tell about the host or act on it. Those that the kernel does not have are passed
/// over. `cpuinfo`, `meminfo`, `stat` and `self` stay: runtimes size their heaps and pools by them.
const MASKED: [&str; 23] = [
    "/proc/acpi",
    "/proc/asound",
    "/proc/bus",
    "/proc/cmdline",
    "/proc/config.gz",
    "/proc/driver",
    "/proc/fs",
    "/proc/interrupts",
    "/proc/irq",
    "/proc/kallsyms",
    "/proc/kcore",
    "/proc/key-users",
    "/proc/keys",
    "/proc/kmsg",
    "/proc/kpagecgroup",
    "/proc/kpagecount",
    "/proc/kpageflags",
    "/proc/latency_stats",
    "/proc/sched_debug",
    "/proc/scsi",
    "/proc/sysrq-trigger",
    "/proc/timer_list",
    "/proc/tty",
];

/// Mounts `/proc`. Processes of other users, init that is, are hidden (`hidepid=2`, proc(5)).
pub(super) fn mount(root: &Root, create: &Create) -> Result<(), Failure> {
    let masks = create.layers.contains(Layer::ProcMasks);
    let mount = || -> std::io::Result<()> {
        let context = fsopen("proc", FsOpenFlags::FSOPEN_CLOEXEC)?;
        fsconfig_set_string(&context, "source", &create.mount_name)?;
        if masks {
            fsconfig_set_string(&context, "hidepid", "2")?;
        }
        fsconfig_create(&context)?;
        let attributes = MountAttrFlags::MOUNT_ATTR_NOSUID
            | MountAttrFlags::MOUNT_ATTR_NODEV
            | MountAttrFlags::MOUNT_ATTR_NOEXEC;
        let mount = fsmount(&context, FsMountFlags::FSMOUNT_CLOEXEC, attributes)?;
        root.attach_at(&mount, Path::new("/proc"))
    };
    mount().stage(|| "mounting /proc")?;
    if !masks {
        return Ok(());
    }
    for path in MASKED {
        root.mask(Path::new(path))?;
    }
    root.read_only_again("/proc/sys")
}

impl Root {
    /// Covers a directory of the sandbox by a read-only view of itself.
    fn read_only_again(&self, path: &str) -> Result<(), Failure> {
        use std::os::fd::AsFd;

        use rustix::mount::{OpenTreeFlags, open_tree};
        let cover = || -> std::io::Result<()> {
            let flags = OpenTreeFlags::OPEN_TREE_CLONE | OpenTreeFlags::OPEN_TREE_CLOEXEC;
            let tree = open_tree(&self.directory, super::relative(path.as_ref()), flags)?;
            crate::syscalls::mount_setattr(tree.as_fd(), true, READ_ONLY)?;
            self.attach_at(&tree, Path::new(path))
        };
        cover().stage(|| format!("making {path} read-only"))
    }
}
