"""Destinations and dead-letter queues in SQS and S3: what becomes of an event is told, once in a queue, and never lost."""

import json
import re
import time
import uuid

import pytest

from functions import Deployer

FAILS = "def handler(event, context):\n    raise ValueError('no ' + str(event))\n"
ECHOES = "def handler(event, context):\n    return {'got': event}\n"


@pytest.fixture(scope="module")
def impatient(module_servers):
    """A server that tries again soon."""
    server = module_servers.start("--no-sdk", "--async-retry-wait-seconds", "1")
    yield server
    server.stop()


@pytest.fixture
def deploy_here(impatient, python_runtime):
    deployer = Deployer(impatient.client(), python_runtime)
    yield deployer
    deployer.close()


@pytest.fixture
def sqs(impatient):
    return impatient.client(service="sqs")


@pytest.fixture
def queue(sqs):
    """The URL and the ARN of a new queue."""
    name = f"q-{uuid.uuid4().hex[:12]}"
    url = sqs.create_queue(QueueName=name)["QueueUrl"]
    yield url, f"arn:aws:sqs:us-east-1:000000000000:{name}"
    sqs.delete_queue(QueueUrl=url)


def send(function, event):
    answer = function.client.invoke(FunctionName=function.name, InvocationType="Event", Payload=json.dumps(event))
    return answer["ResponseMetadata"]["RequestId"]


def receive(sqs, url, timeout_s=30):
    deadline = time.monotonic() + timeout_s
    while True:
        answer = sqs.receive_message(QueueUrl=url, MessageAttributeNames=["All"], WaitTimeSeconds=5, MaxNumberOfMessages=10)
        if found := answer.get("Messages"):
            return found
        assert time.monotonic() < deadline


def configure(function, retries=0, **destinations):
    config = {name: {"Destination": arn} for name, arn in destinations.items()}
    function.client.put_function_event_invoke_config(
        FunctionName=function.name, MaximumRetryAttempts=retries, DestinationConfig=config
    )


def test_a_05_a_queue_gets_the_record_of_each_end(deploy_here, sqs, queue):
    url, arn = queue
    function = deploy_here(ECHOES)
    configure(function, OnSuccess=arn)
    request_id = send(function, {"n": 1})
    [message] = receive(sqs, url)
    record = json.loads(message["Body"])
    assert record["requestContext"]["requestId"] == request_id
    assert record["requestContext"]["condition"] == "Success"
    assert record["requestPayload"] == {"n": 1}
    assert record["responsePayload"] == {"got": {"n": 1}}
    assert "MessageAttributes" not in message
    failing = deploy_here(FAILS)
    configure(failing, retries=1, OnFailure=arn)
    sqs.delete_message(QueueUrl=url, ReceiptHandle=message["ReceiptHandle"])
    send(failing, 2)
    [message] = receive(sqs, url)
    record = json.loads(message["Body"])
    assert record["requestContext"]["condition"] == "RetriesExhausted"
    assert record["requestContext"]["approximateInvokeCount"] == 2
    assert record["responsePayload"]["errorMessage"] == "no 2"


def test_a_08_a_dead_letter_queue_gets_the_event_and_why(deploy_here, sqs, queue):
    url, arn = queue
    function = deploy_here(FAILS, DeadLetterConfig={"TargetArn": arn})
    configure(function)
    request_id = send(function, {"n": 1})
    [message] = receive(sqs, url)
    assert json.loads(message["Body"]) == {"n": 1}
    assert message["MessageAttributes"] == {
        "RequestID": {"DataType": "String", "StringValue": request_id},
        "ErrorCode": {"DataType": "Number", "StringValue": "200"},
        "ErrorMessage": {"DataType": "String", "StringValue": "no {'n': 1}"},
    }


def test_a_05_a_topic_tells_its_subscribers_of_each_end(impatient, deploy_here, sqs, queue):
    url, arn = queue
    sns = impatient.client(service="sns")
    topic = sns.create_topic(Name=f"t-{uuid.uuid4().hex[:12]}")["TopicArn"]
    sns.subscribe(TopicArn=topic, Protocol="sqs", Endpoint=arn)
    function = deploy_here(FAILS, DeadLetterConfig={"TargetArn": topic})
    configure(function, OnFailure=topic)
    request_id = send(function, {"n": 1})
    told = []
    while len(told) < 2:
        told += [json.loads(message["Body"]) for message in receive(sqs, url)]
    dead, record = sorted(told, key=lambda one: "MessageAttributes" not in one)
    assert json.loads(dead["Message"]) == {"n": 1}
    assert dead["MessageAttributes"]["RequestID"] == {"Type": "String", "Value": request_id}
    assert dead["MessageAttributes"]["ErrorCode"] == {"Type": "Number", "Value": "200"}
    record = json.loads(record["Message"])
    assert (record["requestContext"]["requestId"], record["requestContext"]["condition"]) == (request_id, "RetriesExhausted")


def test_a_11_a_bucket_gets_the_record_of_a_failure(impatient, deploy_here):
    s3 = impatient.client(service="s3")
    bucket = f"b-{uuid.uuid4()}"
    s3.create_bucket(Bucket=bucket)
    function = deploy_here(FAILS)
    configure(function, OnFailure=f"arn:aws:s3:::{bucket}")
    request_id = send(function, 1)
    deadline = time.monotonic() + 30
    while not (found := s3.list_objects_v2(Bucket=bucket).get("Contents")):
        assert time.monotonic() < deadline
        time.sleep(0.1)
    [found] = found
    form = rf"aws/lambda/async/{function.name}/\d{{4}}/\d\d/\d\d/\d{{4}}-\d\d-\d\dT\d\d\.\d\d\.\d\d-{request_id}"
    assert re.fullmatch(form, found["Key"])
    answer = s3.get_object(Bucket=bucket, Key=found["Key"])
    record = json.loads(answer["Body"].read())
    assert answer["ContentType"] == "application/json"
    assert (record["requestContext"]["requestId"], record["requestPayload"]) == (request_id, 1)


def test_a_queue_that_is_made_later_gets_what_waits_for_it(deploy_here, sqs):
    name = f"q-{uuid.uuid4().hex[:12]}"
    function = deploy_here(FAILS, DeadLetterConfig={"TargetArn": f"arn:aws:sqs:us-east-1:000000000000:{name}"})
    configure(function)
    send(function, 1)
    time.sleep(2)
    url = sqs.create_queue(QueueName=name)["QueueUrl"]
    [message] = receive(sqs, url)
    assert message["Body"] == "1"
    sqs.delete_queue(QueueUrl=url)


def test_every_end_is_told_once_also_by_a_server_that_is_killed(fresh_server, python_runtime, tmp_path):
    server = fresh_server("--no-sdk", data_dir=tmp_path)
    sqs = server.client(service="sqs")
    sqs.create_queue(QueueName="q", Attributes={"VisibilityTimeout": "600"})
    function = Deployer(server.client(), python_runtime)(ECHOES)
    configure(function, OnSuccess="arn:aws:sqs:us-east-1:000000000000:q")
    sent = {send(function, number) for number in range(100)}
    server.kill()
    again = fresh_server("--no-sdk", data_dir=tmp_path)
    sqs = again.client(service="sqs")
    url = sqs.get_queue_url(QueueName="q")["QueueUrl"]
    told = []
    while len(told) < 100:
        told += [json.loads(message["Body"])["requestContext"]["requestId"] for message in receive(sqs, url)]
    assert "Messages" not in sqs.receive_message(QueueUrl=url, WaitTimeSeconds=2)
    assert sorted(told) == sorted(sent)
