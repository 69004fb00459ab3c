//! The ratchet turns one way only.

use super::super::lengths::{FILE_LINES_MAX, FUNCTION_LINES_MAX, Measure};
use super::*;

fn whats(lines: usize, exceptions: &str) -> Vec<String> {
    let lengths = [Length { measure: Measure::FunctionLines, place: "a.rs::f".into(), lines }];
    check(&lengths, exceptions).into_iter().map(|violation| violation.what).collect()
}

#[test]
fn the_limit_itself_is_allowed() {
    assert!(whats(FUNCTION_LINES_MAX, "").is_empty());
    assert_eq!(whats(71, ""), ["has 71 lines; 70 are allowed"]);
    let file = Length { measure: Measure::FileLines, place: "a.rs".into(), lines: FILE_LINES_MAX + 1 };
    assert_eq!(check(&[file], "").len(), 1);
}

#[test]
fn an_exception_holds_for_its_number_only() {
    assert!(whats(80, "# why\n\nfunction-lines a.rs::f 80\n").is_empty());
    assert_eq!(whats(81, "function-lines a.rs::f 80"), ["grew from 80 to 81 lines"]);
    assert_eq!(whats(79, "function-lines a.rs::f 80"), ["shrank from 80 to 79 lines"]);
}

#[test]
fn an_exception_that_nothing_needs_must_go() {
    assert_eq!(whats(70, "function-lines a.rs::f 80"), ["needs no `function-lines` exception any more"]);
    assert_eq!(whats(10, "file-lines gone.rs 800"), ["needs no `file-lines` exception any more"]);
}

#[test]
fn a_line_that_is_no_exception_is_found() {
    assert_eq!(whats(1, "function-lines a.rs::f many"), ["is not an exception"]);
}
