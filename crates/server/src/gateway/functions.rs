//! Functions behind APIs: found by the ARN that an integration or an authorizer names, and asked if their policies let the API in.

use aws_api::arn::FunctionName;
use bytes::Bytes;
use invocation::InvokeRequest;
use lambda_model::{
    LambdaError,
    function::{FunctionKey, LATEST},
    invocation::Invocation,
    limits::SYNC_REQUEST_PAYLOAD_BYTES_MAX,
};

use super::{Gateway, permission};

/// A function that an API names.
pub(super) struct Called<'a> {
    /// Its ARN, with a version or an alias or without.
    pub arn: &'a str,
    /// What the API's requests are called where a policy names them.
    pub source_arn: &'a str,
    /// The API's account.
    pub source_account: &'a str,
    /// Goes along with the request.
    pub trace_id: Option<String>,
    /// Whether the function's own policy need not let the API in: a role's did.
    pub is_permitted: bool,
}

/// Why a function was not invoked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum NotInvoked {
    /// It is none, it may not be, or it cannot be.
    Failed,
    /// The event is larger than events may be.
    TooLarge,
    /// It takes no more.
    Throttled,
}

impl From<LambdaError> for NotInvoked {
    fn from(error: LambdaError) -> Self {
        tracing::info!(%error, "the function of an API could not be invoked");
        match error {
            LambdaError::TooManyRequests(_) => Self::Throttled,
            _ => Self::Failed,
        }
    }
}

impl Gateway {
    /// The request to a function for an event of an API's; its latest code is what it runs then.
    pub(super) async fn asked_of_function(
        &self,
        called: Called<'_>,
        event: Bytes,
    ) -> Result<InvokeRequest, NotInvoked> {
        let name = FunctionName::parse(called.arn).ok_or(NotInvoked::Failed)?;
        let (Some(account_id), Some(region)) = (name.account_id, name.region) else {
            return Err(NotInvoked::Failed);
        };
        let key = FunctionKey { account_id, region, name: name.name };
        let qualifier = name.qualifier.filter(|qualifier| qualifier != LATEST);
        let named = key.arn_of(qualifier.as_deref());
        let policy = self.urls.policy(&key, qualifier.as_deref());
        let source = (called.source_arn, called.source_account);
        let is_let_in = called.is_permitted
            || permission::lets_gateway(policy.as_deref(), &named, &key.account_id, source);
        if !is_let_in {
            tracing::info!(
                function = named,
                source_arn = called.source_arn,
                "the function's policy does not let the API invoke it"
            );
            return Err(NotInvoked::Failed);
        }
        if event.len() > SYNC_REQUEST_PAYLOAD_BYTES_MAX {
            return Err(NotInvoked::TooLarge);
        }
        if qualifier.is_none() {
            self.watches.settle(&key).await;
        }
        let invocation = Invocation {
            trace_id: called.trace_id,
            is_patient: false,
            ..Invocation::of_event(aws_api::request_id::new(), event, named)
        };
        Ok(InvokeRequest { key, qualifier, invocation })
    }
}
