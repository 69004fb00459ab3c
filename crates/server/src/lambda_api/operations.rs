//! The table of operations: which handler answers which. What is not in it answers `NotImplemented`.

use aws_api::{
    error_response::ApiError, generated::lambda::operations::Operation, protocol::rest_json::Decoded,
};

use super::{LambdaApi, RequestContext, errors};
use crate::http::HttpResponse;

/// Each handler takes the operation's input and what is common to all requests, and gives the output of the model. Some are apart: an
/// invocation's answer is not of the model's making, and nothing is allocated for it that could as well not be.
macro_rules! operations {
    (apart: { $($apart:ident => $apart_handler:ident,)* } $($operation:ident => $handler:ident,)*) => {
        impl LambdaApi {
            /// Hands a decoded request to its handler.
            pub(super) async fn run(
                &self,
                operation: Operation,
                decoded: Decoded,
                context: RequestContext,
                request_id: &str,
            ) -> Result<HttpResponse, ApiError> {
                match operation {
                    $(Operation::$apart => self.$apart_handler(decoded, &context, request_id).await,)*
                    $(Operation::$operation => {
                        self.answer(operation, Box::pin(self.$handler(decoded.typed()?, &context)).await)
                    })*
                    other => Err(errors::not_implemented(other.schema().name)),
                }
            }
        }
    };
}

operations! {
    apart: {
        Invoke => invoke,
        InvokeAsync => invoke_async,
        InvokeWithResponseStream => invoke_with_response_stream,
    }
    CreateFunction => create_function,
    GetFunction => get_function,
    GetFunctionConfiguration => get_function_configuration,
    ListFunctions => list_functions,
    UpdateFunctionCode => update_function_code,
    UpdateFunctionConfiguration => update_function_configuration,
    DeleteFunction => delete_function,
    PublishVersion => publish_version,
    ListVersionsByFunction => list_versions_by_function,
    CreateAlias => create_alias,
    GetAlias => get_alias,
    ListAliases => list_aliases,
    UpdateAlias => update_alias,
    DeleteAlias => delete_alias,
    PublishLayerVersion => publish_layer_version,
    GetLayerVersion => get_layer_version,
    GetLayerVersionByArn => get_layer_version_by_arn,
    ListLayerVersions => list_layer_versions,
    ListLayers => list_layers,
    DeleteLayerVersion => delete_layer_version,
    PutRuntimeManagementConfig => put_runtime_management_config,
    GetRuntimeManagementConfig => get_runtime_management_config,
    PutFunctionRecursionConfig => put_function_recursion_config,
    GetFunctionRecursionConfig => get_function_recursion_config,
    CreateFunctionUrlConfig => create_function_url_config,
    GetFunctionUrlConfig => get_function_url_config,
    UpdateFunctionUrlConfig => update_function_url_config,
    DeleteFunctionUrlConfig => delete_function_url_config,
    ListFunctionUrlConfigs => list_function_url_configs,
    PutFunctionEventInvokeConfig => put_function_event_invoke_config,
    UpdateFunctionEventInvokeConfig => update_function_event_invoke_config,
    GetFunctionEventInvokeConfig => get_function_event_invoke_config,
    ListFunctionEventInvokeConfigs => list_function_event_invoke_configs,
    DeleteFunctionEventInvokeConfig => delete_function_event_invoke_config,
    AddPermission => add_permission,
    RemovePermission => remove_permission,
    GetPolicy => get_policy,
    PutResourcePolicy => put_resource_policy,
    GetResourcePolicy => get_resource_policy,
    DeleteResourcePolicy => delete_resource_policy,
    AddLayerVersionPermission => add_layer_version_permission,
    RemoveLayerVersionPermission => remove_layer_version_permission,
    GetLayerVersionPolicy => get_layer_version_policy,
    PutFunctionConcurrency => put_function_concurrency,
    GetFunctionConcurrency => get_function_concurrency,
    DeleteFunctionConcurrency => delete_function_concurrency,
    PutProvisionedConcurrencyConfig => put_provisioned_concurrency_config,
    GetProvisionedConcurrencyConfig => get_provisioned_concurrency_config,
    ListProvisionedConcurrencyConfigs => list_provisioned_concurrency_configs,
    DeleteProvisionedConcurrencyConfig => delete_provisioned_concurrency_config,
    CreateEventSourceMapping => create_event_source_mapping,
    GetEventSourceMapping => get_event_source_mapping,
    ListEventSourceMappings => list_event_source_mappings,
    UpdateEventSourceMapping => update_event_source_mapping,
    DeleteEventSourceMapping => delete_event_source_mapping,
    GetAccountSettings => get_account_settings,
    TagResource => tag_resource,
    UntagResource => untag_resource,
    ListTags => list_tags,
}
