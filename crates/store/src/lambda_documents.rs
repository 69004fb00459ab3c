//! What of Lambda's own resources is kept as documents, and under which kind.

use lambda_model::{
    concurrency::ProvisionedConcurrency,
    event_source_mapping::EventSourceMapping,
    function::{
        Alias, LayerVersion,
        layer::{LayerCounter, LayerPolicy},
        resource_policy::ResourcePolicy,
        url::FunctionUrl,
    },
    invocation::event_invoke_config::EventInvokeConfig,
};

use crate::Document;

impl Document for Alias {
    const KIND: &'static str = "function/alias";
}

impl Document for LayerVersion {
    const KIND: &'static str = "layer/version";

    fn code(&self) -> Option<&str> {
        Some(&self.code.sha256_hex)
    }
}

impl Document for LayerCounter {
    const KIND: &'static str = "layer/counter";
}

impl Document for FunctionUrl {
    const KIND: &'static str = "function/url";
}

impl Document for EventInvokeConfig {
    const KIND: &'static str = "function/event-invoke-config";
}

impl Document for ResourcePolicy {
    const KIND: &'static str = "function/policy";
}

impl Document for LayerPolicy {
    const KIND: &'static str = "layer/policy";
}

impl Document for ProvisionedConcurrency {
    const KIND: &'static str = "function/provisioned-concurrency";
}

/// It does not go with its function: AWS keeps it too.
impl Document for EventSourceMapping {
    const KIND: &'static str = "event-source-mapping";
}
