//! Documents that become APIs, and APIs that become documents again.

use serde_json::json;

use super::{super::record::Snapshot, *};

fn imported(document: &Value, base_path: &str) -> Imported {
    import::import(document, base_path).map_err(|error| error.message).unwrap()
}

fn keys(imported: &Imported) -> Vec<String> {
    let mut keys: Vec<_> = imported.routes.values().map(|route| text(route, "RouteKey").to_owned()).collect();
    keys.sort();
    keys
}

#[test]
fn what_is_exported_is_imported_again() {
    let document = json!({
        "openapi": "3.0.1",
        "info": {"title": "pets", "version": "2.0", "description": "d"},
        "x-amazon-apigateway-cors": {"allowOrigins": ["*"], "maxAge": 5},
        "components": {
            "securitySchemes": {
                "tokens": {"type": "oauth2", "flows": {}, "x-amazon-apigateway-authorizer": {
                    "type": "jwt", "identitySource": "$request.header.Authorization",
                    "jwtConfiguration": {"issuer": "https://issuer", "audience": ["a"]},
                }},
            },
            "x-amazon-apigateway-integrations": {"shared": {
                "type": "AWS_PROXY", "uri": "arn:aws:lambda:us-east-1:000000000000:function:f", "payloadFormatVersion": "2.0",
            }},
        },
        "paths": {
            "/pets/{id}": {"get": {
                "operationId": "pet", "security": [{"tokens": ["read"]}],
                "x-amazon-apigateway-integration": {"$ref": "#/components/x-amazon-apigateway-integrations/shared"},
            }},
            "/$default": {"x-amazon-apigateway-any-method": {
                "x-amazon-apigateway-integration": {"type": "http_proxy", "httpMethod": "ANY", "uri": "https://example.com"},
            }},
        },
    });
    let first = imported(&document, "");
    assert_eq!(keys(&first), ["$default", "GET /pets/{id}"]);
    assert_eq!(first.api["CorsConfiguration"], json!({"AllowOrigins": ["*"], "MaxAge": 5}));
    let mut record = apis::new_api(first.api.clone(), 0).map_err(|error| error.message).unwrap();
    first.put_into(&mut record).map_err(|error| error.message).unwrap();
    let exported = export::document(&record, &record.snapshot(), true);
    let again = imported(&exported, "");
    assert_eq!((keys(&again), again.warnings), (keys(&first), Vec::<String>::new()));
    assert_eq!(again.api, first.api);
    let mut copy = apis::new_api(again.api.clone(), 0).map_err(|error| error.message).unwrap();
    again_into(&mut copy, &exported);
    assert_eq!(export::document(&copy, &copy.snapshot(), true), exported);
    let plain = export::document(&record, &record.snapshot(), false).to_string();
    assert!(!plain.contains("x-amazon") && plain.contains("/pets/{id}"), "{plain}");
}

fn again_into(record: &mut ApiRecord, document: &Value) {
    imported(document, "").put_into(record).map_err(|error| error.message).unwrap();
}

#[test]
fn base_paths_are_ignored_put_in_front_or_split() {
    let document = json!({
        "openapi": "3.0.0", "info": {"title": "t"}, "servers": [{"url": "https://example.com/{basePath}", "variables": {"basePath": {"default": "v1/api"}}}],
        "paths": {"/a": {"get": {}}},
    });
    for (base_path, expected) in
        [("", "GET /a"), ("ignore", "GET /a"), ("prepend", "GET /v1/api/a"), ("split", "GET /api/a")]
    {
        assert_eq!(keys(&imported(&document, base_path)), [expected], "{base_path}");
    }
}

#[test]
fn what_is_no_document_is_refused_and_what_leads_nowhere_is_told() {
    for wrong in
        [json!({}), json!({"swagger": "2.0", "info": {"title": "t"}}), json!({"openapi": "3.0.0"}), json!([])]
    {
        assert!(import::import(&wrong, "").is_err(), "{wrong}");
    }
    let document = json!({
        "openapi": "3.0.1", "info": {"title": "t"},
        "paths": {"/update": {"get": {"responses": {"200": {"content": {"application/json": {"schema": {"$ref": "#/components/schemas/No"}}}}}}}},
    });
    assert_eq!(
        imported(&document, "").warnings,
        [
            "Parse issue: attribute paths.'/update'(get).responses.200.content.schema.#/components/schemas/No is missing"
        ]
    );
    assert_eq!(
        export::document(
            &ApiRecord { api: Shape::new(), parts: Default::default(), snapshots: Default::default() },
            &Snapshot::default(),
            true
        )["paths"],
        json!({})
    );
}
