//! What waits: in blocks, within bounds, for no longer than it may.

use std::time::Instant;

use super::*;

fn to() -> Arc<LogDestination> {
    let text = String::new;
    Arc::new(LogDestination { account_id: text(), region: text(), group: text(), stream: text() })
}

fn take_now(queue: &Receiver) -> Taken {
    queue.take(Duration::ZERO, Duration::ZERO)
}

fn blocks(queue: &Receiver) -> Vec<String> {
    let mut found = Vec::new();
    while let Taken::Lines(blocks) = take_now(queue) {
        found.extend(blocks.into_iter().map(|block| String::from_utf8(block.lines).unwrap()));
    }
    found
}

#[test]
fn lines_of_a_moment_and_a_stream_are_one_block() {
    let (sender, queue) = new();
    let (one, other) = (to(), to());
    for (to, at, text, form) in [
        (&one, 1, "a\n", LogForm::Lines),
        (&one, 1, "b\n", LogForm::Lines),
        (&one, 2, "c\n", LogForm::Lines),
        (&other, 2, "d\n", LogForm::Lines),
        (&other, 2, "e\n", LogForm::Whole),
        (&other, 2, "f\n", LogForm::Lines),
    ] {
        assert!(sender.lines(to, at, text.as_bytes(), form));
    }
    assert_eq!(blocks(&queue), ["a\nb\n", "c\n", "d\n", "e\n", "f\n"]);
}

#[test]
fn what_waits_is_bounded_and_there_is_room_again() {
    let (sender, queue) = new();
    let (to, block) = (to(), vec![b'x'; BLOCK_BYTES_FULL]);
    let mut kept = 0;
    while sender.lines(&to, 1, &block, LogForm::Lines) {
        kept += 1;
    }
    assert!((450..=512).contains(&kept), "half of it: {kept}");
    let written = blocks(&queue);
    let (told, written) = written.split_last().unwrap();
    assert_eq!(written.len(), kept);
    let told: serde_json::Value = serde_json::from_str(told).unwrap();
    assert_eq!(told["type"], "platform.logsDropped");
    assert_eq!(
        (&told["record"]["droppedRecords"], &told["record"]["droppedBytes"]),
        (&1.into(), &block.len().into())
    );
    assert!(sender.lines(&to, 1, &block, LogForm::Lines));
}

#[test]
fn buffers_go_round_and_count_whole() {
    let (sender, queue) = new();
    let to = to();
    let waiting = || sender.0.0.lock().bytes;
    assert!(sender.lines(&to, 1, &[b'x'; 10_000], LogForm::Lines));
    let taken = || match take_now(&queue) {
        Taken::Lines(mut blocks) => blocks.remove(0).lines,
        _ => panic!(),
    };
    let block = taken();
    assert_eq!(waiting(), 0);
    let first = block.as_ptr();
    queue.give_back(block);
    assert!(sender.lines(&to, 1, b"a\n", LogForm::Lines));
    assert_eq!(waiting(), 10_000 + BLOCK_BYTES);
    let block = taken();
    assert_eq!((block.as_ptr(), &*block), (first, &b"a\n"[..]));
    for _ in 0..1_000 {
        queue.give_back(Vec::with_capacity(10_000));
    }
    assert_eq!(queue.0.lock().spare.len(), SPARE_BYTES_MAX / 10_000);
}

#[test]
fn floods_leave_room_for_others_and_for_the_platform() {
    let (sender, queue) = new();
    let (floods, block): (Vec<_>, _) = ((0..10).map(|_| to()).collect(), vec![b'x'; BLOCK_BYTES_FULL]);
    while floods.iter().filter(|flood| sender.lines(flood, 1, &block, LogForm::Lines)).count() > 0 {}
    assert!(sender.lines(&to(), 1, &block, LogForm::Lines), "somebody else");
    let said = |form| (0..).take_while(|_| sender.lines(&floods[0], 1, &block, form)).count();
    assert_eq!(said(LogForm::Whole), 0);
    assert!((128..256).contains(&said(LogForm::Platform)));
    assert!(blocks(&queue).len() > 800);
    assert_eq!(queue.0.lock().of_streams.len(), 0);
}

#[test]
fn nobody_waits_for_a_thread_that_is_gone() {
    let (sender, queue) = new();
    let (before, wait_before) = mpsc::channel();
    sender.message(Message::Settle(before));
    drop(queue);
    let (after, wait_after) = mpsc::channel();
    sender.message(Message::Settle(after));
    assert!(wait_before.recv().is_err() && wait_after.recv().is_err());
    assert!(!sender.lines(&to(), 1, b"a\n", LogForm::Lines));
}

#[test]
fn a_rest_ends_early_for_whatever_cannot_wait() {
    let line = |sender: &Sender| assert!(sender.lines(&to(), 1, b"a\n", LogForm::Lines));
    let much = |sender: &Sender| {
        assert!(sender.lines(&to(), 1, &vec![b'x'; REST_BYTES_MAX], LogForm::Lines));
    };
    let message = |sender: &Sender| sender.message(Message::Settle(mpsc::channel().0));
    let rested = |time, comes: &dyn Fn(&Sender)| {
        let (sender, queue) = new();
        line(&sender);
        let (began, resting) = (Instant::now(), std::thread::spawn(move || queue.take(time, time)));
        while sender.0.0.lock().thread != Thread::Resting {}
        comes(&sender);
        assert!(matches!(resting.join().unwrap(), Taken::Lines(_)));
        began.elapsed()
    };
    let (moment, minute) = (Duration::from_millis(50), Duration::from_secs(60));
    assert!(rested(moment, &line) >= moment);
    let hurry = |sender: &Sender| sender.hurry();
    for comes in [&much as &dyn Fn(&Sender), &message, &hurry] {
        assert!(rested(minute, comes) < minute);
    }
}

#[test]
fn all_of_what_is_hurried_is() {
    let (sender, queue) = new();
    for _ in 0..2 * BATCH_BYTES / BLOCK_BYTES_FULL {
        assert!(sender.lines(&to(), 1, &[b'x'; BLOCK_BYTES_FULL], LogForm::Lines));
    }
    sender.hurry();
    let taken = || matches!(take_now(&queue), Taken::Lines(_));
    assert!(taken() && queue.0.lock().is_hurried, "half of it is left");
    assert!(taken() && !queue.0.lock().is_hurried);
    assert!(matches!(take_now(&queue), Taken::Nothing));
}

#[test]
fn lines_stay_before_the_message_behind_them() {
    let (sender, queue) = new();
    sender.lines(&to(), 1, b"a\n", LogForm::Lines);
    sender.message(Message::Settle(mpsc::channel().0));
    sender.lines(&to(), 1, b"b\n", LogForm::Lines);
    let one = |taken, line: &[u8]| matches!(taken, Taken::Lines(lines) if lines.len() == 1 && lines[0].lines == line);
    assert!(one(take_now(&queue), b"a\n"));
    assert!(matches!(take_now(&queue), Taken::Message(Message::Settle(_))));
    assert!(one(take_now(&queue), b"b\n"));
}

#[test]
fn the_end_comes_after_what_waits() {
    let (sender, queue) = new();
    let clone = sender.clone();
    drop(sender);
    assert!(matches!(take_now(&queue), Taken::Nothing));
    clone.lines(&to(), 1, b"a\n", LogForm::Lines);
    drop(clone);
    assert_eq!(blocks(&queue), ["a\n"]);
    assert!(matches!(queue.take(Duration::from_secs(60), Duration::ZERO), Taken::End));
}
