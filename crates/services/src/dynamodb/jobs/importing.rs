//! What an import does: objects one after another, their items in batches.

use std::sync::Arc;

use aws_api::generated::dynamodb::types;
use bytes::Bytes;
use lambda_model::ports::{Clock, CodeObject};
use store::{TableKey, TableTransaction};
use tokio::sync::mpsc;

use super::{
    super::{
        DynamoDb,
        record::{encode, found_in},
        streams::Actor,
        tables::attribute,
        value::Item,
        writes,
    },
    COMPLETED, FAILED, Failure, Job, asker,
    formats::{Format, Found},
    named, seconds,
};
use crate::{change::ChangeError, s3::S3};

/// Items that one transaction writes.
const BATCH: usize = 100;
/// Batches that wait for the one before.
const WAITING: usize = 2;

/// How many there were.
#[derive(Default)]
struct Counts {
    bytes: i64,
    items: i64,
    imported: i64,
}

impl DynamoDb {
    /// Does an import, and keeps what became of it.
    pub(super) async fn carry_out_import(
        &self,
        s3: &S3,
        clock: &Arc<dyn Clock>,
        (arn, mut import): (&str, types::ImportTableDescription),
    ) -> Result<(), ChangeError> {
        let Some((key, _)) = named(arn, "/import/") else { return Ok(()) };
        let mut counts = Counts::default();
        let ended = self.import_objects(s3, clock, (&key, &import), &mut counts).await;
        let errors = counts.items - counts.imported;
        import.processed_size_bytes = Some(counts.bytes);
        import.processed_item_count = Some(counts.items);
        import.imported_item_count = Some(counts.imported);
        import.error_count = Some(errors);
        let failure = ended.err().or_else(|| (errors > 0).then(invalid_items));
        import.import_status = Some(if failure.is_some() { FAILED } else { COMPLETED }.to_owned());
        import.end_time = Some(seconds(clock.now_ms()));
        // Where nothing could be read there is no table either.
        let is_table_left = failure.is_none() || counts.items > 0;
        if let Some(Failure { code, message }) = failure {
            (import.failure_code, import.failure_message) = (Some(code), Some(message));
        }
        let arn = arn.to_owned();
        let change = move |transaction: &mut TableTransaction<'_>| -> Result<(), ChangeError> {
            if let Some(mut table) = found_in(transaction, &key)?.filter(|table| table.is_importing) {
                if is_table_left {
                    table.is_importing = false;
                    transaction.put_table(&key, &encode(&table)?)?;
                } else {
                    table.spaces().try_for_each(|space| transaction.delete_space(space))?;
                    transaction.delete_table(&key)?;
                }
            }
            Job::Import(import).keep(transaction, &arn)
        };
        self.tables.transact(change, |()| {}).await
    }

    async fn import_objects(
        &self,
        s3: &S3,
        clock: &Arc<dyn Clock>,
        (key, import): (&TableKey, &types::ImportTableDescription),
        counts: &mut Counts,
    ) -> Result<(), Failure> {
        let source = import.s3_bucket_source.clone().unwrap_or_default();
        let bucket = source.s3_bucket.unwrap_or_default();
        let (owner, prefix) = (source.s3_bucket_owner, source.s3_key_prefix.unwrap_or_default());
        let context = asker(key, clock.now_ms());
        let format = Arc::new(format(import));
        for name in s3.keys(&context, (&bucket, owner.as_deref()), &prefix).await? {
            let object = CodeObject { bucket: bucket.clone(), key: name, version_id: None };
            let bytes = s3.object(&context, &object).await?;
            counts.bytes += i64::try_from(bytes.len()).unwrap_or(i64::MAX);
            self.import_object(key, (&format, bytes), clock, counts).await?;
        }
        Ok(())
    }

    async fn import_object(
        &self,
        key: &TableKey,
        (format, object): (&Arc<Format>, Bytes),
        clock: &Arc<dyn Clock>,
        counts: &mut Counts,
    ) -> Result<(), ChangeError> {
        let (sender, mut batches) = mpsc::channel::<Vec<Found>>(WAITING);
        let format = Arc::clone(format);
        let reading = tokio::task::spawn_blocking(move || {
            let mut batch = Vec::with_capacity(BATCH);
            format.each(&object, |found| {
                batch.push(found);
                batch.len() < BATCH || sender.blocking_send(std::mem::take(&mut batch)).is_ok()
            });
            // Whoever has gone wants no more.
            let _ = sender.blocking_send(batch);
        });
        while let Some(batch) = batches.recv().await {
            counts.items += i64::try_from(batch.len()).unwrap_or(0);
            let items = batch.into_iter().filter_map(|found| match found {
                Ok(item) => Some(item),
                Err(why) => {
                    tracing::info!(table = key.name, why, "an item is not imported");
                    None
                }
            });
            counts.imported += self.import_items(key.clone(), items.collect(), clock.now_ms()).await?;
        }
        reading
            .await
            .map_err(|error| crate::change::failed(format!("an object that is imported: {error}")).into())
    }

    /// Writes items into a table that is being imported; how many could be.
    async fn import_items(&self, key: TableKey, items: Vec<Item>, now_ms: i64) -> Result<i64, ChangeError> {
        let change = move |transaction: &mut TableTransaction<'_>| -> Result<i64, ChangeError> {
            let table = found_in(transaction, &key)?.filter(|table| table.is_importing);
            let table = table.ok_or_else(|| crate::change::failed("the table is gone"))?;
            let mut imported = 0;
            for item in &items {
                let place = table.key.place_of_item(item);
                let checked = place.and_then(|place| writes::check(&table, item, &place).map(|()| place));
                match checked {
                    Ok(place) => {
                        let old = writes::get(transaction, &table, &place)?;
                        let images = (old.as_ref(), Some(item));
                        writes::write(transaction, &table, &place, images, (now_ms, Actor::Caller))?;
                        imported += 1;
                    }
                    Err(why) => {
                        tracing::info!(table = key.name, why = why.message, "an item is not imported")
                    }
                }
            }
            Ok(imported)
        };
        self.tables.transact(change, |_| {}).await
    }
}

fn format(import: &types::ImportTableDescription) -> Format {
    let asked = import.table_creation_parameters.clone().unwrap_or_default();
    let options = import.input_format_options.clone().unwrap_or_default();
    Format {
        is_csv: import.input_format.as_deref() == Some("CSV"),
        is_compressed: import.input_compression_type.as_deref() == Some("GZIP"),
        csv: options.csv.unwrap_or_default(),
        keys: asked.attribute_definitions.unwrap_or_default().into_iter().map(attribute).collect(),
    }
}

fn invalid_items() -> Failure {
    Failure {
        code: "ItemValidationError".to_owned(),
        message: "Some of the items failed validation checks. The server's log tells which.".to_owned(),
    }
}
