"""Wrong requests of S3, made from the API model: each is refused in S3's words, and changes nothing.

S3's model says little of what its values may be, so that what is broken here is what every operation has: its body in XML, what travels
as a number, a truth or a time in headers and in the query, and the names of buckets, keys, versions and uploads.
"""

import http.client
import uuid
import xml.etree.ElementTree as ElementTree
from dataclasses import dataclass
from urllib.parse import quote, urlencode, urlsplit

import botocore.session
import pytest
from botocore.serialize import create_serializer

from mutations import sample

MODEL = botocore.session.get_session().get_service_model("s3")
SERIALIZER = create_serializer("rest-xml", include_validation=False)
SCOPE = "AWS4-HMAC-SHA256 Credential=test/20260101/us-east-1/s3/aws4_request, SignedHeaders=host, Signature=0"
TIMEOUT_S = 20
#: Bodies that no operation takes.
BODIES = {
    "empty": b"",
    "no XML": b"{}",
    "no UTF-8": b"\xff\xfe<a/>",
    "another root": b'<Nothing xmlns="http://s3.amazonaws.com/doc/2006-03-01/"><Key>k</Key></Nothing>',
    "an entity": b'<!DOCTYPE a [<!ENTITY b "c">]><Nothing>&b;</Nothing>',
    "deep": b"<a>" * 50_000,
}
#: Texts that are no value of a type.
TEXTS = {"integer": ["seven", "1.5"], "long": ["seven"], "boolean": ["maybe"], "timestamp": ["no time"]}
CREATING = {"CreateBucket"}
#: Operations at hosts of their own, which nothing here has.
ELSEWHERE = {"ListDirectoryBuckets", "WriteGetObjectResponse", "CreateSession"}


@dataclass
class Answer:
    """Status, code and text."""

    status: int
    code: str | None
    text: str


class Bench:
    """A bucket with an object, versions and an upload that nobody may change, and requests to it."""

    def __init__(self, server):
        self.server = server
        self.s3 = server.client(service="s3")
        self.bucket = f"negatives-{uuid.uuid4().hex[:8]}"
        self.s3.create_bucket(Bucket=self.bucket)
        self.s3.put_bucket_versioning(Bucket=self.bucket, VersioningConfiguration={"Status": "Enabled"})
        self.version = self.s3.put_object(Bucket=self.bucket, Key="k", Body=b"body")["VersionId"]
        self.upload = self.s3.create_multipart_upload(Bucket=self.bucket, Key="k")["UploadId"]
        self.connection = http.client.HTTPConnection(urlsplit(server.endpoint).netloc, timeout=TIMEOUT_S)

    def members(self, operation):
        """Samples of what an operation must be given, at this bucket."""
        known = {
            "Bucket": self.bucket,
            "Key": "k",
            "UploadId": self.upload,
            "CopySource": f"{self.bucket}/k",
            "ObjectAttributes": ["ETag"],
            "PartNumber": 1,
        }
        shape = operation.input_shape
        if shape is None:
            return {}
        return {name: known[name] if name in known else sample(shape.members[name]) for name in shape.required_members}

    def call(self, operation, members, body=None, headers=None, query=None):
        """One request, with its body, headers and query as they are given."""
        request = SERIALIZER.serialize_to_request(members, operation)
        pairs = {**request["query_string"], **(query or {})} if isinstance(request["query_string"], dict) else {}
        path = request["url_path"]
        if pairs:
            path += ("&" if "?" in path else "?") + urlencode(pairs)
        payload = request["body"] if body is None else body
        lines = {**request["headers"], **(headers or {}), "Authorization": SCOPE}
        return self.send(request["method"], path, payload or b"", lines)

    def send(self, method, path, body, headers):
        """One request, whatever it is."""
        try:
            self.connection.request(method, path, body=body, headers=headers)
            answer = self.connection.getresponse()
            text = answer.read().decode(errors="replace")
        except (OSError, http.client.HTTPException):
            self.connection.close()
            raise
        if answer.getheader("connection") == "close":
            self.connection.close()
        code = ElementTree.fromstring(text).findtext("Code") if text.startswith("<?xml") and answer.status >= 300 else None
        return Answer(answer.status, code, text)

    def state(self):
        """Everything that a request could change."""
        versions = self.s3.list_object_versions(Bucket=self.bucket)
        uploads = self.s3.list_multipart_uploads(Bucket=self.bucket)
        kept = [versions.get("Versions"), versions.get("DeleteMarkers"), uploads.get("Uploads")]
        return kept, sorted(bucket["Name"] for bucket in self.s3.list_buckets()["Buckets"])


@pytest.fixture(scope="module")
def bench(module_servers):
    server = module_servers.start("--accept-inert-settings")
    bench = Bench(server)
    yield bench
    bench.connection.close()
    server.stop()


def implemented(bench):
    """The operations that do not answer NotImplemented to what is right; asked on a bucket that is not there, they do nothing."""
    for name in sorted(set(MODEL.operation_names) - ELSEWHERE):
        operation = MODEL.operation_model(name)
        members = bench.members(operation)
        if "Bucket" in members:
            members["Bucket"] = "no-such-bucket-at-all"
        if name in CREATING or bench.call(operation, members).status != 501:
            yield operation


def payload_of(operation):
    """The member that is the body in XML, if there is one."""
    shape = operation.input_shape
    name = shape.serialization.get("payload") if shape else None
    return name if name and shape.members[name].type_name == "structure" else None


def check(answer, has_body=True):
    """A refusal that a client understands; what is newer than this server is one as well."""
    assert 400 <= answer.status < 500 or answer.code == "NotImplemented", answer
    assert answer.code or not has_body, answer


def test_every_operation_is_known_here(bench):
    names = {operation.name for operation in implemented(bench)}
    assert len(names) > 70, sorted(names)
    assert {"PutObject", "GetObject", "PutObjectLockConfiguration", "RestoreObject", "DeleteObjects"} <= names


def test_bodies_that_are_no_xml_of_the_operation_are_refused(bench, subtests):
    before = bench.state()
    tried = 0
    for operation in implemented(bench):
        name = payload_of(operation)
        if name is None:
            continue
        is_required = name in operation.input_shape.required_members
        for what, body in BODIES.items():
            if what == "empty" and not is_required:
                continue
            tried += 1
            with subtests.test(msg=f"{operation.name} {what}"):
                check(bench.call(operation, bench.members(operation), body=body))
    assert tried > 80, tried
    assert bench.state() == before


def test_texts_that_are_no_values_are_refused(bench, subtests):
    before = bench.state()
    tried = 0
    for operation in implemented(bench):
        for name, member in (operation.input_shape.members if operation.input_shape else {}).items():
            place, wire = member.serialization.get("location"), member.serialization.get("name")
            if place not in ("header", "querystring"):
                continue
            # What is wrong with a length is not S3's to say, and a HEAD has no words.
            has_body = wire != "Content-Length" and operation.http["method"] != "HEAD"
            for text in TEXTS.get(member.type_name, []):
                tried += 1
                with subtests.test(msg=f"{operation.name} {name} {text!r}"):
                    more = {"headers": {wire: text}} if place == "header" else {"query": {wire: text}}
                    check(bench.call(operation, bench.members(operation), **more), has_body)
    assert tried > 60, tried
    assert bench.state() == before


def test_every_operation_refuses_buckets_and_keys_that_cannot_be(bench, subtests):
    before = bench.state()
    for operation in implemented(bench):
        members, has_body = bench.members(operation), operation.http["method"] != "HEAD"
        wrong = {"Bucket": "-begins", "Key": "k" * 1025}
        for name in members.keys() & wrong.keys():
            with subtests.test(msg=f"{operation.name} {name}"):
                check(bench.call(operation, {**members, name: wrong[name]}), has_body)
        if "Bucket" in members and operation.name not in CREATING:
            with subtests.test(msg=f"{operation.name} of a bucket that is not there"):
                answer = bench.call(operation, {**members, "Bucket": "no-such-bucket-at-all"})
                assert 400 <= answer.status < 500, answer
                assert answer.code == "NoSuchBucket" or not has_body or answer.status == 400, answer
    assert bench.state() == before


@pytest.mark.parametrize("bucket", ["ab", "A" * 20, "a" * 64, "has_underscore", "192.168.0.1", "-begins", "a..b"])
def test_names_that_no_bucket_has_are_refused(bench, bucket):
    for method, path in (("PUT", f"/{bucket}"), ("GET", f"/{bucket}"), ("GET", f"/{bucket}/k")):
        check(bench.send(method, path, b"", {"Authorization": SCOPE}))


@pytest.mark.parametrize(
    ("path", "code"),
    [
        ("/{bucket}/" + "k" * 1025, "KeyTooLongError"),
        ("/{bucket}/k?versionId=nonsense", "InvalidArgument"),
        ("/{bucket}/k?uploadId=nonsense", "NoSuchUpload"),
        ("/{bucket}?list-type=2&continuation-token=nonsense", "InvalidArgument"),
        ("/{bucket}?list-type=2&encoding-type=nonsense", "InvalidArgument"),
        ("/{bucket}/%ff", None),
    ],
)
def test_names_in_paths_are_judged(bench, path, code):
    answer = bench.send("GET", path.replace("{bucket}", bench.bucket), b"", {"Authorization": SCOPE})
    check(answer)
    assert code is None or answer.code == code, answer


def test_a_body_that_is_not_what_its_headers_say_is_refused(bench):
    before = bench.state()
    path = f"/{bench.bucket}/{quote('new')}"
    for headers in (
        {"Content-MD5": "AAAAAAAAAAAAAAAAAAAAAA=="},
        {"Content-MD5": "nonsense"},
        {"x-amz-checksum-crc32": "AAAAAA=="},
        {"x-amz-checksum-crc32": "nonsense"},
        {"x-amz-checksum-algorithm": "NOSUCH", "x-amz-sdk-checksum-algorithm": "NOSUCH"},
        {"x-amz-storage-class": "NOSUCH"},
        {"x-amz-tagging": "a=b&a=c"},
        {"x-amz-meta-a": "a" * 3000},
        {"x-amz-copy-source": "nonsense"},
        {"x-amz-copy-source": f"/{bench.bucket}/missing"},
    ):
        check(bench.send("PUT", path, b"body", {"Authorization": SCOPE, **headers}))
    assert bench.state() == before


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("DELETE", "/{bucket}/k?annotation&annotationName=a"),
        ("PUT", "/{bucket}/k?renameObject"),
        ("PUT", "/{bucket}/k?encryption"),
        ("DELETE", "/{bucket}?metadataConfiguration"),
        ("PUT", "/{bucket}?abac"),
    ],
)
def test_what_is_newer_than_this_server_is_not_taken_for_something_older(bench, method, path):
    before = bench.state()
    answer = bench.send(method, path.replace("{bucket}", bench.bucket), b"", {"Authorization": SCOPE})
    assert (answer.status, answer.code) == (501, "NotImplemented"), answer
    assert bench.state() == before
