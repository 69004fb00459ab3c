//! What statements say, once they are statements.

use std::{collections::HashSet, sync::LazyLock};

use regress::Regex;
use serde_json::Value;

use super::{Handled, malformed, resources, syntax::Statement, texts};

/// What IAM takes for a date, beside seconds since the epoch. It is lenient with short numbers, and not with long fractions.
static DATE: LazyLock<Option<Regex>> = LazyLock::new(|| {
    Regex::with_flags(
        r"^\d{1,4}(-(0?[1-9]|1[0-2])(-\d{1,2})?)?(t(\d{1,2}(:\d{1,2}(:\d{1,2}(\.\d{1,9})?)?)?)?(z|[+-]\d{2}(:\d{2})?)?)?$",
        "i",
    )
    .ok()
});

/// Whether the older of IAM's parsers takes a statement: effects as they are written, dates, ARNs of six parts.
pub(super) fn passes_legacy_parsing(statement: &Statement) -> bool {
    let effect = statement.get("Effect").and_then(Value::as_str);
    let conditions = statement.get("Condition").and_then(Value::as_object).into_iter().flatten();
    let dates = conditions.filter(|(name, _)| name.contains("Date")).filter_map(|(_, keys)| keys.as_object());
    matches!(effect, Some("Allow" | "Deny"))
        && dates.flat_map(|keys| keys.values()).all(|value| texts(Some(value)).into_iter().all(is_date))
        && resources_of(statement).into_iter().all(resources::passes_legacy_parsing)
}

fn is_date(text: &str) -> bool {
    text.parse::<i64>().is_ok()
        || text.contains(['t', 'T', '-']) && DATE.as_ref().is_some_and(|date| date.find(text).is_some())
}

/// Looks at everything that statements say.
pub(super) fn check(statements: &[&Statement]) -> Handled<()> {
    let mut ids = HashSet::new();
    let mut given = statements.iter().filter_map(|statement| statement.get("Sid")?.as_str());
    if !given.all(|id| id.is_empty() || ids.insert(id)) {
        return Err(malformed("Statement IDs (SID) in a single policy must be unique."));
    }
    for statement in statements {
        resources_of(statement).into_iter().try_for_each(resources::check)?;
    }
    for statement in statements {
        check_actions(&either(statement, "Action", "NotAction"))?;
    }
    match statements.iter().all(|statement| !resources_of(statement).is_empty()) {
        true => Ok(()),
        false => Err(malformed("Policy statement must contain resources.")),
    }
}

fn check_actions(actions: &[&str]) -> Handled<()> {
    if actions.is_empty() {
        return Err(malformed("Policy statement must contain actions."));
    }
    for action in actions.iter().filter(|action| **action != "*") {
        let Some((vendor, name)) = action.split_once(':') else {
            return Err(malformed(
                "Actions/Conditions must be prefaced by a vendor, e.g., iam, sdb, ec2, etc.",
            ));
        };
        if name.contains(':') {
            return Err(malformed("Actions/Condition can contain only one colon."));
        }
        if !vendor.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-.".contains(&byte)) {
            return Err(malformed(format!("Vendor {vendor} is not valid")));
        }
    }
    Ok(())
}

fn resources_of(statement: &Statement) -> Vec<&str> {
    either(statement, "Resource", "NotResource")
}

fn either<'a>(statement: &'a Statement, name: &str, not_name: &str) -> Vec<&'a str> {
    texts(statement.get(name).or_else(|| statement.get(not_name)))
}
