//! `/dev`: the five devices that need no right, and the links that programs expect.

use std::path::Path;

use rustix::fs::symlinkat;

use super::{Root, relative};
use crate::protocol::{Failure, Stage};

/// Bound from the host, since a user namespace may not make devices.
const DEVICES: [&str; 5] = ["/dev/null", "/dev/zero", "/dev/full", "/dev/random", "/dev/urandom"];

const LINKS: [(&str, &str); 4] = [
    ("/dev/fd", "/proc/self/fd"),
    ("/dev/stdin", "/proc/self/fd/0"),
    ("/dev/stdout", "/proc/self/fd/1"),
    ("/dev/stderr", "/proc/self/fd/2"),
];

/// Makes the links and binds the devices. They stay writable: writing to `/dev/null` is their purpose.
pub(super) fn fill(root: &Root) -> Result<(), Failure> {
    for (link, target) in LINKS {
        symlinkat(target, &root.directory, relative(Path::new(link))).stage(|| format!("linking {link}"))?;
    }
    for device in DEVICES {
        root.bind(Path::new(device), Path::new(device), libc::MOUNT_ATTR_NOSUID | libc::MOUNT_ATTR_NOEXEC)?;
    }
    Ok(())
}
