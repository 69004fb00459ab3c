//! Operations on one item.

use std::collections::BTreeMap;

use aws_api::generated::dynamodb::types;
use store::{TableTransaction, TableView};

use super::{
    DynamoDb, Handled, capacity,
    conditions::check_not_both,
    error::{invalid, invalid_parameters, of_write},
    expressions::{Path, Placeholders, Projection, Update, UpdateValue, project},
    record::{table_in, table_key},
    said::{Said, said},
    value::{self, Item, Value},
    writes::{self, Change, What, Written},
};
use crate::{change::ChangeError, service::ServiceContext};

type Attributes = BTreeMap<String, types::AttributeValue>;

/// What a write is to tell.
struct Asked {
    returned: Option<String>,
    capacity: Option<String>,
}

impl DynamoDb {
    pub(super) async fn put_item(
        &self,
        context: &ServiceContext,
        input: types::PutItemInput,
    ) -> Handled<types::PutItemOutput> {
        let asked = Asked { returned: input.return_values, capacity: input.return_consumed_capacity };
        let said = said!(input, item, legacy);
        let (attributes, consumed_capacity) = self.replace(context, said, What::Put, asked).await?;
        Ok(types::PutItemOutput { attributes, consumed_capacity, item_collection_metrics: None })
    }

    pub(super) async fn delete_item(
        &self,
        context: &ServiceContext,
        input: types::DeleteItemInput,
    ) -> Handled<types::DeleteItemOutput> {
        let asked = Asked { returned: input.return_values, capacity: input.return_consumed_capacity };
        let said = said!(input, key, legacy);
        let (attributes, consumed_capacity) = self.replace(context, said, What::Delete, asked).await?;
        Ok(types::DeleteItemOutput { attributes, consumed_capacity, item_collection_metrics: None })
    }

    pub(super) async fn update_item(
        &self,
        context: &ServiceContext,
        input: types::UpdateItemInput,
    ) -> Handled<types::UpdateItemOutput> {
        let all = ["NONE", "ALL_OLD", "UPDATED_OLD", "ALL_NEW", "UPDATED_NEW"];
        let returned = returns(input.return_values.as_deref(), &all)?;
        let (expression, updates) = (input.update_expression, input.attribute_updates);
        let kinds = (expression.is_some(), &[("AttributeUpdates", updates.is_some())][..]);
        let what = |placeholders: &Placeholders| {
            Ok(What::Update(match (&expression, updates) {
                (Some(text), _) => Update::parse(text, placeholders)?,
                (None, Some(updates)) => of_attribute_updates(updates)?,
                (None, None) => Update::default(),
            }))
        };
        let (table, change) = said!(input, key, legacy).read(what, kinds).map_err(of_write)?;
        let paths: Vec<Path> = change.updated_paths().cloned().collect();
        let (written, consumed_capacity) =
            self.write(context, &table, change, input.return_consumed_capacity.as_deref()).await?;
        let updated = |item: Option<Item>| item.map(|item| project(&item, &Projection::at(paths)));
        let attributes = match returned {
            "ALL_OLD" => written.old,
            "ALL_NEW" => written.new,
            "UPDATED_OLD" => updated(written.old),
            "UPDATED_NEW" => updated(written.new),
            _ => None,
        };
        let attributes = attributes.filter(|item| !item.is_empty() || returned.starts_with("ALL"));
        Ok(types::UpdateItemOutput {
            attributes: attributes.map(value::shown),
            consumed_capacity,
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

    /// Puts or deletes: what was there, and what that counts, where they are asked for.
    async fn replace(
        &self,
        context: &ServiceContext,
        said: Said,
        what: What,
        asked: Asked,
    ) -> Handled<(Option<Attributes>, Option<types::ConsumedCapacity>)> {
        let returned = returns(asked.returned.as_deref(), &["NONE", "ALL_OLD"])?;
        let (table, change) = said.read(|_| Ok(what), (false, &[])).map_err(of_write)?;
        let (written, consumed) = self.write(context, &table, change, asked.capacity.as_deref()).await?;
        let old = written.old.filter(|_| returned == "ALL_OLD");
        Ok((old.map(value::shown), consumed))
    }

    async fn write(
        &self,
        context: &ServiceContext,
        table: &str,
        change: Change,
        asked: Option<&str>,
    ) -> Handled<(Written, Option<types::ConsumedCapacity>)> {
        let (named, now_ms) = (table_key(context, Some(table)), context.now_ms);
        let change = move |transaction: &mut TableTransaction<'_>| -> Result<Written, ChangeError> {
            let table = table_in(transaction, &named)?;
            change.carry_out(transaction, &table, now_ms)
        };
        let written = self.tables.transact(change, |_| {}).await?;
        let consumed = capacity::consumed(asked, table, capacity::of_write(written.size()));
        Ok((written, consumed))
    }
}

/// What is to be returned.
fn returns<'a>(asked: Option<&'a str>, known: &[&str]) -> Handled<&'a str> {
    let asked = asked.unwrap_or("NONE");
    if known.contains(&asked) {
        return Ok(asked);
    }
    Err(invalid("Return values set to invalid value"))
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
            ("DELETE", Some(value)) if value.is_set() => update.delete.push((path, value)),
            ("ADD", Some(value @ Value::N(_))) => update.add.push((path, value)),
            ("ADD", Some(value)) if value.is_set() => update.add.push((path, value)),
            (action @ ("ADD" | "DELETE"), Some(value)) => {
                return Err(invalid_parameters(&format!(
                    "Action {action} is not supported for the type {}",
                    value.type_name()
                )));
            }
            (action, _) => {
                return Err(invalid_parameters(&format!(
                    "Only DELETE action is allowed when no attribute value is specified, not {action}"
                )));
            }
        }
    }
    Ok(update)
}
