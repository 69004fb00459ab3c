//! `cargo xtask coverage`: how much of each service's API is there, as `docs/internals/coverage.md`.
//!
//! Three sources are laid side by side: the operations and errors of the API model (from the generated tables), the
//! operations that have a handler (from the dispatch in `server`), and the tests that hold them (a table kept by
//! hand, whose tests must exist). An operation counts only with a success test through boto3 and, for each error of
//! the model, a test or the reason why we cannot produce it. `--check` writes nothing and fails where the page differs.
//!
//! Sources are read as text rather than linked, so that xtask builds, and can generate, when they do not compile.

mod handlers;
mod model;
mod page;
mod table;

use std::fs;
use std::path::Path;

use crate::failure::Failure;
use crate::shell;
use model::Operation;
use table::Table;

const PAGE: &str = "docs/internals/coverage.md";

/// Where the three sources of a service are.
struct Service {
    name: &'static str,
    /// Folder of `operations.rs` and `shapes.rs`.
    generated: &'static str,
    /// The file with the dispatch.
    dispatch: &'static str,
    /// The table of tests; the tests are in files beside it.
    table: &'static str,
}

const SERVICES: &[Service] = &[Service {
    name: "Lambda",
    generated: "crates/aws-api/src/generated/lambda",
    dispatch: "crates/server/src/lambda_api/operations.rs",
    table: "tests/e2e/coverage.txt",
}];

/// What is known of a service.
struct Coverage {
    name: &'static str,
    operations: Vec<Covered>,
}

/// One operation with what holds it.
struct Covered {
    operation: Operation,
    has_handler: bool,
    success: Option<String>,
    /// Errors with a test.
    tested: Vec<String>,
    /// Errors that cannot come, with the reason.
    cannot: Vec<(String, String)>,
    /// Errors of the model with neither.
    missing: Vec<String>,
}

impl Covered {
    /// Whether the operation counts.
    fn counts(&self) -> bool {
        self.has_handler && self.success.is_some() && self.missing.is_empty()
    }
}

/// Writes the page, or with `--check` compares it.
///
/// # Errors
/// When a source cannot be read, the table names what does not exist, or the page differs.
pub(crate) fn run(arguments: &[String]) -> Result<(), Failure> {
    let root = shell::repository_root();
    let services: Vec<Coverage> =
        SERVICES.iter().map(|service| of_service(service, &root)).collect::<Result<_, _>>()?;
    let text = page::render(&services);
    let path = root.join(PAGE);
    let is_current = fs::read_to_string(&path).is_ok_and(|current| current == text);
    if arguments.iter().any(|argument| argument == "--check") {
        return match is_current {
            true => Ok(()),
            false => {
                Err(Failure::new(format!("{PAGE} is not what the code gives: run `cargo xtask coverage`")))
            }
        };
    }
    if !is_current {
        fs::write(&path, text).map_err(|error| Failure::during(path.display(), error))?;
    }
    for service in &services {
        println!("{}", page::summary(service));
    }
    Ok(())
}

fn of_service(service: &Service, root: &Path) -> Result<Coverage, Failure> {
    let read = |path: &str| {
        fs::read_to_string(root.join(path)).map_err(|error| Failure::during(root.join(path).display(), error))
    };
    let operations = model::operations(
        &read(&format!("{}/operations.rs", service.generated))?,
        &read(&format!("{}/shapes.rs", service.generated))?,
    )?;
    let handlers = handlers::of_dispatch(&read(service.dispatch)?)?;
    let table = Table::parse(&read(service.table)?)?;
    let folder = root.join(service.table).parent().unwrap_or(root).to_path_buf();
    table.check(&operations, &handlers, &|file| fs::read_to_string(folder.join(file)).ok())?;
    let operations = operations.into_iter().map(|operation| cover(operation, &handlers, &table)).collect();
    Ok(Coverage { name: service.name, operations })
}

fn cover(operation: Operation, handlers: &[String], table: &Table) -> Covered {
    let mut covered = Covered {
        has_handler: handlers.contains(&operation.name),
        success: None,
        tested: Vec::new(),
        cannot: Vec::new(),
        missing: Vec::new(),
        operation,
    };
    if !covered.has_handler {
        return covered;
    }
    covered.success = table.success_of(&covered.operation.name);
    for error in table.errors_of(&covered.operation) {
        match table.holds(&covered.operation.name, &error) {
            Some(table::Held::Test(_)) => covered.tested.push(error),
            Some(table::Held::Cannot(reason)) => covered.cannot.push((error, reason.clone())),
            None => covered.missing.push(error),
        }
    }
    covered
}

#[cfg(test)]
mod tests;
