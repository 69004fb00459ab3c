//! Logs that SQLite itself wrote, with bits of them flipped.

use std::path::PathBuf;

use rusqlite::Connection;
use tempfile::TempDir;

use super::*;

const ROWS: i64 = 30;

/// A database with a transaction each row, all of them in the log, as a crash leaves it.
fn crashed() -> (TempDir, PathBuf) {
    let folder = TempDir::new().unwrap();
    let (live, path) = (folder.path().join("live.db"), folder.path().join("crashed.db"));
    let connection = Connection::open(&live).unwrap();
    connection
        .execute_batch("PRAGMA journal_mode = WAL; CREATE TABLE rows (number INTEGER PRIMARY KEY)")
        .unwrap();
    for number in 1..=ROWS {
        connection.execute("INSERT INTO rows VALUES (?1)", [number]).unwrap();
    }
    for suffix in ["", "-wal"] {
        fs::copy(format!("{}{suffix}", live.display()), format!("{}{suffix}", path.display())).unwrap();
    }
    (folder, path)
}

fn log_of(path: &Path) -> PathBuf {
    path.with_extension("db-wal")
}

fn rows(path: &Path) -> Result<i64, rusqlite::Error> {
    Connection::open(path)?.query_row("SELECT count(*) FROM rows", [], |row| row.get(0))
}

#[test]
fn a_whole_log_and_none_are_left_alone() {
    let (_folder, path) = crashed();
    let before = fs::read(log_of(&path)).unwrap();
    assert_eq!(mend(&path).unwrap(), None);
    assert_eq!(fs::read(log_of(&path)).unwrap(), before);
    assert_eq!(rows(&path), Ok(ROWS));
    assert_eq!(mend(Path::new("/not/there")).unwrap(), None);
}

#[test]
fn a_torn_end_stays_the_end() {
    let (_folder, path) = crashed();
    let mut bytes = fs::read(log_of(&path)).unwrap();
    let length = bytes.len();
    bytes[length - 100] ^= 1;
    fs::write(log_of(&path), &bytes).unwrap();
    assert_eq!(mend(&path).unwrap(), None);
    assert_eq!(rows(&path), Ok(ROWS - 1));
}

#[test]
fn no_flipped_bit_before_the_last_transaction_takes_what_comes_after_it() {
    let (_folder, path) = crashed();
    let (file, log) = (fs::read(&path).unwrap(), fs::read(log_of(&path)).unwrap());
    let mut random = fastrand::Rng::with_seed(7);
    for _ in 0..200 {
        let (byte, bit) = (random.usize(..log.len() - 2 * FRAME_BYTES), random.u32(..8));
        let mut damaged = log.clone();
        damaged[byte] ^= 1 << bit;
        fs::write(&path, &file).unwrap();
        fs::write(log_of(&path), &damaged).unwrap();
        let report = mend(&path).unwrap();
        assert!(report.is_some(), "byte {byte} bit {bit}");
        // The page of the last transaction is later in the log: what is older does not matter to it.
        let found = rows(&path);
        let is_in_schema = found.is_err();
        assert!(found == Ok(ROWS) || is_in_schema, "byte {byte} bit {bit}: {found:?}");
        for beside in ["-shm", "-wal"] {
            let _ = fs::remove_file(format!("{}{beside}", path.display()));
        }
    }
}
