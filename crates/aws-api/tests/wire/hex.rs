//! Digits and bytes.

use aws_api::hex::*;

#[test]
fn digits_and_bytes_are_the_same() {
    assert_eq!(encode(&[0, 0x7f, 0xff]), "007fff");
    assert_eq!(decode("007FfF"), Some(vec![0, 0x7f, 0xff]));
    assert_eq!((decode("0"), decode("0x")), (None, None));
}
