//! Examples of AWS's documentation, with the titles of their pages, and what they give. Other implementations render them too:
//! `tests/e2e/test_vtl_differential.py`.

use lambda_model::vtl::{Input, Map, Scope, Template, Value};
use serde_json::Value as Json;

#[test]
fn examples_of_the_documentation_give_what_it_says() {
    let cases: Vec<Json> = serde_json::from_str(include_str!("../../../tests/e2e/vtl_cases.json")).unwrap();
    assert!(cases.len() >= 80, "{}", cases.len());
    for case in &cases {
        let map = |name: &str| match Value::from(case["params"][name].clone()) {
            Value::Map(map) => map.borrow().clone(),
            _ => Map::new(),
        };
        let input = Input::new(
            case["body"].as_str().unwrap_or_default(),
            [map("path"), map("querystring"), map("header")],
        );
        let mut scope = Scope::new(input);
        for name in ["context", "stageVariables"] {
            scope.set(name, case.get(name).cloned().unwrap_or_else(|| serde_json::json!({})).into());
        }
        let template = Template::parse(case["template"].as_str().unwrap()).unwrap();
        let found = template.render(&mut scope).unwrap();
        assert_eq!(same(&found), same(case["expected"].as_str().unwrap()), "{}: {case:#}", case["page"]);
    }
}

/// A text without the space that makes no difference in what templates write.
fn same(text: &str) -> String {
    match serde_json::from_str::<Json>(text) {
        Ok(document) => document.to_string(),
        Err(_) => text.split_whitespace().collect::<Vec<_>>().join(" "),
    }
}
