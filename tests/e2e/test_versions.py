"""Versions: numbers that are never given twice, and what they run never changes."""

import threading

import pytest

from functions import Deployer
from packages import make_zip
from refusals import refused

SAYS = "def handler(event, context):\n    return [{!r}, context.function_version, context.invoked_function_arn]\n"


def publish(function, **options):
    return function.client.publish_version(FunctionName=function.name, **options)


def change_code(function, word, **options):
    function.client.update_function_code(
        FunctionName=function.name, ZipFile=make_zip({"app.py": SAYS.format(word)}), **options
    )
    function.wait_updated()


def settle(function, version):
    """Waits until a version may be invoked."""
    function.client.get_waiter("published_version_active").wait(
        FunctionName=function.name, Qualifier=version, WaiterConfig={"Delay": 0.05, "MaxAttempts": 600}
    )


def test_l_15_a_version_keeps_the_code_and_settings_of_its_moment(deploy):
    function = deploy(SAYS.format("one"), Description="first", MemorySize=192)
    published = publish(function, Description="release one")
    assert published["ResponseMetadata"]["HTTPStatusCode"] == 201
    assert (published["Version"], published["Description"]) == ("1", "release one")
    assert published["FunctionArn"] == f"{function.arn}:1"
    assert (published["State"], published["LastUpdateStatus"]) == ("Active", "Successful")
    function.client.tag_resource(Resource=function.arn, Tags={"team": "e2e"})
    assert function.client.get_function(FunctionName=function.name, Qualifier="1")["Tags"] == {"team": "e2e"}
    change_code(function, "two")
    function.client.update_function_configuration(FunctionName=function.name, MemorySize=256)
    function.wait_updated()
    answer = function.invoke(Qualifier="1")
    assert answer.payload == ["one", "1", f"{function.arn}:1"]
    assert answer.headers["x-amz-executed-version"] == "1"
    assert "Version: 1\n" in answer.log
    assert function.invoke().payload == ["two", "$LATEST", function.arn]
    again = function.client.get_function(FunctionName=function.name, Qualifier="1")["Configuration"]
    assert {**published, "ResponseMetadata": None} == {**again, "ResponseMetadata": None}
    assert again["MemorySize"] == 192
    by_name = function.client.get_function_configuration(FunctionName=f"{function.name}:1")
    assert by_name["RevisionId"] == published["RevisionId"]


def test_nothing_new_is_published_when_nothing_changed(deploy):
    function = deploy(SAYS.format("same"))
    first = publish(function)
    assert publish(function, Description="other words")["Version"] == "1"
    change_code(function, "same")
    assert publish(function)["Version"] == "1", "the same bytes are no change"
    function.client.update_function_configuration(FunctionName=function.name, Timeout=9)
    function.wait_updated()
    second = publish(function)
    assert (second["Version"], second["CodeSha256"]) == ("2", first["CodeSha256"])


def test_numbers_are_not_given_twice(deploy):
    function = deploy(SAYS.format("a"))
    publish(function)
    change_code(function, "b")
    assert publish(function)["Version"] == "2"
    function.client.delete_function(FunctionName=function.name, Qualifier="2")
    with refused(404, "ResourceNotFoundException", f"Function not found: {function.arn}:2"):
        function.invoke(Qualifier="2")
    change_code(function, "c")
    assert publish(function)["Version"] == "3"


def test_create_and_update_publish_when_asked(deploy):
    function = deploy(SAYS.format("one"), wait=False, Publish=True)
    created = function.client.get_function_configuration(FunctionName=function.name, Qualifier="1")
    assert created["Version"] == "1"
    assert function.arn.endswith(f":function:{function.name}")
    function.wait_active()
    settle(function, "1")
    updated = function.client.update_function_code(
        FunctionName=function.name, ZipFile=make_zip({"app.py": SAYS.format("two")}), Publish=True
    )
    assert (updated["Version"], updated["FunctionArn"]) == ("2", f"{function.arn}:2")
    assert updated["State"] == "Pending" and "LastUpdateStatus" not in updated
    function.wait_updated()
    settle(function, "2")
    assert function.invoke(Qualifier="1").payload[0] == "one"
    assert function.invoke(Qualifier="2").payload[0] == "two"


def test_preconditions_of_a_publication(deploy):
    function = deploy(SAYS.format("x"))
    current = function.client.get_function_configuration(FunctionName=function.name)
    sha = current["CodeSha256"]
    with refused(
        400,
        "InvalidParameterValueException",
        f"CodeSHA256 (wrong) is different from current CodeSHA256 in $LATEST ({sha}). "
        "Please try again with the CodeSHA256 in $LATEST.",
    ):
        publish(function, CodeSha256="wrong")
    with refused(
        412,
        "PreconditionFailedException",
        "The Revision Id provided does not match the latest Revision Id. "
        "Call the GetFunction/GetAlias API to retrieve the latest Revision Id",
    ):
        publish(function, RevisionId="00000000-0000-0000-0000-000000000000")
    assert publish(function, CodeSha256=sha, RevisionId=current["RevisionId"])["Version"] == "1"


def test_nothing_is_published_while_an_update_is_in_progress(deploy):
    function = deploy(SAYS.format("x"))
    refusals, stop = [], threading.Event()

    def publish_again_and_again():
        while not stop.is_set():
            try:
                publish(function)
            except function.client.exceptions.ResourceConflictException as error:
                refusals.append(error.response["Error"]["Message"])

    publisher = threading.Thread(target=publish_again_and_again)
    publisher.start()
    try:
        for number in range(200):
            function.client.update_function_configuration(FunctionName=function.name, Description=str(number))
            function.wait_updated()
            if refusals:
                break
    finally:
        stop.set()
        publisher.join()
    busy = f"An update is in progress for resource: {function.arn}"
    assert set(refusals) == {f"The operation cannot be performed at this time. {busy}"}


def test_versions_of_a_missing_function(lambda_client):
    arn = "arn:aws:lambda:us-east-1:000000000000:function:nowhere"
    with refused(404, "ResourceNotFoundException", f"Function not found: {arn}"):
        lambda_client.publish_version(FunctionName="nowhere")
    with refused(404, "ResourceNotFoundException", f"Function not found: {arn}"):
        lambda_client.list_versions_by_function(FunctionName="nowhere")


def test_versions_are_listed_in_order_and_in_pages(deploy):
    function = deploy(SAYS.format("0"))
    for number in range(1, 12):
        change_code(function, str(number))
        publish(function)
    pages = function.client.get_paginator("list_versions_by_function").paginate(
        FunctionName=function.name, PaginationConfig={"PageSize": 4}
    )
    seen = [[entry["Version"] for entry in page["Versions"]] for page in pages]
    assert [len(page) for page in seen] == [4, 4, 4]
    assert sum(seen, []) == ["$LATEST", *(str(number) for number in range(1, 12))]
    with refused(400, "InvalidParameterValueException", "Invalid pagination token."):
        function.client.list_versions_by_function(FunctionName=function.name, Marker="%%%")
    entry = function.client.list_versions_by_function(FunctionName=function.name)["Versions"][1]
    assert entry["FunctionArn"] == f"{function.arn}:1"
    assert "State" not in entry
    everything = function.client.get_paginator("list_functions").paginate(
        FunctionVersion="ALL", PaginationConfig={"PageSize": 5}
    )
    mine = [
        entry["Version"]
        for page in everything
        for entry in page["Functions"]
        if entry["FunctionName"] == function.name
    ]
    assert mine == ["$LATEST", *(str(number) for number in range(1, 12))]
    plain = function.client.get_paginator("list_functions").paginate()
    assert [
        entry["Version"]
        for page in plain
        for entry in page["Functions"]
        if entry["FunctionName"] == function.name
    ] == ["$LATEST"]


def test_functions_of_another_master_region_are_none(deploy):
    function = deploy(SAYS.format("here"))
    client = function.client
    assert client.list_functions(MasterRegion="eu-west-1", FunctionVersion="ALL")["Functions"] == []
    here = client.list_functions(MasterRegion="ALL", FunctionVersion="ALL")["Functions"]
    assert function.name in [entry["FunctionName"] for entry in here]


def test_what_cannot_be_deleted_alone(deploy):
    function = deploy(SAYS.format("x"))
    publish(function)
    client = function.client
    client.create_alias(FunctionName=function.name, Name="live", FunctionVersion="1")
    with refused(
        400,
        "InvalidParameterValueException",
        "$LATEST version cannot be deleted without deleting the function.",
    ):
        client.delete_function(FunctionName=function.name, Qualifier="$LATEST")
    with refused(
        409,
        "ResourceConflictException",
        "Unable to delete version because the following aliases reference it: [live]",
    ):
        client.delete_function(FunctionName=function.name, Qualifier="1")
    with refused(400, "InvalidParameterValueException", "Deletion of aliases is not currently supported."):
        client.delete_function(FunctionName=function.name, Qualifier="live")
    client.delete_alias(FunctionName=function.name, Name="live")
    client.delete_function(FunctionName=function.name, Qualifier="1")
    client.delete_function(FunctionName=function.name, Qualifier="1")
    assert function.invoke().payload[0] == "x"


def test_a_deleted_function_takes_its_versions_along(deploy):
    function = deploy(SAYS.format("x"))
    publish(function)
    function.client.create_alias(FunctionName=function.name, Name="live", FunctionVersion="1")
    function.client.delete_function(FunctionName=function.name)
    again = deploy(SAYS.format("y"), FunctionName=function.name)
    for qualifier in ["1", "live"]:
        with refused(404, "ResourceNotFoundException", f"Function not found: {function.arn}:{qualifier}"):
            again.invoke(Qualifier=qualifier)
    assert publish(again)["Version"] == "1"


@pytest.mark.parametrize("operation", ["update_function_code", "update_function_configuration"])
def test_published_versions_cannot_be_changed(deploy, operation):
    function = deploy(SAYS.format("x"))
    publish(function)
    options = {"Description": "new"}
    if operation == "update_function_code":
        options = {"ZipFile": make_zip({"app.py": SAYS.format("new")})}
    with refused(404, "ResourceNotFoundException"):
        getattr(function.client, operation)(FunctionName=f"{function.name}:1", **options)
    assert function.invoke(Qualifier="1").payload[0] == "x"


def test_versions_outlive_the_server(fresh_server, python_runtime):
    server = fresh_server()
    function = Deployer(server.client(), python_runtime)(SAYS.format("kept"))
    publish(function)
    function.client.create_alias(FunctionName=function.name, Name="live", FunctionVersion="1")
    change_code(function, "newer")
    data_dir = server.data_dir
    server.kill()
    client = fresh_server(data_dir=data_dir).client()
    answer = client.invoke(FunctionName=function.name, Qualifier="live")
    assert answer["ExecutedVersion"] == "1"
    assert b"kept" in answer["Payload"].read()
    function.client = client
    assert publish(function)["Version"] == "2"
