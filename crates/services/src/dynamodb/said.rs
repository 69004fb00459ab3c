//! What writes of one item say, alone or in a transaction.

use std::collections::BTreeMap;

use aws_api::generated::dynamodb::types;

use super::{
    Handled,
    conditions::{check_not_both, of_expected},
    expressions::{Condition, Kind, Placeholders},
    value,
    writes::{Change, What},
};

type Attributes = BTreeMap<String, types::AttributeValue>;

/// See the module's doc.
#[derive(Default)]
pub(super) struct Said {
    pub table: Option<String>,
    /// The item that is put, or the key of another.
    pub attributes: Option<Attributes>,
    pub condition: Option<String>,
    pub names: Option<BTreeMap<String, String>>,
    pub values: Option<Attributes>,
    pub wants_old: Option<String>,
    /// What was there before there were expressions.
    pub expected: Option<BTreeMap<String, types::ExpectedAttributeValue>>,
    pub operator: Option<String>,
}

/// From an input of the model whose attributes are in this field; with `legacy`, one that may have conditions without expressions.
macro_rules! said {
    ($input:expr, $attributes:ident, legacy) => {
        $crate::dynamodb::said::Said {
            expected: $input.expected,
            operator: $input.conditional_operator,
            ..$crate::dynamodb::said::said!($input, $attributes)
        }
    };
    ($input:expr, $attributes:ident) => {
        $crate::dynamodb::said::Said {
            table: $input.table_name,
            attributes: $input.$attributes,
            condition: $input.condition_expression,
            names: $input.expression_attribute_names,
            values: $input.expression_attribute_values,
            wants_old: $input.return_values_on_condition_check_failure,
            ..$crate::dynamodb::said::Said::default()
        }
    };
}
pub(super) use said;

impl Said {
    /// The change, and the table that it is on. `what` is read with the names and values of the request; `has_update` where it is an
    /// expression, which forbids the `others`, too.
    pub(super) fn read(
        self,
        what: impl FnOnce(&Placeholders) -> Handled<What>,
        (has_update, others): (bool, &[(&str, bool)]),
    ) -> Handled<(String, Change)> {
        let is_legacy =
            [("Expected", self.expected.is_some()), ("ConditionalOperator", self.operator.is_some())];
        check_not_both(
            &[("UpdateExpression", has_update), ("ConditionExpression", self.condition.is_some())],
            &[others, &is_legacy].concat(),
        )?;
        let has_expressions = has_update || self.condition.is_some();
        let placeholders = Placeholders::read(self.names, self.values, has_expressions)?;
        let what = what(&placeholders)?;
        let condition = match self.condition {
            Some(text) => Some(Condition::parse(&text, Kind::Condition, &placeholders)?),
            None => of_expected(self.expected.unwrap_or_default(), self.operator.as_deref())?,
        };
        placeholders.check_used()?;
        let attributes = value::read(self.attributes.unwrap_or_default())?;
        let change = Change { attributes, what, condition, wants_old: self.wants_old };
        Ok((self.table.unwrap_or_default(), change))
    }
}
