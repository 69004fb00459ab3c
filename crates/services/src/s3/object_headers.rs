//! What a client stores beside the bytes: from requests, and into answers.

use std::collections::BTreeMap;

use s3s::dto::{self, Timestamp, TimestampFormat};
use store::s3::ObjectHeaders;

use super::error::{Refusal, refuse};

/// User metadata in all, bytes of names and values (AWS: 2 KB).
const METADATA_BYTES_MAX: usize = 2048;

/// Storage classes that can be asked for.
const STORAGE_CLASSES: &[&str] = &[
    "STANDARD",
    "REDUCED_REDUNDANCY",
    "STANDARD_IA",
    "ONEZONE_IA",
    "INTELLIGENT_TIERING",
    "GLACIER",
    "DEEP_ARCHIVE",
    "GLACIER_IR",
];

/// Makes the headers of any of the inputs that have them all: they are different types with the same fields.
macro_rules! headers_of {
    ($input:expr) => {{
        let input = &$input;
        $crate::s3::object_headers::checked(store::s3::ObjectHeaders {
            content_type: input.content_type.clone(),
            cache_control: input.cache_control.clone(),
            content_disposition: input.content_disposition.clone(),
            content_encoding: input.content_encoding.clone(),
            content_language: input.content_language.clone(),
            expires: input.expires.as_ref().and_then($crate::s3::object_headers::http_date),
            website_redirect_location: input.website_redirect_location.clone(),
            storage_class: input.storage_class.as_ref().map(|class| class.as_str().to_owned()),
            server_side_encryption: input
                .server_side_encryption
                .as_ref()
                .map(|kind| kind.as_str().to_owned()),
            kms_key_id: input.ssekms_key_id.clone(),
            bucket_key_enabled: input.bucket_key_enabled,
            metadata: input.metadata.clone().unwrap_or_default().into_iter().collect(),
        })
    }};
}
pub(super) use headers_of;

/// Checks them.
pub(super) fn checked(mut headers: ObjectHeaders) -> Result<ObjectHeaders, Refusal> {
    let is_known = |class: &String| STORAGE_CLASSES.contains(&class.as_str());
    if headers.storage_class.as_ref().is_some_and(|class| !is_known(class)) {
        return Err(refuse("InvalidStorageClass", "The storage class you specified is not valid"));
    }
    if metadata_bytes(&headers.metadata) > METADATA_BYTES_MAX {
        return Err(refuse(
            "MetadataTooLarge",
            "Your metadata headers exceed the maximum allowed metadata size",
        ));
    }
    // What the transport needed says nothing about the object.
    headers.content_encoding = headers.content_encoding.and_then(|encodings| {
        let kept: Vec<_> = encodings.split(',').map(str::trim).filter(|one| *one != "aws-chunked").collect();
        Some(kept.join(",")).filter(|kept| !kept.is_empty())
    });
    Ok(headers)
}

fn metadata_bytes(metadata: &BTreeMap<String, String>) -> usize {
    metadata.iter().map(|(name, value)| name.len() + value.len()).sum()
}

pub(super) fn http_date(timestamp: &Timestamp) -> Option<String> {
    let mut text = Vec::new();
    timestamp.format(TimestampFormat::HttpDate, &mut text).ok()?;
    String::from_utf8(text).ok()
}

pub(super) fn expires(headers: &ObjectHeaders) -> Option<Timestamp> {
    Timestamp::parse(TimestampFormat::HttpDate, headers.expires.as_deref()?).ok()
}

/// The content type of what was uploaded without one.
pub(super) fn content_type(headers: &ObjectHeaders) -> Option<String> {
    Some(headers.content_type.clone().unwrap_or_else(|| "binary/octet-stream".into()))
}

pub(super) fn metadata(headers: &ObjectHeaders) -> Option<dto::Metadata> {
    let pairs = headers.metadata.iter().map(|(name, value)| (name.clone(), value.clone()));
    Some(pairs.collect::<dto::Metadata>()).filter(|metadata| !metadata.is_empty())
}

/// Answers name every class but the ordinary one.
pub(super) fn storage_class(headers: &ObjectHeaders) -> Option<dto::StorageClass> {
    let class = headers.storage_class.clone().filter(|class| class != "STANDARD")?;
    Some(class.into())
}

/// S3 encrypts everything; where nothing else was asked for, it says so with its own keys.
pub(super) fn server_side_encryption(headers: &ObjectHeaders) -> Option<dto::ServerSideEncryption> {
    Some(headers.server_side_encryption.clone().unwrap_or_else(|| "AES256".into()).into())
}

/// Milliseconds since 1970 as S3 has times.
pub(super) fn timestamp(ms: i64) -> Timestamp {
    let since = std::time::Duration::from_millis(u64::try_from(ms).unwrap_or_default());
    (std::time::UNIX_EPOCH + since).into()
}
