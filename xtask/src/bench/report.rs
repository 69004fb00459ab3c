//! The table that a benchmark prints, and the same as JSON for comparison.

use serde_json::{Value, json};

use super::load::Latencies;

/// One figure of Lambent beside its floor, taken in the same minute.
pub(super) struct Row {
    /// What was measured: `warm python, 8 callers, 1 KB`.
    pub(super) name: String,
    pub(super) lambent: Latencies,
    pub(super) floor: Latencies,
}

impl Row {
    /// How many times the floor's p50 (or p99) Lambent takes.
    pub(super) fn ratio(&self, percent: usize) -> f64 {
        self.lambent.percentile(percent) as f64 / self.floor.percentile(percent).max(1) as f64
    }

    fn to_json(&self) -> Value {
        let figures = |latencies: &Latencies| {
            json!({
                "p50_us": latencies.percentile(50),
                "p99_us": latencies.percentile(99),
                "per_second": latencies.per_second(),
                "processor_ms": latencies.processor_ms(),
            })
        };
        json!({
            "name": self.name,
            "lambent": figures(&self.lambent),
            "floor": figures(&self.floor),
            "ratio_p50": self.ratio(50),
            "ratio_p99": self.ratio(99),
        })
    }

    fn line(&self) -> String {
        format!(
            "{:<34} {:>9} {:>9} {:>6.2} {:>9} {:>9} {:>6.2} {:>9.0} {:>9.0} {:>6.2} {:>6.2}",
            self.name,
            self.lambent.percentile(50),
            self.floor.percentile(50),
            self.ratio(50),
            self.lambent.percentile(99),
            self.floor.percentile(99),
            self.ratio(99),
            self.lambent.per_second(),
            self.floor.per_second(),
            self.lambent.processor_ms(),
            self.floor.processor_ms()
        )
    }
}

/// The heading of the table; times are microseconds.
pub(super) fn heading() -> String {
    format!(
        "{:<34} {:>9} {:>9} {:>6} {:>9} {:>9} {:>6} {:>9} {:>9} {:>6} {:>6}",
        "", "p50 us", "floor", "ratio", "p99 us", "floor", "ratio", "inv/s", "floor", "cpu ms", "floor"
    )
}

/// One line of the table.
pub(super) fn line(row: &Row) -> String {
    row.line()
}

/// All rows as a table of Markdown.
pub(super) fn to_markdown(rows: &[Row]) -> String {
    let head = "| | p50 | floor | ratio | p99 | floor | ratio | per second | floor | cpu ms | floor |\n|---|--:|--:|--:|--:|--:|--:|--:|--:|--:|--:|\n";
    let line = |row: &Row| {
        let (ours, floor) = (&row.lambent, &row.floor);
        format!(
            "| {} | {} | {} | {:.2} | {} | {} | {:.2} | {:.0} | {:.0} | {:.2} | {:.2} |\n",
            row.name,
            ours.percentile(50),
            floor.percentile(50),
            row.ratio(50),
            ours.percentile(99),
            floor.percentile(99),
            row.ratio(99),
            ours.per_second(),
            floor.per_second(),
            ours.processor_ms(),
            floor.processor_ms()
        )
    };
    format!("{head}{}", rows.iter().map(line).collect::<String>())
}

/// All rows as JSON.
pub(super) fn to_json(rows: &[Row]) -> Value {
    Value::Array(rows.iter().map(Row::to_json).collect())
}
