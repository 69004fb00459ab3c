//! Code generated from AWS's API models, a folder per service.

pub mod apigateway;
pub mod apigatewayv2;
pub mod dynamodb;
pub mod dynamodbstreams;
pub mod events;
pub mod iam;
pub mod iot;
pub mod kinesis;
pub mod lambda;
pub mod logs;
pub mod scheduler;
pub mod secretsmanager;
pub mod sns;
pub mod sqs;
pub mod sts;
