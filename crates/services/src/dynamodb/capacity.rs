//! What requests count ("Read and write operations"): nobody pays here, and nobody is throttled.

use std::collections::BTreeMap;

use aws_api::generated::dynamodb::types;

/// Bytes of a unit of reading.
const READ_BYTES: usize = 4 * 1_024;
/// Bytes of a unit of writing.
const WRITE_BYTES: usize = 1_024;

/// Units of reading so many bytes; half where a read may be behind.
pub(super) fn of_read(bytes: usize, is_consistent: bool) -> f64 {
    let units = bytes.div_ceil(READ_BYTES).max(1) as f64;
    if is_consistent { units } else { units / 2.0 }
}

/// Units of writing so many bytes.
pub(super) fn of_write(bytes: usize) -> f64 {
    bytes.div_ceil(WRITE_BYTES).max(1) as f64
}

/// What is told where it is asked for: `TOTAL` or `INDEXES`.
pub(super) fn consumed(asked: Option<&str>, table: &str, units: f64) -> Option<types::ConsumedCapacity> {
    let is_detailed = asked == Some("INDEXES");
    asked.filter(|asked| *asked != "NONE").map(|_| types::ConsumedCapacity {
        table_name: Some(table.to_owned()),
        capacity_units: Some(units),
        table: is_detailed
            .then(|| types::Capacity { capacity_units: Some(units), ..types::Capacity::default() }),
        ..types::ConsumedCapacity::default()
    })
}

/// One entry for each table.
pub(super) fn by_table(all: Vec<types::ConsumedCapacity>) -> Vec<types::ConsumedCapacity> {
    let mut tables: BTreeMap<Option<String>, types::ConsumedCapacity> = BTreeMap::new();
    for one in all {
        let units = one.capacity_units.unwrap_or(0.0);
        let first = types::ConsumedCapacity { capacity_units: Some(0.0), ..one.clone() };
        let known = tables.entry(one.table_name).or_insert(first);
        let sum = known.capacity_units.unwrap_or(0.0) + units;
        known.capacity_units = Some(sum);
        if let Some(table) = &mut known.table {
            table.capacity_units = Some(sum);
        }
    }
    tables.into_values().collect()
}
