//! Lists in pages.

use aws_api::pagination::{self, InvalidMarker};

/// What is in the order of its names: so many after a token at most, and the token of what follows.
pub(crate) fn page<T>(
    named: Vec<(String, T)>,
    limit: i64,
    token: Option<&str>,
) -> Result<(Vec<T>, Option<String>), InvalidMarker> {
    let after = token.filter(|token| !token.is_empty()).map(pagination::decode).transpose()?;
    let limit = usize::try_from(limit.max(1)).unwrap_or(1);
    let mut rest = named.into_iter().filter(|(name, _)| after.as_ref().is_none_or(|after| name > after));
    let (mut page, mut last) = (Vec::new(), None);
    for (name, one) in rest.by_ref().take(limit) {
        page.push(one);
        last = Some(name);
    }
    let next = rest.next().and(last).map(|last| pagination::encode(&last));
    Ok((page, next))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pages_follow_each_other() {
        let all = || ["a", "b", "c"].map(|name| (name.to_owned(), name)).to_vec();
        let (first, next) = page(all(), 2, None).unwrap();
        assert_eq!(first, ["a", "b"]);
        assert_eq!(page(all(), 2, next.as_deref()).unwrap(), (vec!["c"], None));
        assert!(page(all(), 2, Some("?")).is_err());
    }
}
