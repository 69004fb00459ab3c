"""DynamoDB: what is written is read, in the order of its keys, under its conditions, and survives a kill."""

import concurrent.futures
import random
import threading
import time
import uuid
from decimal import Decimal

import boto3
import pytest
from boto3.dynamodb.conditions import Attr, Key

from lambent import Server
from refusals import refused

ACCOUNT = "000000000000"
REGION = "us-east-1"
ON_DEMAND = {"BillingMode": "PAY_PER_REQUEST"}


@pytest.fixture
def dynamodb(server):
    return server.client(service="dynamodb")


def unique(kind):
    return f"{kind}-{uuid.uuid4().hex[:12]}"


def schema(partition, sort=None):
    elements = [{"AttributeName": partition, "KeyType": "HASH"}]
    return elements + ([{"AttributeName": sort, "KeyType": "RANGE"}] if sort else [])


def definitions(**kinds):
    return [{"AttributeName": name, "AttributeType": kind} for name, kind in kinds.items()]


def index(name, partition, sort=None, projection=None):
    return {"IndexName": name, "KeySchema": schema(partition, sort), "Projection": projection or {"ProjectionType": "ALL"}}


@pytest.fixture
def table(server, dynamodb):
    """Makes tables as resources of boto3, which go with the test."""
    made = []
    resource = boto3.resource("dynamodb", endpoint_url=server.endpoint, region_name=REGION, aws_access_key_id="test", aws_secret_access_key="test")

    def make(partition="p", sort=None, kinds=None, **more):
        name = unique("table")
        kinds = kinds or {"p": "S", **({"s": "N"} if sort else {})}
        dynamodb.create_table(TableName=name, KeySchema=schema(partition, sort), AttributeDefinitions=definitions(**kinds), **{**ON_DEMAND, **more})
        made.append(name)
        return resource.Table(name)

    yield make
    for name in made:
        dynamodb.delete_table(TableName=name)


def everything(read, **request):
    """All pages of a query or a scan: the items, and how many pages."""
    items, pages = [], 0
    while True:
        answer = read(**request)
        items += answer["Items"]
        pages += 1
        if "LastEvaluatedKey" not in answer:
            return items, pages
        request["ExclusiveStartKey"] = answer["LastEvaluatedKey"]


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


def test_a_query_reads_a_partition_in_the_order_of_its_numbers(table):
    items = table(sort="s")
    numbers = [Decimal(text) for text in ("-1e20", "-10", "-9.5", "-0.001", "0", "0.5", "1", "2", "10", "100", "1e30")]
    shuffled = numbers.copy()
    random.Random(3).shuffle(shuffled)
    for number in shuffled:
        items.put_item(Item={"p": "a", "s": number, "even": number in (-10, 0, 2, 10, 100)})
        items.put_item(Item={"p": "b", "s": number})

    def found(condition, **more):
        return [item["s"] for item in everything(items.query, KeyConditionExpression=condition, **more)[0]]

    a = Key("p").eq("a")
    assert found(a) == numbers and found(a, ScanIndexForward=False) == numbers[::-1]
    assert found(a & Key("s").gt(1)) == [2, 10, 100, Decimal("1e30")]
    assert found(a & Key("s").gte(10)) == [10, 100, Decimal("1e30")]
    assert found(a & Key("s").lt(-9)) == [Decimal("-1e20"), -10, Decimal("-9.5")]
    assert found(a & Key("s").lte(Decimal("-9.5"))) == [Decimal("-1e20"), -10, Decimal("-9.5")]
    assert found(a & Key("s").between(0, 2)) == [0, Decimal("0.5"), 1, 2]
    assert found(a & Key("s").eq(10)) == [10]
    for limit in (1, 2, 5, 11, 12):
        assert found(a, Limit=limit) == numbers and found(a, Limit=limit, ScanIndexForward=False) == numbers[::-1]
    page = items.query(KeyConditionExpression=a, Limit=3, FilterExpression=Attr("even").eq(True))
    assert (page["Count"], page["ScannedCount"], page["LastEvaluatedKey"]) == (1, 3, {"p": "a", "s": Decimal("-9.5")})
    counted = items.query(KeyConditionExpression=a, Select="COUNT")
    assert (counted["Count"], "Items" in counted) == (len(numbers), False)
    gone = {"p": "a", "s": Decimal("0.7")}
    assert items.query(KeyConditionExpression=a, ExclusiveStartKey=gone)["Items"][0]["s"] == 1


def test_texts_and_bytes_are_in_the_order_of_their_bytes(table):
    texts = table(sort="s", kinds={"p": "S", "s": "S"})
    names = ["", "A", "a", "a\0", "a\0b", "aa", "ab", "b", "ä", "\U0001f600"][1:]
    for name in names[::-1]:
        texts.put_item(Item={"p": "x", "s": name})
    query = lambda condition: [item["s"] for item in texts.query(KeyConditionExpression=Key("p").eq("x") & condition)["Items"]]  # noqa: E731
    assert query(Key("s").begins_with("a")) == ["a", "a\0", "a\0b", "aa", "ab"]
    assert query(Key("s").gt("a")) == names[2:]
    binary = table(sort="s", kinds={"p": "B", "s": "B"})
    values = [b"\x00", b"\x00\x00", b"\x00\xff", b"\x01", b"\xfe\xff", b"\xff", b"\xff\xff"]
    for value in values[::-1]:
        binary.put_item(Item={"p": b"\x00", "s": value})
    found = binary.query(KeyConditionExpression=Key("p").eq(b"\x00") & Key("s").begins_with(b"\xff"))["Items"]
    assert [bytes(item["s"]) for item in found] == values[-2:]
    assert [bytes(item["s"]) for item in binary.scan()["Items"]] == values


def test_pages_end_at_a_megabyte(table):
    items = table(sort="s")
    for number in range(12):
        items.put_item(Item={"p": "a", "s": number, "text": "x" * 200_000})
    found, pages = everything(items.query, KeyConditionExpression=Key("p").eq("a"))
    assert [item["s"] for item in found] == list(range(12)) and pages == 3
    found, pages = everything(items.scan, FilterExpression=Attr("s").lt(2), ProjectionExpression="s")
    assert (found, pages) == ([{"s": 0}, {"s": 1}], 3)


def test_a_scan_sees_everything_once_also_in_parts(table):
    items = table(sort="s")
    wanted = {(f"p{number % 7}", number) for number in range(60)}
    for partition, number in wanted:
        items.put_item(Item={"p": partition, "s": number})
    keys = lambda found: [(item["p"], int(item["s"])) for item in found]  # noqa: E731
    found, pages = everything(items.scan, Limit=7)
    assert sorted(keys(found)) == sorted(wanted) and pages == 9
    parts = [keys(everything(items.scan, Segment=segment, TotalSegments=4, Limit=5)[0]) for segment in range(4)]
    assert sorted(key for part in parts for key in part) == sorted(wanted)
    old = items.meta.client.scan(TableName=items.name, ScanFilter={"s": {"ComparisonOperator": "LT", "AttributeValueList": [3]}})
    assert sorted(int(item["s"]) for item in old["Items"]) == [0, 1, 2]


def test_indexes_follow_their_items(table):
    items = table(
        sort="s",
        kinds={"p": "S", "s": "N", "g": "S", "l": "S"},
        GlobalSecondaryIndexes=[
            index("by-g", "g", "s", {"ProjectionType": "INCLUDE", "NonKeyAttributes": ["kept"]}),
            index("g-alone", "g", projection={"ProjectionType": "KEYS_ONLY"}),
        ],
        LocalSecondaryIndexes=[index("by-l", "p", "l", {"ProjectionType": "KEYS_ONLY"})],
    )
    for number in range(4):
        items.put_item(Item={"p": "a", "s": number, "g": "x" if number % 2 else "y", "l": str(9 - number), "kept": number, "lost": 1})
    items.put_item(Item={"p": "a", "s": 9})

    def found(name, condition, **more):
        return everything(items.query, IndexName=name, KeyConditionExpression=condition, **more)[0]

    assert found("by-g", Key("g").eq("x")) == [{"p": "a", "s": n, "g": "x", "kept": n} for n in (1, 3)]
    assert found("by-g", Key("g").eq("x") & Key("s").gt(1)) == [{"p": "a", "s": 3, "g": "x", "kept": 3}]
    assert found("g-alone", Key("g").eq("y"), Limit=1) == [{"p": "a", "s": n, "g": "y"} for n in (0, 2)]
    local = found("by-l", Key("p").eq("a"), Limit=1, ScanIndexForward=False)
    assert local == [{"p": "a", "s": n, "l": str(9 - n)} for n in range(4)]
    whole = found("by-l", Key("p").eq("a") & Key("l").eq("9"), Select="ALL_ATTRIBUTES", ConsistentRead=True)
    assert whole == [{"p": "a", "s": 0, "g": "y", "l": "9", "kept": 0, "lost": 1}]
    assert len(everything(items.scan, IndexName="g-alone", Limit=1)[0]) == 4
    # An item that moves in its index, one that leaves it, and one that goes.
    items.update_item(Key={"p": "a", "s": 1}, UpdateExpression="SET g = :y", ExpressionAttributeValues={":y": "y"})
    items.update_item(Key={"p": "a", "s": 3}, UpdateExpression="REMOVE g")
    items.delete_item(Key={"p": "a", "s": 0})
    assert found("by-g", Key("g").eq("x")) == []
    assert [item["s"] for item in found("g-alone", Key("g").eq("y"))] == [1, 2]
    with refused(400, "ValidationException", contains=["Type mismatch for Index Key g Expected: S Actual: N IndexName: by-g"]):
        items.put_item(Item={"p": "a", "s": 5, "g": 1})
    with refused(400, "ValidationException", "Consistent reads are not supported on global secondary indexes"):
        found("by-g", Key("g").eq("x"), ConsistentRead=True)
    with refused(400, "ValidationException", "The table does not have the specified index: other"):
        found("other", Key("g").eq("x"))


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
        ({**right, "x": {"SS": []}}, invalid + "An string set  may not be empty"),
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


def test_wrong_queries_are_refused(table):
    items = table(sort="s")
    values = {":a": "a", ":n": 1}
    for condition, message in [
        ("s = :n", "Query condition missed key schema element: p"),
        ("p > :a", "Query key condition not supported"),
        ("p = :a AND s <> :n", "Query key condition not supported"),
        ("p = :a AND begins_with(s, :a)", "Query key condition not supported"),
        ("p = :n", "One or more parameter values were invalid: Condition parameter type does not match schema type"),
        ("p = :a OR s = :n", "Invalid KeyConditionExpression: Invalid operator used in KeyConditionExpression: OR"),
        ("p = :a AND p = :a", "Invalid KeyConditionExpression: KeyConditionExpressions must only contain one condition per key"),
        ("p = :a AND elsewhere = :n", "Query condition missed key schema element: s"),
        ("p = :a AND", None),
    ]:
        used = {name: value for name, value in values.items() if name in condition}
        with refused(400, "ValidationException", message):
            items.query(KeyConditionExpression=condition, ExpressionAttributeValues=used)
    with refused(400, "ValidationException", contains=["Filter Expression can only contain non-primary key attributes"]):
        items.query(KeyConditionExpression=Key("p").eq("a"), FilterExpression=Attr("s").eq(1))
    with refused(400, "ValidationException", "The provided starting key is invalid"):
        items.scan(ExclusiveStartKey={"p": "a"})
    with refused(400, "ValidationException", contains=["must be less than parameter TotalSegments"]):
        items.scan(Segment=4, TotalSegments=4)


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
        ({**one, **ON_DEMAND, "StreamSpecification": {"StreamEnabled": True, "StreamViewType": "KEYS_ONLY"}}, 501, "NotImplemented"),
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
        time.sleep(1)
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
