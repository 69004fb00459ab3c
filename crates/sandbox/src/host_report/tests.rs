//! The sentences: every missing piece names its cost and its fix, a whole host has none.

use super::*;

fn whole() -> HostReport {
    HostReport {
        kernel: "6.18".into(),
        is_root: true,
        namespaces_fail: None,
        has_own_uids: true,
        controllers: Controllers { memory: Some(2), cpu: Some(2), pids: Some(2), freezer: Some(2) },
        undelegated: None,
        offered: None,
        has_seccomp: true,
        has_overlayfs: true,
        has_mkfs: true,
        has_loop_devices: true,
        apparmor_restricts: false,
        network_fails: None,
    }
}

#[test]
fn a_whole_host_lacks_nothing() {
    let report = whole();
    assert_eq!(report.missing_for_sandbox(), None);
    assert_eq!(report.unenforced(), Vec::<String>::new());
    assert!(report.can_enforce_memory());
}

#[test]
fn an_ordinary_user_hears_what_root_would_add() {
    let ordinary = HostReport {
        is_root: false,
        has_own_uids: false,
        controllers: Controllers::default(),
        undelegated: Some("/sys/fs/cgroup/user.slice".into()),
        ..whole()
    };
    let lines = ordinary.unenforced();
    assert_eq!(lines.len(), 6, "{lines:?}");
    assert!(lines.iter().all(|line| line.contains("run as root")), "{lines:?}");
    assert!(lines.first().is_some_and(|line| line.contains("Delegate=yes")));
    assert!(!ordinary.can_enforce_memory());
}

#[test]
fn what_systemd_will_give_at_the_start_is_not_missing() {
    let in_a_shell = HostReport {
        controllers: Controllers { memory: Some(2), cpu: None, pids: Some(2), freezer: Some(2) },
        ..whole()
    };
    assert!(in_a_shell.describe().iter().any(|line| line.contains("no cpu controller")));
    let offered = HostReport { offered: Some(whole().controllers), ..in_a_shell };
    assert!(offered.describe().iter().all(|line| !line.starts_with("missing")), "{:?}", offered.describe());
    assert!(offered.describe().iter().any(|line| line.contains("systemd")));
    assert_eq!(offered.unenforced().len(), 1, "the server has asked already when it says what is missing");
    let without_cpu = Controllers { cpu: None, ..whole().controllers };
    let less = HostReport { offered: Some(without_cpu), ..offered };
    assert!(
        less.describe().iter().any(|line| line.contains("no cpu controller")),
        "nor is more promised than it has"
    );
}

#[test]
fn namespaces_that_fail_name_the_fix_for_who_asks() {
    let failing = |is_root, apparmor_restricts| HostReport {
        namespaces_fail: Some("Operation not permitted".into()),
        is_root,
        apparmor_restricts,
        ..whole()
    };
    let fix = |report: HostReport| report.missing_for_sandbox().unwrap();
    assert!(fix(failing(true, false)).contains("--privileged"));
    assert!(fix(failing(false, true)).contains("apparmor_restrict_unprivileged_userns=0"));
    assert!(fix(failing(false, false)).contains("user.max_user_namespaces"));
}
