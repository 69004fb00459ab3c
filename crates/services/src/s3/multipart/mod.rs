//! Uploads in parts.
//!
//! ```text
//!   CreateMultipartUpload -> upload --UploadPart--> upload with parts --CompleteMultipartUpload--> object
//!                              \_______________AbortMultipartUpload____________________________/
//! ```

mod beginning;
mod completing;
mod listing;
mod parts;

pub(super) use beginning::{abort_multipart_upload, create_multipart_upload};
pub(super) use completing::complete_multipart_upload;
pub(super) use listing::{list_multipart_uploads, list_parts};
pub(super) use parts::{upload_part, upload_part_copy};

use store::s3::{S3Reader, UploadRecord};

use super::{
    context::S3Context,
    error::{Refusal, refuse},
};

/// Highest number of a part (AWS).
const PART_NUMBER_MAX: i32 = 10_000;

/// An upload that goes on.
fn find(
    reader: &S3Reader<'_>,
    context: &S3Context,
    bucket: &str,
    key: &str,
    upload_id: &str,
    owner: Option<&str>,
) -> Result<UploadRecord, Refusal> {
    context.bucket(reader, bucket, owner)?;
    reader.upload(bucket, key, upload_id)?.ok_or_else(|| {
        refuse(
            "NoSuchUpload",
            "The specified upload does not exist. The upload ID may be invalid, or the upload may have been aborted or completed.",
        )
        .with("UploadId", upload_id)
    })
}

fn part_number(asked: i32) -> Result<u32, Refusal> {
    let number = u32::try_from(asked).ok().filter(|_| (1..=PART_NUMBER_MAX).contains(&asked));
    number.ok_or_else(|| {
        refuse("InvalidArgument", "Part number must be an integer between 1 and 10000, inclusive")
            .with("ArgumentName", "partNumber")
            .with("ArgumentValue", &asked.to_string())
    })
}
