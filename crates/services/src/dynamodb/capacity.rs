//! What requests count ("Read and write operations"): nobody pays here, and nobody is throttled.

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
