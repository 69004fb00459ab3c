//! The Object Lock configuration of a bucket.

use s3s::{S3Request, S3Response, S3Result, dto};
use serde::{Deserialize, Serialize};
use store::s3::{BucketRecord, Retention, Versioning};

use super::{COMPLIANCE, GOVERNANCE};
use crate::s3::{
    S3, buckets,
    context::S3Context,
    error::{Refusal, malformed_xml, refuse},
};

/// Its name among the settings of a bucket.
pub(in crate::s3) const SETTING: &str = "object_lock";
const DAY_MS: i64 = 86_400_000;
/// AWS counts so.
const DAYS_OF_YEAR: i64 = 365;

/// What is kept: that the bucket has it, and what new versions get.
#[derive(Debug, Default, Serialize, Deserialize)]
pub(in crate::s3) struct Configured {
    default_retention: Option<DefaultRetention>,
}

#[derive(Debug, Serialize, Deserialize)]
struct DefaultRetention {
    mode: String,
    days: Option<i32>,
    years: Option<i32>,
}

impl Configured {
    /// `None` where the bucket has no Object Lock.
    pub(in crate::s3) fn of(bucket: &BucketRecord) -> Option<Self> {
        serde_json::from_value(bucket.settings.get(SETTING)?.clone()).ok()
    }

    /// What a version gets that is written now.
    pub(super) fn default_retention(&self, now_ms: i64) -> Option<Retention> {
        let rule = self.default_retention.as_ref()?;
        let years = i64::from(rule.years.unwrap_or_default()) * DAYS_OF_YEAR;
        let days = i64::from(rule.days.unwrap_or_default()) + years;
        Some(Retention { mode: rule.mode.clone(), until_ms: now_ms + days * DAY_MS })
    }

    fn shown(self) -> dto::ObjectLockConfiguration {
        let default_retention = self.default_retention.map(|rule| dto::DefaultRetention {
            mode: Some(rule.mode.into()),
            days: rule.days,
            years: rule.years,
        });
        dto::ObjectLockConfiguration {
            object_lock_enabled: Some(dto::ObjectLockEnabled::from_static(dto::ObjectLockEnabled::ENABLED)),
            rule: default_retention
                .map(|retention| dto::ObjectLockRule { default_retention: Some(retention) }),
        }
    }
}

/// Reads a configuration.
fn checked(given: dto::ObjectLockConfiguration) -> Result<Configured, Refusal> {
    if given.object_lock_enabled.as_ref().map(|enabled| enabled.as_str()) != Some("Enabled") {
        return Err(malformed_xml());
    }
    let Some(rule) = given.rule else { return Ok(Configured::default()) };
    let retention = rule.default_retention.ok_or_else(malformed_xml)?;
    let mode = retention.mode.as_ref().map(|mode| mode.as_str()).unwrap_or_default();
    if ![GOVERNANCE, COMPLIANCE].contains(&mode) || retention.days.is_some() == retention.years.is_some() {
        return Err(malformed_xml());
    }
    if retention.days.or(retention.years).is_some_and(|length| length < 1) {
        return Err(refuse("InvalidArgument", "Default retention period must be a positive integer value."));
    }
    let mode = mode.to_owned();
    Ok(Configured {
        default_retention: Some(DefaultRetention { mode, days: retention.days, years: retention.years }),
    })
}

pub(in crate::s3) async fn put_object_lock_configuration(
    s3: &S3,
    request: S3Request<dto::PutObjectLockConfigurationInput>,
) -> S3Result<S3Response<dto::PutObjectLockConfigurationOutput>> {
    let context = S3Context::of(&request)?;
    let input = request.input;
    let given = input.object_lock_configuration;
    let given = given.ok_or_else(|| refuse("MissingRequestBodyError", "Request Body is empty"))?;
    let configured = serde_json::to_value(checked(given)?).map_err(|_| malformed_xml())?;
    s3.store
        .change_s3(move |transaction| {
            let owner = input.expected_bucket_owner.as_deref();
            let mut record = context.bucket(transaction, &input.bucket, owner)?;
            if record.versioning != Versioning::Enabled {
                return Err(refuse(
                    "InvalidBucketState",
                    "Versioning must be 'Enabled' on the bucket to apply a Object Lock configuration",
                ));
            }
            record.settings.insert(SETTING.to_owned(), configured);
            Ok(transaction.put_bucket(&record)?)
        })
        .await?;
    Ok(S3Response::new(dto::PutObjectLockConfigurationOutput::default()))
}

pub(in crate::s3) async fn get_object_lock_configuration(
    s3: &S3,
    request: S3Request<dto::GetObjectLockConfigurationInput>,
) -> S3Result<S3Response<dto::GetObjectLockConfigurationOutput>> {
    let context = S3Context::of(&request)?;
    let owner = request.input.expected_bucket_owner;
    let record = buckets::find(s3, context, request.input.bucket, owner).await?;
    let configured = Configured::of(&record).ok_or_else(|| {
        refuse(
            "ObjectLockConfigurationNotFoundError",
            "Object Lock configuration does not exist for this bucket",
        )
        .with("BucketName", &record.name)
    })?;
    Ok(S3Response::new(dto::GetObjectLockConfigurationOutput {
        object_lock_configuration: Some(configured.shown()),
    }))
}
