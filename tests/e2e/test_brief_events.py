"""The brief's S3 and scheduled examples from end to end, set up with the AWS CLI and nothing else.

The handlers are as printed, with their comments filled in; boto3 is the runtime's, and nobody tells it where the server is.
"""

import json
import os
import subprocess
import time

import pytest

import toolbox
from dynamo import unique
from packages import make_zip
from queues import ACCOUNT
from test_brief import IMAGE_HANDLER, PICTURE, SCHEDULED_HANDLER

ROLE = f"arn:aws:iam::{ACCOUNT}:role/brief"

RESIZES = IMAGE_HANDLER.replace(
    "    # Upload processed image back to S3\n",
    """    import io
    s3 = boto3.client('s3')
    image = Image.open(io.BytesIO(s3.get_object(Bucket=bucket, Key=key)['Body'].read()))
    image.thumbnail((64, 64))
    small = io.BytesIO()
    image.save(small, 'PNG')
    # Upload processed image back to S3
    s3.put_object(Bucket=bucket, Key='thumbnails/' + key, Body=small.getvalue(), ContentType='image/png')
""",
)

CLEANS = SCHEDULED_HANDLER.replace(
    "    # Delete old files from S3 bucket\n",
    """    import os
    # Delete old files from S3 bucket
    bucket = os.environ['BUCKET']
    for old in s3.list_objects_v2(Bucket=bucket, Prefix='old/').get('Contents', []):
        s3.delete_object(Bucket=bucket, Key=old['Key'])
""",
)


@pytest.fixture
def aws(server, tmp_path):
    """Runs `aws` with arguments; its answer."""
    environment = {
        "PATH": os.environ["PATH"],
        "HOME": str(tmp_path),
        "AWS_ENDPOINT_URL": server.endpoint,
        "AWS_ACCESS_KEY_ID": "test",
        "AWS_SECRET_ACCESS_KEY": "test",
        "AWS_DEFAULT_REGION": "us-east-1",
    }

    def run(*arguments):
        command = [toolbox.aws_cli_1(), *map(str, arguments)]
        done = subprocess.run(command, env=environment, cwd=tmp_path, capture_output=True, text=True, timeout=60, check=False)
        assert done.returncode == 0, f"{arguments}\n{done.stderr}"
        return json.loads(done.stdout or "{}") if done.stdout.startswith(("{", "[")) else done.stdout

    return run


@pytest.fixture
def function(aws, tmp_path, python_runtime):
    """Makes a function of a package, which goes with the test; its ARN."""
    made = []

    def make(package, *more):
        name = unique("brief")
        (tmp_path / "package.zip").write_bytes(package)
        arguments = ["--runtime", python_runtime, "--handler", "lambda_function.lambda_handler", "--role", ROLE]
        arguments += ["--zip-file", "fileb://package.zip", "--timeout", "30", *more]
        answer = aws("lambda", "create-function", "--function-name", name, *arguments)
        aws("lambda", "wait", "function-active-v2", "--function-name", name)
        made.append(name)
        return answer["FunctionArn"]

    yield make
    for name in made:
        aws("lambda", "delete-function", "--function-name", name)


def allow(aws, arn, service, source):
    permission = ["--statement-id", "s", "--action", "lambda:InvokeFunction", "--principal", service, "--source-arn", source]
    aws("lambda", "add-permission", "--function-name", arn, *permission)


def test_an_image_is_uploaded_and_its_thumbnail_appears(aws, function, tmp_path, pillow):
    bucket = unique("pictures")
    arn = function(make_zip({"lambda_function.py": RESIZES, **pillow}), "--memory-size", "512")
    aws("s3", "mb", f"s3://{bucket}")
    allow(aws, arn, "s3.amazonaws.com", f"arn:aws:s3:::{bucket}")
    rules = [{"Name": "prefix", "Value": "holiday/"}, {"Name": "suffix", "Value": ".jpg"}]
    told = {"LambdaFunctionArn": arn, "Events": ["s3:ObjectCreated:*"], "Filter": {"Key": {"FilterRules": rules}}}
    configuration = json.dumps({"LambdaFunctionConfigurations": [told]})
    aws("s3api", "put-bucket-notification-configuration", "--bucket", bucket, "--notification-configuration", configuration)
    (tmp_path / "beach.jpg").write_bytes(PICTURE)
    aws("s3", "cp", "beach.jpg", f"s3://{bucket}/holiday/beach.jpg")
    aws("s3api", "wait", "object-exists", "--bucket", bucket, "--key", "thumbnails/holiday/beach.jpg")
    aws("s3", "cp", f"s3://{bucket}/thumbnails/holiday/beach.jpg", "small.png")
    small = (tmp_path / "small.png").read_bytes()
    assert small[:8] == b"\x89PNG\r\n\x1a\n"
    assert (int.from_bytes(small[16:20], "big"), int.from_bytes(small[20:24], "big")) == (64, 48)


def test_a_rule_comes_every_minute_and_the_bucket_is_cleaned(aws, function, tmp_path):
    bucket, rule = unique("files"), unique("cleanup")
    arn = function(make_zip({"lambda_function.py": CLEANS}), "--environment", json.dumps({"Variables": {"BUCKET": bucket}}))
    aws("s3", "mb", f"s3://{bucket}")
    (tmp_path / "file").write_text("x")
    for key in ("old/a", "old/b", "new/c"):
        aws("s3", "cp", "file", f"s3://{bucket}/{key}")
    source = aws("events", "put-rule", "--name", rule, "--schedule-expression", "rate(1 minute)")["RuleArn"]
    allow(aws, arn, "events.amazonaws.com", source)
    aws("events", "put-targets", "--rule", rule, "--targets", f"Id=1,Arn={arn}")
    deadline = time.monotonic() + 90
    while "old/" in aws("s3", "ls", "--recursive", f"s3://{bucket}"):
        assert time.monotonic() < deadline, aws("logs", "describe-log-groups")
        time.sleep(5)
    assert [line.split()[-1] for line in aws("s3", "ls", "--recursive", f"s3://{bucket}").splitlines()] == ["new/c"]
    aws("events", "remove-targets", "--rule", rule, "--ids", "1")
    aws("events", "delete-rule", "--name", rule)
