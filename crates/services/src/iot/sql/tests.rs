//! Statements of rules, by what they give.

use serde_json::json;

use super::*;

fn select(sql: &str, payload: &str) -> Option<Selected> {
    let around =
        Surroundings { topic: "plant/hall 3/heat", account_id: "000000000000", now_ms: 1_700_000_000_000 };
    Statement::parse(sql).unwrap().select(payload.as_bytes(), &around)
}

/// What an expression gives with a payload; `None` where it is undefined.
fn value(expression: &str, payload: Value) -> Option<Value> {
    let selected = select(&format!("SELECT {expression} AS v FROM 'a'"), &payload.to_string());
    let Some(Selected::Value(value)) = selected else { panic!("{selected:?}") };
    value.get("v").cloned()
}

#[test]
fn all_of_a_payload_is_the_payload_itself() {
    assert_eq!(select("SELECT * FROM 'a/#'", "no json"), Some(Selected::Payload));
    assert_eq!(Statement::parse("select * from 'a/#'").unwrap().topic_filter(), "a/#");
}

#[test]
fn items_have_their_names() {
    let payload = r#"{"state": {"temperature": 21.5, "list": [1, {"x": 2}]}, "id": "s-1"}"#;
    let selected = select(
        "SELECT state.temperature, state.temperature AS t, state.list[1].x AS x, id AS \"from\", gone, topic(3) AS kind, timestamp() FROM '#'",
        payload,
    );
    let expected = json!({"temperature": 21.5, "t": 21.5, "x": 2, "from": "s-1", "kind": "heat", "timestamp": 1_700_000_000_000_i64});
    assert_eq!(selected, Some(Selected::Value(expected)));
    let more = select("SELECT *, topic(1) AS plant FROM '#'", r#"{"a": 1}"#);
    assert_eq!(more, Some(Selected::Value(json!({"a": 1, "plant": "plant"}))));
}

#[test]
fn a_condition_must_hold() {
    let holds = |condition: &str, payload: &str| {
        select(&format!("SELECT * FROM '#' WHERE {condition}"), payload).is_some()
    };
    let payload = r#"{"t": 21, "name": "hall", "deep": {"on": true}, "none": null, "text": "7"}"#;
    for condition in [
        "t > 20",
        "t >= 21 AND name = 'hall'",
        "t < 20 OR deep.on",
        "NOT (t = 20)",
        "t <> 20",
        "t + 1 = 22",
        "text = 7",
        "name IN ['hall', 'yard']",
        "isNull(none) AND isUndefined(gone)",
        "startswith(name, 'ha') and endswith(name, 'll')",
        "topic(2) = 'hall 3'",
        "regexp_matches(name, '^h.*l$')",
        "-t < 0",
        "t % 2 = 1",
        "name = 'hall' OR gone = 1",
    ] {
        assert!(holds(condition, payload), "{condition}");
    }
    for condition in [
        "t > 21",
        "gone = 1",
        "gone <> 1",
        "NOT gone",
        "name",
        "t",
        "gone AND deep.on",
        "none = 0",
        "name > 5",
    ] {
        assert!(!holds(condition, payload), "{condition}");
    }
    assert!(!holds("t > 20", "no json"));
}

#[test]
fn values_are_computed() {
    let payload = || json!({"a": 7, "b": 2, "f": 1.5, "s": "x", "n": "3", "l": [1, 2]});
    for (expression, expected) in [
        ("a + b", Some(json!(9))),
        ("a - b * 2", Some(json!(3))),
        ("(a - b) * 2", Some(json!(10))),
        ("a / b", Some(json!(3))),
        ("a / 0", None),
        ("f * 2", Some(json!(3.0))),
        ("n * 2", Some(json!(6.0))),
        ("s + a", Some(json!("x7"))),
        ("s * 2", None),
        ("concat(s, '-', a)", Some(json!("x-7"))),
        ("concat(l, 3)", Some(json!([1, 2, 3]))),
        ("upper('äb')", Some(json!("ÄB"))),
        ("length('äb')", Some(json!(2))),
        ("substring('hello', 1, 3)", Some(json!("el"))),
        ("substring('hello', 3)", Some(json!("lo"))),
        ("indexof('hello', 'l')", Some(json!(2))),
        ("replace('a-b', '-', '+')", Some(json!("a+b"))),
        ("abs(0 - a)", Some(json!(7))),
        ("floor(f)", Some(json!(1))),
        ("round(2.5)", Some(json!(3))),
        ("sqrt(16)", Some(json!(4.0))),
        ("sqrt(0 - 1)", None),
        ("power(2, 10)", Some(json!(1024.0))),
        ("topic(9)", None),
        ("l[0]", Some(json!(1))),
        ("l[5]", None),
        (
            "encode(*, 'base64')",
            Some(json!("eyJhIjo3LCJiIjoyLCJmIjoxLjUsImwiOlsxLDJdLCJuIjoiMyIsInMiOiJ4In0=")),
        ),
        ("accountid()", Some(json!("000000000000"))),
        ("[a, gone, 'x']", Some(json!([7, "x"]))),
        ("9223372036854775807 + 1", Some(json!(9_223_372_036_854_775_808_f64))),
        ("'it''s'", Some(json!("it's"))),
    ] {
        assert_eq!(value(expression, payload()), expected, "{expression}");
    }
}

#[test]
fn what_is_no_statement_is_refused() {
    for wrong in [
        "",
        "SELECT",
        "SELECT * FROM",
        "SELECT * FROM a",
        "SELECT * FROM 'a/#/b'",
        "SELECT * FROM 'a' WHERE",
        "SELECT * FROM 'a' WHERE a =",
        "SELECT * FROM 'a' LIMIT 1",
        "SELECT a + 1 FROM 'a'",
        "SELECT nothing(1) AS x FROM 'a'",
        "SELECT topic(1, 2) AS x FROM 'a'",
        "SELECT a AS FROM 'a'",
        "SELECT 'open FROM 'a'",
        "SELECT a. FROM 'a'",
        "SELECT a # b FROM 'a'",
        "UPDATE * FROM 'a'",
    ] {
        assert!(Statement::parse(wrong).is_err(), "{wrong}");
    }
    let deep = format!("SELECT * FROM 'a' WHERE {}a{}", "(".repeat(5_000), ")".repeat(5_000));
    assert!(Statement::parse(&deep).is_err());
    let signs = format!("SELECT * FROM 'a' WHERE {}", "-".repeat(5_000));
    assert!(Statement::parse(&signs).is_err());
}

#[test]
fn the_longest_chain_is_evaluated() {
    let chain = format!("1{}", " + 1".repeat(500));
    assert_eq!(value(&chain, json!({})), Some(json!(501)));
    assert!(Statement::parse(&format!("SELECT 1{} AS v FROM 'a'", " + 1".repeat(600))).is_err());
}

#[test]
fn no_text_makes_it_panic() {
    use proptest::prelude::*;
    let piece = prop_oneof![
        Just("SELECT".to_owned()),
        Just("FROM 'a'".to_owned()),
        Just("WHERE".to_owned()),
        "[ -~]{0,6}",
        "\\PC{0,3}",
        Just("topic(1)".to_owned()),
        Just("NOT".to_owned()),
        Just("(".to_owned()),
    ];
    proptest!(|(pieces in proptest::collection::vec(piece, 0..12), payload in "\\PC{0,20}")| {
        if let Ok(statement) = Statement::parse(&pieces.join(" ")) {
            let around = Surroundings { topic: "a", account_id: "0", now_ms: 0 };
            let _ = statement.select(payload.as_bytes(), &around);
        }
    });
}
