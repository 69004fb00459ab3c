//! What the facts mean, in sentences for the operator. Pure.

use super::HostReport;

const DELEGATE: &str = "start with `systemd-run --user --scope -p Delegate=yes lambent serve`";

pub(super) fn missing_for_sandbox(report: &HostReport) -> Option<String> {
    if !report.has_seccomp {
        return Some("the kernel has no seccomp filters (CONFIG_SECCOMP_FILTER)".into());
    }
    report
        .namespaces_fail
        .as_ref()
        .map(|why| format!("namespaces cannot be made ({why}): {}", namespaces_fix(report)))
}

fn namespaces_fix(report: &HostReport) -> &'static str {
    if report.is_root {
        return "in a container, start it with --privileged, or with --cap-add SYS_ADMIN --security-opt seccomp=unconfined \
                --security-opt apparmor=unconfined --security-opt systempaths=unconfined";
    }
    if report.apparmor_restricts {
        return "AppArmor keeps ordinary users from it: run as root, or `sysctl kernel.apparmor_restrict_unprivileged_userns=0`, \
                or give the binary an AppArmor profile with `userns,`";
    }
    "run as root, or allow user namespaces with `sysctl user.max_user_namespaces=15000` and, where it exists, \
     `sysctl kernel.unprivileged_userns_clone=1`"
}

pub(super) fn unenforced(report: &HostReport) -> Vec<String> {
    let controllers = report.controllers;
    let fix = delegation_fix(report);
    let mut lines = Vec::new();
    let mut missing = |present: bool, cost: &str, fix: &str| {
        if !present {
            lines.push(format!("{cost}: {fix}"));
        }
    };
    missing(controllers.memory.is_some(), "memory is not bounded (no memory controller)", &fix);
    missing(
        controllers.cpu.is_some(),
        "processor time is not shared by memory size (no cpu controller)",
        &fix,
    );
    missing(
        controllers.pids.is_some(),
        "processes are bounded only for each user, not for each environment (no pids controller)",
        &fix,
    );
    missing(controllers.freezer.is_some(), "idle environments are not frozen (no freezer)", &fix);
    missing(
        report.has_own_uids,
        "all environments share this user's id outside their namespaces",
        "run as root, or install newuidmap (Debian and Ubuntu: uidmap) and give this user a range in /etc/subuid and /etc/subgid",
    );
    missing(
        report.has_images(),
        "/tmp of an environment is memory and counts against its MemorySize",
        images_fix(report),
    );
    lines
}

fn delegation_fix(report: &HostReport) -> String {
    match (&report.undelegated, report.is_root) {
        (_, true) => "mount cgroups (in a container: --cgroupns=private and a writable /sys/fs/cgroup), or write Delegate=yes into \
                      the systemd unit of the server"
            .into(),
        (Some(group), false) => {
            format!("run as root, or {DELEGATE} (now in {}, which is not delegated)", group.display())
        }
        (None, false) => format!("run as root, or {DELEGATE}"),
    }
}

fn images_fix(report: &HostReport) -> &'static str {
    match (report.is_root, report.has_mkfs) {
        (false, _) => "run as root",
        (true, false) => "install mkfs.ext4 (package e2fsprogs)",
        (true, true) => "load the loop module (`modprobe loop`; in a container pass /dev/loop-control)",
    }
}

pub(super) fn describe(report: &HostReport) -> Vec<String> {
    let version = |version: Option<u8>| version.map_or("no".to_owned(), |number| format!("v{number}"));
    let served = as_served(report);
    let controllers = served.controllers;
    let mut lines = vec![
        format!("kernel:      {}", report.kernel),
        format!("user:        {}", if report.is_root { "root" } else { "not root" }),
        format!("namespaces:  {}", report.namespaces_fail.as_deref().unwrap_or("yes")),
        format!(
            "cgroups:     memory {}, cpu {}, pids {}, freezer {}{}",
            version(controllers.memory),
            version(controllers.cpu),
            version(controllers.pids),
            version(controllers.freezer),
            if report.offered.is_some() { " (in a scope that `lambent serve` asks systemd for)" } else { "" },
        ),
        format!("seccomp:     {}", yes_or_no(report.has_seccomp)),
        format!("overlayfs:   {} (for container images, later)", yes_or_no(report.has_overlayfs)),
        format!("user ids:    {}", if report.has_own_uids { "one for each environment" } else { "shared" }),
        format!("network:     {}", report.network_fails.as_deref().unwrap_or("none, internet, open")),
        format!("/tmp:        {}", if report.has_images() { "ext4 images on disk" } else { "tmpfs" }),
    ];
    let costs = missing_for_sandbox(report).into_iter().chain(unenforced(&served));
    lines.extend(costs.map(|cost| format!("missing:     {cost}")));
    lines
}

/// The host as a server will have it that has asked systemd for a group.
fn as_served(report: &HostReport) -> HostReport {
    HostReport { controllers: report.offered.unwrap_or(report.controllers), ..report.clone() }
}

fn yes_or_no(yes: bool) -> &'static str {
    if yes { "yes" } else { "no" }
}
