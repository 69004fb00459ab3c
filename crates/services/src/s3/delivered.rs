//! Objects that other services of this server put into a bucket, without HTTP between them.

use bytes::Bytes;
use http::{Extensions, HeaderMap, Method, Uri};
use s3s::{Body, S3Request, dto::PutObjectInput, dto::StreamingBlob};

use super::{S3, S3Context, objects};

impl S3 {
    /// Puts JSON under `key`, over what is there.
    ///
    /// # Errors
    /// In the words of S3.
    pub(crate) async fn put_json(
        &self,
        context: S3Context,
        bucket: &str,
        key: String,
        json: Bytes,
    ) -> Result<(), String> {
        let mut extensions = Extensions::new();
        extensions.insert(context);
        let request = S3Request {
            input: PutObjectInput {
                bucket: bucket.to_owned(),
                key,
                content_length: i64::try_from(json.len()).ok(),
                content_type: Some("application/json".into()),
                body: Some(StreamingBlob::from(Body::from(json))),
                ..PutObjectInput::default()
            },
            method: Method::PUT,
            uri: Uri::default(),
            headers: HeaderMap::new(),
            extensions,
            credentials: None,
            region: None,
            service: None,
            trailing_headers: None,
        };
        objects::put_object(self, request).await.map(drop).map_err(|error| error.to_string())
    }
}
