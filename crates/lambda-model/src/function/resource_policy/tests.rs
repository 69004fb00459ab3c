//! Statements in AWS's form, and policies that stay within bounds.

use super::*;

fn grant(principal: &str) -> Grant {
    Grant {
        statement_id: "s1".into(),
        action: "lambda:InvokeFunction".into(),
        principal: principal.into(),
        ..Grant::default()
    }
}

#[test]
fn a_statement_reads_as_recorded() {
    let statement = grant("s3.amazonaws.com").statement("arn:f").unwrap();
    assert_eq!(
        statement,
        json!({"Sid": "s1", "Effect": "Allow", "Principal": {"Service": "s3.amazonaws.com"},
               "Action": "lambda:InvokeFunction", "Resource": "arn:f"})
    );
    let conditional = Grant {
        source_arn: Some("arn:aws:s3:::b".into()),
        source_account: Some("1".into()),
        principal_org_id: Some("o-1".into()),
        invoked_via_function_url: Some(true),
        ..grant("*")
    };
    assert_eq!(
        conditional.statement("arn:f").unwrap()["Condition"],
        json!({"ArnLike": {"AWS:SourceArn": "arn:aws:s3:::b"},
               "Bool": {"lambda:InvokedViaFunctionUrl": "true"},
               "StringEquals": {"AWS:SourceAccount": "1", "aws:PrincipalOrgID": "o-1"}})
    );
}

#[test]
fn principals_are_services_accounts_arns_or_everyone() {
    let shown =
        |principal: &str| grant(principal).statement("r").map(|statement| statement["Principal"].clone());
    assert_eq!(shown("*").unwrap(), json!("*"));
    assert_eq!(shown("123456789012").unwrap(), json!({"AWS": "arn:aws:iam::123456789012:root"}));
    assert_eq!(shown("arn:aws:iam::1:role/r").unwrap(), json!({"AWS": "arn:aws:iam::1:role/r"}));
    for principal in ["", "invalid.nonaws.com:x", "nobody", "arn:", "12345"] {
        assert_eq!(
            shown(principal).unwrap_err().to_string(),
            "The provided principal was invalid. Please check the principal and try again.",
            "{principal}"
        );
    }
}

#[test]
fn ids_are_unique_and_the_size_is_bounded() {
    let mut policy = ResourcePolicy::default();
    let statement = |id: usize| {
        Grant { statement_id: format!("s{id}"), source_arn: Some("x".repeat(900)), ..grant("*") }
            .statement("arn:f")
            .unwrap()
    };
    policy.add(statement(1)).unwrap();
    assert!(matches!(policy.add(statement(1)), Err(LambdaError::ResourceConflict(_))));
    let refused = (2..100).find_map(|id| policy.add(statement(id)).err());
    assert!(matches!(refused, Some(LambdaError::PolicyLengthExceeded(_))));
    assert!(matches!(policy.remove("s99"), Err(LambdaError::ResourceNotFound(_))));
    policy.remove("s1").unwrap();
    assert!(policy.find("s1").is_none());
}

#[test]
fn a_whole_document_is_read_and_what_is_none_is_refused() {
    let statement =
        r#"{"Sid": "a", "Effect": "Allow", "Principal": "*", "Action": "lambda:*", "Resource": "arn:f"}"#;
    let whole = format!(r#"{{"Version": "2012-10-17", "Id": "mine", "Statement": [{statement}]}}"#);
    let policy = ResourcePolicy::parse(&whole, "arn:f").unwrap();
    assert_eq!((policy.id.as_deref(), policy.statements.len()), (Some("mine"), 1));
    assert!(ResourcePolicy::parse(&format!(r#"{{"Statement": {statement}}}"#), "arn:f").is_ok());
    for document in [
        "",
        "[]",
        "{}",
        r#"{"Statement": []}"#,
        r#"{"Statement": [{"Effect": "Maybe", "Principal": "*", "Action": "a", "Resource": "*"}]}"#,
        r#"{"Statement": [{"Effect": "Allow", "Action": "a", "Resource": "*"}]}"#,
        r#"{"Statement": [{"Effect": "Allow", "Principal": "*", "Resource": "*"}]}"#,
        &whole.replace("arn:f", "arn:g"),
    ] {
        assert!(ResourcePolicy::parse(document, "arn:f").is_err(), "{document}");
    }
}

#[test]
fn a_layer_is_shared_with_who_is_named() {
    let mut policy = ResourcePolicy::default();
    let share = Grant { action: "lambda:GetLayerVersion".into(), ..grant("123456789012") };
    policy.add(share.statement("arn:l").unwrap()).unwrap();
    assert!(policy.allows_account("123456789012", "lambda:GetLayerVersion"));
    assert!(!policy.allows_account("123456789012", "lambda:Other"));
    assert!(!policy.allows_account("999999999999", "lambda:GetLayerVersion"));
    let everyone = Grant { statement_id: "s2".into(), principal: "*".into(), ..share.clone() };
    policy
        .add(Grant { principal_org_id: Some("o-1".into()), ..everyone.clone() }.statement("arn:l").unwrap())
        .unwrap();
    assert!(
        !policy.allows_account("999999999999", "lambda:GetLayerVersion"),
        "a condition that nobody checks"
    );
    policy.add(Grant { statement_id: "s3".into(), ..everyone }.statement("arn:l").unwrap()).unwrap();
    assert!(policy.allows_account("999999999999", "lambda:GetLayerVersion"));
}
