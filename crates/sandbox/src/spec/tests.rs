//! Tests of the plain rules of a specification.

use super::*;

fn spec() -> SandboxSpec {
    SandboxSpec {
        id: "a-1".into(),
        hostname: "h".into(),
        user: SandboxUser { uid: 1, gid: 1, name: "u".into() },
        binds: vec![
            Bind { source: "/data/layer".into(), target: "/opt".into() },
            Bind { source: "/data/code".into(), target: "/var/task".into() },
            Bind { source: "/data/code/inner".into(), target: "/var/task/deep".into() },
        ],
        masks: vec![],
        symlinks: vec![],
        directories: vec![],
        ephemeral_storage: EphemeralStorage { bytes: 1, inodes: 1 },
        limits: Limits {
            memory_bytes: 1,
            cpu: Cpu::Shares { milli_vcpus: 1000 },
            processes_max: 1,
            open_files_max: 1,
        },
        address: Ipv4Addr::LOCALHOST,
        listen_ports: vec![],
        datagram_ports: vec![],
        accepted_ports: vec![],
        network: NetworkPolicy::default(),
    }
}

#[test]
fn the_deepest_bind_decides_where_a_path_lies() {
    let check =
        |inside: &str, host: &str| assert_eq!(spec().path_on_host(inside.as_ref()), PathBuf::from(host));
    check("/var/task", "/data/code");
    check("/var/task/app.py", "/data/code/app.py");
    check("/var/task/deep/x", "/data/code/inner/x");
    check("/opt/bin", "/data/layer/bin");
    check("/options", "/options");
    check("/usr/bin/env", "/usr/bin/env");
}

#[test]
fn names_and_paths_that_could_leave_the_sandbox_are_faults() {
    assert_eq!(spec().fault(), None);
    for id in ["", "a/b", "..", "a b"] {
        assert!(SandboxSpec { id: id.into(), ..spec() }.fault().is_some(), "{id:?}");
    }
    for path in ["relative", "/var/../etc", "/./x/.."] {
        assert!(SandboxSpec { masks: vec![path.into()], ..spec() }.fault().is_some(), "{path:?}");
    }
}
