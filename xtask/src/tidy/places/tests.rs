//! Where variables are read and text is printed.

use super::*;

fn whats(path: &str, text: &str) -> Vec<String> {
    check(&RustFile::parse(path, text)).into_iter().map(|violation| violation.what).collect()
}

#[test]
fn variables_are_read_by_the_command_line_only() {
    let text = "fn f() { std::env::var(\"A\"); }";
    assert_eq!(whats("crates/store/src/a.rs", text), ["uses `std::env::var`"]);
    assert!(whats("crates/server/src/command_line/serve.rs", text).is_empty());
    assert!(whats("xtask/src/a.rs", text).is_empty());
    assert!(whats("crates/store/src/a.rs", "fn f() { std::env::temp_dir(); }").is_empty());
}

#[test]
fn only_commands_and_tests_print() {
    let text = "fn f() { println!(\"a\"); }";
    assert_eq!(whats("crates/execution/src/a.rs", text), ["uses `println!`"]);
    assert!(whats("crates/execution/src/a/tests.rs", text).is_empty());
    assert!(whats("crates/execution/src/a.rs", &format!("#[cfg(test)]\nmod tests {{ {text} }}")).is_empty());
}
