//! Operations on tables.

use std::collections::{BTreeMap, BTreeSet};

use aws_api::{error_response::ApiError, generated::dynamodb::types, request_id};
use store::{TableKey, TableTransaction, TableView};

use super::{
    DynamoDb, Handled,
    describe::description,
    error::{in_use, invalid, invalid_parameters, no_table_named},
    keys::{KeyAttribute, KeySchema},
    record::{IndexRecord, Settings, TableRecord, changeable_in, encode, found_in, table_key},
    streams,
};
use crate::{
    change::ChangeError,
    paging,
    service::{ServiceContext, not_implemented},
};

/// Global secondary indexes of a table at most ("Quotas").
const GLOBAL_INDEXES_MAX: usize = 20;
/// Local secondary indexes of a table at most.
const LOCAL_INDEXES_MAX: usize = 5;
/// Tables of a page at most.
const PAGE: i64 = 100;

impl DynamoDb {
    pub(super) async fn create_table(
        &self,
        context: &ServiceContext,
        input: types::CreateTableInput,
    ) -> Handled<types::CreateTableOutput> {
        let key = table_key(context, input.table_name.as_deref());
        let view_type = streams::asked(input.stream_specification.as_ref())?;
        let mut record = read(input, context.now_ms)?;
        let (named, now_ms) = (key.clone(), context.now_ms);
        let change = move |transaction: &mut TableTransaction<'_>| -> Result<TableRecord, ChangeError> {
            if let Some(view_type) = view_type {
                streams::begin(transaction, (&named, &mut record), view_type, now_ms)?;
            }
            make(transaction, &named, &mut record)?;
            Ok(record)
        };
        let record = self.tables.transact(change, |_| {}).await?;
        Ok(types::CreateTableOutput {
            table_description: Some(description(&key, &record, "ACTIVE", &BTreeMap::new())),
        })
    }

    pub(super) async fn delete_table(
        &self,
        context: &ServiceContext,
        input: types::DeleteTableInput,
    ) -> Handled<types::DeleteTableOutput> {
        let key = table_key(context, input.table_name.as_deref());
        let (named, now_ms) = (key.clone(), context.now_ms);
        let change = move |transaction: &mut TableTransaction<'_>| -> Result<TableRecord, ChangeError> {
            let mut record = changeable_in(transaction, &named)?;
            if record.settings.is_protected {
                return Err(invalid("Resource cannot be deleted as it is currently protected against deletion. Disable deletion protection first.").into());
            }
            for space in record.spaces() {
                transaction.delete_space(space)?;
            }
            let shown = record.clone();
            streams::end(transaction, (&named, &mut record), now_ms)?;
            transaction.delete_table(&named)?;
            Ok(shown)
        };
        let record = self.tables.transact(change, |_| {}).await?;
        Ok(types::DeleteTableOutput {
            table_description: Some(description(&key, &record, "DELETING", &BTreeMap::new())),
        })
    }

    pub(super) async fn describe_table(
        &self,
        context: &ServiceContext,
        input: types::DescribeTableInput,
    ) -> Handled<types::DescribeTableOutput> {
        let key = table_key(context, input.table_name.as_deref());
        let named = key.clone();
        let read = move |view: &TableView<'_>| -> Result<_, ChangeError> {
            let record = found_in(view, &named)?.ok_or_else(|| no_table_named(&named.name))?;
            let mut counts = BTreeMap::new();
            for space in record.spaces() {
                counts.insert(space, view.count(space)?);
            }
            Ok((record, counts))
        };
        let (record, counts) = self.tables.read(read).await?;
        let status = if record.is_importing { "CREATING" } else { "ACTIVE" };
        Ok(types::DescribeTableOutput { table: Some(description(&key, &record, status, &counts)) })
    }

    pub(super) async fn list_tables(
        &self,
        context: &ServiceContext,
        input: types::ListTablesInput,
    ) -> Handled<types::ListTablesOutput> {
        let all =
            self.tables.read(|view: &TableView<'_>| view.all()).await.map_err(crate::change::of_store)?;
        let is_here = |key: &TableKey| key.account_id == context.account_id() && key.region == context.region;
        let after = input.exclusive_start_table_name.unwrap_or_default();
        let names = all.into_iter().filter(|(key, _)| is_here(key) && key.name > after);
        let named = names.map(|(key, _)| (key.name.clone(), key.name)).collect();
        let (names, next) = paging::page(named, input.limit.unwrap_or(PAGE), None)
            .map_err(|_| invalid("The parameter ExclusiveStartTableName is not valid."))?;
        let last_evaluated_table_name = next.and(names.last().cloned());
        Ok(types::ListTablesOutput { table_names: Some(names), last_evaluated_table_name })
    }
}

/// Makes a table with spaces of its own.
pub(super) fn make(
    transaction: &mut TableTransaction<'_>,
    key: &TableKey,
    record: &mut TableRecord,
) -> Result<(), ChangeError> {
    if found_in(transaction, key)?.is_some() {
        return Err(in_use(format!("Table already exists: {}", key.name)).into());
    }
    record.space = transaction.new_space()?;
    for index in record.local.iter_mut().chain(&mut record.global) {
        index.space = transaction.new_space()?;
    }
    Ok(transaction.put_table(key, &encode(record)?)?)
}

/// What a request says.
pub(super) fn read(input: types::CreateTableInput, now_ms: i64) -> Handled<TableRecord> {
    refuse_others(&input)?;
    refuse_empty(&input)?;
    let attributes: Vec<KeyAttribute> =
        input.attribute_definitions.unwrap_or_default().into_iter().map(attribute).collect();
    let names: BTreeSet<&String> = attributes.iter().map(|attribute| &attribute.name).collect();
    if names.len() != attributes.len() {
        return Err(invalid_parameters("Cannot have two attributes with the same name"));
    }
    let billing_mode = input.billing_mode.unwrap_or_else(|| "PROVISIONED".to_owned());
    check_throughput(&billing_mode, input.provisioned_throughput.as_ref())?;
    let elements = input.key_schema.unwrap_or_default();
    let has_indexes = input.local_secondary_indexes.is_some() || input.global_secondary_indexes.is_some();
    // Its own words where a table has no index and fewer definitions than its key has parts.
    let is_short = !has_indexes && attributes.len() < elements.len();
    let key = key_schema(elements, &attributes, ONE_OF_EACH).map_err(|error| match is_short {
        true if error.message.contains(NOT_DEFINED) => {
            invalid("Invalid KeySchema: Some index key attribute have no definition")
        }
        _ => error,
    })?;
    let local = local_indexes(input.local_secondary_indexes, &attributes)?;
    let global = global_indexes(input.global_secondary_indexes, &billing_mode, &attributes)?;
    check_indexes(&key, &local, &global)?;
    check_attributes(&key, local.iter().chain(&global), &attributes)?;
    let record = TableRecord {
        id: request_id::new(),
        created_ms: now_ms,
        space: 0,
        key,
        attributes,
        local,
        global,
        settings: Settings {
            billing_mode,
            throughput: input.provisioned_throughput,
            on_demand_throughput: input.on_demand_throughput,
            table_class: input.table_class,
            is_protected: input.deletion_protection_enabled.unwrap_or(false),
            warm: input.warm_throughput,
        },
        tags: super::tags::given(input.tags)?,
        expiry: None,
        stream: None,
        policy: None,
        restored: None,
        history: None,
        is_importing: false,
    };
    record.check_warm()?;
    Ok(record)
}

fn local_indexes(
    given: Option<Vec<types::LocalSecondaryIndex>>,
    attributes: &[KeyAttribute],
) -> Handled<Vec<IndexRecord>> {
    let read = |given: types::LocalSecondaryIndex| {
        index(given.index_name, given.key_schema, given.projection, None, (attributes, ONE_OF_EACH))
    };
    given.unwrap_or_default().into_iter().map(read).collect()
}

fn global_indexes(
    given: Option<Vec<types::GlobalSecondaryIndex>>,
    billing_mode: &str,
    attributes: &[KeyAttribute],
) -> Handled<Vec<IndexRecord>> {
    let read = |given: types::GlobalSecondaryIndex| {
        if billing_mode == "PROVISIONED" && given.provisioned_throughput.is_none() {
            let name = given.index_name.unwrap_or_default();
            return Err(invalid_parameters(&format!(
                "ProvisionedThroughput must be specified for index: {name}"
            )));
        }
        let (throughput, warm) = (given.provisioned_throughput, given.warm_throughput);
        let made = index(
            given.index_name,
            given.key_schema,
            given.projection,
            throughput,
            (attributes, FOUR_OF_EACH),
        )?;
        Ok(IndexRecord { warm, ..made })
    };
    given.unwrap_or_default().into_iter().map(read).collect()
}

/// Every defined attribute is in a key.
pub(super) fn check_attributes<'a>(
    key: &'a KeySchema,
    indexes: impl Iterator<Item = &'a IndexRecord>,
    attributes: &[KeyAttribute],
) -> Handled<()> {
    let keys = key.attributes().chain(indexes.flat_map(|index| index.key.attributes()));
    let used: BTreeSet<&str> = keys.map(|attribute| attribute.name.as_str()).collect();
    if used.len() == attributes.len() {
        return Ok(());
    }
    let keys: Vec<&str> = used.into_iter().collect();
    let defined: Vec<&str> = attributes.iter().map(|attribute| attribute.name.as_str()).collect();
    Err(invalid_parameters(&format!(
        "Number of attributes in KeySchema does not exactly match number of attributes defined in AttributeDefinitions; Keys: [{}], AttributeDefinitions: [{}]",
        keys.join(", "),
        defined.join(", ")
    )))
}

/// Indexes are some, or not said.
fn refuse_empty(input: &types::CreateTableInput) -> Handled<()> {
    let is_empty = |count: Option<usize>| count == Some(0);
    let lists = [
        ("LocalSecondaryIndexes", input.local_secondary_indexes.as_ref().map(Vec::len)),
        ("GlobalSecondaryIndexes", input.global_secondary_indexes.as_ref().map(Vec::len)),
    ];
    match lists.into_iter().find(|(_, count)| is_empty(*count)) {
        Some((name, _)) => Err(invalid_parameters(&format!("List of {name} is empty"))),
        None => Ok(()),
    }
}

fn refuse_others(input: &types::CreateTableInput) -> Handled<()> {
    let is_encrypted = input.sse_specification.as_ref().is_some_and(|sse| sse.enabled == Some(true));
    let others = [
        ("SSESpecification", is_encrypted),
        ("ResourcePolicy", input.resource_policy.is_some()),
        ("GlobalTableSourceArn", input.global_table_source_arn.is_some()),
        ("VectorIndexes", input.vector_indexes.as_ref().is_some_and(|indexes| !indexes.is_empty())),
    ];
    match others.iter().find(|(_, is_there)| *is_there) {
        Some((name, _)) => Err(not_implemented("DynamoDB", name)),
        None => Ok(()),
    }
}

pub(super) fn attribute(definition: types::AttributeDefinition) -> KeyAttribute {
    KeyAttribute {
        name: definition.attribute_name.unwrap_or_default(),
        kind: definition.attribute_type.unwrap_or_default(),
    }
}

pub(super) fn check_throughput(
    billing_mode: &str,
    throughput: Option<&types::ProvisionedThroughput>,
) -> Handled<()> {
    match (billing_mode, throughput) {
        ("PROVISIONED", None) => Err(invalid_parameters(
            "ReadCapacityUnits and WriteCapacityUnits must both be specified when BillingMode is PROVISIONED",
        )),
        ("PAY_PER_REQUEST", Some(_)) => Err(invalid_parameters(
            "Neither ReadCapacityUnits nor WriteCapacityUnits can be specified when BillingMode is PAY_PER_REQUEST",
        )),
        _ => Ok(()),
    }
}

/// Attributes of a key's partition, and of its order in that, at most: of a table or a local index.
pub(super) const ONE_OF_EACH: usize = 1;
/// The same of a global index.
pub(super) const FOUR_OF_EACH: usize = 4;

/// What is said of a key with attributes that nothing defines.
const NOT_DEFINED: &str = "Some index key attributes are not defined in AttributeDefinitions";

/// A partition key, and perhaps a sort key, of defined attributes.
fn key_schema(
    elements: Vec<types::KeySchemaElement>,
    attributes: &[KeyAttribute],
    most: usize,
) -> Handled<KeySchema> {
    let kinds: Vec<&str> =
        elements.iter().map(|element| element.key_type.as_deref().unwrap_or_default()).collect();
    let partitions = kinds.iter().take_while(|kind| **kind == "HASH").count();
    if elements.len() > 2 * most {
        return Err(too_long(&elements, 2 * most));
    }
    if partitions == 0 {
        return Err(invalid("Invalid KeySchema: The first KeySchemaElement is not a HASH key type"));
    }
    if partitions > most || kinds.iter().skip(partitions).any(|kind| *kind != "RANGE") {
        return Err(invalid("Invalid KeySchema: The second KeySchemaElement is not a RANGE key type"));
    }
    if kinds.len() - partitions > most {
        return Err(invalid(format!("Invalid KeySchema: a key has at most {most} RANGE elements")));
    }
    let mut found = Vec::new();
    for element in elements {
        let name = element.attribute_name.unwrap_or_default();
        let Some(attribute) = attributes.iter().find(|attribute| attribute.name == name) else {
            let defined: Vec<&str> = attributes.iter().map(|attribute| attribute.name.as_str()).collect();
            return Err(invalid_parameters(&format!(
                "{NOT_DEFINED}. Keys: [{name}], AttributeDefinitions: [{}]",
                defined.join(", ")
            )));
        };
        if found.contains(attribute) {
            return Err(invalid(
                "Both the Hash Key and the Range Key element in the KeySchema have the same name",
            ));
        }
        found.push(attribute.clone());
    }
    let sort = found.split_off(partitions);
    Ok(KeySchema { partition: found, sort })
}

fn too_long(elements: &[types::KeySchemaElement], most: usize) -> ApiError {
    let shown = |element: &types::KeySchemaElement| {
        let (name, kind) = (element.attribute_name.as_deref(), element.key_type.as_deref());
        format!(
            "KeySchemaElement(attributeName={}, keyType={})",
            name.unwrap_or_default(),
            kind.unwrap_or_default()
        )
    };
    let shown: Vec<String> = elements.iter().map(shown).collect();
    invalid(format!(
        "1 validation error detected: Value '[{}]' at 'keySchema' failed to satisfy constraint: Member must have length less than or equal to {most}",
        shown.join(", ")
    ))
}

pub(super) fn index(
    name: Option<String>,
    elements: Option<Vec<types::KeySchemaElement>>,
    projection: Option<types::Projection>,
    throughput: Option<types::ProvisionedThroughput>,
    (attributes, most): (&[KeyAttribute], usize),
) -> Handled<IndexRecord> {
    let (name, projection) = (name.unwrap_or_default(), projection.unwrap_or_default());
    let includes = projection.non_key_attributes.is_some();
    match projection.projection_type.as_deref() {
        None => return Err(invalid_parameters("Unknown ProjectionType: null")),
        Some("INCLUDE") if !includes => {
            return Err(invalid_parameters(
                "ProjectionType is INCLUDE, but NonKeyAttributes is not specified",
            ));
        }
        Some(kind @ ("ALL" | "KEYS_ONLY")) if includes => {
            return Err(invalid_parameters(&format!(
                "ProjectionType is {kind}, but NonKeyAttributes is specified"
            )));
        }
        Some(_) => {}
    }
    let key = key_schema(elements.unwrap_or_default(), attributes, most)?;
    Ok(IndexRecord { name, space: 0, key, projection, throughput, warm: None })
}

pub(super) fn check_indexes(key: &KeySchema, local: &[IndexRecord], global: &[IndexRecord]) -> Handled<()> {
    if local.len() > LOCAL_INDEXES_MAX || global.len() > GLOBAL_INDEXES_MAX {
        return Err(invalid_parameters("Number of secondary indexes exceeds the limit"));
    }
    let mut names = BTreeSet::new();
    if let Some(index) = local.iter().chain(global).find(|index| !names.insert(&index.name)) {
        return Err(invalid_parameters(&format!("Duplicate index name: {}", index.name)));
    }
    for index in local {
        if key.sort.is_empty() {
            return Err(invalid_parameters(
                "Table KeySchema does not have a range key, which is required when specifying a LocalSecondaryIndex",
            ));
        }
        if index.key.sort.is_empty() {
            return Err(invalid_parameters(&format!(
                "Index KeySchema does not have a range key for index: {}",
                index.name
            )));
        }
        if index.key.partition != key.partition {
            return Err(invalid_parameters(&format!(
                "Index KeySchema does not have the same leading hash key as table KeySchema for index: {}. index hash key: {}, table hash key: {}",
                index.name,
                joined(&index.key.partition),
                joined(&key.partition)
            )));
        }
    }
    Ok(())
}

fn joined(attributes: &[KeyAttribute]) -> String {
    let names: Vec<&str> = attributes.iter().map(|attribute| attribute.name.as_str()).collect();
    names.join(", ")
}
