//! `$name`, `${name}`, `$!name`, and what follows: `.property`, `.method(arguments)`, `[index]`.

use super::{Parsed, cursor::Cursor, expression};
use crate::vtl::syntax::{Path, Step};

/// A reference, if there is one here; a dollar sign alone is none.
pub(super) fn reference(cursor: &mut Cursor<'_>) -> Parsed<Option<Path>> {
    let before = cursor.clone();
    let found = cursor.deepen(|cursor| {
        if !cursor.take("$") {
            return Ok(None);
        }
        // Whether it is quiet makes no difference: nothing that is not there is printed anyway.
        cursor.take("!");
        let is_formal = cursor.take("{");
        let Some(root) = cursor.name() else { return Ok(None) };
        let path = Path { root: root.to_owned(), steps: steps(cursor)? };
        Ok((!is_formal || cursor.take("}")).then_some(path))
    })?;
    if found.is_none() {
        *cursor = before;
    }
    Ok(found)
}

fn steps(cursor: &mut Cursor<'_>) -> Parsed<Vec<Step>> {
    let mut steps = Vec::new();
    loop {
        let before = cursor.clone();
        let step = match cursor.next() {
            Some('.') => match cursor.name() {
                Some(name) => Some(call_or_property(cursor, name)?),
                None => None,
            },
            Some('[') => index(cursor),
            _ => None,
        };
        match step {
            Some(step) => steps.push(step),
            None => {
                *cursor = before;
                return Ok(steps);
            }
        }
    }
}

fn call_or_property(cursor: &mut Cursor<'_>, name: &str) -> Parsed<Step> {
    if !cursor.take("(") {
        return Ok(Step::Property(name.to_owned()));
    }
    let arguments = expression::list(cursor, ")")?;
    Ok(Step::Method(name.to_owned(), arguments))
}

/// What is no index is text that stands behind a reference.
fn index(cursor: &mut Cursor<'_>) -> Option<Step> {
    let index = expression::expression(cursor).ok()?;
    cursor.expect("]").ok()?;
    Some(Step::Index(index))
}
