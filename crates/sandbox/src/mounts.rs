//! The file system of a sandbox: a small read-only tmpfs filled with read-only binds, `/proc`, `/dev`, `/tmp`.
//!
//! Built by init in its own mount namespace, before it enters it with pivot_root(2). Sources are opened while
//! the host's root is still in place and with the server's rights, so that they may lie in directories that the
//! sandbox's user cannot enter. Targets are resolved inside the new root (`RESOLVE_IN_ROOT`), so that a symbolic
//! link in a bind cannot lead out of it.

mod dev;
mod etc;
mod proc;

use std::os::fd::{AsFd, OwnedFd};
use std::path::{Path, PathBuf};

use rustix::fs::{AtFlags, CWD, Mode, OFlags, ResolveFlags, chmodat, mkdirat, openat2, symlinkat};
use rustix::io::Errno;
use rustix::mount::{
    FsMountFlags, FsOpenFlags, MountAttrFlags, MountPropagationFlags, MoveMountFlags, OpenTreeFlags,
    UnmountFlags, fsconfig_create, fsconfig_set_string, fsmount, fsopen, mount_change, move_mount, open_tree,
    unmount,
};

use crate::layers::{Layer, Layers};
use crate::limits::{ROOT_BYTES_MAX, ROOT_INODES_MAX};
use crate::protocol::{Create, Failure, Stage, Storage};
use crate::syscalls;

/// What a sandbox's processes may do with the files of a mount.
const READ_ONLY: u64 = libc::MOUNT_ATTR_RDONLY | NO_DEVICES;
const NO_DEVICES: u64 = libc::MOUNT_ATTR_NOSUID | libc::MOUNT_ATTR_NODEV;

/// The new root while it is being filled.
struct Root {
    directory: OwnedFd,
    /// Whether set-user-id bits are taken from what is mounted.
    no_suid: bool,
}

/// Builds the root and makes it the root of the calling process.
pub(crate) fn enter(create: &Create, storage: Option<OwnedFd>) -> Result<(), Failure> {
    mount_change("/", MountPropagationFlags::PRIVATE | MountPropagationFlags::REC)
        .stage(|| "making the mount tree private")?;
    let root = Root::attach(create)?;
    root.fill(create)?;
    dev::fill(&root)?;
    etc::fill(&root, create)?;
    for bind in &create.spec.binds {
        root.bind(&bind.source, &bind.target, READ_ONLY)?;
    }
    proc::mount(&root, create)?;
    root.mount_tmp(create, storage)?;
    for path in &create.spec.masks {
        root.mask(path)?;
    }
    root.pivot()
}

impl Root {
    /// Mounts the empty tmpfs. It must be attached before anything can be mounted below it.
    fn attach(create: &Create) -> Result<Root, Failure> {
        let mount = tmpfs(
            &create.mount_name,
            &[
                ("mode", "0755"),
                ("size", &ROOT_BYTES_MAX.to_string()),
                ("nr_inodes", &ROOT_INODES_MAX.to_string()),
            ],
        )
        .stage(|| "mounting the root")?;
        move_mount(&mount, "", CWD, &create.scratch, MoveMountFlags::MOVE_MOUNT_F_EMPTY_PATH)
            .stage(|| format!("mounting the root on {}", create.scratch.display()))?;
        Ok(Root { directory: mount, no_suid: create.layers.contains(Layer::NoNewPrivileges) })
    }

    /// Directories and links of the specification.
    fn fill(&self, create: &Create) -> Result<(), Failure> {
        for path in ["/proc", "/tmp", "/dev", "/etc", EMPTY_DIRECTORY] {
            self.directory(Path::new(path))?;
        }
        for path in &create.spec.directories {
            self.directory(path)?;
        }
        for symlink in &create.spec.symlinks {
            if let Some(parent) = symlink.link.parent() {
                self.directory(parent)?;
            }
            symlinkat(&symlink.target, &self.directory, relative(&symlink.link))
                .stage(|| format!("linking {}", symlink.link.display()))?;
        }
        Ok(())
    }

    /// Makes a directory and its parents.
    fn directory(&self, path: &Path) -> Result<(), Failure> {
        let mut so_far = PathBuf::new();
        for part in relative(path) {
            so_far.push(part);
            match mkdirat(&self.directory, &so_far, Mode::from_raw_mode(0o755)) {
                Ok(()) | Err(Errno::EXIST) => {}
                // Inside a read-only bind: it must be there already, which the mount on it will find out.
                Err(Errno::ROFS) => return Ok(()),
                Err(error) => return Err(error).stage(|| format!("making the directory {}", path.display())),
            }
        }
        Ok(())
    }

    /// Writes a file of a few bytes.
    fn file(&self, path: &str, content: &str) -> Result<(), Failure> {
        let flags = OFlags::WRONLY | OFlags::CREATE | OFlags::TRUNC | OFlags::CLOEXEC;
        let file =
            rustix::fs::openat(&self.directory, relative(path.as_ref()), flags, Mode::from_raw_mode(0o644))
                .stage(|| format!("making {path}"))?;
        rustix::io::write(&file, content.as_bytes()).stage(|| format!("writing {path}"))?;
        Ok(())
    }

    /// Resolves a path of the sandbox, which must exist.
    fn open(&self, path: &Path) -> rustix::io::Result<OwnedFd> {
        openat2(
            &self.directory,
            relative(path),
            OFlags::PATH | OFlags::CLOEXEC,
            Mode::empty(),
            ResolveFlags::IN_ROOT,
        )
    }

    /// Binds a file or directory of the host and everything mounted below it.
    fn bind(&self, source: &Path, target: &Path, attributes: u64) -> Result<(), Failure> {
        let tree = self.clone_tree(source, attributes).stage(|| format!("opening {}", source.display()))?;
        let is_directory = rustix::fs::fstat(&tree)
            .is_ok_and(|stat| rustix::fs::FileType::from_raw_mode(stat.st_mode).is_dir());
        if is_directory {
            self.directory(target)?;
        } else if self.open(target).is_err() {
            if let Some(parent) = target.parent() {
                self.directory(parent)?;
            }
            self.file(&target.to_string_lossy(), "")?;
        }
        self.attach_at(&tree, target).stage(|| format!("mounting {}", target.display()))
    }

    /// [`Root::bind`], unless the source does not exist.
    fn bind_if_present(&self, path: &str, attributes: u64) -> Result<(), Failure> {
        match Path::new(path).try_exists() {
            Ok(true) => self.bind(Path::new(path), Path::new(path), attributes),
            _ => Ok(()),
        }
    }

    fn clone_tree(&self, source: &Path, attributes: u64) -> std::io::Result<OwnedFd> {
        let attributes = if self.no_suid { attributes } else { attributes & !libc::MOUNT_ATTR_NOSUID };
        clone_tree(source, attributes)
    }

    fn attach_at(&self, tree: &OwnedFd, target: &Path) -> std::io::Result<()> {
        let target = self.open(target)?;
        let flags = MoveMountFlags::MOVE_MOUNT_F_EMPTY_PATH | MoveMountFlags::MOVE_MOUNT_T_EMPTY_PATH;
        move_mount(tree, "", &target, "", flags)?;
        Ok(())
    }

    /// Covers what is at `path`, if anything is: directories by an empty one, files by `/dev/null`.
    fn mask(&self, path: &Path) -> Result<(), Failure> {
        let Ok(target) = self.open(path) else { return Ok(()) };
        let is_directory = rustix::fs::fstat(&target)
            .is_ok_and(|stat| rustix::fs::FileType::from_raw_mode(stat.st_mode).is_dir());
        let cover = if is_directory { EMPTY_DIRECTORY } else { "/dev/null" };
        let flags = OpenTreeFlags::OPEN_TREE_CLONE | OpenTreeFlags::OPEN_TREE_CLOEXEC;
        let mask = || -> std::io::Result<()> {
            let tree = open_tree(&self.directory, relative(cover.as_ref()), flags)?;
            if is_directory {
                syscalls::mount_setattr(tree.as_fd(), false, READ_ONLY)?;
            }
            let flags = MoveMountFlags::MOVE_MOUNT_F_EMPTY_PATH | MoveMountFlags::MOVE_MOUNT_T_EMPTY_PATH;
            Ok(move_mount(&tree, "", &target, "", flags)?)
        };
        mask().stage(|| format!("masking {}", path.display()))
    }

    fn mount_tmp(&self, create: &Create, storage: Option<OwnedFd>) -> Result<(), Failure> {
        let bounds = create.spec.ephemeral_storage;
        let mount = match (create.storage, storage) {
            (Storage::Mount, Some(mount)) => Ok(mount),
            (Storage::Mount, None) => Err(std::io::Error::from(std::io::ErrorKind::NotFound)),
            (Storage::Tmpfs, _) => tmpfs(
                &create.mount_name,
                // One inode is the root of the tmpfs itself.
                &[
                    ("mode", "1777"),
                    ("size", &bounds.bytes.to_string()),
                    ("nr_inodes", &(bounds.inodes + 1).to_string()),
                ],
            ),
            (Storage::Unbounded, _) => {
                tmpfs(&create.mount_name, &[("mode", "1777"), ("size", "100%"), ("nr_inodes", "0")])
            }
        };
        let mount = mount.stage(|| "preparing /tmp")?;
        self.attach_at(&mount, Path::new("/tmp")).stage(|| "mounting /tmp")
    }

    /// Makes the new root the root, forgets the old one, and closes the new one against writing.
    fn pivot(self) -> Result<(), Failure> {
        let enter = || -> std::io::Result<()> {
            rustix::process::fchdir(&self.directory)?;
            // The old root comes to lie on top of the new one, from where it is taken off (pivot_root(2)).
            rustix::process::pivot_root(".", ".")?;
            unmount(".", UnmountFlags::DETACH)?;
            rustix::process::chdir("/")?;
            syscalls::mount_setattr(self.directory.as_fd(), false, READ_ONLY)
        };
        enter().stage(|| "entering the new root")
    }
}

/// A detached copy of what is at `source` and below, with the attributes.
fn clone_tree(source: &Path, attributes: u64) -> std::io::Result<OwnedFd> {
    let flags =
        OpenTreeFlags::OPEN_TREE_CLONE | OpenTreeFlags::OPEN_TREE_CLOEXEC | OpenTreeFlags::AT_RECURSIVE;
    let tree = open_tree(CWD, source, flags)?;
    syscalls::mount_setattr(tree.as_fd(), true, attributes)?;
    Ok(tree)
}

/// What is bound late, detached: taken in the server, which sees the host.
pub(crate) fn late_tree(source: &Path, layers: Layers) -> std::io::Result<OwnedFd> {
    let no_suid = if layers.contains(Layer::NoNewPrivileges) { libc::MOUNT_ATTR_NOSUID } else { 0 };
    clone_tree(source, libc::MOUNT_ATTR_RDONLY | libc::MOUNT_ATTR_NODEV | no_suid)
}

/// Mounts what comes late, in a sandbox that is built: on directories that are there. Runs in init, whose root is the sandbox's; no
/// process of the function is there yet to lead it elsewhere, and no link is followed.
pub(crate) fn bind_late(trees: &[OwnedFd], targets: &[PathBuf]) -> Result<(), Failure> {
    for (tree, target) in trees.iter().zip(targets) {
        let flags = OFlags::PATH | OFlags::CLOEXEC | OFlags::NOFOLLOW;
        let mount = || -> std::io::Result<()> {
            let at = rustix::fs::open(target, flags, Mode::empty())?;
            let flags = MoveMountFlags::MOVE_MOUNT_F_EMPTY_PATH | MoveMountFlags::MOVE_MOUNT_T_EMPTY_PATH;
            Ok(move_mount(tree, "", &at, "", flags)?)
        };
        mount().stage(|| format!("mounting {}", target.display()))?;
    }
    Ok(())
}

/// Covers masked directories; itself on the read-only root.
const EMPTY_DIRECTORY: &str = "/var/empty";

/// A detached tmpfs.
fn tmpfs(name: &str, options: &[(&str, &str)]) -> std::io::Result<OwnedFd> {
    let context = fsopen("tmpfs", FsOpenFlags::FSOPEN_CLOEXEC)?;
    fsconfig_set_string(&context, "source", name)?;
    for (key, value) in options {
        fsconfig_set_string(&context, *key, *value)?;
    }
    fsconfig_create(&context)?;
    let attributes = MountAttrFlags::MOUNT_ATTR_NOSUID | MountAttrFlags::MOUNT_ATTR_NODEV;
    Ok(fsmount(&context, FsMountFlags::FSMOUNT_CLOEXEC, attributes)?)
}

/// A path of the sandbox as seen from the descriptor of its root.
fn relative(path: &Path) -> &Path {
    match path.strip_prefix("/") {
        Ok(rest) if rest.as_os_str().is_empty() => Path::new("."),
        Ok(rest) => rest,
        Err(_) => path,
    }
}

/// Gives the root of a detached mount the mode of `/tmp`.
pub(crate) fn open_to_all(mount: &OwnedFd) -> std::io::Result<()> {
    Ok(chmodat(mount, ".", Mode::from_raw_mode(0o1777), AtFlags::empty())?)
}
