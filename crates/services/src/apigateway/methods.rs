//! Operations on methods, and on what methods answer.

use serde_json::{Value, json};

use super::{
    ApiGateway, Handled, checks,
    error::{bad_request, conflict, no_part},
    patch,
    record::{ApiRecord, Shape, defaults, taken, text},
};
use crate::service::ServiceContext;

const OF_METHOD: [&str; 8] = [
    "authorizationType",
    "authorizerId",
    "apiKeyRequired",
    "requestValidatorId",
    "operationName",
    "requestParameters",
    "requestModels",
    "authorizationScopes",
];
const OF_RESPONSE: [&str; 2] = ["responseParameters", "responseModels"];

impl ApiGateway {
    pub(super) async fn put_method(&self, context: &ServiceContext, mut input: Shape) -> Handled<Shape> {
        let api_id = taken(&mut input, "restApiId");
        self.change(context, &api_id, move |record| {
            let id = taken(&mut input, "resourceId");
            let name = text(&input, "httpMethod").to_owned();
            add(record, &id, name, input)
        })
        .await
    }

    pub(super) async fn get_method(&self, context: &ServiceContext, input: Shape) -> Handled<Shape> {
        self.api(context, text(&input, "restApiId"))?.method(&input).cloned()
    }

    pub(super) async fn update_method(&self, context: &ServiceContext, input: Shape) -> Handled<Shape> {
        let operations = patch::operations(&input)?;
        let api_id = text(&input, "restApiId").to_owned();
        self.change(context, &api_id, move |record| {
            let mut method = record.method(&input)?.clone();
            patch::apply(&mut method, &operations, &OF_METHOD)?;
            for optional in ["authorizerId", "requestValidatorId"] {
                if text(&method, optional).is_empty() {
                    method.remove(optional);
                }
            }
            checks::method(record, &method)?;
            method.clone_into(record.method_mut(&input)?);
            Ok(method)
        })
        .await
    }

    pub(super) async fn delete_method(&self, context: &ServiceContext, input: Shape) -> Handled<()> {
        let api_id = text(&input, "restApiId").to_owned();
        self.change(context, &api_id, move |record| {
            record.method(&input)?;
            let resource = record.resources.get_mut(text(&input, "resourceId"));
            if let Some(Value::Object(methods)) = resource.and_then(|it| it.get_mut("resourceMethods")) {
                methods.remove(text(&input, "httpMethod"));
            }
            Ok(())
        })
        .await
    }

    pub(super) async fn put_method_response(
        &self,
        context: &ServiceContext,
        mut input: Shape,
    ) -> Handled<Shape> {
        let api_id = taken(&mut input, "restApiId");
        self.change(context, &api_id, move |record| {
            record.method(&input)?;
            let mut response = input.clone();
            ["resourceId", "httpMethod"].iter().for_each(|member| drop(response.remove(*member)));
            checks::method_response(record, &response)?;
            add_response(record.method_mut(&input)?, response)
        })
        .await
    }

    pub(super) async fn get_method_response(&self, context: &ServiceContext, input: Shape) -> Handled<Shape> {
        response_of(self.api(context, text(&input, "restApiId"))?.method(&input)?, &input).cloned()
    }

    pub(super) async fn update_method_response(
        &self,
        context: &ServiceContext,
        input: Shape,
    ) -> Handled<Shape> {
        let operations = patch::operations(&input)?;
        let api_id = text(&input, "restApiId").to_owned();
        self.change(context, &api_id, move |record| {
            let mut response = response_of(record.method(&input)?, &input)?.clone();
            patch::apply(&mut response, &operations, &OF_RESPONSE)?;
            checks::method_response(record, &response)?;
            record.method_mut(&input)?["methodResponses"][text(&input, "statusCode")] =
                response.clone().into();
            Ok(response)
        })
        .await
    }

    pub(super) async fn delete_method_response(&self, context: &ServiceContext, input: Shape) -> Handled<()> {
        let api_id = text(&input, "restApiId").to_owned();
        self.change(context, &api_id, move |record| {
            let method = record.method_mut(&input)?;
            response_of(method, &input)?;
            if let Some(Value::Object(all)) = method.get_mut("methodResponses") {
                all.remove(text(&input, "statusCode"));
            }
            Ok(())
        })
        .await
    }
}

/// Adds a method to a resource.
pub(super) fn add(
    record: &mut ApiRecord,
    resource_id: &str,
    name: String,
    mut method: Shape,
) -> Handled<Shape> {
    record.resource(resource_id)?;
    if !checks::METHODS.contains(&name.as_str()) {
        return Err(bad_request(
            "Invalid HttpMethod specified. Valid options are GET,PUT,POST,DELETE,PATCH,HEAD,OPTIONS,ANY",
        ));
    }
    method.insert("httpMethod".into(), name.clone().into());
    defaults(&mut method, json!({"apiKeyRequired": false}));
    checks::method(record, &method)?;
    let resource = record.resources.get_mut(resource_id).ok_or_else(|| no_part("Resource"))?;
    let methods = resource.entry("resourceMethods").or_insert(json!({}));
    if methods.get(&name).is_some() {
        return Err(conflict("Method already exists for this resource"));
    }
    methods[&name] = method.clone().into();
    Ok(method)
}

/// Adds what a method answers.
pub(super) fn add_response(method: &mut Shape, response: Shape) -> Handled<Shape> {
    let status = text(&response, "statusCode").to_owned();
    let all = method.entry("methodResponses").or_insert(json!({}));
    if all.get(&status).is_some() {
        return Err(conflict("Response already exists for this resource"));
    }
    all[&status] = response.clone().into();
    Ok(response)
}

fn response_of<'a>(method: &'a Shape, input: &Shape) -> Handled<&'a Shape> {
    let all = method.get("methodResponses");
    let response = all.and_then(|all| all.get(text(input, "statusCode"))).and_then(Value::as_object);
    response.ok_or_else(|| no_part("Response"))
}
