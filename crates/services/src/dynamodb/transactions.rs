//! Reads and writes of many items, all or none.

use std::collections::BTreeSet;

use aws_api::{error_response::ApiError, generated::dynamodb::types};
use serde_json::{Value as Json, json};
use sha2::{Digest, Sha256};
use store::{TableTransaction, TableView};

use super::{
    DynamoDb, Handled, capacity,
    error::invalid,
    expressions::{Placeholders, Update, project},
    items::projection,
    record::{table_in, table_key},
    said::said,
    value,
    writes::{self, Change, What},
};
use crate::{
    change::{ChangeError, failed},
    service::ServiceContext,
};

/// How long a request with a token is known (ClientRequestToken).
const TOKEN_MS: i64 = 10 * 60 * 1_000;
/// Bytes of all items of a transaction at most.
const BYTES_MAX: usize = 4 << 20;

impl DynamoDb {
    /// A request with the token of an earlier one does nothing more.
    pub(super) async fn transact_write_items(
        &self,
        context: &ServiceContext,
        input: types::TransactWriteItemsInput,
    ) -> Handled<types::TransactWriteItemsOutput> {
        let items = input.transact_items.unwrap_or_default();
        let fingerprint = serde_json::to_vec(&items).map_err(|error| failed(error.to_string()))?;
        let fingerprint = Sha256::digest(&fingerprint).to_vec();
        let changes = items.into_iter().map(change).collect::<Handled<Vec<(String, Change)>>>()?;
        let (context, asked) = (context.clone(), input.return_consumed_capacity);
        let token = input.client_request_token;
        let change = move |transaction: &mut TableTransaction<'_>| -> Result<_, ChangeError> {
            if let Some(token) = &token
                && is_done(transaction, &context, token, &fingerprint)?
            {
                return Ok(Vec::new());
            }
            carry_out(transaction, &context, &changes, asked.as_deref())
        };
        let consumed: Vec<types::ConsumedCapacity> = self.tables.transact(change, |_| {}).await?;
        Ok(types::TransactWriteItemsOutput {
            consumed_capacity: Some(consumed).filter(|consumed| !consumed.is_empty()),
            item_collection_metrics: None,
        })
    }

    pub(super) async fn transact_get_items(
        &self,
        context: &ServiceContext,
        input: types::TransactGetItemsInput,
    ) -> Handled<types::TransactGetItemsOutput> {
        let gets = input.transact_items.unwrap_or_default().into_iter().filter_map(|item| item.get);
        let gets: Vec<types::Get> = gets.collect();
        let (context, asked) = (context.clone(), input.return_consumed_capacity);
        let read = move |view: &TableView<'_>| -> Result<types::TransactGetItemsOutput, ChangeError> {
            let (mut responses, mut consumed, mut bytes) = (Vec::new(), Vec::new(), 0);
            let (mut reasons, mut seen) = (Vec::new(), BTreeSet::new());
            for get in gets {
                let names = get.expression_attribute_names;
                let placeholders = Placeholders::read(names, None, get.projection_expression.is_some())?;
                let projection = projection(get.projection_expression.as_deref(), None, &placeholders)?;
                placeholders.check_used()?;
                let name = get.table_name.unwrap_or_default();
                let key = table_key(&context, Some(&name));
                let table = table_in(view, &key)?;
                let place = table.key.place_of_key(&value::read(get.key.unwrap_or_default())?);
                let place = match place {
                    Ok(place) => place,
                    Err(error) => {
                        reasons.push(Some(of_key(error)?));
                        continue;
                    }
                };
                reasons.push(None);
                if !seen.insert((key, place.clone())) {
                    return Err(twice().into());
                }
                let item = writes::get(view, &table, &place)?;
                let size = item.as_ref().map_or(0, value::size);
                bytes += size;
                let units = 2.0 * capacity::of_read(size, true);
                consumed.extend(capacity::consumed(asked.as_deref(), &name, units));
                let item = item.map(|item| match &projection {
                    Some(projection) => project(&item, projection),
                    None => item,
                });
                responses.push(types::ItemResponse { item: item.map(value::shown) });
            }
            if reasons.iter().any(Option::is_some) {
                return Err(cancelled(&reasons).into());
            }
            check_size(bytes)?;
            let consumed = capacity::by_table(consumed);
            let consumed_capacity = Some(consumed).filter(|consumed| !consumed.is_empty());
            Ok(types::TransactGetItemsOutput { responses: Some(responses), consumed_capacity })
        };
        Ok(self.tables.read(read).await?)
    }
}

/// Whether the request was carried out before; its token is kept from now on.
fn is_done(
    transaction: &mut TableTransaction<'_>,
    context: &ServiceContext,
    token: &str,
    fingerprint: &[u8],
) -> Result<bool, ChangeError> {
    let named = (context.account_id(), context.region.as_str(), token);
    match transaction.token(named, context.now_ms)? {
        Some(before) if before == fingerprint => Ok(true),
        Some(_) => Err(mismatch().into()),
        None => {
            transaction.put_token(named, fingerprint, (context.now_ms, context.now_ms + TOKEN_MS))?;
            Ok(false)
        }
    }
}

fn mismatch() -> ApiError {
    ApiError::user(
        "IdempotentParameterMismatchException",
        400,
        "The request was rejected because it was retried with the same client token and other parameters.",
    )
}

/// All of them, or the reasons why none.
fn carry_out(
    transaction: &mut TableTransaction<'_>,
    context: &ServiceContext,
    changes: &[(String, Change)],
    asked: Option<&str>,
) -> Result<Vec<types::ConsumedCapacity>, ChangeError> {
    let (mut reasons, mut consumed) = (Vec::new(), Vec::new());
    let (mut seen, mut bytes) = (BTreeSet::new(), 0);
    for (name, change) in changes {
        let key = table_key(context, Some(name));
        let table = table_in(transaction, &key)?;
        let place = match change.place(&table) {
            Ok(place) => place,
            Err(error) => {
                reasons.push(Some(of_key(error)?));
                continue;
            }
        };
        if !seen.insert((key, place)) {
            return Err(twice().into());
        }
        reasons.push(match change.carry_out(transaction, &table, context.now_ms) {
            Ok(written) => {
                bytes += written.size();
                let units = 2.0 * capacity::of_write(written.size());
                consumed.extend(capacity::consumed(asked, name, units));
                None
            }
            Err(ChangeError::Refused(error)) => Some(error),
            Err(error) => return Err(error),
        });
    }
    check_size(bytes)?;
    match reasons.iter().any(Option::is_some) {
        true => Err(cancelled(&reasons).into()),
        false => Ok(capacity::by_table(consumed)),
    }
}

/// What is wrong with a key is a reason; but one that is empty is told at once (recorded from AWS by moto's tests).
fn of_key(error: ApiError) -> Handled<ApiError> {
    match error.message.contains("cannot contain an empty") {
        true => Err(error),
        false => Ok(error),
    }
}

fn twice() -> ApiError {
    invalid("Transaction request cannot include multiple operations on one item")
}

fn check_size(bytes: usize) -> Handled<()> {
    match bytes > BYTES_MAX {
        true => Err(invalid("Collection size of the transaction exceeds the maximum of 4 MB")),
        false => Ok(()),
    }
}

/// The error of a transaction that was not carried out.
fn cancelled(reasons: &[Option<ApiError>]) -> ApiError {
    let code = |reason: &Option<ApiError>| match reason {
        None => "None",
        Some(error) if error.code == "ConditionalCheckFailedException" => "ConditionalCheckFailed",
        Some(_) => "ValidationError",
    };
    let shown = |reason: &Option<ApiError>| -> Json {
        let mut shown = json!({"Code": code(reason)});
        if let Some(error) = reason {
            shown["Message"] = error.message.clone().into();
            for (name, value) in &error.members {
                shown[*name] = value.clone();
            }
        }
        shown
    };
    let codes = reasons.iter().map(code).collect::<Vec<_>>().join(", ");
    let message =
        format!("Transaction cancelled, please refer cancellation reasons for specific reasons [{codes}]");
    ApiError::user("TransactionCanceledException", 400, message)
        .with_member("CancellationReasons", reasons.iter().map(shown).collect())
}

/// One action of a transaction, and the table that it is on.
fn change(item: types::TransactWriteItem) -> Handled<(String, Change)> {
    let types::TransactWriteItem { condition_check, put, delete, update } = item;
    match (condition_check, put, delete, update) {
        (Some(check), None, None, None) => said!(check, key).read(|_| Ok(What::Check), (false, &[])),
        (None, Some(put), None, None) => said!(put, item).read(|_| Ok(What::Put), (false, &[])),
        (None, None, Some(delete), None) => said!(delete, key).read(|_| Ok(What::Delete), (false, &[])),
        (None, None, None, Some(update)) => {
            let text = update.update_expression.unwrap_or_default();
            let what = |placeholders: &Placeholders| Update::parse(&text, placeholders).map(What::Update);
            said!(update, key).read(what, (true, &[]))
        }
        _ => Err(invalid("TransactItems can only contain one of Check, Put, Update or Delete")),
    }
}
