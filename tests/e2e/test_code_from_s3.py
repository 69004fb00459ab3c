"""Code of functions and layers from objects of this server's S3."""

import uuid
import zipfile

import pytest

from functions import Function
from lambent import ROLE
from packages import make_zip
from refusals import refused


def code(number):
    return make_zip({"app.py": f"def handler(event, context):\n    return {number}\n"})


@pytest.fixture
def bucket(s3, bucket):
    """One that keeps versions."""
    s3.put_bucket_versioning(Bucket=bucket, VersioningConfiguration={"Status": "Enabled"})
    return bucket


@pytest.fixture
def create(lambda_client, python_runtime):
    made = []

    def create(**source):
        answer = lambda_client.create_function(
            FunctionName=f"e2e-{uuid.uuid4().hex[:12]}",
            Runtime=python_runtime,
            Role=ROLE,
            Handler="app.handler",
            Code=source,
        )
        made.append(Function(lambda_client, answer["FunctionName"], answer["FunctionArn"]))
        return made[-1].wait_active()

    yield create
    for function in made:
        function.delete()


def test_a_function_is_created_and_updated_from_objects(s3, bucket, create, lambda_client):
    first = s3.put_object(Bucket=bucket, Key="a/code.zip", Body=code(1))["VersionId"]
    s3.put_object(Bucket=bucket, Key="a/code.zip", Body=code(2))
    function = create(S3Bucket=bucket, S3Key="a/code.zip")
    assert function.invoke().payload == 2, "the newest version"
    lambda_client.update_function_code(
        FunctionName=function.name, S3Bucket=bucket, S3Key="a/code.zip", S3ObjectVersion=first
    )
    assert function.wait_updated().invoke().payload == 1
    s3.delete_object(Bucket=bucket, Key="a/code.zip", VersionId=first)
    assert function.invoke().payload == 1, "the function has the code, whatever becomes of the object"


def test_what_is_too_large_for_a_request_comes_from_an_object(s3, bucket, create):
    """The bound of 50 MB holds for what is uploaded directly (Y-01)."""
    files = {f"part-{number}": bytes([number]) * (1 << 20) for number in range(60)}
    package = make_zip({"app.py": "def handler(event, context):\n    return event\n", **files}, compression=zipfile.ZIP_STORED)
    assert len(package) > 52_428_800
    s3.put_object(Bucket=bucket, Key="large.zip", Body=package)
    assert create(S3Bucket=bucket, S3Key="large.zip").invoke(7).payload == 7


def test_a_layer_is_published_from_an_object(s3, bucket, lambda_client, deploy):
    s3.put_object(Bucket=bucket, Key="layer.zip", Body=make_zip({"python/shared.py": "ANSWER = 42\n"}))
    layer = lambda_client.publish_layer_version(
        LayerName=f"layer-{uuid.uuid4().hex[:8]}", Content={"S3Bucket": bucket, "S3Key": "layer.zip"}
    )
    code = "import shared\n\ndef handler(event, context):\n    return shared.ANSWER\n"
    assert deploy(code, Layers=[layer["LayerVersionArn"]]).invoke().payload == 42


@pytest.mark.parametrize(
    "key, code_of_s3, text",
    [("missing.zip", "NoSuchKey", "The specified key does not exist.")],
)
def test_an_object_that_is_not_there(bucket, create, key, code_of_s3, text):
    expected = f"Error occurred while GetObject. S3 Error Code: {code_of_s3}. S3 Error Message: {text}"
    with refused(400, "InvalidParameterValueException", expected):
        create(S3Bucket=bucket, S3Key=key)


def test_a_bucket_that_is_not_there(create):
    expected = "S3 Error Code: NoSuchBucket. S3 Error Message: The specified bucket does not exist"
    with refused(400, "InvalidParameterValueException", contains=[expected]):
        create(S3Bucket=f"none-{uuid.uuid4()}", S3Key="code.zip")


def test_an_object_that_is_no_package(s3, bucket, create):
    s3.put_object(Bucket=bucket, Key="text.zip", Body=b"no zip at all")
    with refused(400, "InvalidParameterValueException"):
        create(S3Bucket=bucket, S3Key="text.zip")


def test_code_that_is_archived_is_refused_until_it_is_restored(s3, bucket, create):
    s3.put_object(Bucket=bucket, Key="cold.zip", Body=code(7), StorageClass="GLACIER")
    with refused(400, "InvalidParameterValueException", contains=["InvalidObjectState"]):
        create(S3Bucket=bucket, S3Key="cold.zip")
    s3.restore_object(Bucket=bucket, Key="cold.zip", RestoreRequest={"Days": 1})
    assert create(S3Bucket=bucket, S3Key="cold.zip").invoke().payload == 7
