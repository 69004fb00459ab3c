//! Each rule is shown to fail, and not to fail where it should not.

use super::*;

fn whats(path: &str, text: &str) -> Vec<String> {
    check(&RustFile::parse(path, text)).into_iter().map(|violation| violation.what).collect()
}

fn check_one(text: &str, expected: &[&str]) {
    assert_eq!(whats("crates/a/src/b.rs", &format!("//! For tests.\n{text}")), expected, "{text}");
}

#[test]
fn a_file_without_module_docs_is_found() {
    assert_eq!(
        whats("crates/a/src/b.rs", "/// Not a module doc.\nfn f() {}"),
        ["has no module documentation"]
    );
    check_one("fn f() {}", &[]);
}

#[test]
fn a_file_that_does_not_parse_is_found() {
    check_one("fn f( {}", &["is not valid Rust"]);
}

#[test]
fn unsafe_is_found_wherever_it_hides() {
    check_one("fn f() { unsafe { g() } }", &["uses `unsafe`"]);
    check_one("unsafe fn f() {}", &["uses `unsafe`"]);
    check_one("fn f() { call!(unsafe { g() }) }", &["uses `unsafe`"]);
    check_one("#[allow(unsafe_code)] mod m;", &["uses `unsafe_code`"]);
}

#[test]
fn unsafe_has_a_home_and_may_be_spoken_of() {
    let text = "//! Calls.\nfn f() { unsafe { g() } }";
    assert!(whats("crates/sandbox/src/syscalls.rs", text).is_empty());
    check_one("/// Not unsafe at all.\nfn f() { let text = \"unsafe\"; }", &[]);
}

#[test]
fn unfinished_work_is_found() {
    check_one("fn f() { todo!() }", &["calls `todo!`"]);
    check_one("fn f() { unimplemented!(\"later\") }", &["calls `unimplemented!`"]);
    check_one("fn f() { g(dbg!(1)) }", &["calls `dbg!`"]);
    check_one("fn todo() { let text = \"todo!()\"; }", &[]);
}

#[test]
fn ignored_tests_are_found() {
    check_one("#[test] #[ignore] fn f() {}", &["ignores a test"]);
    check_one("mod m { #[test] #[ignore = \"slow\"] fn f() {} }", &["ignores a test"]);
    check_one("#[cfg_attr(miri, ignore)] #[test] fn f() {}", &["ignores a test"]);
    check_one("fn ignore() {}", &[]);
}
