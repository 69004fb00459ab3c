//! Layers over each other: the later one wins, whatever the two are, and nothing of a package is changed by it.

use std::{collections::HashSet, fs, os::unix::fs::MetadataExt, path::Path};

use lambda_model::{function::CodeReference, ports::CodePackages as _};
use tempfile::TempDir;

use super::super::CodePackages;
use crate::samples::{Entry, zip_of};

fn code_store() -> (TempDir, CodePackages) {
    let folder = TempDir::new().unwrap();
    let packages = CodePackages::open(&folder.path().join("code")).unwrap();
    (folder, packages)
}

fn take_in(packages: &CodePackages, entries: &[(&str, Entry<'_>)]) -> crate::CodeLease {
    packages.intake_now(&zip_of(entries)).unwrap_or_else(|error| panic!("{error}"))
}

fn read(path: &Path, name: &str) -> Option<String> {
    fs::read_to_string(path.join(name)).ok()
}

fn merged_in(folder: &TempDir) -> usize {
    let names = fs::read_dir(folder.path().join("code")).unwrap();
    names.filter(|name| name.as_ref().unwrap().file_name().to_string_lossy().starts_with(".merged-")).count()
}

#[test]
fn a_later_layer_wins_whatever_the_two_are() {
    let (_folder, packages) = code_store();
    let first = take_in(
        &packages,
        &[
            ("both/file", Entry::File("first")),
            ("both/only-first", Entry::File("1")),
            ("file-then-folder", Entry::File("file")),
            ("folder-then-file/inside", Entry::File("x")),
            ("link-then-folder", Entry::Link("both")),
        ],
    );
    let second = take_in(
        &packages,
        &[
            ("both/file", Entry::File("second")),
            ("both/only-second", Entry::Executable("2")),
            ("file-then-folder/inside", Entry::File("folder")),
            ("folder-then-file", Entry::File("file")),
            ("link-then-folder/new", Entry::File("not in both")),
        ],
    );
    let layers = [first.reference().clone(), second.reference().clone()];
    let opt = packages.layers(&layers).unwrap().unwrap();
    for (name, content) in [
        ("both/file", "second"),
        ("both/only-first", "1"),
        ("both/only-second", "2"),
        ("file-then-folder/inside", "folder"),
        ("folder-then-file", "file"),
        ("link-then-folder/new", "not in both"),
    ] {
        assert_eq!(read(&opt.path, name).as_deref(), Some(content), "{name}");
    }
    assert!(!opt.path.join("both/new").exists(), "nothing is written through a link");
    assert_eq!(fs::metadata(opt.path.join("both/only-second")).unwrap().mode() & 0o777, 0o755);
    assert_eq!(fs::metadata(&opt.path).unwrap().mode() & 0o777, 0o755);
    let alone = packages.layers(&layers[..1]).unwrap().unwrap();
    assert_eq!(read(&alone.path, "both/file").as_deref(), Some("first"), "the package is as it was");
    let reversed = packages.layers(&[layers[1].clone(), layers[0].clone()]).unwrap().unwrap();
    assert_eq!(read(&reversed.path, "both/file").as_deref(), Some("first"));
    assert!(packages.layers(&[]).unwrap().is_none());
}

#[test]
fn it_is_made_once_and_goes_with_its_packages() {
    let (folder, packages) = code_store();
    let leases = ["a", "b"].map(|name| take_in(&packages, &[(name, Entry::File(name))]));
    let layers: Vec<CodeReference> = leases.iter().map(|lease| lease.reference().clone()).collect();
    let opt = packages.layers(&layers).unwrap().unwrap();
    let inode = || fs::metadata(&opt.path).unwrap().ino();
    let made = inode();
    assert_eq!(packages.layers(&layers).unwrap().unwrap().path, opt.path);
    assert_eq!(inode(), made);
    drop(leases);
    packages.collect(|| Ok(HashSet::new())).unwrap();
    assert_eq!(read(&opt.path, "a").as_deref(), Some("a"), "an environment still has it");
    drop(opt);
    packages.collect(|| Ok(HashSet::from([layers[0].sha256_hex.clone()]))).unwrap();
    assert_eq!(merged_in(&folder), 0);
    assert!(packages.layers(&layers).is_err(), "one of the packages is gone");
}

#[test]
fn nothing_of_it_is_left_when_the_store_opens_again() {
    let (folder, packages) = code_store();
    let leases = ["a", "b"].map(|name| take_in(&packages, &[(name, Entry::File(name))]));
    let layers: Vec<CodeReference> = leases.iter().map(|lease| lease.reference().clone()).collect();
    packages.layers(&layers).unwrap();
    assert_eq!(merged_in(&folder), 1);
    let again = CodePackages::open(&folder.path().join("code")).unwrap();
    assert_eq!(merged_in(&folder), 0);
    assert!(again.layers(&layers).unwrap().unwrap().path.join("b").exists());
}
