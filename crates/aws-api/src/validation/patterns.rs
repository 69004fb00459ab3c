//! The model's regular expressions, compiled once each. They are written for Java; ECMAScript's dialect reads them all.

use std::{
    cell::RefCell,
    collections::HashMap,
    sync::{Arc, LazyLock, PoisonError, RwLock},
};

use regress::Regex;

type Compiled = HashMap<&'static str, Option<Arc<Regex>>>;

static COMPILED: LazyLock<RwLock<Compiled>> = LazyLock::new(RwLock::default);

thread_local! {
    /// The text that each pattern matched last, by where the pattern is.
    static LAST: RefCell<HashMap<(*const u8, usize), String>> = RefCell::default();
}

/// Longest text that is remembered.
const REMEMBERED_BYTES_MAX: usize = 256;

/// Longest text that is matched, characters; the model bounds every text with a pattern below it, and a longer one fails anyway.
const MATCHED_CHARS_MAX: usize = 20_000;

/// Whether `pattern` matches the whole of `text`. A pattern that does not compile matches everything; a test keeps that from happening.
pub(super) fn matches(pattern: &'static str, text: &str) -> bool {
    if text.chars().count() > MATCHED_CHARS_MAX {
        return false;
    }
    // Whoever calls again names the same function.
    let is_known = LAST.with_borrow(|last| last.get(&place_of(pattern)).is_some_and(|known| known == text));
    is_known || matches_anew(pattern, text)
}

fn matches_anew(pattern: &'static str, text: &str) -> bool {
    let is_match = compiled(pattern)
        .is_none_or(|regex| regex.find(text).is_some_and(|found| found.range() == (0..text.len())));
    if is_match && text.len() <= REMEMBERED_BYTES_MAX {
        LAST.with_borrow_mut(|last| last.insert(place_of(pattern), text.to_owned()));
    }
    is_match
}

/// Tells patterns apart, sooner than their texts do.
fn place_of(pattern: &'static str) -> (*const u8, usize) {
    (pattern.as_ptr(), pattern.len())
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
