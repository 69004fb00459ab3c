//! Code of functions from objects of this S3.

use std::time::{SystemTime, UNIX_EPOCH};

use bytes::Bytes;
use lambda_model::ports::{BoxFuture, CodeObject, CodeObjectError, CodeObjects};

use super::{
    S3,
    context::{Requester, S3Context, Trailers},
    error::Refusal,
    objects::{check_readable, find},
    receiving::blocking,
    sending::{Missed, Reading},
};

impl CodeObjects for S3 {
    fn get<'a>(
        &'a self,
        account_id: &'a str,
        object: &'a CodeObject,
        bytes_max: u64,
    ) -> BoxFuture<'a, Result<Bytes, CodeObjectError>> {
        Box::pin(async move {
            let context = S3Context {
                account_id: account_id.to_owned(),
                region: String::new(),
                now_ms: now_ms(),
                trailers: Trailers::default(),
                requester: Requester::service("lambda.amazonaws.com"),
            };
            read(self, &context, object, bytes_max).await.map_err(|refusal| told(&refusal))
        })
    }
}

fn told(refusal: &Refusal) -> CodeObjectError {
    CodeObjectError {
        code: refusal.0.code().as_str().to_owned(),
        message: refusal.0.message().unwrap_or_default().to_owned(),
    }
}

/// Milliseconds since 1970: no request brings the time along.
fn now_ms() -> i64 {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    i64::try_from(now.as_millis()).unwrap_or(i64::MAX)
}

/// An object as a caller may read it; at most so many bytes of it.
pub(super) async fn read(
    s3: &S3,
    context: &S3Context,
    object: &CodeObject,
    bytes_max: u64,
) -> Result<Bytes, Refusal> {
    let mut missed = Missed::default();
    loop {
        let (now_ms, context, object) = (context.now_ms, context.clone(), object.clone());
        let found = s3.store.read_s3(move |reader| {
            find(reader, &context, &object.bucket, &object.key, object.version_id.as_deref(), None)
        });
        let found = found.await?;
        check_readable(&found.content, now_ms)?;
        // One byte more than is allowed is enough for the caller to see that it is too much.
        let length = found.content.size_bytes.min(bytes_max.saturating_add(1));
        let files = s3.store.object_files();
        if let Some(reading) = Reading::begin(files, &found.content, 0..length).await? {
            return blocking(move || reading.into_bytes()).await?;
        }
        missed.look_again(&found.content)?;
    }
}
