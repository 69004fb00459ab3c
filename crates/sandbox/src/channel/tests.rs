//! Tests of the conversation between two ends of a channel.

use super::*;

fn soon() -> Option<Instant> {
    Some(Instant::now() + Duration::from_secs(5))
}

#[test]
fn messages_keep_their_bounds_and_their_descriptors() {
    let (a, b) = Channel::pair().unwrap();
    let file = std::fs::File::open("/dev/null").unwrap();
    a.send(&"first", &[]).unwrap();
    a.send(&"second", &[file.as_fd(), file.as_fd()]).unwrap();

    let Received::Message(text, fds) = b.receive::<String>(soon()).unwrap() else { panic!("no message") };
    assert_eq!((text.as_str(), fds.len()), ("first", 0));
    let Received::Message(text, fds) = b.receive::<String>(soon()).unwrap() else { panic!("no message") };
    assert_eq!((text.as_str(), fds.len()), ("second", 2));
    assert!(matches!(b.try_receive::<String>().unwrap(), Received::Nothing));
}

#[test]
fn the_end_of_the_other_side_is_seen_after_its_last_message() {
    let (a, b) = Channel::pair().unwrap();
    a.send(&1, &[]).unwrap();
    drop(a);
    assert!(matches!(b.receive::<u32>(soon()).unwrap(), Received::Message(1, _)));
    assert!(matches!(b.receive::<u32>(soon()).unwrap(), Received::End));
    assert_eq!(b.send(&1, &[]).unwrap_err().raw_os_error(), Some(libc::EPIPE));
}

#[test]
fn a_message_that_is_too_large_is_refused_and_the_next_one_passes() {
    let (a, b) = Channel::pair().unwrap();
    let error = a.send(&"x".repeat(MESSAGE_BYTES_MAX), &[]).unwrap_err();
    assert_eq!(error.raw_os_error(), Some(libc::EMSGSIZE));
    let largest = "x".repeat(MESSAGE_BYTES_MAX - 2);
    a.send(&largest, &[]).unwrap();
    assert!(matches!(b.receive::<String>(soon()).unwrap(), Received::Message(text, _) if text == largest));
}

#[test]
fn waiting_ends_at_the_deadline() {
    let (_a, b) = Channel::pair().unwrap();
    assert!(matches!(b.receive::<u32>(Some(Instant::now())).unwrap(), Received::Nothing));
}
