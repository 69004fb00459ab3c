//! Methods of texts. Places in them are counted in characters.

use std::rc::Rc;

use regex::{Regex, RegexBuilder};

use super::{Called, RenderError, Value, index, out_of_bounds, print};
use crate::vtl::meter::{self, ITEMS_MAX, PATTERN_COST};

/// How large a pattern may be once it is compiled, bytes.
const PATTERN_BYTES_MAX: usize = 256 * 1024;

pub(super) fn call(text: &Rc<str>, name: &str, arguments: &[Value]) -> Called {
    meter::count(text.len());
    Ok(match arguments {
        [] => alone(text, name)?,
        [argument] => match (name, index(argument)) {
            ("substring" | "subSequence", Some(from)) => part(text, from, None, name)?,
            ("charAt", Some(at)) => part(text, at, Some(at + 1), name)?,
            _ => with_one(text, name, &print::text_of(argument)?)?,
        },
        [first, second] => match (name, index(first), index(second)) {
            ("substring" | "subSequence", Some(from), Some(to)) => part(text, from, Some(to), name)?,
            ("split", _, Some(limit)) => split(text, &print::text_of(first)?, limit)?,
            ("indexOf", _, Some(from)) => place(text, &print::text_of(first)?, from),
            _ => with_two(text, name, &print::text_of(first)?, &print::text_of(second)?)?,
        },
        _ => Value::Null,
    })
}

fn alone(text: &Rc<str>, name: &str) -> Called {
    if matches!(name, "toCharArray" | "getBytes") {
        meter::check_list(text.len())?;
    }
    Ok(match name {
        "length" => Value::Integer(text.chars().count() as i128),
        "isEmpty" => Value::Boolean(text.is_empty()),
        "toUpperCase" => Value::text(text.to_uppercase()),
        "toLowerCase" => Value::text(text.to_lowercase()),
        "trim" | "strip" => Value::text(text.trim()),
        "intern" => Value::Text(Rc::clone(text)),
        "toCharArray" => Value::list(text.chars().map(|it| Value::text(it.to_string())).collect()),
        "getBytes" => super::property(&Value::Text(Rc::clone(text)), "bytes"),
        "hashCode" => {
            let hash = text
                .encode_utf16()
                .fold(0_i32, |hash, unit| hash.wrapping_mul(31).wrapping_add(i32::from(unit)));
            Value::Integer(hash.into())
        }
        _ => Value::Null,
    })
}

fn with_one(text: &Rc<str>, name: &str, given: &str) -> Called {
    let place_of = |at: Option<usize>| at.map_or(-1, |at| text[..at].chars().count() as i128);
    Ok(match name {
        "contains" => Value::Boolean(text.contains(given)),
        "startsWith" => Value::Boolean(text.starts_with(given)),
        "endsWith" => Value::Boolean(text.ends_with(given)),
        "equalsIgnoreCase" => Value::Boolean(text.to_lowercase() == given.to_lowercase()),
        "concat" => Value::text(text.to_string() + given),
        "indexOf" => Value::Integer(place_of(text.find(given))),
        "lastIndexOf" => Value::Integer(place_of(text.rfind(given))),
        "compareTo" => Value::Integer(text.as_ref().cmp(given) as i128),
        "matches" => Value::Boolean(pattern(&format!("^(?:{given})$"))?.is_match(text)),
        "split" => split(text, given, 0)?,
        // What is static in Java can be called by any text.
        "valueOf" => Value::text(given),
        _ => Value::Null,
    })
}

fn with_two(text: &Rc<str>, name: &str, old: &str, new: &str) -> Called {
    Ok(match name {
        "replace" => {
            meter::check_text(text.matches(old).count().saturating_mul(new.len()))?;
            Value::text(text.replace(old, new))
        }
        "replaceAll" => replaced(text, &pattern(old)?, new, usize::MAX)?,
        "replaceFirst" => replaced(text, &pattern(old)?, new, 1)?,
        _ => Value::Null,
    })
}

fn replaced(text: &str, old: &Regex, new: &str, times: usize) -> Called {
    let new = replacement(new);
    let groups = new.matches('$').count();
    let (mut out, mut at) = (String::new(), 0);
    for found in old.captures_iter(text).take(times) {
        let Some(whole) = found.get(0) else { break };
        out.push_str(&text[at..whole.start()]);
        // No group is longer than what it is a part of.
        let longest = new.len().saturating_add(groups.saturating_mul(whole.len()));
        meter::check_text(out.len().saturating_add(longest))?;
        found.expand(&new, &mut out);
        at = whole.end();
    }
    out.push_str(&text[at..]);
    Ok(Value::text(out))
}

fn part(text: &str, from: usize, to: Option<usize>, name: &str) -> Called {
    let count = text.chars().count();
    let to = to.unwrap_or(count);
    if from > to || to > count {
        return Err(out_of_bounds(name));
    }
    Ok(Value::text(text.chars().skip(from).take(to - from).collect::<String>()))
}

fn place(text: &str, given: &str, from: usize) -> Value {
    let start = text.char_indices().nth(from).map_or(text.len(), |(at, _)| at);
    let found = text[start..].find(given).map(|at| text[..start + at].chars().count());
    Value::Integer(found.map_or(-1, |at| at as i128))
}

/// Java's rules: without a limit, empty texts at the end are left out.
fn split(text: &str, by: &str, limit: usize) -> Called {
    let pattern = pattern(by)?;
    let mut parts: Vec<&str> = match limit {
        0 => pattern.split(text).take(ITEMS_MAX + 1).collect(),
        limit => pattern.splitn(text, limit).take(ITEMS_MAX + 1).collect(),
    };
    meter::check_list(parts.len())?;
    // A match of nothing at the beginning makes no part.
    if parts.len() > 1 && parts[0].is_empty() && pattern.find(text).is_some_and(|it| it.end() == 0) {
        parts.remove(0);
    }
    if limit == 0 {
        while parts.len() > 1 && parts.last().is_some_and(|part| part.is_empty()) {
            parts.pop();
        }
    }
    Ok(Value::list(parts.into_iter().map(Value::text).collect()))
}

/// A regular expression of Java's, as far as one that takes linear time can be it: no look-around, no references back.
fn pattern(text: &str) -> Result<Regex, RenderError> {
    meter::count(PATTERN_COST);
    meter::check()?;
    let built = RegexBuilder::new(text).size_limit(PATTERN_BYTES_MAX).build();
    built.map_err(|_| RenderError(format!("{text} is no pattern that can be used here")))
}

/// `$1` and `\$` as Java has them, in the way in which `regex` does.
fn replacement(java: &str) -> String {
    let mut out = String::new();
    let mut characters = java.chars().peekable();
    while let Some(character) = characters.next() {
        match character {
            '\\' => match characters.next() {
                Some('$') => out.push_str("$$"),
                Some(other) => out.push(other),
                None => {}
            },
            '$' => {
                let digit = characters.next_if(char::is_ascii_digit);
                out.push_str(&digit.map_or("$$".to_owned(), |digit| format!("${{{digit}}}")));
            }
            other => out.push(other),
        }
    }
    out
}
