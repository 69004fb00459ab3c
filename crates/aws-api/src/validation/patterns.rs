//! The model's regular expressions, compiled once each. They are written for Java; ECMAScript's dialect reads them all.

use std::{
    collections::HashMap,
    sync::{Arc, LazyLock, PoisonError, RwLock},
};

use regress::Regex;

type Compiled = HashMap<&'static str, Option<Arc<Regex>>>;

static COMPILED: LazyLock<RwLock<Compiled>> = LazyLock::new(RwLock::default);

/// Longest text that is matched, characters; the model bounds every text with a pattern below it, and a longer one fails anyway.
const MATCHED_CHARS_MAX: usize = 20_000;

/// Whether `pattern` matches the whole of `text`. A pattern that does not compile matches everything; a test keeps that from happening.
pub(super) fn matches(pattern: &'static str, text: &str) -> bool {
    if text.chars().count() > MATCHED_CHARS_MAX {
        return false;
    }
    compiled(pattern)
        .is_none_or(|regex| regex.find(text).is_some_and(|found| found.range() == (0..text.len())))
}

/// A pattern of the model, which matches whole texts; `None` where the dialect cannot read it.
pub fn compiled(pattern: &'static str) -> Option<Arc<Regex>> {
    if let Some(regex) = COMPILED.read().unwrap_or_else(PoisonError::into_inner).get(pattern) {
        return regex.clone();
    }
    // Anchored: a search could stop at a shorter match that another alternative would have extended.
    let anchored = format!("^(?:{pattern})$");
    // Unicode mode knows `\p{L}` but is strict about escapes; the patterns that it refuses have no such classes.
    let regex = Regex::with_flags(&anchored, "u").or_else(|_| Regex::new(&anchored)).ok().map(Arc::new);
    COMPILED.write().unwrap_or_else(PoisonError::into_inner).insert(pattern, regex.clone());
    regex
}
