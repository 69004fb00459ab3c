//! Which parts of an item are wanted.

use std::collections::BTreeMap;

use aws_api::error_response::ApiError;

use super::{
    super::value::{Item, Value},
    Kind, Path, Placeholders, Step,
    parser::Parser,
};

/// Paths of which none leads through another.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in super::super) struct Projection(Vec<Path>);

impl Projection {
    /// Reads one.
    ///
    /// # Errors
    /// In AWS's words.
    pub(in super::super) fn parse(text: &str, placeholders: &Placeholders) -> Result<Self, ApiError> {
        let mut parser = Parser::new(text, Kind::Projection, placeholders)?;
        let mut paths = vec![parser.path()?];
        while parser.takes(",") {
            paths.push(parser.path()?);
        }
        parser.end()?;
        check_apart(&paths, Kind::Projection)?;
        Ok(Self(paths))
    }

    /// Of what is at these places.
    pub(in super::super) fn at(paths: Vec<Path>) -> Self {
        Self(paths)
    }

    /// Of whole attributes.
    pub(in super::super) fn of(attributes: &[String]) -> Self {
        Self(attributes.iter().map(|name| Path::of(name)).collect())
    }
}

/// None may lead through another.
pub(super) fn check_apart(paths: &[Path], kind: Kind) -> Result<(), ApiError> {
    for (number, path) in paths.iter().enumerate() {
        for other in paths.iter().take(number) {
            let (one, other, why) = match () {
                () if path.overlaps(other) => (other, path, "overlap"),
                () if path.conflicts_with(other) => (other, path, "conflict"),
                () => continue,
            };
            return Err(kind.invalid(format!(
                "Two document paths {why} with each other; must remove or rewrite one of these paths; path one: {one}, path two: {other}"
            )));
        }
    }
    Ok(())
}

/// What is kept of a value.
#[derive(Default)]
struct Kept {
    is_whole: bool,
    fields: BTreeMap<String, Kept>,
    elements: BTreeMap<usize, Kept>,
}

/// The parts of an item. Elements of a list move together.
pub(in super::super) fn project(item: &Item, Projection(paths): &Projection) -> Item {
    let mut kept = Kept::default();
    for path in paths {
        let mut at = kept.fields.entry(path.attribute.clone()).or_default();
        for step in &path.steps {
            at = match step {
                Step::Field(name) => at.fields.entry(name.clone()).or_default(),
                Step::Index(index) => at.elements.entry(*index).or_default(),
            };
        }
        at.is_whole = true;
    }
    of_map(item, &kept.fields)
}

fn of_map(fields: &Item, kept: &BTreeMap<String, Kept>) -> Item {
    let part = |(name, kept)| Some((String::clone(name), of_value(fields.get(name)?, kept)?));
    kept.iter().filter_map(part).collect()
}

/// `None` where nothing is left.
fn of_value(value: &Value, kept: &Kept) -> Option<Value> {
    if kept.is_whole {
        return Some(value.clone());
    }
    match value {
        Value::M(fields) => Some(of_map(fields, &kept.fields)).filter(|left| !left.is_empty()).map(Value::M),
        Value::L(values) => {
            let part = |(index, kept): (&usize, &Kept)| of_value(values.get(*index)?, kept);
            let left: Vec<Value> = kept.elements.iter().filter_map(part).collect();
            Some(left).filter(|left| !left.is_empty()).map(Value::L)
        }
        _ => None,
    }
}
