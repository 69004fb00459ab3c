//! Numbers are never given twice, and only a change gets one.

use super::*;
use crate::function::{CodeReference, FunctionConfiguration, FunctionKey};

fn latest() -> FunctionRecord {
    let key = FunctionKey { account_id: "0".into(), region: "r".into(), name: "f".into() };
    let code = CodeReference { sha256_hex: "a".into(), code_sha256: "sha".into(), code_size_bytes: 1 };
    let mut record = FunctionRecord::new(key, FunctionConfiguration::default(), code, "r1".into(), 0);
    record.become_active("r2".into(), None);
    record
}

fn ids() -> (String, String) {
    ("p".into(), "l".into())
}

fn published(latest: FunctionRecord, last: Option<FunctionRecord>) -> (FunctionRecord, FunctionRecord) {
    match publish(latest, last, None, ids(), 7) {
        Publication::New { version, latest } => (*version, *latest),
        Publication::Unchanged(last) => panic!("unchanged since {}", last.version),
    }
}

#[test]
fn only_a_change_gets_a_number_and_none_is_given_twice() {
    let (first, latest) = published(latest(), None);
    assert_eq!((first.version.as_str(), first.state), ("1", FunctionState::Active));
    assert_eq!((first.revision_id.as_str(), latest.revision_id.as_str()), ("p", "l"));
    let again = publish(latest.clone(), Some(first.clone()), Some("other words".into()), ids(), 8);
    assert_eq!(again, Publication::Unchanged(Box::new(first.clone())));
    let mut changed = latest;
    changed.configuration.timeout_seconds = 9;
    let (second, latest) = published(changed, Some(first));
    assert_eq!(second.version, "2");
    // The second was deleted: the first is the last one there is, and the next number is still another.
    let mut changed = latest;
    changed.code.code_sha256 = "new".into();
    changed.code.sha256_hex = "b".into();
    assert_eq!(published(changed, Some(second)).0.version, "3");
}

#[test]
fn a_description_of_the_version_is_no_change_of_latest() {
    let Publication::New { version, latest } = publish(latest(), None, Some("first".into()), ids(), 0) else {
        panic!("nothing published")
    };
    assert_eq!(version.configuration.description, "first");
    assert_eq!(latest.configuration.description, "");
    assert!(matches!(publish(*latest, Some(*version), None, ids(), 0), Publication::Unchanged(_)));
}

#[test]
fn what_is_published_while_it_is_prepared_is_pending() {
    let mut latest = latest();
    latest.tags.insert("k".into(), "v".into());
    latest.reserved_concurrency = Some(3);
    latest.begin_update("r3".into(), 1);
    let (version, latest) = published(latest, None);
    assert_eq!(version.state, FunctionState::Pending);
    assert!(version.previous.is_none() && latest.previous.is_some());
    assert!(version.tags.is_empty() && version.reserved_concurrency.is_none());
    assert_eq!(latest.reserved_concurrency, Some(3));
}

#[test]
fn a_version_that_an_alias_needs_stays() {
    let alias = |name: &str, version: &str, additional: Option<&str>| Alias {
        name: name.into(),
        function_version: version.into(),
        description: String::new(),
        additional_version: additional.map(|version| (version.to_owned(), 0.1)),
        revision_id: String::new(),
    };
    let aliases = [alias("a", "1", None), alias("b", "2", Some("3")), alias("pc", "4", None)];
    let refusal = |version: &str| check_deletable(version, &aliases, |alias| alias.name == "pc");
    assert_eq!(refusal("5"), Ok(()));
    assert!(matches!(refusal("1"), Err(LambdaError::ResourceConflict(text)) if text.ends_with("[a]")));
    assert!(matches!(refusal("3"), Err(LambdaError::ResourceConflict(text)) if text.ends_with("[b]")));
    assert_eq!(
        refusal("4"),
        Err(LambdaError::InvalidParameterValue(
            "Version is pointed by a Provisioned Concurrency alias".into()
        ))
    );
    assert!(matches!(refusal(LATEST), Err(LambdaError::InvalidParameterValue(_))));
}
