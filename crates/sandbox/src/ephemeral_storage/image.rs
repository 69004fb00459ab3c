//! Making one image: template, copy, loop device, mount.

use std::collections::BTreeMap;
use std::ffi::CString;
use std::fs::{self, File, OpenOptions};
use std::io;
use std::os::fd::OwnedFd;
use std::os::unix::fs::{FileExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use rustix::fs::{AtFlags, SeekFrom, seek, unlinkat};
use rustix::mount::{
    FsMountFlags, FsOpenFlags, MountAttrFlags, fsconfig_create, fsconfig_set_flag, fsconfig_set_string,
    fsmount, fsopen,
};

use super::IMAGE_PREFIX;
use crate::error::SandboxError;
use crate::limits::LOOP_DEVICE_ATTEMPTS_MAX;
use crate::mounts::open_to_all;
use crate::spec::EphemeralStorage;
use crate::syscalls;

/// Bytes of an inode in the table of an image; the smallest that ext4 has keeps images small.
const INODE_BYTES: u64 = 128;

/// A block of an image.
const BLOCK_BYTES: u64 = 4096;

/// Makes images and mounts them.
#[derive(Debug)]
pub(super) struct ImageMaker {
    run_dir: PathBuf,
    data_dir_id: String,
    mkfs: PathBuf,
    loop_control: File,
    templates: Mutex<BTreeMap<EphemeralStorage, Arc<File>>>,
    made: AtomicU64,
}

impl ImageMaker {
    /// `None` where the host has no mkfs.ext4 or no loop devices.
    pub(super) fn new(run_dir: &Path, data_dir_id: &str) -> Option<ImageMaker> {
        let mkfs = crate::host_report::program("mkfs.ext4")?;
        let loop_control = OpenOptions::new().read(true).write(true).open("/dev/loop-control").ok()?;
        Some(ImageMaker {
            run_dir: run_dir.to_owned(),
            data_dir_id: data_dir_id.to_owned(),
            mkfs,
            loop_control,
            templates: Mutex::default(),
            made: AtomicU64::new(0),
        })
    }

    /// A detached mount of a new, empty file system of this kind, writable by everybody.
    pub(super) fn make(&self, kind: EphemeralStorage) -> Result<OwnedFd, SandboxError> {
        let template = self.template(kind).map_err(at("formatting a template"))?;
        let image = self.copy(&template).map_err(at("copying the template"))?;
        let device = self.attach(&image).map_err(at("attaching a loop device"))?;
        let mount = mount(&device).map_err(at("mounting the image"))?;
        clean(&mount).map_err(at("cleaning the new file system"))?;
        Ok(mount)
    }

    fn template(&self, kind: EphemeralStorage) -> io::Result<Arc<File>> {
        let mut templates = self.templates.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(template) = templates.get(&kind) {
            return Ok(Arc::clone(template));
        }
        let (path, file) = self.new_file()?;
        file.set_len(image_bytes(kind))?;
        let formatted = self.format(&path, kind);
        fs::remove_file(&path)?;
        formatted?;
        let template = Arc::new(file);
        templates.insert(kind, Arc::clone(&template));
        Ok(template)
    }

    /// No journal (the file system never outlives a crash), nothing reserved for root, tables left unwritten.
    fn format(&self, path: &Path, kind: EphemeralStorage) -> io::Result<()> {
        let inodes = kind.inodes.to_string();
        let output = Command::new(&self.mkfs)
            .args(["-q", "-F", "-m", "0", "-b", "4096", "-I", "128", "-O", "^has_journal,^resize_inode"])
            .args(["-E", "lazy_itable_init=1,nodiscard,root_owner=0:0", "-N", &inodes])
            .arg(path)
            .env("MKE2FS_CONFIG", "/dev/null")
            .stdin(Stdio::null())
            .output()?;
        match output.status.success() {
            true => Ok(()),
            false => Err(io::Error::other(String::from_utf8_lossy(&output.stderr).trim().to_owned())),
        }
    }

    /// A new file with the written parts of `template`; it keeps no name.
    fn copy(&self, template: &File) -> io::Result<Image> {
        let (path, file) = self.new_file()?;
        let image = Image { file, path };
        let length = template.metadata()?.len();
        image.file.set_len(length)?;
        let mut buffer = vec![0; 64 * 1024];
        let mut at = 0;
        while let Some((from, to)) = next_data(template, at, length)? {
            let mut position = from;
            while position < to {
                let wanted = usize::try_from(to - position).unwrap_or(usize::MAX).min(buffer.len());
                let chunk = buffer.get_mut(..wanted).unwrap_or_default();
                template.read_exact_at(chunk, position)?;
                image.file.write_all_at(chunk, position)?;
                position += wanted as u64;
            }
            at = to;
        }
        Ok(image)
    }

    fn new_file(&self) -> io::Result<(PathBuf, File)> {
        let number = self.made.fetch_add(1, Ordering::Relaxed);
        let path = self.run_dir.join(format!("{IMAGE_PREFIX}{}-{number}", std::process::id()));
        let file = OpenOptions::new().read(true).write(true).create_new(true).mode(0o600).open(&path)?;
        Ok((path, file))
    }

    /// Puts a loop device over the image. The kernel names a free one, which another process may take first.
    fn attach(&self, image: &Image) -> io::Result<Device> {
        let shown = CString::new(format!("lambent-{}", self.data_dir_id)).map_err(io::Error::other)?;
        let mut last = io::Error::from(io::ErrorKind::ResourceBusy);
        for _ in 0..LOOP_DEVICE_ATTEMPTS_MAX {
            let number = syscalls::loop_device_free(&self.loop_control)?;
            let path = PathBuf::from(format!("/dev/loop{number}"));
            let device = OpenOptions::new().read(true).write(true).open(&path)?;
            match syscalls::loop_device_attach(&device, &image.file, &shown) {
                Ok(()) => return Ok(Device { path, _device: device }),
                Err(error) if error.raw_os_error() == Some(libc::EBUSY) => last = error,
                Err(error) => return Err(error),
            }
        }
        Err(last)
    }
}

/// An image on its way to its loop device. Its name goes in any case.
struct Image {
    file: File,
    path: PathBuf,
}

impl Drop for Image {
    fn drop(&mut self) {
        let _ = fs::remove_file(&self.path);
    }
}

/// An attached loop device; kept open until the mount holds it.
struct Device {
    path: PathBuf,
    _device: File,
}

/// The image has room for its own tables beside what is promised.
fn image_bytes(kind: EphemeralStorage) -> u64 {
    let tables = kind.inodes * INODE_BYTES;
    // Bitmaps and group descriptors: well below one per mille; and whole blocks.
    (kind.bytes + tables + kind.bytes / 512 + 64 * BLOCK_BYTES).next_multiple_of(BLOCK_BYTES)
}

/// The next part of a sparse file, from `at` on, that was written.
fn next_data(file: &File, at: u64, length: u64) -> io::Result<Option<(u64, u64)>> {
    if at >= length {
        return Ok(None);
    }
    let from = match seek(file, SeekFrom::Data(at)) {
        Ok(from) => from,
        Err(rustix::io::Errno::NXIO) => return Ok(None),
        Err(error) => return Err(error.into()),
    };
    Ok(Some((from, seek(file, SeekFrom::Hole(from))?)))
}

fn mount(device: &Device) -> io::Result<OwnedFd> {
    let context = fsopen("ext4", FsOpenFlags::FSOPEN_CLOEXEC)?;
    fsconfig_set_string(&context, "source", &device.path)?;
    // Nothing of it outlives the machine: nobody waits for a disk.
    fsconfig_set_flag(&context, "nobarrier")?;
    fsconfig_create(&context)?;
    let attributes = MountAttrFlags::MOUNT_ATTR_NOSUID | MountAttrFlags::MOUNT_ATTR_NODEV;
    Ok(fsmount(&context, FsMountFlags::FSMOUNT_CLOEXEC, attributes)?)
}

/// As an empty `/tmp` looks.
fn clean(mount: &OwnedFd) -> io::Result<()> {
    unlinkat(mount, "lost+found", AtFlags::REMOVEDIR)?;
    open_to_all(mount)
}

fn at(doing: &'static str) -> impl FnOnce(io::Error) -> SandboxError {
    move |source| SandboxError::EphemeralStorage { doing: doing.into(), source }
}
