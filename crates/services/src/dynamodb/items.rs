//! Operations on one item.

use std::collections::BTreeMap;

use aws_api::generated::dynamodb::types;
use store::{TableTransaction, TableView};

use super::{
    DynamoDb, Handled, capacity,
    conditions::{check_not_both, of_expected},
    error::{invalid, invalid_parameters},
    expressions::{Condition, Kind, Path, Placeholders, Projection, Update, UpdateValue, project},
    record::{table_in, table_key},
    value::{self, Item, Value},
    writes::{self, Change, What, Written},
};
use crate::{change::ChangeError, service::ServiceContext};

impl DynamoDb {
    pub(super) async fn put_item(
        &self,
        context: &ServiceContext,
        input: types::PutItemInput,
    ) -> Handled<types::PutItemOutput> {
        let returned = returns(input.return_values.as_deref(), &["NONE", "ALL_OLD"])?;
        check_not_both(
            &[("ConditionExpression", input.condition_expression.is_some())],
            &[
                ("Expected", input.expected.is_some()),
                ("ConditionalOperator", input.conditional_operator.is_some()),
            ],
        )?;
        let placeholders = Placeholders::read(
            input.expression_attribute_names,
            input.expression_attribute_values,
            input.condition_expression.is_some(),
        )?;
        let condition = condition(
            input.condition_expression.as_deref(),
            input.expected,
            input.conditional_operator.as_deref(),
            &placeholders,
        )?;
        placeholders.check_used()?;
        let (wants_old, name) = (input.return_values_on_condition_check_failure, input.table_name);
        let attributes = value::read(input.item.unwrap_or_default())?;
        let change = Change { attributes, what: What::Put, condition, wants_old };
        let written = self.write(context, name.as_deref(), change).await?;
        let attributes = if returned == "ALL_OLD" { written.old.clone() } else { None };
        Ok(types::PutItemOutput {
            attributes: attributes.map(value::shown),
            consumed_capacity: consumed(&written, input.return_consumed_capacity.as_deref(), name.as_deref()),
            item_collection_metrics: None,
        })
    }

    pub(super) async fn delete_item(
        &self,
        context: &ServiceContext,
        input: types::DeleteItemInput,
    ) -> Handled<types::DeleteItemOutput> {
        let returned = returns(input.return_values.as_deref(), &["NONE", "ALL_OLD"])?;
        check_not_both(
            &[("ConditionExpression", input.condition_expression.is_some())],
            &[
                ("Expected", input.expected.is_some()),
                ("ConditionalOperator", input.conditional_operator.is_some()),
            ],
        )?;
        let placeholders = Placeholders::read(
            input.expression_attribute_names,
            input.expression_attribute_values,
            input.condition_expression.is_some(),
        )?;
        let condition = condition(
            input.condition_expression.as_deref(),
            input.expected,
            input.conditional_operator.as_deref(),
            &placeholders,
        )?;
        placeholders.check_used()?;
        let (wants_old, name) = (input.return_values_on_condition_check_failure, input.table_name);
        let attributes = value::read(input.key.unwrap_or_default())?;
        let change = Change { attributes, what: What::Delete, condition, wants_old };
        let written = self.write(context, name.as_deref(), change).await?;
        let attributes = if returned == "ALL_OLD" { written.old.clone() } else { None };
        Ok(types::DeleteItemOutput {
            attributes: attributes.map(value::shown),
            consumed_capacity: consumed(&written, input.return_consumed_capacity.as_deref(), name.as_deref()),
            item_collection_metrics: None,
        })
    }

    pub(super) async fn update_item(
        &self,
        context: &ServiceContext,
        input: types::UpdateItemInput,
    ) -> Handled<types::UpdateItemOutput> {
        let all = ["NONE", "ALL_OLD", "UPDATED_OLD", "ALL_NEW", "UPDATED_NEW"];
        let returned = returns(input.return_values.as_deref(), &all)?;
        check_not_both(
            &[
                ("UpdateExpression", input.update_expression.is_some()),
                ("ConditionExpression", input.condition_expression.is_some()),
            ],
            &[
                ("AttributeUpdates", input.attribute_updates.is_some()),
                ("Expected", input.expected.is_some()),
                ("ConditionalOperator", input.conditional_operator.is_some()),
            ],
        )?;
        let has_expressions = input.update_expression.is_some() || input.condition_expression.is_some();
        let placeholders = Placeholders::read(
            input.expression_attribute_names,
            input.expression_attribute_values,
            has_expressions,
        )?;
        let update = match (&input.update_expression, input.attribute_updates) {
            (Some(text), _) => Update::parse(text, &placeholders)?,
            (None, Some(updates)) => of_attribute_updates(updates)?,
            (None, None) => Update::default(),
        };
        let condition = condition(
            input.condition_expression.as_deref(),
            input.expected,
            input.conditional_operator.as_deref(),
            &placeholders,
        )?;
        placeholders.check_used()?;
        let (wants_old, name) = (input.return_values_on_condition_check_failure, input.table_name);
        let attributes = value::read(input.key.unwrap_or_default())?;
        let paths: Vec<Path> = update.paths().cloned().collect();
        let change = Change { attributes, what: What::Update(update), condition, wants_old };
        let written = self.write(context, name.as_deref(), change).await?;
        let updated =
            |item: &Option<Item>| item.as_ref().map(|item| project(item, &Projection::at(paths.clone())));
        let attributes = match returned {
            "ALL_OLD" => written.old.clone(),
            "ALL_NEW" => written.new.clone(),
            "UPDATED_OLD" => updated(&written.old),
            "UPDATED_NEW" => updated(&written.new),
            _ => None,
        };
        let attributes = attributes.filter(|item| !item.is_empty() || returned.starts_with("ALL"));
        Ok(types::UpdateItemOutput {
            attributes: attributes.map(value::shown),
            consumed_capacity: consumed(&written, input.return_consumed_capacity.as_deref(), name.as_deref()),
            item_collection_metrics: None,
        })
    }

    pub(super) async fn get_item(
        &self,
        context: &ServiceContext,
        input: types::GetItemInput,
    ) -> Handled<types::GetItemOutput> {
        check_not_both(
            &[("ProjectionExpression", input.projection_expression.is_some())],
            &[("AttributesToGet", input.attributes_to_get.is_some())],
        )?;
        let placeholders = Placeholders::read(
            input.expression_attribute_names,
            None,
            input.projection_expression.is_some(),
        )?;
        let projection =
            projection(input.projection_expression.as_deref(), input.attributes_to_get, &placeholders)?;
        placeholders.check_used()?;
        let key = value::read(input.key.unwrap_or_default())?;
        let named = table_key(context, input.table_name.as_deref());
        let read = move |view: &TableView<'_>| -> Result<Option<Item>, ChangeError> {
            let table = table_in(view, &named)?;
            let place = table.key.place_of_key(&key)?;
            writes::get(view, &table, &place)
        };
        let found = self.tables.read(read).await?;
        let units =
            capacity::of_read(found.as_ref().map_or(0, value::size), input.consistent_read == Some(true));
        let name = input.table_name.unwrap_or_default();
        let shown = found.map(|item| match &projection {
            Some(projection) => project(&item, projection),
            None => item,
        });
        Ok(types::GetItemOutput {
            item: shown.map(value::shown),
            consumed_capacity: capacity::consumed(input.return_consumed_capacity.as_deref(), &name, units),
        })
    }

    async fn write(&self, context: &ServiceContext, table: Option<&str>, change: Change) -> Handled<Written> {
        let (named, now_ms) = (table_key(context, table), context.now_ms);
        let change = move |transaction: &mut TableTransaction<'_>| -> Result<Written, ChangeError> {
            let table = table_in(transaction, &named)?;
            change.carry_out(transaction, &table, now_ms)
        };
        Ok(self.tables.transact(change, |_| {}).await?)
    }
}

fn consumed(written: &Written, asked: Option<&str>, table: Option<&str>) -> Option<types::ConsumedCapacity> {
    capacity::consumed(asked, table.unwrap_or_default(), capacity::of_write(written.size()))
}

/// What is to be returned.
fn returns<'a>(asked: Option<&'a str>, known: &[&str]) -> Handled<&'a str> {
    let asked = asked.unwrap_or("NONE");
    if known.contains(&asked) {
        return Ok(asked);
    }
    Err(invalid(format!("Return values set to invalid value: {asked}")))
}

pub(super) fn condition(
    expression: Option<&str>,
    expected: Option<BTreeMap<String, types::ExpectedAttributeValue>>,
    operator: Option<&str>,
    placeholders: &Placeholders,
) -> Handled<Option<Condition>> {
    match expression {
        Some(text) => Condition::parse(text, Kind::Condition, placeholders).map(Some),
        None => of_expected(expected.unwrap_or_default(), operator),
    }
}

/// Which parts are wanted; `None` for all.
pub(super) fn projection(
    expression: Option<&str>,
    attributes: Option<Vec<String>>,
    placeholders: &Placeholders,
) -> Handled<Option<Projection>> {
    match (expression, attributes) {
        (Some(text), _) => Projection::parse(text, placeholders).map(Some),
        (None, Some(attributes)) => Ok(Some(Projection::of(&attributes))),
        (None, None) => Ok(None),
    }
}

/// What updates were before there were expressions.
fn of_attribute_updates(updates: BTreeMap<String, types::AttributeValueUpdate>) -> Handled<Update> {
    let mut update = Update::default();
    for (name, types::AttributeValueUpdate { value, action }) in updates {
        let (path, value) = (Path::of(&name), value.map(Value::read).transpose()?);
        match (action.as_deref().unwrap_or("PUT"), value) {
            ("PUT", Some(value)) => update.set.push((path, UpdateValue::Value(value))),
            ("DELETE", None) => update.remove.push(path),
            ("DELETE", Some(value)) => update.delete.push((path, value)),
            ("ADD", Some(value)) => update.add.push((path, value)),
            (action, _) => {
                return Err(invalid_parameters(&format!(
                    "Only DELETE action is allowed when no attribute value is specified, not {action}"
                )));
            }
        }
    }
    Ok(update)
}
