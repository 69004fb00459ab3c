//! Figures that are no ratio of one row: a time, a number of bytes, a count, beside what it is to come to.

/// See the module's doc.
pub(super) struct Fact {
    /// The goal that it belongs to, such as `G16`.
    pub(super) goal: &'static str,
    /// What was measured.
    pub(super) what: String,
    pub(super) value: f64,
    pub(super) unit: &'static str,
    /// The most that it may be.
    pub(super) most: f64,
}

impl Fact {
    pub(super) fn new(
        goal: &'static str,
        what: impl Into<String>,
        (value, unit): (f64, &'static str),
        most: f64,
    ) -> Self {
        Self { goal, what: what.into(), value, unit, most }
    }

    /// A line of the table.
    pub(super) fn line(&self) -> String {
        let word = if self.value <= self.most { "met" } else { "not met" };
        let Self { goal, what, value, unit, most } = self;
        format!("| {goal} | {what} | {value:.2} | {most:.2} | {unit} | {word} |")
    }
}

/// All of them as a table of Markdown; nothing where there are none.
pub(super) fn to_markdown(facts: &[Fact]) -> String {
    if facts.is_empty() {
        return String::new();
    }
    let lines: Vec<String> = facts.iter().map(|fact| format!("{}\n", fact.line())).collect();
    format!("\n| goal | of | found | at most | | |\n|---|---|--:|--:|---|---|\n{}", lines.concat())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_fact_is_met_up_to_its_bound() {
        assert!(Fact::new("G16", "start", (50.0, "ms"), 50.0).line().ends_with("| ms | met |"));
        assert!(Fact::new("G16", "start", (50.1, "ms"), 50.0).line().ends_with("| ms | not met |"));
        assert_eq!(to_markdown(&[]), "");
    }
}
