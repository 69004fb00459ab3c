//! Where a request says whose it is.

use aws_api::sigv4::credential_scope::*;

#[test]
fn header_and_presigned_query_name_the_same_scope() {
    let header = "AWS4-HMAC-SHA256 Credential=123456789012/20261123/eu-west-1/lambda/aws4_request, SignedHeaders=host, Signature=0";
    let query = "X-Amz-Algorithm=AWS4-HMAC-SHA256&X-Amz-Credential=123456789012%2F20261123%2Feu-west-1%2Flambda%2Faws4_request";
    let scope = CredentialScope {
        access_key_id: "123456789012".into(),
        region: "eu-west-1".into(),
        service: "lambda".into(),
    };
    assert_eq!(of_request(Some(header), ""), Some(scope.clone()));
    assert_eq!(of_request(None, query), Some(scope));
    assert_eq!(of_request(Some("Bearer x"), ""), None);
    assert_eq!(of_request(Some("AWS4-HMAC-SHA256 Credential=a/b/aws4_request"), ""), None);
}
