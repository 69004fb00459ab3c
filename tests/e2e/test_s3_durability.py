"""S3: what was acknowledged is there, whole, after `kill -9` in the middle of writing; and a start leaves no orphans."""

import hashlib
import os
import random
import threading
import time

import pytest
from botocore.exceptions import BotoCoreError, ClientError

ROUNDS = 8
WRITERS = 3
KEYS = 4
MIB = 1024 * 1024


class Ledger:
    """What the server acknowledged of the keys of one writer, and what was under way: digests, None for nothing there."""

    def __init__(self):
        self.certain = {}
        self.open = {}

    def right(self, key):
        """The digests that are right for a key now."""
        return self.open.get(key, [self.certain.get(key)])


def digest(body):
    return hashlib.sha256(body).hexdigest()


def put(s3, key, body):
    """Whole, or in two parts when it is large."""
    if len(body) < 6 * MIB:
        s3.put_object(Bucket="kept", Key=key, Body=body)
        return
    upload = s3.create_multipart_upload(Bucket="kept", Key=key)["UploadId"]
    parts = []
    for number, piece in enumerate((body[: 5 * MIB], body[5 * MIB :]), 1):
        done = s3.upload_part(Bucket="kept", Key=key, UploadId=upload, PartNumber=number, Body=piece)
        parts.append({"PartNumber": number, "ETag": done["ETag"]})
    s3.complete_multipart_upload(Bucket="kept", Key=key, UploadId=upload, MultipartUpload={"Parts": parts})


def write_until_it_fails(s3, ledger, keys, stop):
    """Puts and deletes objects until the server is gone."""
    randomness = random.Random()
    while not stop.is_set():
        key = randomness.choice(keys)
        body = os.urandom(randomness.choice([10, 1000, 300_000, 6 * MIB]))
        removes = randomness.random() < 0.2
        after = None if removes else digest(body)
        ledger.open[key] = [*ledger.right(key), after]
        try:
            if removes:
                s3.delete_object(Bucket="kept", Key=key)
            else:
                put(s3, key, body)
        except BotoCoreError:
            return
        ledger.open.pop(key)
        ledger.certain[key] = after


def audit(s3, ledger, keys):
    """Every object is as acknowledged, or whole as it was before or after what was under way."""
    for key in keys:
        try:
            found = digest(s3.get_object(Bucket="kept", Key=key)["Body"].read())
        except ClientError as error:
            assert error.response["Error"]["Code"] == "NoSuchKey"
            found = None
        assert found in ledger.right(key), f"{key} is not what was acknowledged"
        ledger.certain[key] = found
        ledger.open.pop(key, None)


@pytest.mark.timeout(400)
def test_acknowledged_objects_survive_kill_9(fresh_server, tmp_path):
    data_dir = tmp_path / "data"
    ledgers = [Ledger() for _ in range(WRITERS)]
    groups = [[f"{group}/{index}" for index in range(KEYS)] for group in range(WRITERS)]
    randomness = random.Random(1)
    for number in range(ROUNDS):
        server = fresh_server(data_dir=data_dir)
        s3 = server.client(service="s3")
        if number == 0:
            s3.create_bucket(Bucket="kept")
        for ledger, keys in zip(ledgers, groups, strict=True):
            audit(s3, ledger, keys)
        stop = threading.Event()
        writers = [
            threading.Thread(target=write_until_it_fails, args=(server.client(service="s3"), ledger, keys, stop))
            for ledger, keys in zip(ledgers, groups, strict=True)
        ]
        for writer in writers:
            writer.start()
        time.sleep(randomness.uniform(0.2, 0.8))
        server.kill()
        stop.set()
        for writer in writers:
            writer.join()
    server = fresh_server(data_dir=data_dir)
    s3 = server.client(service="s3")
    for ledger, keys in zip(ledgers, groups, strict=True):
        audit(s3, ledger, keys)
    objects = s3.list_objects_v2(Bucket="kept").get("Contents", [])
    assert objects, "the writers wrote nothing"
    named = sum(2 if found["Size"] >= 6 * MIB else 1 for found in objects)
    for upload in s3.list_multipart_uploads(Bucket="kept").get("Uploads", []):
        parts = s3.list_parts(Bucket="kept", Key=upload["Key"], UploadId=upload["UploadId"])
        named += len(parts.get("Parts", []))
    files = [file for file in (data_dir / "objects").rglob("*") if file.is_file()]
    assert len(files) == named, "files that no object names are gone after a start"


def test_a_file_that_is_lost_is_told_at_once(fresh_server):
    """The disk lost it: reads and copies end with an error instead of looking for it for ever, and the rest goes on."""
    server = fresh_server()
    s3 = server.client(service="s3", read_timeout=10)
    s3.create_bucket(Bucket="bucket")
    s3.put_object(Bucket="bucket", Key="lost", Body=b"lost")
    for file in (server.data_dir / "objects").rglob("*"):
        if file.is_file():
            file.unlink()
    s3.put_object(Bucket="bucket", Key="there", Body=b"there")
    for call in (
        lambda: s3.get_object(Bucket="bucket", Key="lost"),
        lambda: s3.copy_object(Bucket="bucket", Key="copy", CopySource="bucket/lost"),
    ):
        with pytest.raises(ClientError) as error:
            call()
        assert error.value.response["Error"]["Code"] == "InternalError"
    assert s3.head_object(Bucket="bucket", Key="lost")["ContentLength"] == 4
    assert s3.get_object(Bucket="bucket", Key="there")["Body"].read() == b"there"
    s3.put_object(Bucket="bucket", Key="lost", Body=b"again")
    assert s3.get_object(Bucket="bucket", Key="lost")["Body"].read() == b"again"
