//! Ranges and parts of objects.

use store::s3::Segment;

use super::*;

fn content(parts: &[u64]) -> ObjectContent {
    let segments = parts.iter().map(|size| Segment { size_bytes: *size, ..Segment::default() });
    ObjectContent {
        size_bytes: parts.iter().sum(),
        segments: segments.collect(),
        is_multipart: parts.len() > 1,
        ..ObjectContent::default()
    }
}

fn range(text: &str) -> Option<dto::Range> {
    Some(dto::Range::parse(text).unwrap())
}

#[test]
fn a_range_is_cut_to_what_is_there() {
    let object = content(&[10]);
    for (asked, from, to) in
        [("bytes=0-3", 0, 4), ("bytes=4-", 4, 10), ("bytes=-3", 7, 10), ("bytes=8-99", 8, 10)]
    {
        let slice = slice(&object, range(asked), None).unwrap();
        assert_eq!((slice.range.clone(), slice.is_partial), (from..to, true), "{asked}");
        assert_eq!(content_range(&slice, &object).unwrap(), format!("bytes {from}-{}/10", to - 1));
    }
    assert!(slice(&object, range("bytes=10-"), None).is_err(), "behind the end");
    assert!(slice(&content(&[0]), range("bytes=0-"), None).is_err(), "nothing to choose from");
}

#[test]
fn a_part_is_found_by_its_place() {
    let object = content(&[5, 7, 2]);
    let second = slice(&object, None, Some(2)).unwrap();
    assert_eq!((second.range, second.parts_count), (5..12, Some(3)));
    assert!(slice(&object, None, Some(4)).is_err());
    assert!(slice(&object, None, Some(0)).is_err());
    assert_eq!(
        slice(&content(&[5]), None, Some(1)).unwrap().range,
        0..5,
        "put whole, it is its own first part"
    );
    assert!(slice(&object, range("bytes=0-1"), Some(1)).is_err(), "one or the other");
}
