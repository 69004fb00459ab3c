//! Who stands in front of functions: the gateway, and the services that make APIs.

use std::sync::Arc;

use services::{apigateway::ApiGateway, apigatewayv2::ApiGatewayV2, iam::Iam};
use store::Store;

use super::followers::Front;
use crate::{
    configuration::{Auth, Configuration},
    gateway::{self, Gateway, Memory},
    lambda_api::LambdaApi,
    listeners::InsideEndpoint,
    outside::WaysOut,
    router::Router,
    service_endpoints::ServiceEndpoints,
};

/// Lets functions and APIs ask the services of the server.
pub(super) fn connect(router: &Arc<Router>, inside: &InsideEndpoint) {
    let _ = inside.router.set(Arc::clone(router));
    gateway::connect(router);
}

/// Who answers at addresses of functions and of APIs, and the services that make the latter.
pub(super) fn in_front(
    (front, ways_out): (Front, Arc<WaysOut>),
    configuration: &Configuration,
    (store, lambda, iam): (&Store, &LambdaApi, &Iam),
    elsewhere: &Arc<ServiceEndpoints>,
) -> (Gateway, (ApiGateway, ApiGatewayV2)) {
    let Front { urls, apis, rest_apis } = front;
    let longest = gateway::rest_timeout(configuration.integration_timeout);
    let services = (
        ApiGateway::new(store.clone(), Arc::clone(&rest_apis), Arc::clone(&apis), longest),
        ApiGatewayV2::new(store.clone(), Arc::clone(&apis)),
    );
    let gateway = Gateway {
        urls,
        invoker: Arc::clone(&lambda.invoker),
        watches: Arc::clone(&lambda.watches),
        iam: iam.clone(),
        apis,
        rest_apis,
        elsewhere: Arc::clone(elsewhere),
        is_enforcing: configuration.auth == Auth::Enforce,
        integration_timeout: configuration.integration_timeout,
        services: Arc::default(),
        ways_out,
        memory: Memory::new(store.logs(), configuration.websockets),
    };
    (gateway, services)
}
