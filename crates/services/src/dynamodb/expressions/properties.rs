//! Conditions against an interpreter that walks the same tree over the item's JSON, and knows nothing of texts or values.

use proptest::prelude::*;
use serde_json::{Value as Json, json};

use super::*;
use crate::dynamodb::value;

/// A condition as it is meant.
#[derive(Debug, Clone)]
enum Meant {
    Compare(&'static str, &'static str, Side),
    Size(&'static str, &'static str, i64),
    Between(&'static str, Side, Side),
    In(&'static str, Vec<Side>),
    Exists(&'static str, bool),
    Type(&'static str, &'static str),
    BeginsWith(&'static str, String),
    Contains(&'static str, Json),
    Not(Box<Meant>),
    And(Box<Meant>, Box<Meant>),
    Or(Box<Meant>, Box<Meant>),
}

/// What a path is compared with.
#[derive(Debug, Clone)]
enum Side {
    Path(&'static str),
    Value(Json),
}

const PATHS: [&str; 6] = ["aa", "bb", "mm", "mm.kk", "ll", "ll[1]"];

fn path() -> impl Strategy<Value = &'static str> {
    prop::sample::select(&PATHS[..])
}

fn text() -> impl Strategy<Value = String> {
    prop::sample::select(vec!["x", "xy", "y", "yx", "Z"]).prop_map(str::to_owned)
}

/// What has an order.
fn ordered() -> impl Strategy<Value = Json> {
    prop_oneof![
        text().prop_map(|text| json!({"S": text})),
        (-3..4_i64).prop_map(|number| json!({"N": number.to_string()}))
    ]
}

fn scalar() -> impl Strategy<Value = Json> {
    prop_oneof![4 => ordered(), 1 => any::<bool>().prop_map(|is| json!({"BOOL": is})), 1 => Just(json!({"NULL": true}))]
}

fn item() -> impl Strategy<Value = Json> {
    let lists = prop::collection::vec(scalar(), 0..4).prop_map(|all| json!({"L": all})).boxed();
    let maps = prop::option::of(scalar())
        .prop_map(|one| match one {
            Some(one) => json!({"M": {"kk": one}}),
            None => json!({"M": {}}),
        })
        .boxed();
    let any = prop_oneof![3 => scalar(), 1 => lists.clone(), 1 => maps.clone()].boxed();
    (prop::option::of(any.clone()), prop::option::of(any), prop::option::of(maps), prop::option::of(lists))
        .prop_map(|(one, other, map, list)| {
            let all = [("aa", one), ("bb", other), ("mm", map), ("ll", list)];
            all.into_iter().filter_map(|(name, value)| Some((name.to_owned(), value?))).collect()
        })
}

fn meant() -> impl Strategy<Value = Meant> {
    let side = || prop_oneof![1 => path().prop_map(Side::Path), 3 => ordered().prop_map(Side::Value)];
    let equal = || prop_oneof![1 => path().prop_map(Side::Path), 3 => scalar().prop_map(Side::Value)];
    let types = prop::sample::select(vec!["S", "N", "BOOL", "NULL", "M", "L"]);
    let leaf = prop_oneof![
        (path(), prop::sample::select(vec!["=", "<>"]), equal())
            .prop_map(|(at, how, to)| Meant::Compare(at, how, to)),
        (path(), prop::sample::select(vec!["<", "<=", ">", ">="]), side())
            .prop_map(|(at, how, to)| Meant::Compare(at, how, to)),
        (path(), prop::sample::select(vec!["=", "<", ">"]), 0..4_i64)
            .prop_map(|(at, how, to)| Meant::Size(at, how, to)),
        (path(), side(), side()).prop_map(|(at, low, high)| Meant::Between(at, low, high)),
        (path(), prop::collection::vec(equal(), 1..4)).prop_map(|(at, all)| Meant::In(at, all)),
        (path(), any::<bool>()).prop_map(|(at, is)| Meant::Exists(at, is)),
        (path(), types).prop_map(|(at, kind)| Meant::Type(at, kind)),
        (path(), text()).prop_map(|(at, text)| Meant::BeginsWith(at, text)),
        (path(), scalar()).prop_map(|(at, value)| Meant::Contains(at, value)),
    ];
    leaf.prop_recursive(3, 8, 2, |inner| {
        let two = || (inner.clone(), inner.clone());
        prop_oneof![
            inner.clone().prop_map(|one| Meant::Not(Box::new(one))),
            two().prop_map(|(one, other)| Meant::And(Box::new(one), Box::new(other))),
            two().prop_map(|(one, other)| Meant::Or(Box::new(one), Box::new(other))),
        ]
    })
}

impl Meant {
    /// As it is written; values get names.
    fn text(&self, values: &mut Vec<Json>) -> String {
        let mut named = |value: &Json| {
            values.push(value.clone());
            format!(":v{}", values.len() - 1)
        };
        let mut shown = |side: &Side| match side {
            Side::Path(path) => (*path).to_owned(),
            Side::Value(value) => named(value),
        };
        match self {
            Self::Compare(at, how, to) => format!("{at} {how} {}", shown(to)),
            Self::Size(at, how, to) => format!("size({at}) {how} {}", named(&json!({"N": to.to_string()}))),
            Self::Between(at, low, high) => {
                let low = shown(low);
                format!("{at} BETWEEN {low} AND {}", shown(high))
            }
            Self::In(at, all) => {
                let all: Vec<String> = all.iter().map(shown).collect();
                format!("{at} IN ({})", all.join(", "))
            }
            Self::Exists(at, true) => format!("attribute_exists({at})"),
            Self::Exists(at, false) => format!("attribute_not_exists({at})"),
            Self::Type(at, kind) => format!("attribute_type({at}, {})", named(&json!({"S": kind}))),
            Self::BeginsWith(at, text) => format!("begins_with({at}, {})", named(&json!({"S": text}))),
            Self::Contains(at, value) => format!("contains({at}, {})", named(value)),
            Self::Not(one) => format!("NOT ({})", one.text(values)),
            Self::And(one, other) => {
                let one = one.text(values);
                format!("({one}) AND ({})", other.text(values))
            }
            Self::Or(one, other) => {
                let one = one.text(values);
                format!("({one}) OR ({})", other.text(values))
            }
        }
    }

    fn holds(&self, item: &Json) -> bool {
        let side = |side: &Side| match side {
            Side::Path(path) => at(item, path),
            Side::Value(value) => Some(value.clone()),
        };
        match self {
            Self::Compare(one, how, other) => compares(at(item, one), how, side(other)),
            Self::Size(one, how, than) => {
                let size = at(item, one).and_then(|value| size_of(&value));
                compares(size.map(number), how, Some(number(*than)))
            }
            Self::Between(one, low, high) => {
                let one = at(item, one);
                compares(one.clone(), ">=", side(low)) && compares(one, "<=", side(high))
            }
            Self::In(one, all) => all.iter().any(|other| compares(at(item, one), "=", side(other))),
            Self::Exists(one, wanted) => at(item, one).is_some() == *wanted,
            Self::Type(one, kind) => at(item, one).is_some_and(|value| value.get(*kind).is_some()),
            Self::BeginsWith(one, text) => at(item, one)
                .is_some_and(|value| value["S"].as_str().is_some_and(|whole| whole.starts_with(text))),
            Self::Contains(one, part) => at(item, one).is_some_and(|value| contains(&value, part)),
            Self::Not(one) => !one.holds(item),
            Self::And(one, other) => one.holds(item) && other.holds(item),
            Self::Or(one, other) => one.holds(item) || other.holds(item),
        }
    }
}

fn number(number: i64) -> Json {
    json!({"N": number.to_string()})
}

fn at(item: &Json, path: &str) -> Option<Json> {
    let found = match path {
        "mm.kk" => item.get("mm")?.get("M")?.get("kk"),
        "ll[1]" => item.get("ll")?.get("L")?.get(1),
        name => item.get(name),
    };
    found.cloned()
}

fn compares(one: Option<Json>, how: &str, other: Option<Json>) -> bool {
    let (one, other) = match (one, other) {
        (Some(one), Some(other)) => (one, other),
        // What is not there is unlike anything that is.
        (None, None) => return false,
        _ => return how == "<>",
    };
    let order = match (&one, &other) {
        (Json::Object(_), Json::Object(_)) if one.get("N").is_some() && other.get("N").is_some() => {
            let read = |value: &Json| value["N"].as_str().unwrap().parse::<i64>().unwrap();
            Some(read(&one).cmp(&read(&other)))
        }
        _ => one["S"].as_str().zip(other["S"].as_str()).map(|(one, other)| one.cmp(other)),
    };
    match how {
        "=" => one == other,
        "<>" => one != other,
        "<" => order.is_some_and(|order| order.is_lt()),
        "<=" => order.is_some_and(|order| order.is_le()),
        ">" => order.is_some_and(|order| order.is_gt()),
        _ => order.is_some_and(|order| order.is_ge()),
    }
}

fn size_of(value: &Json) -> Option<i64> {
    let size = match (value["S"].as_str(), value["L"].as_array(), value["M"].as_object()) {
        (Some(text), ..) => text.len(),
        (_, Some(list), _) => list.len(),
        (.., Some(map)) => map.len(),
        _ => return None,
    };
    i64::try_from(size).ok()
}

fn contains(value: &Json, part: &Json) -> bool {
    match (value["S"].as_str(), part["S"].as_str(), value["L"].as_array()) {
        (Some(whole), Some(part), _) => whole.contains(part),
        (_, _, Some(list)) => list.contains(part),
        _ => false,
    }
}

/// What AWS refuses of what is generated: bounds that are the wrong way round or of two types, and a path beside itself.
const REFUSED: &[&str] = &["BETWEEN", "must be distinct", "The first operand"];

proptest! {
    #![proptest_config(ProptestConfig::with_cases(3_000))]

    #[test]
    fn a_condition_holds_where_the_interpreter_says_so(meant in meant(), item in item()) {
        let mut values = Vec::new();
        let text = meant.text(&mut values);
        let named = values.iter().enumerate().map(|(number, value)| (format!(":v{number}"), value.clone()));
        let named: Json = named.collect();
        let named = (!values.is_empty()).then(|| serde_json::from_value(named).unwrap());
        let placeholders = Placeholders::read(None, named, true).unwrap();
        match Condition::parse(&text, Kind::Condition, &placeholders) {
            Err(error) => prop_assert!(REFUSED.iter().any(|why| error.message.contains(why)), "{}: {}", text, error.message),
            Ok(condition) => {
                let read = value::read(serde_json::from_value(item.clone()).unwrap()).unwrap();
                prop_assert_eq!(holds(&condition, &read), meant.holds(&item), "{} of {}", text, item);
            }
        }
    }
}
