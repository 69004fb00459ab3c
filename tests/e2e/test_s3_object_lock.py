"""Versions that cannot be deleted, objects that must be restored first, and access control lists that are refused."""

import datetime
import time
import uuid

import pytest

from refusals import refused

PROTECTED = "Access Denied because object protected by object lock."


def soon(seconds):
    return datetime.datetime.now(datetime.timezone.utc) + datetime.timedelta(seconds=seconds)


@pytest.fixture
def locked(s3):
    """A bucket with Object Lock."""
    name = f"locked-{uuid.uuid4().hex[:12]}"
    s3.create_bucket(Bucket=name, ObjectLockEnabledForBucket=True)
    return name


def retained(mode, seconds):
    return {"ObjectLockMode": mode, "ObjectLockRetainUntilDate": soon(seconds)}


def test_a_bucket_with_object_lock_keeps_versions_for_ever(s3, locked, bucket):
    assert s3.get_bucket_versioning(Bucket=locked)["Status"] == "Enabled"
    with refused(409, "InvalidBucketState"):
        s3.put_bucket_versioning(Bucket=locked, VersioningConfiguration={"Status": "Suspended"})
    assert s3.get_object_lock_configuration(Bucket=locked)["ObjectLockConfiguration"] == {"ObjectLockEnabled": "Enabled"}
    rule = {"DefaultRetention": {"Mode": "GOVERNANCE", "Days": 2}}
    configuration = {"ObjectLockEnabled": "Enabled", "Rule": rule}
    s3.put_object_lock_configuration(Bucket=locked, ObjectLockConfiguration=configuration)
    assert s3.get_object_lock_configuration(Bucket=locked)["ObjectLockConfiguration"] == configuration
    s3.put_object(Bucket=locked, Key="by-default", Body=b"")
    found = s3.head_object(Bucket=locked, Key="by-default")
    assert found["ObjectLockMode"] == "GOVERNANCE"
    days = (found["ObjectLockRetainUntilDate"] - soon(0)).total_seconds() / 86_400
    assert 1.9 < days <= 2
    with refused(404, "ObjectLockConfigurationNotFoundError"):
        s3.get_object_lock_configuration(Bucket=bucket)
    with refused(409, "InvalidBucketState"):
        s3.put_object_lock_configuration(Bucket=bucket, ObjectLockConfiguration=configuration)
    for wrong in ({}, {"ObjectLockEnabled": "Enabled", "Rule": {"DefaultRetention": {"Mode": "GOVERNANCE"}}}):
        with refused(400, "MalformedXML"):
            s3.put_object_lock_configuration(Bucket=locked, ObjectLockConfiguration=wrong)


@pytest.mark.parametrize("mode", ["GOVERNANCE", "COMPLIANCE"])
def test_a_retained_version_is_deleted_only_as_its_mode_allows(s3, locked, mode):
    version = s3.put_object(Bucket=locked, Key="k", Body=b"kept", **retained(mode, 3600))["VersionId"]
    assert s3.delete_object(Bucket=locked, Key="k")["DeleteMarker"], "a marker goes on top of everything"
    with refused(403, "AccessDenied", PROTECTED):
        s3.delete_object(Bucket=locked, Key="k", VersionId=version)
    many = {"Objects": [{"Key": "k", "VersionId": version}]}
    assert s3.delete_objects(Bucket=locked, Delete=many)["Errors"][0]["Message"] == PROTECTED
    bypassed = {"Bucket": locked, "Key": "k", "VersionId": version, "BypassGovernanceRetention": True}
    if mode == "GOVERNANCE":
        s3.delete_object(**bypassed)
        with refused(404, "NoSuchVersion"):
            s3.get_object(Bucket=locked, Key="k", VersionId=version)
    else:
        with refused(403, "AccessDenied", PROTECTED):
            s3.delete_object(**bypassed)
        assert s3.get_object(Bucket=locked, Key="k", VersionId=version)["Body"].read() == b"kept"


def test_retention_may_be_extended_and_ends(s3, locked):
    version = s3.put_object(Bucket=locked, Key="k", Body=b"", **retained("COMPLIANCE", 3))["VersionId"]
    place = {"Bucket": locked, "Key": "k", "VersionId": version}
    with refused(403, "AccessDenied", PROTECTED):
        s3.put_object_retention(**place, Retention={"Mode": "GOVERNANCE", "RetainUntilDate": soon(3600)})
    with refused(403, "AccessDenied", PROTECTED):
        s3.put_object_retention(**place, Retention={"Mode": "COMPLIANCE", "RetainUntilDate": soon(1)})
    later = soon(4).replace(microsecond=0)
    s3.put_object_retention(**place, Retention={"Mode": "COMPLIANCE", "RetainUntilDate": later})
    retention = s3.get_object_retention(**place)["Retention"]
    assert retention == {"Mode": "COMPLIANCE", "RetainUntilDate": later}
    time.sleep(max(0, (later - soon(0)).total_seconds()) + 0.1)
    s3.delete_object(**place)


def test_a_legal_hold_holds_until_it_is_taken_off(s3, locked):
    version = s3.put_object(Bucket=locked, Key="k", Body=b"", ObjectLockLegalHoldStatus="ON")["VersionId"]
    place = {"Bucket": locked, "Key": "k", "VersionId": version}
    assert s3.head_object(**place)["ObjectLockLegalHoldStatus"] == "ON"
    with refused(403, "AccessDenied", PROTECTED):
        s3.delete_object(**place, BypassGovernanceRetention=True)
    s3.put_object_legal_hold(**place, LegalHold={"Status": "OFF"})
    assert s3.get_object_legal_hold(**place)["LegalHold"] == {"Status": "OFF"}
    s3.delete_object(**place)


def test_parts_and_copies_are_locked_as_asked(s3, locked):
    s3.put_object(Bucket=locked, Key="source", Body=b"source", **retained("GOVERNANCE", 3600))
    s3.copy_object(Bucket=locked, Key="copy", CopySource=f"{locked}/source")
    assert "ObjectLockMode" not in s3.head_object(Bucket=locked, Key="copy"), "a copy is not locked by its source"
    upload = s3.create_multipart_upload(Bucket=locked, Key="parts", **retained("COMPLIANCE", 3600))["UploadId"]
    tag = s3.upload_part(Bucket=locked, Key="parts", UploadId=upload, PartNumber=1, Body=b"x")["ETag"]
    parts = {"Parts": [{"PartNumber": 1, "ETag": tag}]}
    s3.complete_multipart_upload(Bucket=locked, Key="parts", UploadId=upload, MultipartUpload=parts)
    assert s3.head_object(Bucket=locked, Key="parts")["ObjectLockMode"] == "COMPLIANCE"


def test_what_makes_no_lock_is_refused(s3, locked, bucket):
    with refused(400, "InvalidRequest", "Bucket is missing Object Lock Configuration"):
        s3.put_object(Bucket=bucket, Key="k", Body=b"", **retained("GOVERNANCE", 60))
    with refused(400, "InvalidArgument", "The retain until date must be in the future!"):
        s3.put_object(Bucket=locked, Key="k", Body=b"", **retained("GOVERNANCE", -60))
    with refused(400, "InvalidArgument"):
        s3.put_object(Bucket=locked, Key="k", Body=b"", ObjectLockMode="GOVERNANCE")
    s3.put_object(Bucket=locked, Key="free", Body=b"")
    for call in (s3.get_object_retention, s3.get_object_legal_hold):
        with refused(404, "NoSuchObjectLockConfiguration"):
            call(Bucket=locked, Key="free")
    with refused(404, "NoSuchKey"):
        s3.put_object_legal_hold(Bucket=locked, Key="missing", LegalHold={"Status": "ON"})


@pytest.mark.parametrize("storage_class", ["GLACIER", "DEEP_ARCHIVE"])
def test_an_archived_object_is_restored_before_it_is_read(s3, bucket, storage_class):
    s3.put_object(Bucket=bucket, Key="k", Body=b"cold", StorageClass=storage_class)
    with refused(403, "InvalidObjectState"):
        s3.get_object(Bucket=bucket, Key="k")
    with refused(403, "ObjectNotInActiveTierError"):
        s3.copy_object(Bucket=bucket, Key="copy", CopySource=f"{bucket}/k")
    assert "Restore" not in s3.head_object(Bucket=bucket, Key="k")
    statuses = [
        s3.restore_object(Bucket=bucket, Key="k", RestoreRequest={"Days": 1})["ResponseMetadata"]["HTTPStatusCode"]
        for _ in range(2)
    ]
    assert statuses == [202, 200]
    assert 'ongoing-request="false"' in s3.head_object(Bucket=bucket, Key="k")["Restore"]
    assert s3.get_object(Bucket=bucket, Key="k")["Body"].read() == b"cold"
    s3.copy_object(Bucket=bucket, Key="copy", CopySource=f"{bucket}/k")
    assert s3.get_object(Bucket=bucket, Key="copy")["Body"].read() == b"cold"
    with refused(403, "InvalidObjectState"):
        s3.restore_object(Bucket=bucket, Key="copy", RestoreRequest={"Days": 1})


def test_access_control_lists_are_refused_rather_than_ignored(s3, bucket):
    s3.put_object(Bucket=bucket, Key="k", Body=b"", ACL="bucket-owner-full-control")
    for call in (
        lambda: s3.put_object(Bucket=bucket, Key="k", Body=b"", ACL="public-read"),
        lambda: s3.copy_object(Bucket=bucket, Key="c", CopySource=f"{bucket}/k", ACL="public-read"),
        lambda: s3.create_multipart_upload(Bucket=bucket, Key="m", ACL="public-read"),
        lambda: s3.put_object_acl(Bucket=bucket, Key="k", ACL="private"),
        lambda: s3.put_bucket_acl(Bucket=bucket, ACL="private"),
    ):
        with refused(400, "AccessControlListNotSupported", "The bucket does not allow ACLs"):
            call()
    with refused(400, "InvalidRequest"):
        s3.put_object(Bucket=bucket, Key="k", Body=b"", ACL="private", GrantRead="id=1")
    rules = {"Rules": [{"ObjectOwnership": "ObjectWriter"}]}
    s3.put_bucket_ownership_controls(Bucket=bucket, OwnershipControls=rules)
    s3.put_bucket_acl(Bucket=bucket, ACL="private")
    with refused(501, "NotImplemented"):
        s3.put_object(Bucket=bucket, Key="k", Body=b"", ACL="public-read")
