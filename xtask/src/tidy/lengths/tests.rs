//! What counts as a line.

use super::*;

fn lengths(text: &str) -> Vec<(String, usize)> {
    let file = RustFile::parse("a.rs", text);
    measure_rust(&file).into_iter().map(|length| (length.place, length.lines)).collect()
}

#[test]
fn a_function_is_measured_from_fn_to_its_brace() {
    let text = "//! A.\n\n/// Doc.\n#[inline]\nfn f(\n    a: u8,\n) {\n    g(a);\n}\n";
    assert_eq!(lengths(text), [("a.rs".to_owned(), 9), ("a.rs::f".to_owned(), 5)]);
}

#[test]
fn methods_carry_the_name_of_their_type() {
    let text = "impl<T> A<T> {\n    fn f() {\n    }\n}\nmod m {\n    fn g() {}\n}\n";
    let places: Vec<String> = lengths(text).into_iter().map(|(place, _)| place).collect();
    assert_eq!(places, ["a.rs", "a.rs::A::f", "a.rs::m::g"]);
}

#[test]
fn inline_tests_are_not_a_files_own_lines() {
    let text = "fn f() {}\n\n#[cfg(test)]\nmod tests {\n    fn g() {}\n}\n";
    assert_eq!(lengths(text)[0].1, 2);
    assert_eq!(lengths("#[cfg(test)]\nmod tests;\n")[0].1, 2);
}
