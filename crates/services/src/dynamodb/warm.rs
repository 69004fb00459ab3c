//! Warm throughput: what a table or an index could take at once. It is kept and shown; nobody is throttled here.

use aws_api::generated::dynamodb::types::{self, WarmThroughput};

use super::{Handled, error::invalid_parameters};

/// What a table on demand begins with: reads and writes a second ("Understanding DynamoDB warm throughput").
const ON_DEMAND: (i64, i64) = (12_000, 4_000);

/// A table or an index.
pub(super) struct Warmed<'a> {
    pub billing_mode: &'a str,
    pub throughput: Option<&'a types::ProvisionedThroughput>,
    /// What is asked for.
    pub asked: Option<&'a WarmThroughput>,
}

impl Warmed<'_> {
    /// What it begins with.
    fn initial(&self) -> (i64, i64) {
        match self.billing_mode {
            "PAY_PER_REQUEST" => ON_DEMAND,
            _ => {
                let units = |units: Option<i64>| units.unwrap_or(0);
                let throughput = self.throughput;
                (
                    units(throughput.and_then(|throughput| throughput.read_capacity_units)),
                    units(throughput.and_then(|throughput| throughput.write_capacity_units)),
                )
            }
        }
    }

    /// Nobody asks for less than it begins with. `what` is the table, or an index and its name.
    pub(super) fn check(&self, what: &str) -> Handled<()> {
        let Some(asked) = self.asked else { return Ok(()) };
        let (reads, writes) = self.initial();
        let mode = if self.billing_mode == "PAY_PER_REQUEST" { "OnDemand" } else { "Provisioned" };
        for (name, asked, least) in [
            ("ReadUnitsPerSecond", asked.read_units_per_second, reads),
            ("WriteUnitsPerSecond", asked.write_units_per_second, writes),
        ] {
            if asked.is_some_and(|asked| asked < least) {
                return Err(invalid_parameters(&format!(
                    "Requested {name} for WarmThroughput for {what} is lower than initial throughput for {mode}"
                )));
            }
        }
        Ok(())
    }

    /// Reads and writes a second, as they are shown.
    pub(super) fn shown(&self) -> (Option<i64>, Option<i64>) {
        let (reads, writes) = self.initial();
        let asked = self.asked;
        (
            Some(asked.and_then(|asked| asked.read_units_per_second).unwrap_or(reads).max(reads)),
            Some(asked.and_then(|asked| asked.write_units_per_second).unwrap_or(writes).max(writes)),
        )
    }
}
