//! Models, request validators, authorizers and gateway responses: parts of an API that are not of one resource.

use lambda_model::rest_api::responses::{TEMPLATE, TYPES, is_type, status_of};
use serde_json::{Value, json};

use super::{
    ApiGateway, Handled, compiled,
    error::{bad_request, conflict, no_part, not_found},
    listing, patch,
    record::{ApiRecord, Shape, defaults, new_id, shape, taken, text},
};
use crate::service::ServiceContext;

/// A kind of part.
pub(super) struct Kind {
    /// Its name in the model.
    pub name: &'static str,
    /// The member of requests that says which is meant.
    asked_by: &'static str,
    /// Its own member for that.
    known_by: &'static str,
    /// What may be changed.
    members: &'static [&'static str],
    /// Completes one that is new or changed, or says why it cannot be.
    check: fn(&ApiRecord, &mut Shape) -> Handled<()>,
}

pub(super) static MODEL: Kind = Kind {
    name: "Model",
    asked_by: "modelName",
    known_by: "name",
    members: &["schema", "description"],
    check: model,
};
pub(super) static REQUEST_VALIDATOR: Kind = Kind {
    name: "RequestValidator",
    asked_by: "requestValidatorId",
    known_by: "id",
    members: &["name", "validateRequestBody", "validateRequestParameters"],
    check: request_validator,
};
pub(super) static AUTHORIZER: Kind = Kind {
    name: "Authorizer",
    asked_by: "authorizerId",
    known_by: "id",
    members: &[
        "name",
        "type",
        "providerARNs",
        "authorizerUri",
        "authorizerCredentials",
        "identitySource",
        "identityValidationExpression",
        "authorizerResultTtlInSeconds",
        "authType",
    ],
    check: authorizer,
};

impl Kind {
    fn find<'a>(&self, record: &'a ApiRecord, input: &Shape) -> Handled<&'a Shape> {
        record.of(self.name).get(text(input, self.asked_by)).ok_or_else(|| no_part(self.name))
    }
}

/// Adds a part to an API.
pub(super) fn add(record: &mut ApiRecord, kind: &Kind, mut part: Shape) -> Handled<Shape> {
    part.insert("id".into(), new_id(6).into());
    (kind.check)(record, &mut part)?;
    let name = text(&part, kind.known_by).to_owned();
    if record.of(kind.name).contains_key(&name) {
        return Err(conflict(format!("{} name already exists for this REST API", kind.name)));
    }
    record.of_mut(kind.name).insert(name, part.clone());
    Ok(part)
}

impl ApiGateway {
    async fn create_part(
        &self,
        context: &ServiceContext,
        kind: &'static Kind,
        mut input: Shape,
    ) -> Handled<Shape> {
        let api_id = taken(&mut input, "restApiId");
        self.change(context, &api_id, move |record| add(record, kind, input)).await
    }

    fn part(&self, context: &ServiceContext, kind: &Kind, input: &Shape) -> Handled<Shape> {
        kind.find(&*self.api(context, text(input, "restApiId"))?, input).cloned()
    }

    fn parts(&self, context: &ServiceContext, kind: &Kind, input: &Shape) -> Handled<Shape> {
        let record = self.api(context, text(input, "restApiId"))?;
        let named = record.of(kind.name).iter().map(|(name, part)| (name.clone(), part.clone()));
        listing::page(input, named.collect())
    }

    async fn update_part(
        &self,
        context: &ServiceContext,
        kind: &'static Kind,
        input: Shape,
    ) -> Handled<Shape> {
        let operations = patch::operations(&input)?;
        let api_id = text(&input, "restApiId").to_owned();
        self.change(context, &api_id, move |record| {
            let mut part = kind.find(record, &input)?.clone();
            patch::apply(&mut part, &operations, kind.members)?;
            (kind.check)(record, &mut part)?;
            record.of_mut(kind.name).insert(text(&input, kind.asked_by).to_owned(), part.clone());
            Ok(part)
        })
        .await
    }

    async fn delete_part(&self, context: &ServiceContext, kind: &'static Kind, input: Shape) -> Handled<()> {
        let api_id = text(&input, "restApiId").to_owned();
        self.change(context, &api_id, move |record| {
            kind.find(record, &input)?;
            let name = text(&input, kind.asked_by);
            let user = record.methods().find(|(_, _, method)| uses(method, kind, name));
            if let Some((path, method, _)) = user {
                return Err(conflict(format!(
                    "Cannot delete {} '{name}', is referenced in method request: {path}/{method}",
                    kind.name.to_lowercase()
                )));
            }
            record.of_mut(kind.name).remove(name);
            Ok(())
        })
        .await
    }

    /// A template that writes what the model describes.
    pub(super) async fn get_model_template(&self, context: &ServiceContext, input: Shape) -> Handled<Shape> {
        let model = self.part(context, &MODEL, &input)?;
        let schema = serde_json::from_str(text(&model, "schema")).unwrap_or_default();
        let template = format!("#set($inputRoot = $input.path('$'))\n{}", written(&schema, "$inputRoot", 0));
        Ok(shape(json!({"value": template})))
    }

    pub(super) async fn put_gateway_response(
        &self,
        context: &ServiceContext,
        mut input: Shape,
    ) -> Handled<Shape> {
        let api_id = taken(&mut input, "restApiId");
        self.change(context, &api_id, move |record| put_response(record, input)).await
    }

    pub(super) async fn get_gateway_response(
        &self,
        context: &ServiceContext,
        input: Shape,
    ) -> Handled<Shape> {
        response_of(&*self.api(context, text(&input, "restApiId"))?, text(&input, "responseType"))
    }

    pub(super) async fn get_gateway_responses(
        &self,
        context: &ServiceContext,
        input: Shape,
    ) -> Handled<Shape> {
        let record = self.api(context, text(&input, "restApiId"))?;
        let all = TYPES.iter().map(|(kind, _)| Ok(((*kind).to_owned(), response_of(&record, kind)?)));
        listing::page(&input, all.collect::<Handled<_>>()?)
    }

    pub(super) async fn update_gateway_response(
        &self,
        context: &ServiceContext,
        input: Shape,
    ) -> Handled<Shape> {
        let operations = patch::operations(&input)?;
        let api_id = text(&input, "restApiId").to_owned();
        self.change(context, &api_id, move |record| {
            let mut response = response_of(record, text(&input, "responseType"))?;
            patch::apply(
                &mut response,
                &operations,
                &["statusCode", "responseParameters", "responseTemplates"],
            )?;
            put_response(record, response)
        })
        .await
    }

    pub(super) async fn delete_gateway_response(
        &self,
        context: &ServiceContext,
        input: Shape,
    ) -> Handled<()> {
        let api_id = text(&input, "restApiId").to_owned();
        self.change(context, &api_id, move |record| {
            let removed = record.of_mut("GatewayResponse").remove(text(&input, "responseType"));
            removed.map(drop).ok_or_else(|| not_found("Gateway response type not defined on api"))
        })
        .await
    }
}

fn uses(method: &Shape, kind: &Kind, name: &str) -> bool {
    match kind.name {
        "Model" => {
            let models = method.get("requestModels").and_then(Value::as_object).into_iter().flatten();
            let mut all = models.map(|(_, model)| model);
            all.any(|model| model == name)
        }
        "Authorizer" => text(method, "authorizerId") == name,
        _ => text(method, "requestValidatorId") == name,
    }
}

/// Gives an API a response of its own for a type.
pub(super) fn put_response(record: &mut ApiRecord, mut response: Shape) -> Handled<Shape> {
    let kind = text(&response, "responseType").to_owned();
    if !is_type(&kind) {
        return Err(no_part("GatewayResponse"));
    }
    let status = text(&response, "statusCode");
    if !status.is_empty() {
        super::checks::check_status(status)?;
    } else if let Some(status) = status_of(&kind) {
        response.insert("statusCode".into(), status.to_string().into());
    }
    for (name, value) in super::checks::entries(&response, "responseParameters") {
        let is_of_response =
            ["gatewayresponse.header.", "method.response.header."].iter().any(|it| name.starts_with(it));
        if !is_of_response || value.as_str().is_none_or(str::is_empty) {
            return Err(bad_request(format!("Invalid mapping expression parameter specified: {name}")));
        }
    }
    defaults(
        &mut response,
        json!({"responseParameters": {}, "responseTemplates": {"application/json": TEMPLATE}}),
    );
    response.insert("defaultResponse".into(), false.into());
    record.of_mut("GatewayResponse").insert(kind, response.clone());
    Ok(response)
}

/// The API's own response for a type, or what is used in its place.
fn response_of(record: &ApiRecord, kind: &str) -> Handled<Shape> {
    if !is_type(kind) {
        return Err(no_part("GatewayResponse"));
    }
    if let Some(own) = record.of("GatewayResponse").get(kind) {
        return Ok(own.clone());
    }
    let mut response = shape(json!({
        "responseType": kind, "responseParameters": {}, "responseTemplates": {"application/json": TEMPLATE},
        "defaultResponse": true,
    }));
    response.extend(status_of(kind).map(|status| ("statusCode".to_owned(), status.to_string().into())));
    Ok(response)
}

fn model(_: &ApiRecord, model: &mut Shape) -> Handled<()> {
    let name = text(model, "name");
    if name.is_empty() || !name.bytes().all(|byte| byte.is_ascii_alphanumeric()) {
        return Err(bad_request(format!("Model name must be alphanumeric: {name}")));
    }
    defaults(model, json!({"contentType": "application/json", "schema": "{}"}));
    match text(model, "contentType").contains("json") {
        true => compiled::check_schema(text(model, "schema")).map_err(|why| {
            bad_request(format!(
                "Invalid model specified: Validation Result: warnings : [], errors : [{why}]"
            ))
        }),
        false => Ok(()),
    }
}

fn request_validator(_: &ApiRecord, validator: &mut Shape) -> Handled<()> {
    defaults(validator, json!({"validateRequestBody": false, "validateRequestParameters": false}));
    Ok(())
}

fn authorizer(_: &ApiRecord, authorizer: &mut Shape) -> Handled<()> {
    let (kind, source) = (text(authorizer, "type").to_owned(), text(authorizer, "identitySource").to_owned());
    let ttl = authorizer.get("authorizerResultTtlInSeconds").and_then(Value::as_i64).unwrap_or(300);
    if !(0..=3600).contains(&ttl) {
        return Err(bad_request("Authorizer result TTL must be between 0 and 3600 seconds"));
    }
    let wrong = match kind.as_str() {
        "TOKEN" | "COGNITO_USER_POOLS" if !source.starts_with("method.request.header.") => {
            Some("Identity source of the authorizer must be a header: method.request.header.NAME")
        }
        "REQUEST" if ttl > 0 && source.is_empty() => {
            Some("Identity source is required for authorizers of type REQUEST whose results are cached")
        }
        "COGNITO_USER_POOLS" => match authorizer.get("providerARNs").and_then(Value::as_array) {
            Some(providers) if !providers.is_empty() => None,
            _ => Some("Provider ARNs are required for authorizers of type COGNITO_USER_POOLS"),
        },
        "TOKEN" | "REQUEST"
            if lambda_model::http_api::integration::function_arn(text(authorizer, "authorizerUri"))
                .is_none() =>
        {
            Some("Invalid Authorizer URI: must be the path of a function's invocations")
        }
        "TOKEN" | "REQUEST" => None,
        _ => Some("Invalid authorizer type specified. Must be one of: [TOKEN, REQUEST, COGNITO_USER_POOLS]"),
    };
    if let Some(wrong) = wrong {
        return Err(bad_request(wrong));
    }
    if compiled::whole(text(authorizer, "identityValidationExpression")).is_none() {
        return Err(bad_request("Invalid identity validation expression specified"));
    }
    let auth_type = if kind == "COGNITO_USER_POOLS" { "cognito_user_pools" } else { "custom" };
    defaults(authorizer, json!({"authType": auth_type, "authorizerResultTtlInSeconds": ttl}));
    Ok(())
}

/// The structure of a schema as a template, with what is at these places of a payload.
fn written(schema: &Value, place: &str, depth: usize) -> String {
    // What describes itself has no end.
    if depth > 8 {
        return "null".to_owned();
    }
    let space = "  ".repeat(depth + 1);
    let end = "  ".repeat(depth);
    match schema["type"].as_str() {
        Some("object") => {
            let members = schema["properties"].as_object().into_iter().flatten();
            let members: Vec<String> = members
                .map(|(name, inner)| {
                    let inner = written(inner, &format!("{place}.{name}"), depth + 1);
                    format!("{space}\"{name}\" : {inner}")
                })
                .collect();
            format!("{{\n{}\n{end}}}", members.join(",\n"))
        }
        Some("array") => {
            let inner = written(&schema["items"], "$elem", depth + 1);
            format!("[\n#foreach($elem in {place})\n{space}{inner}#if($foreach.hasNext),#end\n#end\n{end}]")
        }
        Some("string") => format!("\"{place}\""),
        _ => place.to_owned(),
    }
}

/// The five operations on a kind of part.
macro_rules! operations {
    ($($kind:ident: $create:ident, $get:ident, $list:ident, $update:ident, $delete:ident;)*) => {
        impl ApiGateway {
            $(
                pub(super) async fn $create(&self, context: &ServiceContext, input: Shape) -> Handled<Shape> {
                    self.create_part(context, &$kind, input).await
                }

                pub(super) async fn $get(&self, context: &ServiceContext, input: Shape) -> Handled<Shape> {
                    self.part(context, &$kind, &input)
                }

                pub(super) async fn $list(&self, context: &ServiceContext, input: Shape) -> Handled<Shape> {
                    self.parts(context, &$kind, &input)
                }

                pub(super) async fn $update(&self, context: &ServiceContext, input: Shape) -> Handled<Shape> {
                    self.update_part(context, &$kind, input).await
                }

                pub(super) async fn $delete(&self, context: &ServiceContext, input: Shape) -> Handled<()> {
                    self.delete_part(context, &$kind, input).await
                }
            )*
        }
    };
}

operations! {
    MODEL: create_model, get_model, get_models, update_model, delete_model;
    REQUEST_VALIDATOR: create_request_validator, get_request_validator, get_request_validators,
        update_request_validator, delete_request_validator;
    AUTHORIZER: create_authorizer, get_authorizer, get_authorizers, update_authorizer, delete_authorizer;
}
