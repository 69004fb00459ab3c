"""DynamoDB: queries, scans and indexes, in the order of the keys."""

import random
from decimal import Decimal

from boto3.dynamodb.conditions import Attr, Key

from dynamo import definitions, everything, index, schema
from refusals import refused


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
    with refused(400, "ValidationException", contains=["Key attributes must be scalars", "Key: p"]):
        items.scan(FilterExpression="attribute_exists(p[0])")
    with refused(400, "ValidationException", "The provided starting key is invalid"):
        items.scan(ExclusiveStartKey={"p": "a"})
    with refused(400, "ValidationException", contains=["must be less than parameter TotalSegments"]):
        items.scan(Segment=4, TotalSegments=4)


def test_global_indexes_come_and_go(table, dynamodb):
    items = table()
    for number in range(5):
        items.put_item(Item={"p": str(number), "g": number % 2})
    for name in ("other", "unlike"):
        items.put_item(Item={"p": name, "g": "a text"})
    create = {**index("by-g", "g", "p"), "KeySchema": schema("g", "p")}
    changed = dynamodb.update_table(TableName=items.name, AttributeDefinitions=definitions(p="S", g="N"), GlobalSecondaryIndexUpdates=[{"Create": create}])
    assert changed["TableDescription"]["GlobalSecondaryIndexes"][0]["IndexStatus"] == "ACTIVE"
    found = items.query(IndexName="by-g", KeyConditionExpression=Key("g").eq(1))["Items"]
    assert [item["p"] for item in found] == ["1", "3"]
    with refused(400, "ValidationException", contains=["Type mismatch for Index Key g"]):
        items.put_item(Item={"p": "x", "g": "a text"})
    # What was there before the index, and does not fit into it, can be changed and deleted all the same.
    items.update_item(Key={"p": "other"}, UpdateExpression="SET g = :g", ExpressionAttributeValues={":g": 1})
    assert [item["p"] for item in items.query(IndexName="by-g", KeyConditionExpression=Key("g").eq(1))["Items"]] == ["1", "3", "other"]
    items.delete_item(Key={"p": "other"})
    items.delete_item(Key={"p": "unlike"})
    assert [item["p"] for item in items.query(IndexName="by-g", KeyConditionExpression=Key("g").eq(1))["Items"]] == ["1", "3"]
    dynamodb.update_table(TableName=items.name, GlobalSecondaryIndexUpdates=[{"Delete": {"IndexName": "by-g"}}])
    assert "GlobalSecondaryIndexes" not in dynamodb.describe_table(TableName=items.name)["Table"]
    items.put_item(Item={"p": "x", "g": "a text"})
    provisioned = {"ReadCapacityUnits": 3, "WriteCapacityUnits": 4}
    changed = dynamodb.update_table(TableName=items.name, BillingMode="PROVISIONED", ProvisionedThroughput=provisioned)["TableDescription"]
    assert changed["ProvisionedThroughput"]["WriteCapacityUnits"] == 4 and "BillingModeSummary" not in changed
    with refused(501, "NotImplemented", contains=["SSESpecification"]):
        dynamodb.update_table(TableName=items.name, SSESpecification={"Enabled": True})


def test_a_global_index_may_have_keys_of_many_attributes(table):
    kinds = {"p": "S", "a": "S", "b": "N", "s": "S", "t": "N"}
    keys = [{"AttributeName": name, "KeyType": "HASH" if name in "ab" else "RANGE"} for name in "abst"]
    by_all = {"IndexName": "all", "KeySchema": keys, "Projection": {"ProjectionType": "ALL"}}
    items = table(kinds=kinds, GlobalSecondaryIndexes=[by_all])
    rows = [(a, b, s, t) for a in ("x", "xy") for b in (1, 10) for s in ("k", "ka", "m") for t in (-2, 3, 20)]
    shuffled = rows.copy()
    random.Random(5).shuffle(shuffled)
    with items.batch_writer() as batch:
        for number, (a, b, s, t) in enumerate(shuffled):
            batch.put_item(Item={"p": str(number), "a": a, "b": b, "s": s, "t": t})
        batch.put_item(Item={"p": "lacks", "a": "x", "b": 1, "s": "k"})

    def found(condition, **more):
        read = everything(items.query, IndexName="all", KeyConditionExpression=condition, Limit=4, **more)[0]
        return [tuple(item[name] for name in "abst") for item in read]

    xs = Key("a").eq("x") & Key("b").eq(10)
    of_xs = [row for row in rows if row[:2] == ("x", 10)]
    assert found(xs) == of_xs and found(xs, ScanIndexForward=False) == of_xs[::-1]
    assert found(xs & Key("s").eq("k")) == [row for row in of_xs if row[2] == "k"]
    assert found(xs & Key("s").begins_with("k")) == [row for row in of_xs if row[2] in ("k", "ka")]
    assert found(xs & Key("s").eq("k") & Key("t").gte(3)) == [("x", 10, "k", 3), ("x", 10, "k", 20)]
    assert found(xs & Key("s").eq("m") & Key("t").eq(-2)) == [("x", 10, "m", -2)]
    for wrong, text in [
        (Key("a").eq("x"), "Query condition missed key schema element: b"),
        (xs & Key("t").eq(3), "Query condition missed key schema element: s"),
        (xs & Key("s").gt("k") & Key("t").eq(3), "Query key condition not supported"),
    ]:
        with refused(400, "ValidationException", text):
            found(wrong)
    described = items.meta.client.describe_table(TableName=items.name)["Table"]["GlobalSecondaryIndexes"][0]
    assert described["KeySchema"] == keys
    five = [{"AttributeName": f"k{number}", "KeyType": "HASH"} for number in range(5)]
    with refused(400, "ValidationException", contains=["KeySchema"]):
        table(kinds={"p": "S", **{f"k{number}": "S" for number in range(5)}}, GlobalSecondaryIndexes=[{**by_all, "KeySchema": five}])
