//! Which function does which operation. What is not here answers NotImplemented.

use s3s::{S3Request, S3Response, S3Result, dto};

use super::{
    S3, acl, bucket_settings, buckets, listing, multipart, notifications, object_lock, objects, tagging,
};

/// Makes the library's trait out of a table: method, operation, function.
macro_rules! operations {
    ($($method:ident $input:ident -> $output:ident: $function:path;)*) => {
        #[async_trait::async_trait]
        impl s3s::S3 for S3 {
            $(
                async fn $method(
                    &self,
                    request: S3Request<dto::$input>,
                ) -> S3Result<S3Response<dto::$output>> {
                    $function(self, request).await
                }
            )*
        }
    };
}

operations! {
    abort_multipart_upload AbortMultipartUploadInput -> AbortMultipartUploadOutput: multipart::abort_multipart_upload;
    complete_multipart_upload CompleteMultipartUploadInput -> CompleteMultipartUploadOutput: multipart::complete_multipart_upload;
    copy_object CopyObjectInput -> CopyObjectOutput: objects::copy_object;
    create_bucket CreateBucketInput -> CreateBucketOutput: buckets::create_bucket;
    create_multipart_upload CreateMultipartUploadInput -> CreateMultipartUploadOutput: multipart::create_multipart_upload;
    delete_bucket DeleteBucketInput -> DeleteBucketOutput: buckets::delete_bucket;
    delete_bucket_cors DeleteBucketCorsInput -> DeleteBucketCorsOutput: bucket_settings::cors::delete;
    delete_bucket_encryption DeleteBucketEncryptionInput -> DeleteBucketEncryptionOutput: bucket_settings::encryption::delete;
    delete_bucket_lifecycle DeleteBucketLifecycleInput -> DeleteBucketLifecycleOutput: bucket_settings::lifecycle::delete;
    delete_bucket_ownership_controls DeleteBucketOwnershipControlsInput -> DeleteBucketOwnershipControlsOutput: bucket_settings::delete_bucket_ownership_controls;
    delete_bucket_policy DeleteBucketPolicyInput -> DeleteBucketPolicyOutput: bucket_settings::delete_bucket_policy;
    delete_bucket_replication DeleteBucketReplicationInput -> DeleteBucketReplicationOutput: bucket_settings::replication::delete;
    delete_bucket_tagging DeleteBucketTaggingInput -> DeleteBucketTaggingOutput: tagging::delete_bucket_tagging;
    delete_bucket_website DeleteBucketWebsiteInput -> DeleteBucketWebsiteOutput: bucket_settings::website::delete;
    delete_object DeleteObjectInput -> DeleteObjectOutput: objects::delete_object;
    delete_object_tagging DeleteObjectTaggingInput -> DeleteObjectTaggingOutput: tagging::delete_object_tagging;
    delete_objects DeleteObjectsInput -> DeleteObjectsOutput: objects::delete_objects;
    delete_public_access_block DeletePublicAccessBlockInput -> DeletePublicAccessBlockOutput: bucket_settings::public_access_block::delete;
    get_bucket_accelerate_configuration GetBucketAccelerateConfigurationInput -> GetBucketAccelerateConfigurationOutput: bucket_settings::accelerate::get;
    get_bucket_acl GetBucketAclInput -> GetBucketAclOutput: acl::get_bucket_acl;
    get_bucket_cors GetBucketCorsInput -> GetBucketCorsOutput: bucket_settings::cors::get;
    get_bucket_encryption GetBucketEncryptionInput -> GetBucketEncryptionOutput: bucket_settings::encryption::get;
    get_bucket_lifecycle_configuration GetBucketLifecycleConfigurationInput -> GetBucketLifecycleConfigurationOutput: bucket_settings::lifecycle::get;
    get_bucket_location GetBucketLocationInput -> GetBucketLocationOutput: buckets::get_bucket_location;
    get_bucket_logging GetBucketLoggingInput -> GetBucketLoggingOutput: bucket_settings::get_bucket_logging;
    get_bucket_notification_configuration GetBucketNotificationConfigurationInput -> GetBucketNotificationConfigurationOutput: notifications::get_bucket_notification_configuration;
    get_bucket_ownership_controls GetBucketOwnershipControlsInput -> GetBucketOwnershipControlsOutput: bucket_settings::get_bucket_ownership_controls;
    get_bucket_policy GetBucketPolicyInput -> GetBucketPolicyOutput: bucket_settings::get_bucket_policy;
    get_bucket_policy_status GetBucketPolicyStatusInput -> GetBucketPolicyStatusOutput: bucket_settings::get_bucket_policy_status;
    get_bucket_replication GetBucketReplicationInput -> GetBucketReplicationOutput: bucket_settings::replication::get;
    get_bucket_request_payment GetBucketRequestPaymentInput -> GetBucketRequestPaymentOutput: bucket_settings::request_payment::get;
    get_bucket_tagging GetBucketTaggingInput -> GetBucketTaggingOutput: tagging::get_bucket_tagging;
    get_bucket_versioning GetBucketVersioningInput -> GetBucketVersioningOutput: bucket_settings::get_bucket_versioning;
    get_bucket_website GetBucketWebsiteInput -> GetBucketWebsiteOutput: bucket_settings::website::get;
    get_object GetObjectInput -> GetObjectOutput: objects::get_object;
    get_object_acl GetObjectAclInput -> GetObjectAclOutput: acl::get_object_acl;
    get_object_attributes GetObjectAttributesInput -> GetObjectAttributesOutput: objects::get_object_attributes;
    get_object_legal_hold GetObjectLegalHoldInput -> GetObjectLegalHoldOutput: object_lock::get_object_legal_hold;
    get_object_lock_configuration GetObjectLockConfigurationInput -> GetObjectLockConfigurationOutput: object_lock::get_object_lock_configuration;
    get_object_retention GetObjectRetentionInput -> GetObjectRetentionOutput: object_lock::get_object_retention;
    get_object_tagging GetObjectTaggingInput -> GetObjectTaggingOutput: tagging::get_object_tagging;
    get_public_access_block GetPublicAccessBlockInput -> GetPublicAccessBlockOutput: bucket_settings::public_access_block::get;
    head_bucket HeadBucketInput -> HeadBucketOutput: buckets::head_bucket;
    head_object HeadObjectInput -> HeadObjectOutput: objects::head_object;
    list_buckets ListBucketsInput -> ListBucketsOutput: buckets::list_buckets;
    list_multipart_uploads ListMultipartUploadsInput -> ListMultipartUploadsOutput: multipart::list_multipart_uploads;
    list_object_versions ListObjectVersionsInput -> ListObjectVersionsOutput: listing::list_object_versions;
    list_objects ListObjectsInput -> ListObjectsOutput: listing::list_objects;
    list_objects_v2 ListObjectsV2Input -> ListObjectsV2Output: listing::list_objects_v2;
    list_parts ListPartsInput -> ListPartsOutput: multipart::list_parts;
    put_bucket_accelerate_configuration PutBucketAccelerateConfigurationInput -> PutBucketAccelerateConfigurationOutput: bucket_settings::put_bucket_accelerate_configuration;
    put_bucket_acl PutBucketAclInput -> PutBucketAclOutput: acl::put_bucket_acl;
    put_bucket_cors PutBucketCorsInput -> PutBucketCorsOutput: bucket_settings::cors::put;
    put_bucket_encryption PutBucketEncryptionInput -> PutBucketEncryptionOutput: bucket_settings::encryption::put;
    put_bucket_lifecycle_configuration PutBucketLifecycleConfigurationInput -> PutBucketLifecycleConfigurationOutput: bucket_settings::lifecycle::put;
    put_bucket_logging PutBucketLoggingInput -> PutBucketLoggingOutput: bucket_settings::put_bucket_logging;
    put_bucket_notification_configuration PutBucketNotificationConfigurationInput -> PutBucketNotificationConfigurationOutput: notifications::put_bucket_notification_configuration;
    put_bucket_ownership_controls PutBucketOwnershipControlsInput -> PutBucketOwnershipControlsOutput: bucket_settings::put_bucket_ownership_controls;
    put_bucket_policy PutBucketPolicyInput -> PutBucketPolicyOutput: bucket_settings::put_bucket_policy;
    put_bucket_replication PutBucketReplicationInput -> PutBucketReplicationOutput: bucket_settings::put_bucket_replication;
    put_bucket_request_payment PutBucketRequestPaymentInput -> PutBucketRequestPaymentOutput: bucket_settings::request_payment::put;
    put_bucket_tagging PutBucketTaggingInput -> PutBucketTaggingOutput: tagging::put_bucket_tagging;
    put_bucket_versioning PutBucketVersioningInput -> PutBucketVersioningOutput: bucket_settings::put_bucket_versioning;
    put_bucket_website PutBucketWebsiteInput -> PutBucketWebsiteOutput: bucket_settings::website::put;
    put_object PutObjectInput -> PutObjectOutput: objects::put_object;
    put_object_acl PutObjectAclInput -> PutObjectAclOutput: acl::put_object_acl;
    put_object_legal_hold PutObjectLegalHoldInput -> PutObjectLegalHoldOutput: object_lock::put_object_legal_hold;
    put_object_lock_configuration PutObjectLockConfigurationInput -> PutObjectLockConfigurationOutput: object_lock::put_object_lock_configuration;
    put_object_retention PutObjectRetentionInput -> PutObjectRetentionOutput: object_lock::put_object_retention;
    put_object_tagging PutObjectTaggingInput -> PutObjectTaggingOutput: tagging::put_object_tagging;
    put_public_access_block PutPublicAccessBlockInput -> PutPublicAccessBlockOutput: bucket_settings::public_access_block::put;
    restore_object RestoreObjectInput -> RestoreObjectOutput: objects::restore_object;
    upload_part UploadPartInput -> UploadPartOutput: multipart::upload_part;
    upload_part_copy UploadPartCopyInput -> UploadPartCopyOutput: multipart::upload_part_copy;
}
