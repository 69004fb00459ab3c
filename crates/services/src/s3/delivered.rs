//! Objects that other services of this server put into a bucket, and keys that they look for there, without HTTP between them.

use bytes::Bytes;
use http::{Extensions, HeaderMap, Method, Uri};
use lambda_model::ports::CodeObject;
use s3s::{Body, S3Error, S3Request, dto::PutObjectInput, dto::StreamingBlob};

use store::s3::{Listed, Scan};

use super::{S3, S3Context, code_objects, error::Refusal, objects};

/// Keys that are listed at a time.
const PAGE: usize = 1_000;

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
        self.put(context, bucket, key, ("application/json", json)).await.map_err(|error| error.to_string())
    }

    /// Puts bytes of a type of content under `key`, over what is there.
    ///
    /// # Errors
    /// In the words of S3.
    pub(crate) async fn put(
        &self,
        context: S3Context,
        bucket: &str,
        key: String,
        (content_type, bytes): (&str, Bytes),
    ) -> Result<(), S3Error> {
        let mut extensions = Extensions::new();
        extensions.insert(context);
        let request = S3Request {
            input: PutObjectInput {
                bucket: bucket.to_owned(),
                key,
                content_length: i64::try_from(bytes.len()).ok(),
                content_type: Some(content_type.into()),
                body: Some(StreamingBlob::from(Body::from(bytes))),
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
        objects::put_object(self, request).await.map(drop)
    }

    /// A whole object.
    ///
    /// # Errors
    /// In the words of S3.
    pub(crate) async fn object(&self, context: &S3Context, object: &CodeObject) -> Result<Bytes, S3Error> {
        Ok(code_objects::read(self, context, object, u64::MAX).await?)
    }

    /// The keys of a bucket that begin so, in order.
    ///
    /// # Errors
    /// In the words of S3.
    pub(crate) async fn keys(
        &self,
        context: &S3Context,
        (bucket, owner): (&str, Option<&str>),
        prefix: &str,
    ) -> Result<Vec<String>, S3Error> {
        let mut keys: Vec<String> = Vec::new();
        loop {
            let (context, owner, after) = (context.clone(), owner.map(str::to_owned), keys.last().cloned());
            let scan = Scan {
                bucket: bucket.to_owned(),
                prefix: prefix.to_owned(),
                delimiter: String::new(),
                after,
                after_version: None,
                limit: PAGE,
            };
            let listing = self.store.read_s3(move |reader| -> Result<_, Refusal> {
                context.bucket(reader, &scan.bucket, owner.as_deref())?;
                Ok(reader.current_objects(&scan)?)
            });
            let listing = listing.await?;
            keys.extend(listing.lines.into_iter().filter_map(|line| match line {
                Listed::One(object) => Some(object.key),
                Listed::CommonPrefix(_) => None,
            }));
            if !listing.is_truncated {
                return Ok(keys);
            }
        }
    }
}
