//! Whether a record matches a pattern (F-01 to F-03). Every field of a pattern must match; of an array one element must.

use core::net::IpAddr;
use std::collections::BTreeMap;

use serde_json::value::RawValue;

use super::{FieldPattern, FilterPattern, Matcher, NumericOperator, Scalar};

/// A JSON object, one level read.
type Object<'a> = BTreeMap<String, &'a RawValue>;

/// An event, read for as many patterns as there are.
pub struct Event<'a>(Object<'a>);

impl<'a> Event<'a> {
    /// From its JSON; `None` for what is no object.
    pub fn read(json: &'a str) -> Option<Self> {
        serde_json::from_str(json).ok().map(Self)
    }

    /// A member that is a string.
    pub fn text(&self, name: &str) -> Option<String> {
        serde_json::from_str(self.0.get(name)?.get()).ok()
    }
}

impl FilterPattern {
    /// Whether the event matches.
    pub fn matches_event(&self, event: &Event<'_>) -> bool {
        self.matches_object(&event.0)
    }

    /// Whether the JSON text is an object that matches.
    pub fn matches(&self, json: &str) -> bool {
        serde_json::from_str(json).is_ok_and(|object| self.matches_object(&object))
    }

    fn matches_object(&self, object: &Object<'_>) -> bool {
        self.fields.iter().all(|(name, pattern)| pattern.matches(object, name))
    }
}

/// Whether the record matches any of the patterns, or there is none (F-01).
pub fn matches_any(patterns: &[FilterPattern], json: &str) -> bool {
    patterns.is_empty() || patterns.iter().any(|pattern| pattern.matches(json))
}

impl FieldPattern {
    fn matches(&self, object: &Object<'_>, name: &str) -> bool {
        let value = object.get(name).map(|raw| raw.get().trim());
        match self {
            Self::Or(patterns) => patterns.iter().any(|pattern| pattern.matches_object(object)),
            Self::AnyOf(matchers) => matchers.iter().any(|matcher| matcher.matches(value)),
            // What is not there may still be asked not to exist.
            Self::Nested(pattern) => pattern.matches_nested(value.unwrap_or("{}")),
        }
    }
}

impl FilterPattern {
    /// An object, or an array with one that matches.
    fn matches_nested(&self, json: &str) -> bool {
        if json.starts_with('[') {
            return elements(json).iter().any(|element| self.matches_nested(element.get().trim()));
        }
        self.matches(json)
    }
}

impl Matcher {
    /// `value` is `None` where there is no such field.
    fn matches(&self, value: Option<&str>) -> bool {
        let Some(json) = value else { return *self == Self::Exists(false) };
        if json.starts_with('[') {
            let elements = elements(json);
            return match self {
                Self::Exists(wanted) => *wanted,
                _ => elements.iter().any(|element| self.matches(Some(element.get().trim()))),
            };
        }
        match (self, Scalar::parse(json)) {
            (Self::Exists(wanted), _) => *wanted,
            // An object is no leaf.
            (_, None) => false,
            (Self::Exactly(expected), Some(found)) => *expected == found,
            (Self::AnythingBut(refused), Some(found)) => !refused.contains(&found),
            (Self::Prefix(prefix), Some(Scalar::Text(text))) => text.starts_with(prefix.as_str()),
            (Self::Suffix(suffix), Some(Scalar::Text(text))) => text.ends_with(suffix.as_str()),
            (Self::EqualsIgnoreCase(expected), Some(Scalar::Text(text))) => {
                text.to_lowercase() == expected.to_lowercase()
            }
            (Self::PrefixIgnoreCase(prefix), Some(Scalar::Text(text))) => {
                text.to_lowercase().starts_with(prefix.as_str())
            }
            (Self::SuffixIgnoreCase(suffix), Some(Scalar::Text(text))) => {
                text.to_lowercase().ends_with(suffix.as_str())
            }
            (Self::Numeric(bounds), Some(Scalar::Number(written))) => is_within(bounds, &written),
            (Self::About(number), Some(Scalar::Number(written))) => {
                written.parse::<f64>().is_ok_and(|found| (found - number).abs() < ACCURACY)
            }
            (Self::Wildcard(parts), Some(Scalar::Text(text))) => is_like(parts, &text),
            (Self::Cidr(network, bits), Some(Scalar::Text(text))) => {
                text.parse().is_ok_and(|address| is_in(address, *network, *bits))
            }
            (Self::NoneOf(refused), Some(Scalar::Text(_))) => {
                !refused.iter().any(|matcher| matcher.matches(value))
            }
            _ => false,
        }
    }
}

/// How near numbers of topics must be: five decimals (SNS developer guide, numeric value matching).
const ACCURACY: f64 = 0.00001;

/// Whether the parts of a pattern are in a text, in their order: each as early as it can be.
fn is_like(parts: &[String], text: &str) -> bool {
    let Some(([first, between @ ..], last)) = parts.split_last().map(|(last, rest)| (rest, last)) else {
        return false;
    };
    let rest = text.strip_prefix(first.as_str());
    let Some(mut rest) = rest.and_then(|rest| rest.strip_suffix(last.as_str())) else { return false };
    for part in between {
        let Some((_, after)) = rest.split_once(part.as_str()) else { return false };
        rest = after;
    }
    true
}

/// Whether two addresses share their first bits.
fn is_in(address: IpAddr, network: IpAddr, bits: u8) -> bool {
    let shared = match (address, network) {
        (IpAddr::V4(address), IpAddr::V4(network)) => (address.to_bits() ^ network.to_bits()).leading_zeros(),
        (IpAddr::V6(address), IpAddr::V6(network)) => (address.to_bits() ^ network.to_bits()).leading_zeros(),
        _ => return false,
    };
    shared >= u32::from(bits)
}

fn elements(json: &str) -> Vec<&RawValue> {
    serde_json::from_str(json).unwrap_or_default()
}

fn is_within(bounds: &[(NumericOperator, f64)], written: &str) -> bool {
    let Ok(number) = written.parse::<f64>() else { return false };
    bounds.iter().all(|(operator, operand)| match operator {
        NumericOperator::Equal => number == *operand,
        NumericOperator::Less => number < *operand,
        NumericOperator::LessOrEqual => number <= *operand,
        NumericOperator::Greater => number > *operand,
        NumericOperator::GreaterOrEqual => number >= *operand,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::event_source_mapping::filter::Dialect;

    fn check(pattern: &str, matching: &[&str], others: &[&str]) {
        let parsed = FilterPattern::parse(pattern).unwrap_or_else(|_| panic!("no pattern: {pattern}"));
        for json in matching {
            assert!(parsed.matches(json), "{json} should match {pattern}");
        }
        for json in others {
            assert!(!parsed.matches(json), "{json} should not match {pattern}");
        }
    }

    #[test]
    fn topics_compare_numbers_by_value_and_know_networks_and_wildcards() {
        let check = |pattern: &str, matching: &[&str], others: &[&str]| {
            let parsed = FilterPattern::parse_as(pattern, Dialect::Topics).unwrap();
            matching.iter().for_each(|json| assert!(parsed.matches(json), "{json} should match {pattern}"));
            others
                .iter()
                .for_each(|json| assert!(!parsed.matches(json), "{json} should not match {pattern}"));
        };
        check(
            r#"{"a": [300]}"#,
            &[r#"{"a": 300.0}"#, r#"{"a": 3e2}"#, r#"{"a": 300.000001}"#],
            &[r#"{"a": 300.1}"#],
        );
        check(
            r#"{"a": [{"wildcard": "a*b*c"}]}"#,
            &[r#"{"a": "abc"}"#, r#"{"a": "a-b-b-c"}"#],
            &[r#"{"a": "ac"}"#, r#"{"a": "abcd"}"#],
        );
        check(r#"{"a": [{"wildcard": "ab*ba"}]}"#, &[r#"{"a": "abba"}"#], &[r#"{"a": "aba"}"#]);
        check(r#"{"a": [{"wildcard": "a\\*"}]}"#, &[r#"{"a": "a*"}"#], &[r#"{"a": "ab"}"#]);
        check(
            r#"{"a": [{"cidr": "10.0.0.0/24"}]}"#,
            &[r#"{"a": "10.0.0.7"}"#],
            &[r#"{"a": "10.0.1.7"}"#, r#"{"a": "x"}"#],
        );
        check(
            r#"{"a": [{"cidr": "2001:db8::/32"}]}"#,
            &[r#"{"a": "2001:db8::1"}"#],
            &[r#"{"a": "10.0.0.1"}"#],
        );
        check(
            r#"{"a": [{"anything-but": {"prefix": ["x", "y"]}}]}"#,
            &[r#"{"a": "a"}"#],
            &[r#"{"a": "xa"}"#, r#"{"a": "y"}"#, r#"{"a": 1}"#, "{}"],
        );
    }

    #[test]
    fn f_01_fields_are_anded_and_patterns_ored() {
        check(
            r#"{"a": [1], "b": ["x", "y"]}"#,
            &[r#"{"a": 1, "b": "y", "c": 0}"#],
            &[r#"{"a": 1}"#, r#"{"b": "x"}"#],
        );
        let patterns = [r#"{"a": [1]}"#, r#"{"a": [2]}"#].map(|text| FilterPattern::parse(text).unwrap());
        assert!(matches_any(&patterns, r#"{"a": 2}"#) && !matches_any(&patterns, r#"{"a": 3}"#));
        assert!(matches_any(&[], "anything"));
    }

    #[test]
    fn f_02_every_operator_matches_what_it_says() {
        check(r#"{"a": [null]}"#, &[r#"{"a": null}"#], &["{}", r#"{"a": ""}"#, r#"{"a": "null"}"#]);
        check(r#"{"a": [""]}"#, &[r#"{"a": ""}"#], &["{}", r#"{"a": null}"#]);
        check(r#"{"a": [true]}"#, &[r#"{"a": true}"#], &[r#"{"a": "true"}"#, r#"{"a": false}"#]);
        check(
            r#"{"a": [{"anything-but": ["x", 7]}]}"#,
            &[r#"{"a": "y"}"#, r#"{"a": 8}"#, r#"{"a": null}"#],
            &[r#"{"a": "x"}"#, r#"{"a": 7}"#, "{}"],
        );
        check(r#"{"a": [{"anything-but": "x"}]}"#, &[r#"{"a": "y"}"#], &[r#"{"a": "x"}"#]);
        check(
            r#"{"a": [{"prefix": "us-"}]}"#,
            &[r#"{"a": "us-east-1"}"#],
            &[r#"{"a": "eu"}"#, r#"{"a": 1}"#],
        );
        check(r#"{"a": [{"suffix": ".png"}]}"#, &[r#"{"a": "x.png"}"#], &[r#"{"a": "png"}"#]);
        check(r#"{"a": [{"equals-ignore-case": "ÄB"}]}"#, &[r#"{"a": "äb"}"#], &[r#"{"a": "ab"}"#]);
        check(
            r#"{"a": [{"numeric": [">", 0, "<=", 5]}]}"#,
            &[r#"{"a": 5}"#, r#"{"a": 0.1}"#, r#"{"a": 5.0e0}"#],
            &[r#"{"a": 0}"#, r#"{"a": 5.1}"#, r#"{"a": "3"}"#],
        );
        check(r#"{"a": [{"numeric": ["=", 3]}]}"#, &[r#"{"a": 3.0}"#], &[r#"{"a": 4}"#]);
        check(r#"{"a": [{"exists": true}]}"#, &[r#"{"a": null}"#, r#"{"a": []}"#], &["{}", r#"{"b": 1}"#]);
        check(r#"{"a": [{"exists": false}]}"#, &["{}", r#"{"b": 1}"#], &[r#"{"a": 1}"#, r#"{"a": [1]}"#]);
        check(
            r#"{"$or": [{"a": [1]}, {"b": {"c": [2]}}]}"#,
            &[r#"{"a": 1}"#, r#"{"b": {"c": 2}}"#],
            &[r#"{"a": 2}"#, r#"{"b": 2}"#],
        );
    }

    #[test]
    fn f_03_strings_are_compared_by_bytes_and_numbers_by_their_writing() {
        check(
            r#"{"a": [300]}"#,
            &[r#"{"a": 300}"#],
            &[r#"{"a": 300.0}"#, r#"{"a": 3.0e2}"#, r#"{"a": "300"}"#],
        );
        check(r#"{"a": [3.0e2]}"#, &[r#"{"a":3.0e2 }"#], &[r#"{"a": 300}"#]);
        check(r#"{"a": ["x"]}"#, &[r#"{"a": "x"}"#, r#"{"a": "\u0078"}"#], &[r#"{"a": "X"}"#]);
    }

    #[test]
    fn f_04_of_a_name_that_is_there_twice_the_last_counts() {
        check(r#"{"a": [1], "a": [2]}"#, &[r#"{"a": 2}"#, r#"{"a": 1, "a": 2}"#], &[r#"{"a": 1}"#]);
    }

    #[test]
    fn one_element_of_an_array_is_enough() {
        check(r#"{"a": ["x"]}"#, &[r#"{"a": ["y", "x"]}"#], &[r#"{"a": ["y"]}"#, r#"{"a": []}"#]);
        check(
            r#"{"a": {"b": [1], "c": [2]}}"#,
            &[r#"{"a": [{"b": 1, "c": 2}]}"#],
            &[r#"{"a": [{"b": 1}, {"c": 2}]}"#],
        );
    }

    #[test]
    fn what_is_nested_may_be_asked_not_to_exist() {
        check(r#"{"a": {"b": [{"exists": false}]}}"#, &["{}", r#"{"a": {}}"#], &[r#"{"a": {"b": 1}}"#]);
        check(r#"{"a": {"b": [1]}}"#, &[r#"{"a": {"b": 1}}"#], &["{}", r#"{"a": 1}"#, "no json", "7"]);
    }
}
