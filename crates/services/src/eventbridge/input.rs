//! What a target gets of an event: all of it, a part, a text of its own, or a template filled with parts (EventBridge user guide,
//! input transformation).

use std::collections::BTreeMap;

use aws_api::generated::events::types;
use serde_json::Value;

use super::{Handled, error::invalid};

/// What templates may name beside their own paths.
pub(super) struct Facts<'a> {
    /// `aws.events.rule-arn`
    pub rule_arn: &'a str,
    /// `aws.events.rule-name`
    pub rule_name: &'a str,
    /// `aws.events.event.ingestion-time`
    pub ingestion_time: &'a str,
}

/// One of the three at most, each as it must be.
pub(super) fn check(target: &types::Target) -> Handled<()> {
    let id = target.id.as_deref().unwrap_or_default();
    let said = [target.input.is_some(), target.input_path.is_some(), target.input_transformer.is_some()];
    if said.into_iter().filter(|is_there| *is_there).count() > 1 {
        return Err(invalid(format!(
            "Only one of Input, InputPath, or InputTransformer must be provided for target {id}."
        )));
    }
    if target.input.as_ref().is_some_and(|input| serde_json::from_str::<Value>(input).is_err()) {
        return Err(invalid(format!("JSON syntax error in input for target {id}.")));
    }
    if target.input_path.as_ref().is_some_and(|path| steps(path).is_none()) {
        return Err(invalid(format!("Invalid InputPath for target {id}.")));
    }
    match &target.input_transformer {
        Some(transformer) => check_transformer(id, transformer),
        None => Ok(()),
    }
}

fn check_transformer(id: &str, transformer: &types::InputTransformer) -> Handled<()> {
    let paths = transformer.input_paths_map.iter().flatten();
    for (name, path) in paths {
        if name.to_ascii_lowercase().starts_with("aws") || steps(path).is_none() {
            return Err(invalid(format!("Invalid InputPathsMap for target {id}: {name}.")));
        }
    }
    let template = transformer.input_template.as_deref().unwrap_or_default();
    let known = |name: &str| {
        name.starts_with("aws.")
            || transformer.input_paths_map.as_ref().is_some_and(|map| map.contains_key(name))
    };
    match places(template).find(|name| !known(name)) {
        Some(name) => Err(invalid(format!(
            "InputTemplate for target {id} contains placeholder {name} which is not in InputPathsMap."
        ))),
        None => Ok(()),
    }
}

/// What the target gets.
pub(super) fn of(target: &types::Target, event: &str, facts: &Facts<'_>) -> String {
    if let Some(input) = &target.input {
        return input.clone();
    }
    let read = || serde_json::from_str::<Value>(event).unwrap_or_default();
    if let Some(path) = target.input_path.as_ref().filter(|path| *path != "$") {
        return at(&read(), path).cloned().unwrap_or_default().to_string();
    }
    let Some(transformer) = &target.input_transformer else { return event.to_owned() };
    let whole = read();
    let paths = transformer.input_paths_map.clone().unwrap_or_default();
    let mut values: BTreeMap<String, Value> =
        paths.into_iter().filter_map(|(name, path)| Some((name, at(&whole, &path)?.clone()))).collect();
    let mut without_detail = whole.clone();
    if let Some(fields) = without_detail.as_object_mut() {
        fields.remove("detail");
    }
    values.extend([
        ("aws.events.rule-arn".to_owned(), facts.rule_arn.into()),
        ("aws.events.rule-name".to_owned(), facts.rule_name.into()),
        ("aws.events.event.ingestion-time".to_owned(), facts.ingestion_time.into()),
        ("aws.events.event.json".to_owned(), whole),
        ("aws.events.event".to_owned(), without_detail),
    ]);
    filled(transformer.input_template.as_deref().unwrap_or_default(), &values)
}

/// A step of a path.
enum Step {
    Field(String),
    Index(usize),
}

/// Reads a path: `$`, `.name`, `['name']`, `[0]`.
fn steps(path: &str) -> Option<Vec<Step>> {
    let mut rest = path.strip_prefix('$')?;
    let mut steps = Vec::new();
    while !rest.is_empty() {
        if let Some(after) = rest.strip_prefix('.') {
            let end = after.find(['.', '[']).unwrap_or(after.len());
            let (name, left) = after.split_at(end);
            steps.push(Step::Field(Some(name).filter(|name| !name.is_empty())?.to_owned()));
            rest = left;
        } else {
            let (inside, left) = rest.strip_prefix('[')?.split_once(']')?;
            let quoted = inside.strip_prefix('\'').and_then(|inside| inside.strip_suffix('\''));
            let quoted =
                quoted.or_else(|| inside.strip_prefix('"').and_then(|inside| inside.strip_suffix('"')));
            steps.push(match quoted {
                Some(name) => Step::Field(name.to_owned()),
                None => Step::Index(inside.parse().ok()?),
            });
            rest = left;
        }
    }
    Some(steps)
}

fn at<'a>(value: &'a Value, path: &str) -> Option<&'a Value> {
    steps(path)?.into_iter().try_fold(value, |value, step| match step {
        Step::Field(name) => value.get(name),
        Step::Index(index) => value.get(index),
    })
}

/// Where a name stands in angle brackets: the text before it, the name, and the text after it.
fn next_place(template: &str) -> Option<(&str, &str, &str)> {
    let mut from = 0;
    loop {
        let begin = from + template.get(from..)?.find('<')?;
        let after = template.get(begin + 1..)?;
        let end = after.find('>')?;
        let name = after.get(..end)?;
        let is_name = !name.is_empty()
            && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'.'));
        if is_name {
            return Some((template.get(..begin)?, name, after.get(end + 1..)?));
        }
        from = begin + 1;
    }
}

fn places(template: &str) -> impl Iterator<Item = &str> {
    let mut rest = template;
    std::iter::from_fn(move || {
        let (_, name, after) = next_place(rest)?;
        rest = after;
        Some(name)
    })
}

/// The template with its places filled. In quotation marks a value is text; outside of them it is JSON, unless the template is none.
fn filled(template: &str, values: &BTreeMap<String, Value>) -> String {
    let is_json = template.trim_start().starts_with(['{', '[', '"']);
    let (mut rest, mut made, mut is_quoted) = (template, String::new(), false);
    while let Some((before, name, after)) = next_place(rest) {
        is_quoted ^= has_odd_quotes(before);
        made.push_str(before);
        made.push_str(&shown(values.get(name), is_json, is_quoted));
        rest = after;
    }
    made.push_str(rest);
    made
}

/// What is not in the event is an empty text.
fn shown(value: Option<&Value>, is_json: bool, is_quoted: bool) -> String {
    let nothing = Value::String(String::new());
    let value = value.unwrap_or(&nothing);
    let json = value.to_string();
    match value {
        Value::String(text) if !is_json => text.clone(),
        // As JSON, without the quotation marks that are there already.
        Value::String(_) if is_quoted => {
            json.trim_start_matches('"').strip_suffix('"').unwrap_or(&json).to_owned()
        }
        Value::Object(_) | Value::Array(_) if is_quoted => json.replace('"', ""),
        _ => json,
    }
}

fn has_odd_quotes(text: &str) -> bool {
    let (mut is_odd, mut is_escaped) = (false, false);
    for letter in text.chars() {
        is_odd ^= letter == '"' && !is_escaped;
        is_escaped = letter == '\\' && !is_escaped;
    }
    is_odd
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    const EVENT: &str = r#"{"version":"0","id":"i","detail-type":"t","source":"s","account":"1","time":"2026-01-01T00:00:00Z","region":"r","resources":["a","b"],"detail":{"state":"on \"now\"","count":3,"deep":{"x":[1,{"y":null}]}}}"#;

    fn facts() -> Facts<'static> {
        Facts { rule_arn: "arn:rule", rule_name: "rule", ingestion_time: "2026-01-02T00:00:00Z" }
    }

    fn transformed(paths: Value, template: &str) -> String {
        let transformer = types::InputTransformer {
            input_paths_map: serde_json::from_value(paths).unwrap(),
            input_template: Some(template.into()),
        };
        let target = types::Target { input_transformer: Some(transformer), ..Default::default() };
        check(&target).unwrap();
        of(&target, EVENT, &facts())
    }

    #[test]
    fn a_target_gets_all_a_part_or_a_text() {
        assert_eq!(of(&types::Target::default(), EVENT, &facts()), EVENT);
        let path = |path: &str| {
            of(&types::Target { input_path: Some(path.into()), ..Default::default() }, EVENT, &facts())
        };
        assert_eq!(path("$"), EVENT);
        assert_eq!(path("$.detail.count"), "3");
        assert_eq!(path("$.resources[1]"), r#""b""#);
        assert_eq!(path("$.detail['deep'].x[1]"), r#"{"y":null}"#);
        assert_eq!(path("$.detail-type"), r#""t""#);
        assert_eq!(path("$.missing"), "null");
        let input = types::Target { input: Some(r#"{"a":1}"#.into()), ..Default::default() };
        assert_eq!(of(&input, EVENT, &facts()), r#"{"a":1}"#);
    }

    #[test]
    fn templates_are_filled_as_json_and_as_text() {
        let paths = || json!({"state": "$.detail.state", "n": "$.detail.count", "deep": "$.detail.deep", "gone": "$.gone"});
        let made = transformed(
            paths(),
            r#"{"state": <state>, "n": <n>, "text": "it is <state>, <n>", "deep": <deep>, "no": <gone>}"#,
        );
        let read: Value = serde_json::from_str(&made).unwrap();
        assert_eq!(
            read,
            json!({"state": "on \"now\"", "n": 3, "text": "it is on \"now\", 3", "deep": {"x": [1, {"y": null}]}, "no": ""})
        );
        assert_eq!(transformed(paths(), r#""it is <n>""#), r#""it is 3""#);
        assert_eq!(transformed(paths(), "plain <state> <n> < 5 <>"), "plain on \"now\" 3 < 5 <>");
        let made = transformed(
            json!({}),
            r#"{"rule": "<aws.events.rule-name>", "arn": <aws.events.rule-arn>, "at": <aws.events.event.ingestion-time>, "all": <aws.events.event.json>, "rest": <aws.events.event>}"#,
        );
        let read: Value = serde_json::from_str(&made).unwrap();
        assert_eq!(
            (&read["rule"], &read["arn"], &read["at"]),
            (&json!("rule"), &json!("arn:rule"), &json!("2026-01-02T00:00:00Z"))
        );
        assert_eq!(read["all"], serde_json::from_str::<Value>(EVENT).unwrap());
        assert!(read["rest"].get("detail").is_none() && read["rest"]["id"] == "i");
    }

    #[test]
    fn what_is_no_input_is_refused() {
        let target = |target: types::Target| check(&target).unwrap_err().message;
        let two =
            types::Target { input: Some("{}".into()), input_path: Some("$".into()), ..Default::default() };
        assert!(target(two).contains("Only one of"));
        assert!(target(types::Target { input: Some("{".into()), ..Default::default() }).contains("JSON"));
        for path in ["detail", "$.", "$.a[", "$.a[x]", "$a"] {
            assert!(
                target(types::Target { input_path: Some(path.into()), ..Default::default() })
                    .contains("InputPath")
            );
        }
        let transformer = |paths: Value, template: &str| types::Target {
            input_transformer: Some(types::InputTransformer {
                input_paths_map: serde_json::from_value(paths).unwrap(),
                input_template: Some(template.into()),
            }),
            ..Default::default()
        };
        assert!(target(transformer(json!({}), "<a>")).contains("placeholder a"));
        assert!(target(transformer(json!({"AWSx": "$.a"}), "x")).contains("InputPathsMap"));
    }
}
