"""What happens to objects is told to queues, topics and functions, as S3 tells it, also after `kill -9`."""

import json
import re
import time
import urllib.parse
import uuid

import pytest

from lambent import Server
from queues import ACCOUNT, Queue
from refusals import refused

#: Answers with what it got, which its destination is told.
TELLS = "def handler(event, context):\n    return event\n"


def policy(service, arn, action, bucket):
    """A resource policy that lets a bucket in, as AWS's guide has it."""
    return json.dumps(
        {
            "Version": "2012-10-17",
            "Statement": [
                {
                    "Effect": "Allow",
                    "Principal": {"Service": service},
                    "Action": action,
                    "Resource": arn,
                    "Condition": {
                        "ArnLike": {"aws:SourceArn": f"arn:aws:s3:*:*:{bucket}"},
                        "StringEquals": {"aws:SourceAccount": ACCOUNT},
                    },
                }
            ],
        }
    )


class BucketQueue(Queue):
    """A queue that lets one bucket in."""

    def __init__(self, sqs, bucket, attributes=None):
        let_in = (lambda arn: policy("s3.amazonaws.com", arn, "SQS:SendMessage", bucket)) if bucket else None
        super().__init__(sqs, attributes, let_in)

    def records(self, count):
        """So many records; the test message, which is the first of a queue, is none."""
        return [record for message in self.bodies(count) for record in message["Records"]]


@pytest.fixture
def queue(sqs, bucket):
    return BucketQueue(sqs, bucket)


def tell(s3, bucket, queue, *events, **more):
    """Has a queue told of events; takes the test message out of it."""
    one = {"Id": "told", "QueueArn": queue.arn, "Events": list(events), **more}
    s3.put_bucket_notification_configuration(Bucket=bucket, NotificationConfiguration={"QueueConfigurations": [one]})
    return queue.bodies(1)[0]


def key_filter(**values):
    return {"Key": {"FilterRules": [{"Name": name, "Value": value} for name, value in values.items()]}}


def test_a_queue_is_told_what_happens(s3, bucket, queue):
    test = tell(s3, bucket, queue, "s3:ObjectCreated:*", "s3:ObjectRemoved:*")
    assert (test["Service"], test["Event"], test["Bucket"]) == ("Amazon S3", "s3:TestEvent", bucket)
    assert set(test) == {"Service", "Event", "Time", "Bucket", "RequestId", "HostId"}

    put = s3.put_object(Bucket=bucket, Key="a/red flower ü.jpg", Body=b"petals")
    (record,) = queue.records(1)
    assert record["eventVersion"] == "2.1" and record["eventSource"] == "aws:s3"
    assert (record["awsRegion"], record["eventName"]) == ("us-east-1", "ObjectCreated:Put")
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z", record["eventTime"])
    assert record["userIdentity"] == {"principalId": f"AWS:{ACCOUNT}"}
    assert record["requestParameters"] == {"sourceIPAddress": "127.0.0.1"}
    assert record["responseElements"]["x-amz-request-id"] == put["ResponseMetadata"]["RequestId"]
    told = record["s3"]
    assert (told["s3SchemaVersion"], told["configurationId"]) == ("1.0", "told")
    assert (told["bucket"]["name"], told["bucket"]["arn"]) == (bucket, f"arn:aws:s3:::{bucket}")
    assert told["bucket"]["ownerIdentity"]["principalId"]
    sequencer = told["object"].pop("sequencer")
    assert re.fullmatch(r"[0-9A-F]{18}", sequencer)
    assert told["object"] == {"key": "a/red+flower+%C3%BC.jpg", "size": 6, "eTag": put["ETag"].strip('"')}

    s3.copy_object(Bucket=bucket, Key="copy", CopySource={"Bucket": bucket, "Key": "a/red flower ü.jpg"})
    upload = s3.create_multipart_upload(Bucket=bucket, Key="parts")["UploadId"]
    part = s3.upload_part(Bucket=bucket, Key="parts", UploadId=upload, PartNumber=1, Body=b"part")
    parts = {"Parts": [{"PartNumber": 1, "ETag": part["ETag"]}]}
    done = s3.complete_multipart_upload(Bucket=bucket, Key="parts", UploadId=upload, MultipartUpload=parts)
    s3.delete_object(Bucket=bucket, Key="copy")
    s3.delete_object(Bucket=bucket, Key="never there")
    s3.delete_objects(Bucket=bucket, Delete={"Objects": [{"Key": "parts"}]})
    records = sorted(queue.records(4), key=lambda record: record["s3"]["object"]["sequencer"])
    assert [(record["eventName"], record["s3"]["object"]["key"]) for record in records] == [
        ("ObjectCreated:Copy", "copy"),
        ("ObjectCreated:CompleteMultipartUpload", "parts"),
        ("ObjectRemoved:Delete", "copy"),
        ("ObjectRemoved:Delete", "parts"),
    ]
    assert records[1]["s3"]["object"]["eTag"] == done["ETag"].strip('"')
    assert set(records[2]["s3"]["object"]) == {"key", "sequencer"}
    assert sequencer < records[0]["s3"]["object"]["sequencer"]
    assert queue.is_empty()


def test_tags_and_access_are_told_of(s3, bucket, queue):
    s3.put_object(Bucket=bucket, Key="k", Body=b"x")
    tell(s3, bucket, queue, "s3:ObjectTagging:*", "s3:ObjectAcl:Put")
    s3.put_object_tagging(Bucket=bucket, Key="k", Tagging={"TagSet": [{"Key": "a", "Value": "b"}]})
    (put,) = queue.records(1)
    s3.delete_object_tagging(Bucket=bucket, Key="k")
    (deleted,) = queue.records(1)
    s3.put_object_acl(Bucket=bucket, Key="k", ACL="bucket-owner-full-control")
    (acl,) = queue.records(1)
    records = [put, deleted, acl]
    names = ["ObjectTagging:Put", "ObjectTagging:Delete", "ObjectAcl:Put"]
    assert [record["eventName"] for record in records] == names
    for record in records:
        assert (record["eventVersion"], set(record["s3"]["object"])) == ("2.3", {"key", "eTag"})


def test_versions_are_told(s3, bucket, queue):
    s3.put_bucket_versioning(Bucket=bucket, VersioningConfiguration={"Status": "Enabled"})
    tell(s3, bucket, queue, "s3:ObjectCreated:*", "s3:ObjectRemoved:*")
    version = s3.put_object(Bucket=bucket, Key="k", Body=b"x")["VersionId"]
    marker = s3.delete_object(Bucket=bucket, Key="k")["VersionId"]
    s3.delete_object(Bucket=bucket, Key="k", VersionId=version)
    records = sorted(queue.records(3), key=lambda record: record["s3"]["object"]["sequencer"])
    created, marked, removed = (record["s3"]["object"] for record in records)
    names = ["ObjectCreated:Put", "ObjectRemoved:DeleteMarkerCreated", "ObjectRemoved:Delete"]
    assert [record["eventName"] for record in records] == names
    assert (created["versionId"], created["size"]) == (version, 1)
    assert (marked["versionId"], marked["eTag"]) == (marker, "d41d8cd98f00b204e9800998ecf8427e")
    assert "size" not in marked and set(removed) == {"key", "versionId", "sequencer"}
    assert removed["versionId"] == version


def test_only_what_the_filters_let_through_is_told(s3, bucket, queue):
    tell(s3, bucket, queue, "s3:ObjectCreated:Put", Filter=key_filter(prefix="photos/", SUFFIX=".jpg"))
    for key in ("photos/a.png", "a.jpg", "photos/b.jpg"):
        s3.put_object(Bucket=bucket, Key=key, Body=b"")
    s3.copy_object(Bucket=bucket, Key="photos/c.jpg", CopySource={"Bucket": bucket, "Key": "a.jpg"})
    (record,) = queue.records(1)
    assert record["s3"]["object"]["key"] == "photos/b.jpg"
    assert queue.is_empty()
    kept = s3.get_bucket_notification_configuration(Bucket=bucket)["QueueConfigurations"]
    rules = kept[0]["Filter"]["Key"]["FilterRules"]
    assert rules == [{"Name": "Prefix", "Value": "photos/"}, {"Name": "Suffix", "Value": ".jpg"}]


def allow(lambda_client, function, bucket, **more):
    lambda_client.add_permission(
        FunctionName=function.name,
        StatementId="s3",
        Action="lambda:InvokeFunction",
        Principal="s3.amazonaws.com",
        SourceArn=f"arn:aws:s3:::{bucket}",
        SourceAccount=ACCOUNT,
        **more,
    )


def test_a_function_runs_for_what_happens(s3, bucket, sqs, lambda_client, deploy):
    ends = BucketQueue(sqs, None)
    function = deploy(TELLS)
    lambda_client.put_function_event_invoke_config(
        FunctionName=function.name, DestinationConfig={"OnSuccess": {"Destination": ends.arn}}
    )
    one = {"LambdaFunctionArn": function.arn, "Events": ["s3:ObjectCreated:*"]}
    asked = {"Bucket": bucket, "NotificationConfiguration": {"LambdaFunctionConfigurations": [one]}}
    with refused(400, "InvalidArgument", "Unable to validate the following destination configurations") as caught:
        s3.put_bucket_notification_configuration(**asked)
    error = caught.value.response["Error"]
    assert (error["ArgumentName1"], error["ArgumentValue1"]) == (
        function.arn,
        f"Not authorized to invoke function [{function.arn}]",
    )
    allow(lambda_client, function, bucket)
    s3.put_bucket_notification_configuration(**asked)
    (kept,) = s3.get_bucket_notification_configuration(Bucket=bucket)["LambdaFunctionConfigurations"]
    assert kept == {"Id": kept["Id"], **one}
    s3.put_object(Bucket=bucket, Key="k", Body=b"xyz")
    (end,) = ends.bodies(1)
    (record,) = end["responsePayload"]["Records"]
    assert (record["s3"]["configurationId"], record["s3"]["object"]["size"]) == (kept["Id"], 3)

    # Whom the function no longer lets, it is not told by.
    lambda_client.remove_permission(FunctionName=function.name, StatementId="s3")
    s3.put_object(Bucket=bucket, Key="k2", Body=b"")
    assert ends.is_empty()


AGAIN = """
import os, urllib.request
def handler(event, context):
    url = os.environ["AWS_ENDPOINT_URL"] + "/{bucket}/" + context.aws_request_id
    # As SDKs do inside of a function.
    headers = {{"X-Amzn-Trace-Id": os.environ["_X_AMZN_TRACE_ID"]}}
    urllib.request.urlopen(urllib.request.Request(url, b"again", headers, method="PUT"))
"""


def test_a_13_a_function_that_writes_where_it_is_told_from_is_a_loop(s3, bucket, lambda_client, deploy):
    function = deploy(AGAIN.format(bucket=bucket))
    allow(lambda_client, function, bucket)
    one = {"LambdaFunctionArn": function.arn, "Events": ["s3:ObjectCreated:*"]}
    s3.put_bucket_notification_configuration(
        Bucket=bucket, NotificationConfiguration={"LambdaFunctionConfigurations": [one]}
    )
    s3.put_object(Bucket=bucket, Key="first", Body=b"")
    deadline = time.monotonic() + 60
    while (count := len(s3.list_objects_v2(Bucket=bucket)["Contents"])) < 17:
        assert time.monotonic() < deadline, count
        time.sleep(0.2)
    time.sleep(2)
    assert len(s3.list_objects_v2(Bucket=bucket)["Contents"]) == 17


def test_an_alias_has_a_policy_of_its_own(s3, bucket, sqs, lambda_client, deploy):
    ends = BucketQueue(sqs, None)
    function = deploy(TELLS)
    version = lambda_client.publish_version(FunctionName=function.name)["Version"]
    alias = lambda_client.create_alias(FunctionName=function.name, Name="live", FunctionVersion=version)["AliasArn"]
    lambda_client.put_function_event_invoke_config(
        FunctionName=function.name, Qualifier="live", DestinationConfig={"OnSuccess": {"Destination": ends.arn}}
    )
    one = {"LambdaFunctionArn": alias, "Events": ["s3:ObjectCreated:*"]}
    asked = {"Bucket": bucket, "NotificationConfiguration": {"LambdaFunctionConfigurations": [one]}}
    allow(lambda_client, function, bucket)
    with refused(400, "InvalidArgument", "Unable to validate the following destination configurations"):
        s3.put_bucket_notification_configuration(**asked)
    allow(lambda_client, function, bucket, Qualifier="live")
    s3.put_bucket_notification_configuration(**asked)
    s3.put_object(Bucket=bucket, Key="k", Body=b"")
    (end,) = ends.bodies(1)
    assert end["requestContext"]["functionArn"] == alias


def test_a_topic_tells_its_subscribers(s3, bucket, sqs, sns):
    topic = sns.create_topic(Name=f"t-{uuid.uuid4().hex[:12]}")["TopicArn"]
    one = {"TopicArn": topic, "Events": ["s3:ObjectCreated:*"]}
    asked = {"Bucket": bucket, "NotificationConfiguration": {"TopicConfigurations": [one]}}
    with refused(400, "InvalidArgument", "Unable to validate the following destination configurations"):
        s3.put_bucket_notification_configuration(**asked)
    allowed = policy("s3.amazonaws.com", topic, "SNS:Publish", bucket)
    sns.set_topic_attributes(TopicArn=topic, AttributeName="Policy", AttributeValue=allowed)
    subscriber = BucketQueue(sqs, None)
    sns.subscribe(TopicArn=topic, Protocol="sqs", Endpoint=subscriber.arn)
    s3.put_bucket_notification_configuration(**asked)
    (test,) = subscriber.bodies(1)
    assert json.loads(test["Message"])["Event"] == "s3:TestEvent"
    s3.put_object(Bucket=bucket, Key="k", Body=b"")
    (notice,) = subscriber.bodies(1)
    assert notice["Subject"] == "Amazon S3 Notification"
    assert json.loads(notice["Message"])["Records"][0]["s3"]["object"]["key"] == "k"


def test_the_default_bus_is_told_where_the_bucket_has_it_on(server, s3, bucket, sqs):
    events, queue = server.client(service="events"), BucketQueue(sqs, None)
    allow = {"Effect": "Allow", "Principal": {"Service": "events.amazonaws.com"}, "Action": "sqs:SendMessage", "Resource": queue.arn}
    policy = json.dumps({"Version": "2012-10-17", "Statement": [allow]})
    sqs.set_queue_attributes(QueueUrl=queue.url, Attributes={"Policy": policy})
    name = f"rule-{uuid.uuid4().hex[:12]}"
    pattern = {"source": ["aws.s3"], "detail": {"bucket": {"name": [bucket]}}}
    events.put_rule(Name=name, EventPattern=json.dumps(pattern))
    events.put_targets(Rule=name, Targets=[{"Id": "0", "Arn": queue.arn}])
    s3.put_object(Bucket=bucket, Key="before", Body=b"")
    s3.put_bucket_notification_configuration(Bucket=bucket, NotificationConfiguration={"EventBridgeConfiguration": {}})
    assert s3.get_bucket_notification_configuration(Bucket=bucket)["EventBridgeConfiguration"] == {}
    put = s3.put_object(Bucket=bucket, Key="a b/ü", Body=b"xyz")
    (created,) = queue.bodies(1)
    assert (created["detail-type"], created["source"], created["account"]) == ("Object Created", "aws.s3", ACCOUNT)
    assert created["resources"] == [f"arn:aws:s3:::{bucket}"]
    detail = created["detail"]
    assert re.fullmatch(r"[0-9A-F]{18}", detail["object"].pop("sequencer"))
    assert detail == {
        "version": "0",
        "bucket": {"name": bucket},
        "object": {"key": "a b/ü", "size": 3, "etag": put["ETag"].strip('"')},
        "request-id": put["ResponseMetadata"]["RequestId"],
        "requester": ACCOUNT,
        "source-ip-address": "127.0.0.1",
        "reason": "PutObject",
    }
    s3.put_object_tagging(Bucket=bucket, Key="a b/ü", Tagging={"TagSet": [{"Key": "a", "Value": "b"}]})
    s3.delete_object(Bucket=bucket, Key="a b/ü")
    tagged, deleted = queue.bodies(2)
    assert tagged["detail-type"] == "Object Tags Added" and "sequencer" not in tagged["detail"]["object"]
    assert (deleted["detail-type"], deleted["detail"]["deletion-type"]) == ("Object Deleted", "Permanently Deleted")
    s3.put_bucket_notification_configuration(Bucket=bucket, NotificationConfiguration={})
    s3.put_object(Bucket=bucket, Key="after", Body=b"")
    assert queue.is_empty()
    events.remove_targets(Rule=name, Ids=["0"])
    events.delete_rule(Name=name)


def test_several_are_told_of_one_thing(s3, bucket, sqs, lambda_client, deploy):
    queues = [BucketQueue(sqs, bucket) for _ in range(2)]
    configurations = [
        {"QueueArn": queue.arn, "Events": ["s3:ObjectCreated:*"], "Filter": key_filter(prefix=f"{number}/")}
        for number, queue in enumerate(queues)
    ]
    s3.put_bucket_notification_configuration(
        Bucket=bucket, NotificationConfiguration={"QueueConfigurations": configurations}
    )
    for number, queue in enumerate(queues):
        queue.bodies(1)
        s3.put_object(Bucket=bucket, Key=f"{number}/k", Body=b"")
    for number, queue in enumerate(queues):
        assert [record["s3"]["object"]["key"] for record in queue.records(1)] == [f"{number}/k"]


def test_a_configuration_ends(s3, bucket, queue):
    tell(s3, bucket, queue, "s3:ObjectCreated:*")
    s3.put_bucket_notification_configuration(Bucket=bucket, NotificationConfiguration={})
    answer = s3.get_bucket_notification_configuration(Bucket=bucket)
    assert set(answer) == {"ResponseMetadata"}
    s3.put_object(Bucket=bucket, Key="k", Body=b"")
    assert queue.is_empty()


def test_targets_need_not_be_validated(s3, bucket, sqs):
    queue = BucketQueue(sqs, None)
    one = {"QueueArn": queue.arn, "Events": ["s3:ObjectCreated:*"]}
    configuration = {"QueueConfigurations": [one]}
    with refused(400, "InvalidArgument") as caught:
        s3.put_bucket_notification_configuration(Bucket=bucket, NotificationConfiguration=configuration)
    assert "Permissions on the destination queue" in caught.value.response["Error"]["ArgumentValue1"]
    s3.put_bucket_notification_configuration(
        Bucket=bucket, NotificationConfiguration=configuration, SkipDestinationValidation=True
    )
    # Neither a test message, nor anything else while the policy does not let the bucket.
    s3.put_object(Bucket=bucket, Key="k", Body=b"")
    assert queue.is_empty()


OVERLAP = "Configurations overlap. Configurations on the same bucket cannot share a common event type."
AMBIGUOUS = "Configuration is ambiguously defined. Cannot have overlapping suffixes in two rules if the prefixes are overlapping for the same event type."
UNKNOWN = "The event 's3:ObjectCreated:Eaten' is not supported for notifications"
CREATED = {"Events": ["s3:ObjectCreated:*"]}


@pytest.mark.parametrize(
    ("configurations", "status", "code", "message"),
    [
        ([CREATED, CREATED], 400, "InvalidArgument", OVERLAP),
        ([CREATED, {"Events": ["s3:ObjectCreated:Put"]}], 400, "InvalidArgument", OVERLAP),
        (
            [
                {**CREATED, "Filter": key_filter(prefix="a", suffix=".jpg")},
                {**CREATED, "Filter": key_filter(prefix="ab", suffix="jpg")},
            ],
            400,
            "InvalidArgument",
            AMBIGUOUS,
        ),
        (
            [{**CREATED, "Id": "one"}, {"Events": ["s3:ObjectRemoved:*"], "Id": "one"}],
            400,
            "InvalidArgument",
            "Same ID used for multiple configurations. IDs must be unique",
        ),
        ([{**CREATED, "Id": "x" * 256}], 400, "InvalidArgument", None),
        ([{"Events": ["s3:ObjectCreated:Eaten"]}], 400, "InvalidArgument", UNKNOWN),
        ([{"Events": ["s3:ObjectRestore:Post"]}], 501, "NotImplemented", None),
        ([{"Events": []}], 400, "MalformedXML", None),
        (
            [{**CREATED, "Filter": key_filter(middle="x")}],
            400,
            "InvalidArgument",
            "filter rule name must be either prefix or suffix",
        ),
        (
            [{**CREATED, "Filter": key_filter(prefix="a", Prefix="b")}],
            400,
            "InvalidArgument",
            "Cannot specify more than one prefix rule in a filter.",
        ),
        ([{**CREATED, "Filter": key_filter(suffix="x" * 1025)}], 400, "InvalidArgument", None),
        ([{**CREATED, "QueueArn": "no arn"}], 400, "InvalidArgument", "The ARN is not well formed"),
        ([{**CREATED, "QueueArn": f"arn:aws:sns:us-east-1:{ACCOUNT}:t"}], 400, "InvalidArgument", None),
        (
            [{**CREATED, "QueueArn": f"arn:aws:sqs:eu-west-1:{ACCOUNT}:q"}],
            400,
            "InvalidArgument",
            "The notification destination service region is not valid for the bucket location constraint",
        ),
        (
            [{**CREATED, "QueueArn": f"arn:aws:sqs:us-east-1:{ACCOUNT}:missing"}],
            400,
            "InvalidArgument",
            "Unable to validate the following destination configurations",
        ),
    ],
    ids=str,
)
def test_what_is_wrong_is_refused(s3, bucket, queue, configurations, status, code, message):
    configurations = [{"QueueArn": queue.arn, **one} for one in configurations]
    with refused(status, code, message):
        s3.put_bucket_notification_configuration(
            Bucket=bucket, NotificationConfiguration={"QueueConfigurations": configurations}
        )
    assert "QueueConfigurations" not in s3.get_bucket_notification_configuration(Bucket=bucket)


def test_other_refusals(server, s3, sqs, bucket):
    line = BucketQueue(sqs, bucket, {"FifoQueue": "true"})
    one = {"QueueArn": line.arn, **CREATED}
    with refused(400, "InvalidArgument") as caught:
        s3.put_bucket_notification_configuration(
            Bucket=bucket, NotificationConfiguration={"QueueConfigurations": [one]}
        )
    assert "FIFO" in caught.value.response["Error"]["ArgumentValue1"]
    with refused(404, "NoSuchBucket"):
        s3.get_bucket_notification_configuration(Bucket=f"b-{uuid.uuid4()}")
    stranger = server.client(service="s3", access_key="111111111111")
    with refused(403, "AccessDenied"):
        stranger.put_bucket_notification_configuration(Bucket=bucket, NotificationConfiguration={})
    function = f"arn:aws:lambda:us-east-1:{ACCOUNT}:function:missing"
    one = {"LambdaFunctionArn": function, **CREATED}
    with refused(400, "InvalidArgument") as caught:
        s3.put_bucket_notification_configuration(
            Bucket=bucket, NotificationConfiguration={"LambdaFunctionConfigurations": [one]}
        )
    assert caught.value.response["Error"]["ArgumentValue1"] == "The destination Lambda does not exist"


def told_until(queue, is_enough, timeout_s=30):
    """The sequencers of each key that a queue is told of, until there is enough."""
    found, deadline = {}, time.monotonic() + timeout_s
    while not is_enough(found):
        for record in queue.records(1):
            told = record["s3"]["object"]
            found.setdefault(urllib.parse.unquote_plus(told["key"]), set()).add(told["sequencer"])
        assert time.monotonic() < deadline, found
    return found


def test_an_acknowledged_put_is_told_of_after_a_kill(fresh_server):
    """Kills as soon as the last of them is acknowledged: what is not handed over then is handed over later."""
    server = fresh_server("--isolation", "process", "--no-sdk")
    s3, sqs = server.client(service="s3"), server.client(service="sqs")
    s3.create_bucket(Bucket="watched")
    queue = BucketQueue(sqs, "watched")
    tell(s3, "watched", queue, "s3:ObjectCreated:*")
    for number in range(20):
        s3.put_object(Bucket="watched", Key=f"k{number}", Body=b"")
    server.kill()
    again = Server(server.data_dir, "--isolation", "process", "--no-sdk")
    try:
        queue.sqs = again.client(service="sqs")
        queue.url = f"{again.endpoint}/{ACCOUNT}/{queue.name}"
        found = told_until(queue, lambda found: len(found) == 20)
        # Told twice at most, and then as the same event.
        assert all(len(sequencers) == 1 for sequencers in found.values())
        again.client(service="s3").put_object(Bucket="watched", Key="later", Body=b"")
        (later,) = told_until(queue, lambda found: "later" in found)["later"]
        assert later > max(max(sequencers) for sequencers in found.values())
    finally:
        again.stop()
