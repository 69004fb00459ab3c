"""S3: buckets and objects through boto3, plain HTTP and the AWS CLI."""

import base64
import datetime
import hashlib
import os
import socket
import subprocess
import urllib.error
import urllib.request
import uuid
import zlib

import boto3
import pytest
from botocore.config import Config

import toolbox
from refusals import refused

DAY = datetime.timedelta(days=1)


def test_buckets_are_created_found_listed_and_deleted(s3, bucket):
    assert s3.head_bucket(Bucket=bucket)["BucketRegion"] == "us-east-1"
    assert s3.get_bucket_location(Bucket=bucket)["LocationConstraint"] is None
    assert bucket in [found["Name"] for found in s3.list_buckets()["Buckets"]]
    s3.create_bucket(Bucket=bucket)  # in us-east-1 that is no error
    s3.put_object(Bucket=bucket, Key="k", Body=b"")
    with refused(409, "BucketNotEmpty", "The bucket you tried to delete is not empty"):
        s3.delete_bucket(Bucket=bucket)
    s3.delete_object(Bucket=bucket, Key="k")
    s3.delete_bucket(Bucket=bucket)
    with refused(404, "404"):
        s3.head_bucket(Bucket=bucket)
    with refused(404, "NoSuchBucket", "The specified bucket does not exist") as caught:
        s3.list_objects_v2(Bucket=bucket)
    assert caught.value.response["Error"]["BucketName"] == bucket


def test_a_bucket_belongs_to_one_account_and_region(server, bucket):
    elsewhere = server.client(service="s3", region="eu-west-1")
    with refused(400, "IllegalLocationConstraintException"):
        elsewhere.create_bucket(Bucket=f"b-{uuid.uuid4()}")
    with refused(409, "BucketAlreadyOwnedByYou"):
        elsewhere.create_bucket(Bucket=bucket, CreateBucketConfiguration={"LocationConstraint": "eu-west-1"})
    stranger = server.client(service="s3", access_key="111111111111")
    with refused(409, "BucketAlreadyExists"):
        stranger.create_bucket(Bucket=bucket)
    with refused(403, "AccessDenied", "Access Denied"):
        stranger.list_objects_v2(Bucket=bucket)
    assert stranger.list_buckets()["Buckets"] == []
    with refused(400, "InvalidBucketName", "The specified bucket is not valid."):
        stranger.create_bucket(Bucket="ab")


@pytest.mark.parametrize("key", ["plain", "with space/ü+&=?#.txt", "../../etc/passwd", "a//b/", "%41", "x" * 1024])
def test_an_object_comes_back_as_it_was_put(s3, bucket, key):
    body = uuid.uuid4().bytes * 100
    put = s3.put_object(
        Bucket=bucket,
        Key=key,
        Body=body,
        ContentType="image/png",
        CacheControl="no-cache",
        ContentDisposition="inline",
        ContentLanguage="de",
        ContentEncoding="gzip",
        Metadata={"colour": "red"},
        StorageClass="STANDARD_IA",
    )
    assert put["ETag"] == f'"{hashlib.md5(body).hexdigest()}"'
    got = s3.get_object(Bucket=bucket, Key=key)
    assert got["Body"].read() == body
    for answer in (got, s3.head_object(Bucket=bucket, Key=key)):
        assert answer["ContentLength"] == len(body) and answer["ETag"] == put["ETag"]
        assert (answer["ContentType"], answer["CacheControl"]) == ("image/png", "no-cache")
        assert (answer["ContentDisposition"], answer["ContentLanguage"]) == ("inline", "de")
        assert (answer["ContentEncoding"], answer["StorageClass"]) == ("gzip", "STANDARD_IA")
        assert answer["Metadata"] == {"colour": "red"} and answer["AcceptRanges"] == "bytes"
    assert [found["Key"] for found in s3.list_objects_v2(Bucket=bucket)["Contents"]] == [key]
    s3.delete_object(Bucket=bucket, Key=key)
    s3.delete_object(Bucket=bucket, Key=key)  # what is not there can be deleted
    with refused(404, "NoSuchKey", "The specified key does not exist.") as caught:
        s3.get_object(Bucket=bucket, Key=key)
    assert caught.value.response["Error"]["Key"] == key


def test_wrong_uploads_are_refused_and_leave_nothing(s3, bucket):
    with refused(400, "BadDigest", "The Content-MD5 you specified did not match what we received."):
        s3.put_object(Bucket=bucket, Key="k", Body=b"a", ContentMD5=base64.b64encode(bytes(16)).decode())
    with refused(400, "InvalidDigest"):
        s3.put_object(Bucket=bucket, Key="k", Body=b"a", ContentMD5="x")
    with refused(400, "BadDigest", "The CRC32 you specified did not match the calculated checksum."):
        s3.put_object(Bucket=bucket, Key="k", Body=b"a", ChecksumCRC32="AAAAAA==")
    with refused(400, "InvalidRequest"):
        s3.put_object(Bucket=bucket, Key="k", Body=b"a", ChecksumSHA256="AAAAAA==")
    with refused(400, "InvalidStorageClass"):
        s3.put_object(Bucket=bucket, Key="k", Body=b"a", StorageClass="NOPE")
    with refused(400, "MetadataTooLarge"):
        s3.put_object(Bucket=bucket, Key="k", Body=b"a", Metadata={"x": "y" * 3000})
    with refused(400, "KeyTooLongError"):
        s3.put_object(Bucket=bucket, Key="k" * 1025, Body=b"a")
    assert "Contents" not in s3.list_objects_v2(Bucket=bucket)


@pytest.mark.parametrize("algorithm", ["CRC32", "SHA1", "SHA256"])
def test_checksums_are_checked_kept_and_told(s3, bucket, algorithm):
    body = b"some bytes" * 1000
    expected = {
        "CRC32": zlib.crc32(body).to_bytes(4, "big"),
        "SHA1": hashlib.sha1(body).digest(),
        "SHA256": hashlib.sha256(body).digest(),
    }[algorithm]
    expected = base64.b64encode(expected).decode()
    put = s3.put_object(Bucket=bucket, Key="k", Body=body, ChecksumAlgorithm=algorithm)
    assert (put[f"Checksum{algorithm}"], put["ChecksumType"]) == (expected, "FULL_OBJECT")
    head = s3.head_object(Bucket=bucket, Key="k", ChecksumMode="ENABLED")
    assert head[f"Checksum{algorithm}"] == expected
    assert f"Checksum{algorithm}" not in s3.head_object(Bucket=bucket, Key="k")
    told = s3.get_object_attributes(Bucket=bucket, Key="k", ObjectAttributes=["Checksum", "ETag", "ObjectSize"])
    assert told["Checksum"][f"Checksum{algorithm}"] == expected
    assert (told["ETag"], told["ObjectSize"]) == (hashlib.md5(body).hexdigest(), len(body))


def test_without_a_wish_the_checksum_is_crc64nvme(server, bucket):
    s3 = server.client(service="s3", request_checksum_calculation="when_required")
    put = s3.put_object(Bucket=bucket, Key="k", Body=b"123456789")
    assert put["ChecksumCRC64NVME"] == "rosUhgp5mIg=", "the check value of the algorithm"


@pytest.mark.parametrize(
    "asked, status, expected",
    [
        ("bytes=0-3", 206, b"0123"),
        ("bytes=4-", 206, b"456789"),
        ("bytes=-2", 206, b"89"),
        ("bytes=8-99", 206, b"89"),
        ("bytes=5-4", 200, b"0123456789"),
        ("bytes=0-1,4-5", 200, b"0123456789"),
        ("lines=1-2", 200, b"0123456789"),
    ],
)
def test_ranges(s3, bucket, asked, status, expected):
    s3.put_object(Bucket=bucket, Key="k", Body=b"0123456789")
    got = s3.get_object(Bucket=bucket, Key="k", Range=asked)
    assert (got["ResponseMetadata"]["HTTPStatusCode"], got["Body"].read()) == (status, expected)
    head = s3.head_object(Bucket=bucket, Key="k", Range=asked)
    assert (head["ResponseMetadata"]["HTTPStatusCode"], head["ContentLength"]) == (status, len(expected))
    with refused(416, "InvalidRange", "The requested range is not satisfiable") as caught:
        s3.get_object(Bucket=bucket, Key="k", Range="bytes=10-")
    assert caught.value.response["Error"]["ActualObjectSize"] == "10"


def test_reads_with_conditions(s3, bucket):
    put = s3.put_object(Bucket=bucket, Key="k", Body=b"a")
    modified = s3.head_object(Bucket=bucket, Key="k")["LastModified"]
    fine = [
        {"IfMatch": put["ETag"]},
        {"IfMatch": "*"},
        {"IfNoneMatch": '"other"'},
        {"IfModifiedSince": modified - DAY},
        {"IfUnmodifiedSince": modified},
        {"IfMatch": put["ETag"], "IfUnmodifiedSince": modified - DAY},
        {"IfNoneMatch": '"other"', "IfModifiedSince": modified + DAY},
    ]
    for conditions in fine:
        assert s3.get_object(Bucket=bucket, Key="k", **conditions)["Body"].read() == b"a", conditions
    for conditions in [{"IfMatch": '"other"'}, {"IfUnmodifiedSince": modified - DAY}]:
        with refused(412, "PreconditionFailed"):
            s3.get_object(Bucket=bucket, Key="k", **conditions)
    for conditions in [{"IfNoneMatch": put["ETag"]}, {"IfModifiedSince": modified}]:
        with refused(304, "304"):
            s3.get_object(Bucket=bucket, Key="k", **conditions)


def test_writes_with_conditions(s3, bucket):
    with refused(404, "NoSuchKey"):
        s3.put_object(Bucket=bucket, Key="k", Body=b"a", IfMatch='"x"')
    etag = s3.put_object(Bucket=bucket, Key="k", Body=b"a", IfNoneMatch="*")["ETag"]
    with refused(412, "PreconditionFailed") as caught:
        s3.put_object(Bucket=bucket, Key="k", Body=b"b", IfNoneMatch="*")
    assert caught.value.response["Error"]["Condition"] == "If-None-Match"
    with refused(412, "PreconditionFailed"):
        s3.put_object(Bucket=bucket, Key="k", Body=b"b", IfMatch='"x"')
    s3.put_object(Bucket=bucket, Key="k", Body=b"b", IfMatch=etag)
    with refused(412, "PreconditionFailed"):
        s3.delete_object(Bucket=bucket, Key="k", IfMatch=etag)
    assert s3.get_object(Bucket=bucket, Key="k")["Body"].read() == b"b"


def test_copies(s3, bucket):
    s3.put_object(Bucket=bucket, Key="a b/ü", Body=b"x" * 1000, Metadata={"m": "1"}, Tagging="t=1", ContentType="text/css")
    source = {"Bucket": bucket, "Key": "a b/ü"}
    copied = s3.copy_object(Bucket=bucket, Key="copy", CopySource=source)["CopyObjectResult"]
    got = s3.get_object(Bucket=bucket, Key="copy")
    assert (got["ETag"], got["Metadata"], got["ContentType"]) == (copied["ETag"], {"m": "1"}, "text/css")
    assert s3.get_object_tagging(Bucket=bucket, Key="copy")["TagSet"] == [{"Key": "t", "Value": "1"}]
    s3.copy_object(
        Bucket=bucket,
        Key="copy",
        CopySource=source,
        MetadataDirective="REPLACE",
        Metadata={"n": "2"},
        TaggingDirective="REPLACE",
        Tagging="u=2",
    )
    assert s3.head_object(Bucket=bucket, Key="copy")["Metadata"] == {"n": "2"}
    assert s3.get_object_tagging(Bucket=bucket, Key="copy")["TagSet"] == [{"Key": "u", "Value": "2"}]
    with refused(400, "InvalidRequest", contains=["without changing the object's metadata"]):
        s3.copy_object(Bucket=bucket, Key="copy", CopySource={"Bucket": bucket, "Key": "copy"})
    with refused(412, "PreconditionFailed"):
        s3.copy_object(Bucket=bucket, Key="c", CopySource=source, CopySourceIfMatch='"x"')
    with refused(404, "NoSuchKey") as caught:
        s3.copy_object(Bucket=bucket, Key="c", CopySource={"Bucket": bucket, "Key": "missing"})
    assert caught.value.response["Error"]["Key"] == "missing"


def test_many_are_deleted_at_once(s3, bucket):
    for number in range(3):
        s3.put_object(Bucket=bucket, Key=f"k{number}", Body=b"a")
    answer = s3.delete_objects(Bucket=bucket, Delete={"Objects": [{"Key": "k0"}, {"Key": "none"}]})
    assert sorted(found["Key"] for found in answer["Deleted"]) == ["k0", "none"]
    quiet = s3.delete_objects(Bucket=bucket, Delete={"Objects": [{"Key": "k1"}], "Quiet": True})
    assert "Deleted" not in quiet and "Errors" not in quiet
    assert [found["Key"] for found in s3.list_objects_v2(Bucket=bucket)["Contents"]] == ["k2"]


def test_tags_of_objects_and_buckets(s3, bucket):
    s3.put_object(Bucket=bucket, Key="k", Body=b"a", Tagging="a=1&b=two%20words")
    tags = [{"Key": "a", "Value": "1"}, {"Key": "b", "Value": "two words"}]
    assert s3.get_object_tagging(Bucket=bucket, Key="k")["TagSet"] == tags
    assert s3.get_object(Bucket=bucket, Key="k")["TagCount"] == 2
    s3.put_object_tagging(Bucket=bucket, Key="k", Tagging={"TagSet": [{"Key": "c", "Value": ""}]})
    assert s3.get_object_tagging(Bucket=bucket, Key="k")["TagSet"] == [{"Key": "c", "Value": ""}]
    s3.delete_object_tagging(Bucket=bucket, Key="k")
    assert s3.get_object_tagging(Bucket=bucket, Key="k")["TagSet"] == []
    many = [{"Key": f"k{number}", "Value": "v"} for number in range(11)]
    with refused(400, "BadRequest", "Object tags cannot be greater than 10"):
        s3.put_object_tagging(Bucket=bucket, Key="k", Tagging={"TagSet": many})
    with refused(400, "InvalidTag", "Cannot provide multiple Tags with the same key"):
        s3.put_object_tagging(Bucket=bucket, Key="k", Tagging={"TagSet": many[:1] * 2})
    with refused(404, "NoSuchTagSet", "The TagSet does not exist"):
        s3.get_bucket_tagging(Bucket=bucket)
    s3.put_bucket_tagging(Bucket=bucket, Tagging={"TagSet": many})
    assert s3.get_bucket_tagging(Bucket=bucket)["TagSet"] == many
    s3.delete_bucket_tagging(Bucket=bucket)
    with refused(404, "NoSuchTagSet"):
        s3.get_bucket_tagging(Bucket=bucket)


@pytest.mark.parametrize("version", ["s3", "s3v4"])
def test_presigned_requests(server, bucket, version):
    s3 = server.client(service="s3", signature_version=version)
    put = s3.generate_presigned_url("put_object", Params={"Bucket": bucket, "Key": "p q", "Metadata": {"m": "1"}})
    headers = {"x-amz-meta-m": "1"} if version == "s3v4" else {}
    request = urllib.request.Request(put, data=b"presigned", method="PUT", headers=headers)
    assert urllib.request.urlopen(request).status == 200
    assert s3.head_object(Bucket=bucket, Key="p q")["Metadata"] == {"m": "1"}
    get = s3.generate_presigned_url(
        "get_object", Params={"Bucket": bucket, "Key": "p q", "ResponseContentType": "text/css"}
    )
    with urllib.request.urlopen(get) as answer:
        assert (answer.read(), answer.headers["Content-Type"]) == (b"presigned", "text/css")
    late = s3.generate_presigned_url("get_object", Params={"Bucket": bucket, "Key": "p q"}, ExpiresIn=-10)
    with pytest.raises(urllib.error.HTTPError) as caught:
        urllib.request.urlopen(late)
    assert caught.value.code == 403 and b"<Message>Request has expired</Message>" in caught.value.read()


def test_a_host_names_the_bucket(server, s3, bucket):
    s3.put_object(Bucket=bucket, Key="a/b", Body=b"virtual")
    for host in (f"{bucket}.s3.localhost", f"{bucket}.s3.eu-west-1.amazonaws.com", f"{bucket}.s3-eu-west-1.amazonaws.com"):
        request = urllib.request.Request(f"{server.endpoint}/a/b", headers={"Host": host})
        assert urllib.request.urlopen(request).read() == b"virtual", host
    # Without a signature and without a host of S3's, the path names the bucket.
    assert urllib.request.urlopen(f"{server.endpoint}/{bucket}/a/b").read() == b"virtual"


def test_a_client_with_virtual_hosts(server, bucket, monkeypatch):
    port = server.endpoint.rsplit(":", 1)[1]
    resolve = socket.getaddrinfo

    def everything_is_here(host, *rest, **more):
        return resolve("127.0.0.1" if str(host).endswith(".localhost") else host, *rest, **more)

    monkeypatch.setattr(socket, "getaddrinfo", everything_is_here)
    s3 = boto3.client(
        "s3",
        endpoint_url=f"http://s3.localhost:{port}",
        region_name="us-east-1",
        aws_access_key_id="test",
        aws_secret_access_key="test",
        config=Config(s3={"addressing_style": "virtual"}),
    )
    asked = []
    s3.meta.events.register("before-send.s3", lambda request, **_: asked.append(request.url))
    s3.put_object(Bucket=bucket, Key="v", Body=b"hosted")
    assert s3.get_object(Bucket=bucket, Key="v")["Body"].read() == b"hosted"
    assert all(url.startswith(f"http://{bucket}.s3.localhost:") for url in asked) and asked


def test_an_unknown_operation_is_named(s3, bucket):
    with refused(501, "NotImplemented", contains=["ListBucketInventoryConfigurations"]):
        s3.list_bucket_inventory_configurations(Bucket=bucket)
    with refused(501, "NotImplemented", contains=["--accept-inert-settings"]):
        s3.put_bucket_website(Bucket=bucket, WebsiteConfiguration={"IndexDocument": {"Suffix": "index.html"}})


def test_settings_of_a_bucket_come_back(s3, bucket):
    assert s3.get_bucket_encryption(Bucket=bucket)["ServerSideEncryptionConfiguration"]["Rules"] == [
        {"ApplyServerSideEncryptionByDefault": {"SSEAlgorithm": "AES256"}, "BucketKeyEnabled": False}
    ]
    with refused(404, "NoSuchCORSConfiguration", "The CORS configuration does not exist"):
        s3.get_bucket_cors(Bucket=bucket)
    rules = [{"AllowedMethods": ["GET"], "AllowedOrigins": ["https://example.com"]}]
    s3.put_bucket_cors(Bucket=bucket, CORSConfiguration={"CORSRules": rules})
    assert s3.get_bucket_cors(Bucket=bucket)["CORSRules"] == rules
    with refused(400, "InvalidRequest", contains=["Unsupported method is NOPE"]):
        wrong = [{"AllowedMethods": ["NOPE"], "AllowedOrigins": ["*"]}]
        s3.put_bucket_cors(Bucket=bucket, CORSConfiguration={"CORSRules": wrong})
    s3.put_public_access_block(Bucket=bucket, PublicAccessBlockConfiguration={"BlockPublicAcls": True})
    block = s3.get_public_access_block(Bucket=bucket)["PublicAccessBlockConfiguration"]
    assert block == {
        "BlockPublicAcls": True,
        "IgnorePublicAcls": False,
        "BlockPublicPolicy": False,
        "RestrictPublicBuckets": False,
    }
    s3.delete_public_access_block(Bucket=bucket)
    with refused(404, "NoSuchPublicAccessBlockConfiguration"):
        s3.get_public_access_block(Bucket=bucket)
    policy = '{"Version": "2012-10-17", "Statement": []}'
    s3.put_bucket_policy(Bucket=bucket, Policy=policy)
    assert s3.get_bucket_policy(Bucket=bucket)["Policy"] == policy
    s3.delete_bucket_policy(Bucket=bucket)
    with refused(404, "NoSuchBucketPolicy", "The bucket policy does not exist"):
        s3.get_bucket_policy(Bucket=bucket)
    with refused(400, "MalformedPolicy"):
        s3.put_bucket_policy(Bucket=bucket, Policy="no policy")
    with refused(400, "AccessControlListNotSupported", "The bucket does not allow ACLs"):
        s3.put_bucket_acl(Bucket=bucket, ACL="public-read")
    assert s3.get_bucket_acl(Bucket=bucket)["Grants"][0]["Permission"] == "FULL_CONTROL"


def test_the_command_line_copies_and_synchronises(server, bucket, tmp_path):
    folder = tmp_path / "from"
    (folder / "sub").mkdir(parents=True)
    (folder / "one.txt").write_text("one")
    (folder / "sub" / "two.bin").write_bytes(bytes(9 * 1024 * 1024))

    def aws(*arguments):
        environment = {**os.environ, **server.environment()}
        command = [str(toolbox.aws_cli_1()), "s3", *map(str, arguments)]
        done = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=120, check=False)
        assert done.returncode == 0, done.stderr
        return done.stdout

    aws("sync", folder, f"s3://{bucket}/tree")
    listed = aws("ls", "--recursive", f"s3://{bucket}/")
    assert "tree/one.txt" in listed and "9437184 tree/sub/two.bin" in listed
    aws("cp", f"s3://{bucket}/tree/one.txt", tmp_path / "back.txt")
    assert (tmp_path / "back.txt").read_text() == "one"
    aws("sync", f"s3://{bucket}/tree", tmp_path / "to")
    assert (tmp_path / "to" / "sub" / "two.bin").read_bytes() == bytes(9 * 1024 * 1024)
    aws("rm", "--recursive", f"s3://{bucket}/")
    assert aws("ls", f"s3://{bucket}/") == ""
