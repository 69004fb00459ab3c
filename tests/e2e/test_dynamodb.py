"""DynamoDB: what is written is read, under its conditions, and survives a kill."""

import concurrent.futures
import threading
import time
from decimal import Decimal

from boto3.dynamodb.conditions import Attr

from dynamo import ACCOUNT, ON_DEMAND, REGION, definitions, everything, index, schema, unique
from lambent import Server
from refusals import refused


def test_a_table_is_as_it_was_made(dynamodb):
    name = unique("table")
    made = dynamodb.create_table(
        TableName=name,
        KeySchema=schema("p", "s"),
        AttributeDefinitions=definitions(p="S", s="N", g="B"),
        ProvisionedThroughput={"ReadCapacityUnits": 5, "WriteCapacityUnits": 6},
        GlobalSecondaryIndexes=[
            {**index("by-g", "g", projection={"ProjectionType": "KEYS_ONLY"}), "ProvisionedThroughput": {"ReadCapacityUnits": 1, "WriteCapacityUnits": 1}}
        ],
        LocalSecondaryIndexes=[index("local", "p", "g")],
        Tags=[{"Key": "team", "Value": "a"}],
    )["TableDescription"]
    arn = f"arn:aws:dynamodb:{REGION}:{ACCOUNT}:table/{name}"
    assert (made["TableStatus"], made["TableArn"]) == ("ACTIVE", arn)
    dynamodb.get_waiter("table_exists").wait(TableName=name)
    found = dynamodb.describe_table(TableName=name)["Table"]
    assert found == dynamodb.describe_table(TableName=arn)["Table"]
    assert found["KeySchema"] == schema("p", "s") and found["AttributeDefinitions"] == definitions(p="S", s="N", g="B")
    assert (found["ProvisionedThroughput"]["ReadCapacityUnits"], found["ItemCount"]) == (5, 0)
    assert abs(found["CreationDateTime"].timestamp() - time.time()) < 60
    (by_g,), (local,) = found["GlobalSecondaryIndexes"], found["LocalSecondaryIndexes"]
    assert (by_g["IndexArn"], by_g["IndexStatus"], by_g["Projection"]) == (f"{arn}/index/by-g", "ACTIVE", {"ProjectionType": "KEYS_ONLY"})
    assert local["KeySchema"] == schema("p", "g")
    assert dynamodb.list_tags_of_resource(ResourceArn=arn)["Tags"] == [{"Key": "team", "Value": "a"}]
    dynamodb.tag_resource(ResourceArn=arn, Tags=[{"Key": "more", "Value": "b"}])
    dynamodb.untag_resource(ResourceArn=arn, TagKeys=["team"])
    assert dynamodb.list_tags_of_resource(ResourceArn=arn)["Tags"] == [{"Key": "more", "Value": "b"}]
    with refused(400, "ResourceInUseException", f"Table already exists: {name}"):
        dynamodb.create_table(TableName=name, KeySchema=schema("p"), AttributeDefinitions=definitions(p="S"), **ON_DEMAND)
    assert dynamodb.delete_table(TableName=name)["TableDescription"]["TableStatus"] == "DELETING"
    dynamodb.get_waiter("table_not_exists").wait(TableName=name)
    with refused(400, "ResourceNotFoundException", f"Requested resource not found: Table: {name} not found"):
        dynamodb.describe_table(TableName=name)
    with refused(400, "ResourceNotFoundException", "Requested resource not found"):
        dynamodb.get_item(TableName=name, Key={"p": {"S": "x"}})


def test_tables_are_listed_in_pages(server):
    dynamodb = server.client(service="dynamodb", region="eu-west-3", access_key="777777777777")
    names = [f"tab{number}" for number in range(5)]
    for name in names:
        dynamodb.create_table(TableName=name, KeySchema=schema("p"), AttributeDefinitions=definitions(p="S"), **ON_DEMAND)
    first = dynamodb.list_tables(Limit=2)
    assert (first["TableNames"], first["LastEvaluatedTableName"]) == (names[:2], "tab1")
    assert [page["TableNames"] for page in dynamodb.get_paginator("list_tables").paginate(PaginationConfig={"PageSize": 3})] == [names[:3], names[3:]]


def test_every_type_comes_back_as_it_was(table):
    items = table()
    item = {
        "p": "k", "s": "ä", "n": Decimal("-12.50"), "big": Decimal("12345678901234567890123456789012345678"),
        "b": b"\x00\x01", "yes": True, "no": False, "nothing": None, "list": [1, "a", [None]], "map": {"a": {"b": b"x"}},
        "ss": {"x", "y"}, "ns": {1, Decimal("2.5")}, "bs": {b"1", b"2"}, "empty": "", "none": [], "nowhere": {},
    }  # fmt: skip
    assert "Attributes" not in items.put_item(Item=item)
    assert items.get_item(Key={"p": "k"}, ConsistentRead=True)["Item"] == item
    assert items.get_item(Key={"p": "k"}, ProjectionExpression="#m.a, #l[1], ss", ExpressionAttributeNames={"#m": "map", "#l": "list"})["Item"] == {
        "map": {"a": {"b": b"x"}}, "list": ["a"], "ss": {"x", "y"},
    }  # fmt: skip
    assert "Item" not in items.get_item(Key={"p": "other"})
    assert items.put_item(Item={"p": "k"}, ReturnValues="ALL_OLD")["Attributes"] == item
    assert items.delete_item(Key={"p": "k"}, ReturnValues="ALL_OLD")["Attributes"] == {"p": "k"}
    assert "Attributes" not in items.delete_item(Key={"p": "k"}, ReturnValues="ALL_OLD")


def test_writes_are_conditional(table, dynamodb):
    items = table()
    items.put_item(Item={"p": "k", "n": 1}, ConditionExpression=Attr("p").not_exists())
    failed = "The conditional request failed"
    with refused(400, "ConditionalCheckFailedException", failed):
        items.put_item(Item={"p": "k", "n": 2}, ConditionExpression=Attr("p").not_exists())
    with refused(400, "ConditionalCheckFailedException", failed) as caught:
        items.update_item(
            Key={"p": "k"}, UpdateExpression="SET n = :n", ConditionExpression="n > :n",
            ExpressionAttributeValues={":n": 5}, ReturnValuesOnConditionCheckFailure="ALL_OLD",
        )  # fmt: skip
    assert caught.value.response["Item"] == {"p": {"S": "k"}, "n": {"N": "1"}}
    with refused(400, "ConditionalCheckFailedException"):
        items.delete_item(Key={"p": "k"}, ConditionExpression=Attr("n").eq(2))
    with refused(400, "ConditionalCheckFailedException"):
        dynamodb.delete_item(TableName=items.name, Key={"p": {"S": "k"}}, Expected={"n": {"Value": {"N": "2"}}})
    with refused(400, "ConditionalCheckFailedException"):
        dynamodb.delete_item(TableName=items.name, Key={"p": {"S": "gone"}}, Expected={"p": {"ComparisonOperator": "NOT_NULL"}})
    dynamodb.delete_item(TableName=items.name, Key={"p": {"S": "k"}}, Expected={"n": {"Value": {"N": "1"}}, "m": {"Exists": False}})
    assert "Item" not in items.get_item(Key={"p": "k"})


def test_updates_change_what_is_there_and_make_what_is_not(table, dynamodb):
    items = table()
    made = items.update_item(
        Key={"p": "k"}, UpdateExpression="SET a = if_not_exists(a, :z) + :one, l = :l ADD ss :ss",
        ExpressionAttributeValues={":z": 0, ":one": 1, ":l": [1, 2], ":ss": {"x"}}, ReturnValues="ALL_NEW",
    )["Attributes"]  # fmt: skip
    assert made == {"p": "k", "a": 1, "l": [1, 2], "ss": {"x"}}
    updated = items.update_item(
        Key={"p": "k"}, UpdateExpression="SET a = a + :one, l = list_append(l, :l) REMOVE gone DELETE ss :ss",
        ExpressionAttributeValues={":one": 1, ":l": [3], ":ss": {"x"}}, ReturnValues="UPDATED_NEW",
    )["Attributes"]  # fmt: skip
    assert updated == {"a": 2, "l": [1, 2, 3]}
    old = items.update_item(Key={"p": "k"}, UpdateExpression="REMOVE l[0], a", ReturnValues="UPDATED_OLD")["Attributes"]
    assert old == {"a": 2, "l": [1]}
    assert items.get_item(Key={"p": "k"})["Item"] == {"p": "k", "l": [2, 3]}
    updates = {"n": {"Value": {"N": "5"}, "Action": "ADD"}, "l": {"Action": "DELETE"}, "x": {"Value": {"S": "y"}}}
    new = dynamodb.update_item(TableName=items.name, Key={"p": {"S": "k"}}, AttributeUpdates=updates, ReturnValues="ALL_NEW")
    assert new["Attributes"] == {"p": {"S": "k"}, "n": {"N": "5"}, "x": {"S": "y"}}
    for action, value in (("ADD", {"S": "x"}), ("ADD", {"L": []}), ("DELETE", {"N": "1"})):
        with refused(400, "ValidationException", contains=[f"Action {action} is not supported for the type {next(iter(value))}"]):
            wrong = {"new": {"Value": value, "Action": action}}
            dynamodb.update_item(TableName=items.name, Key={"p": {"S": "k"}}, AttributeUpdates=wrong)
    # Nothing but the key: the item is made.
    items.update_item(Key={"p": "alone"})
    assert items.get_item(Key={"p": "alone"})["Item"] == {"p": "alone"}


def test_many_callers_count_without_losing_any(table):
    items, callers, each = table(), 16, 25
    barrier = threading.Barrier(callers)

    def count(_):
        barrier.wait()
        for _ in range(each):
            items.update_item(Key={"p": "counter"}, UpdateExpression="ADD n :one", ExpressionAttributeValues={":one": 1})

    with concurrent.futures.ThreadPoolExecutor(callers) as pool:
        list(pool.map(count, range(callers)))
    assert items.get_item(Key={"p": "counter"})["Item"]["n"] == callers * each


def test_what_was_consumed_is_told_where_it_is_asked_for(table):
    items = table()
    put = items.put_item(Item={"p": "k", "text": "x" * 1_500}, ReturnConsumedCapacity="TOTAL")["ConsumedCapacity"]
    assert put == {"TableName": items.name, "CapacityUnits": 2.0}
    for consistent, units in ((True, 1.0), (False, 0.5)):
        answer = items.get_item(Key={"p": "k"}, ConsistentRead=consistent, ReturnConsumedCapacity="TOTAL")
        assert answer["ConsumedCapacity"]["CapacityUnits"] == units
    assert "ConsumedCapacity" not in items.get_item(Key={"p": "k"})


def test_wrong_items_and_keys_are_refused(table, dynamodb):
    items = table(sort="s")
    name = items.name
    right = {"p": {"S": "a"}, "s": {"N": "1"}}
    invalid = "One or more parameter values were invalid: "
    for item, message in [
        ({"p": {"S": "a"}}, invalid + "Missing the key s in the item"),
        ({**right, "s": {"S": "1"}}, invalid + "Type mismatch for key s expected: N actual: S"),
        ({**right, "x": {}}, "Supplied AttributeValue is empty, must contain exactly one of the supported datatypes"),
        ({**right, "x": {"N": "one"}}, "The parameter cannot be converted to a numeric value: one"),
        ({**right, "x": {"SS": []}}, "1 validation error detected: " + invalid + "An string set  may not be empty"),
        ({**right, "x": {"S": "x" * 410_000}}, "Item size has exceeded the maximum allowed size"),
        ({**right, "p": {"S": ""}}, None),
        ({**right, "p": {"S": "x" * 2_049}}, invalid + "Size of hashkey has exceeded the maximum size limit of2048 bytes"),
    ]:
        with refused(400, "ValidationException", message):
            dynamodb.put_item(TableName=name, Item=item)
    for key in ({"p": {"S": "a"}}, {**right, "x": {"S": "y"}}, {**right, "s": {"S": "1"}}):
        with refused(400, "ValidationException", "The provided key element does not match the schema"):
            dynamodb.get_item(TableName=name, Key=key)
    with refused(400, "ValidationException", invalid + "Cannot update attribute s. This attribute is part of the key"):
        dynamodb.update_item(TableName=name, Key=right, UpdateExpression="SET s = :s", ExpressionAttributeValues={":s": {"N": "2"}})
    with refused(400, "ValidationException", contains=["Can not use both expression and non-expression parameters"]):
        dynamodb.delete_item(TableName=name, Key=right, ConditionExpression="attribute_exists(p)", Expected={"x": {"Exists": False}})
    with refused(400, "ValidationException", "ExpressionAttributeNames can only be specified when using expressions"):
        dynamodb.get_item(TableName=name, Key=right, ExpressionAttributeNames={"#a": "a"})
    assert items.scan()["Items"] == []


def test_wrong_tables_are_refused(dynamodb):
    one = {"TableName": unique("table"), "KeySchema": schema("p"), "AttributeDefinitions": definitions(p="S")}
    two = {**one, "KeySchema": schema("p", "s"), "AttributeDefinitions": definitions(p="S", s="S")}
    for request, status, code in [
        ({**one}, 400, "ValidationException"),
        ({**one, **ON_DEMAND, "ProvisionedThroughput": {"ReadCapacityUnits": 1, "WriteCapacityUnits": 1}}, 400, "ValidationException"),
        ({**one, **ON_DEMAND, "KeySchema": schema("q")}, 400, "ValidationException"),
        ({**one, **ON_DEMAND, "AttributeDefinitions": definitions(p="S", q="S")}, 400, "ValidationException"),
        ({**one, **ON_DEMAND, "KeySchema": [{"AttributeName": "p", "KeyType": "RANGE"}]}, 400, "ValidationException"),
        ({**one, **ON_DEMAND, "LocalSecondaryIndexes": [index("idx", "p", "p")]}, 400, "ValidationException"),
        ({**two, **ON_DEMAND, "LocalSecondaryIndexes": [index("idx", "s", "p")]}, 400, "ValidationException"),
        ({**two, **ON_DEMAND, "GlobalSecondaryIndexes": [index("idx", "s"), index("idx", "p")]}, 400, "ValidationException"),
        ({**two, **ON_DEMAND, "GlobalSecondaryIndexes": [index("idx", "s", None, {"ProjectionType": "INCLUDE"})]}, 400, "ValidationException"),
        ({**one, **ON_DEMAND, "SSESpecification": {"Enabled": True}}, 501, "NotImplemented"),
    ]:
        with refused(status, code):
            dynamodb.create_table(**request)
    protected = unique("table")
    dynamodb.create_table(**{**one, **ON_DEMAND, "TableName": protected, "DeletionProtectionEnabled": True})
    with refused(400, "ValidationException", contains=["protected against deletion"]):
        dynamodb.delete_table(TableName=protected)
    with refused(501, "NotImplemented", contains=["ExecuteStatement"]):
        dynamodb.execute_statement(Statement="SELECT * FROM t")


def test_what_was_acknowledged_survives_a_kill(fresh_server):
    server = fresh_server("--isolation", "process", "--no-sdk")
    dynamodb = server.client(service="dynamodb")
    dynamodb.create_table(
        TableName="tab", KeySchema=schema("p"), AttributeDefinitions=definitions(p="S", g="S"), GlobalSecondaryIndexes=[index("by-g", "g")], **ON_DEMAND
    )
    written, stop = [], threading.Event()

    def write(caller):
        client = server.client(service="dynamodb", retries={"max_attempts": 0})
        for number in range(10_000):
            name = f"{caller}-{number}"
            try:
                client.put_item(TableName="tab", Item={"p": {"S": name}, "g": {"S": f"g{caller}"}})
            except Exception:  # noqa: BLE001
                return
            written.append(name)
            if stop.is_set():
                return

    with concurrent.futures.ThreadPoolExecutor(4) as pool:
        callers = [pool.submit(write, caller) for caller in range(4)]
        deadline = time.monotonic() + 30
        while len(written) <= 50 and time.monotonic() < deadline:
            time.sleep(0.01)
        server.kill()
        stop.set()
        [caller.result() for caller in callers]
    again = Server(server.data_dir, "--isolation", "process", "--no-sdk")
    try:
        client = again.client(service="dynamodb")
        kept = {item["p"]["S"] for item in everything(client.scan, TableName="tab")[0]}
        assert len(written) > 50 and set(written) <= kept
        by_index = [
            item["p"]["S"]
            for caller in range(4)
            for item in everything(
                client.query, TableName="tab", IndexName="by-g", KeyConditionExpression="g = :g", ExpressionAttributeValues={":g": {"S": f"g{caller}"}}
            )[0]
        ]
        assert sorted(by_index) == sorted(kept)
    finally:
        again.stop()


def test_items_expire(table, dynamodb):
    items = table()
    now = int(time.time())
    items.put_item(Item={"p": "before", "at": now - 60})
    enable = {"TableName": items.name, "TimeToLiveSpecification": {"Enabled": True, "AttributeName": "at"}}
    assert dynamodb.describe_time_to_live(TableName=items.name)["TimeToLiveDescription"] == {"TimeToLiveStatus": "DISABLED"}
    dynamodb.update_time_to_live(**enable)
    description = {"TimeToLiveStatus": "ENABLED", "AttributeName": "at"}
    assert dynamodb.describe_time_to_live(TableName=items.name)["TimeToLiveDescription"] == description
    with refused(400, "ValidationException", "TimeToLive is already enabled"):
        dynamodb.update_time_to_live(**enable)
    stays = [{"p": "later", "at": now + 3_600}, {"p": "text", "at": str(now - 60)}, {"p": "milliseconds", "at": now * 1_000}, {"p": "long ago", "at": 5}]
    for item in [*stays, {"p": "over", "at": now - 5}, {"p": "moved", "at": now - 5}]:
        items.put_item(Item=item)
    items.update_item(Key={"p": "moved"}, UpdateExpression="SET #a = :a", ExpressionAttributeNames={"#a": "at"}, ExpressionAttributeValues={":a": now + 3_600})
    expected, deadline = {item["p"] for item in stays} | {"moved"}, time.monotonic() + 25
    while {item["p"] for item in items.scan()["Items"]} != expected:
        assert time.monotonic() < deadline, items.scan()["Items"]
        time.sleep(0.5)


def test_what_tools_ask_beside_their_work(table, dynamodb):
    items = table()
    backups = dynamodb.describe_continuous_backups(TableName=items.name)["ContinuousBackupsDescription"]
    assert backups == {"ContinuousBackupsStatus": "ENABLED", "PointInTimeRecoveryDescription": {"PointInTimeRecoveryStatus": "DISABLED"}}
    with refused(400, "TableNotFoundException"):
        dynamodb.describe_continuous_backups(TableName="no-such-table")
    assert dynamodb.describe_limits()["TableMaxReadCapacityUnits"] == 40_000
    assert dynamodb.describe_endpoints()["Endpoints"][0]["Address"]


def test_warm_throughput_is_kept_and_never_less_than_there_is(dynamodb):
    name, key = f"warm-{time.time_ns()}", [{"AttributeName": "id", "KeyType": "HASH"}]
    warm = {"ReadUnitsPerSecond": 15_000, "WriteUnitsPerSecond": 5_000}
    index = {"IndexName": "other", "KeySchema": key, "Projection": {"ProjectionType": "ALL"}}
    table = {
        "TableName": name,
        "KeySchema": key,
        "AttributeDefinitions": [{"AttributeName": "id", "AttributeType": "S"}],
        "BillingMode": "PAY_PER_REQUEST",
        "GlobalSecondaryIndexes": [index],
    }
    with refused(400, "ValidationException", contains=["Requested WriteUnitsPerSecond for WarmThroughput for table is lower"]):
        dynamodb.create_table(**table, WarmThroughput={"ReadUnitsPerSecond": 12_000, "WriteUnitsPerSecond": 3_000})
    with refused(400, "ValidationException", contains=["Requested ReadUnitsPerSecond for WarmThroughput for index other is lower"]):
        low = {**index, "WarmThroughput": {"ReadUnitsPerSecond": 10_000, "WriteUnitsPerSecond": 5_000}}
        dynamodb.create_table(**{**table, "GlobalSecondaryIndexes": [low]})
    made = dynamodb.create_table(**table)["TableDescription"]
    first = {"ReadUnitsPerSecond": 12_000, "WriteUnitsPerSecond": 4_000, "Status": "ACTIVE"}
    assert made["WarmThroughput"] == made["GlobalSecondaryIndexes"][0]["WarmThroughput"] == first
    changed = dynamodb.update_table(
        TableName=name, WarmThroughput=warm, GlobalSecondaryIndexUpdates=[{"Update": {"IndexName": "other", "WarmThroughput": warm}}]
    )["TableDescription"]
    assert changed["WarmThroughput"] == changed["GlobalSecondaryIndexes"][0]["WarmThroughput"] == {**warm, "Status": "ACTIVE"}
    with refused(400, "ValidationException", contains=["lower than initial throughput"]):
        dynamodb.update_table(TableName=name, WarmThroughput={"ReadUnitsPerSecond": 1, "WriteUnitsPerSecond": 1})
    units = {"ReadCapacityUnits": 20_000, "WriteCapacityUnits": 6_000}
    changed = dynamodb.update_table(
        TableName=name,
        BillingMode="PROVISIONED",
        ProvisionedThroughput=units,
        GlobalSecondaryIndexUpdates=[{"Update": {"IndexName": "other", "ProvisionedThroughput": units}}],
    )["TableDescription"]
    assert changed["WarmThroughput"] == {"ReadUnitsPerSecond": 20_000, "WriteUnitsPerSecond": 6_000, "Status": "ACTIVE"}
    dynamodb.delete_table(TableName=name)


def test_what_is_wrong_of_one_write_is_told_as_aws_tells_it(table):
    """As moto's tests have it that are held against AWS: what writes one item has its own words for some of it."""
    items = table()
    key = {"p": "k"}
    detected = "1 validation error detected: "
    one = {"ExpressionAttributeValues": {":x": 1}}
    for request, text in [
        ({"UpdateExpression": "SET a = :x, a.b = :x", **one}, detected + "Invalid UpdateExpression: Two document paths overlap"),
        ({"UpdateExpression": "SET a = :x SET b = :x", **one}, detected + 'Invalid UpdateExpression: The "SET" section can only be used once'),
        ({"UpdateExpression": ""}, detected + "Invalid UpdateExpression: The expression can not be empty;"),
        (
            {"UpdateExpression": "SET a = :x", "ExpressionAttributeNames": {"#n": "n"}, **one},
            detected + "Value provided in ExpressionAttributeNames unused in expressions: keys: {#n}",
        ),
        ({"UpdateExpression": "SET a = ,", **one}, "Invalid UpdateExpression: Syntax error"),
        (
            {"UpdateExpression": "SET a = :x", "ConditionExpression": "((a = :x))", **one},
            "Invalid ConditionExpression: The expression has redundant parentheses;",
        ),
    ]:
        with refused(400, "ValidationException", contains=[text]):
            items.update_item(Key=key, **request)


def test_policies_are_kept_with_revisions(table, dynamodb):
    items = table()
    arn = items.table_arn
    gone = "Resource-based policy not found for the provided ResourceArn: "
    with refused(400, "PolicyNotFoundException", gone + arn):
        dynamodb.get_resource_policy(ResourceArn=arn)
    one, other = ('{"Version": "2012-10-17", "Statement": [%s]}' % statement for statement in ("", '{"Effect": "Deny"}'))
    first = dynamodb.put_resource_policy(ResourceArn=arn, Policy=one)["RevisionId"]
    assert dynamodb.put_resource_policy(ResourceArn=arn, Policy=one)["RevisionId"] == first
    second = dynamodb.put_resource_policy(ResourceArn=arn, Policy=other, ExpectedRevisionId=first)["RevisionId"]
    assert int(second) > int(first)
    with refused(400, "PolicyNotFoundException", contains=[f"with revision id {first}, but", f"has revision id {second}."]):
        dynamodb.put_resource_policy(ResourceArn=arn, Policy=one, ExpectedRevisionId=first)
    with refused(400, "PolicyNotFoundException", contains=["expecting none to be present"]):
        dynamodb.put_resource_policy(ResourceArn=arn, Policy=one, ExpectedRevisionId="NO_POLICY")
    kept = dynamodb.get_resource_policy(ResourceArn=arn)
    assert (kept["Policy"], kept["RevisionId"]) == (other, second)
    assert dynamodb.delete_resource_policy(ResourceArn=arn)["RevisionId"] == second
    with refused(400, "PolicyNotFoundException", gone + arn):
        dynamodb.get_resource_policy(ResourceArn=arn)
