//! The conditions of requests: in expressions, or in the parameters that were there before them ("Legacy conditional parameters").

use std::collections::BTreeMap;

use aws_api::{
    error_response::ApiError,
    generated::dynamodb::types::{self, AttributeValue},
};

use super::{
    Handled,
    error::{invalid, invalid_parameters},
    expressions::{Comparator, Condition, Function, Operand, Path, holds},
    value::{self, Item, Value},
};

/// Conditions of attributes, as they were before there were expressions.
pub(super) type Legacy = BTreeMap<String, types::Condition>;

/// All of them, or one of them where the operator is `OR`; `None` of none.
///
/// # Errors
/// When one is none.
pub(super) fn of_legacy(all: Legacy, operator: Option<&str>) -> Handled<Option<Condition>> {
    let conditions = all.into_iter().map(|(name, condition)| {
        let operator = condition.comparison_operator.unwrap_or_default();
        let values = condition.attribute_value_list.unwrap_or_default();
        let values = values.into_iter().map(Value::read).collect::<Handled<Vec<Value>>>()?;
        of_operator(&name, &operator, values)
    });
    joined(conditions.collect::<Handled<Vec<Condition>>>()?, operator)
}

/// What `Expected` says.
///
/// # Errors
/// When it is nothing that could be.
pub(super) fn of_expected(
    all: BTreeMap<String, types::ExpectedAttributeValue>,
    operator: Option<&str>,
) -> Handled<Option<Condition>> {
    let conditions = all.into_iter().map(|(name, expected)| {
        let types::ExpectedAttributeValue { value, exists, comparison_operator, attribute_value_list } =
            expected;
        match (comparison_operator, value, exists) {
            (Some(operator), None, None) => {
                let values = attribute_value_list.unwrap_or_default().into_iter().map(Value::read);
                of_operator(&name, &operator, values.collect::<Handled<_>>()?)
            }
            (None, Some(value), None | Some(true)) => of_operator(&name, "EQ", vec![Value::read(value)?]),
            (None, None, Some(false)) => of_operator(&name, "NULL", Vec::new()),
            (None, None, Some(true) | None) => Err(invalid_parameters(&format!(
                "Value must be provided when Exists is true for Attribute: {name}"
            ))),
            (None, Some(_), Some(false)) => Err(invalid_parameters(&format!(
                "Value cannot be used when Exists is false for Attribute: {name}"
            ))),
            (Some(_), _, _) => Err(invalid_parameters(&format!(
                "Exists or Value and ComparisonOperator cannot be used together for Attribute: {name}"
            ))),
        }
    });
    joined(conditions.collect::<Handled<Vec<Condition>>>()?, operator)
}

fn joined(conditions: Vec<Condition>, operator: Option<&str>) -> Handled<Option<Condition>> {
    let join = |one: Condition, other: Condition| match operator {
        Some("OR") => Condition::Or(Box::new(one), Box::new(other)),
        _ => Condition::And(Box::new(one), Box::new(other)),
    };
    Ok(conditions.into_iter().reduce(join))
}

fn of_operator(name: &str, operator: &str, values: Vec<Value>) -> Handled<Condition> {
    let takes = match operator {
        "NULL" | "NOT_NULL" => 0..=0,
        "BETWEEN" => 2..=2,
        "IN" => 1..=usize::MAX,
        _ => 1..=1,
    };
    if !takes.contains(&values.len()) {
        return Err(invalid_parameters(&format!(
            "Invalid number of argument(s) for the {operator} ComparisonOperator"
        )));
    }
    let attribute = || Operand::Path(Path::of(name));
    let mut operands = values.into_iter().map(Operand::Value);
    let mut next = || operands.next().unwrap_or(Operand::Value(Value::Null));
    let call = |function, other| Condition::Call(function, attribute(), other);
    let compare = |comparator, other| Condition::Compare(attribute(), comparator, other);
    Ok(match operator {
        "EQ" => compare(Comparator::Equal, next()),
        "NE" => compare(Comparator::NotEqual, next()),
        "LT" => compare(Comparator::Less, next()),
        "LE" => compare(Comparator::LessOrEqual, next()),
        "GT" => compare(Comparator::Greater, next()),
        "GE" => compare(Comparator::GreaterOrEqual, next()),
        "BETWEEN" => Condition::Between(attribute(), next(), next()),
        "NULL" => call(Function::AttributeNotExists, None),
        "NOT_NULL" => call(Function::AttributeExists, None),
        "CONTAINS" => call(Function::Contains, Some(next())),
        "NOT_CONTAINS" => Condition::Not(Box::new(call(Function::Contains, Some(next())))),
        "BEGINS_WITH" => call(Function::BeginsWith, Some(next())),
        "IN" => Condition::In(attribute(), operands.collect()),
        other => return Err(invalid(format!("Unknown ComparisonOperator: {other}"))),
    })
}

/// Only one of the two ways may be used in a request.
pub(super) fn check_not_both(expressions: &[(&str, bool)], others: &[(&str, bool)]) -> Handled<()> {
    let used = |all: &[(&str, bool)]| {
        let used: Vec<String> =
            all.iter().filter(|(_, is)| *is).map(|(name, _)| (*name).to_owned()).collect();
        used.join(", ")
    };
    let (expressions, others) = (used(expressions), used(others));
    match expressions.is_empty() || others.is_empty() {
        true => Ok(()),
        false => Err(invalid(format!(
            "Can not use both expression and non-expression parameters in the same request: Non-expression parameters: {{{others}}} Expression parameters: {{{expressions}}}"
        ))),
    }
}

/// Whether what is there meets the condition of a write.
///
/// # Errors
/// When it does not, with what is there where that is wanted.
pub(super) fn check(
    condition: Option<&Condition>,
    old: Option<&Item>,
    wants_old: Option<&str>,
) -> Handled<()> {
    let nothing = Item::new();
    if condition.is_none_or(|condition| holds(condition, old.unwrap_or(&nothing))) {
        return Ok(());
    }
    let error = ApiError::user("ConditionalCheckFailedException", 400, "The conditional request failed");
    Err(match old.filter(|_| wants_old == Some("ALL_OLD")) {
        Some(old) => {
            let shown: BTreeMap<String, AttributeValue> = value::shown(old.clone());
            error.with_member("Item", serde_json::to_value(shown).unwrap_or_default())
        }
        None => error,
    })
}
