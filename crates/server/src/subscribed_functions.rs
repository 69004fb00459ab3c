//! Functions that subscription filters of log groups name: invoked here, directly.

use std::sync::Arc;

use aws_api::{arn::FunctionName, request_id};
use invocation::{InvokeRequest, Invoker};
use lambda_model::{function::FunctionKey, invocation::Invocation, ports::BoxFuture};
use services::logs::subscriptions::SubscribedFunctions;

/// See the module's doc.
pub(crate) struct InvokedFunctions {
    /// Runs them.
    pub invoker: Arc<Invoker>,
}

impl SubscribedFunctions for InvokedFunctions {
    fn invoke<'a>(&'a self, arn: &'a str, event: String) -> BoxFuture<'a, Result<(), String>> {
        Box::pin(async move {
            let name = FunctionName::parse(arn).ok_or("no ARN of a function")?;
            let key = FunctionKey {
                account_id: name.account_id.ok_or("no account in the ARN")?,
                region: name.region.ok_or("no Region in the ARN")?,
                name: name.name,
            };
            let invocation = Invocation::of_event(request_id::new(), event.into(), arn.to_owned());
            let request = InvokeRequest { key, qualifier: name.qualifier, invocation };
            // What the function makes of it is its own business: the events have reached it.
            self.invoker.invoke(request).await.map(drop).map_err(|error| error.to_string())
        })
    }
}
