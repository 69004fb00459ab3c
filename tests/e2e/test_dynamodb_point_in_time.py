"""Points in time of DynamoDB's tables: a table as it was at any of them."""

import time
from datetime import timedelta

import pytest

from refusals import refused


@pytest.fixture(scope="module")
def dynamodb(server):
    """In an account of its own."""
    return server.client(service="dynamodb", access_key="555555555512")


@pytest.fixture
def table(dynamodb):
    """A table whose points in time are kept, with an index; it goes with the test."""
    name = f"t-{time.time_ns()}"
    dynamodb.create_table(
        TableName=name,
        KeySchema=[{"AttributeName": "id", "KeyType": "HASH"}, {"AttributeName": "at", "KeyType": "RANGE"}],
        AttributeDefinitions=[{"AttributeName": key, "AttributeType": "S"} for key in ("id", "at", "kind")],
        GlobalSecondaryIndexes=[
            {"IndexName": "by-kind", "KeySchema": [{"AttributeName": "kind", "KeyType": "HASH"}], "Projection": {"ProjectionType": "ALL"}}
        ],
        BillingMode="PAY_PER_REQUEST",
    )
    keep(dynamodb, name)
    yield name
    dynamodb.delete_table(TableName=name)


def keep(dynamodb, table, **how):
    asked = {"PointInTimeRecoveryEnabled": True, **how}
    kept = dynamodb.update_continuous_backups(TableName=table, PointInTimeRecoverySpecification=asked)
    return kept["ContinuousBackupsDescription"]["PointInTimeRecoveryDescription"]


def put(dynamodb, table, identifier, kind):
    dynamodb.put_item(TableName=table, Item={"id": {"S": identifier}, "at": {"S": "x"}, "kind": {"S": kind}})


def delete(dynamodb, table, identifier):
    dynamodb.delete_item(TableName=table, Key={"id": {"S": identifier}, "at": {"S": "x"}})


def kinds(dynamodb, table):
    return {item["id"]["S"]: item["kind"]["S"] for item in dynamodb.scan(TableName=table)["Items"]}


def restore(dynamodb, table, at=None, **how):
    """Another table, as the first one was."""
    name = f"{table}-{time.time_ns()}"
    when = {"RestoreDateTime": at} if at else {"UseLatestRestorableTime": True}
    made = dynamodb.restore_table_to_point_in_time(SourceTableName=table, TargetTableName=name, **when, **how)["TableDescription"]
    assert made["TableStatus"] == "CREATING"
    dynamodb.get_waiter("table_exists").wait(TableName=name)
    return name, made


def moment():
    """A point in time that nothing else happens at."""
    time.sleep(0.005)
    now = time.time()
    time.sleep(0.005)
    return now


def test_a_table_is_restored_as_it_was_at_each_moment(dynamodb, table):
    moments = []
    steps = [
        lambda: put(dynamodb, table, "a", "red"),
        lambda: put(dynamodb, table, "b", "red"),
        lambda: put(dynamodb, table, "a", "blue"),
        lambda: delete(dynamodb, table, "b"),
        lambda: put(dynamodb, table, "b", "green"),
        lambda: dynamodb.transact_write_items(
            TransactItems=[
                {"Delete": {"TableName": table, "Key": {"id": {"S": "a"}, "at": {"S": "x"}}}},
                {"Put": {"TableName": table, "Item": {"id": {"S": "c"}, "at": {"S": "x"}, "kind": {"S": "red"}}}},
            ]
        ),
    ]
    for step in steps:
        step()
        moments.append((moment(), kinds(dynamodb, table)))
    for at, expected in reversed(moments):
        restored, made = restore(dynamodb, table, at)
        assert kinds(dynamodb, restored) == expected
        assert made["ItemCount"] == len(expected)
        assert made["RestoreSummary"]["SourceTableArn"].endswith(f":table/{table}")
        assert abs(made["RestoreSummary"]["RestoreDateTime"].timestamp() - at) < 0.01
        assert "SourceBackupArn" not in made["RestoreSummary"]
        query = {"KeyConditionExpression": "kind = :k", "ExpressionAttributeValues": {":k": {"S": "red"}}, "IndexName": "by-kind"}
        found = dynamodb.query(TableName=restored, **query)["Count"]
        assert found == sum(kind == "red" for kind in expected.values())
        dynamodb.delete_table(TableName=restored)
    assert kinds(dynamodb, table) == moments[-1][1]


def test_a_thousand_changes_and_more_are_undone(dynamodb, table):
    """More than one batch of them."""
    put(dynamodb, table, "i0", "red")
    before = moment()
    for start in range(0, 1_100, 25):
        puts = [{"PutRequest": {"Item": {"id": {"S": f"i{n % 500}"}, "at": {"S": "x"}, "kind": {"S": f"k{n}"}}}} for n in range(start, start + 25)]
        assert not dynamodb.batch_write_item(RequestItems={table: puts})["UnprocessedItems"]
    restored, _ = restore(dynamodb, table, before)
    assert kinds(dynamodb, restored) == {"i0": "red"}
    latest, _ = restore(dynamodb, table)
    assert len(kinds(dynamodb, latest)) == 500
    for name in (restored, latest):
        dynamodb.delete_table(TableName=name)


def test_points_in_time_are_kept_where_asked_and_from_then_on(dynamodb, table):
    described = dynamodb.describe_continuous_backups(TableName=table)["ContinuousBackupsDescription"]
    assert described["ContinuousBackupsStatus"] == "ENABLED"
    known = described["PointInTimeRecoveryDescription"]
    assert (known["PointInTimeRecoveryStatus"], known["RecoveryPeriodInDays"]) == ("ENABLED", 35)
    assert known["EarliestRestorableDateTime"] <= known["LatestRestorableDateTime"]
    put(dynamodb, table, "a", "red")
    # Said again it goes on, with other days.
    again = keep(dynamodb, table, RecoveryPeriodInDays=7)
    assert (again["EarliestRestorableDateTime"], again["RecoveryPeriodInDays"]) == (known["EarliestRestorableDateTime"], 7)
    restored, _ = restore(dynamodb, table, known["EarliestRestorableDateTime"])
    assert kinds(dynamodb, restored) == {}
    # A restored table keeps no points in time of its own.
    described = dynamodb.describe_continuous_backups(TableName=restored)["ContinuousBackupsDescription"]
    assert described["PointInTimeRecoveryDescription"] == {"PointInTimeRecoveryStatus": "DISABLED"}
    dynamodb.delete_table(TableName=restored)
    for wrong in (known["EarliestRestorableDateTime"] - timedelta(seconds=1), time.time() + 60):
        with refused(400, "InvalidRestoreTimeException", contains=["must be between EarliestRestorableDateTime and"]):
            restore(dynamodb, table, wrong)


def test_what_cannot_be_restored_says_so(dynamodb, table):
    with refused(400, "TableAlreadyExistsException", f"Table already exists: {table}"):
        dynamodb.restore_table_to_point_in_time(SourceTableName=table, TargetTableName=table, UseLatestRestorableTime=True)
    with refused(400, "TableNotFoundException", "Table not found: gone"):
        dynamodb.restore_table_to_point_in_time(SourceTableName="gone", TargetTableName="other", UseLatestRestorableTime=True)
    with refused(400, "ValidationException", contains=["Exactly one of"]):
        dynamodb.restore_table_to_point_in_time(SourceTableName=table, TargetTableName="other")
    with refused(400, "TableNotFoundException", "Table not found: gone"):
        dynamodb.update_continuous_backups(TableName="gone", PointInTimeRecoverySpecification={"PointInTimeRecoveryEnabled": True})
    off = dynamodb.update_continuous_backups(TableName=table, PointInTimeRecoverySpecification={"PointInTimeRecoveryEnabled": False})
    assert off["ContinuousBackupsDescription"]["PointInTimeRecoveryDescription"] == {"PointInTimeRecoveryStatus": "DISABLED"}
    with refused(400, "PointInTimeRecoveryUnavailableException", f"Point in time recovery is not enabled for table '{table}'"):
        restore(dynamodb, table)


def test_backups_of_such_a_table_are_their_own(dynamodb, table):
    put(dynamodb, table, "a", "red")
    arn = dynamodb.create_backup(TableName=table, BackupName="one")["BackupDetails"]["BackupArn"]
    before = moment()
    put(dynamodb, table, "a", "blue")
    dynamodb.delete_backup(BackupArn=arn)
    restored, _ = restore(dynamodb, table, before)
    assert kinds(dynamodb, restored) == {"a": "red"}
    dynamodb.delete_table(TableName=restored)


def test_points_in_time_outlive_the_server(fresh_server):
    server = fresh_server("--no-sdk")
    dynamodb = server.client(service="dynamodb")
    dynamodb.create_table(
        TableName="table",
        KeySchema=[{"AttributeName": "id", "KeyType": "HASH"}, {"AttributeName": "at", "KeyType": "RANGE"}],
        AttributeDefinitions=[{"AttributeName": key, "AttributeType": "S"} for key in ("id", "at")],
        BillingMode="PAY_PER_REQUEST",
    )
    keep(dynamodb, "table")
    put(dynamodb, "table", "a", "red")
    before = moment()
    put(dynamodb, "table", "a", "blue")
    server.kill()
    again = fresh_server("--no-sdk", data_dir=server.data_dir).client(service="dynamodb")
    restored, _ = restore(again, "table", before)
    assert (kinds(again, restored), kinds(again, "table")) == ({"a": "red"}, {"a": "blue"})
