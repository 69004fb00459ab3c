//! Events come back whole and in order, also after a crash, and a log has an end.

use std::{fs, os::unix::fs::PermissionsExt, sync::Arc};

use lambda_model::ports::{LogDestination, LogForm, LogSink};
use tempfile::TempDir;

use super::{
    Bounds, LogEvent, LogGroupKey, LogGroupSettings, LogPosition, LogQuery, Logs, StreamSelection, now_ms,
};

const HOUR_MS: i64 = 3_600_000;
const DAY_MS: i64 = 24 * HOUR_MS;

fn key(name: &str) -> LogGroupKey {
    LogGroupKey { account_id: "000000000000".into(), region: "us-east-1".into(), name: name.into() }
}

fn to(group: &str, stream: &str) -> Arc<LogDestination> {
    let LogGroupKey { account_id, region, name: group } = key(group);
    Arc::new(LogDestination { account_id, region, group, stream: stream.into() })
}

fn open(folder: &TempDir, bounds: Bounds) -> Logs {
    Logs::open_with(&folder.path().join("logs"), bounds, None).unwrap()
}

fn logs() -> (TempDir, Logs) {
    let folder = TempDir::new().unwrap();
    let logs = open(&folder, Bounds::default());
    assert!(logs.create_group(&key("g"), LogGroupSettings::new("g", 1)).unwrap());
    (folder, logs)
}

/// Small enough that a few events fill a segment.
fn small() -> Bounds {
    Bounds { group_bytes_max: 1024 * 1024, segment_bytes_max: 200 * 1024 }
}

fn put(logs: &Logs, stream: &str, events: &[(i64, &str)]) {
    let events: Vec<LogEvent<'_>> = events
        .iter()
        .map(|(timestamp_ms, text)| LogEvent { timestamp_ms: *timestamp_ms, message: text.as_bytes() })
        .collect();
    logs.put(&key("g"), stream, &events).unwrap().unwrap();
}

fn query(streams: StreamSelection) -> LogQuery {
    LogQuery {
        streams,
        from_ms: 0,
        to_ms: i64::MAX,
        beyond: None,
        is_backward: false,
        events_max: 10_000,
        bytes_max: 1024 * 1024,
        looked_at_max: 100_000,
    }
}

fn messages(logs: &Logs, query: &LogQuery) -> Vec<String> {
    let page = logs.read(&key("g"), query, &|_| true).unwrap().unwrap();
    page.events.into_iter().map(|event| event.message).collect()
}

#[test]
fn a_group_that_nobody_writes_to_has_no_file_open() {
    let (folder, logs) = logs();
    let is_open = || {
        let links = std::fs::read_dir("/proc/self/fd").unwrap().flatten();
        links
            .filter_map(|link| std::fs::read_link(link.path()).ok())
            .any(|file| file.starts_with(folder.path()))
    };
    logs.append(&to("g", "s"), b"first\n", LogForm::Lines);
    logs.settle();
    assert!(is_open(), "more may come");
    logs.flush();
    assert!(!is_open());
    logs.append(&to("g", "s"), b"second\n", LogForm::Lines);
    logs.flush();
    assert!(!is_open());
    let page = logs.read(&key("g"), &query(StreamSelection::All), &|_| true).unwrap().unwrap();
    let texts: Vec<&str> = page.events.iter().map(|event| event.message.trim_end()).collect();
    assert_eq!(texts, ["first", "second"]);
    drop(logs);
    let again = open(&folder, Bounds::default());
    assert!(!is_open(), "nor when it was found on disk");
    drop(again);
}

#[test]
fn events_are_read_by_time_whichever_stream_they_are_of() {
    let (_folder, logs) = logs();
    put(&logs, "a", &[(10, "a10"), (30, "a30")]);
    put(&logs, "b", &[(20, "b20"), (30, "b30"), (5, "b5")]);
    let all = query(StreamSelection::All);
    assert_eq!(messages(&logs, &all), ["b5", "a10", "b20", "a30", "b30"]);
    let backward = LogQuery { is_backward: true, ..all.clone() };
    assert_eq!(messages(&logs, &backward), ["b30", "a30", "b20", "a10", "b5"]);
    let names = query(StreamSelection::Names(vec!["b".into()]));
    assert_eq!(messages(&logs, &names), ["b5", "b20", "b30"]);
    let range = LogQuery { from_ms: 10, to_ms: 30, ..all };
    assert_eq!(messages(&logs, &range), ["a10", "b20"]);
}

#[test]
fn pages_follow_each_other_in_both_directions_across_segments() {
    let folder = TempDir::new().unwrap();
    let logs = open(&folder, small());
    logs.create_group(&key("g"), LogGroupSettings::new("g", 1)).unwrap();
    let text = "x".repeat(100);
    for batch in 0..30 {
        let events: Vec<(i64, String)> =
            (0..100).map(|n| (batch * 100 + n, format!("{batch}-{n} {text}"))).collect();
        let events: Vec<(i64, &str)> = events.iter().map(|(at, text)| (*at, text.as_str())).collect();
        put(&logs, if batch % 2 == 0 { "a" } else { "b" }, &events);
    }
    let sealed = files(&folder).into_iter().filter(|name| name.ends_with(".seg")).count();
    assert!(sealed >= 1, "{:?}", files(&folder));
    for is_backward in [false, true] {
        let mut seen = Vec::new();
        let mut page_query = LogQuery { is_backward, events_max: 70, ..query(StreamSelection::All) };
        loop {
            let page = logs.read(&key("g"), &page_query, &|_| true).unwrap().unwrap();
            seen.extend(page.events.iter().map(|event| event.position.timestamp_ms));
            page_query.beyond = page.last.or(page_query.beyond);
            if page.is_at_end {
                break;
            }
        }
        let mut expected: Vec<i64> = (0..3_000).collect();
        if is_backward {
            expected.reverse();
        }
        assert_eq!(seen, expected);
    }
}

#[test]
fn a_page_ends_early_when_little_is_wanted() {
    let (_folder, logs) = logs();
    let events: Vec<(i64, &str)> = (0..100).map(|n| (n, if n == 90 { "wanted" } else { "other" })).collect();
    put(&logs, "a", &events);
    let mut page_query = LogQuery { looked_at_max: 40, ..query(StreamSelection::All) };
    let mut pages = Vec::new();
    loop {
        let page = logs.read(&key("g"), &page_query, &|message| message == "wanted").unwrap().unwrap();
        pages.push(page.events.len());
        page_query.beyond = page.last.or(page_query.beyond);
        if page.is_at_end {
            break;
        }
    }
    assert_eq!(pages, [0, 0, 1]);
}

#[test]
fn what_was_put_is_there_after_a_crash_and_a_torn_end_is_cut_off() {
    let (folder, logs) = logs();
    put(&logs, "a", &[(1, "one"), (2, "two")]);
    logs.create_stream(&key("g"), "empty").unwrap().unwrap();
    drop(logs);
    let log = path_of(&folder, ".log");
    let mut bytes = fs::read(&log).unwrap();
    bytes.extend([7, 0, 0, 0, 1, 2, 3]);
    fs::write(&log, &bytes).unwrap();
    let logs = open(&folder, Bounds::default());
    assert_eq!(messages(&logs, &query(StreamSelection::All)), ["one", "two"]);
    let names: Vec<String> = logs.streams(&key("g")).unwrap().keys().map(ToString::to_string).collect();
    assert_eq!(names, ["a", "empty"]);
    put(&logs, "a", &[(3, "three")]);
    drop(logs);
    let logs = open(&folder, Bounds::default());
    assert_eq!(messages(&logs, &query(StreamSelection::All)), ["one", "two", "three"]);
}

#[test]
fn sealed_segments_are_smaller_and_read_the_same_after_a_restart() {
    let folder = TempDir::new().unwrap();
    let logs = open(&folder, small());
    logs.create_group(&key("g"), LogGroupSettings::new("g", 1)).unwrap();
    for n in 0..40 {
        put(&logs, "a", &[(n, &format!("{n} {}", "repeats itself ".repeat(1_000)))]);
    }
    let before = messages(&logs, &LogQuery { bytes_max: usize::MAX, ..query(StreamSelection::All) });
    assert_eq!(before.len(), 40);
    assert!(logs.group(&key("g")).unwrap().stored_bytes < 300 * 1024);
    let state = logs.streams(&key("g")).unwrap()["a"].clone();
    drop(logs);
    let logs = open(&folder, small());
    let after = messages(&logs, &LogQuery { bytes_max: usize::MAX, ..query(StreamSelection::All) });
    assert_eq!(after, before);
    let again = &logs.streams(&key("g")).unwrap()["a"];
    assert_eq!(
        (again.created_ms, again.first_event_ms, again.last_event_ms),
        (state.created_ms, Some(0), Some(39))
    );
}

#[test]
fn a_deleted_stream_is_gone_and_a_new_one_of_its_name_is_empty() {
    let (folder, logs) = logs();
    put(&logs, "a", &[(1, "old")]);
    put(&logs, "b", &[(2, "stays")]);
    assert!(logs.delete_stream(&key("g"), "a").unwrap().unwrap());
    assert!(!logs.delete_stream(&key("g"), "a").unwrap().unwrap());
    assert_eq!(messages(&logs, &query(StreamSelection::All)), ["stays"]);
    assert!(logs.create_stream(&key("g"), "a").unwrap().unwrap());
    put(&logs, "a", &[(3, "new")]);
    for logs in [logs, open(&folder, Bounds::default())] {
        assert_eq!(messages(&logs, &query(StreamSelection::All)), ["stays", "new"]);
        assert_eq!(logs.streams(&key("g")).unwrap()["a"].first_event_ms, Some(3));
    }
}

#[test]
fn retention_hides_at_once_and_deletes() {
    let (folder, logs) = logs();
    let now = now_ms();
    put(&logs, "a", &[(now - 3 * DAY_MS, "old"), (now - 2 * DAY_MS, "also old")]);
    logs.change_group(&key("g"), |settings| {
        settings.retention_days = Some(1);
        Ok::<_, crate::StoreError>(())
    })
    .unwrap()
    .unwrap();
    assert!(messages(&logs, &query(StreamSelection::All)).is_empty());
    logs.maintain_group(&key("g")).unwrap();
    assert_eq!(files(&folder), ["group.json"]);
    put(&logs, "a", &[(now, "young")]);
    assert_eq!(messages(&logs, &query(StreamSelection::All)), ["young"]);
}

#[test]
fn a_group_is_bounded_and_the_newest_is_kept() {
    let folder = TempDir::new().unwrap();
    let bounds = Bounds { group_bytes_max: 100 * 1024, segment_bytes_max: 64 * 1024 };
    let logs = open(&folder, bounds);
    logs.create_group(&key("g"), LogGroupSettings::new("g", 1)).unwrap();
    for n in 0..100_i64 {
        // Nothing that compresses.
        let mut state = n.unsigned_abs();
        let mut letter = || {
            state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            char::from(b'!' + (state >> 33) as u8 % 90)
        };
        let text: String = (0..10_000).map(|_| letter()).collect();
        put(&logs, "a", &[(n, &text)]);
    }
    assert!(logs.group(&key("g")).unwrap().stored_bytes <= 200 * 1024);
    let page = LogQuery { is_backward: true, events_max: 1, ..query(StreamSelection::All) };
    let newest = logs.read(&key("g"), &page, &|_| true).unwrap().unwrap();
    assert_eq!(newest.events[0].position.timestamp_ms, 99);
    assert!(messages(&logs, &LogQuery { bytes_max: usize::MAX, ..query(StreamSelection::All) }).len() < 100);
}

#[test]
fn a_follower_gets_each_event_once_in_the_order_of_coming() {
    let (_folder, logs) = logs();
    let all = StreamSelection::All;
    put(&logs, "a", &[(20, "first")]);
    let (events, next) = logs.read_from(&key("g"), 0, &all, 1024).unwrap().unwrap();
    assert_eq!((events.len(), next), (1, 1));
    put(&logs, "b", &[(10, "earlier, but later")]);
    let (events, next) = logs.read_from(&key("g"), next, &all, 1024).unwrap().unwrap();
    assert_eq!((events[0].message.as_str(), next), ("earlier, but later", 2));
    let (events, next) = logs.read_from(&key("g"), next, &all, 1024).unwrap().unwrap();
    assert_eq!((events.len(), next), (0, 2));
}

#[test]
fn lines_of_environments_make_group_and_stream() {
    let (folder, logs) = logs();
    logs.append(&to("/aws/lambda/f", "s"), b"one\ntwo\n", LogForm::Lines);
    logs.append(&to("/aws/lambda/f", "s"), b"two lines,\none event\n", LogForm::Whole);
    logs.settle();
    let page = logs.read(&key("/aws/lambda/f"), &query(StreamSelection::All), &|_| true).unwrap().unwrap();
    let texts: Vec<&str> = page.events.iter().map(|event| event.message.as_str()).collect();
    assert_eq!(texts, ["one\n", "two\n", "two lines,\none event\n"]);
    logs.flush();
    let mode = |path: &std::path::Path| fs::metadata(path).unwrap().permissions().mode() & 0o777;
    assert_eq!(mode(&path_of(&folder, ".log")), 0o600);
    assert_eq!(mode(&folder.path().join("logs")), 0o700);
}

/// What was appended must be taken note of, whatever becomes of the segment: the next events would get its numbers.
#[test]
fn a_segment_that_cannot_be_sealed_costs_nothing() {
    let folder = TempDir::new().unwrap();
    let logs = open(&folder, small());
    logs.create_group(&key("g"), LogGroupSettings::new("g", 1)).unwrap();
    put(&logs, "a", &[(0, "first")]);
    let in_the_way = path_of(&folder, "00000000.log").with_extension("new");
    fs::create_dir(&in_the_way).unwrap();
    let text = "x".repeat(50_000);
    for n in 1..8 {
        put(&logs, "a", &[(n, &text)]);
    }
    let whole = LogQuery { bytes_max: usize::MAX, ..query(StreamSelection::All) };
    assert_eq!(messages(&logs, &whole).len(), 8);
    let (events, next) = logs.read_from(&key("g"), 0, &StreamSelection::All, usize::MAX).unwrap().unwrap();
    assert_eq!((events.len(), next), (8, 8));
    fs::remove_dir(&in_the_way).unwrap();
    put(&logs, "a", &[(8, "last")]);
    assert!(files(&folder).iter().any(|name| name.ends_with(".seg")), "{:?}", files(&folder));
    assert_eq!(messages(&logs, &whole).len(), 9);
}

/// A function that prints line by line is read line by line, far faster than lines are written.
#[test]
fn lines_that_come_one_by_one_are_not_lost() {
    const LINES: usize = 50_000;
    let (_folder, logs) = logs();
    let to = to("g", "s");
    for number in 0..LINES {
        logs.append(&to, format!("line {number}\n").as_bytes(), LogForm::Lines);
    }
    logs.settle();
    assert_eq!(logs.dropped(), 0);
    let (events, next) = logs.read_from(&key("g"), 0, &StreamSelection::All, usize::MAX).unwrap().unwrap();
    assert_eq!((events.len() as u64, next), (LINES as u64, LINES as u64));
    for (number, event) in events.iter().enumerate() {
        assert_eq!(event.message, format!("line {number}\n"));
    }
}

#[test]
fn groups_are_made_once_changed_and_deleted() {
    let (folder, logs) = logs();
    assert!(!logs.create_group(&key("g"), LogGroupSettings::new("g", 2)).unwrap());
    let other = LogGroupKey { region: "eu-west-1".into(), ..key("g") };
    assert!(logs.group(&other).is_none());
    let refused: Result<(), crate::StoreError> = logs
        .change_group(&key("g"), |settings| {
            settings.retention_days = Some(5);
            Err(crate::StoreError::NotWritten("refused".into()))
        })
        .unwrap();
    assert!(refused.is_err());
    assert_eq!(logs.group(&key("g")).unwrap().settings.retention_days, None);
    assert!(logs.delete_group(&key("g")).unwrap());
    assert!(!logs.delete_group(&key("g")).unwrap());
    drop(logs);
    assert!(open(&folder, Bounds::default()).groups("000000000000", "us-east-1").is_empty());
}

#[test]
fn positions_beyond_an_event_do_not_give_it_again() {
    let (_folder, logs) = logs();
    put(&logs, "a", &[(1, "x"), (1, "y"), (1, "z")]);
    let beyond = Some(LogPosition { timestamp_ms: 1, sequence: 1 });
    let forward = LogQuery { beyond, ..query(StreamSelection::All) };
    assert_eq!(messages(&logs, &forward), ["z"]);
    assert_eq!(messages(&logs, &LogQuery { is_backward: true, ..forward }), ["x"]);
}

/// The files of all groups.
fn files(folder: &TempDir) -> Vec<String> {
    let region = folder.path().join("logs/000000000000/us-east-1");
    let groups = fs::read_dir(region).unwrap().flatten().map(|entry| entry.path());
    let mut names: Vec<String> = groups
        .flat_map(|group| fs::read_dir(group).unwrap().flatten())
        .map(|entry| entry.file_name().into_string().unwrap())
        .collect();
    names.sort();
    names
}

fn path_of(folder: &TempDir, end: &str) -> std::path::PathBuf {
    let region = folder.path().join("logs/000000000000/us-east-1");
    let groups = fs::read_dir(region).unwrap().flatten().map(|entry| entry.path());
    let mut paths = groups.flat_map(|group| fs::read_dir(group).unwrap().flatten().map(|entry| entry.path()));
    paths.find(|path| path.to_string_lossy().ends_with(end)).unwrap()
}
