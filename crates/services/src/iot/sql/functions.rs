//! The functions of statements (AWS IoT SQL reference, "Functions").

use base64::{Engine, prelude::BASE64_STANDARD};
use regex::Regex;
use serde_json::Value;

use super::{
    evaluate::Message,
    expression::Expression,
    operators::{decimal, number, text},
};

/// The value of a call.
pub(super) fn call(message: &Message<'_>, name: &str, arguments: &[Expression]) -> Option<Value> {
    let of = |place: usize| arguments.get(place).and_then(|argument| message.evaluate(argument));
    match name {
        "topic" => topic(message.around.topic, arguments.first().map(|_| of(0))),
        "timestamp" => Some(message.around.now_ms.into()),
        "accountid" => Some(message.around.account_id.into()),
        // A subscriber does not learn who has published.
        "clientid" => Some("N/A".into()),
        "newuuid" | "traceid" => Some(uuid::Uuid::new_v4().to_string().into()),
        "encode" => encode(message, arguments, of(1)?.as_str()?),
        "isundefined" => Some(of(0).is_none().into()),
        "isnull" => Some((of(0) == Some(Value::Null)).into()),
        "concat" => concat((0..arguments.len()).map(of).collect()),
        "abs" => of_number(of(0)?, f64::abs),
        "ceil" => of_number(of(0)?, f64::ceil),
        "floor" => of_number(of(0)?, f64::floor),
        "round" => of_number(of(0)?, f64::round),
        "sqrt" => number(decimal(&of(0)?)?.sqrt()),
        "power" => number(decimal(&of(0)?)?.powf(decimal(&of(1)?)?)),
        "mod" => number(decimal(&of(0)?)? % decimal(&of(1)?)?),
        _ => of_text(name, &text(&of(0)?), of(1), of(2)),
    }
}

/// All of it, or one of its levels, from 1.
fn topic(topic: &str, level: Option<Option<Value>>) -> Option<Value> {
    let Some(level) = level else { return Some(topic.into()) };
    let place = usize::try_from(level?.as_u64()?).ok()?.checked_sub(1)?;
    topic.split('/').nth(place).map(Value::from)
}

/// A payload need not be JSON for that.
fn encode(message: &Message<'_>, arguments: &[Expression], form: &str) -> Option<Value> {
    if form != "base64" {
        return None;
    }
    let encoded = match arguments.first()? {
        Expression::All => BASE64_STANDARD.encode(message.payload),
        other => BASE64_STANDARD.encode(text(&message.evaluate(other)?)),
    };
    Some(encoded.into())
}

/// Arrays are joined, all else is put together as text.
fn concat(values: Vec<Option<Value>>) -> Option<Value> {
    let values: Vec<Value> = values.into_iter().collect::<Option<_>>()?;
    if values.iter().any(Value::is_array) {
        let joined = values.into_iter().flat_map(|value| match value {
            Value::Array(all) => all,
            one => vec![one],
        });
        return Some(joined.collect());
    }
    Some(values.iter().map(text).collect::<String>().into())
}

/// A whole number stays one.
fn of_number(value: Value, compute: fn(f64) -> f64) -> Option<Value> {
    let computed = compute(decimal(&value)?);
    let is_whole = computed.fract() == 0.0 && computed.abs() < 2_f64.powi(53);
    if is_whole { Some((computed as i64).into()) } else { number(computed) }
}

fn of_text(name: &str, of: &str, second: Option<Value>, third: Option<Value>) -> Option<Value> {
    let with = |value: Option<Value>| value.as_ref().map(text);
    Some(match name {
        "lower" => of.to_lowercase().into(),
        "upper" => of.to_uppercase().into(),
        "trim" => of.trim().into(),
        "length" => of.chars().count().into(),
        "startswith" => of.starts_with(&with(second)?).into(),
        "endswith" => of.ends_with(&with(second)?).into(),
        "indexof" => {
            let found = of.find(&with(second)?);
            found.map_or(-1, |place| of.get(..place).map_or(0, |before| before.chars().count() as i64)).into()
        }
        "replace" => of.replace(&with(second)?, &with(third)?).into(),
        "regexp_matches" => Regex::new(&with(second)?).ok()?.is_match(of).into(),
        "substring" => substring(of, second?, third)?.into(),
        _ => return None,
    })
}

/// Characters from a place on, or up to another.
fn substring(of: &str, from: Value, to: Option<Value>) -> Option<String> {
    let place = |value: Value| usize::try_from(value.as_u64()?).ok();
    let from = place(from)?;
    let to = match to {
        Some(to) => place(to)?,
        None => usize::MAX,
    };
    Some(of.chars().skip(from).take(to.saturating_sub(from)).collect())
}
