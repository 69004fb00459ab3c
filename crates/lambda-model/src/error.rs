//! The errors of the Lambda API, free of transport: which exception, which text. `server` turns them into HTTP.

use thiserror::Error;

/// Why an invocation was throttled (`ThrottleReason` of the API model).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ThrottleReason {
    /// The account's concurrency in this Region is used up, or the server has no room for another environment.
    ConcurrentInvocationLimitExceeded,
    /// The function's reserved concurrency is used up.
    ReservedFunctionConcurrentInvocationLimitExceeded,
    /// Too many requests per second for the account's concurrency.
    FunctionInvocationRateLimitExceeded,
    /// Too many requests per second for the function's reserved concurrency.
    ReservedFunctionInvocationRateLimitExceeded,
}

impl ThrottleReason {
    /// Whether it is by requests a second: a moment later there may be room.
    pub fn is_rate(self) -> bool {
        matches!(
            self,
            Self::FunctionInvocationRateLimitExceeded | Self::ReservedFunctionInvocationRateLimitExceeded
        )
    }

    /// The name on the wire.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::ConcurrentInvocationLimitExceeded => "ConcurrentInvocationLimitExceeded",
            Self::ReservedFunctionConcurrentInvocationLimitExceeded => {
                "ReservedFunctionConcurrentInvocationLimitExceeded"
            }
            Self::FunctionInvocationRateLimitExceeded => "FunctionInvocationRateLimitExceeded",
            Self::ReservedFunctionInvocationRateLimitExceeded => {
                "ReservedFunctionInvocationRateLimitExceeded"
            }
        }
    }
}

/// An error that a caller of the Lambda API sees, named as AWS names it.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum LambdaError {
    /// 404. Carries the resource's description, such as `Function not found: arn:...`.
    #[error("{0}")]
    ResourceNotFound(String),
    /// 404 of a version or alias without provisioned concurrency.
    #[error("No Provisioned Concurrency Config found for this function")]
    ProvisionedConcurrencyConfigNotFound,
    /// 409. The resource exists already, or is in a state that refuses the request.
    #[error("{0}")]
    ResourceConflict(String),
    /// 400.
    #[error("{0}")]
    InvalidParameterValue(String),
    /// 400. A constraint that the API model states; the text counts the violations.
    #[error("{0}")]
    Validation(String),
    /// 400. The event is not JSON, or a header is malformed.
    #[error("{0}")]
    InvalidRequestContent(String),
    /// 403. Not allowed, or not shared.
    #[error("{0}")]
    AccessDenied(String),
    /// 412. The revision id given is not the latest.
    #[error("{0}")]
    PreconditionFailed(String),
    /// 413. The event of an invocation.
    #[error("{0}")]
    RequestTooLarge(String),
    /// 413. A deployment package, or the request that carries it.
    #[error("{0}")]
    RequestEntityTooLarge(String),
    /// 400. A resource policy grows beyond what one may be.
    #[error("{0}")]
    PolicyLengthExceeded(String),
    /// 400. The account's code storage is full.
    #[error("code storage limit exceeded.")]
    CodeStorageExceeded,
    /// 400. The function calls itself in a loop.
    #[error(
        "Lambda has detected your function being invoked in a recursive loop with other AWS resources \
         and stopped your function's invocation."
    )]
    RecursiveInvocation,
    /// 429 with the reason that AWS gives.
    #[error("Rate Exceeded.")]
    TooManyRequests(ThrottleReason),
    /// 501. The operation exists but is not built here.
    #[error("{0}")]
    NotImplemented(String),
    /// 502. The runtime of this function is not present on this host, or its package has no entry point.
    #[error("{0}")]
    InvalidRuntime(String),
    /// 500. Something of ours broke; the detail is in the server's log only.
    #[error("{0}")]
    Service(String),
}

impl LambdaError {
    /// `Function not found: <arn>` as recorded (E-10); `arn` is qualified.
    pub fn function_not_found(arn: &str) -> Self {
        Self::ResourceNotFound(format!("Function not found: {arn}"))
    }

    /// The 412 of a stale revision id of a layer's policy (S-05).
    pub fn stale_layer_revision() -> Self {
        Self::PreconditionFailed(
            "The Revision Id provided does not match the latest Revision Id. \
             Call the GetLayerPolicy API to retrieve the latest Revision Id"
                .into(),
        )
    }

    /// The 412 of a stale revision id (S-05).
    pub fn stale_function_revision() -> Self {
        Self::PreconditionFailed(
            "The Revision Id provided does not match the latest Revision Id. \
             Call the GetFunction/GetAlias API to retrieve the latest Revision Id"
                .into(),
        )
    }
}

/// An error and what it came from, on one line, for the server's log.
pub fn with_causes(error: &dyn std::error::Error) -> String {
    let causes = std::iter::successors(error.source(), |cause| cause.source());
    causes.fold(error.to_string(), |text, cause| format!("{text}: {cause}"))
}
