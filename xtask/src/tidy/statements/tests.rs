//! Statements against made-up checkouts.

use super::*;

fn whats(files: &[(&str, &str)]) -> Vec<String> {
    let texts = files.iter().map(|(path, text)| TextFile { path: (*path).into(), text: (*text).into() });
    let workspace = Workspace { rust: Vec::new(), texts: texts.collect() };
    check(&workspace).into_iter().map(|violation| violation.what).collect()
}

#[test]
fn names_begin_with_their_statements() {
    assert_eq!(numbers_of("r_03_r_06_a_response"), [('r', 3), ('r', 6)]);
    assert_eq!(numbers_of("a_response_of_r_03"), []);
    assert_eq!(function_name("    async fn l_01_x() {"), Some("l_01_x"));
    assert_eq!(function_name("def test_l_01_x(deploy):"), Some("l_01_x"));
    assert_eq!(function_name("# def test_l_01_x"), None);
}

#[test]
fn a_statement_needs_a_test_or_a_reason() {
    let tests = ("tests/e2e/test_a.py", "def test_z_01_traces(server):\n    pass\n");
    let neither = whats(&[("SPECIFICATION.md", ""), tests]);
    assert!(!neither.contains(&"no test is named after statement Z-01".to_owned()));
    assert!(neither.contains(&"no test is named after statement Z-02".to_owned()));
    let reasons = whats(&[("SPECIFICATION.md", "- Statement Z-02: comes later\n"), tests]);
    assert!(!reasons.contains(&"no test is named after statement Z-02".to_owned()));
    assert_eq!(reasons.len(), neither.len() - 1);
}

#[test]
fn a_reason_goes_when_the_test_comes() {
    let tests = ("tests/e2e/test_a.py", "def test_z_01_traces(server):\n    pass\n");
    let found = whats(&[("SPECIFICATION.md", "- Statement Z-01: comes later\n"), tests]);
    assert!(found.contains(&"statement Z-01 has a test and a reason for having none".to_owned()));
    let empty = whats(&[("SPECIFICATION.md", "- Statement Z-02: \n"), tests]);
    assert!(empty.contains(&"no test is named after statement Z-02".to_owned()));
}
