//! Values for both versions, and their way into a directory.

use super::*;

const LIMITS: Limits = Limits {
    memory_bytes: 128 << 20,
    cpu: Cpu::Shares { milli_vcpus: 1000 },
    processes_max: 1024,
    open_files_max: 1024,
};

#[test]
fn one_vcpu_is_1024_shares_and_a_whole_period() {
    assert_eq!(shares(1000), 1024);
    assert_eq!(weight(1000), 100);
    assert_eq!(quota_us(1000), CPU_PERIOD_US);
    // 512 MB and 1,024 MB of 1,769: half and whole of the same.
    assert_eq!(quota_us(289) * 2, quota_us(578));
    assert_eq!((shares(0), weight(0), quota_us(1)), (2, 1, 1000));
}

#[test]
fn the_files_of_v2_are_written() {
    let directory = tempfile::tempdir().unwrap();
    let place = place(directory.path());
    apply(&place, None, &LIMITS, Layers::ALL).unwrap();
    let read = |file| fs::read_to_string(directory.path().join(file)).unwrap();
    assert_eq!(read("memory.max"), "134217728");
    assert_eq!(read("memory.swap.max"), "0");
    assert_eq!(read("cpu.weight"), "100");
    assert_eq!(read("pids.max"), "1024");
}

fn place(directory: &Path) -> Place {
    Place { directory: directory.to_owned(), version: Version::V2, controllers: Controller::ALL.to_vec() }
}

#[test]
fn what_is_as_it_was_is_not_written_again() {
    let directory = tempfile::tempdir().unwrap();
    let more = Limits { memory_bytes: 256 << 20, ..LIMITS };
    apply(&place(directory.path()), Some(&LIMITS), &more, Layers::ALL).unwrap();
    assert_eq!(fs::read_to_string(directory.path().join("memory.max")).unwrap(), "268435456");
    assert!(!directory.path().join("pids.max").exists());
}

#[test]
fn a_quota_is_a_cap_in_both_versions() {
    let files = |version| cpu(version, Cpu::Quota { milli_vcpus: 500 });
    assert_eq!(files(Version::V1), [must("cpu.cfs_period_us", 20_000), must("cpu.cfs_quota_us", 10_000)]);
    assert_eq!(files(Version::V2), [must("cpu.max", "10000 20000")]);
}

#[test]
fn a_layer_taken_away_sets_nothing() {
    let layers = Layers::ALL.without(Layer::MemoryLimit);
    assert!(settings(Controller::Memory, Version::V1, &LIMITS, layers).is_empty());
    assert!(!settings(Controller::Pids, Version::V1, &LIMITS, layers).is_empty());
}
