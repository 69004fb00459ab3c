//! The rules of a bus, found by what an event is of: most patterns name the sources that they want, and the others need not be read.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

use lambda_model::event_source_mapping::filter::{FieldPattern, FilterPattern, Matcher, Scalar};

use super::registry::Rule;

/// Rules by their names, and by the sources that they want.
#[derive(Clone, Default)]
pub(super) struct RuleIndex {
    by_name: BTreeMap<String, Arc<Rule>>,
    by_source: BTreeMap<String, BTreeSet<String>>,
    /// Those that do not name their sources.
    of_any: BTreeSet<String>,
}

impl RuleIndex {
    /// All of them, in the order of their names.
    pub(super) fn by_name(&self) -> &BTreeMap<String, Arc<Rule>> {
        &self.by_name
    }

    /// Takes a rule, over what had its name.
    pub(super) fn insert(&mut self, name: &str, rule: Arc<Rule>) {
        self.remove(name);
        match rule.pattern.as_ref().and_then(sources) {
            Some(sources) => {
                for source in sources {
                    self.by_source.entry(source.to_owned()).or_default().insert(name.to_owned());
                }
            }
            None => {
                self.of_any.insert(name.to_owned());
            }
        }
        self.by_name.insert(name.to_owned(), rule);
    }

    /// Forgets a rule.
    pub(super) fn remove(&mut self, name: &str) {
        let Some(rule) = self.by_name.remove(name) else { return };
        self.of_any.remove(name);
        for source in rule.pattern.as_ref().and_then(sources).into_iter().flatten() {
            if let Some(names) = self.by_source.get_mut(source) {
                names.remove(name);
                if names.is_empty() {
                    self.by_source.remove(source);
                }
            }
        }
    }

    /// Those that may want an event of a source, in the order of their names.
    pub(super) fn of_source(&self, source: &str) -> impl Iterator<Item = (&String, &Arc<Rule>)> {
        let named = self.by_source.get(source).into_iter().flatten();
        let names: BTreeSet<&String> = named.chain(&self.of_any).collect();
        names.into_iter().filter_map(|name| self.by_name.get_key_value(name))
    }
}

/// The sources that a pattern names, where it wants no other; `None` where it does not say.
fn sources(pattern: &FilterPattern) -> Option<Vec<&str>> {
    let (_, wanted) = pattern.fields.iter().find(|(name, _)| name == "source")?;
    let FieldPattern::AnyOf(matchers) = wanted else { return None };
    matchers.iter().map(text_of).collect()
}

/// The text that a value must be, where it must be one.
fn text_of(matcher: &Matcher) -> Option<&str> {
    match matcher {
        Matcher::Exactly(Scalar::Text(text)) => Some(text),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::eventbridge::bus::RuleRecord;

    fn rule(pattern: &str) -> Arc<Rule> {
        Arc::new(Rule::new(RuleRecord { event_pattern: Some(pattern.to_owned()), ..RuleRecord::default() }))
    }

    #[test]
    fn rules_are_found_by_their_sources_and_those_that_name_none_always() {
        let mut index = RuleIndex::default();
        index.insert("a", rule(r#"{"source": ["x", "y"]}"#));
        index.insert("b", rule(r#"{"source": [{"prefix": "x"}]}"#));
        index.insert("c", rule(r#"{"detail": {"n": [1]}}"#));
        index.insert("d", rule(r#"{"source": ["x"], "$or": [{"a": [1]}]}"#));
        index.insert("e", rule(r#"{"$or": [{"source": ["x"]}, {"a": [1]}]}"#));
        let of = |index: &RuleIndex, source: &str| -> String {
            index.of_source(source).map(|(name, _)| name.as_str()).collect()
        };
        assert_eq!(
            (of(&index, "x"), of(&index, "y"), of(&index, "z")),
            ("abcde".into(), "abce".into(), "bce".into())
        );
        index.insert("a", rule(r#"{"source": ["z"]}"#));
        index.remove("b");
        assert_eq!(
            (of(&index, "x"), of(&index, "y"), of(&index, "z")),
            ("cde".into(), "ce".into(), "ace".into())
        );
        assert_eq!(index.by_name().len(), 4);
    }
}
