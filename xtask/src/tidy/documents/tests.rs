//! Documents against made-up checkouts.

use super::super::dependencies::Member;
use super::*;

fn whats(files: &[(&str, &str)]) -> Vec<String> {
    let texts = files.iter().map(|(path, text)| TextFile { path: (*path).into(), text: (*text).into() });
    let workspace = Workspace { rust: Vec::new(), texts: texts.collect() };
    let server = Member { name: "server".into(), binaries: vec!["lambent".into()], ..Member::default() };
    let graph = Graph { members: vec![server] };
    check(&workspace, &graph).into_iter().map(|violation| violation.what).collect()
}

#[test]
fn commands_that_do_not_exist_are_found() {
    assert!(
        whats(&[("README.md", "Run `cargo xtask check`, then `cargo run --bin lambent -- serve`.")])
            .is_empty()
    );
    assert_eq!(
        whats(&[("README.md", "cargo xtask verify\ncargo run --bin lambda")]),
        [
            "names the command `cargo xtask verify`, which does not exist",
            "names the binary `lambda`, which does not exist"
        ]
    );
}

#[test]
fn links_that_lead_nowhere_are_found() {
    let readme =
        ("docs/a.md", "[one](b.md#x) [two](../c.md) [three](#here) [four](gone.md) [five](https://a.b)");
    let files = [readme, ("docs/b.md", ""), ("c.md", "")];
    assert_eq!(whats(&files), ["links to `gone.md`, which does not exist"]);
}

#[test]
fn promises_name_tests_that_exist() {
    let tests = ("tests/e2e/test_a.py", "def test_holds(server):\n    pass\n");
    let held =
        "- **P-01** It holds,\n  always. `tests/e2e/test_a.py::test_holds`\n- **P-02** Later. test pending\n";
    assert!(whats(&[("SPECIFICATION.md", held), tests]).is_empty());

    let broken = "- **P-01** No test.\n\nProse.\n\n- **P-01** `tests/e2e/test_a.py::test_gone`\n";
    assert_eq!(
        whats(&[("SPECIFICATION.md", broken), tests]),
        [
            "promise P-01 names no test",
            "promise P-01 is there twice",
            "promise P-01 names `tests/e2e/test_a.py::test_gone`, which does not exist"
        ]
    );
}
