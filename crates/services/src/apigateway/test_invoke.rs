//! Methods and authorizers, tried out before they are deployed.

use std::{collections::BTreeMap, future::Future, pin::Pin, sync::Arc};

use bytes::Bytes;
use serde_json::{Value, json};

use super::{
    ApiGateway, Handled,
    compiled::Compiled,
    error::no_part,
    record::{ApiRecord, Shape, api_key, shape, text},
    registry::arn_of,
};
use crate::service::{ServiceContext, not_implemented};

/// Who answers what is tried out: the same that answers what is deployed.
pub trait TestInvoke: Send + Sync {
    /// A method's answer.
    fn method(&self, test: TestOfMethod) -> Pin<Box<dyn Future<Output = TestInvoked> + Send + '_>>;

    /// An authorizer's: `TestInvokeAuthorizerResponse` of the model.
    fn authorizer(&self, test: TestOfAuthorizer) -> Pin<Box<dyn Future<Output = Shape> + Send + '_>>;
}

/// A request to a method.
pub struct TestOfMethod {
    /// Whose API it is: account, Region, id.
    pub api: [String; 3],
    /// The API as it is now.
    pub compiled: Arc<Compiled>,
    /// The resource.
    pub resource_id: String,
    /// The method.
    pub method: String,
    /// Path and query; the resource's own path where the request has none.
    pub path: String,
    /// Headers.
    pub headers: Vec<(String, String)>,
    /// The body.
    pub body: Bytes,
    /// Variables that no stage gives.
    pub stage_variables: BTreeMap<String, String>,
}

/// What a method answered.
pub struct TestInvoked {
    /// The status.
    pub status: u16,
    /// Headers.
    pub headers: Vec<(String, String)>,
    /// The body.
    pub body: Bytes,
    /// What happened, in lines.
    pub log: String,
    /// How long it took, milliseconds.
    pub latency_ms: u64,
}

/// A request to an authorizer.
pub struct TestOfAuthorizer {
    /// The request; its method is none.
    pub request: TestOfMethod,
    /// The authorizer: `Authorizer` of the model.
    pub authorizer: Shape,
}

impl ApiGateway {
    /// Sets who answers what is tried out, once.
    pub fn answer_tests_by(&self, tests: Arc<dyn TestInvoke>) {
        let _ = self.tests.set(tests);
    }

    fn tests(&self, operation: &str) -> Handled<&Arc<dyn TestInvoke>> {
        self.tests.get().ok_or_else(|| not_implemented("API Gateway", operation))
    }

    pub(super) async fn test_invoke_method(&self, context: &ServiceContext, input: Shape) -> Handled<Shape> {
        let record = self.api(context, text(&input, "restApiId"))?;
        record.method(&input)?;
        let path = text(record.resource(text(&input, "resourceId"))?, "path").to_owned();
        let test = asked(context, compiled(context, &record, &input), &input, path);
        let tested = self.tests("TestInvokeMethod")?.method(test).await;
        let mut single = Shape::new();
        let mut multiple: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
        for (name, value) in &tested.headers {
            single.insert(name.clone(), value.as_str().into());
            multiple.entry(name).or_default().push(value);
        }
        Ok(shape(json!({
            "status": tested.status, "body": String::from_utf8_lossy(&tested.body), "headers": single,
            "multiValueHeaders": multiple, "log": tested.log, "latency": tested.latency_ms,
        })))
    }

    pub(super) async fn test_invoke_authorizer(
        &self,
        context: &ServiceContext,
        input: Shape,
    ) -> Handled<Shape> {
        let record = self.api(context, text(&input, "restApiId"))?;
        let authorizer = record.of("Authorizer").get(text(&input, "authorizerId"));
        let authorizer = authorizer.ok_or_else(|| no_part("Authorizer"))?.clone();
        let request = asked(context, compiled(context, &record, &input), &input, "/".to_owned());
        let test = TestOfAuthorizer { request, authorizer };
        Ok(self.tests("TestInvokeAuthorizer")?.authorizer(test).await)
    }
}

fn compiled(context: &ServiceContext, record: &ApiRecord, input: &Shape) -> Arc<Compiled> {
    let arn = arn_of(&api_key(context, text(input, "restApiId")));
    Arc::new(Compiled::new(record.snapshot(), &arn))
}

fn asked(context: &ServiceContext, compiled: Arc<Compiled>, input: &Shape, path: String) -> TestOfMethod {
    let entries = |member: &str| input.get(member).and_then(Value::as_object).into_iter().flatten();
    let given = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    let mut headers: Vec<_> = entries("headers").map(|(name, value)| (name.clone(), given(value))).collect();
    for (name, values) in entries("multiValueHeaders") {
        headers.retain(|(known, _)| !known.eq_ignore_ascii_case(name));
        headers.extend(values.as_array().into_iter().flatten().map(|value| (name.clone(), given(value))));
    }
    let asked_path = text(input, "pathWithQueryString");
    TestOfMethod {
        api: [context.account_id().to_owned(), context.region.clone(), text(input, "restApiId").to_owned()],
        compiled,
        resource_id: text(input, "resourceId").to_owned(),
        method: text(input, "httpMethod").to_owned(),
        path: if asked_path.is_empty() { path } else { asked_path.to_owned() },
        headers,
        body: text(input, "body").to_owned().into(),
        stage_variables: entries("stageVariables")
            .map(|(name, value)| (name.clone(), given(value)))
            .collect(),
    }
}
