//! What a function prints in the JSON log format: which lines its `ApplicationLogLevel` lets through, and what they lack (O-01, O-02).

use serde_json::Value;

/// Levels of a function's own lines, the loudest last.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum ApplicationLogLevel {
    /// Everything.
    Trace,
    /// And so on.
    Debug,
    /// What a line without a level has.
    Info,
    /// And so on.
    Warn,
    /// And so on.
    Error,
    /// The end of the function.
    Fatal,
}

impl ApplicationLogLevel {
    /// The level of this name.
    pub fn parse(name: &str) -> Option<Self> {
        match name.to_ascii_uppercase().as_str() {
            "TRACE" => Some(Self::Trace),
            "DEBUG" => Some(Self::Debug),
            "INFO" => Some(Self::Info),
            "WARN" | "WARNING" => Some(Self::Warn),
            "ERROR" => Some(Self::Error),
            "FATAL" | "CRITICAL" => Some(Self::Fatal),
            _ => None,
        }
    }
}

/// What becomes of a printed line.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Kept {
    /// It is logged as it is.
    AsItIs,
    /// It is logged with a time that it lacked; the newline included.
    Completed(String),
    /// It is too quiet.
    Dropped,
}

/// Decides on a line, its newline included. `now` is the time in RFC 3339; `is_time` says whether a text is one.
pub fn keep(line: &str, level: ApplicationLogLevel, now: &str, is_time: impl Fn(&str) -> bool) -> Kept {
    // Text that is no JSON object is nobody's to judge.
    let Some(Value::Object(mut record)) = parsed(line) else { return Kept::AsItIs };
    let has_time = record.get("timestamp").and_then(Value::as_str).is_some_and(is_time);
    let own = record.get("level").and_then(Value::as_str).and_then(ApplicationLogLevel::parse);
    // A line without a time is not believed its level either.
    let own = own.filter(|_| has_time).unwrap_or(ApplicationLogLevel::Info);
    if own < level {
        return Kept::Dropped;
    }
    if has_time {
        return Kept::AsItIs;
    }
    record.insert("timestamp".into(), now.into());
    Kept::Completed(format!("{}\n", Value::Object(record)))
}

fn parsed(line: &str) -> Option<Value> {
    let line = line.trim();
    line.starts_with('{').then(|| serde_json::from_str(line).ok()).flatten()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn kept(line: &str, level: ApplicationLogLevel) -> Kept {
        keep(line, level, "now", |text| text.ends_with('Z'))
    }

    #[test]
    fn levels_decide_and_lines_without_one_are_info() {
        use ApplicationLogLevel as L;
        let debug = "{\"timestamp\": \"1Z\", \"level\": \"DEBUG\"}\n";
        assert_eq!(kept(debug, L::Debug), Kept::AsItIs);
        assert_eq!(kept(debug, L::Info), Kept::Dropped);
        let unknown = "{\"timestamp\": \"1Z\", \"level\": \"LOUD\"}\n";
        assert_eq!(kept(unknown, L::Info), Kept::AsItIs);
        assert_eq!(kept(unknown, L::Warn), Kept::Dropped);
        assert_eq!(kept("plain text\n", L::Fatal), Kept::AsItIs);
        assert_eq!(kept("{no JSON\n", L::Fatal), Kept::AsItIs);
    }

    #[test]
    fn a_line_without_a_time_gets_one_and_is_info() {
        use ApplicationLogLevel as L;
        let line = "{\"level\": \"ERROR\", \"timestamp\": \"yesterday\"}\n";
        let completed = Kept::Completed("{\"level\":\"ERROR\",\"timestamp\":\"now\"}\n".into());
        assert_eq!(kept(line, L::Info), completed);
        assert_eq!(kept(line, L::Warn), Kept::Dropped);
    }
}
