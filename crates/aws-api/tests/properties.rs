//! Properties of the wire world: round trips, and that no bytes of a client's make it panic.

use aws_api::{
    arn::FunctionName,
    generated::lambda::operations::{MODEL, Operation},
    pagination,
    protocol::rest_json,
    sigv4::credential_scope,
};
use bytes::Bytes;
use http::{HeaderMap, HeaderName, HeaderValue, Method};
use proptest::prelude::*;
use serde_json::Value;

/// Any JSON value, three levels deep.
fn json() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        any::<f64>().prop_map(Value::from),
        ".{0,20}".prop_map(Value::from),
    ];
    leaf.prop_recursive(3, 24, 4, |inner| {
        let member = prop::sample::select(vec![
            "FunctionName",
            "Runtime",
            "Code",
            "ZipFile",
            "Environment",
            "Variables",
            "Timeout",
            "Layers",
            "Tags",
            "VpcConfig",
        ]);
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..4).prop_map(Value::from),
            prop::collection::btree_map(member.prop_map(str::to_owned), inner, 0..6)
                .prop_map(|members| Value::Object(members.into_iter().collect())),
        ]
    })
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn every_form_of_a_name_is_read_back(
        name in "[a-zA-Z0-9_-]{1,64}",
        qualifier in prop::option::of("[a-zA-Z0-9$_-]{1,30}"),
        account in "[0-9]{12}",
        region in "[a-z]{2}-[a-z]{4,9}-[1-9]",
    ) {
        let suffix = qualifier.as_ref().map(|qualifier| format!(":{qualifier}")).unwrap_or_default();
        let plain = FunctionName { region: None, account_id: None, name: name.clone(), qualifier };
        // Alone, a name can look like the beginning of another form.
        if name != "function" && name != "arn" {
            prop_assert_eq!(FunctionName::parse(&format!("{name}{suffix}")), Some(plain.clone()));
        }
        let partial = FunctionName { account_id: Some(account.clone()), ..plain };
        prop_assert_eq!(FunctionName::parse(&format!("{account}:function:{name}{suffix}")), Some(partial.clone()));
        let full = FunctionName { region: Some(region.clone()), ..partial };
        prop_assert_eq!(FunctionName::parse(&format!("arn:aws:lambda:{region}:{account}:function:{name}{suffix}")), Some(full));
    }

    #[test]
    fn no_text_makes_a_parser_panic(text in ".*") {
        if let Some(found) = FunctionName::parse(&text) {
            prop_assert!(found.name.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-' || byte == b'_'));
        }
        let _ = pagination::decode(&text);
        let _ = credential_scope::of_request(Some(&text), &text);
        let _ = rest_json::Router::new(&MODEL).route(&Method::GET, &text, &text);
    }

    #[test]
    fn markers_are_read_back(last in ".*") {
        prop_assert_eq!(pagination::decode(&pagination::encode(&last)), Ok(last));
    }

    #[test]
    fn whatever_a_client_sends_is_decoded_or_refused_as_its_fault(
        operation in prop::sample::select(Operation::ALL.to_vec()),
        body in prop_oneof![json().prop_map(|value| value.to_string().into_bytes()), prop::collection::vec(any::<u8>(), 0..200)],
        label in ".{0,80}",
        query in "[ -~]{0,80}",
        header in "[ -~]{0,80}",
    ) {
        let labels = vec![("FunctionName", label.clone()), ("Resource", label)];
        let mut headers = HeaderMap::new();
        if let Ok(value) = HeaderValue::from_str(&header) {
            headers.insert(HeaderName::from_static("x-amz-invocation-type"), value);
        }
        let decoded = rest_json::decode(&MODEL, operation.schema(), labels, &query, &headers, Bytes::from(body));
        if let Err(error) = decoded {
            prop_assert!((400..500).contains(&error.status), "{} {}", error.status, error.message);
        }
    }
}
