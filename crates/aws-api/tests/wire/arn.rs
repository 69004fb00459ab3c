//! The forms that a function is named in.

use aws_api::arn::FunctionName;

fn check(text: &str, region: Option<&str>, account_id: Option<&str>, name: &str, qualifier: Option<&str>) {
    let expected = FunctionName {
        region: region.map(Into::into),
        account_id: account_id.map(Into::into),
        name: name.into(),
        qualifier: qualifier.map(Into::into),
    };
    assert_eq!(FunctionName::parse(text), Some(expected), "{text}");
}

#[test]
fn every_form_of_a_name_is_understood() {
    let account = Some("123456789012");
    check("f", None, None, "f", None);
    check("f:$LATEST", None, None, "f", Some("$LATEST"));
    check("function:f", None, None, "f", None);
    check("123456789012:function:f", None, account, "f", None);
    check("123456789012:function:f:prod", None, account, "f", Some("prod"));
    check("arn:aws:lambda:us-east-1:123456789012:function:f", Some("us-east-1"), account, "f", None);
    check(
        "arn:aws-cn:lambda:cn-north-1:123456789012:function:f:1",
        Some("cn-north-1"),
        account,
        "f",
        Some("1"),
    );
}

#[test]
fn what_is_no_name_is_refused() {
    for text in [
        "",
        "a b",
        "f:",
        "f:1:2",
        "arn:aws:sqs:us-east-1:123456789012:f",
        "../f",
        "arn:aws:lambda:r:1:layer:l:1",
    ] {
        assert_eq!(FunctionName::parse(text), None, "{text}");
    }
}
