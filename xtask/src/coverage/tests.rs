//! Coverage counts what is held, and a table that names what does not exist is refused.

use super::model::Operation;
use super::table::Table;
use super::{Coverage, cover, handlers, model, page, run};

const SHAPES: &str = r#"pub static SHAPES: &[Shape] = &[Shape { name: "Gone" }, Shape { name: "Taken" }];"#;
const OPERATIONS: &str = r#"pub static OPERATIONS: &[OperationSchema] = &[
    OperationSchema { index: 0, name: "Make", errors: &[1] },
    OperationSchema { index: 1, name: "Read", errors: &[0] },
];"#;
const DISPATCH: &str = "impl Api { fn run(&self) { match operation { O::Make => 1, other => 2 } } }";

fn table(text: &str) -> Table {
    Table::parse(text).unwrap()
}

fn both() -> Vec<Operation> {
    model::operations(OPERATIONS, SHAPES).unwrap()
}

fn counts(text: &str) -> Vec<bool> {
    let handlers = handlers::of_dispatch(DISPATCH).unwrap();
    both().into_iter().map(|operation| cover(operation, &handlers, &table(text)).counts()).collect()
}

#[test]
fn the_generated_tables_give_operations_with_their_errors() {
    let errors: Vec<(String, Vec<String>)> = both().into_iter().map(|one| (one.name, one.errors)).collect();
    assert_eq!(errors, [("Make".into(), vec!["Taken".into()]), ("Read".into(), vec!["Gone".into()])]);
}

#[test]
fn an_operation_counts_only_with_success_and_every_error() {
    assert_eq!(counts("Make success a.py::works\nMake Taken a.py::taken\n"), [true, false]);
    assert_eq!(counts("Make success a.py::works\nMake Taken cannot why\n"), [true, false]);
    assert_eq!(counts("Make success a.py::works\n* Taken cannot why\n"), [true, false]);
    assert_eq!(counts("Make success a.py::works\n"), [false, false]);
    assert_eq!(counts("Make Taken a.py::taken\n"), [false, false]);
}

#[test]
fn a_table_that_names_what_does_not_exist_is_refused() {
    let handlers = ["Make".to_owned()];
    let check = |text: &str| {
        table(text)
            .check(&both(), &handlers, &|file| (file == "a.py").then(|| "def works(server):".to_owned()))
    };
    assert!(check("Make success a.py::works\n").is_ok());
    for wrong in [
        "Mend success a.py::works",
        "Read success a.py::works",
        "Make success a.py::work",
        "Make success b.py::works",
    ] {
        assert!(check(wrong).is_err(), "{wrong}");
    }
}

#[test]
fn the_page_says_what_is_not_there() {
    let handlers = handlers::of_dispatch(DISPATCH).unwrap();
    let covered =
        both().into_iter().map(|operation| cover(operation, &handlers, &table("Make success a.py::works\n")));
    let text = page::render(&[Coverage { name: "Things", operations: covered.collect() }]);
    assert!(text.contains("| Things | 2 | 1 | 0 |"), "{text}");
    assert!(text.contains("| Make | no | yes |  | 0 | Taken |"), "{text}");
    assert!(text.contains("Without a handler (1):\n\nRead\n"), "{text}");
}

#[test]
fn the_page_of_the_checkout_is_current() {
    run(&["--check".to_owned()]).unwrap();
}
