//! What stands in for services that are not built: it says so.

use bytes::Bytes;
use lambda_model::ports::{BoxFuture, CodeObject, CodeObjectError, CodeObjects};

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
