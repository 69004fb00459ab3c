//! A batch is brought to the function of its mapping; whoever is to be told that records are given up gets a delivery.

use invocation::{InvokeRequest, Invoked};
use lambda_model::{
    LambdaError,
    event_source_mapping::EventSourceMapping,
    function::LATEST,
    invocation::{
        Invocation,
        asynchronous::{Delivery, DeliveryKind, DeliveryOrigin},
    },
};

use super::supervisor::Parts;

impl Parts {
    /// Invokes the function; whether it ran is not said by an error of its own.
    pub(super) async fn invoke(
        &self,
        mapping: &EventSourceMapping,
        request_id: &str,
        payload: String,
    ) -> Result<Invoked, LambdaError> {
        let invocation = Invocation::of_event(request_id.to_owned(), payload.into(), mapping.function_arn());
        let request =
            InvokeRequest { key: mapping.function.clone(), qualifier: mapping.qualifier.clone(), invocation };
        self.invoker.invoke(request).await
    }

    /// What tells a destination; of a bucket it is an object under this key.
    pub(super) fn failure_delivery(
        &self,
        mapping: &EventSourceMapping,
        (target, request_id): (String, &str),
        object_key: Option<String>,
        body: String,
    ) -> Delivery {
        Delivery {
            target,
            origin: Some(DeliveryOrigin {
                kind: DeliveryKind::OnFailure,
                function: mapping.function.clone(),
                resource: mapping.qualifier.clone().unwrap_or_else(|| LATEST.to_owned()),
            }),
            request_id: request_id.to_owned(),
            trace_id: None,
            sender: None,
            tries: None,
            group: None,
            subject: None,
            object_key,
            attributes: Vec::new(),
            ended_at_ms: self.clock.now_ms(),
            body: body.into(),
        }
    }
}

/// Whether a destination is a bucket, which keeps the event too.
pub(super) fn is_bucket(target: &str) -> bool {
    target.split(':').nth(2) == Some("s3")
}
