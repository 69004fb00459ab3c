//! Pages of lists: a token is the name of the last that was shown.

use base64::{Engine, prelude::BASE64_STANDARD};

use super::{Handled, error::invalid};

/// A page of at most `limit` of `all`, which are in order, behind the one that `token` names; and the next token.
pub(super) fn page<T>(
    all: Vec<(String, T)>,
    token: Option<&str>,
    limit: Option<i64>,
    default: usize,
) -> Handled<(Vec<T>, Option<String>)> {
    let limit = limit.and_then(|limit| usize::try_from(limit).ok()).unwrap_or(default);
    let last = token.map(decode).transpose()?;
    let begin = match last {
        None => 0,
        // The list may have changed: it goes on behind where the last one was.
        Some(last) => match all.iter().position(|(key, _)| *key == last) {
            Some(at) => at + 1,
            None => all.iter().position(|(key, _)| *key > last).unwrap_or(all.len()),
        },
    };
    let has_more = all.len() > begin + limit;
    let shown: Vec<(String, T)> = all.into_iter().skip(begin).take(limit).collect();
    let next = shown.last().filter(|_| has_more).map(|(key, _)| BASE64_STANDARD.encode(key));
    Ok((shown.into_iter().map(|(_, value)| value).collect(), next))
}

fn decode(token: &str) -> Handled<String> {
    let decoded = BASE64_STANDARD.decode(token).ok().and_then(|bytes| String::from_utf8(bytes).ok());
    decoded.ok_or_else(|| invalid("The specified nextToken is invalid."))
}
