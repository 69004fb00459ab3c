//! Errors in the service's words.

use aws_api::error_response::ApiError;

pub(super) use crate::apigatewayv2::error::{bad_request, conflict, no_api, not_found};

/// A part of an API that is not there; `kind` is its name in the model.
pub(super) fn no_part(kind: &str) -> ApiError {
    not_found(match kind {
        "Model" => "Invalid Model Name specified",
        "RequestValidator" => "Invalid Request Validator identifier specified",
        "Authorizer" => "Invalid Authorizer identifier specified",
        "Resource" => "Invalid Resource identifier specified",
        "Method" => "Invalid Method identifier specified",
        "Integration" => "Invalid Integration identifier specified",
        "Response" => "Invalid Response status code specified",
        "Deployment" => "Invalid Deployment identifier specified",
        "Stage" => "Invalid stage identifier specified",
        "ApiKey" => "Invalid API Key identifier specified",
        "VpcLink" => "Invalid Vpc Link identifier specified",
        "GatewayResponse" => "Invalid gateway response type specified",
        "DomainName" => "Invalid domain name identifier specified",
        "BasePathMapping" => "Invalid base path mapping identifier specified",
        _ => "The resource specified in the request was not found",
    })
}

/// What comes later, as an issue of this project says: refused, not ignored.
pub(super) fn comes_later(what: &str) -> ApiError {
    bad_request(format!("{what} are not supported by this server"))
}
