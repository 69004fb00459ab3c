//! Event patterns against an evaluator that knows nothing of how they are kept: it reads pattern and event as JSON each time.

use lambda_model::event_source_mapping::filter::{Dialect, FilterPattern};
use proptest::prelude::*;
use serde_json::{Map, Value, json};

/// Few, so that patterns and events meet.
const NAMES: [&str; 2] = ["a", "b"];
const TEXTS: [&str; 4] = ["", "x", "xy", "Xy"];

fn name() -> impl Strategy<Value = String> {
    prop::sample::select(&NAMES[..]).prop_map(str::to_owned)
}

fn text() -> impl Strategy<Value = String> {
    prop::sample::select(&TEXTS[..]).prop_map(str::to_owned)
}

fn scalar() -> BoxedStrategy<Value> {
    prop_oneof![
        text().prop_map(Value::from),
        (-1..2_i64).prop_map(Value::from),
        any::<bool>().prop_map(Value::from),
        Just(Value::Null),
    ]
    .boxed()
}

fn object(values: impl Strategy<Value = Value> + 'static) -> BoxedStrategy<Value> {
    prop::collection::vec((name(), values), 0..4)
        .prop_map(|members| Value::Object(members.into_iter().collect::<Map<_, _>>()))
        .boxed()
}

fn event() -> impl Strategy<Value = Value> {
    let leaf =
        prop_oneof![3 => scalar(), 1 => prop::collection::vec(scalar(), 0..3).prop_map(Value::from)].boxed();
    let inner = leaf.clone().prop_recursive(2, 12, 4, object);
    object(prop_oneof![leaf, inner])
}

fn matcher() -> impl Strategy<Value = Value> {
    let operator = prop::sample::select(vec!["<", "<=", "=", ">", ">="]);
    prop_oneof![
        scalar(),
        text().prop_map(|text| json!({"prefix": text})),
        text().prop_map(|text| json!({"suffix": text})),
        text().prop_map(|text| json!({"equals-ignore-case": text})),
        any::<bool>().prop_map(|exists| json!({"exists": exists})),
        (operator, -1..2_i64).prop_map(|(operator, number)| json!({"numeric": [operator, number]})),
        (-1..2_i64, -1..2_i64).prop_map(|(low, high)| json!({"numeric": [">", low, "<=", high]})),
        prop::collection::vec(
            prop_oneof![text().prop_map(Value::from), (-1..2_i64).prop_map(Value::from)],
            1..3
        )
        .prop_map(|but| json!({"anything-but": but})),
        text().prop_map(|text| json!({"anything-but": {"prefix": text}})),
    ]
}

fn pattern() -> impl Strategy<Value = Value> {
    let leaf = prop::collection::vec(matcher(), 1..3).prop_map(Value::from).boxed();
    let inner = leaf.clone().prop_recursive(2, 12, 4, object);
    let fields = object(prop_oneof![leaf, inner]);
    (fields.clone(), prop::option::weighted(0.2, prop::collection::vec(fields, 1..3))).prop_map(
        |(mut pattern, alternatives)| {
            if let Some(alternatives) = alternatives {
                pattern["$or"] = alternatives.into();
            }
            pattern
        },
    )
}

/// Whether an event matches, by the words of the documentation.
fn matches(pattern: &Value, event: &Value) -> bool {
    pattern.as_object().into_iter().flatten().all(|(name, wanted)| match (name.as_str(), wanted) {
        ("$or", alternatives) => elements(alternatives).iter().any(|one| matches(one, event)),
        (_, Value::Object(_)) => within(wanted, event.get(name)),
        (_, wanted) => elements(wanted).iter().any(|one| is_one(one, event.get(name))),
    })
}

/// Of an array.
fn elements(value: &Value) -> &[Value] {
    value.as_array().map_or(&[], Vec::as_slice)
}

fn within(pattern: &Value, found: Option<&Value>) -> bool {
    match found {
        None => matches(pattern, &json!({})),
        Some(Value::Array(all)) => all.iter().any(|one| within(pattern, Some(one))),
        Some(object @ Value::Object(_)) => matches(pattern, object),
        Some(_) => false,
    }
}

fn is_one(matcher: &Value, found: Option<&Value>) -> bool {
    if let Some(exists) = matcher.get("exists") {
        return exists.as_bool() == Some(found.is_some());
    }
    match found {
        None | Some(Value::Object(_)) => false,
        Some(Value::Array(all)) => all.iter().any(|one| is_one(matcher, Some(one))),
        Some(found) => is_leaf(matcher, found),
    }
}

fn is_leaf(matcher: &Value, found: &Value) -> bool {
    let Some((operator, operand)) = matcher.as_object().and_then(|operators| operators.iter().next()) else {
        return matcher == found;
    };
    let text = found.as_str();
    let operand_text = operand.as_str().unwrap_or_default();
    match operator.as_str() {
        "prefix" => text.is_some_and(|text| text.starts_with(operand_text)),
        "suffix" => text.is_some_and(|text| text.ends_with(operand_text)),
        "equals-ignore-case" => text.is_some_and(|text| text.eq_ignore_ascii_case(operand_text)),
        "numeric" => found.as_i64().is_some_and(|number| is_within(elements(operand), number)),
        "anything-but" => match operand {
            Value::Object(_) => text.is_some() && !is_leaf(operand, found),
            but => !elements(but).contains(found),
        },
        // None that is generated.
        _ => false,
    }
}

fn is_within(bounds: &[Value], number: i64) -> bool {
    bounds.chunks(2).all(|bound| {
        let than = bound[1].as_i64().unwrap_or_default();
        match bound[0].as_str().unwrap_or_default() {
            "<" => number < than,
            "<=" => number <= than,
            "=" => number == than,
            ">" => number > than,
            _ => number >= than,
        }
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(20_000))]

    #[test]
    fn a_pattern_matches_what_the_documentation_says(pattern in pattern(), event in event()) {
        let parsed = FilterPattern::parse_as(&pattern.to_string(), Dialect::Rules);
        let parsed = parsed.map_err(|_| TestCaseError::fail(pattern.to_string()))?;
        prop_assert_eq!(parsed.matches(&event.to_string()), matches(&pattern, &event), "{} of {}", event, pattern);
    }
}
