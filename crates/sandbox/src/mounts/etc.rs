//! `/etc`: generated, with the few files of the host that carry no secret and that programs need.

use rustix::fs::symlinkat;

use super::{READ_ONLY, Root};
use crate::network::NetworkPolicy;
use crate::protocol::{Create, Failure, Stage};

/// Certificates, the linker's cache, Debian's links to chosen programs.
const FROM_HOST: [&str; 6] = [
    "/etc/ssl",
    "/etc/pki",
    "/etc/ca-certificates",
    "/etc/ld.so.cache",
    "/etc/alternatives",
    "/etc/mime.types",
];

/// As on Amazon Linux.
const TIME_ZONE: &str = "../usr/share/zoneinfo/UTC";

/// Writes the generated files and binds the others.
pub(super) fn fill(root: &Root, create: &Create) -> Result<(), Failure> {
    let user = &create.spec.user;
    let (name, uid, gid) = (&user.name, user.uid, user.gid);
    let hostname = &create.spec.hostname;
    let passwd = format!("root:x:0:0:root:/root:/sbin/nologin\n{name}:x:{uid}:{gid}::/tmp:/sbin/nologin\n");
    root.file("/etc/passwd", &passwd)?;
    root.file("/etc/group", &format!("root:x:0:\n{name}:x:{gid}:\n"))?;
    let names = &create.spec.network;
    let host = create.host_address.filter(|_| names.reaches_this_host());
    let host = host.map_or(String::new(), |address| format!("{address} {}\n", NetworkPolicy::HOST_NAME));
    root.file(
        "/etc/hosts",
        // The last is where consumers of telemetry listen (T-01).
        &format!(
            "127.0.0.1 localhost\n::1 localhost\n{} {hostname}\n127.0.0.1 sandbox.localdomain sandbox\n{host}",
            create.spec.address
        ),
    )?;
    root.file("/etc/hostname", &format!("{hostname}\n"))?;
    root.file("/etc/nsswitch.conf", "passwd: files\ngroup: files\nhosts: files dns\n")?;
    // Without a name server the resolver asks 127.0.0.1, where nobody answers, and fails at once.
    let server =
        if names.has_names() { format!("nameserver {}\n", create.spec.address) } else { String::new() };
    root.file(
        "/etc/resolv.conf",
        &format!("{server}options timeout:{} attempts:1\n", if names.has_names() { 5 } else { 1 }),
    )?;
    // Who finds no name of a time zone here compares the files of all zones (ICU in Node.js, 15 ms).
    symlinkat(TIME_ZONE, &root.directory, "etc/localtime").stage(|| "linking /etc/localtime")?;
    for path in FROM_HOST {
        root.bind_if_present(path, READ_ONLY)?;
    }
    Ok(())
}
