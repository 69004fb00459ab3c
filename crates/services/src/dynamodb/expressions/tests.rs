//! Expressions on items, as the developer guide has them.

use serde_json::{Value as Json, json};

use super::*;
use crate::dynamodb::value::{self, Item};

fn item(attributes: Json) -> Item {
    value::read(serde_json::from_value(attributes).unwrap()).unwrap()
}

fn shown(item: Item) -> Json {
    serde_json::to_value(value::shown(item)).unwrap()
}

fn placeholders(names: Json, values: Json) -> Placeholders {
    let some = |value: &Json| value.as_object().is_some_and(|all| !all.is_empty());
    let names_read = some(&names).then(|| serde_json::from_value(names).unwrap());
    let values_read = some(&values).then(|| serde_json::from_value(values).unwrap());
    Placeholders::read(names_read, values_read, true).unwrap()
}

fn product() -> Item {
    item(json!({
        "Id": {"N": "789"},
        "Category": {"S": "Home Improvement"},
        "Price": {"N": "52"},
        "InStock": {"BOOL": true},
        "Brand": {"S": "Acme"},
        "Nothing": {"NULL": true},
        "Colors": {"SS": ["Red", "Blue"]},
        "Sizes": {"NS": ["1", "2.50"]},
        "Bits": {"B": "AAEC"},
        "Reviews": {"M": {"Five": {"L": [{"S": "good"}, {"S": "great"}]}, "One": {"L": []}}},
        "Stars": {"L": [{"N": "5"}, {"N": "4"}]},
    }))
}

fn values() -> Json {
    json!({
        ":52": {"N": "52"}, ":52s": {"S": "52"}, ":52.0": {"N": "52.0"}, ":b": {"S": "B"}, ":home": {"S": "Home"}, ":lo": {"N": "10"},
        ":hi": {"N": "60"}, ":red": {"S": "Red"}, ":five": {"N": "5"}, ":raw": {"B": "AQI="}, ":s": {"S": "S"}, ":two": {"N": "2"},
        ":half": {"N": "2.5"}, ":true": {"BOOL": true}, ":three": {"N": "3"}, ":colors": {"SS": ["Blue", "Red"]},
    })
}

/// Only those of a text: the others would be unused.
fn used(text: &str, all: &Json) -> Json {
    let used = all.as_object().unwrap().iter().filter(|(name, _)| {
        text.match_indices(name.as_str()).any(|(at, _)| {
            let after = text[at + name.len()..].chars().next();
            !after.is_some_and(|letter| letter.is_alphanumeric() || letter == '.')
        })
    });
    Json::Object(used.map(|(name, value)| (name.clone(), value.clone())).collect())
}

fn condition(text: &str) -> Result<Condition, String> {
    let mut all = values();
    // The one that no name may be.
    all.as_object_mut().unwrap().remove(":52.0");
    let placeholders = placeholders(json!({}), used(text, &all));
    let read = Condition::parse(text, Kind::Condition, &placeholders).map_err(|error| error.message)?;
    placeholders.check_used().map_err(|error| error.message)?;
    Ok(read)
}

#[test]
fn conditions_hold_or_do_not() {
    for (text, expected) in [
        ("Price = :52", true),
        ("Price = :52s", false),
        ("Price <> :52s", true),
        ("Nowhere <> :52", true),
        ("Nowhere = :52", false),
        ("Nowhere < :52", false),
        ("Price < :hi AND Price > :lo", true),
        ("Price BETWEEN :lo AND :hi AND InStock = :true", true),
        ("NOT Price BETWEEN :lo AND :hi", false),
        ("Price IN (:lo, :52, :hi)", true),
        ("Price IN (:lo, :hi)", false),
        ("Brand >= :b", false),
        ("attribute_exists(Brand) and attribute_not_exists(Nowhere)", true),
        ("attribute_exists(Reviews.Five[1])", true),
        ("attribute_exists(Reviews.Five[2])", false),
        ("attribute_exists(Nothing)", true),
        ("attribute_type(Brand, :s)", true),
        ("attribute_type(Price, :s)", false),
        ("begins_with(Category, :home)", true),
        ("begins_with(Price, :home)", false),
        ("contains(Colors, :red)", true),
        ("contains(Sizes, :half)", true),
        ("contains(Category, :home)", true),
        ("contains(Stars, :five)", true),
        ("contains(Bits, :raw)", true),
        ("contains(Price, :52)", false),
        ("Colors = :colors", true),
        ("size(Colors) = :two", true),
        ("size(Brand) > :three", true),
        ("size(Bits) = :three", true),
        ("size(Price) = :two", false),
        ("size(Nowhere) = :two", false),
        ("(Price = :lo OR Price = :52) AND InStock = :true", true),
        ("Price = :lo OR Price = :52 AND InStock = :true", true),
        ("NOT (Price = :52 AND InStock = :true)", false),
        ("NOT NOT Price = :52", true),
        ("Stars[0] > Stars[1]", true),
        ("Price = Stars[0]", false),
    ] {
        assert_eq!(condition(text).map(|condition| holds(&condition, &product())), Ok(expected), "{text}");
    }
}

#[test]
fn what_is_no_condition_is_refused_in_awss_words() {
    for (text, part) in [
        ("Price", "Syntax error; token: \"<EOF>\", near: \"Price\""),
        ("Price =", "Syntax error; token: \"<EOF>\""),
        ("Price = :52 Brand", "Syntax error; token: \"Brand\", near: \":52 Brand\""),
        ("(Price = :52", "Syntax error; token: \"<EOF>\""),
        ("Price = :unknown", "attribute value: :unknown"),
        ("#p = :52", "attribute name: #p"),
        ("Name = :52", "reserved keyword: Name"),
        ("exists(Price)", "Invalid function name; function: exists"),
        ("begins_with(Price)", "Incorrect number of operands"),
        ("begins_with(Brand, :52)", "operator or function: begins_with, operand type: N"),
        ("attribute_type(Brand, :home)", "Invalid attribute type name found; type: Home"),
        ("attribute_exists(:52)", "requires a document path"),
        ("Price < :true", "operator or function: <, operand type: BOOL"),
        ("Price BETWEEN :hi AND :lo", "upper bound to be greater than or equal to lower bound"),
        ("Price BETWEEN :lo AND :home", "requires same data type"),
        ("Price = Price", "The first operand must be distinct"),
        ("Price IN ()", "Syntax error"),
        ("Stars[x] = :five", "Syntax error"),
        ("Stars[99999999999999999999] = :five", "Syntax error"),
    ] {
        let why = condition(text).unwrap_err();
        assert!(why.starts_with("Invalid ConditionExpression: ") && why.contains(part), "{text}: {why}");
    }
    let deep = format!("{}Price = :52{}", "(".repeat(1_000), ")".repeat(1_000));
    assert!(condition(&deep).is_err());
    let unused = placeholders(json!({"#u": "u"}), json!({}));
    assert_eq!(
        unused.check_used().unwrap_err().message,
        "Value provided in ExpressionAttributeNames unused in expressions: keys: {#u}"
    );
}

#[test]
fn projections_keep_parts() {
    for (text, expected) in [
        ("Brand, Price", json!({"Brand": {"S": "Acme"}, "Price": {"N": "52"}})),
        (
            "Reviews.Five[1], Stars[0]",
            json!({"Reviews": {"M": {"Five": {"L": [{"S": "great"}]}}}, "Stars": {"L": [{"N": "5"}]}}),
        ),
        ("Stars[1], Stars[0], Stars[7]", json!({"Stars": {"L": [{"N": "5"}, {"N": "4"}]}})),
        ("Nowhere, Brand.x, Reviews.Six", json!({})),
    ] {
        let projection = Projection::parse(text, &Placeholders::default()).unwrap();
        assert_eq!(shown(project(&product(), &projection)), expected, "{text}");
    }
    for (text, part) in [
        (
            "Brand, Brand",
            "Two document paths overlap with each other; must remove or rewrite one of these paths; path one: [Brand], path two: [Brand]",
        ),
        ("Reviews.Five, Reviews.Five[0]", "path one: [Reviews, Five], path two: [Reviews, Five, [0]]"),
        ("Stars[0], Stars.x", "conflict"),
        ("Brand,", "Syntax error"),
    ] {
        let why = Projection::parse(text, &Placeholders::default()).unwrap_err().message;
        assert!(why.starts_with("Invalid ProjectionExpression: ") && why.contains(part), "{text}: {why}");
    }
}

fn updated(text: &str, values: Json) -> Result<Json, String> {
    let placeholders = placeholders(json!({}), values);
    let update = Update::parse(text, &placeholders).map_err(|error| error.message)?;
    placeholders.check_used().map_err(|error| error.message)?;
    let before = item(json!({
        "n": {"N": "1"},
        "l": {"L": [{"N": "0"}, {"N": "1"}, {"N": "2"}]},
        "m": {"M": {"a": {"S": "x"}}},
        "ss": {"SS": ["a", "b"]},
    }));
    let after = apply(&update, &before).map_err(|error| error.message)?;
    let (before, mut after) = (shown(before), shown(after));
    // What has changed, null where it is gone.
    for (name, value) in before.as_object().unwrap() {
        let after = after.as_object_mut().unwrap();
        match after.get(name) {
            Some(same) if same == value => drop(after.remove(name)),
            Some(_) => {}
            None => drop(after.insert(name.clone(), Json::Null)),
        }
    }
    Ok(after)
}

#[test]
fn updates_change_items() {
    let n = |number: &str| json!({"N": number});
    for (text, values, expected) in [
        ("SET n = n + :i", json!({":i": n("2")}), json!({"n": n("3")})),
        ("SET n = :i - n, x = n", json!({":i": n("2")}), json!({"x": n("1")})),
        (
            "SET x = if_not_exists(x, :i), n = if_not_exists(n, :i)",
            json!({":i": n("9")}),
            json!({"x": n("9")}),
        ),
        ("SET c = if_not_exists(c, :z) + :i", json!({":z": n("0"), ":i": n("5")}), json!({"c": n("5")})),
        (
            "SET l = list_append(l, :l)",
            json!({":l": {"L": [n("3")]}}),
            json!({"l": {"L": [n("0"), n("1"), n("2"), n("3")]}}),
        ),
        (
            "SET l = list_append(:l, l)",
            json!({":l": {"L": [n("3")]}}),
            json!({"l": {"L": [n("3"), n("0"), n("1"), n("2")]}}),
        ),
        (
            "SET l[1] = :i, l[9] = :j, l[8] = :i",
            json!({":i": n("7"), ":j": n("8")}),
            json!({"l": {"L": [n("0"), n("7"), n("2"), n("7"), n("8")]}}),
        ),
        ("SET m.b = :i REMOVE m.a", json!({":i": n("7")}), json!({"m": {"M": {"b": n("7")}}})),
        ("REMOVE l[0], l[2], nowhere, l[7]", json!({}), json!({"l": {"L": [n("1")]}})),
        ("REMOVE n, ss", json!({}), json!({"n": null, "ss": null})),
        ("ADD n :i, x :i", json!({":i": n("-3")}), json!({"n": n("-2"), "x": n("-3")})),
        ("ADD ss :s", json!({":s": {"SS": ["b", "c"]}}), json!({"ss": {"SS": ["a", "b", "c"]}})),
        ("DELETE ss :s", json!({":s": {"SS": ["b", "c"]}}), json!({"ss": {"SS": ["a"]}})),
        ("DELETE ss :s, gone :s", json!({":s": {"SS": ["a", "b"]}}), json!({"ss": null})),
        (
            "set n = :i remove l add ss :s",
            json!({":i": n("5"), ":s": {"SS": ["z"]}}),
            json!({"n": n("5"), "l": null, "ss": {"SS": ["a", "b", "z"]}}),
        ),
        // Each value is of the item as it was.
        ("SET n = :i, x = n", json!({":i": n("5")}), json!({"n": n("5"), "x": n("1")})),
    ] {
        assert_eq!(updated(text, values), Ok(expected), "{text}");
    }
}

#[test]
fn what_is_no_update_is_refused_in_awss_words() {
    let one = || json!({":i": {"N": "1"}});
    for (text, values, part) in [
        ("SET n = :i, n = :i", one(), "Two document paths overlap"),
        ("SET m = :i, m.a = :i", one(), "Two document paths overlap"),
        (
            "SET n = :i SET x = :i",
            one(),
            "The \"SET\" section can only be used once in an update expression;",
        ),
        ("n = :i", one(), "Syntax error; token: \"n\""),
        ("SET n :i", one(), "Syntax error; token: \":i\", near: \"n :i\""),
        ("SET n = n * :i", one(), "Syntax error"),
        ("ADD n n", json!({}), "Syntax error"),
        ("ADD n :s", json!({":s": {"S": "x"}}), "operator: ADD, operand type: STRING"),
        ("DELETE n :i", one(), "operator: DELETE, operand type: NUMBER"),
        ("SET n = n + :s", json!({":s": {"S": "x"}}), "operator or function: +, operand type: S"),
        ("SET l = list_append(l, :i)", one(), "operator or function: list_append, operand type: N"),
        ("SET x = if_not_exists(:i, :i)", one(), "requires a document path"),
        ("SET x = other(n)", json!({}), "Invalid function name; function: other"),
    ] {
        let why = updated(text, values).unwrap_err();
        assert!(why.starts_with("Invalid UpdateExpression: ") && why.contains(part), "{text}: {why}");
    }
    for (text, values, why) in [
        ("SET x.y = :i", one(), "The document path provided in the update expression is invalid for update"),
        ("SET n.y = :i", one(), "The document path provided in the update expression is invalid for update"),
        ("SET m[0] = :i", one(), "The document path provided in the update expression is invalid for update"),
        (
            "SET x = nowhere",
            json!({}),
            "The provided expression refers to an attribute that does not exist in the item",
        ),
        (
            "SET x = nowhere + :i",
            one(),
            "The provided expression refers to an attribute that does not exist in the item",
        ),
        ("SET x = l + :i", one(), "An operand in the update expression has an incorrect data type"),
        ("ADD l :i", one(), "An operand in the update expression has an incorrect data type"),
        (
            "ADD n :i",
            json!({":i": {"N": "1e100"}}),
            "Attempting to store more than 38 significant digits in a Number",
        ),
    ] {
        assert_eq!(updated(text, values), Err(why.to_owned()), "{text}");
    }
}
