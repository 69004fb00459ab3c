//! The system disk: Debian with its own kernel, made once for each list of packages.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use sha2::{Digest, Sha256};

use crate::failure::Failure;
use crate::shell;

/// The release whose Python is the one of CI: the packages of the end-to-end suite are taken along.
const RELEASE: &str = "bookworm";

/// Beside the essential ones.
const PACKAGES: &str = "linux-image-cloud-amd64,systemd-sysv,udev,dbus,dbus-user-session,libpam-systemd,python3,\
                        iproute2,nftables,passt,uidmap,e2fsprogs,procps,openssl,curl,binutils";

/// Room for what the tests write; the file has holes where nothing is.
const DISK_SIZE: &str = "4G";

/// What a virtual machine boots from.
pub(super) struct System {
    pub(super) disk: PathBuf,
    pub(super) kernel: PathBuf,
    pub(super) initial_ram_disk: PathBuf,
}

impl System {
    /// The system, from an earlier run if that was made of the same.
    ///
    /// # Errors
    /// When a package cannot be had or the disk not be made.
    pub(super) fn prepared() -> Result<System, Failure> {
        let customize = shell::repository_root().join("tests/vm/customize.sh");
        let text = fs::read_to_string(&customize).map_err(|e| Failure::during(customize.display(), e))?;
        let digest = Sha256::digest(format!("{RELEASE} {PACKAGES} {DISK_SIZE} {text}"));
        let name: String = digest.iter().take(6).map(|byte| format!("{byte:02x}")).collect();
        let directory = super::directory()?.join(name);
        let system = System {
            disk: directory.join("system.img"),
            kernel: directory.join("vmlinuz"),
            initial_ram_disk: directory.join("initrd.img"),
        };
        if !system.disk.exists() {
            system.make(&directory, &customize)?;
        }
        Ok(system)
    }

    fn make(&self, directory: &Path, customize: &Path) -> Result<(), Failure> {
        let root = directory.join("root");
        if directory.exists() {
            fs::remove_dir_all(directory).map_err(|e| Failure::during(directory.display(), e))?;
        }
        fs::create_dir_all(directory).map_err(|e| Failure::during(directory.display(), e))?;
        let mut mmdebstrap = Command::new("mmdebstrap");
        mmdebstrap.args(["--quiet", "--mode=root", "--variant=minbase", "--format=directory"]);
        mmdebstrap
            .arg(format!("--include={PACKAGES}"))
            .arg(format!("--customize-hook={} \"$1\"", customize.display()));
        shell::succeed("vm-debian", mmdebstrap.arg(RELEASE).arg(&root))?;
        for (link, file) in [("vmlinuz", &self.kernel), ("initrd.img", &self.initial_ram_disk)] {
            fs::copy(root.join(link), file).map_err(|e| Failure::during(file.display(), e))?;
        }
        let unfinished = directory.join("unfinished.img");
        let mut mkfs = Command::new("mkfs.ext4");
        mkfs.args(["-q", "-d"]).arg(&root).arg(&unfinished).arg(DISK_SIZE);
        shell::succeed("vm-disk", &mut mkfs)?;
        fs::remove_dir_all(&root).map_err(|e| Failure::during(root.display(), e))?;
        fs::rename(&unfinished, &self.disk).map_err(|e| Failure::during(self.disk.display(), e))
    }
}
