//! Tags of roles, users, policies and instance profiles.

use std::collections::HashSet;

use aws_api::generated::iam::types;

use super::{
    Handled,
    error::IamError,
    paging::{self, Page},
    records::Tag,
};

/// Tags of an entity at most.
const TAGS_MAX: usize = 50;

/// Tags of a request.
pub(crate) fn given(tags: Option<Vec<types::Tag>>) -> Handled<Vec<Tag>> {
    let mut tagged = Vec::new();
    add(&mut tagged, tags)?;
    Ok(tagged)
}

/// Adds tags to those that are there; a key that is there gets the new value.
pub(crate) fn add(tagged: &mut Vec<Tag>, tags: Option<Vec<types::Tag>>) -> Handled<()> {
    let tags = tags.unwrap_or_default().into_iter();
    let tags: Vec<Tag> = tags
        .map(|tag| Tag { key: tag.key.unwrap_or_default(), value: tag.value.unwrap_or_default() })
        .collect();
    let mut seen = HashSet::new();
    if !tags.iter().all(|tag| seen.insert(tag.key.to_lowercase())) {
        return Err(IamError::InvalidInput(
            "Duplicate tag keys found. Please note that Tag keys are case insensitive.".into(),
        ));
    }
    for tag in tags {
        match tagged.iter_mut().find(|known| known.key.eq_ignore_ascii_case(&tag.key)) {
            Some(known) => *known = tag,
            None => tagged.push(tag),
        }
    }
    if tagged.len() > TAGS_MAX {
        return Err(IamError::LimitExceeded("The number of tags has reached the maximum limit.".into()));
    }
    Ok(())
}

/// Takes tags away; a key that is not there is no error.
pub(crate) fn remove(tagged: &mut Vec<Tag>, keys: Option<Vec<String>>) {
    let keys = keys.unwrap_or_default();
    tagged.retain(|tag| !keys.iter().any(|key| key.eq_ignore_ascii_case(&tag.key)));
}

/// Tags of an answer.
pub(crate) fn shown(tags: &[Tag]) -> Vec<types::Tag> {
    tags.iter().map(|tag| types::Tag { key: Some(tag.key.clone()), value: Some(tag.value.clone()) }).collect()
}

/// Tags of an answer that leaves out what is empty.
pub(crate) fn shown_if_any(tags: &[Tag]) -> Option<Vec<types::Tag>> {
    (!tags.is_empty()).then(|| shown(tags))
}

/// A page of tags, by key.
pub(crate) fn page(tags: &[Tag], marker: Option<&str>, items_max: Option<i64>) -> Handled<Page<types::Tag>> {
    let mut tags = shown(tags);
    tags.sort_by(|a, b| a.key.cmp(&b.key));
    paging::page(tags, marker, items_max, |tag| tag.key.clone().unwrap_or_default())
}
