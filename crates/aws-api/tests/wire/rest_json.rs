//! Routing and coding of Lambda's operations.

use bytes::Bytes;
use http::{HeaderMap, HeaderValue, Method};
use serde_json::json;

use aws_api::error_response::ApiError;
use aws_api::generated::lambda::{
    operations::{MODEL, Operation},
    types,
};
use aws_api::protocol::rest_json::*;

fn method(operation: Operation) -> Method {
    Method::from_bytes(operation.schema().method.as_bytes()).unwrap()
}

#[test]
fn every_operation_is_found_from_its_own_template() {
    let router = Router::new(&MODEL);
    for operation in Operation::ALL {
        let uri = operation.schema().uri;
        let (path, query) = uri.split_once('?').unwrap_or((uri, ""));
        // A label that needs encoding, with an encoded slash in it.
        let path: String = path
            .split('/')
            .map(|segment| if segment.starts_with('{') { "a%2Fb%3Ac".to_owned() } else { segment.to_owned() })
            .collect::<Vec<_>>()
            .join("/");
        for path in [path.clone(), format!("{path}/")] {
            let route = router.route(&method(*operation), &path, query).unwrap();
            assert_eq!(route.operation.name, operation.schema().name, "{path}");
            assert!(route.labels.iter().all(|(_, value)| value == "a/b:c"), "{path}");
        }
    }
}

#[test]
fn what_is_no_operation_is_not_found() {
    let router = Router::new(&MODEL);
    for path in ["/", "", "/2015-03-31", "/2015-03-31/functions/f/unknown", "/2015-03-31/functions//code"] {
        assert!(router.route(&Method::GET, path, "").is_none(), "{path}");
    }
}

fn decode_request(
    operation: Operation,
    query: &str,
    headers: HeaderMap,
    body: &str,
) -> Result<Decoded, ApiError> {
    let labels = vec![("FunctionName", "f".to_owned())];
    decode(&MODEL, operation.schema(), labels, query, &headers, Bytes::from(body.to_owned()))
}

#[test]
fn members_come_from_where_the_model_binds_them() {
    let mut headers = HeaderMap::new();
    headers.insert("x-amz-invocation-type", HeaderValue::from_static("DryRun"));
    let decoded = decode_request(Operation::Invoke, "Qualifier=prod", headers, "{\"x\":1}").unwrap();
    assert_eq!(decoded.payload.as_deref(), Some(&b"{\"x\":1}"[..]));
    let input: types::InvocationRequest = decoded.typed().unwrap();
    assert_eq!(input.function_name.as_deref(), Some("f"));
    assert_eq!(input.invocation_type.as_deref(), Some("DryRun"));
    assert_eq!(input.qualifier.as_deref(), Some("prod"));
}

#[test]
fn a_repeated_query_parameter_is_a_list() {
    let labels = vec![("Resource", "arn:aws:lambda:us-east-1:123456789012:function:f".to_owned())];
    let schema = Operation::UntagResource.schema();
    let decoded = decode(&MODEL, schema, labels, "tagKeys=a&tagKeys=b%20c", &HeaderMap::new(), Bytes::new())
        .map_err(|e| e.message)
        .unwrap();
    let input: types::UntagResourceRequest = decoded.typed().unwrap();
    assert_eq!(input.tag_keys, Some(vec!["a".to_owned(), "b c".to_owned()]));
}

#[test]
fn a_body_that_is_no_json_and_a_number_that_is_none_are_refused() {
    let broken =
        decode_request(Operation::UpdateFunctionConfiguration, "", HeaderMap::new(), "{").err().unwrap();
    assert_eq!(broken.code, "InvalidRequestContentException");
    let text = decode_request(Operation::ListVersionsByFunction, "MaxItems=many", HeaderMap::new(), "")
        .err()
        .unwrap();
    assert_eq!(text.code, "SerializationException");
}

#[test]
fn an_answer_has_its_status_and_only_what_is_set() {
    let output = types::FunctionConfiguration { function_name: Some("f".into()), ..Default::default() };
    let response = encode(&MODEL, Operation::CreateFunction.schema(), &output).unwrap();
    assert_eq!(response.status(), 201);
    assert_eq!(response.body(), &json!({"FunctionName": "f"}).to_string());
    let deleted = types::DeleteFunctionResponse { status_code: Some(204) };
    let response = encode(&MODEL, Operation::DeleteFunction.schema(), &deleted).unwrap();
    assert_eq!((response.status().as_u16(), response.body().len()), (204, 0));
}
