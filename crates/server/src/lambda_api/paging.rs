//! Markers: every list answers in pages, and says where the next begins.

use aws_api::pagination;
use lambda_model::LambdaError;

/// Entries of a page at most (API reference: 50 for functions and most lists, whatever `MaxItems` says).
pub(super) const PAGE_MAX: usize = 50;

/// What a list request asks for.
pub(super) struct Page {
    /// The last entry of the page before, as [`next_marker`] wrote it.
    pub after: Option<String>,
    /// Entries at most.
    pub size: usize,
}

impl Page {
    /// Reads `Marker` and `MaxItems`.
    ///
    /// # Errors
    /// A marker that is none of ours.
    pub(super) fn read(marker: Option<&str>, max_items: Option<i64>) -> Result<Self, LambdaError> {
        let marker = marker.filter(|marker| !marker.is_empty());
        let after = marker.map(pagination::decode).transpose();
        Ok(Self {
            after: after
                .map_err(|_| LambdaError::InvalidParameterValue("Invalid pagination token.".into()))?,
            size: max_items
                .and_then(|max| usize::try_from(max).ok())
                .map_or(PAGE_MAX, |max| max.min(PAGE_MAX)),
        })
    }

    /// How many entries to read: one more than fit tells whether there is another page.
    pub(super) fn read_size(&self) -> usize {
        self.size + 1
    }

    /// Cuts what was read to the page; the marker of the next one, named after the last entry, if there is one.
    pub(super) fn cut<T>(&self, entries: &mut Vec<T>, name: impl Fn(&T) -> String) -> Option<String> {
        if entries.len() <= self.size {
            return None;
        }
        entries.truncate(self.size);
        entries.last().map(|last| pagination::encode(&name(last)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pages_follow_each_other_without_gap_or_repetition() {
        let all: Vec<String> = (0..7).map(|n| format!("n{n}")).collect();
        let (mut seen, mut marker) = (Vec::new(), None);
        loop {
            let page = Page::read(marker.as_deref(), Some(3)).unwrap();
            let rest = all.iter().filter(|name| page.after.as_ref().is_none_or(|after| *name > after));
            let mut entries: Vec<String> = rest.take(page.read_size()).cloned().collect();
            marker = page.cut(&mut entries, Clone::clone);
            seen.push(entries.len());
            if marker.is_none() {
                break;
            }
        }
        assert_eq!(seen, [3, 3, 1]);
        assert!(Page::read(Some("%%%"), None).is_err());
        assert_eq!(Page::read(Some(""), Some(10_000)).unwrap().size, PAGE_MAX);
    }
}
