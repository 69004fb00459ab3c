//! Lines come back whole and in order, and a function's log has an end.

use std::{fs, os::unix::fs::PermissionsExt, path::PathBuf, sync::atomic::Ordering};

use lambda_model::ports::LogSink;
use tempfile::TempDir;

use super::{Bounds, FunctionLogs, LogPosition};
use crate::samples::key;

const STREAM: &str = "2026/11/25/[$LATEST]00112233445566778899aabbccddeeff";

fn logs(bounds: Bounds) -> (TempDir, FunctionLogs) {
    let folder = TempDir::new().unwrap();
    let logs = FunctionLogs::open_bounded(&folder.path().join("logs"), bounds).unwrap();
    (folder, logs)
}

fn files_of(folder: &TempDir, name: &str) -> Vec<PathBuf> {
    super::files::oldest_first(&folder.path().join("logs/000000000000/us-east-1").join(name))
}

fn read(logs: &FunctionLogs, name: &str, position: LogPosition) -> (String, LogPosition) {
    logs.settle();
    let chunk = logs.read(&key(name), position).unwrap();
    (String::from_utf8(chunk.bytes).unwrap(), chunk.position)
}

#[test]
fn a_follower_gets_each_line_once() {
    let (_folder, logs) = logs(Bounds::default());
    assert!(!logs.exist(&key("f")));
    logs.append(&key("f"), STREAM, b"one\ntwo\n");
    logs.append(&key("g"), STREAM, b"another function's\n");
    let (text, position) = read(&logs, "f", LogPosition::new());
    assert_eq!(text, "one\ntwo\n");
    assert!(logs.exist(&key("f")));
    let (text, position) = read(&logs, "f", position);
    assert_eq!(text, "");
    logs.append(&key("f"), "2026/11/25/[$LATEST]of-a-later-environment", b"four\n");
    logs.append(&key("f"), STREAM, b"three\n");
    let (text, _) = read(&logs, "f", position);
    assert_eq!(text, "three\nfour\n", "by stream, in the order of their beginning");
}

#[test]
fn a_reader_gets_whole_lines_in_bounded_chunks() {
    let (folder, logs) = logs(Bounds::default());
    let line = format!("{}\n", "x".repeat(200_000));
    for _ in 0..12 {
        logs.append(&key("f"), STREAM, line.as_bytes());
    }
    logs.settle();
    // A line that is still being written.
    let file = &files_of(&folder, "f")[0];
    let whole = fs::read(file).unwrap();
    fs::write(file, [&whole[..], b"unfinished"].concat()).unwrap();
    let (mut lines, mut chunks, mut position) = (0, 0, LogPosition::new());
    loop {
        let (text, next) = read(&logs, "f", position);
        if text.is_empty() {
            break;
        }
        assert!(text.len() <= 1024 * 1024 && text.ends_with('\n'));
        lines += text.lines().filter(|text| text.len() == 200_000).count();
        (chunks, position) = (chunks + 1, next);
    }
    assert_eq!((lines, chunks), (12, 3));
}

#[test]
fn a_functions_log_is_bounded_and_the_newest_is_kept() {
    let (folder, logs) = logs(Bounds { function_bytes_max: 10_000, file_bytes_max: 1_000 });
    logs.append(&key("neighbour"), STREAM, b"stays\n");
    for number in 0..2_000 {
        logs.append(&key("f"), STREAM, format!("line {number:04}\n").as_bytes());
        if number % 1_000 == 0 {
            logs.settle();
        }
    }
    logs.settle();
    let total: u64 = files_of(&folder, "f").iter().map(|path| fs::metadata(path).unwrap().len()).sum();
    assert!((5_000..=10_000).contains(&total), "{total}");
    assert!(files_of(&folder, "f").len() > 3);
    let (text, position) = read(&logs, "f", LogPosition::new());
    let numbers: Vec<u32> = text.lines().map(|line| line[5..].parse().unwrap()).collect();
    assert_eq!(numbers, (2_000 - numbers.len() as u32..2_000).collect::<Vec<_>>());
    logs.append(&key("f"), STREAM, b"the next\n");
    assert_eq!(read(&logs, "f", position).0, "the next\n");
    assert_eq!(read(&logs, "neighbour", LogPosition::new()).0, "stays\n");
}

#[test]
fn what_was_there_before_the_start_counts() {
    let (folder, logs) = logs(Bounds { function_bytes_max: 1_000, file_bytes_max: 1_000 });
    logs.append(&key("f"), STREAM, "x\n".repeat(400).as_bytes());
    logs.settle();
    drop(logs);
    let bounds = Bounds { function_bytes_max: 1_000, file_bytes_max: 1_000 };
    let logs = FunctionLogs::open_bounded(&folder.path().join("logs"), bounds).unwrap();
    logs.append(&key("f"), "another", "y\n".repeat(200).as_bytes());
    logs.settle();
    assert_eq!(files_of(&folder, "f").len(), 1, "the old one made room");
}

#[test]
fn more_functions_than_open_files_can_be_written() {
    let (folder, logs) = logs(Bounds::default());
    for round in 0..2 {
        for number in 0..300 {
            logs.append(&key(&format!("f{number}")), STREAM, format!("{round}\n").as_bytes());
        }
        logs.settle();
    }
    logs.flush();
    for number in 0..300 {
        let name = format!("f{number}");
        assert_eq!(read(&logs, &name, LogPosition::new()).0, "0\n1\n", "{name}");
    }
    let file = &files_of(&folder, "f0")[0];
    assert_eq!(fs::metadata(file).unwrap().permissions().mode() & 0o7777, 0o600);
}

#[test]
fn a_cleared_log_is_empty_and_goes_on() {
    let (_folder, logs) = logs(Bounds::default());
    logs.append(&key("f"), STREAM, b"before\n");
    logs.clear();
    assert!(!logs.exist(&key("f")));
    logs.append(&key("f"), STREAM, b"after\n");
    assert_eq!(read(&logs, "f", LogPosition::new()).0, "after\n");
}

#[test]
fn what_cannot_be_written_is_counted() {
    let (folder, logs) = logs(Bounds::default());
    fs::remove_dir_all(folder.path().join("logs")).unwrap();
    logs.append(&key("f"), STREAM, b"lost\n");
    logs.settle();
    assert_eq!(logs.dropped(), 1);
    assert!(!folder.path().join("logs").exists(), "a directory that was removed is not made again");
}

#[test]
fn more_than_the_thread_can_take_is_dropped_and_counted() {
    let (_folder, logs) = logs(Bounds::default());
    let block = "x\n".repeat(1024 * 1024);
    for _ in 0..100 {
        logs.append(&key("f"), STREAM, block.as_bytes());
    }
    logs.settle();
    let (waiting, dropped) = (logs.counts.waiting_bytes.load(Ordering::Relaxed), logs.dropped());
    assert_eq!(waiting, 0);
    logs.append(&key("f"), STREAM, b"goes on\n");
    logs.settle();
    assert_eq!(logs.dropped(), dropped);
    // Larger than all that may wait.
    logs.append(&key("f"), STREAM, "x\n".repeat(17 * 1024 * 1024).as_bytes());
    assert_eq!(logs.dropped(), dropped + 1);
}
