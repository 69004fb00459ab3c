//! Tags of objects and of buckets.

use s3s::{
    S3Request, S3Response, S3Result,
    dto::{
        DeleteBucketTaggingInput, DeleteBucketTaggingOutput, DeleteObjectTaggingInput,
        DeleteObjectTaggingOutput, GetBucketTaggingInput, GetBucketTaggingOutput, GetObjectTaggingInput,
        GetObjectTaggingOutput, PutBucketTaggingInput, PutBucketTaggingOutput, PutObjectTaggingInput,
        PutObjectTaggingOutput, Tag,
    },
};

use super::{
    S3,
    bucket_settings::{self, Setting},
    context::S3Context,
    error::{Refusal, no_content, refuse, with_status},
    notifications::{self, EventName},
    objects::find,
    versions,
};

/// Tags of an object (AWS).
const OBJECT_TAGS_MAX: usize = 10;
/// Tags of a bucket (AWS).
const BUCKET_TAGS_MAX: usize = 50;
/// Characters of a tag's key, and of its value (AWS).
const KEY_CHARACTERS_MAX: usize = 128;
const VALUE_CHARACTERS_MAX: usize = 256;

type Pairs = Vec<(String, String)>;

/// Reads the header x-amz-tagging: a query string.
pub(super) fn of_header(header: Option<&str>) -> Result<Pairs, Refusal> {
    let Some(header) = header.filter(|header| !header.is_empty()) else { return Ok(Vec::new()) };
    let decode = |text: &str| {
        let text = text.replace('+', " ");
        percent_encoding::percent_decode_str(&text).decode_utf8().map(|text| text.into_owned())
    };
    let pairs = header.split('&').map(|pair| {
        let (key, value) = pair.split_once('=').unwrap_or((pair, ""));
        Ok((decode(key)?, decode(value)?))
    });
    let pairs: Result<Pairs, std::str::Utf8Error> = pairs.collect();
    let pairs = pairs.map_err(|_| invalid_header())?;
    if pairs.iter().any(|(key, _)| key.starts_with("aws:")) {
        return Err(refuse("InvalidTag", "Your TagKey cannot be prefixed with aws:"));
    }
    checked(pairs, OBJECT_TAGS_MAX)
}

fn invalid_header() -> Refusal {
    refuse(
        "InvalidArgument",
        "The header 'x-amz-tagging' shall be encoded as UTF-8 then URLEncoded URL query parameters without tag name duplicates.",
    )
}

fn of_set(tags: Vec<Tag>, max: usize) -> Result<Pairs, Refusal> {
    let pairs = tags.into_iter().map(|tag| (tag.key.unwrap_or_default(), tag.value.unwrap_or_default()));
    checked(pairs.collect(), max)
}

fn checked(tags: Pairs, max: usize) -> Result<Pairs, Refusal> {
    if tags.len() > max {
        let what = if max == OBJECT_TAGS_MAX { "Object" } else { "Bucket" };
        return Err(refuse("BadRequest", format!("{what} tags cannot be greater than {max}")));
    }
    for (index, (key, value)) in tags.iter().enumerate() {
        check_tag(key, value)?;
        if tags.iter().take(index).any(|(before, _)| before == key) {
            return Err(refuse("InvalidTag", "Cannot provide multiple Tags with the same key"));
        }
    }
    Ok(tags)
}

fn check_tag(key: &str, value: &str) -> Result<(), Refusal> {
    if key.starts_with("aws:") {
        return Err(refuse("InvalidTag", "System tags cannot be added/updated by requester"));
    }
    let is_allowed = |c: char| c.is_alphanumeric() || c.is_whitespace() || "_.:/=+-@".contains(c);
    if key.is_empty() || key.chars().count() > KEY_CHARACTERS_MAX || !key.chars().all(is_allowed) {
        return Err(refuse("InvalidTag", "The TagKey you have provided is invalid"));
    }
    if value.chars().count() > VALUE_CHARACTERS_MAX || !value.chars().all(is_allowed) {
        return Err(refuse("InvalidTag", "The TagValue you have provided is invalid"));
    }
    Ok(())
}

fn to_set(tags: Pairs) -> Vec<Tag> {
    tags.into_iter().map(|(key, value)| Tag { key: Some(key), value: Some(value) }).collect()
}

pub(super) async fn get_object_tagging(
    s3: &S3,
    request: S3Request<GetObjectTaggingInput>,
) -> S3Result<S3Response<GetObjectTaggingOutput>> {
    let context = S3Context::of(&request)?;
    let input = request.input;
    let found = s3.store.read_s3(move |reader| {
        let (version, owner) = (input.version_id.as_deref(), input.expected_bucket_owner.as_deref());
        find(reader, &context, &input.bucket, &input.key, version, owner)
    });
    let found = found.await?;
    Ok(S3Response::new(GetObjectTaggingOutput {
        version_id: versions::told(found.versioning, &found.record.version_id),
        tag_set: to_set(found.content.tags),
    }))
}

/// A version of an object, as requests name it.
struct Named {
    bucket: String,
    key: String,
    version_id: Option<String>,
    owner: Option<String>,
}

/// Reads it from either of the inputs.
macro_rules! named {
    ($input:expr) => {
        Named {
            bucket: $input.bucket,
            key: $input.key,
            version_id: $input.version_id,
            owner: $input.expected_bucket_owner,
        }
    };
}

/// Sets the tags of an object; answers with its version.
async fn set(
    s3: &S3,
    context: S3Context,
    named: Named,
    (tags, event): (Pairs, EventName),
) -> Result<Option<String>, Refusal> {
    s3.store
        .change_s3(move |transaction| {
            let Named { bucket, key, version_id, owner } = named;
            let found = find(transaction, &context, &bucket, &key, version_id.as_deref(), owner.as_deref())?;
            let mut record = found.record;
            if let Some(content) = &mut record.content {
                content.tags = tags;
            }
            transaction.update_object(&bucket, &record)?;
            let bucket = context.bucket(transaction, &bucket, None)?;
            notifications::happened(transaction, &bucket, &context, event, &record)?;
            Ok(versions::told(found.versioning, &record.version_id))
        })
        .await
}

pub(super) async fn put_object_tagging(
    s3: &S3,
    request: S3Request<PutObjectTaggingInput>,
) -> S3Result<S3Response<PutObjectTaggingOutput>> {
    let context = S3Context::of(&request)?;
    let input = request.input;
    let tags = of_set(input.tagging.tag_set, OBJECT_TAGS_MAX)?;
    let named = named!(input);
    let version_id = set(s3, context, named, (tags, EventName::TaggingPut)).await?;
    Ok(S3Response::new(PutObjectTaggingOutput { version_id }))
}

pub(super) async fn delete_object_tagging(
    s3: &S3,
    request: S3Request<DeleteObjectTaggingInput>,
) -> S3Result<S3Response<DeleteObjectTaggingOutput>> {
    let context = S3Context::of(&request)?;
    let input = request.input;
    let named = named!(input);
    let version_id = set(s3, context, named, (Vec::new(), EventName::TaggingDelete)).await?;
    let output = DeleteObjectTaggingOutput { version_id };
    Ok(with_status(output, http::StatusCode::NO_CONTENT))
}

/// A bucket's tags are a setting like the others.
const BUCKET_TAGS: Setting =
    Setting { name: "tagging", missing: ("NoSuchTagSet", "The TagSet does not exist") };

pub(super) async fn get_bucket_tagging(
    s3: &S3,
    request: S3Request<GetBucketTaggingInput>,
) -> S3Result<S3Response<GetBucketTaggingOutput>> {
    let context = S3Context::of(&request)?;
    let input = request.input;
    let tags: Pairs =
        bucket_settings::get(s3, context, input.bucket, input.expected_bucket_owner, BUCKET_TAGS).await?;
    Ok(S3Response::new(GetBucketTaggingOutput { tag_set: to_set(tags) }))
}

pub(super) async fn put_bucket_tagging(
    s3: &S3,
    request: S3Request<PutBucketTaggingInput>,
) -> S3Result<S3Response<PutBucketTaggingOutput>> {
    let context = S3Context::of(&request)?;
    let input = request.input;
    let tags = of_set(input.tagging.tag_set, BUCKET_TAGS_MAX)?;
    let owner = input.expected_bucket_owner;
    let tags = Some(&tags).filter(|tags| !tags.is_empty());
    bucket_settings::set(s3, context, input.bucket, owner, BUCKET_TAGS, tags).await?;
    Ok(no_content::<PutBucketTaggingOutput>())
}

pub(super) async fn delete_bucket_tagging(
    s3: &S3,
    request: S3Request<DeleteBucketTaggingInput>,
) -> S3Result<S3Response<DeleteBucketTaggingOutput>> {
    let context = S3Context::of(&request)?;
    let input = request.input;
    let owner = input.expected_bucket_owner;
    bucket_settings::set::<Pairs>(s3, context, input.bucket, owner, BUCKET_TAGS, None).await?;
    Ok(no_content::<DeleteBucketTaggingOutput>())
}
