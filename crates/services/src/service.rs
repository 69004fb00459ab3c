//! What services have in common: a table of operations, and a caller.

use std::{future::Future, pin::Pin};

use aws_api::{
    error_response::ApiError,
    protocol::{Decoded, query::Dialect},
    schema::ServiceModel,
};
use bytes::Bytes;
use futures_util::Stream;
use lambda_model::credentials::Principal;
use serde_json::Value;

/// Who asks, and when.
#[derive(Debug, Clone)]
pub struct ServiceContext {
    /// The owner of the credentials.
    pub principal: Principal,
    /// The access key of the request; `None` for an unsigned one.
    pub access_key_id: Option<String>,
    /// The Region that the request was signed for.
    pub region: String,
    /// Unix time, milliseconds.
    pub now_ms: i64,
    /// Where the caller has asked: `http://HOST:PORT`.
    pub endpoint: String,
    /// `X-Amzn-Trace-Id`: SDKs in functions send it along, and whatever is passed on keeps it, so that a loop is seen.
    pub trace_header: Option<String>,
}

impl ServiceContext {
    /// The caller's account.
    pub(crate) fn account_id(&self) -> &str {
        &self.principal.account_id
    }

    /// What the ARNs of the caller's Region begin with.
    pub(crate) fn partition(&self) -> &'static str {
        partition_of(&self.region)
    }

    /// Unix time, seconds.
    pub(crate) fn now_seconds(&self) -> i64 {
        self.now_ms.div_euclid(1000)
    }
}

/// The partition of a Region (botocore's partitions: each Region's name tells).
pub(crate) fn partition_of(region: &str) -> &'static str {
    const PARTITIONS: &[(&str, &str)] = &[
        ("cn-", "aws-cn"),
        ("us-gov-", "aws-us-gov"),
        ("us-isob-", "aws-iso-b"),
        ("us-isof-", "aws-iso-f"),
        ("us-iso-", "aws-iso"),
        ("eu-isoe-", "aws-iso-e"),
        ("eusc-", "aws-eusc"),
    ];
    PARTITIONS.iter().find(|(start, _)| region.starts_with(start)).map_or("aws", |(_, partition)| partition)
}

/// The messages of an event stream, in their form on the wire. Whoever drops it wants no more.
pub type EventStream = Pin<Box<dyn Stream<Item = Bytes> + Send>>;

/// What an operation gives.
pub enum Answer {
    /// Its output.
    Output(Value),
    /// The beginning of something that goes on.
    Events(EventStream),
    /// A body that is no JSON of the model.
    Payload(Payload),
}

/// A body as it is sent.
pub struct Payload {
    /// Its type.
    pub content_type: &'static str,
    /// Its bytes.
    pub body: Bytes,
    /// What it may be kept as: `Content-Disposition`.
    pub disposition: Option<String>,
}

/// A service: JSON of its model goes in and comes out, whatever the protocol makes of it.
pub trait AwsService: Send + Sync {
    /// Its operations and shapes.
    fn model(&self) -> &'static ServiceModel;

    /// What its forms and its XML look like, if it speaks the query protocol.
    fn query_dialect(&self) -> Dialect {
        Dialect::usual(self.model())
    }

    /// Does the operation at this position of the model's table: its answer, or an error in AWS's words.
    fn handle(
        &self,
        operation: usize,
        decoded: Decoded,
        context: ServiceContext,
    ) -> impl Future<Output = Result<Answer, ApiError>> + Send;
}

/// The input of an operation that takes none.
#[derive(serde::Deserialize)]
pub(crate) struct NoInput {}

/// An output on its way to the encoder.
pub(crate) fn answer(output: impl serde::Serialize) -> Result<Answer, ApiError> {
    serde_json::to_value(output)
        .map(Answer::Output)
        .map_err(|error| ApiError::service("ServiceFailure", 500, format!("answer not encoded: {error}")))
}

/// The error for an operation of the model that is not built.
pub(crate) fn not_implemented(service: &str, operation: &str) -> ApiError {
    ApiError::service(
        "NotImplemented",
        501,
        format!("The operation {operation} of {service} is not implemented by this server."),
    )
}

/// The dispatch of a service: its type, its name in messages, and which handler answers which operation. The handlers take the
/// caller and the operation's input, and give its output, or the events of an event stream; where a body is no JSON of the model, they give it, or get it.
macro_rules! service_operations {
    (
        $service:ty, $name:literal $(, forms $dialect:path)?;
        $($operation:ident => $handler:ident,)*
        $([events] $streaming:ident => $source:ident,)*
        $([payload] $exporting:ident => $exporter:ident,)*
        $([body] $importing:ident => $importer:ident,)*
    ) => {
        impl AwsService for $service {
            fn model(&self) -> &'static ServiceModel {
                &MODEL
            }

            $(fn query_dialect(&self) -> aws_api::protocol::query::Dialect {
                $dialect
            })?

            async fn handle(
                &self,
                operation: usize,
                decoded: Decoded,
                context: ServiceContext,
            ) -> Result<Answer, ApiError> {
                match Operation::ALL.get(operation) {
                    $(Some(Operation::$operation) => {
                        $crate::service::answer(self.$handler(&context, decoded.typed()?).await?)
                    })*
                    $(Some(Operation::$streaming) => {
                        self.$source(&context, decoded.typed()?).await.map(Answer::Events)
                    })*
                    $(Some(Operation::$exporting) => {
                        self.$exporter(&context, decoded.typed()?).await.map(Answer::Payload)
                    })*
                    $(Some(Operation::$importing) => {
                        let body = decoded.payload.clone().unwrap_or_default();
                        $crate::service::answer(self.$importer(&context, decoded.typed()?, body).await?)
                    })*
                    other => {
                        let name = other.map_or("", |other| other.schema().name);
                        Err($crate::service::not_implemented($name, name))
                    }
                }
            }
        }
    };
}

pub(crate) use service_operations;
