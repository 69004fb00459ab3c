//! What S3 has learned since the library of the protocol: it would take such a request for an older one, and delete an object where
//! an annotation was meant. Refused until it is built (API model of botocore 1.44.5).

use hyper::{HeaderMap, Method, StatusCode};

use services::s3::bucket_of_host;

use super::{Early, text};

/// Parameters of the query that make another operation of a request.
const SUBRESOURCES: &[&str] = &[
    "abac",
    "annotation",
    "metadataAnnotationTable",
    "metadataConfiguration",
    "metadataInventoryTable",
    "metadataJournalTable",
    "renameObject",
];

/// Headers that ask for something.
const HEADERS: &[&str] = &[
    "x-amz-bucket-namespace",
    "x-amz-checksum-md5",
    "x-amz-checksum-sha512",
    "x-amz-checksum-xxhash128",
    "x-amz-checksum-xxhash3",
    "x-amz-checksum-xxhash64",
    "x-amz-object-annotation-directive",
    "x-amz-object-lock-event-hold",
    "x-amz-object-lock-event-hold-duration-days",
    "x-amz-object-lock-event-hold-duration-years",
];

/// Refuses what is newer.
pub(super) fn check(method: &Method, path: &str, query: &str, headers: &HeaderMap) -> Result<(), Early> {
    let mut names = query.split('&').map(|pair| pair.split_once('=').map_or(pair, |(name, _)| name));
    let after_host = path.trim_start_matches('/');
    let is_of_object = match text(headers, "host").and_then(bucket_of_host) {
        Some(_) => !after_host.is_empty(),
        None => after_host.split_once('/').is_some_and(|(_, key)| !key.is_empty()),
    };
    let is_newer = |name: &str| {
        // UpdateObjectEncryption; of a bucket it is older.
        SUBRESOURCES.contains(&name) || name == "encryption" && is_of_object && method == Method::PUT
    };
    let announces = |name: &str| text(headers, "x-amz-trailer").is_some_and(|trailer| trailer.contains(name));
    if names.any(is_newer) || HEADERS.iter().any(|name| headers.contains_key(*name) || announces(name)) {
        let message = "A header or parameter you provided implies functionality that is not implemented.";
        return Err(Early(StatusCode::NOT_IMPLEMENTED, "NotImplemented", message));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn is_refused(method: &Method, path: &str, query: &str) -> bool {
        check(method, path, query, &HeaderMap::new()).is_err()
    }

    #[test]
    fn what_the_library_would_mistake_is_refused() {
        assert!(is_refused(&Method::DELETE, "/bucket/key", "annotation&annotationName=a"));
        assert!(is_refused(&Method::PUT, "/bucket/key", "renameObject"));
        assert!(is_refused(&Method::PUT, "/bucket/key", "encryption"));
        assert!(!is_refused(&Method::PUT, "/bucket", "encryption"));
        assert!(!is_refused(&Method::PUT, "/bucket/", "encryption="));
        assert!(!is_refused(&Method::GET, "/bucket/key", "partNumber=1&x-id=GetObject"));
    }

    #[test]
    fn headers_and_announced_trailers_are_looked_at() {
        let mut headers = HeaderMap::new();
        headers.insert("x-amz-trailer", "x-amz-checksum-sha512".parse().unwrap());
        assert!(check(&Method::PUT, "/b/k", "", &headers).is_err());
        headers.clear();
        headers.insert("host", "bucket.s3.localhost".parse().unwrap());
        assert!(check(&Method::PUT, "/key", "encryption", &headers).is_err());
        assert!(check(&Method::PUT, "/", "encryption", &headers).is_ok());
    }
}
