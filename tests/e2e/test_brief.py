"""The example handlers of the brief, run as printed there."""

import json

import pytest

from packages import make_zip

# The three examples, as printed.
IMAGE_HANDLER = '''import json
import boto3
from PIL import Image

def lambda_handler(event, context):
    # Get S3 event details
    bucket = event['Records'][0]['s3']['bucket']['name']
    key = event['Records'][0]['s3']['object']['key']
    
    # Process image (resize, compress, etc.)
    # Upload processed image back to S3
    
    return {
        'statusCode': 200,
        'body': json.dumps('Image processed successfully')
    }
'''

API_HANDLER = '''import json

def lambda_handler(event, context):
    # Extract request data
    http_method = event['httpMethod']
    path = event['path']
    body = json.loads(event['body']) if event['body'] else {}
    
    # Business logic
    if http_method == 'GET':
        response_body = {'message': 'Hello from Lambda!'}
    else:
        response_body = {'error': 'Method not allowed'}
    
    return {
        'statusCode': 200,
        'headers': {
            'Content-Type': 'application/json',
            'Access-Control-Allow-Origin': '*'
        },
        'body': json.dumps(response_body)
    }
'''

SCHEDULED_HANDLER = '''import boto3
import json

def lambda_handler(event, context):
    # Scheduled function (e.g., daily cleanup)
    s3 = boto3.client('s3')
    
    # Delete old files from S3 bucket
    # Send notification email
    # Update database records
    
    return {
        'statusCode': 200,
        'body': json.dumps('Scheduled task completed')
    }
'''

S3_EVENT = {
    "Records": [
        {
            "eventVersion": "2.1",
            "eventSource": "aws:s3",
            "awsRegion": "us-east-1",
            "eventTime": "2024-01-01T12:00:00.000Z",
            "eventName": "ObjectCreated:Put",
            "s3": {
                "s3SchemaVersion": "1.0",
                "bucket": {"name": "pictures", "arn": "arn:aws:s3:::pictures"},
                "object": {"key": "holiday/beach.jpg", "size": 1024},
            },
        }
    ]
}

SCHEDULED_EVENT = {
    "version": "0",
    "id": "cdc73f9d-aea9-11e3-9d5a-835b769c0d9c",
    "detail-type": "Scheduled Event",
    "source": "aws.events",
    "account": "000000000000",
    "time": "2024-01-01T00:00:00Z",
    "region": "us-east-1",
    "resources": ["arn:aws:events:us-east-1:000000000000:rule/daily"],
    "detail": {},
}


def api_event(method, body):
    return {"httpMethod": method, "path": "/hello", "headers": {}, "queryStringParameters": None, "body": body}


def test_the_image_handler_runs_with_pillow_and_boto3(deploy, pillow):
    package = make_zip({"lambda_function.py": IMAGE_HANDLER, **pillow})
    function = deploy(package, Handler="lambda_function.lambda_handler", MemorySize=256)
    outcome = function.invoke(S3_EVENT)
    assert outcome.error is None, outcome.payload
    assert outcome.payload == {"statusCode": 200, "body": '"Image processed successfully"'}


# The first example with its comments filled in. No endpoint: boto3 finds this server by itself.
RESIZE_HANDLER = """
import io
import json
import boto3
from PIL import Image

s3 = boto3.client("s3")

def lambda_handler(event, context):
    bucket = event["Records"][0]["s3"]["bucket"]["name"]
    key = event["Records"][0]["s3"]["object"]["key"]
    image = Image.open(io.BytesIO(s3.get_object(Bucket=bucket, Key=key)["Body"].read()))
    image.thumbnail((64, 64))
    target = io.BytesIO()
    image.save(target, "PNG")
    s3.put_object(Bucket=bucket, Key=f"small/{key}", Body=target.getvalue(), ContentType="image/png")
    return {"statusCode": 200, "body": json.dumps("Image processed successfully")}
"""

# A checkerboard of 640 x 480 pixels as a portable bitmap, which needs no library to write.
PICTURE = b"P5\n640 480\n255\n" + bytes(255 * ((x // 8 + y // 8) % 2) for y in range(480) for x in range(640))


def test_the_image_handler_resizes_what_is_in_s3(server, deploy, pillow):
    s3 = server.client(service="s3")
    s3.create_bucket(Bucket="pictures")
    s3.put_object(Bucket="pictures", Key="holiday/beach.jpg", Body=PICTURE)
    package = make_zip({"lambda_function.py": RESIZE_HANDLER, **pillow})
    outcome = deploy(package, Handler="lambda_function.lambda_handler", MemorySize=512).invoke(S3_EVENT)
    assert outcome.error is None, outcome.payload
    assert outcome.payload == {"statusCode": 200, "body": '"Image processed successfully"'}
    small = s3.get_object(Bucket="pictures", Key="small/holiday/beach.jpg")
    body = small["Body"].read()
    assert (small["ContentType"], body[:8]) == ("image/png", b"\x89PNG\r\n\x1a\n")
    assert (int.from_bytes(body[16:20], "big"), int.from_bytes(body[20:24], "big")) == (64, 48)


def test_pillow_really_resizes_an_image(deploy, pillow):
    code = """
import base64, io
from PIL import Image

def lambda_handler(event, context):
    image = Image.new("RGB", (640, 480), "red")
    small = image.resize((64, 48))
    target = io.BytesIO()
    small.save(target, "JPEG")
    return {"size": small.size, "jpeg": base64.b64encode(target.getvalue()).decode()}
"""
    package = make_zip({"lambda_function.py": code, **pillow})
    outcome = deploy(package, Handler="lambda_function.lambda_handler", MemorySize=256).invoke({})
    assert outcome.error is None, outcome.payload
    assert outcome.payload["size"] == [64, 48]
    import base64

    assert base64.b64decode(outcome.payload["jpeg"]).startswith(b"\xff\xd8\xff")


@pytest.mark.parametrize(
    ("method", "body", "answer"),
    [
        ("GET", None, {"message": "Hello from Lambda!"}),
        ("GET", '{"a": 1}', {"message": "Hello from Lambda!"}),
        ("POST", '{"a": 1}', {"error": "Method not allowed"}),
    ],
)
def test_the_api_gateway_handler(deploy_for_module, method, body, answer):
    if not deploy_for_module.made:
        deploy_for_module({"lambda_function.py": API_HANDLER}, Handler="lambda_function.lambda_handler")
    payload = deploy_for_module.made[0].invoke(api_event(method, body)).payload
    assert payload["statusCode"] == 200
    assert payload["headers"] == {"Content-Type": "application/json", "Access-Control-Allow-Origin": "*"}
    assert json.loads(payload["body"]) == answer


def test_the_scheduled_handler(deploy):
    function = deploy(
        {"lambda_function.py": SCHEDULED_HANDLER}, Handler="lambda_function.lambda_handler", MemorySize=256
    )
    outcome = function.invoke(SCHEDULED_EVENT)
    assert outcome.error is None, outcome.payload
    assert outcome.payload == {"statusCode": 200, "body": '"Scheduled task completed"'}


def test_a_malformed_event_is_the_functions_error(deploy):
    function = deploy({"lambda_function.py": API_HANDLER}, Handler="lambda_function.lambda_handler")
    outcome = function.invoke({"path": "/"})
    assert (outcome.error, outcome.payload["errorType"]) == ("Unhandled", "KeyError")
