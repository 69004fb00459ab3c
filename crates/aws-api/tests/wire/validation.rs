//! The texts of violations, against recorded ones.

use serde_json::{Value, json};

use aws_api::{
    generated::lambda::operations::{MODEL, Operation},
    schema::Kind,
    validation::{check, check_types, patterns},
};

fn violations(operation: Operation, input: Value) -> Option<String> {
    let shape = operation.schema().input.unwrap();
    let Value::Object(input) = input else { panic!("an object") };
    check(&MODEL, shape, &input, false).err().map(|error| error.message)
}

#[test]
fn every_pattern_of_the_model_compiles() {
    for shape in MODEL.shapes {
        if let Kind::String { pattern: Some(pattern), .. } = shape.kind {
            assert!(patterns::compiled(pattern).is_some(), "{}: {pattern}", shape.name);
        }
    }
}

#[test]
fn a_missing_member_is_null() {
    assert_eq!(
        violations(Operation::GetFunction, json!({})).unwrap(),
        "1 validation error detected: Value null at 'functionName' failed to satisfy constraint: Member must not be null"
    );
}

#[test]
fn a_number_out_of_range_names_the_bound() {
    let input = json!({"FunctionName": "f", "MemorySize": 1, "Timeout": 0});
    let message = violations(Operation::UpdateFunctionConfiguration, input).unwrap();
    assert!(message.starts_with("2 validation errors detected: "), "{message}");
    assert!(message.contains("Value '1' at 'memorySize' failed to satisfy constraint: Member must have value greater than or equal to 128"), "{message}");
    assert!(message.contains("Value '0' at 'timeout' failed to satisfy constraint: Member must have value greater than or equal to 1"), "{message}");
}

#[test]
fn an_element_of_a_list_is_reported_for_the_list() {
    let input = json!({"FunctionName": "f", "Architectures": ["X86"]});
    assert_eq!(
        violations(Operation::UpdateFunctionCode, input).unwrap(),
        "1 validation error detected: Value '[X86]' at 'architectures' failed to satisfy constraint: \
         Member must satisfy constraint: [Member must satisfy enum value set: [x86_64, arm64], Member must not be null]"
    );
}

#[test]
fn a_name_that_cannot_be_one_is_reported_with_the_pattern() {
    let message = violations(Operation::GetFunction, json!({"FunctionName": "a b"})).unwrap();
    assert!(message.contains("Value 'a b' at 'functionName' failed to satisfy constraint: Member must satisfy regular expression pattern: "), "{message}");
}

#[test]
fn what_matched_a_moment_ago_says_nothing_of_another_text_or_member() {
    let is_refused = |function_name: &str, qualifier: &str| {
        let input = json!({"FunctionName": function_name, "Qualifier": qualifier});
        violations(Operation::GetFunction, input).is_some()
    };
    for _ in 0..2 {
        assert!(!is_refused("a-name", "1"));
        assert!(is_refused("a name", "1"));
        assert!(is_refused("a-name", "1 2"));
        assert!(is_refused("a-name", "a:name"));
    }
}

#[test]
fn a_value_that_must_not_be_shown_is_not() {
    let input = json!({"FunctionName": "f", "Environment": {"Variables": {"1BAD": "secret"}}});
    let message = violations(Operation::UpdateFunctionConfiguration, input).unwrap();
    assert!(message.contains("'environment.variables'") && !message.contains("secret"), "{message}");
}

#[test]
fn a_wrong_type_names_the_member() {
    let shape = Operation::UpdateFunctionConfiguration.schema().input.unwrap();
    let Value::Object(input) = json!({"FunctionName": "f", "MemorySize": "lots"}) else { panic!() };
    let error = check_types(&MODEL, shape, &input).unwrap_err();
    assert_eq!((error.code, error.status), ("SerializationException", 400));
    assert!(error.message.contains("'memorySize'"), "{}", error.message);
}
