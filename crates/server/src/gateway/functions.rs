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
    /// As which role the API asks, where it names one.
    pub role: &'a str,
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
        let (key, qualifier) = named(called.arn).ok_or(NotInvoked::Failed)?;
        let function = (&key, qualifier.as_deref());
        if !self.lets_in(function, called.role, (called.source_arn, called.source_account)).await {
            tracing::info!(
                function = called.arn,
                source_arn = called.source_arn,
                "the function's policy does not let the API invoke it"
            );
            return Err(NotInvoked::Failed);
        }
        let arn = key.arn_of(qualifier.as_deref());
        if event.len() > SYNC_REQUEST_PAYLOAD_BYTES_MAX {
            return Err(NotInvoked::TooLarge);
        }
        if qualifier.is_none() {
            self.watches.settle(&key).await;
        }
        let invocation = Invocation {
            trace_id: called.trace_id,
            is_patient: false,
            ..Invocation::of_event(aws_api::request_id::new(), event, arn)
        };
        Ok(InvokeRequest { key, qualifier, invocation })
    }

    /// Whether an API, by the ARN of what asks and by its account, may invoke a function.
    pub(super) async fn may_invoke(&self, role: &str, arn: &str, source: (&str, &str)) -> bool {
        let Some((key, qualifier)) = named(arn) else { return false };
        self.lets_in((&key, qualifier.as_deref()), role, source).await
    }

    /// As a role that may, or by the function's policy.
    async fn lets_in(
        &self,
        (key, qualifier): (&FunctionKey, Option<&str>),
        role: &str,
        source: (&str, &str),
    ) -> bool {
        let arn = key.arn_of(qualifier);
        if !role.is_empty() && self.role_may_invoke((role, source.1), &arn).await {
            return true;
        }
        let policy = self.urls.policy(key, qualifier);
        permission::lets_gateway(policy.as_deref(), &arn, &key.account_id, source)
    }
}

/// The function of an ARN, and its version or alias, where that is not the latest code.
fn named(arn: &str) -> Option<(FunctionKey, Option<String>)> {
    let FunctionName { account_id, region, name, qualifier } = FunctionName::parse(arn)?;
    let key = FunctionKey { account_id: account_id?, region: region?, name };
    Some((key, qualifier.filter(|qualifier| qualifier != LATEST)))
}
