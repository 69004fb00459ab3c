//! Uploads, good and malicious. The bad ones must be refused with AWS's text and leave nothing behind.

use std::{
    fs,
    os::unix::fs::PermissionsExt,
    path::{Path, PathBuf},
};

use lambda_model::ports::CodePackages as _;
use tempfile::TempDir;

use super::*;
use crate::samples::{Entry, package, zip_of};

const CANNOT_UNZIP: &str = "Could not unzip uploaded file. Please check your file, then try to upload again.";

fn code_store() -> (TempDir, CodePackages) {
    let folder = TempDir::new().unwrap();
    let packages = CodePackages::open(&folder.path().join("code")).unwrap();
    (folder, packages)
}

fn names_in(folder: &Path) -> Vec<String> {
    let mut names: Vec<_> =
        fs::read_dir(folder).unwrap().map(|entry| name_of(&entry.unwrap().path())).collect();
    names.sort();
    names
}

/// The directory that environments get, or why not.
fn tree(packages: &CodePackages, lease: &CodeLease) -> Result<PathBuf, String> {
    packages.directory(lease.reference()).map(|directory| directory.path)
}

fn check_refused(kind: &str, zip: &[u8], expected: &str) {
    let (folder, packages) = code_store();
    match packages.intake_now(zip) {
        Err(PackageError::Refused(text)) => assert_eq!(text, expected, "{kind}"),
        Err(other) => panic!("{kind}: {other}"),
        Ok(_) => panic!("{kind} was taken in"),
    }
    assert_eq!(names_in(&folder.path().join("code")), [""; 0], "{kind} left something behind");
    assert_eq!(names_in(folder.path()), ["code"], "{kind} wrote outside");
}

/// Where the central directory's headers begin.
fn central_headers(zip: &[u8]) -> Vec<usize> {
    zip.windows(4).enumerate().filter(|(_, bytes)| bytes == b"PK\x01\x02").map(|(at, _)| at).collect()
}

fn with_mode(mut zip: Vec<u8>, entry: usize, mode: u32) -> Vec<u8> {
    let attributes = central_headers(&zip)[entry] + 38;
    zip[attributes..attributes + 4].copy_from_slice(&(mode << 16).to_le_bytes());
    zip
}

/// Sets a field of four bytes in the only entry's local and central header.
fn with_field(mut zip: Vec<u8>, local: usize, value: u32) -> Vec<u8> {
    let central = central_headers(&zip)[0] + local + 2;
    for at in [local, central] {
        zip[at..at + 4].copy_from_slice(&value.to_le_bytes());
    }
    zip
}

fn replaced(zip: Vec<u8>, from: &[u8], to: &[u8]) -> Vec<u8> {
    assert_eq!(from.len(), to.len());
    let mut zip = zip;
    let places: Vec<_> =
        zip.windows(from.len()).enumerate().filter(|(_, bytes)| *bytes == from).map(|(at, _)| at).collect();
    assert!(!places.is_empty());
    for at in places {
        zip[at..at + to.len()].copy_from_slice(to);
    }
    zip
}

#[test]
fn a_package_is_unpacked_as_it_is_meant() {
    let (_folder, packages) = code_store();
    let zip = zip_of(&[
        ("app.py", Entry::File("print(1)")),
        ("bin/", Entry::Directory),
        ("bin/run", Entry::Executable("#!/bin/sh")),
        ("deep/er/file.txt", Entry::File("x")),
        ("deep/up", Entry::Link("../app.py")),
    ]);
    let lease = packages.intake_now(&zip).unwrap_or_else(|error| panic!("{error}"));
    assert_eq!(lease.reference().code_size_bytes, zip.len() as u64);
    let tree = tree(&packages, &lease).unwrap();
    let mode = |name: &str| fs::metadata(tree.join(name)).unwrap().permissions().mode() & 0o7777;
    assert_eq!(fs::read_to_string(tree.join("deep/up")).unwrap(), "print(1)");
    assert_eq!((mode("app.py"), mode("bin/run"), mode("deep/er"), mode("")), (0o644, 0o755, 0o755, 0o755));
    assert_eq!(packages.zip_now(&lease.reference().sha256_hex).unwrap().unwrap(), zip);
}

#[test]
fn dangerous_bits_are_left_out() {
    let (_folder, packages) = code_store();
    let lease = packages.intake_now(&with_mode(package("x"), 0, 0o106_777)).unwrap_or_else(|e| panic!("{e}"));
    let file = tree(&packages, &lease).unwrap().join("app.py");
    assert_eq!(fs::metadata(file).unwrap().permissions().mode() & 0o7777, 0o755);
}

#[test]
fn names_that_leave_the_package_are_refused() {
    for name in [
        "../outside",
        "a/../../outside",
        "a/..",
        "/tmp/outside",
        "..\\outside",
        "C:/outside",
        "nul\0name",
        "..",
    ] {
        check_refused(name, &zip_of(&[("app.py", Entry::File("x")), (name, Entry::File("x"))]), CANNOT_UNZIP);
    }
    let long = "x".repeat(256);
    check_refused("a name longer than any", &zip_of(&[(&long, Entry::File("x"))]), CANNOT_UNZIP);
}

#[test]
fn links_that_leave_the_package_are_refused() {
    for (name, target) in [
        ("link", ".."),
        ("link", "../outside"),
        ("link", "/etc/passwd"),
        ("a/link", "../../outside"),
        ("a/link", "../b/../../outside"),
        ("link", "a/.."),
        ("link", ""),
    ] {
        let zip = zip_of(&[("app.py", Entry::File("x")), (name, Entry::Link(target))]);
        check_refused(&format!("{name} -> {target}"), &zip, CANNOT_UNZIP);
    }
    let through = zip_of(&[("dir", Entry::Link("elsewhere")), ("dir/file", Entry::File("x"))]);
    check_refused("a file through a link", &through, CANNOT_UNZIP);
    let link_through = zip_of(&[("dir", Entry::Link("elsewhere")), ("dir/link", Entry::Link("../.."))]);
    check_refused("a link through a link", &link_through, CANNOT_UNZIP);
}

#[test]
fn special_files_are_refused() {
    for (kind, format) in
        [("a pipe", 0o010_000), ("a device", 0o020_000), ("a disk", 0o060_000), ("a socket", 0o140_000)]
    {
        check_refused(kind, &with_mode(package("x"), 0, format | 0o644), CANNOT_UNZIP);
    }
}

#[test]
fn two_entries_of_one_name_are_refused() {
    let zip = zip_of(&[("app.py", Entry::File("one")), ("bpp.py", Entry::File("two"))]);
    check_refused("the same name twice", &replaced(zip, b"bpp.py", b"app.py"), CANNOT_UNZIP);
    let other_spelling = zip_of(&[("app.py", Entry::File("one")), ("./app.py", Entry::File("two"))]);
    check_refused("the same name in two spellings", &other_spelling, CANNOT_UNZIP);
    let both = zip_of(&[("a", Entry::File("x")), ("a/b", Entry::File("y"))]);
    check_refused("a file that is also a directory", &both, CANNOT_UNZIP);
    let both = zip_of(&[("a/b", Entry::File("y")), ("a", Entry::File("x"))]);
    check_refused("a directory that is also a file", &both, CANNOT_UNZIP);
}

#[test]
fn damaged_and_encrypted_uploads_are_refused() {
    check_refused("no zip", b"this is no zip", CANNOT_UNZIP);
    let zip = package(&"hello ".repeat(1000));
    check_refused("half a zip", &zip[..zip.len() / 2], CANNOT_UNZIP);
    check_refused("a wrong checksum", &with_field(package("x"), 14, 0x1234_5678), CANNOT_UNZIP);
    let flags = |zip: Vec<u8>| {
        let mut zip = zip;
        let central = central_headers(&zip)[0] + 8;
        zip[6] |= 1;
        zip[central] |= 1;
        zip
    };
    check_refused("an encrypted entry", &flags(package("x")), CANNOT_UNZIP);
    check_refused("nothing", b"", "Uploaded file must be a non-empty zip");
}

#[test]
fn bombs_are_refused() {
    let mebibyte = "\0".repeat(1024 * 1024);
    check_refused("more than it says", &with_field(package(&mebibyte), 22, 1000), CANNOT_UNZIP);
    check_refused("a ratio that cannot be", &with_field(package("x"), 22, 200 << 20), CANNOT_UNZIP);
    let mut state = 1u64;
    let noise: String = std::iter::repeat_with(|| {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        char::from((state >> 57) as u8)
    })
    .take(600_000)
    .collect();
    let too_large = "Unzipped size must be smaller than 262144000 bytes";
    check_refused("more than 250 MB", &with_field(package(&noise), 22, 262_144_001), too_large);
}

#[test]
fn more_directories_than_any_package_has_are_refused() {
    let names: Vec<String> = (0..1_100).map(|n| format!("{n}/{}f", "d/".repeat(98))).collect();
    let entries: Vec<_> = names.iter().map(|name| (name.as_str(), Entry::File(""))).collect();
    check_refused("deep paths", &zip_of(&entries), CANNOT_UNZIP);
}

#[test]
fn many_uploads_of_one_package_are_one_package() {
    let (folder, packages) = code_store();
    let zip = package("the same");
    std::thread::scope(|scope| {
        for _ in 0..8 {
            scope.spawn(|| packages.intake_now(&zip).map(drop).unwrap_or_else(|error| panic!("{error}")));
        }
    });
    assert_eq!(names_in(&folder.path().join("code")), [reference_to(&zip).sha256_hex]);
}

#[test]
fn what_a_crash_left_half_done_is_removed() {
    let (folder, packages) = code_store();
    let root = folder.path().join("code");
    let _lease = packages.intake_now(&package("kept")).unwrap_or_else(|error| panic!("{error}"));
    for half in [".incoming-7", ".removed-3"] {
        fs::create_dir_all(root.join(half).join("tree")).unwrap();
    }
    CodePackages::open(&root).unwrap();
    assert_eq!(names_in(&root), [reference_to(&package("kept")).sha256_hex]);
}

#[test]
fn a_tree_is_made_again_after_another_boot() {
    let folder = TempDir::new().unwrap();
    let before = CodePackages::open_in_boot(folder.path(), "boot 1").unwrap();
    let lease = before.intake_now(&package("whole")).unwrap_or_else(|error| panic!("{error}"));
    let file = tree(&before, &lease).unwrap().join("app.py");
    // What a power loss may leave of a file that was never synced.
    fs::write(&file, "wh").unwrap();
    fs::write(file.with_file_name("never-there"), "").unwrap();

    let same_boot = CodePackages::open_in_boot(folder.path(), "boot 1").unwrap();
    assert_eq!(fs::read_to_string(tree(&same_boot, &lease).unwrap().join("app.py")).unwrap(), "wh");
    let after = CodePackages::open_in_boot(folder.path(), "boot 2").unwrap();
    let tree = tree(&after, &lease).unwrap();
    assert_eq!(fs::read_to_string(tree.join("app.py")).unwrap(), "whole");
    assert_eq!(names_in(&tree), ["app.py"]);
}

#[test]
fn damage_of_a_package_is_noticed_and_mended_by_another_upload() {
    let folder = TempDir::new().unwrap();
    let packages = CodePackages::open_in_boot(folder.path(), "boot 1").unwrap();
    let zip = package("whole");
    let lease = packages.intake_now(&zip).unwrap_or_else(|error| panic!("{error}"));
    let name = lease.reference().sha256_hex.clone();
    let stored = folder.path().join(&name).join("package.zip");
    let mut damaged = zip.clone();
    damaged[40] ^= 1;
    fs::write(&stored, &damaged).unwrap();

    let later = CodePackages::open_in_boot(folder.path(), "boot 2").unwrap();
    assert!(matches!(later.zip_now(&name), Err(StoreError::DamagedPackage { .. })));
    assert!(tree(&later, &lease).is_err());
    later.intake_now(&zip).unwrap_or_else(|error| panic!("{error}"));
    assert_eq!(later.zip_now(&name).unwrap().unwrap(), zip);
    assert_eq!(fs::read_to_string(tree(&later, &lease).unwrap().join("app.py")).unwrap(), "whole");

    fs::remove_file(&stored).unwrap();
    assert_eq!(later.zip_now(&name).unwrap(), None);
    later.intake_now(&zip).unwrap_or_else(|error| panic!("{error}"));
    assert_eq!(later.zip_now(&name).unwrap().unwrap(), zip);
}

#[test]
fn what_was_compiled_is_there_in_the_same_boot_only_and_goes_with_its_package() {
    let folder = TempDir::new().unwrap();
    let in_boot = |boot| CodePackages::open_in_boot(folder.path(), boot).unwrap();
    let packages = in_boot("1");
    let lease = packages.intake_now(&package("whole")).unwrap_or_else(|error| panic!("{error}"));
    let code = lease.reference();
    assert_eq!(packages.compiled(code, "python3.11"), None);
    let keep = |packages: &CodePackages, contents: &str| {
        let files = [(PathBuf::from("a/__pycache__/b.pyc"), contents.as_bytes())];
        packages.keep_compiled(code, "python3.11", &files).unwrap();
    };
    let kept = |packages: &CodePackages| {
        let place = packages.compiled(code, "python3.11")?;
        Some(fs::read_to_string(place.join("a/__pycache__/b.pyc")).unwrap())
    };
    keep(&packages, "first");
    assert_eq!(kept(&in_boot("1")).as_deref(), Some("first"));
    assert_eq!(packages.compiled(code, "python3.12"), None);
    let later = in_boot("2");
    assert_eq!(kept(&later), None);
    keep(&later, "second");
    assert_eq!(kept(&later).as_deref(), Some("second"));
    assert_eq!(kept(&packages), None, "what nobody believes is removed");
    drop(lease);
    later.collect(|| Ok(HashSet::new())).unwrap();
    assert_eq!(names_in(folder.path()), [""; 0]);
}

#[test]
fn what_was_compiled_of_layers_lies_over_each_other_as_they_do() {
    let (_folder, packages) = code_store();
    let leases =
        ["a", "b"].map(|name| packages.intake_now(&package(name)).unwrap_or_else(|error| panic!("{error}")));
    let layers = leases.each_ref().map(|lease| lease.reference().clone());
    let keep = |layer: usize, files: &[(&str, &str)]| {
        let files: Vec<_> = files.iter().map(|(path, text)| (PathBuf::from(path), text.as_bytes())).collect();
        packages.keep_compiled(&layers[layer], "python3.11", &files).unwrap();
    };
    let compiled = |layers: &[CodeReference]| packages.compiled_layers(layers, "python3.11").unwrap();
    keep(0, &[("__pycache__/both.pyc", "a"), ("__pycache__/one.pyc", "a")]);
    assert_eq!(compiled(&[]), None);
    assert_eq!(compiled(&layers), None, "one is not compiled");
    assert_eq!(compiled(&layers[..1]), packages.compiled(&layers[0], "python3.11"));
    keep(1, &[("__pycache__/both.pyc", "")]);
    let both = compiled(&layers).unwrap().join("__pycache__");
    assert_eq!(fs::read_to_string(both.join("both.pyc")).unwrap(), "", "that of another source is not used");
    assert_eq!(fs::read_to_string(both.join("one.pyc")).unwrap(), "a");
}

#[test]
fn only_names_of_packages_are_looked_up() {
    let (folder, packages) = code_store();
    fs::write(folder.path().join("package.zip"), "secret").unwrap();
    for name in ["..", "", "../code", "x"] {
        assert_eq!(packages.zip_now(name).unwrap(), None, "{name}");
    }
}

#[test]
fn a_package_stays_while_it_is_named_or_held() {
    let (folder, packages) = code_store();
    let root = folder.path().join("code");
    let none = || Ok(HashSet::new());
    let lease = packages.intake_now(&package("x")).unwrap_or_else(|error| panic!("{error}"));
    let reference = lease.reference().clone();
    packages.collect(none).unwrap();
    assert_eq!(names_in(&root).len(), 1, "held by the upload");
    let directory = packages.directory(&reference).unwrap();
    drop(lease);
    packages.collect(none).unwrap();
    assert!(directory.path.join("app.py").exists(), "held by an environment");
    drop(directory);
    packages.collect(|| Ok(HashSet::from([reference.sha256_hex.clone()]))).unwrap();
    assert_eq!(names_in(&root).len(), 1, "named by a function");
    packages.collect(none).unwrap();
    assert_eq!(names_in(&root), [""; 0]);
}

#[test]
fn a_lease_that_ends_while_functions_are_asked_still_counts() {
    let (folder, packages) = code_store();
    let root = folder.path().join("code");
    let lease = packages.intake_now(&package("x")).unwrap_or_else(|error| panic!("{error}"));
    // The function is committed, and the lease dropped, right after the collection has read all functions.
    packages
        .collect(|| {
            drop(lease);
            Ok(HashSet::new())
        })
        .unwrap();
    assert_eq!(names_in(&root).len(), 1);
    packages.collect(|| Err(StoreError::Closed)).unwrap_err();
    assert_eq!(names_in(&root).len(), 1, "nobody knows what is named");
    packages.collect(|| Ok(HashSet::new())).unwrap();
    assert_eq!(names_in(&root), [""; 0]);
}
