//! The user namespace of a sandbox whose server is an ordinary user: which ids exist inside it.
//!
//! With subordinate ids (subuid(5)) every sandbox gets one of its own, and the kernel keeps sandboxes apart as it
//! does for root. Without them all share the server's own id, each in namespaces of its own.

use std::fs;
use std::io;
use std::path::PathBuf;
use std::process::{Command, Stdio};

use crate::protocol::Identity;
use crate::spec::SandboxUser;

/// A range of ids that this user may give to its namespaces.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Range {
    first: u32,
    count: u32,
}

/// What this user may map.
#[derive(Clone, Debug)]
pub(crate) struct Subordinate {
    uids: Range,
    gids: Range,
    newuidmap: PathBuf,
    newgidmap: PathBuf,
}

impl Subordinate {
    /// The ranges of this user, if the files and the two set-user-id programs that grant them are there.
    pub(crate) fn of_this_user() -> Option<Subordinate> {
        let uid = nix::unistd::getuid();
        let name = nix::unistd::User::from_uid(uid).ok().flatten().map(|user| user.name);
        let range = |path| {
            let text = fs::read_to_string(path).ok()?;
            range(&text, name.as_deref(), uid.as_raw())
        };
        Some(Subordinate {
            uids: range("/etc/subuid")?,
            gids: range("/etc/subgid")?,
            newuidmap: crate::host_report::program("newuidmap")?,
            newgidmap: crate::host_report::program("newgidmap")?,
        })
    }
}

/// The user's first range in subuid(5), by name or by number.
fn range(text: &str, name: Option<&str>, id: u32) -> Option<Range> {
    text.lines().find_map(|line| {
        let mut fields = line.split(':');
        let owner = fields.next()?;
        if Some(owner) != name && owner.parse() != Ok(id) {
            return None;
        }
        let (first, count) = (fields.next()?.parse().ok()?, fields.next()?.parse().ok()?);
        (count > 0).then_some(Range { first, count })
    })
}

/// Writes the maps of the namespace of `pid`: its root is this user, its `user` is whom the identity says.
pub(crate) fn map(
    pid: i32,
    identity: Identity,
    user: &SandboxUser,
    subordinate: Option<&Subordinate>,
) -> io::Result<()> {
    let (uid, gid) = (nix::unistd::getuid().as_raw(), nix::unistd::getgid().as_raw());
    match (identity, subordinate) {
        (Identity::Subordinate, Some(subordinate)) => {
            let outside = |range: Range, id: u32| range.first + id % range.count;
            run(&subordinate.newuidmap, pid, uid, user.uid, outside(subordinate.uids, user.uid))?;
            run(&subordinate.newgidmap, pid, gid, user.gid, outside(subordinate.gids, user.gid))
        }
        _ => {
            fs::write(format!("/proc/{pid}/setgroups"), "deny")?;
            fs::write(format!("/proc/{pid}/uid_map"), format!("0 {uid} 1"))?;
            fs::write(format!("/proc/{pid}/gid_map"), format!("0 {gid} 1"))
        }
    }
}

fn run(program: &PathBuf, pid: i32, own: u32, inside: u32, outside: u32) -> io::Result<()> {
    let words = [pid.to_string(), "0".into(), own.to_string(), "1".into()];
    let second = [inside.to_string(), outside.to_string(), "1".into()];
    let output = Command::new(program).args(words).args(second).stdin(Stdio::null()).output()?;
    if output.status.success() {
        return Ok(());
    }
    Err(io::Error::other(format!(
        "{}: {}",
        program.display(),
        String::from_utf8_lossy(&output.stderr).trim()
    )))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_range_is_found_by_name_and_by_number() {
        let text = "alice:100000:65536\n1001:200000:1000\nbob:300000:0\n";
        assert_eq!(range(text, Some("alice"), 1000), Some(Range { first: 100_000, count: 65_536 }));
        assert_eq!(range(text, Some("carol"), 1001), Some(Range { first: 200_000, count: 1000 }));
        assert_eq!(range(text, Some("bob"), 1002), None, "an empty range is none");
        assert_eq!(range(text, None, 5), None);
    }
}
