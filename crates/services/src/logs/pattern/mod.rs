//! CloudWatch Logs' filter patterns: which events are wanted.
//!
//! ```text
//! ""                                   every event
//! ERROR -retry ?a ?b "two words"       terms of the text
//! { $.status >= 500 && $.path = "*x" } members of a JSON event
//! [ip, ..., status = 4*, bytes]        fields between spaces
//! %[a-z]+ failed%                      a regular expression, wherever a value or term may be
//! ```
//! Sources: the user guide's "Filter pattern syntax". Terms are case-sensitive and found anywhere in the text ("ERROR Exception"
//! matches "[ERROR] Caught IllegalArgumentException").

mod compare;
mod fields;
mod json;
mod reader;
mod terms;

#[cfg(test)]
mod tests;

use std::collections::BTreeMap;

use fields::Fields;
use json::JsonPattern;
use terms::Terms;

/// A pattern that was understood.
#[derive(Debug, Clone)]
pub struct FilterPattern(Kind);

#[derive(Debug, Clone)]
enum Kind {
    Everything,
    Terms(Terms),
    Json(JsonPattern),
    Fields(Fields),
}

/// A pattern that cannot be understood.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("Invalid filter pattern")]
pub struct InvalidPattern;

impl FilterPattern {
    /// Reads a pattern.
    ///
    /// # Errors
    /// When it is none.
    pub fn parse(text: &str) -> Result<Self, InvalidPattern> {
        let text = text.trim();
        let kind = match text.chars().next() {
            None => Kind::Everything,
            Some('{') => Kind::Json(JsonPattern::parse(text)?),
            Some('[') => Kind::Fields(Fields::parse(text)?),
            Some(_) => Kind::Terms(Terms::parse(text)?),
        };
        Ok(Self(kind))
    }

    /// Whether an event's message is wanted.
    pub fn matches(&self, message: &str) -> bool {
        match &self.0 {
            Kind::Everything => true,
            Kind::Terms(terms) => terms.match_text(message),
            Kind::Json(json) => {
                serde_json::from_str(message).is_ok_and(|event: serde_json::Value| json.matches(&event))
            }
            Kind::Fields(fields) => fields.matches(message),
        }
    }

    /// What the pattern takes out of a message that matches: fields by their names, members by their paths.
    pub fn extract(&self, message: &str) -> BTreeMap<String, String> {
        match &self.0 {
            Kind::Everything | Kind::Terms(_) => BTreeMap::new(),
            Kind::Json(json) => serde_json::from_str(message)
                .map_or_else(|_| BTreeMap::new(), |event: serde_json::Value| json.extract(&event)),
            Kind::Fields(fields) => fields.extract(message),
        }
    }
}
