//! Fetching the SDK: what stands in its place afterwards is whole, or nothing.

use std::time::Duration;

use super::*;

fn names_in(folder: &Path) -> Vec<String> {
    let entries = std::fs::read_dir(folder).into_iter().flatten().flatten();
    entries.map(|entry| entry.file_name().to_string_lossy().into_owned()).collect()
}

#[tokio::test]
async fn a_runtime_without_an_sdk_needs_none() {
    let (_data, runtimes) = host(&[]);
    assert_eq!(runtimes.ensure_sdk("provided.al2023").await, SdkState::NotNeeded);
    assert_eq!(runtimes.ensure_sdk("go1.x").await, SdkState::NotNeeded);
}

#[tokio::test]
async fn a_fetch_that_fails_says_how_to_get_it_and_leaves_nothing() {
    let folder = tempfile::tempdir().unwrap();
    // A real program that takes the place of Python and knows no pip.
    let program = fake_python(folder.path(), "python3.9");
    std::fs::copy("/bin/sh", &program).unwrap();
    let (data, runtimes) = host(&[("python3.9", &program)]);
    let SdkState::Missing(why) = runtimes.ensure_sdk("python3.9").await else { panic!("fetched by a shell") };
    assert!(why.contains("lambent runtime prepare python3.9"), "{why}");
    assert_eq!(names_in(&data.path().join("runtimes")), Vec::<String>::new());
}

/// The installer is a process group of its own: what it started must not outlive the fetch.
#[tokio::test]
async fn an_abandoned_fetch_ends_its_processes_and_leaves_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let scratch = folder.path().join("scratch");
    std::fs::create_dir(&scratch).unwrap();
    let installer = sdk::installers::Installer { target: folder.path(), scratch: &scratch };
    let child = folder.path().join("child");
    let mut command = tokio::process::Command::new("/bin/sh");
    command.arg("-c").arg(format!("sleep 600 & echo $! > {}; wait", child.display()));
    let running = installer.run(&mut command);
    let pid = async {
        loop {
            let written = std::fs::read_to_string(&child).unwrap_or_default();
            if let Some(pid) = written.strip_suffix('\n') {
                return pid.to_owned();
            }
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    };
    let pid = tokio::select! {
        ended = running => panic!("the installer ended: {ended:?}"),
        pid = pid => pid,
    };
    let is_there = || {
        let status = std::fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
        // A zombie waits for whoever adopts orphans here.
        !status.is_empty() && !status.contains(") Z ")
    };
    let gone = async {
        while is_there() {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    };
    tokio::time::timeout(Duration::from_secs(10), gone).await.expect("the installer's child is still there");
}

#[test]
fn a_directory_with_an_sdk_is_used_and_keeps_it_when_the_bootstrap_changes() {
    let folder = tempfile::tempdir().unwrap();
    let program = fake_python(&folder.path().join("python"), "python3.9");
    let (data, runtimes) = host(&[("python3.9", &program)]);
    let directories = RuntimeDirectories::new(data.path().join("runtimes"));
    let family = Family::of("python3.9");
    let place = directories.with_sdk("python3.9", family);
    let new = directories.begin().unwrap();
    std::fs::write(new.path().join("boto3.py"), "").unwrap();
    std::fs::set_permissions(new.path().join("boto3.py"), std::fs::Permissions::from_mode(0o600)).unwrap();
    std::fs::write(new.path().join("bootstrap.py"), "of an older server").unwrap();
    new.settle().unwrap();
    new.become_named(&place).unwrap();
    let plan = runtimes.plan(&request("python3.9")).unwrap();
    assert!(plan.binds.contains(&RuntimeBind { source: place.clone(), target: "/var/runtime".into() }));
    let mode = std::fs::metadata(place.join("boto3.py")).unwrap().permissions().mode();
    assert_eq!(mode & 0o777, 0o644, "readable in the environment whatever the umask was");
    let bootstrap = std::fs::read_to_string(place.join("bootstrap.py")).unwrap();
    assert!(bootstrap.contains("Runtime API"));
}

#[test]
fn the_pins_name_hashes_and_no_host() {
    for runtime in names::INTERPRETED {
        let package = sdk::SdkPackage::of(Family::of(runtime)).unwrap();
        for pin in package.pins() {
            assert!(!pin.contains("://"), "{runtime}: names a host");
        }
        match package {
            sdk::SdkPackage::Pip { requirements } => {
                assert!(
                    requirements.lines().all(|line| line.contains("==") && line.contains("--hash=sha256:"))
                );
            }
            sdk::SdkPackage::Npm { lock, .. } => {
                let lock: serde_json::Value = serde_json::from_str(lock).unwrap();
                let packages = lock["packages"].as_object().unwrap();
                let unhashed =
                    packages.iter().filter(|(name, entry)| !name.is_empty() && entry["integrity"].is_null());
                assert_eq!(unhashed.count(), 0, "{runtime}");
            }
        }
    }
}
