//! What stands for names and values in the expressions of a request.

use std::{
    cell::RefCell,
    collections::{BTreeMap, BTreeSet},
};

use aws_api::{error_response::ApiError, generated::dynamodb::types::AttributeValue};

use super::{
    super::{
        error::invalid,
        value::{self, Item, Value},
    },
    Kind,
};

/// The names and values of a request; each must be used in one of its expressions.
#[derive(Debug, Default)]
pub(in super::super) struct Placeholders {
    names: BTreeMap<String, String>,
    values: Item,
    used: RefCell<BTreeSet<String>>,
}

impl Placeholders {
    /// Of a request that has expressions, or has none.
    ///
    /// # Errors
    /// When they are for nothing, or cannot be what they are called.
    pub(in super::super) fn read(
        names: Option<BTreeMap<String, String>>,
        values: Option<BTreeMap<String, AttributeValue>>,
        has_expressions: bool,
    ) -> Result<Self, ApiError> {
        for (what, is_there, is_empty) in [
            ("ExpressionAttributeNames", names.is_some(), names.as_ref().is_some_and(BTreeMap::is_empty)),
            ("ExpressionAttributeValues", values.is_some(), values.as_ref().is_some_and(BTreeMap::is_empty)),
        ] {
            if is_there && !has_expressions {
                return Err(invalid(format!("{what} can only be specified when using expressions")));
            }
            if is_empty {
                return Err(invalid(format!("{what} must not be empty")));
            }
        }
        let (names, values) = (names.unwrap_or_default(), values.unwrap_or_default());
        check("ExpressionAttributeNames", '#', names.keys())?;
        check("ExpressionAttributeValues", ':', values.keys())?;
        let values = value::read(values).map_err(|error| ApiError {
            message: format!("ExpressionAttributeValues contains invalid value: {}", error.message),
            ..error
        })?;
        Ok(Self { names, values, used: RefCell::default() })
    }

    pub(super) fn name(&self, placeholder: &str, kind: Kind) -> Result<String, ApiError> {
        self.used.borrow_mut().insert(placeholder.to_owned());
        self.names.get(placeholder).cloned().ok_or_else(|| {
            kind.invalid(format!(
                "An expression attribute name used in the document path is not defined; attribute name: {placeholder}"
            ))
        })
    }

    pub(super) fn value(&self, placeholder: &str, kind: Kind) -> Result<Value, ApiError> {
        self.used.borrow_mut().insert(placeholder.to_owned());
        self.values.get(placeholder).cloned().ok_or_else(|| {
            kind.invalid(format!(
                "An expression attribute value used in expression is not defined; attribute value: {placeholder}"
            ))
        })
    }

    /// To be called when all expressions of the request are read.
    ///
    /// # Errors
    /// When one was not used.
    pub(in super::super) fn check_used(&self) -> Result<(), ApiError> {
        let used = self.used.borrow();
        for (what, all) in [
            ("ExpressionAttributeNames", self.names.keys().collect::<Vec<_>>()),
            ("ExpressionAttributeValues", self.values.keys().collect()),
        ] {
            let unused: Vec<&str> =
                all.into_iter().filter(|name| !used.contains(*name)).map(String::as_str).collect();
            if !unused.is_empty() {
                let keys = unused.join(", ");
                return Err(invalid(format!(
                    "Value provided in {what} unused in expressions: keys: {{{keys}}}"
                )));
            }
        }
        Ok(())
    }
}

fn check<'a>(what: &str, first: char, mut names: impl Iterator<Item = &'a String>) -> Result<(), ApiError> {
    let is_one = |name: &str| {
        name.strip_prefix(first).is_some_and(|rest| {
            !rest.is_empty() && rest.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_')
        })
    };
    match names.find(|name| !is_one(name)) {
        None => Ok(()),
        Some(name) => Err(invalid(format!("{what} contains invalid key: Syntax error; key: \"{name}\""))),
    }
}
