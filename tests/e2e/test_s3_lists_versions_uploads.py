"""S3: listings, versions, uploads in parts."""

import hashlib
import io
import os

import pytest

from refusals import refused

MIB = 1024 * 1024


@pytest.fixture
def versioned(s3, bucket):
    s3.put_bucket_versioning(Bucket=bucket, VersioningConfiguration={"Status": "Enabled"})
    return bucket


def keys(answer):
    return [found["Key"] for found in answer.get("Contents", [])]


def prefixes(answer):
    return [found["Prefix"] for found in answer.get("CommonPrefixes", [])]


def put(s3, bucket, *names):
    for name in names:
        s3.put_object(Bucket=bucket, Key=name, Body=name.encode())


# --- Listings ---------------------------------------------------------------------------------------------------


def test_twelve_hundred_keys_come_in_pages(s3, bucket):
    names = sorted(f"k{number:04}" for number in range(1200))
    put(s3, bucket, *names)
    pages = list(s3.get_paginator("list_objects_v2").paginate(Bucket=bucket))
    assert [len(keys(page)) for page in pages] == [1000, 200]
    assert [key for page in pages for key in keys(page)] == names
    assert pages[0]["IsTruncated"] and not pages[1]["IsTruncated"]
    old = list(s3.get_paginator("list_objects").paginate(Bucket=bucket, PaginationConfig={"PageSize": 700}))
    assert [key for page in old for key in keys(page)] == names


def test_a_delimiter_gathers_keys(s3, bucket):
    put(s3, bucket, "a", "b/1", "b/2/x", "c/", "d/1", "b")
    whole = s3.list_objects_v2(Bucket=bucket, Delimiter="/")
    assert (keys(whole), prefixes(whole), whole["KeyCount"]) == (["a", "b"], ["b/", "c/", "d/"], 5)
    below = s3.list_objects_v2(Bucket=bucket, Delimiter="/", Prefix="b/")
    assert (keys(below), prefixes(below)) == (["b/1"], ["b/2/"])
    seen, token = [], None
    while True:
        more = {"ContinuationToken": token} if token else {}
        page = s3.list_objects_v2(Bucket=bucket, Delimiter="/", MaxKeys=1, **more)
        seen += keys(page) + prefixes(page)
        token = page.get("NextContinuationToken")
        if not page["IsTruncated"]:
            break
    assert seen == ["a", "b", "b/", "c/", "d/"], "one at a time, each once"
    first = s3.list_objects(Bucket=bucket, Delimiter="/", MaxKeys=3)
    assert (first["NextMarker"], first["IsTruncated"]) == ("b/", True)
    rest = s3.list_objects(Bucket=bucket, Delimiter="/", Marker="b/")
    assert (keys(rest), prefixes(rest)) == ([], ["c/", "d/"])


def test_keys_sort_as_their_bytes(s3, bucket):
    names = ["Z", "a", "\u00e9", "\ue000", "\U0001f600", "~"]
    put(s3, bucket, *names)
    assert keys(s3.list_objects_v2(Bucket=bucket)) == sorted(names, key=str.encode)
    assert keys(s3.list_objects_v2(Bucket=bucket, StartAfter="\u00e9")) == ["\ue000", "\U0001f600"]
    assert keys(s3.list_objects_v2(Bucket=bucket, Prefix="\U0001f600")) == ["\U0001f600"]


def test_what_a_listing_can_be_asked(s3, bucket):
    put(s3, bucket, "a b", "c")
    listed = s3.list_objects_v2(Bucket=bucket, FetchOwner=True)
    assert len(listed["Contents"][0]["Owner"]["ID"]) == 64
    assert "Owner" not in s3.list_objects_v2(Bucket=bucket)["Contents"][0]
    assert keys(s3.list_objects_v2(Bucket=bucket, MaxKeys=0)) == []
    assert keys(s3.list_objects_v2(Bucket=bucket, StartAfter="b")) == ["c"]
    with refused(400, "InvalidArgument", "The continuation token provided is incorrect"):
        s3.list_objects_v2(Bucket=bucket, ContinuationToken="bm90aGluZw")
    with refused(400, "InvalidArgument"):
        s3.list_objects_v2(Bucket=bucket, MaxKeys=-1)


# --- Versions ---------------------------------------------------------------------------------------------------


def test_versions_are_kept_and_found(s3, versioned):
    first = s3.put_object(Bucket=versioned, Key="k", Body=b"1")["VersionId"]
    second = s3.put_object(Bucket=versioned, Key="k", Body=b"2")["VersionId"]
    assert first != second
    assert s3.get_object(Bucket=versioned, Key="k")["Body"].read() == b"2"
    assert s3.get_object(Bucket=versioned, Key="k", VersionId=first)["Body"].read() == b"1"
    gone = s3.delete_object(Bucket=versioned, Key="k")
    assert gone["DeleteMarker"] is True
    with refused(404, "NoSuchKey") as caught:
        s3.get_object(Bucket=versioned, Key="k")
    assert caught.value.response["ResponseMetadata"]["HTTPHeaders"]["x-amz-delete-marker"] == "true"
    with refused(405, "MethodNotAllowed"):
        s3.get_object(Bucket=versioned, Key="k", VersionId=gone["VersionId"])
    listed = s3.list_object_versions(Bucket=versioned)
    assert [(v["VersionId"], v["IsLatest"]) for v in listed["Versions"]] == [(second, False), (first, False)]
    assert [(m["VersionId"], m["IsLatest"]) for m in listed["DeleteMarkers"]] == [(gone["VersionId"], True)]
    assert keys(s3.list_objects_v2(Bucket=versioned)) == []
    with refused(409, "BucketNotEmpty", contains=["You must delete all versions"]):
        s3.delete_bucket(Bucket=versioned)
    # Without its delete marker the object is back.
    undone = s3.delete_object(Bucket=versioned, Key="k", VersionId=gone["VersionId"])
    assert undone["DeleteMarker"] is True
    assert s3.get_object(Bucket=versioned, Key="k")["Body"].read() == b"2"
    s3.delete_object(Bucket=versioned, Key="k", VersionId=second)
    assert s3.get_object(Bucket=versioned, Key="k")["Body"].read() == b"1"
    with refused(404, "NoSuchVersion", "The specified version does not exist."):
        s3.get_object(Bucket=versioned, Key="k", VersionId=second)
    with refused(400, "InvalidArgument", "Invalid version id specified"):
        s3.get_object(Bucket=versioned, Key="k", VersionId="nonsense")


def test_a_suspended_bucket_keeps_one_version_without_an_id(s3, bucket):
    put(s3, bucket, "k")
    assert "VersionId" not in s3.head_object(Bucket=bucket, Key="k")
    s3.put_bucket_versioning(Bucket=bucket, VersioningConfiguration={"Status": "Enabled"})
    assert s3.head_object(Bucket=bucket, Key="k")["VersionId"] == "null"
    kept = s3.put_object(Bucket=bucket, Key="k", Body=b"kept")["VersionId"]
    s3.put_bucket_versioning(Bucket=bucket, VersioningConfiguration={"Status": "Suspended"})
    assert s3.get_bucket_versioning(Bucket=bucket)["Status"] == "Suspended"
    assert s3.put_object(Bucket=bucket, Key="k", Body=b"new")["VersionId"] == "null"
    ids = [version["VersionId"] for version in s3.list_object_versions(Bucket=bucket)["Versions"]]
    assert ids == ["null", kept], "the first null version was overwritten"
    marker = s3.delete_object(Bucket=bucket, Key="k")
    assert (marker["VersionId"], marker["DeleteMarker"]) == ("null", True)
    assert s3.get_object(Bucket=bucket, Key="k", VersionId=kept)["Body"].read() == b"kept"


def test_versions_come_in_pages(s3, versioned):
    made = []
    for name in ("a", "b"):
        made += [(name, s3.put_object(Bucket=versioned, Key=name, Body=b"")["VersionId"]) for _ in range(3)][::-1]
    pages = s3.get_paginator("list_object_versions").paginate(Bucket=versioned, PaginationConfig={"PageSize": 2})
    assert [(v["Key"], v["VersionId"]) for page in pages for v in page["Versions"]] == made


def test_tags_and_copies_of_versions(s3, versioned):
    old = s3.put_object(Bucket=versioned, Key="k", Body=b"old")["VersionId"]
    new = s3.put_object(Bucket=versioned, Key="k", Body=b"new")["VersionId"]
    tags = {"TagSet": [{"Key": "which", "Value": "old"}]}
    assert s3.put_object_tagging(Bucket=versioned, Key="k", VersionId=old, Tagging=tags)["VersionId"] == old
    assert s3.get_object_tagging(Bucket=versioned, Key="k") ["TagSet"] == []
    source = {"Bucket": versioned, "Key": "k", "VersionId": old}
    copied = s3.copy_object(Bucket=versioned, Key="k", CopySource=source)
    assert copied["CopySourceVersionId"] == old and copied["VersionId"] not in (old, new)
    assert s3.get_object(Bucket=versioned, Key="k")["Body"].read() == b"old"
    assert s3.get_object_tagging(Bucket=versioned, Key="k")["TagSet"] == tags["TagSet"]


# --- Uploads in parts -------------------------------------------------------------------------------------------


def begin(s3, bucket, key="k", **more):
    return s3.create_multipart_upload(Bucket=bucket, Key=key, **more)["UploadId"]


def part(s3, bucket, upload, number, body, key="k"):
    done = s3.upload_part(Bucket=bucket, Key=key, UploadId=upload, PartNumber=number, Body=body)
    return {"PartNumber": number, "ETag": done["ETag"]}


def complete(s3, bucket, upload, parts, key="k", **more):
    return s3.complete_multipart_upload(
        Bucket=bucket, Key=key, UploadId=upload, MultipartUpload={"Parts": parts}, **more
    )


def test_parts_become_one_object(s3, bucket):
    bodies = [os.urandom(5 * MIB), os.urandom(6 * MIB), b"end"]
    upload = begin(s3, bucket, Metadata={"m": "1"}, ContentType="text/css")
    parts = [part(s3, bucket, upload, number, body) for number, body in zip((2, 5, 9), bodies)]
    listed = s3.list_parts(Bucket=bucket, Key="k", UploadId=upload)
    assert [(p["PartNumber"], p["Size"]) for p in listed["Parts"]] == [(2, 5 * MIB), (5, 6 * MIB), (9, 3)]
    assert [u["UploadId"] for u in s3.list_multipart_uploads(Bucket=bucket)["Uploads"]] == [upload]
    assert keys(s3.list_objects_v2(Bucket=bucket)) == [], "nothing is there before it is complete"
    done = complete(s3, bucket, upload, parts)
    digests = b"".join(hashlib.md5(body).digest() for body in bodies)
    assert done["ETag"] == f'"{hashlib.md5(digests).hexdigest()}-3"'
    got = s3.get_object(Bucket=bucket, Key="k")
    assert got["Body"].read() == b"".join(bodies) and got["Metadata"] == {"m": "1"}
    middle = s3.get_object(Bucket=bucket, Key="k", PartNumber=2)
    assert middle["Body"].read() == bodies[1] and middle["PartsCount"] == 3
    across = s3.get_object(Bucket=bucket, Key="k", Range=f"bytes={5 * MIB - 2}-{5 * MIB + 1}")
    assert across["Body"].read() == bodies[0][-2:] + bodies[1][:2]
    again = complete(s3, bucket, upload, parts)
    assert again["ETag"] == done["ETag"], "an answer that was lost can be asked for again"
    assert "Uploads" not in s3.list_multipart_uploads(Bucket=bucket)


def test_wrong_completions_are_refused(s3, bucket):
    upload = begin(s3, bucket)
    small, last = part(s3, bucket, upload, 1, b"small"), part(s3, bucket, upload, 2, b"last")
    with refused(400, "EntityTooSmall", "Your proposed upload is smaller than the minimum allowed size"):
        complete(s3, bucket, upload, [small, last])
    with refused(400, "InvalidPartOrder"):
        complete(s3, bucket, upload, [last, small])
    with refused(400, "InvalidPart"):
        complete(s3, bucket, upload, [{"PartNumber": 3, "ETag": small["ETag"]}])
    with refused(400, "InvalidPart"):
        complete(s3, bucket, upload, [{"PartNumber": 1, "ETag": last["ETag"]}])
    with refused(400, "MalformedXML"):
        complete(s3, bucket, upload, [])
    with refused(400, "InvalidArgument", "Part number must be an integer between 1 and 10000, inclusive"):
        part(s3, bucket, upload, 10_001, b"")
    with refused(404, "NoSuchUpload") as caught:
        complete(s3, bucket, "nope", [small])
    assert caught.value.response["Error"]["UploadId"] == "nope"
    complete(s3, bucket, upload, [small])
    assert s3.get_object(Bucket=bucket, Key="k")["Body"].read() == b"small", "parts that are not named go"


def test_an_aborted_upload_is_gone(s3, bucket):
    upload = begin(s3, bucket)
    part(s3, bucket, upload, 1, b"x")
    s3.abort_multipart_upload(Bucket=bucket, Key="k", UploadId=upload)
    for call in (
        lambda: part(s3, bucket, upload, 2, b"y"),
        lambda: s3.list_parts(Bucket=bucket, Key="k", UploadId=upload),
        lambda: s3.abort_multipart_upload(Bucket=bucket, Key="k", UploadId=upload),
    ):
        with refused(404, "NoSuchUpload"):
            call()


def test_a_part_can_be_a_copy(s3, bucket):
    body = os.urandom(6 * MIB)
    s3.put_object(Bucket=bucket, Key="source", Body=body)
    upload = begin(s3, bucket)
    source = {"Bucket": bucket, "Key": "source"}
    parts = []
    for number, asked in ((1, f"bytes=0-{5 * MIB - 1}"), (2, f"bytes={5 * MIB}-{6 * MIB - 1}")):
        copied = s3.upload_part_copy(
            Bucket=bucket, Key="k", UploadId=upload, PartNumber=number, CopySource=source, CopySourceRange=asked
        )
        parts.append({"PartNumber": number, "ETag": copied["CopyPartResult"]["ETag"]})
    with refused(400, "InvalidArgument", contains=["Range specified is not valid"]):
        s3.upload_part_copy(
            Bucket=bucket, Key="k", UploadId=upload, PartNumber=3, CopySource=source, CopySourceRange="bytes=0-99999999"
        )
    complete(s3, bucket, upload, parts)
    assert s3.get_object(Bucket=bucket, Key="k")["Body"].read() == body


def test_a_composite_checksum_is_told_per_part(s3, bucket):
    upload = begin(s3, bucket, ChecksumAlgorithm="SHA256")
    bodies = [os.urandom(5 * MIB), b"rest"]
    parts = []
    for number, body in enumerate(bodies, 1):
        done = s3.upload_part(
            Bucket=bucket, Key="k", UploadId=upload, PartNumber=number, Body=body, ChecksumAlgorithm="SHA256"
        )
        parts.append({"PartNumber": number, "ETag": done["ETag"], "ChecksumSHA256": done["ChecksumSHA256"]})
    with refused(400, "InvalidRequest", contains=["Checksum Type mismatch"]):
        s3.upload_part(Bucket=bucket, Key="k", UploadId=upload, PartNumber=3, Body=b"", ChecksumAlgorithm="SHA1")
    done = complete(s3, bucket, upload, parts)
    assert done["ChecksumSHA256"].endswith("-2") and done["ChecksumType"] == "COMPOSITE"
    told = s3.get_object_attributes(Bucket=bucket, Key="k", ObjectAttributes=["ObjectParts", "Checksum"])
    assert [p["ChecksumSHA256"] for p in told["ObjectParts"]["Parts"]] == [p["ChecksumSHA256"] for p in parts]


def test_the_transfer_manager(s3, bucket, tmp_path):
    body = os.urandom(20 * MIB)
    s3.upload_fileobj(io.BytesIO(body), bucket, "big")
    s3.download_file(bucket, "big", str(tmp_path / "big"))
    assert (tmp_path / "big").read_bytes() == body
    s3.copy({"Bucket": bucket, "Key": "big"}, bucket, "copy")
    assert s3.head_object(Bucket=bucket, Key="copy")["ContentLength"] == len(body)
