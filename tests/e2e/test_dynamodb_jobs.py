"""Imports of DynamoDB's tables from buckets, and exports to them."""

import base64
import gzip
import hashlib
import json
import time

import pytest

from refusals import refused

ACCOUNT = "555555555513"


@pytest.fixture(scope="module")
def dynamodb(server):
    """In an account of its own."""
    return server.client(service="dynamodb", access_key=ACCOUNT)


@pytest.fixture(scope="module")
def s3(server):
    return server.client(service="s3", access_key=ACCOUNT)


@pytest.fixture
def bucket(s3):
    name = f"b-{time.time_ns()}"
    s3.create_bucket(Bucket=name)
    return name


def parameters(table, **more):
    """A table of one key."""
    return {
        "TableName": table,
        "AttributeDefinitions": [{"AttributeName": "id", "AttributeType": "S"}],
        "KeySchema": [{"AttributeName": "id", "KeyType": "HASH"}],
        "BillingMode": "PAY_PER_REQUEST",
        **more,
    }


def wait(describe, name, arn):
    """What became of a job."""
    deadline = time.monotonic() + 30
    while True:
        (job,) = (value for key, value in describe(**{f"{name}Arn": arn}).items() if key != "ResponseMetadata")
        if job[f"{name}Status"] != "IN_PROGRESS":
            return job
        assert time.monotonic() < deadline, job
        time.sleep(0.05)


def imported(dynamodb, bucket, table, input_format="DYNAMODB_JSON", **more):
    started = dynamodb.import_table(
        **{
            "S3BucketSource": {"S3Bucket": bucket},
            "InputFormat": input_format,
            "TableCreationParameters": parameters(table),
            **more,
        }
    )["ImportTableDescription"]
    assert (started["ImportStatus"], started["ImportedItemCount"]) == ("IN_PROGRESS", 0)
    return wait(dynamodb.describe_import, "Import", started["ImportArn"])


def counts(job):
    return job["ImportStatus"], job["ProcessedItemCount"], job["ImportedItemCount"], job["ErrorCount"]


def items(dynamodb, table):
    pages = dynamodb.get_paginator("scan").paginate(TableName=table)
    return {item["id"]["S"]: item for page in pages for item in page["Items"]}


def exported(dynamodb, table, bucket, **how):
    """What became of an export, and the lines of its files."""
    arn = dynamodb.describe_table(TableName=table)["Table"]["TableArn"]
    started = dynamodb.export_table_to_point_in_time(TableArn=arn, S3Bucket=bucket, **how)["ExportDescription"]
    assert started["ExportStatus"] == "IN_PROGRESS"
    return wait(dynamodb.describe_export, "Export", started["ExportArn"])


def lines(s3, bucket, job):
    """The lines of an export, and that its manifests are true."""
    read = lambda key: s3.get_object(Bucket=bucket, Key=key)["Body"].read()
    summary = read(job["ExportManifest"])
    assert read(job["ExportManifest"].replace(".json", ".md5")).decode() == base64.b64encode(hashlib.md5(summary).digest()).decode()
    summary = json.loads(summary)
    assert (summary["exportArn"], summary["itemCount"], summary["outputFormat"]) == (job["ExportArn"], job["ItemCount"], "DYNAMODB_JSON")
    found = []
    for entry in map(json.loads, read(summary["manifestFilesS3Key"]).splitlines()):
        file = read(entry["dataFileS3Key"])
        assert hashlib.md5(file).hexdigest() == entry["etag"]
        rows = [json.loads(line) for line in gzip.decompress(file).splitlines()]
        assert len(rows) == entry["itemCount"]
        found += rows
    assert len(found) == job["ItemCount"]
    return found


@pytest.fixture
def table(dynamodb):
    """A table whose points in time are kept, with a thousand items."""
    name = f"t-{time.time_ns()}"
    dynamodb.create_table(**parameters(name))
    dynamodb.update_continuous_backups(TableName=name, PointInTimeRecoverySpecification={"PointInTimeRecoveryEnabled": True})
    for start in range(0, 1_000, 25):
        puts = [{"PutRequest": {"Item": {"id": {"S": f"i{n}"}, "n": {"N": str(n)}}}} for n in range(start, start + 25)]
        dynamodb.batch_write_item(RequestItems={name: puts})
    return name


def test_what_is_exported_is_imported_again(dynamodb, s3, bucket, table):
    dynamodb.put_item(TableName=table, Item={"id": {"S": "all"}, "b": {"B": b"\0\1"}, "m": {"M": {"l": {"L": [{"NULL": True}, {"NS": ["1", "2.5"]}]}}}})
    job = exported(dynamodb, table, bucket, S3Prefix="there")
    assert (job["ExportStatus"], job["ItemCount"], job["ExportFormat"], job["ExportType"]) == ("COMPLETED", 1_001, "DYNAMODB_JSON", "FULL_EXPORT")
    assert job["ExportManifest"].startswith("there/AWSDynamoDB/") and job["BilledSizeBytes"] > 0
    assert len(lines(s3, bucket, job)) == 1_001
    folder = job["ExportManifest"].rsplit("/", 1)[0]
    source = {"S3Bucket": bucket, "S3KeyPrefix": f"{folder}/data/"}
    made = imported(dynamodb, bucket, f"{table}-2", S3BucketSource=source, InputCompressionType="GZIP")
    assert counts(made) == ("COMPLETED", 1_001, 1_001, 0) and made["ProcessedSizeBytes"] > 0
    assert items(dynamodb, f"{table}-2") == items(dynamodb, table)
    listed = dynamodb.list_exports(TableArn=job["TableArn"])["ExportSummaries"]
    assert listed == [{"ExportArn": job["ExportArn"], "ExportStatus": "COMPLETED", "ExportType": "FULL_EXPORT"}]
    listed = dynamodb.list_imports(TableArn=made["TableArn"])["ImportSummaryList"]
    assert [(one["ImportArn"], one["ImportStatus"]) for one in listed] == [(made["ImportArn"], "COMPLETED")]


def test_an_export_is_of_a_point_in_time(dynamodb, s3, bucket, table):
    before = items(dynamodb, table)
    time.sleep(0.01)
    at = time.time()
    time.sleep(0.01)
    dynamodb.delete_item(TableName=table, Key={"id": {"S": "i1"}})
    dynamodb.put_item(TableName=table, Item={"id": {"S": "i2"}, "n": {"N": "-2"}})
    dynamodb.put_item(TableName=table, Item={"id": {"S": "new"}})
    dynamodb.put_item(TableName=table, Item={"id": {"S": "passing"}})
    dynamodb.delete_item(TableName=table, Key={"id": {"S": "passing"}})
    then = lines(s3, bucket, exported(dynamodb, table, bucket, ExportTime=at))
    assert {row["Item"]["id"]["S"]: row["Item"] for row in then} == before
    time.sleep(0.01)
    span = {"ExportFromTime": at, "ExportToTime": time.time()}
    time.sleep(0.01)
    # Later changes are not of it.
    dynamodb.put_item(TableName=table, Item={"id": {"S": "i2"}, "n": {"N": "-3"}})
    job = exported(dynamodb, table, bucket, ExportType="INCREMENTAL_EXPORT", IncrementalExportSpecification=span)
    assert job["ExportType"] == "INCREMENTAL_EXPORT"
    rows = {row["Keys"]["id"]["S"]: row for row in lines(s3, bucket, job)}
    assert set(rows) == {"i1", "i2", "new"}
    assert rows["i1"]["OldImage"] == {"id": {"S": "i1"}, "n": {"N": "1"}} and "NewImage" not in rows["i1"]
    assert (rows["i2"]["OldImage"]["n"], rows["i2"]["NewImage"]["n"]) == ({"N": "2"}, {"N": "-2"})
    assert "OldImage" not in rows["new"] and rows["new"]["NewImage"] == {"id": {"S": "new"}}
    assert at * 1e6 < int(rows["new"]["Metadata"]["WriteTimestampMicros"]["N"]) < time.time() * 1e6
    span["ExportViewType"] = "NEW_IMAGE"
    job = exported(dynamodb, table, bucket, ExportType="INCREMENTAL_EXPORT", IncrementalExportSpecification=span)
    assert not any("OldImage" in row for row in lines(s3, bucket, job))


def test_exports_that_cannot_be(dynamodb, s3, bucket, table):
    arn = dynamodb.describe_table(TableName=table)["Table"]["TableArn"]
    job = exported(dynamodb, table, f"{bucket}-gone")
    assert (job["ExportStatus"], job["FailureCode"]) == ("FAILED", "S3NoSuchBucket")
    with refused(400, "InvalidExportTimeException"):
        dynamodb.export_table_to_point_in_time(TableArn=arn, S3Bucket=bucket, ExportTime=time.time() - 86_400)
    with refused(400, "ValidationException"):
        dynamodb.export_table_to_point_in_time(TableArn=arn, S3Bucket=bucket, ExportType="INCREMENTAL_EXPORT")
    with refused(400, "TableNotFoundException", f"Table not found: {arn}-gone"):
        dynamodb.export_table_to_point_in_time(TableArn=f"{arn}-gone", S3Bucket=bucket)
    with refused(400, "ExportNotFoundException"):
        dynamodb.describe_export(ExportArn=f"{arn}/export/01693685827463-2d8752fd")
    for unbuilt in ({"ExportFormat": "ION"}, {"S3SseAlgorithm": "KMS"}):
        with refused(501, "NotImplemented"):
            dynamodb.export_table_to_point_in_time(TableArn=arn, S3Bucket=bucket, **unbuilt)
    token = {"ClientToken": "once", "TableArn": arn, "S3Bucket": bucket}
    first = dynamodb.export_table_to_point_in_time(**token)["ExportDescription"]
    assert dynamodb.export_table_to_point_in_time(**token)["ExportDescription"]["ExportArn"] == first["ExportArn"]
    with refused(400, "ExportConflictException"):
        dynamodb.export_table_to_point_in_time(**token, S3Prefix="other")
    dynamodb.update_continuous_backups(TableName=table, PointInTimeRecoverySpecification={"PointInTimeRecoveryEnabled": False})
    with refused(400, "PointInTimeRecoveryUnavailableException", f"Point in time recovery is not enabled for table '{table}'"):
        dynamodb.export_table_to_point_in_time(TableArn=arn, S3Bucket=bucket)


def test_lines_of_csv_become_items(dynamodb, s3, bucket):
    s3.put_object(Bucket=bucket, Key="one.csv", Body="id,text,n\na,\"x, y\",1\nb,,2\n")
    table = f"t-{time.time_ns()}"
    assert counts(imported(dynamodb, bucket, table, "CSV")) == ("COMPLETED", 2, 2, 0)
    found = items(dynamodb, table)
    assert found["a"] == {"id": {"S": "a"}, "text": {"S": "x, y"}, "n": {"S": "1"}} and found["b"]["text"] == {"S": ""}
    # With a header of the request, another delimiter, and a key that is a number.
    s3.put_object(Bucket=bucket, Key="one.csv", Body="a;1\nb;2\nc;three\n")
    options = {"Csv": {"Delimiter": ";", "HeaderList": ["id", "n"]}}
    keyed = parameters(
        f"{table}-n",
        AttributeDefinitions=[{"AttributeName": "id", "AttributeType": "S"}, {"AttributeName": "n", "AttributeType": "N"}],
        KeySchema=[{"AttributeName": "id", "KeyType": "HASH"}, {"AttributeName": "n", "KeyType": "RANGE"}],
    )
    job = imported(dynamodb, bucket, f"{table}-n", "CSV", InputFormatOptions=options, TableCreationParameters=keyed)
    assert counts(job) == ("FAILED", 3, 2, 1) and job["FailureCode"] == "ItemValidationError"
    assert {item["n"]["N"] for item in items(dynamodb, f"{table}-n").values()} == {"1", "2"}


def test_what_is_no_item_is_counted(dynamodb, s3, bucket):
    rows = [{"Item": {"id": {"S": f"i{n}"}}} for n in range(250)]
    rows += [{"id": {"S": "no"}}, {"Item": {"other": {"S": "key"}}}, {"Item": {"id": {"N": "1"}}}, {"Item": {"id": {"S": "x" * 3_000}}}]
    s3.put_object(Bucket=bucket, Key="data/1.json", Body="\n".join(map(json.dumps, rows)))
    s3.put_object(Bucket=bucket, Key="data/2.json", Body=json.dumps({"Item": {"id": {"S": "last"}}}) + "what is this")
    s3.put_object(Bucket=bucket, Key="other", Body="not looked at")
    table = f"t-{time.time_ns()}"
    job = imported(dynamodb, bucket, table, S3BucketSource={"S3Bucket": bucket, "S3KeyPrefix": "data/"})
    assert counts(job) == ("FAILED", 256, 251, 5)
    assert len(items(dynamodb, table)) == 251


def test_imports_that_cannot_be(dynamodb, s3, bucket):
    table = f"t-{time.time_ns()}"
    job = imported(dynamodb, f"{bucket}-gone", table)
    assert (job["ImportStatus"], job["FailureCode"], job["FailureMessage"]) == ("FAILED", "S3NoSuchBucket", "The specified bucket does not exist")
    with refused(400, "ResourceNotFoundException"):
        dynamodb.describe_table(TableName=table)
    assert counts(imported(dynamodb, bucket, table)) == ("COMPLETED", 0, 0, 0)
    asked = {"S3BucketSource": {"S3Bucket": bucket}, "InputFormat": "DYNAMODB_JSON", "TableCreationParameters": parameters(table)}
    with refused(400, "ResourceInUseException", f"Table already exists: {table}"):
        dynamodb.import_table(**asked)
    for unbuilt in ({"InputFormat": "ION"}, {"InputCompressionType": "ZSTD"}):
        with refused(501, "NotImplemented"):
            dynamodb.import_table(**{**asked, **unbuilt})
    with refused(400, "ImportNotFoundException"):
        dynamodb.describe_import(ImportArn=f"arn:aws:dynamodb:us-east-1:{ACCOUNT}:table/gone/import/01693685827463-2d8752fd")


def test_a_server_that_dies_in_an_import_begins_it_again(fresh_server):
    """The table is there, and not to be used, until all is in it."""
    server = fresh_server("--no-sdk")
    s3, dynamodb = server.client(service="s3"), server.client(service="dynamodb")
    s3.create_bucket(Bucket="source")
    rows = (json.dumps({"Item": {"id": {"S": f"i{n}"}, "text": {"S": "x" * 100}}}) for n in range(20_000))
    s3.put_object(Bucket="source", Key="rows", Body="\n".join(rows))
    asked = {"S3BucketSource": {"S3Bucket": "source"}, "InputFormat": "DYNAMODB_JSON", "TableCreationParameters": parameters("large")}
    arn = dynamodb.import_table(**asked)["ImportTableDescription"]["ImportArn"]
    assert dynamodb.describe_table(TableName="large")["Table"]["TableStatus"] == "CREATING"
    with refused(400, "ResourceNotFoundException", "Requested resource not found"):
        dynamodb.scan(TableName="large")
    with refused(400, "ResourceInUseException"):
        dynamodb.delete_table(TableName="large")
    server.kill()
    dynamodb = fresh_server("--no-sdk", data_dir=server.data_dir).client(service="dynamodb")
    assert counts(wait(dynamodb.describe_import, "Import", arn)) == ("COMPLETED", 20_000, 20_000, 0)
    assert len(items(dynamodb, "large")) == 20_000
    assert dynamodb.describe_table(TableName="large")["Table"]["ItemCount"] == 20_000
