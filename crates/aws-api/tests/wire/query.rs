//! Forms in, XML out, on shapes of the real models.

use proptest::prelude::*;
use serde_json::{Value, json};

use aws_api::generated::iam::{
    operations::{MODEL, Operation},
    types,
};
use aws_api::protocol::query::*;

fn decoded(body: &str) -> Result<Value, (String, String)> {
    let form = Form::parse(body.as_bytes());
    let operation = operation(&MODEL, &form).unwrap();
    let input = decode(&MODEL, &Dialect::usual(&MODEL), operation, &form)
        .map_err(|error| (error.code.to_owned(), error.message))?;
    Ok(Value::Object(input.input))
}

#[test]
fn lists_and_structures_are_read_whatever_their_order_and_gaps() {
    let body = "Action=CreateRole&RoleName=r&AssumeRolePolicyDocument=%7B%7D&MaxSessionDuration=3600\
                &Tags.member.10.Key=b&Tags.member.10.Value=2+3&Tags.member.2.Value=1&Tags.member.2.Key=a";
    assert_eq!(
        decoded(body).unwrap(),
        json!({
            "RoleName": "r",
            "AssumeRolePolicyDocument": "{}",
            "MaxSessionDuration": 3600,
            "Tags": [{"Key": "a", "Value": "1"}, {"Key": "b", "Value": "2 3"}],
        })
    );
    assert_eq!(decoded("Action=ListRoles&Marker=m").unwrap(), json!({"Marker": "m"}));
}

#[test]
fn violations_come_in_one_message_and_wrong_types_name_the_member() {
    let (code, message) = decoded("Action=CreateRole&RoleName=a+b").unwrap_err();
    assert_eq!(code, "ValidationError");
    assert!(message.starts_with("2 validation errors detected: "), "{message}");
    let (code, message) = decoded("Action=ListRoles&MaxItems=many").unwrap_err();
    assert_eq!(
        (code.as_str(), message.as_str()),
        ("MalformedInput", "Value at 'maxItems' must be an integer.")
    );
}

#[test]
fn an_answer_is_wrapped_and_escaped() {
    let output = types::ListRolesResponse {
        roles: Some(vec![types::Role {
            role_name: Some("<&>\"\r\u{1}".into()),
            create_date: Some(1_700_000_000.0),
            ..Default::default()
        }]),
        is_truncated: Some(false),
        marker: None,
    };
    let xml = encode(&MODEL, &Dialect::usual(&MODEL), Operation::ListRoles.schema(), &output, "id").unwrap();
    assert_eq!(
        xml,
        "<ListRolesResponse xmlns=\"https://iam.amazonaws.com/doc/2010-05-08/\"><ListRolesResult><Roles><member>\
         <RoleName>&lt;&amp;&gt;&quot;&#13;\u{fffd}</RoleName><CreateDate>2023-11-14T22:13:20Z</CreateDate></member></Roles>\
         <IsTruncated>false</IsTruncated></ListRolesResult>\
         <ResponseMetadata><RequestId>id</RequestId></ResponseMetadata></ListRolesResponse>"
    );
    let deleted = encode(&MODEL, &Dialect::usual(&MODEL), Operation::DeleteRole.schema(), &(), "id").unwrap();
    assert!(!deleted.contains("Result"), "{deleted}");
}

#[test]
fn an_error_says_who_is_at_fault() {
    let error = aws_api::error_response::ApiError::user(
        "NoSuchEntity",
        404,
        "The role with name <r> cannot be found.",
    );
    assert_eq!(
        encode_error(&Dialect::usual(&MODEL), &error, "id"),
        "<ErrorResponse xmlns=\"https://iam.amazonaws.com/doc/2010-05-08/\"><Error><Type>Sender</Type><Code>NoSuchEntity</Code>\
         <Message>The role with name &lt;r&gt; cannot be found.</Message></Error><RequestId>id</RequestId></ErrorResponse>"
    );
}

proptest! {
    #[test]
    fn any_form_is_decoded_or_refused(action in 0..Operation::ALL.len(), body in "[A-Za-z.0-9=&%+]{0,200}") {
        let name = Operation::ALL[action].schema().name;
        let _ = decoded(&format!("Action={name}&{body}"));
    }
}
