//! What stands in for services that are not built: it says so.

use bytes::Bytes;
use lambda_model::{
    credentials::ExecutionRoles,
    ports::{BoxFuture, CodeObject, CodeObjectError, CodeObjects},
};

/// There is no S3.
pub(crate) struct NoS3;

impl CodeObjects for NoS3 {
    fn get<'a>(
        &'a self,
        _: &'a str,
        _: &'a CodeObject,
        _: u64,
    ) -> BoxFuture<'a, Result<Bytes, CodeObjectError>> {
        let error = CodeObjectError {
            code: "NotImplemented".into(),
            message: "S3 is not implemented by this server.".into(),
        };
        Box::pin(std::future::ready(Err(error)))
    }
}

/// There is no IAM: no role is known, and none refused.
pub(crate) struct NoIam;

impl ExecutionRoles for NoIam {
    fn may_be_assumed_by_lambda(&self, _: &str) -> bool {
        true
    }
}
