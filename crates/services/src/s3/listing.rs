//! ListObjects, ListObjectsV2 and ListObjectVersions.

use base64::{Engine, prelude::BASE64_URL_SAFE_NO_PAD};
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use s3s::{
    S3Request, S3Response, S3Result,
    dto::{
        ChecksumAlgorithm, CommonPrefix, DeleteMarkerEntry, ETag, EncodingType, ListObjectVersionsInput,
        ListObjectVersionsOutput, ListObjectsInput, ListObjectsOutput, ListObjectsV2Input,
        ListObjectsV2Output, Object, ObjectVersion, Owner,
    },
};
use store::s3::{Listed, Listing, ObjectContent, ObjectRecord, Scan};

use super::{
    S3, checksums,
    context::S3Context,
    error::{Refusal, refuse},
    object_headers::timestamp,
};

/// Keys of one page (AWS).
const PAGE_MAX: i32 = 1_000;
/// What `encoding-type=url` leaves as it is.
const ENCODED: &AsciiSet =
    &NON_ALPHANUMERIC.remove(b'-').remove(b'_').remove(b'.').remove(b'~').remove(b'/').remove(b'*');

/// The owner of everything of an account: S3 shows a canonical id, ours is made of the account's.
pub(super) fn owner(account_id: &str) -> Owner {
    Owner { display_name: None, id: Some(canonical_id(account_id)) }
}

/// 64 hex digits.
pub(super) fn canonical_id(account_id: &str) -> String {
    format!("{account_id:0>64}")
}

/// How a listing writes keys.
pub(super) struct Encoding(bool);

impl Encoding {
    pub(super) fn of(asked: Option<&EncodingType>) -> Result<Self, Refusal> {
        match asked.map(EncodingType::as_str) {
            None => Ok(Self(false)),
            Some("url") => Ok(Self(true)),
            Some(_) => Err(refuse("InvalidArgument", "Invalid Encoding Method specified in Request")),
        }
    }

    pub(super) fn apply(&self, text: &str) -> String {
        if self.0 { utf8_percent_encode(text, ENCODED).to_string() } else { text.to_owned() }
    }

    pub(super) fn optional(&self, text: Option<&String>) -> Option<String> {
        text.map(|text| self.apply(text))
    }
}

/// How many keys a page shall have.
pub(super) fn page(asked: Option<i32>) -> Result<i32, Refusal> {
    match asked {
        Some(asked) if asked < 0 => {
            Err(refuse("InvalidArgument", "Argument maxKeys must be an integer between 0 and 2147483647"))
        }
        asked => Ok(asked.unwrap_or(PAGE_MAX).min(PAGE_MAX)),
    }
}

pub(super) fn common_prefixes<T>(lines: &[Listed<T>], encoding: &Encoding) -> Option<Vec<CommonPrefix>> {
    let prefixes = lines.iter().filter_map(|line| match line {
        Listed::CommonPrefix(prefix) => Some(CommonPrefix { prefix: Some(encoding.apply(prefix)) }),
        Listed::One(_) => None,
    });
    Some(prefixes.collect::<Vec<_>>()).filter(|prefixes| !prefixes.is_empty())
}

fn algorithms(content: &ObjectContent) -> Option<Vec<ChecksumAlgorithm>> {
    content.checksum.as_ref().map(|sum| vec![ChecksumAlgorithm::from(sum.algorithm.clone())])
}

fn object(record: &ObjectRecord, encoding: &Encoding, owner: Option<Owner>) -> Option<Object> {
    let content = record.content.as_ref()?;
    let class = content.headers.storage_class.clone().unwrap_or_else(|| "STANDARD".into());
    Some(Object {
        key: Some(encoding.apply(&record.key)),
        e_tag: Some(ETag::Strong(content.etag.clone())),
        last_modified: Some(timestamp(record.last_modified_ms)),
        size: i64::try_from(content.size_bytes).ok(),
        storage_class: Some(class.into()),
        checksum_algorithm: algorithms(content),
        checksum_type: checksums::to_dto(content.checksum.as_ref()).checksum_type,
        restore_status: None,
        owner,
    })
}

fn objects(
    listing: &Listing<ObjectRecord>,
    encoding: &Encoding,
    owner: Option<&Owner>,
) -> Option<Vec<Object>> {
    let objects = listing.lines.iter().filter_map(|line| match line {
        Listed::One(record) => object(record, encoding, owner.cloned()),
        Listed::CommonPrefix(_) => None,
    });
    Some(objects.collect::<Vec<_>>()).filter(|objects| !objects.is_empty())
}

/// Where the next page goes on: the last key or common prefix of this one.
fn last(listing: &Listing<ObjectRecord>) -> Option<String> {
    match listing.lines.last().filter(|_| listing.is_truncated)? {
        Listed::One(record) => Some(record.key.clone()),
        Listed::CommonPrefix(prefix) => Some(prefix.clone()),
    }
}

async fn current(
    s3: &S3,
    context: S3Context,
    owner: Option<String>,
    scan: Scan,
) -> Result<Listing<ObjectRecord>, Refusal> {
    s3.store
        .read_s3(move |reader| {
            context.bucket(reader, &scan.bucket, owner.as_deref())?;
            Ok(reader.current_objects(&scan)?)
        })
        .await
}

pub(super) async fn list_objects(
    s3: &S3,
    request: S3Request<ListObjectsInput>,
) -> S3Result<S3Response<ListObjectsOutput>> {
    let context = S3Context::of(&request)?;
    let input = request.input;
    let encoding = Encoding::of(input.encoding_type.as_ref())?;
    let max_keys = page(input.max_keys)?;
    let scan = Scan {
        bucket: input.bucket.clone(),
        prefix: input.prefix.clone().unwrap_or_default(),
        delimiter: input.delimiter.clone().unwrap_or_default(),
        after: input.marker.clone().filter(|marker| !marker.is_empty()),
        after_version: None,
        limit: usize::try_from(max_keys).unwrap_or(0),
    };
    let owner = owner(&context.account_id);
    let listing = current(s3, context, input.expected_bucket_owner, scan).await?;
    // Without a delimiter a client goes on from the last key that it got.
    let next_marker = last(&listing).filter(|_| input.delimiter.is_some());
    Ok(S3Response::new(ListObjectsOutput {
        name: Some(input.bucket),
        prefix: Some(encoding.apply(&input.prefix.unwrap_or_default())),
        marker: Some(encoding.apply(&input.marker.unwrap_or_default())),
        max_keys: Some(max_keys),
        is_truncated: Some(listing.is_truncated),
        contents: objects(&listing, &encoding, Some(&owner)),
        common_prefixes: common_prefixes(&listing.lines, &encoding),
        delimiter: encoding.optional(input.delimiter.as_ref()),
        next_marker: encoding.optional(next_marker.as_ref()),
        encoding_type: input.encoding_type,
        request_charged: None,
    }))
}

pub(super) async fn list_objects_v2(
    s3: &S3,
    request: S3Request<ListObjectsV2Input>,
) -> S3Result<S3Response<ListObjectsV2Output>> {
    let context = S3Context::of(&request)?;
    let input = request.input;
    let encoding = Encoding::of(input.encoding_type.as_ref())?;
    let max_keys = page(input.max_keys)?;
    let from_token = input.continuation_token.as_deref().map(from_token).transpose()?;
    let scan = Scan {
        bucket: input.bucket.clone(),
        prefix: input.prefix.clone().unwrap_or_default(),
        delimiter: input.delimiter.clone().unwrap_or_default(),
        after: from_token.or_else(|| input.start_after.clone()).filter(|after| !after.is_empty()),
        after_version: None,
        limit: usize::try_from(max_keys).unwrap_or(0),
    };
    let owner = (input.fetch_owner == Some(true)).then(|| owner(&context.account_id));
    let listing = current(s3, context, input.expected_bucket_owner, scan).await?;
    Ok(S3Response::new(ListObjectsV2Output {
        name: Some(input.bucket),
        prefix: Some(encoding.apply(&input.prefix.unwrap_or_default())),
        max_keys: Some(max_keys),
        key_count: i32::try_from(listing.lines.len()).ok(),
        is_truncated: Some(listing.is_truncated),
        contents: objects(&listing, &encoding, owner.as_ref()),
        common_prefixes: common_prefixes(&listing.lines, &encoding),
        delimiter: encoding.optional(input.delimiter.as_ref()),
        next_continuation_token: last(&listing).map(|key| to_token(&key)),
        // Where there is a token, the other start is ignored and not told.
        start_after: encoding
            .optional(input.start_after.as_ref().filter(|_| input.continuation_token.is_none())),
        continuation_token: input.continuation_token,
        encoding_type: input.encoding_type,
        request_charged: None,
    }))
}

/// Begins a token, so that what is none is known as such.
const TOKEN_MARK: &str = "after:";

fn to_token(key: &str) -> String {
    BASE64_URL_SAFE_NO_PAD.encode(format!("{TOKEN_MARK}{key}"))
}

fn from_token(token: &str) -> Result<String, Refusal> {
    let decoded = BASE64_URL_SAFE_NO_PAD.decode(token).ok().and_then(|key| String::from_utf8(key).ok());
    decoded.and_then(|decoded| decoded.strip_prefix(TOKEN_MARK).map(str::to_owned)).ok_or_else(|| {
        refuse("InvalidArgument", "The continuation token provided is incorrect")
            .with("ArgumentName", "continuation-token")
    })
}

pub(super) async fn list_object_versions(
    s3: &S3,
    request: S3Request<ListObjectVersionsInput>,
) -> S3Result<S3Response<ListObjectVersionsOutput>> {
    let context = S3Context::of(&request)?;
    let input = request.input;
    let encoding = Encoding::of(input.encoding_type.as_ref())?;
    let max_keys = page(input.max_keys)?;
    let key_marker = input.key_marker.clone().filter(|marker| !marker.is_empty());
    let version_marker = input.version_id_marker.clone().filter(|marker| !marker.is_empty());
    if version_marker.is_some() && key_marker.is_none() {
        return Err(refuse(
            "InvalidArgument",
            "A version-id marker cannot be specified without a key marker.",
        )
        .into());
    }
    let scan = Scan {
        bucket: input.bucket.clone(),
        prefix: input.prefix.clone().unwrap_or_default(),
        delimiter: input.delimiter.clone().unwrap_or_default(),
        after: key_marker,
        after_version: version_marker,
        limit: usize::try_from(max_keys).unwrap_or(0),
    };
    let owner = owner(&context.account_id);
    let expected = input.expected_bucket_owner.clone();
    let listing = s3.store.read_s3(move |reader| {
        context.bucket(reader, &scan.bucket, expected.as_deref())?;
        Ok::<_, Refusal>(reader.versions(&scan)?)
    });
    let listing = listing.await?;
    let next = listing.lines.last().filter(|_| listing.is_truncated);
    let (next_key, next_version) = match next {
        None => (None, None),
        Some(Listed::One(record)) => (Some(record.key.clone()), Some(record.version_id.clone())),
        Some(Listed::CommonPrefix(prefix)) => (Some(prefix.clone()), None),
    };
    let (versions, markers) = split(&listing, &encoding, &owner);
    Ok(S3Response::new(ListObjectVersionsOutput {
        name: Some(input.bucket),
        prefix: Some(encoding.apply(&input.prefix.unwrap_or_default())),
        key_marker: Some(encoding.apply(&input.key_marker.unwrap_or_default())),
        version_id_marker: Some(input.version_id_marker.unwrap_or_default()),
        max_keys: Some(max_keys),
        is_truncated: Some(listing.is_truncated),
        next_key_marker: encoding.optional(next_key.as_ref()),
        next_version_id_marker: next_version,
        versions: Some(versions).filter(|versions| !versions.is_empty()),
        delete_markers: Some(markers).filter(|markers| !markers.is_empty()),
        common_prefixes: common_prefixes(&listing.lines, &encoding),
        delimiter: encoding.optional(input.delimiter.as_ref()),
        encoding_type: input.encoding_type,
        request_charged: None,
    }))
}

/// Versions and delete markers apart.
fn split(
    listing: &Listing<ObjectRecord>,
    encoding: &Encoding,
    owner: &Owner,
) -> (Vec<ObjectVersion>, Vec<DeleteMarkerEntry>) {
    let (mut versions, mut markers) = (Vec::new(), Vec::new());
    for line in &listing.lines {
        let Listed::One(record) = line else { continue };
        let key = Some(encoding.apply(&record.key));
        let last_modified = Some(timestamp(record.last_modified_ms));
        let (is_latest, version_id) = (Some(record.is_current), Some(record.version_id.clone()));
        let owner = Some(owner.clone());
        match &record.content {
            None => markers.push(DeleteMarkerEntry { is_latest, key, last_modified, owner, version_id }),
            Some(content) => {
                let class = content.headers.storage_class.clone().unwrap_or_else(|| "STANDARD".into());
                versions.push(ObjectVersion {
                    checksum_algorithm: algorithms(content),
                    checksum_type: checksums::to_dto(content.checksum.as_ref()).checksum_type,
                    e_tag: Some(ETag::Strong(content.etag.clone())),
                    is_latest,
                    key,
                    last_modified,
                    owner,
                    restore_status: None,
                    size: i64::try_from(content.size_bytes).ok(),
                    storage_class: Some(class.into()),
                    version_id,
                });
            }
        }
    }
    (versions, markers)
}
