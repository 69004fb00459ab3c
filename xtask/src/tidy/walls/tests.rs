//! Paths that a crate must not name.

use super::*;

fn whats(path: &str, text: &str) -> Vec<String> {
    check(&RustFile::parse(path, text)).into_iter().map(|violation| violation.what).collect()
}

fn check_model(text: &str, expected: &[&str]) {
    assert_eq!(whats("crates/lambda-model/src/a.rs", text), expected, "{text}");
}

#[test]
fn the_model_names_no_clock_and_no_file() {
    check_model("use std::time::Instant;", &["names `std::time::Instant`"]);
    check_model("fn f() { println!(\"{:?}\", std::env::var(\"A\")) }", &["names `std::env::var`"]);
    check_model(
        "use std::{collections::BTreeMap, fs::{self, File}};",
        &["names `std::fs::self`", "names `std::fs::File`"],
    );
    check_model("async fn f() {}", &["names `async`"]);
}

#[test]
fn the_model_may_speak_of_durations() {
    check_model("use std::time::Duration;", &[]);
    check_model("use std::time::{Duration, SystemTime};", &["names `std::time::SystemTime`"]);
    check_model("use std::time;", &["names `std::time`"]);
    check_model("/// Reads no std::fs::File.\nfn f(std: u8, fs: u8) {}", &[]);
}

#[test]
fn other_crates_have_other_walls() {
    assert!(whats("crates/store/src/a.rs", "use std::fs::File;").is_empty());
    assert_eq!(whats("crates/aws-api/src/a.rs", "use std::net::IpAddr;"), ["names `std::net::IpAddr`"]);
}

#[test]
fn every_folder_of_the_table_is_a_crates_own() {
    for (index, wall) in WALLS.iter().enumerate() {
        assert!(
            WALLS[index + 1..].iter().all(|other| !other.folder.starts_with(wall.folder)),
            "{}",
            wall.name
        );
    }
}
