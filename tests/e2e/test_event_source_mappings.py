"""Event source mappings: checked as on AWS, and refused with the name of the source where that is not built."""

import uuid

import pytest

from refusals import refused

HELLO = "def handler(event, context):\n    return 'hello'\n"
QUEUE = "arn:aws:sqs:us-east-1:000000000000:queue"
STREAM = "arn:aws:kinesis:us-east-1:000000000000:stream/numbers"
GONE = "The resource you requested does not exist."


def create(function, **options):
    return function.client.create_event_source_mapping(FunctionName=function.name, **options)


@pytest.mark.parametrize(
    ("service", "options"),
    [
        (
            "Amazon MSK",
            {
                "EventSourceArn": "arn:aws:kafka:us-east-1:000000000000:cluster/c/abc-1",
                "Topics": ["orders"],
                "StartingPosition": "LATEST",
            },
        ),
        ("DocumentDB", {"EventSourceArn": "arn:aws:rds:us-east-1:000000000000:cluster:c", "StartingPosition": "LATEST"}),
    ],
)
def test_a_source_that_is_not_built_says_so_and_nothing_is_kept(deploy, service, options):
    function = deploy(HELLO)
    text = f"Event source mappings of {service} are not implemented by this server."
    with refused(501, "NotImplemented", text):
        create(function, **options)
    assert function.client.list_event_source_mappings(FunctionName=function.name)["EventSourceMappings"] == []


@pytest.mark.parametrize(
    ("message", "options"),
    [
        ("Unrecognized event source.", {}),
        (
            "Maximum batch window in seconds must be greater than 0 if maximum batch size is greater than 10",
            {"EventSourceArn": QUEUE, "BatchSize": 11},
        ),
        (
            "1 validation error detected: Value null at 'startingPosition' failed to satisfy constraint: "
            "Member must not be null.",
            {"EventSourceArn": STREAM},
        ),
        (
            "Invalid filter pattern definition.",
            {"EventSourceArn": QUEUE, "FilterCriteria": {"Filters": [{"Pattern": '{"a": "b"}'}]}},
        ),
        (
            "Unsupported DestinationConfig parameter for given event source mapping type.",
            {"EventSourceArn": QUEUE, "DestinationConfig": {"OnFailure": {"Destination": QUEUE}}},
        ),
    ],
)
def test_a_mapping_that_cannot_be_is_refused_as_on_aws(deploy, message, options):
    with refused(400, "InvalidParameterValueException", message):
        create(deploy(HELLO), **options)


def test_the_function_must_be_there(lambda_client):
    with refused(400, "InvalidParameterValueException", "Function does not exist"):
        lambda_client.create_event_source_mapping(FunctionName="nowhere", EventSourceArn=QUEUE)
    with refused(404, "ResourceNotFoundException"):
        lambda_client.create_event_source_mapping(
            FunctionName="arn:aws:lambda:eu-west-1:000000000000:function:f", EventSourceArn=QUEUE
        )
    with refused(404, "ResourceNotFoundException"):
        lambda_client.list_event_source_mappings(FunctionName="nowhere")
    with refused(400, "InvalidParameterValueException", "Invalid pagination token."):
        lambda_client.list_event_source_mappings(Marker="%%%")


@pytest.mark.parametrize("operation", ["get", "update", "delete"])
def test_a_mapping_that_is_not_there(lambda_client, operation):
    with refused(404, "ResourceNotFoundException", GONE):
        getattr(lambda_client, f"{operation}_event_source_mapping")(UUID=str(uuid.uuid4()))
