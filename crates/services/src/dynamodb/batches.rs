//! Reads and writes of many items, each for itself.

use std::collections::{BTreeMap, BTreeSet};

use aws_api::generated::dynamodb::types;
use store::{TableTransaction, TableView};

use super::{
    DynamoDb, Handled, capacity,
    conditions::check_not_both,
    error::invalid,
    expressions::{Placeholders, Projection, project},
    items::projection,
    record::{TableRecord, table_in, table_key},
    value::{self, Item},
    writes::{self, Change, What},
};
use crate::{change::ChangeError, service::ServiceContext};

/// Items that one request reads at most.
const READS_MAX: usize = 100;
/// Items that one request writes at most.
const WRITES_MAX: usize = 25;
/// Bytes that one answer has at most: the rest is left to another request.
const ANSWER_BYTES_MAX: usize = 16 << 20;

/// What is read of one table.
struct Wanted {
    name: String,
    keys: Vec<Item>,
    projection: Option<Projection>,
    is_consistent: bool,
    /// As it was asked, but for the keys.
    asked: types::KeysAndAttributes,
}

/// What was read of one table.
#[derive(Default)]
struct Found {
    items: Vec<BTreeMap<String, types::AttributeValue>>,
    unread: Vec<BTreeMap<String, types::AttributeValue>>,
    units: f64,
}

impl DynamoDb {
    pub(super) async fn batch_get_item(
        &self,
        context: &ServiceContext,
        input: types::BatchGetItemInput,
    ) -> Handled<types::BatchGetItemOutput> {
        let wanted = input.request_items.unwrap_or_default().into_iter().map(wanted);
        let wanted: Vec<Wanted> = wanted.collect::<Handled<_>>()?;
        if wanted.iter().map(|wanted| wanted.keys.len()).sum::<usize>() > READS_MAX {
            return Err(invalid("Too many items requested for the BatchGetItem call"));
        }
        let (context, asked) = (context.clone(), input.return_consumed_capacity);
        let read = move |view: &TableView<'_>| -> Result<types::BatchGetItemOutput, ChangeError> {
            let (mut responses, mut left) = (BTreeMap::new(), BTreeMap::new());
            let (mut consumed, mut bytes) = (Vec::new(), 0);
            for wanted in wanted {
                let table = table_in(view, &table_key(&context, Some(&wanted.name)))?;
                let found = wanted.read(view, &table, &mut bytes)?;
                if !found.unread.is_empty() {
                    let keys = Some(found.unread);
                    left.insert(wanted.name.clone(), types::KeysAndAttributes { keys, ..wanted.asked });
                }
                consumed.extend(capacity::consumed(asked.as_deref(), &wanted.name, found.units));
                responses.insert(wanted.name, found.items);
            }
            Ok(types::BatchGetItemOutput {
                responses: Some(responses),
                unprocessed_keys: Some(left),
                consumed_capacity: Some(consumed).filter(|consumed| !consumed.is_empty()),
            })
        };
        Ok(self.tables.read(read).await?)
    }

    pub(super) async fn batch_write_item(
        &self,
        context: &ServiceContext,
        input: types::BatchWriteItemInput,
    ) -> Handled<types::BatchWriteItemOutput> {
        let requests = input.request_items.unwrap_or_default();
        if requests.values().map(Vec::len).sum::<usize>() > WRITES_MAX {
            return Err(invalid("Too many items requested for the BatchWriteItem call"));
        }
        let read = |(name, requests): (String, Vec<types::WriteRequest>)| {
            Ok((name, requests.into_iter().map(change).collect::<Handled<Vec<Change>>>()?))
        };
        let changes: Vec<(String, Vec<Change>)> = requests.into_iter().map(read).collect::<Handled<_>>()?;
        let (context, asked) = (context.clone(), input.return_consumed_capacity);
        let change = move |transaction: &mut TableTransaction<'_>| -> Result<_, ChangeError> {
            let mut consumed = Vec::new();
            for (name, changes) in changes {
                let table = table_in(transaction, &table_key(&context, Some(&name)))?;
                let (mut units, mut seen) = (0.0, BTreeSet::new());
                for change in changes {
                    if !seen.insert(change.place(&table)?) {
                        return Err(duplicates().into());
                    }
                    units +=
                        capacity::of_write(change.carry_out(transaction, &table, context.now_ms)?.size());
                }
                consumed.extend(capacity::consumed(asked.as_deref(), &name, units));
            }
            Ok(consumed)
        };
        let consumed: Vec<types::ConsumedCapacity> = self.tables.transact(change, |_| {}).await?;
        Ok(types::BatchWriteItemOutput {
            unprocessed_items: Some(BTreeMap::new()),
            item_collection_metrics: None,
            consumed_capacity: Some(consumed).filter(|consumed| !consumed.is_empty()),
        })
    }
}

impl Wanted {
    /// Reads until the answer is full; `bytes` is what it has so far.
    fn read(
        &self,
        view: &TableView<'_>,
        table: &TableRecord,
        bytes: &mut usize,
    ) -> Result<Found, ChangeError> {
        let (mut found, mut seen) = (Found::default(), BTreeSet::new());
        for key in &self.keys {
            let place = table.key.place_of_key(key)?;
            if !seen.insert(place.clone()) {
                return Err(duplicates().into());
            }
            if *bytes > ANSWER_BYTES_MAX {
                found.unread.push(value::shown(key.clone()));
                continue;
            }
            let item = writes::get(view, table, &place)?;
            let size = item.as_ref().map_or(0, value::size);
            *bytes += size;
            if *bytes > ANSWER_BYTES_MAX {
                found.unread.push(value::shown(key.clone()));
                continue;
            }
            found.units += capacity::of_read(size, self.is_consistent);
            found.items.extend(item.map(|item| match &self.projection {
                Some(projection) => value::shown(project(&item, projection)),
                None => value::shown(item),
            }));
        }
        Ok(found)
    }
}

fn duplicates() -> aws_api::error_response::ApiError {
    invalid("Provided list of item keys contains duplicates")
}

fn wanted((name, mut asked): (String, types::KeysAndAttributes)) -> Handled<Wanted> {
    check_not_both(
        &[("ProjectionExpression", asked.projection_expression.is_some())],
        &[("AttributesToGet", asked.attributes_to_get.is_some())],
    )?;
    let names = asked.expression_attribute_names.clone();
    let placeholders = Placeholders::read(names, None, asked.projection_expression.is_some())?;
    let projection =
        projection(asked.projection_expression.as_deref(), asked.attributes_to_get.clone(), &placeholders)?;
    placeholders.check_used()?;
    let keys = asked.keys.take().unwrap_or_default().into_iter().map(value::read).collect::<Handled<_>>()?;
    let is_consistent = asked.consistent_read == Some(true);
    Ok(Wanted { name, keys, projection, is_consistent, asked })
}

fn change(request: types::WriteRequest) -> Handled<Change> {
    let (attributes, what) = match (request.put_request, request.delete_request) {
        (Some(put), None) => (put.item, What::Put),
        (None, Some(delete)) => (delete.key, What::Delete),
        _ => {
            return Err(invalid(
                "Supplied AttributeValue has more than one datatypes set, must contain exactly one of the supported datatypes",
            ));
        }
    };
    let attributes = value::read(attributes.unwrap_or_default())?;
    Ok(Change { attributes, what, condition: None, wants_old: None })
}
