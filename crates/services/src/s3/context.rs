//! Who asks, when and for which bucket.

use std::sync::{Arc, Mutex, PoisonError};

use s3s::{
    S3Request, S3Result,
    host::{S3Host, VirtualHost},
};
use store::s3::{BucketRecord, S3Reader};

use super::error::{Refusal, refuse};

/// Headers that come after a body, once it is there.
#[derive(Clone, Default)]
pub struct Trailers(Arc<Mutex<Vec<(String, String)>>>);

impl Trailers {
    /// The body has ended with these, names in lower case.
    pub fn set(&self, trailers: Vec<(String, String)>) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = trailers;
    }

    pub(super) fn get(&self, name: &str) -> Option<String> {
        let trailers = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        trailers.iter().find(|(known, _)| known == name).map(|(_, value)| value.clone())
    }
}

/// The caller of a request, put into its extensions by whoever authenticated it.
#[derive(Clone)]
pub struct S3Context {
    /// Twelve digits.
    pub account_id: String,
    /// Where the request was signed for.
    pub region: String,
    /// Unix time, milliseconds.
    pub now_ms: i64,
    /// What comes after the body.
    pub trailers: Trailers,
    /// What events tell of the request.
    pub requester: Requester,
}

/// What events tell of a request.
#[derive(Debug, Clone)]
pub struct Requester {
    /// `UserId` of the caller.
    pub user_id: String,
    /// Where it came from; of a service its name.
    pub source_ip: String,
    /// The request's id, as it is answered.
    pub request_id: String,
    /// `X-Amzn-Trace-Id`, which SDKs in functions send along, so that a loop is seen.
    pub trace_header: Option<String>,
}

impl Requester {
    /// A service of AWS that asks by itself.
    pub(crate) fn service(name: &str) -> Self {
        let request_id = aws_api::request_id::new();
        Self { user_id: name.to_owned(), source_ip: name.to_owned(), request_id, trace_header: None }
    }
}

impl S3Context {
    /// Of a request.
    pub(super) fn of<T>(request: &S3Request<T>) -> Result<Self, Refusal> {
        let found = request.extensions.get::<Self>().cloned();
        found.ok_or_else(|| refuse("InternalError", "the request carries no caller"))
    }

    /// A bucket that the caller may use: its own.
    pub(super) fn bucket(
        &self,
        reader: &S3Reader<'_>,
        name: &str,
        expected_owner: Option<&str>,
    ) -> Result<BucketRecord, Refusal> {
        let bucket = reader.bucket(name)?.ok_or_else(|| no_such_bucket(name))?;
        let is_expected = expected_owner.is_none_or(|owner| owner == bucket.account_id);
        if bucket.account_id != self.account_id || !is_expected {
            return Err(refuse("AccessDenied", "Access Denied"));
        }
        Ok(bucket)
    }
}

fn no_such_bucket(name: &str) -> Refusal {
    refuse("NoSuchBucket", "The specified bucket does not exist").with("BucketName", name)
}

/// `BUCKET.s3.anything`, as SDKs and browsers write it; any other host is this server's own.
pub(super) struct VirtualHosts;

impl S3Host for VirtualHosts {
    fn parse_host_header<'a>(&'a self, host: &'a str) -> S3Result<VirtualHost<'a>> {
        Ok(match bucket_of_host(host) {
            Some(bucket) => VirtualHost::new(host).with_bucket(bucket),
            None => VirtualHost::new(host),
        })
    }
}

/// The bucket that a Host header names: what is before `.s3.` or `.s3-`.
#[must_use]
pub fn bucket_of_host(host: &str) -> Option<&str> {
    let end = host.find(".s3.").or_else(|| host.find(".s3-"))?;
    host.get(..end).filter(|bucket| !bucket.is_empty())
}

/// Whether a Host header names a bucket.
#[must_use]
pub fn is_virtual_host(host: &str) -> bool {
    bucket_of_host(host).is_some() || host.starts_with("s3.") || host.starts_with("s3-")
}
