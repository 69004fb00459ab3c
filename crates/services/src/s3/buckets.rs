//! Buckets: create, find, list, delete.

use s3s::{
    S3Request, S3Response, S3Result,
    dto::{
        Bucket, BucketLocationConstraint, CreateBucketInput, CreateBucketOutput, DeleteBucketInput,
        DeleteBucketOutput, GetBucketLocationInput, GetBucketLocationOutput, HeadBucketInput,
        HeadBucketOutput, ListBucketsInput, ListBucketsOutput,
    },
};
use store::s3::{BucketRecord, Scan, Versioning};

use super::{
    S3,
    bucket_settings::OWNERSHIP,
    context::S3Context,
    error::{Refusal, no_content, refuse},
    listing::owner,
    object_headers::timestamp,
    object_lock,
};

/// Where a bucket is when nobody says.
const FIRST_REGION: &str = "us-east-1";
/// Buckets of one page (AWS).
const PAGE_MAX: i32 = 10_000;

/// The Region that a request asks for: its location constraint, which must be there and right in every Region but the first.
fn region_asked(input: &CreateBucketInput, context: &S3Context) -> Result<String, Refusal> {
    let asked = input.create_bucket_configuration.as_ref().and_then(|it| it.location_constraint.as_ref());
    let asked = asked.map(BucketLocationConstraint::as_str).filter(|asked| !asked.is_empty());
    match asked {
        None if context.region == FIRST_REGION => Ok(FIRST_REGION.to_owned()),
        None => Err(refuse(
            "IllegalLocationConstraintException",
            "The unspecified location constraint is incompatible for the region specific endpoint this request was sent to.",
        )),
        Some(FIRST_REGION) if context.region == FIRST_REGION => {
            Err(refuse("InvalidLocationConstraint", "The specified location-constraint is not valid"))
        }
        Some("EU") => Ok("eu-west-1".to_owned()),
        Some(asked) if context.region == FIRST_REGION || context.region == asked => Ok(asked.to_owned()),
        Some(asked) => Err(refuse(
            "IllegalLocationConstraintException",
            format!(
                "The {asked} location constraint is incompatible for the region specific endpoint this request was sent to."
            ),
        )),
    }
}

pub(super) async fn create_bucket(
    s3: &S3,
    request: S3Request<CreateBucketInput>,
) -> S3Result<S3Response<CreateBucketOutput>> {
    let context = S3Context::of(&request)?;
    let input = request.input;
    let region = region_asked(&input, &context)?;
    let location = match region.as_str() {
        FIRST_REGION => format!("/{}", input.bucket),
        _ => format!("http://{}.s3.amazonaws.com/", input.bucket),
    };
    let mut record = BucketRecord {
        name: input.bucket,
        account_id: context.account_id.clone(),
        region,
        created_ms: context.now_ms,
        versioning: Versioning::Never,
        settings: std::collections::BTreeMap::new(),
    };
    if input.object_lock_enabled_for_bucket == Some(true) {
        record.versioning = Versioning::Enabled;
        record.settings.insert(object_lock::SETTING.to_owned(), serde_json::json!({}));
    }
    if let Some(ownership) = input.object_ownership {
        record.settings.insert(OWNERSHIP.name.to_owned(), serde_json::json!([ownership.as_str()]));
    }
    s3.store
        .change_s3(move |transaction| {
            match transaction.bucket(&record.name)? {
                None => Ok::<_, Refusal>(transaction.put_bucket(&record)?),
                // In the first Region creating it again succeeds, as it did before there were others.
                Some(before) if before.account_id == record.account_id => {
                    if record.region == FIRST_REGION && before.region == FIRST_REGION {
                        return Ok(());
                    }
                    Err(refuse(
                        "BucketAlreadyOwnedByYou",
                        "Your previous request to create the named bucket succeeded and you already own it.",
                    )
                    .with("BucketName", &record.name))
                }
                Some(_) => Err(refuse(
                    "BucketAlreadyExists",
                    "The requested bucket name is not available. The bucket namespace is shared by all users of the system. Please select a different name and try again.",
                )
                .with("BucketName", &record.name)),
            }
        })
        .await?;
    Ok(S3Response::new(CreateBucketOutput { location: Some(location) }))
}

pub(super) async fn head_bucket(
    s3: &S3,
    request: S3Request<HeadBucketInput>,
) -> S3Result<S3Response<HeadBucketOutput>> {
    let context = S3Context::of(&request)?;
    let bucket = find(s3, context, request.input.bucket, request.input.expected_bucket_owner).await?;
    let output = HeadBucketOutput {
        bucket_region: Some(bucket.region),
        access_point_alias: Some(false),
        ..HeadBucketOutput::default()
    };
    let mut response = S3Response::new(output);
    response.headers.insert(http::header::CONTENT_TYPE, http::HeaderValue::from_static("application/xml"));
    Ok(response)
}

pub(super) async fn get_bucket_location(
    s3: &S3,
    request: S3Request<GetBucketLocationInput>,
) -> S3Result<S3Response<GetBucketLocationOutput>> {
    let context = S3Context::of(&request)?;
    let bucket = find(s3, context, request.input.bucket, request.input.expected_bucket_owner).await?;
    let constraint = Some(bucket.region).filter(|region| region != FIRST_REGION);
    let location_constraint = constraint.map(BucketLocationConstraint::from);
    Ok(S3Response::new(GetBucketLocationOutput { location_constraint }))
}

/// A bucket of the caller's.
pub(super) async fn find(
    s3: &S3,
    context: S3Context,
    name: String,
    expected_owner: Option<String>,
) -> Result<BucketRecord, Refusal> {
    s3.store.read_s3(move |reader| context.bucket(reader, &name, expected_owner.as_deref())).await
}

pub(super) async fn list_buckets(
    s3: &S3,
    request: S3Request<ListBucketsInput>,
) -> S3Result<S3Response<ListBucketsOutput>> {
    let context = S3Context::of(&request)?;
    let input = request.input;
    let account_id = context.account_id.clone();
    let all = s3.store.read_s3(move |reader| Ok::<_, Refusal>(reader.buckets(&account_id)?)).await?;
    let after = input.continuation_token.unwrap_or_default();
    let prefix = input.prefix.clone().unwrap_or_default();
    let mut wanted: Vec<BucketRecord> = all
        .into_iter()
        .filter(|bucket| bucket.name.starts_with(&prefix) && bucket.name > after)
        .filter(|bucket| input.bucket_region.as_ref().is_none_or(|region| *region == bucket.region))
        .collect();
    let page = input.max_buckets.filter(|max| (1..=PAGE_MAX).contains(max)).unwrap_or(PAGE_MAX);
    let page = usize::try_from(page).unwrap_or(usize::MAX);
    let is_truncated = wanted.len() > page;
    wanted.truncate(page);
    let continuation_token = wanted.last().filter(|_| is_truncated).map(|bucket| bucket.name.clone());
    let is_paged = input.max_buckets.is_some() || input.bucket_region.is_some();
    let buckets = wanted.into_iter().map(|bucket| Bucket {
        creation_date: Some(timestamp(bucket.created_ms)),
        bucket_region: is_paged.then_some(bucket.region),
        name: Some(bucket.name),
    });
    Ok(S3Response::new(ListBucketsOutput {
        buckets: Some(buckets.collect()),
        owner: Some(owner(&context.account_id)),
        prefix: input.prefix,
        continuation_token,
    }))
}

pub(super) async fn delete_bucket(
    s3: &S3,
    request: S3Request<DeleteBucketInput>,
) -> S3Result<S3Response<DeleteBucketOutput>> {
    let context = S3Context::of(&request)?;
    let input = request.input;
    s3.store
        .change_s3(move |transaction| {
            let bucket =
                context.bucket(transaction, &input.bucket, input.expected_bucket_owner.as_deref())?;
            let scan = Scan { bucket: bucket.name.clone(), limit: 1, ..Scan::default() };
            if !transaction.versions(&scan)?.lines.is_empty() {
                return Err(not_empty(bucket.versioning).with("BucketName", &bucket.name));
            }
            Ok(transaction.delete_bucket(&bucket.name)?)
        })
        .await?;
    Ok(no_content::<DeleteBucketOutput>())
}

fn not_empty(versioning: Versioning) -> Refusal {
    let message = match versioning {
        Versioning::Never => "The bucket you tried to delete is not empty",
        Versioning::Enabled | Versioning::Suspended => {
            "The bucket you tried to delete is not empty. You must delete all versions in the bucket."
        }
    };
    refuse("BucketNotEmpty", message)
}
