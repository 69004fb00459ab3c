//! Markers.

use aws_api::pagination::*;

#[test]
fn markers_round_trip_and_others_are_refused() {
    assert_eq!(decode(&encode("my-function")), Ok("my-function".into()));
    for bad in ["", "x", "bXktZnVuY3Rpb24", "////"] {
        assert_eq!(decode(bad), Err(InvalidMarker), "{bad}");
    }
}
