//! Private, one server's at a time, and the same directory after each start.

use std::{fs, os::unix::fs::PermissionsExt};

use tempfile::TempDir;

use super::DataDir;
use crate::StoreError;

fn mode(path: &std::path::Path) -> u32 {
    fs::metadata(path).unwrap().permissions().mode() & 0o7777
}

#[test]
fn missing_directories_are_made_and_private() {
    let folder = TempDir::new().unwrap();
    let path = folder.path().join("a/b/data");
    let data_dir = DataDir::at(&path, false).unwrap();
    for directory in ["a", "a/b", "a/b/data"] {
        assert_eq!(mode(&folder.path().join(directory)), 0o700, "{directory}");
    }
    for file in ["lock", "id"] {
        assert_eq!(mode(&data_dir.path().join(file)), 0o600, "{file}");
    }
}

#[test]
fn a_directory_that_was_open_to_others_is_closed() {
    let folder = TempDir::new().unwrap();
    fs::set_permissions(folder.path(), fs::Permissions::from_mode(0o755)).unwrap();
    let _data_dir = DataDir::at(folder.path(), false).unwrap();
    assert_eq!(mode(folder.path()), 0o700);
}

#[test]
fn a_second_server_is_refused_and_told_by_whom() {
    let folder = TempDir::new().unwrap();
    let first = DataDir::at(folder.path(), false).unwrap();
    match DataDir::at(folder.path(), false) {
        Err(error @ StoreError::Locked { .. }) => {
            let text = error.to_string();
            assert!(text.contains(&std::process::id().to_string()), "{text}");
            assert!(text.contains(folder.path().to_str().unwrap()), "{text}");
        }
        other => panic!("{:?}", other.map(|data_dir| data_dir.path().to_owned())),
    }
    drop(first);
    DataDir::at(folder.path(), false).unwrap();
}

#[test]
fn the_id_stays_and_is_no_other_directorys() {
    let (one, other) = (TempDir::new().unwrap(), TempDir::new().unwrap());
    let id = DataDir::at(one.path(), false).unwrap().id().to_owned();
    assert!(id.len() == 8 && id.bytes().all(|byte| byte.is_ascii_hexdigit()), "{id}");
    assert_eq!(DataDir::at(one.path(), false).unwrap().id(), id);
    assert_ne!(DataDir::at(other.path(), false).unwrap().id(), id);
    // A power loss may leave this of it.
    fs::write(one.path().join("id"), [0; 8]).unwrap();
    assert_ne!(DataDir::at(one.path(), false).unwrap().id(), "\0\0\0\0\0\0\0\0");
}

#[test]
fn a_temporary_directory_goes_with_its_owner() {
    let data_dir = DataDir::ephemeral().unwrap();
    let path = data_dir.path().to_owned();
    assert_eq!(mode(&path), 0o700);
    drop(data_dir);
    assert!(!path.exists());
}

#[test]
fn what_is_no_directory_is_refused() {
    let folder = TempDir::new().unwrap();
    let file = folder.path().join("file");
    fs::write(&file, "").unwrap();
    for path in [file.clone(), file.join("data")] {
        assert!(matches!(DataDir::at(&path, false), Err(StoreError::File { .. })), "{}", path.display());
    }
}
