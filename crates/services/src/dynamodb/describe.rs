//! Tables as the API shows them.

use std::collections::BTreeMap;

use aws_api::generated::dynamodb::types;
use store::TableKey;

use super::{
    keys::{KeyAttribute, KeySchema},
    record::{IndexRecord, TableRecord, table_arn},
    streams::stream_arn,
};

/// A table; `counts` is how many rows its spaces have, and how many bytes.
pub(super) fn description(
    key: &TableKey,
    record: &TableRecord,
    status: &str,
    counts: &BTreeMap<i64, (i64, i64)>,
) -> types::TableDescription {
    let arn = table_arn(key);
    let created = record.created_ms as f64 / 1_000.0;
    let (items, bytes) = counts.get(&record.space).copied().unwrap_or_default();
    let settings = &record.settings;
    let is_on_demand = settings.billing_mode == "PAY_PER_REQUEST";
    let definition = |KeyAttribute { name, kind }: &KeyAttribute| types::AttributeDefinition {
        attribute_name: Some(name.clone()),
        attribute_type: Some(kind.clone()),
    };
    types::TableDescription {
        attribute_definitions: Some(record.attributes.iter().map(definition).collect()),
        table_name: Some(key.name.clone()),
        key_schema: Some(elements(&record.key)),
        table_status: Some(status.to_owned()),
        creation_date_time: Some(created),
        provisioned_throughput: Some(throughput(settings.throughput.as_ref())),
        table_size_bytes: Some(bytes),
        item_count: Some(items),
        table_id: Some(record.id.clone()),
        billing_mode_summary: is_on_demand.then(|| types::BillingModeSummary {
            billing_mode: Some(settings.billing_mode.clone()),
            last_update_to_pay_per_request_date_time: Some(created),
        }),
        local_secondary_indexes: some(record.local.iter().map(|index| local(index, &arn, counts)).collect()),
        global_secondary_indexes: some(
            record.global.iter().map(|index| global((record, index), &arn, counts)).collect(),
        ),
        table_class_summary: settings
            .table_class
            .clone()
            .map(|class| types::TableClassSummary { table_class: Some(class), last_update_date_time: None }),
        deletion_protection_enabled: Some(settings.is_protected),
        on_demand_throughput: settings.on_demand_throughput.clone(),
        warm_throughput: Some(warm(record)),
        stream_specification: record.stream.as_ref().filter(|stream| stream.is_enabled).map(|stream| {
            types::StreamSpecification {
                stream_enabled: Some(true),
                stream_view_type: Some(stream.view_type.clone()),
            }
        }),
        latest_stream_label: record.stream.as_ref().map(|stream| stream.label.clone()),
        latest_stream_arn: record.stream.as_ref().map(|stream| stream_arn(key, &stream.label)),
        restore_summary: record.restored.as_ref().map(|restored| types::RestoreSummary {
            source_backup_arn: restored.backup_arn.clone(),
            source_table_arn: Some(restored.table_arn.clone()),
            restore_date_time: Some(restored.at_ms.map_or(created, |at_ms| at_ms as f64 / 1_000.0)),
            restore_in_progress: Some(false),
        }),
        table_arn: Some(arn),
        ..types::TableDescription::default()
    }
}

fn some<T>(all: Vec<T>) -> Option<Vec<T>> {
    Some(all).filter(|all| !all.is_empty())
}

pub(super) fn elements(key: &KeySchema) -> Vec<types::KeySchemaElement> {
    let element = |attribute: &KeyAttribute, kind: &str| types::KeySchemaElement {
        attribute_name: Some(attribute.name.clone()),
        key_type: Some(kind.to_owned()),
    };
    let partition = key.partition.iter().map(|attribute| element(attribute, "HASH"));
    partition.chain(key.sort.iter().map(|attribute| element(attribute, "RANGE"))).collect()
}

fn throughput(given: Option<&types::ProvisionedThroughput>) -> types::ProvisionedThroughputDescription {
    types::ProvisionedThroughputDescription {
        number_of_decreases_today: Some(0),
        read_capacity_units: Some(given.and_then(|given| given.read_capacity_units).unwrap_or(0)),
        write_capacity_units: Some(given.and_then(|given| given.write_capacity_units).unwrap_or(0)),
        ..types::ProvisionedThroughputDescription::default()
    }
}

fn local(
    index: &IndexRecord,
    table: &str,
    counts: &BTreeMap<i64, (i64, i64)>,
) -> types::LocalSecondaryIndexDescription {
    let (items, bytes) = counts.get(&index.space).copied().unwrap_or_default();
    types::LocalSecondaryIndexDescription {
        index_name: Some(index.name.clone()),
        key_schema: Some(elements(&index.key)),
        projection: Some(index.projection.clone()),
        index_size_bytes: Some(bytes),
        item_count: Some(items),
        index_arn: Some(format!("{table}/index/{}", index.name)),
    }
}

fn warm(record: &TableRecord) -> types::TableWarmThroughputDescription {
    let (read_units_per_second, write_units_per_second) = record.warmed().shown();
    let status = Some("ACTIVE".to_owned());
    types::TableWarmThroughputDescription { read_units_per_second, write_units_per_second, status }
}

fn warm_index(
    record: &TableRecord,
    index: &IndexRecord,
) -> types::GlobalSecondaryIndexWarmThroughputDescription {
    let (read_units_per_second, write_units_per_second) = record.warmed_index(index).shown();
    let status = Some("ACTIVE".to_owned());
    types::GlobalSecondaryIndexWarmThroughputDescription {
        read_units_per_second,
        write_units_per_second,
        status,
    }
}

fn global(
    (record, index): (&TableRecord, &IndexRecord),
    table: &str,
    counts: &BTreeMap<i64, (i64, i64)>,
) -> types::GlobalSecondaryIndexDescription {
    let (items, bytes) = counts.get(&index.space).copied().unwrap_or_default();
    types::GlobalSecondaryIndexDescription {
        index_name: Some(index.name.clone()),
        key_schema: Some(elements(&index.key)),
        projection: Some(index.projection.clone()),
        index_status: Some("ACTIVE".to_owned()),
        provisioned_throughput: Some(throughput(index.throughput.as_ref())),
        index_size_bytes: Some(bytes),
        item_count: Some(items),
        index_arn: Some(format!("{table}/index/{}", index.name)),
        warm_throughput: Some(warm_index(record, index)),
        ..types::GlobalSecondaryIndexDescription::default()
    }
}
