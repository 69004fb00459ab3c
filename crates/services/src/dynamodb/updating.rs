//! UpdateTable: settings, and global indexes that come and go.

use std::collections::BTreeMap;

use aws_api::{error_response::ApiError, generated::dynamodb::types};
use store::{TableKey, TableTransaction};

use super::{
    DynamoDb, Handled,
    describe::description,
    error::{in_use, invalid_parameters},
    keys::KeyAttribute,
    record::{IndexRecord, TableRecord, changeable_in, encode, table_key},
    streams,
    tables::{FOUR_OF_EACH, attribute, check_attributes, check_indexes, index},
    writes,
};
use crate::{
    change::ChangeError,
    service::{ServiceContext, not_implemented},
};

impl DynamoDb {
    pub(super) async fn update_table(
        &self,
        context: &ServiceContext,
        input: types::UpdateTableInput,
    ) -> Handled<types::UpdateTableOutput> {
        refuse_others(&input)?;
        let key = table_key(context, input.table_name.as_deref());
        let (named, now_ms) = (key.clone(), context.now_ms);
        let asks_warm = input.warm_throughput.is_some() || asks_of_indexes(&input);
        let change = move |transaction: &mut TableTransaction<'_>| -> Result<TableRecord, ChangeError> {
            let mut table = changeable_in(transaction, &named)?;
            let given = input.attribute_definitions.unwrap_or_default().into_iter().map(attribute);
            let attributes = merged(&table.attributes, given.collect())?;
            for update in input.global_secondary_index_updates.unwrap_or_default() {
                update_index(transaction, &mut table, update, &attributes)?;
            }
            table.attributes =
                attributes.into_iter().filter(|attribute| table.is_in_a_key(attribute)).collect();
            check_indexes(&table.key, &table.local, &table.global)?;
            check_attributes(&table.key, table.indexes(), &table.attributes)?;
            update_stream(transaction, (&named, &mut table), input.stream_specification.as_ref(), now_ms)?;
            let settings = &mut table.settings;
            settings.set_throughput(input.billing_mode, input.provisioned_throughput)?;
            settings.on_demand_throughput =
                input.on_demand_throughput.or(settings.on_demand_throughput.take());
            settings.warm = input.warm_throughput.or(settings.warm.take());
            settings.table_class = input.table_class.or(settings.table_class.take());
            settings.is_protected = input.deletion_protection_enabled.unwrap_or(settings.is_protected);
            if asks_warm {
                table.check_warm()?;
            }
            transaction.put_table(&named, &encode(&table)?)?;
            Ok(table)
        };
        let table = self.tables.transact(change, |_| {}).await?;
        let table_description = Some(description(&key, &table, "ACTIVE", &BTreeMap::new()));
        Ok(types::UpdateTableOutput { table_description })
    }
}

fn refuse_others(input: &types::UpdateTableInput) -> Handled<()> {
    let others = [
        ("SSESpecification", input.sse_specification.is_some()),
        ("ReplicaUpdates", input.replica_updates.is_some()),
        ("MultiRegionConsistency", input.multi_region_consistency.is_some()),
        ("VectorIndexUpdates", input.vector_index_updates.is_some()),
    ];
    match others.iter().find(|(_, is_there)| *is_there) {
        Some((name, _)) => Err(not_implemented("DynamoDB", name)),
        None => Ok(()),
    }
}

/// Whether an index is to be warm for more.
fn asks_of_indexes(input: &types::UpdateTableInput) -> bool {
    let asks = |update: &types::GlobalSecondaryIndexUpdate| {
        update.create.as_ref().is_some_and(|create| create.warm_throughput.is_some())
            || update.update.as_ref().is_some_and(|update| update.warm_throughput.is_some())
    };
    input.global_secondary_index_updates.iter().flatten().any(asks)
}

impl TableRecord {
    fn is_in_a_key(&self, attribute: &KeyAttribute) -> bool {
        self.key.has(&attribute.name) || self.indexes().any(|index| index.key.has(&attribute.name))
    }
}

/// What is known with what is given, which must not say otherwise.
fn merged(known: &[KeyAttribute], given: Vec<KeyAttribute>) -> Handled<Vec<KeyAttribute>> {
    let mut merged = known.to_vec();
    for attribute in given {
        match known.iter().find(|known| known.name == attribute.name) {
            Some(known) if *known == attribute => {}
            Some(_) => {
                return Err(invalid_parameters(
                    "Attributes cannot be redefined. Please check that your attribute has the same type as previously defined.",
                ));
            }
            None => merged.push(attribute),
        }
    }
    Ok(merged)
}

fn update_index(
    transaction: &mut TableTransaction<'_>,
    table: &mut TableRecord,
    update: types::GlobalSecondaryIndexUpdate,
    attributes: &[KeyAttribute],
) -> Result<(), ChangeError> {
    match (update.create, update.update, update.delete) {
        (Some(create), None, None) => {
            let made = index(
                create.index_name,
                create.key_schema,
                create.projection,
                create.provisioned_throughput,
                (attributes, FOUR_OF_EACH),
            )?;
            if table.index(&made.name).is_some() {
                return Err(in_use(format!(
                    "Attempting to create an index which already exists: {}",
                    made.name
                ))
                .into());
            }
            let made = IndexRecord { space: transaction.new_space()?, warm: create.warm_throughput, ..made };
            fill(transaction, table, &made)?;
            table.global.push(made);
        }
        (None, Some(update), None) => {
            let name = update.index_name.unwrap_or_default();
            let known = table.global.iter_mut().find(|index| index.name == name).ok_or_else(no_index)?;
            known.throughput = update.provisioned_throughput.or(known.throughput.take());
            known.warm = update.warm_throughput.or(known.warm.take());
        }
        (None, None, Some(delete)) => {
            let name = delete.index_name.unwrap_or_default();
            let at = table.global.iter().position(|index| index.name == name).ok_or_else(no_index)?;
            transaction.delete_space(table.global.remove(at).space)?;
        }
        _ => {
            return Err(invalid_parameters(
                "Only one global secondary index update per index is allowed simultaneously.",
            )
            .into());
        }
    }
    Ok(())
}

fn update_stream(
    transaction: &mut TableTransaction<'_>,
    (key, table): (&TableKey, &mut TableRecord),
    specification: Option<&types::StreamSpecification>,
    now_ms: i64,
) -> Result<(), ChangeError> {
    if specification.is_none() {
        return Ok(());
    }
    let is_enabled = table.stream.as_ref().is_some_and(|stream| stream.is_enabled);
    match (streams::asked(specification)?, is_enabled) {
        (Some(_), true) => {
            Err(invalid_parameters(&format!("Table already has an enabled stream: TableName: {}", key.name))
                .into())
        }
        (None, false) => {
            Err(invalid_parameters(&format!("Table already has no enabled stream: TableName: {}", key.name))
                .into())
        }
        (Some(view_type), false) => streams::begin(transaction, (key, table), view_type, now_ms),
        (None, true) => streams::end(transaction, (key, table), now_ms),
    }
}

fn no_index() -> ApiError {
    ApiError::user("ResourceNotFoundException", 400, "The table does not have the specified index")
}

/// Entries for what is there. What has a key of another type has none, as on AWS.
pub(super) fn fill(
    transaction: &mut TableTransaction<'_>,
    table: &TableRecord,
    index: &IndexRecord,
) -> Result<(), ChangeError> {
    for (place, item) in writes::all(transaction, table)? {
        if let Ok(Some(entry)) = index.key.place_of_entry(&index.name, &item, &place) {
            transaction.put(index.space, &entry.partition, &entry.sort, &[])?;
        }
    }
    Ok(())
}
