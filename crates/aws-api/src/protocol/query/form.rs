//! The parameters of a form, by name.

use std::collections::{BTreeMap, BTreeSet};

use percent_encoding::percent_decode_str;

/// A form body, decoded. Of a name that comes twice, the last counts.
pub struct Form(BTreeMap<String, String>);

impl Form {
    /// Reads `application/x-www-form-urlencoded` bytes. What is not UTF-8 becomes U+FFFD.
    pub fn parse(body: &[u8]) -> Self {
        let body = String::from_utf8_lossy(body);
        let pairs = body.split('&').filter(|pair| !pair.is_empty());
        Self(
            pairs
                .map(|pair| pair.split_once('=').unwrap_or((pair, "")))
                .map(|(name, value)| (text(name), text(value)))
                .collect(),
        )
    }

    /// Takes over what another form has and this one does not.
    pub fn supply_all(&mut self, other: Self) {
        for (name, value) in other.0 {
            self.0.entry(name).or_insert(value);
        }
    }

    /// Gives a parameter that is not there.
    pub fn supply(&mut self, name: &str, value: impl FnOnce() -> String) {
        self.0.entry(name.to_owned()).or_insert_with(value);
    }

    /// A parameter's value.
    pub fn get(&self, name: &str) -> Option<&str> {
        self.0.get(name).map(String::as_str)
    }

    /// Whether a parameter's name is `prefix`, or begins with it and a dot.
    pub(super) fn has(&self, prefix: &str) -> bool {
        self.0.contains_key(prefix) || self.below(prefix).next().is_some()
    }

    /// The numbers in `prefix.1`, `prefix.2.Name` and so on, in order, whatever gaps they have.
    pub(super) fn indices(&self, prefix: &str) -> BTreeSet<u32> {
        self.below(prefix).filter_map(|rest| rest.split('.').next()?.parse().ok()).collect()
    }

    /// What follows `prefix.` in the names that begin with it.
    fn below<'a>(&'a self, prefix: &str) -> impl Iterator<Item = &'a str> {
        let prefix = format!("{prefix}.");
        let from = self.0.range(prefix.clone()..).map(|(name, _)| name.as_str());
        from.map_while(move |name| name.strip_prefix(prefix.as_str()))
    }
}

fn text(encoded: &str) -> String {
    percent_decode_str(&encoded.replace('+', " ")).decode_utf8_lossy().into_owned()
}
