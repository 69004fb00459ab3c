//! The rules of the documentation as tables, and what must hold of any policies.

use std::collections::BTreeMap;

use proptest::prelude::*;
use serde_json::json;

use super::*;
use crate::credentials::{Principal, PrincipalKind};

const ACCOUNT: &str = "111111111111";
const BUCKET: &str = "arn:aws:s3:::bucket/folder/key";

fn user(name: &str) -> Caller {
    Caller::Principal(Principal {
        account_id: ACCOUNT.into(),
        arn: format!("arn:aws:iam::{ACCOUNT}:user/{name}"),
        user_id: "AIDAEXAMPLE".into(),
        kind: PrincipalKind::User { name: name.into() },
    })
}

fn session(role: &str) -> Caller {
    Caller::Principal(Principal {
        account_id: ACCOUNT.into(),
        arn: format!("arn:aws:sts::{ACCOUNT}:assumed-role/{role}/session"),
        user_id: "AROAEXAMPLE:session".into(),
        kind: PrincipalKind::AssumedRole { role_name: role.into(), session_name: "session".into() },
    })
}

fn request(caller: Caller) -> AuthorizationRequest {
    AuthorizationRequest {
        caller,
        action: "s3:GetObject".into(),
        resource: BUCKET.into(),
        resource_account: ACCOUNT.into(),
        context: BTreeMap::new(),
    }
}

fn policy(statements: serde_json::Value) -> PolicyDocument {
    PolicyDocument::from_value(&json!({"Version": "2012-10-17", "Statement": statements})).unwrap()
}

fn allow(action: &str, resource: &str) -> PolicyDocument {
    policy(json!({"Effect": "Allow", "Action": action, "Resource": resource}))
}

fn by_identity(request: &AuthorizationRequest, policies: &[PolicyDocument]) -> bool {
    evaluate(request, &Policies { identity: policies, ..Policies::default() }).is_allowed()
}

#[test]
fn actions_and_resources_have_wildcards() {
    let asked = request(user("ann"));
    for (action, resource, expected) in [
        ("s3:GetObject", BUCKET, true),
        ("S3:getobject", BUCKET, true),
        ("s3:Get*", "*", true),
        ("s3:*", "arn:aws:s3:::bucket/*", true),
        ("s3:GetObjec?", "arn:aws:s3:::*/key", true),
        ("*", "arn:aws:s3:::bucket/folder/k?y", true),
        ("s3:PutObject", "*", false),
        ("s3:GetObject", "arn:aws:s3:::Bucket/*", false),
        ("s3:GetObject", "arn:aws:s3:::bucket/folder", false),
        ("s3:GetObject?", "*", false),
    ] {
        assert_eq!(by_identity(&asked, &[allow(action, resource)]), expected, "{action} on {resource}");
    }
    let all_but = |not_action: &str, not_resource: &str| {
        policy(json!({"Effect": "Allow", "NotAction": not_action, "NotResource": not_resource}))
    };
    assert!(by_identity(&asked, &[all_but("s3:Put*", "arn:aws:s3:::other/*")]));
    assert!(!by_identity(&asked, &[all_but("s3:Get*", "arn:aws:s3:::other/*")]));
    assert!(!by_identity(&asked, &[all_but("s3:Put*", "arn:aws:s3:::bucket/*")]));
}

#[test]
fn conditions_follow_the_tables_of_the_documentation() {
    let facts: &[(&str, &[&str])] = &[
        ("aws:sourceip", &["203.0.113.7"]),
        ("aws:securetransport", &["true"]),
        ("s3:prefix", &["folder/sub"]),
        ("s3:max-keys", &["50"]),
        ("aws:currenttime", &["2026-11-25T12:00:00Z"]),
        ("aws:sourcearn", &["arn:aws:sns:eu-west-1:111111111111:topic"]),
        ("aws:tagkeys", &["a", "b"]),
    ];
    let mut asked = request(user("ann"));
    for (key, values) in facts {
        asked.context.insert((*key).into(), values.iter().map(|value| (*value).to_owned()).collect());
    }
    for (operator, key, value, expected) in [
        ("StringEquals", "s3:prefix", json!("folder/sub"), true),
        ("StringEquals", "S3:Prefix", json!(["x", "folder/sub"]), true),
        ("StringEquals", "s3:prefix", json!("FOLDER/sub"), false),
        ("StringEqualsIgnoreCase", "s3:prefix", json!("FOLDER/sub"), true),
        ("StringNotEquals", "s3:prefix", json!("other"), true),
        ("StringNotEquals", "s3:prefix", json!(["other", "folder/sub"]), false),
        ("StringLike", "s3:prefix", json!("folder/*"), true),
        ("StringNotLike", "s3:prefix", json!("folder/*"), false),
        ("StringEquals", "aws:missing", json!("x"), false),
        ("StringNotEquals", "aws:missing", json!("x"), true),
        ("StringEqualsIfExists", "aws:missing", json!("x"), true),
        ("StringEqualsIfExists", "s3:prefix", json!("x"), false),
        ("NumericLessThanEquals", "s3:max-keys", json!(50), true),
        ("NumericLessThan", "s3:max-keys", json!("50"), false),
        ("NumericGreaterThan", "s3:max-keys", json!("9"), true),
        ("NumericNotEquals", "s3:max-keys", json!(50.0), false),
        ("DateGreaterThan", "aws:CurrentTime", json!("2026-11-25T11:59:59Z"), true),
        ("DateLessThan", "aws:CurrentTime", json!("2026-11-26"), true),
        ("DateLessThan", "aws:CurrentTime", json!("1795608000"), false),
        ("Bool", "aws:SecureTransport", json!(true), true),
        ("Bool", "aws:SecureTransport", json!("false"), false),
        ("IpAddress", "aws:SourceIp", json!("203.0.113.0/24"), true),
        ("IpAddress", "aws:SourceIp", json!(["192.0.2.0/24", "203.0.113.7"]), true),
        ("NotIpAddress", "aws:SourceIp", json!("203.0.113.0/29"), false),
        ("IpAddress", "aws:SourceIp", json!("0.0.0.0/0"), true),
        ("IpAddress", "aws:SourceIp", json!("2001:db8::/32"), false),
        ("ArnLike", "aws:SourceArn", json!("arn:aws:sns:*:111111111111:*"), true),
        ("ArnEquals", "aws:SourceArn", json!("arn:aws:sns:eu-*:111111111111:topic"), true),
        ("ArnLike", "aws:SourceArn", json!("arn:aws:*:topic"), false),
        ("ArnNotLike", "aws:SourceArn", json!("arn:aws:sqs:*:*:*"), true),
        ("Null", "aws:missing", json!("true"), true),
        ("Null", "s3:prefix", json!("true"), false),
        ("Null", "s3:prefix", json!("false"), true),
        ("ForAllValues:StringEquals", "aws:TagKeys", json!(["a", "b", "c"]), true),
        ("ForAllValues:StringEquals", "aws:TagKeys", json!(["a"]), false),
        ("ForAnyValue:StringEquals", "aws:TagKeys", json!(["a", "z"]), true),
        ("ForAnyValue:StringEquals", "aws:TagKeys", json!(["z"]), false),
        ("ForAllValues:StringEquals", "aws:missing", json!(["a"]), true),
        ("ForAnyValue:StringEquals", "aws:missing", json!(["a"]), false),
        ("StringEquals", "aws:username", json!("ann"), true),
        ("StringEquals", "aws:PrincipalAccount", json!(ACCOUNT), true),
        ("StringEquals", "aws:PrincipalType", json!("User"), true),
    ] {
        let condition = json!({operator: {key: value}});
        let statement = json!({"Effect": "Allow", "Action": "*", "Resource": "*", "Condition": condition});
        let held = by_identity(&asked, &[policy(statement)]);
        assert_eq!(held, expected, "{operator} {key} {value}");
    }
}

#[test]
fn variables_stand_for_facts_and_for_themselves() {
    let mut asked = request(user("ann"));
    asked.resource = "arn:aws:s3:::bucket/home/ann/x".into();
    for (resource, expected) in [
        ("arn:aws:s3:::bucket/home/${aws:username}/*", true),
        ("arn:aws:s3:::bucket/home/${aws:missing}/*", false),
        ("arn:aws:s3:::bucket/home/${aws:missing, 'ann'}/*", true),
        ("arn:aws:s3:::bucket/home/${*}/*", false),
    ] {
        assert_eq!(by_identity(&asked, &[allow("*", resource)]), expected, "{resource}");
    }
    // A wildcard in a name is no wildcard in a policy.
    let mut star = request(user("*"));
    star.resource = "arn:aws:s3:::bucket/home/ann/x".into();
    assert!(!by_identity(&star, &[allow("*", "arn:aws:s3:::bucket/home/${aws:username}/*")]));
    star.resource = "arn:aws:s3:::bucket/home/*/x".into();
    assert!(by_identity(&star, &[allow("*", "arn:aws:s3:::bucket/home/${aws:username}/x")]));
    let old = json!({"Version": "2008-10-17", "Statement":
        {"Effect": "Allow", "Action": "*", "Resource": "arn:aws:s3:::bucket/home/${aws:username}/*"}});
    assert!(!by_identity(&asked, &[PolicyDocument::from_value(&old).unwrap()]), "not before 2012");
}

fn for_principal(principal: serde_json::Value) -> PolicyDocument {
    policy(json!({"Effect": "Allow", "Principal": principal, "Action": "*", "Resource": "*"}))
}

#[test]
fn a_resource_policy_names_callers() {
    let root = format!("arn:aws:iam::{ACCOUNT}:root");
    let role = format!("arn:aws:iam::{ACCOUNT}:role/path/worker");
    for (principal, caller, expected) in [
        (json!("*"), Caller::Anonymous, true),
        (json!({"AWS": "*"}), user("ann"), true),
        (json!({"AWS": format!("arn:aws:iam::{ACCOUNT}:user/ann")}), user("ann"), true),
        (json!({"AWS": format!("arn:aws:iam::{ACCOUNT}:user/bob")}), user("ann"), false),
        (json!({"AWS": role}), session("worker"), true),
        (json!({"AWS": role}), session("other"), false),
        // The account alone leaves it to the account's own policies.
        (json!({"AWS": root}), user("ann"), false),
        (json!({"AWS": ACCOUNT}), session("worker"), false),
        (json!({"Service": "s3.amazonaws.com"}), Caller::Service("s3.amazonaws.com".into()), true),
        (json!({"Service": "sns.amazonaws.com"}), Caller::Service("s3.amazonaws.com".into()), false),
        // Everybody is services too: older queue policies let S3 in so, and it comes (under a condition on `aws:SourceArn`).
        (json!({"AWS": "*"}), Caller::Service("s3.amazonaws.com".into()), true),
    ] {
        let resource = for_principal(principal.clone());
        let policies = Policies { resource: Some(&resource), ..Policies::default() };
        let decision = evaluate(&request(caller.clone()), &policies);
        assert_eq!(decision.is_allowed(), expected, "{principal} {caller:?}");
    }
}

#[test]
fn a_role_is_for_those_whom_its_trust_policy_names() {
    let mut asked = request(user("ann"));
    asked.action = "sts:AssumeRole".into();
    asked.resource = format!("arn:aws:iam::{ACCOUNT}:role/worker");
    asked.context.insert("sts:externalid".into(), vec!["42".into()]);
    for (principal, condition, expected) in [
        (json!({"AWS": ACCOUNT}), json!({}), true),
        (json!({"AWS": format!("arn:aws:iam::{ACCOUNT}:user/ann")}), json!({}), true),
        (json!({"AWS": format!("arn:aws:iam::{ACCOUNT}:user/bob")}), json!({}), false),
        (json!({"AWS": "222222222222"}), json!({}), false),
        (json!({"Service": "lambda.amazonaws.com"}), json!({}), false),
        (json!("*"), json!({"StringEquals": {"sts:ExternalId": "42"}}), true),
        (json!("*"), json!({"StringEquals": {"sts:ExternalId": "43"}}), false),
    ] {
        let statement = json!({"Effect": "Allow", "Principal": principal, "Action": "sts:AssumeRole",
            "Condition": condition});
        let held = trusts(&policy(statement.clone()), &asked);
        assert_eq!(held, expected, "{statement}");
    }
}

#[test]
fn another_account_needs_both_sides() {
    let mut asked = request(user("ann"));
    asked.resource_account = "222222222222".into();
    let resource = for_principal(json!({"AWS": ACCOUNT}));
    let identity = [allow("s3:*", "*")];
    let both = Policies { identity: &identity, resource: Some(&resource), ..Policies::default() };
    assert!(evaluate(&asked, &both).is_allowed());
    let one = Policies { resource: None, ..both.clone() };
    assert!(!evaluate(&asked, &one).is_allowed());
    let other = Policies { identity: &[], ..both };
    assert!(!evaluate(&asked, &other).is_allowed());
}

#[test]
fn boundaries_sessions_and_organisations_only_take_away() {
    let asked = request(session("worker"));
    let identity = [allow("s3:*", "*")];
    let (narrow, wide) = (allow("s3:Put*", "*"), allow("*", "*"));
    let given = Policies { identity: &identity, ..Policies::default() };
    assert!(evaluate(&asked, &given).is_allowed());
    for (bound, expected) in [(&narrow, false), (&wide, true)] {
        let list = std::slice::from_ref(bound);
        for policies in [
            Policies { boundary: Some(bound), ..given.clone() },
            Policies { session: list, ..given.clone() },
            Policies { organization: list, ..given.clone() },
        ] {
            assert_eq!(evaluate(&asked, &policies).is_allowed(), expected);
        }
        let alone = Policies { boundary: Some(bound), ..Policies::default() };
        assert!(!evaluate(&asked, &alone).is_allowed(), "a boundary gives nothing");
    }
}

#[test]
fn a_deny_is_told_with_its_statement() {
    let deny = policy(json!([
        {"Effect": "Allow", "Action": "*", "Resource": "*"},
        {"Sid": "NoKeys", "Effect": "Deny", "Action": "s3:GetObject", "Resource": "*/key"},
    ]));
    let policies = Policies { identity: std::slice::from_ref(&deny), ..Policies::default() };
    let decision = evaluate(&request(user("ann")), &policies);
    assert_eq!(decision, Decision::Denied(Denial::Explicit(Some("NoKeys".into()))));
    let nothing = evaluate(&request(user("ann")), &Policies::default());
    assert_eq!(nothing, Decision::Denied(Denial::Implicit));
}

#[test]
fn everyone_but_one_is_denied_with_not_principal() {
    let resource = policy(json!([
        {"Effect": "Allow", "Principal": "*", "Action": "*", "Resource": "*"},
        {"Effect": "Deny", "NotPrincipal": {"AWS": format!("arn:aws:iam::{ACCOUNT}:user/ann")},
         "Action": "*", "Resource": "*"},
    ]));
    let policies = Policies { resource: Some(&resource), ..Policies::default() };
    assert!(evaluate(&request(user("ann")), &policies).is_allowed());
    assert!(!evaluate(&request(user("bob")), &policies).is_allowed());
}

#[test]
fn documents_are_read_strictly() {
    for wrong in [
        "",
        "[]",
        r#"{"Statement": 1}"#,
        r#"{"Version": "2020-01-01", "Statement": []}"#,
        r#"{"Statement": [{"Effect": "Perhaps", "Action": "*"}]}"#,
        r#"{"Statement": [{"Effect": "Allow"}]}"#,
        r#"{"Statement": [{"Effect": "Allow", "Action": "*", "NotAction": "*"}]}"#,
        r#"{"Statement": [{"Effect": "Allow", "Action": 7}]}"#,
        r#"{"Statement": [{"Effect": "Allow", "Action": "*", "Resources": "*"}]}"#,
        r#"{"Statement": [{"Effect": "Allow", "Action": "*", "Principal": {"Nobody": "x"}}]}"#,
        r#"{"Statement": [{"Effect": "Allow", "Action": "*", "Condition": {"Sounds": {"a": "b"}}}]}"#,
    ] {
        assert!(PolicyDocument::parse(wrong).is_err(), "{wrong}");
    }
}

fn any_statement() -> impl Strategy<Value = serde_json::Value> {
    let effect = prop::sample::select(vec!["Allow", "Deny"]);
    let action = prop::sample::select(vec!["*", "s3:*", "s3:GetObject", "s3:PutObject", "lambda:*"]);
    let resource = prop::sample::select(vec!["*", BUCKET, "arn:aws:s3:::bucket/*", "arn:aws:s3:::other/*"]);
    (effect, action, resource).prop_map(
        |(effect, action, resource)| json!({"Effect": effect, "Action": action, "Resource": resource}),
    )
}

proptest! {
    #[test]
    fn a_deny_wins_and_an_allow_takes_nothing_away(
        statements in proptest::collection::vec(any_statement(), 0..6),
    ) {
        let asked = request(user("ann"));
        let before = by_identity(&asked, &[policy(json!(statements))]);
        let mut more = statements.clone();
        more.push(json!({"Effect": "Allow", "Action": "s3:*", "Resource": "*"}));
        let after = by_identity(&asked, &[policy(json!(more))]);
        prop_assert!(!before || after);
        more.push(json!({"Effect": "Deny", "Action": "*", "Resource": BUCKET}));
        prop_assert!(!by_identity(&asked, &[policy(json!(more))]));
    }

    #[test]
    fn a_pattern_without_wildcards_matches_itself_alone(text in "[a-z:/]{0,12}", other in "[a-z:/]{0,12}") {
        prop_assert!(super::wildcard::matches(&text, &text));
        prop_assert_eq!(super::wildcard::matches(&text, &other), text == other);
        let around = format!("*{text}*");
        let longer = format!("{}{}{}", other, text, other);
        prop_assert!(super::wildcard::matches(&around, &longer));
    }
}
