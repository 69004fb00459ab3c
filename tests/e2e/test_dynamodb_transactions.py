"""DynamoDB: batches and transactions."""

import concurrent.futures

from dynamo import resource_of
from refusals import refused


def test_batches_read_and_write_many(table, dynamodb, server):
    first, second = table(sort="s"), table()
    resource = resource_of(server)
    with first.batch_writer() as batch:
        for number in range(60):
            batch.put_item(Item={"p": "a", "s": number, "text": "x"})
    with first.batch_writer() as batch:
        batch.delete_item(Key={"p": "a", "s": 59})
    assert first.scan(Select="COUNT")["Count"] == 59
    second.put_item(Item={"p": "k", "n": 1})
    wanted = {
        first.name: {"Keys": [{"p": "a", "s": number} for number in (3, 59, 7)], "ProjectionExpression": "s"},
        second.name: {"Keys": [{"p": "k"}], "ConsistentRead": True},
    }
    answer = resource.batch_get_item(RequestItems=wanted, ReturnConsumedCapacity="TOTAL")
    assert sorted(item["s"] for item in answer["Responses"][first.name]) == [3, 7]
    assert answer["Responses"][second.name] == [{"p": "k", "n": 1}] and answer["UnprocessedKeys"] == {}
    units = {one["TableName"]: one["CapacityUnits"] for one in answer["ConsumedCapacity"]}
    assert units == {first.name: 1.5, second.name: 1.0}
    put = {"PutRequest": {"Item": {"p": {"S": "k"}}}}
    with refused(400, "ValidationException", "Provided list of item keys contains duplicates"):
        dynamodb.batch_write_item(RequestItems={second.name: [put, {"DeleteRequest": {"Key": {"p": {"S": "k"}}}}]})
    with refused(400, "ValidationException", "Too many items requested for the BatchWriteItem call"):
        many = [{"PutRequest": {"Item": {"p": {"S": str(number)}}}} for number in range(13)]
        dynamodb.batch_write_item(RequestItems={first.name: many, second.name: many})
    with refused(400, "ResourceNotFoundException"):
        dynamodb.batch_write_item(RequestItems={"no-such-table": [put]})
    assert second.scan()["Items"] == [{"p": "k", "n": 1}]


def test_a_batch_that_is_too_large_leaves_the_rest(table, server):
    items = table(sort="s")
    resource = resource_of(server)
    for first in (0, 25):
        # Nearly ten megabytes at once.
        writes = [{"PutRequest": {"Item": {"p": "a", "s": first + number, "text": "x" * 390_000}}} for number in range(25)]
        assert resource.batch_write_item(RequestItems={items.name: writes})["UnprocessedItems"] == {}
    wanted, found = {items.name: {"Keys": [{"p": "a", "s": number} for number in range(50)]}}, []
    for _ in range(2):
        answer = resource.batch_get_item(RequestItems=wanted)
        found += [int(item["s"]) for item in answer["Responses"][items.name]]
        wanted = answer["UnprocessedKeys"]
    assert wanted == {} and sorted(found) == list(range(50))


def test_a_transaction_is_carried_out_wholly_or_not_at_all(table, dynamodb):
    accounts = table()
    name = accounts.name
    accounts.put_item(Item={"p": "a", "n": 10})
    accounts.put_item(Item={"p": "b", "n": 0})

    def move(amount, **more):
        key = lambda who: {"TableName": name, "Key": {"p": {"S": who}}}  # noqa: E731
        values = {":n": {"N": str(amount)}}
        take = {**key("a"), "UpdateExpression": "SET n = n - :n", "ConditionExpression": "n >= :n", "ReturnValuesOnConditionCheckFailure": "ALL_OLD"}
        give = {**key("b"), "UpdateExpression": "ADD n :n"}
        check = {**key("frozen"), "ConditionExpression": "attribute_not_exists(p)"}
        actions = [{"Update": {**one, "ExpressionAttributeValues": values}} for one in (take, give)]
        return dynamodb.transact_write_items(TransactItems=[*actions, {"ConditionCheck": check}], **more)

    move(7, ClientRequestToken="once")
    move(7, ClientRequestToken="once")
    with refused(400, "IdempotentParameterMismatchException"):
        move(1, ClientRequestToken="once")
    with refused(400, "TransactionCanceledException", contains=["[ConditionalCheckFailed, None, None]"]) as caught:
        move(7)
    reasons = caught.value.response["CancellationReasons"]
    assert reasons[0]["Item"] == {"p": {"S": "a"}, "n": {"N": "3"}} and [reason["Code"] for reason in reasons[1:]] == ["None", "None"]
    accounts.put_item(Item={"p": "frozen"})
    with refused(400, "TransactionCanceledException", contains=["[None, None, ConditionalCheckFailed]"]):
        move(1)
    gets = [{"Get": {"TableName": name, "Key": {"p": {"S": who}}, "ProjectionExpression": "n"}} for who in ("a", "nobody", "b")]
    answer = dynamodb.transact_get_items(TransactItems=gets, ReturnConsumedCapacity="TOTAL")
    assert answer["Responses"] == [{"Item": {"n": {"N": "3"}}}, {}, {"Item": {"n": {"N": "7"}}}]
    assert answer["ConsumedCapacity"] == [{"TableName": name, "CapacityUnits": 6.0}]
    put = {"Put": {"TableName": name, "Item": {"p": {"S": "a"}}}}
    with refused(400, "ValidationException", "Transaction request cannot include multiple operations on one item"):
        dynamodb.transact_write_items(TransactItems=[put, {"Delete": {"TableName": name, "Key": {"p": {"S": "a"}}}}])
    with refused(400, "TransactionCanceledException", contains=["[ValidationError]"]):
        wrong = {"TableName": name, "Key": {"p": {"S": "a"}}, "UpdateExpression": "SET p = :p", "ExpressionAttributeValues": {":p": {"S": "z"}}}
        dynamodb.transact_write_items(TransactItems=[{"Update": wrong}])
    # As the oracle has it, which is held against AWS: nothing is read twice, and a key that is none is a reason.
    with refused(400, "ValidationException", "Transaction request cannot include multiple operations on one item"):
        dynamodb.transact_get_items(TransactItems=[gets[0], gets[1], gets[0]])
    keyless = {"TableName": name, "Key": {"q": {"S": "a"}}}
    with refused(400, "TransactionCanceledException", contains=["[None, ValidationError]"]) as caught:
        dynamodb.transact_get_items(TransactItems=[gets[0], {"Get": keyless}])
    assert caught.value.response["CancellationReasons"][1]["Message"] == "The provided key element does not match the schema"
    with refused(400, "TransactionCanceledException", contains=["[None, ValidationError]"]):
        dynamodb.transact_write_items(TransactItems=[put, {"Delete": keyless}])
    with refused(400, "ValidationException", contains=["cannot contain an empty string value. Key: p"]):
        dynamodb.transact_write_items(TransactItems=[put, {"Delete": {"TableName": name, "Key": {"p": {"S": ""}}}}])


def test_transactions_of_many_callers_are_one_after_another(table, dynamodb):
    items, names = table(), [f"k{number}" for number in range(5)]

    def add(_):
        changes = [
            {"Update": {"TableName": items.name, "Key": {"p": {"S": name}}, "UpdateExpression": "ADD n :n", "ExpressionAttributeValues": {":n": {"N": "1"}}}}
            for name in names
        ]
        for _ in range(10):
            dynamodb.transact_write_items(TransactItems=changes)

    def read(_):
        for _ in range(20):
            gets = [{"Get": {"TableName": items.name, "Key": {"p": {"S": name}}}} for name in names]
            found = {str(one.get("Item", {}).get("n")) for one in dynamodb.transact_get_items(TransactItems=gets)["Responses"]}
            assert len(found) == 1, found

    with concurrent.futures.ThreadPoolExecutor(8) as pool:
        list(pool.map(lambda number: (add if number % 2 else read)(number), range(8)))
    assert [items.get_item(Key={"p": name})["Item"]["n"] for name in names] == [40] * 5
