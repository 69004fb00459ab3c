//! Documents in and out.

use serde_json::{Value, json};

use super::{export, import, read};
use crate::apigateway::checks::Limits;
use crate::apigateway::record::{ApiRecord, Shape, text};

const LIMITS: Limits<'static> = Limits { account_id: "000000000000", timeout_ms_max: 29_000 };

fn imported(document: &Value) -> (ApiRecord, Vec<String>) {
    let document = read(document.to_string().as_bytes()).unwrap();
    let mut record = ApiRecord::new(import::api(&document).unwrap(), 0);
    let settings = import::Settings::of(&Shape::new(), LIMITS);
    let warnings = import::import(&mut record, &document, &settings).unwrap();
    (record, warnings)
}

fn function() -> Value {
    json!({"type": "aws_proxy", "httpMethod": "POST", "passthroughBehavior": "when_no_match",
        "uri": "arn:aws:apigateway:us-east-1:lambda:path/2015-03-31/functions/arn:aws:lambda:us-east-1:000000000000:function:f/invocations"})
}

fn swagger() -> Value {
    json!({
        "swagger": "2.0", "info": {"title": "Pets", "version": "1"}, "basePath": "/v1/x",
        "x-amazon-apigateway-request-validators": {"all": {"validateRequestBody": true, "validateRequestParameters": true}},
        "x-amazon-apigateway-request-validator": "all",
        "x-amazon-apigateway-gateway-responses": {"UNAUTHORIZED": {"statusCode": 418, "responseTemplates": {"application/json": "{}"}}},
        "securityDefinitions": {"key": {"type": "apiKey", "name": "x-api-key", "in": "header"}},
        "definitions": {"Pet": {"type": "object", "properties": {"parent": {"$ref": "#/definitions/Pet"}}}},
        "paths": {
            "/pets/{id}": {
                "parameters": [{"name": "id", "in": "path", "required": true, "type": "string"}],
                "post": {
                    "operationId": "Make", "consumes": ["application/json"], "security": [{"key": []}],
                    "parameters": [{"in": "body", "name": "Pet", "schema": {"$ref": "#/definitions/Pet"}}],
                    "responses": {"200": {"description": "ok", "headers": {"X-A": {"type": "string"}}, "schema": {"$ref": "#/definitions/Pet"}}},
                    "x-amazon-apigateway-integration": {
                        "type": "mock", "requestTemplates": {"application/json": "{\"statusCode\": 200}"},
                        "responses": {"default": {"statusCode": "200", "responseParameters": {"method.response.header.X-A": "'b'"}}},
                    },
                },
            },
            "/": {"x-amazon-apigateway-any-method": {"responses": {}, "x-amazon-apigateway-integration": function()}},
        },
    })
}

#[test]
fn swagger_comes_in_and_goes_out_as_it_came() {
    let (record, warnings) = imported(&swagger());
    assert_eq!(warnings, Vec::<String>::new());
    let paths: Vec<&str> = record.resources.values().map(|it| text(it, "path")).collect();
    assert!(["/", "/pets", "/pets/{id}"].iter().all(|path| paths.contains(path)), "{paths:?}");
    for is_swagger in [true, false] {
        let snapshot = record.snapshot();
        let place = export::Place { host: "h".into(), stage: "s".into() };
        let document =
            export::Exporter { snapshot: &snapshot, is_swagger, extensions: "apigateway" }.document(&place);
        let (again, warnings) = imported(&document);
        assert_eq!(warnings, Vec::<String>::new());
        for (path, name, method) in record.methods() {
            let (_, _, other) = again.methods().find(|(p, n, _)| *p == path && *n == name).unwrap();
            let comparable = |method: &Shape| {
                let mut method = method.clone();
                method.remove("requestValidatorId").is_some_and(|it| it.is_string()).then_some(()).unwrap();
                let integration = method["methodIntegration"].as_object_mut().unwrap();
                integration.remove("cacheNamespace");
                method
            };
            assert_eq!(comparable(method), comparable(other), "{path} {name}");
        }
        assert_eq!(again.of("GatewayResponse"), record.of("GatewayResponse"));
    }
}

#[test]
fn models_name_each_other_by_their_api() {
    let (record, _) = imported(&swagger());
    let schema: Value = serde_json::from_str(text(&record.of("Model")["Pet"], "schema")).unwrap();
    let expected =
        format!("https://apigateway.amazonaws.com/restapis/{}/models/Pet", text(&record.api, "id"));
    assert_eq!(schema["properties"]["parent"]["$ref"], expected);
}

#[test]
fn the_path_of_the_server_is_put_in_front_where_that_is_wanted() {
    for (base_path, expected) in
        [("prepend", "/v1/x/pets/{id}"), ("split", "/x/pets/{id}"), ("ignore", "/pets/{id}")]
    {
        let document = swagger();
        let mut record = ApiRecord::new(import::api(&document).unwrap(), 0);
        let input: Shape = serde_json::from_value(json!({"parameters": {"basepath": base_path}})).unwrap();
        import::import(&mut record, &document, &import::Settings::of(&input, LIMITS)).unwrap();
        assert!(record.resources.values().any(|it| text(it, "path") == expected), "{base_path}");
    }
}

#[test]
fn what_is_no_document_is_refused() {
    for wrong in ["", "{", "[]", "{\"swagger\": \"1.2\"}", "a: b", "\u{0}"] {
        assert!(read(wrong.as_bytes()).is_err(), "{wrong}");
    }
    assert!(import::api(&json!({"openapi": "3.0.1", "info": {}})).is_err());
    let looped = json!({"a": {"$ref": "#/b"}, "b": {"$ref": "#/a"}});
    super::referenced(&looped, &looped["a"]);
}
