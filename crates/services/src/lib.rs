//! The embedded AWS-like services: a folder each. They know the store and AWS's wire world, and nothing of Lambda's environments.

pub mod apigateway;
pub mod apigatewayv2;
pub mod credentials;
pub mod deliveries;
pub mod dynamodb;
pub mod eventbridge;
pub mod iam;
pub mod iot;
pub mod kinesis;
pub mod logs;
pub mod s3;
pub mod scheduler;
pub mod secretsmanager;
pub mod service;
pub mod shape;
pub mod sns;
pub mod sqs;
pub mod sts;
pub mod targets;

mod append_log;
mod change;
mod documents;
mod labelled_statements;
mod openapi;
mod paging;
mod random;
mod schedules;
