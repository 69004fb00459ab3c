//! Documents that IAM takes and refuses.

use serde_json::{Value, json};

use super::*;

fn refusal(document: &Value) -> Option<String> {
    check(&document.to_string()).err().map(|error| error.to_string())
}

fn with(statement: Value) -> Value {
    json!({"Version": "2012-10-17", "Statement": statement})
}

const BUCKET: &str = "arn:aws:s3:::bucket";

#[test]
fn good_documents_are_taken() {
    for statement in [
        json!({"Effect": "Allow", "Action": "*", "Resource": "*"}),
        json!([{"Sid": "a", "Effect": "Deny", "NotAction": ["s3:Get*"], "NotResource": [BUCKET, "*"]}]),
        json!({"Effect": "Allow", "Action": "s3:*", "Resource": "*", "Condition": {"Bool": {"aws:SecureTransport": true}}}),
        json!({"Effect": "Allow", "Action": "s3:*", "Resource": "*", "Condition": {"ForAnyValue:StringLikeIfExists": {"a": []}}}),
        json!({"Effect": "Allow", "Action": "s3:*", "Resource": "*", "Condition": {"DateLessThan": {"a": ["-292275054", "2016-12-13T21:20:37.593194+00:00", "01T"]}}}),
        json!({"Effect": "Allow", "Action": "iam:PassRole", "Resource": "arn:aws:iam::*:role/x"}),
        // Recorded: what compares nothing, is not there yet, has no id, names an access point or ends early is taken.
        json!({"Effect": "Allow", "Action": "s3.s:*", "Resource": [BUCKET, null], "Condition": {"x": {}}}),
        json!([{"Sid": "", "Effect": "Deny", "Action": "*", "Resource": "arn:aws:x"}, {"Sid": "", "Effect": "Deny", "Action": "*", "Resource": "*"}]),
        json!({"Effect": "Allow", "Action": "s3:*", "Resource": "arn:aws:s3:us-west-2:123456789012:accesspoint/a"}),
    ] {
        assert_eq!(refusal(&with(statement.clone())), None, "{statement}");
    }
}

#[test]
fn the_first_thing_that_is_wrong_is_told() {
    for (statement, expected) in [
        (json!([]), "Syntax errors in policy."),
        (
            json!({"Effect": "Allow", "Action": "s3:*", "Resource": BUCKET, "Extra": 1}),
            "Syntax errors in policy.",
        ),
        (
            json!({"Effect": "Allow", "Action": "s3:*", "Resource": BUCKET, "Condition": {"x": {"k": "v"}}}),
            "Syntax errors in policy.",
        ),
        (json!({"Effect": "aLLow", "Resource": "x"}), "The policy failed legacy parsing"),
        (
            json!({"Effect": "Allow", "Action": "s3:*", "Resource": "arn:aws:s3::x"}),
            "The policy failed legacy parsing",
        ),
        (
            json!({"Effect": "Allow", "Action": "s:3:*", "Resource": "x"}),
            "Resource x must be in ARN format or \"*\".",
        ),
        (
            json!({"Effect": "Allow", "Action": "s:3:*", "Resource": "*"}),
            "Actions/Condition can contain only one colon.",
        ),
        (
            json!({"Effect": "Allow", "Action": "s3"}),
            "Actions/Conditions must be prefaced by a vendor, e.g., iam, sdb, ec2, etc.",
        ),
        (json!({"Effect": "Allow", "Action": "s3:*"}), "Policy statement must contain resources."),
        (json!({"Effect": "Allow"}), "Policy statement must contain actions."),
        (
            json!({"Effect": "Allow", "Action": "s3:*", "Resource": "aws:s3:::b"}),
            "Partition \"s3\" is not valid for resource \"arn:s3:::b:*\".",
        ),
        (
            json!({"Effect": "Allow", "Action": "s3:*", "Resource": "arn:aws"}),
            "Resource vendor must be fully qualified and cannot contain regexes.",
        ),
        (
            json!([{"Sid": "a", "Effect": "Allow"}, {"Sid": "a", "Effect": "Allow"}]),
            "Statement IDs (SID) in a single policy must be unique.",
        ),
    ] {
        assert_eq!(refusal(&with(statement.clone())).as_deref(), Some(expected), "{statement}");
    }
    let old = json!({"Statement": {"Effect": "denY", "Action": "x", "Resource": "y"}});
    assert_eq!(refusal(&old).as_deref(), Some("Policy document must be version 2012-10-17 or greater."));
    assert!(check("no json").is_err());
}

#[test]
fn trust_policies_name_who_is_trusted() {
    let trust = |principal: Value, action: &str| {
        with(json!([{"Effect": "Allow", "Principal": principal, "Action": action}])).to_string()
    };
    let lambda = "lambda.amazonaws.com";
    for (principal, action, expected) in [
        (json!({"Service": lambda}), "sts:AssumeRole", true),
        (json!({"Service": ["ec2.amazonaws.com", lambda]}), "sts:*", true),
        (json!({"Service": "ec2.amazonaws.com"}), "sts:AssumeRole", false),
        (json!({"Service": lambda}), "sts:TagSession", false),
        (json!({"AWS": "*"}), "sts:AssumeRole", false),
        (json!("*"), "sts:AssumeRole", true),
    ] {
        let text = trust(principal, action);
        assert!(check_trust(&text).is_ok(), "{text}");
        assert_eq!(trusts(&text, lambda), expected, "{text}");
    }
}

#[test]
fn trust_policies_have_no_resources_and_only_actions_of_sts() {
    for (statement, expected) in [
        (
            json!({"Effect": "Allow", "Principal": "*", "Action": "sts:AssumeRole", "Resource": "*"}),
            "Has prohibited field Resource.",
        ),
        (json!({"Effect": "Allow", "Action": "sts:AssumeRole"}), "Missing required field Principal"),
        (
            json!({"Effect": "Allow", "Principal": "*", "Action": "s3:GetObject"}),
            "AssumeRole policy may only specify STS AssumeRole actions.",
        ),
        (json!([]), "Syntax errors in policy."),
        (json!("x"), "Syntax errors in policy."),
    ] {
        let error = check_trust(&with(statement.clone()).to_string()).err().map(|error| error.to_string());
        assert_eq!(error.as_deref(), Some(expected), "{statement}");
    }
}
