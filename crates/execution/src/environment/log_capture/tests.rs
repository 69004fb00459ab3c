//! What is captured of what processes print.

use std::{
    io::Write,
    sync::{Mutex, PoisonError},
};

use super::*;

#[derive(Default)]
struct Collected(Mutex<Vec<String>>);

impl LogSink for Collected {
    fn append(&self, _: &Arc<LogDestination>, lines: &[u8], _: LogForm) {
        let text = String::from_utf8_lossy(lines).into_owned();
        self.0.lock().unwrap_or_else(PoisonError::into_inner).push(text);
    }
}

fn capture() -> (Arc<Collected>, LogCapture, std::fs::File) {
    let sink = Arc::new(Collected::default());
    let to =
        LogDestination { account_id: "0".into(), region: "r".into(), group: "g".into(), stream: "s".into() };
    let telemetry = Arc::new(Telemetry::new().0);
    let mut capture = LogCapture::new(sink.clone(), (to, LogFormat::Text), telemetry);
    let writer = writer(&mut capture);
    (sink, capture, writer.into())
}

/// What a process of the function prints to, read by `capture`.
fn writer(capture: &mut LogCapture) -> std::os::fd::OwnedFd {
    let (writer, reader) = capture.writer(Category::Function).unwrap();
    if let Some(reader) = reader {
        capture.listen_to(Category::Function, reader).unwrap();
    }
    writer
}

#[tokio::test(flavor = "multi_thread")]
async fn a_platform_line_comes_after_what_was_printed_and_on_its_own_line() {
    let (sink, mut capture, mut writer) = capture();
    capture.start_tail();
    writer.write_all(b"one\ntw").unwrap();
    capture.read_when_ready().await;
    writer.write_all(b"o").unwrap();
    capture.platform("END\n");
    let lines = sink.0.lock().unwrap().concat();
    assert_eq!(lines, "one\ntwo\nEND\n");
    assert_eq!(capture.take_tail().unwrap(), b"one\ntwo\nEND\n");
}

#[tokio::test(flavor = "multi_thread")]
async fn g_06_a_frame_is_one_event_in_however_many_writes_it_comes() {
    let (sink, mut capture, mut writer) = capture();
    let frame = [b"\xa5\x5a\0\x03\0\0\0\x09", &[0; 8][..], b"two\nlines"].concat();
    writer.write_all(b"half ").unwrap();
    for byte in frame {
        writer.write_all(&[byte]).unwrap();
        capture.drain();
    }
    writer.write_all(b"a line\n\xa5\x5a\0").unwrap();
    capture.platform("END\n");
    let events = sink.0.lock().unwrap().clone();
    assert_eq!(events[..2], ["two\nlines\n", "half a line\n"]);
    assert!(
        events[2].starts_with('\u{fffd}') && events[3] == "END\n",
        "the beginning of a frame that never came"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_pipe_is_kept_while_somebody_has_it_and_there_is_another_one_afterwards() {
    let (sink, mut capture, mut first) = capture();
    let mut second: std::fs::File = writer(&mut capture).into();
    first.write_all(b"first\n").unwrap();
    drop(first);
    second.write_all(b"second\n").unwrap();
    drop(second);
    while capture.function.pipe.is_some() {
        capture.read_when_ready().await;
    }
    let silence = tokio::time::timeout(Duration::from_millis(50), capture.read_when_ready()).await;
    assert!(silence.is_err(), "nobody is there to print");
    let mut third: std::fs::File = writer(&mut capture).into();
    third.write_all(b"third\n").unwrap();
    capture.read_when_ready().await;
    assert_eq!(sink.0.lock().unwrap().concat(), "first\nsecond\nthird\n");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_tail_is_the_last_four_kilobytes() {
    let (_sink, mut capture, mut writer) = capture();
    capture.start_tail();
    for n in 0..1_000 {
        writeln!(writer, "line {n}").unwrap();
    }
    capture.platform("END\n");
    let tail = capture.take_tail().unwrap();
    assert_eq!(tail.len(), 4_096);
    assert!(tail.ends_with(b"line 999\nEND\n"));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_flood_is_paused() {
    let (_sink, mut capture, mut writer) = capture();
    std::thread::spawn(move || {
        let block = vec![b'x'; 64 * 1024];
        while writer.write_all(&block).is_ok() {}
    });
    while capture.function.resume_at.is_none() {
        capture.read_when_ready().await;
    }
    assert!(capture.function.partial.len() <= limits::LOG_LINE_BYTES_MAX + 16 * 1024);
}
