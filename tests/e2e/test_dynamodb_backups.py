"""Backups of DynamoDB's tables: what was in one comes back, whatever has become of it since."""

import time

import pytest

from refusals import refused

ABSENT = "arn:aws:dynamodb:us-east-1:555555555511:table/gone/backup/01623095754481-2cfcd6f9"


@pytest.fixture(scope="module")
def dynamodb(server):
    """In an account of its own."""
    return server.client(service="dynamodb", access_key="555555555511")


@pytest.fixture
def table(dynamodb):
    """A table with three items and an index, which goes with the test."""
    name = f"t-{time.time_ns()}"
    dynamodb.create_table(
        TableName=name,
        KeySchema=[{"AttributeName": "id", "KeyType": "HASH"}],
        AttributeDefinitions=[{"AttributeName": key, "AttributeType": "S"} for key in ("id", "kind")],
        GlobalSecondaryIndexes=[
            {"IndexName": "by-kind", "KeySchema": [{"AttributeName": "kind", "KeyType": "HASH"}], "Projection": {"ProjectionType": "ALL"}}
        ],
        BillingMode="PAY_PER_REQUEST",
        Tags=[{"Key": "k", "Value": "v"}],
    )
    for number in range(3):
        put(dynamodb, name, f"i{number}", kind="red" if number else "blue")
    yield name
    dynamodb.delete_table(TableName=name)


def put(dynamodb, table, identifier, kind):
    dynamodb.put_item(TableName=table, Item={"id": {"S": identifier}, "kind": {"S": kind}})


def ids(dynamodb, table):
    return sorted(item["id"]["S"] for item in dynamodb.scan(TableName=table)["Items"])


def test_a_table_is_restored_as_it_was(dynamodb, table):
    made = dynamodb.create_backup(TableName=table, BackupName="first")["BackupDetails"]
    assert (made["BackupName"], made["BackupType"], made["BackupStatus"]) == ("first", "USER", "CREATING")
    assert made["BackupSizeBytes"] > 0 and f":table/{table}/backup/" in made["BackupArn"]
    put(dynamodb, table, "later", "red")
    dynamodb.delete_item(TableName=table, Key={"id": {"S": "i0"}})
    restored = dynamodb.restore_table_from_backup(TargetTableName=f"{table}-again", BackupArn=made["BackupArn"])["TableDescription"]
    try:
        assert restored["RestoreSummary"]["SourceBackupArn"] == made["BackupArn"] and restored["ItemCount"] == 3
        assert restored["RestoreSummary"]["SourceTableArn"].endswith(f":table/{table}")
        dynamodb.get_waiter("table_exists").wait(TableName=f"{table}-again")
        assert ids(dynamodb, f"{table}-again") == ["i0", "i1", "i2"] and ids(dynamodb, table) == ["i1", "i2", "later"]
        query = {"KeyConditionExpression": "kind = :k", "ExpressionAttributeValues": {":k": {"S": "red"}}, "IndexName": "by-kind"}
        assert dynamodb.query(TableName=f"{table}-again", **query)["Count"] == 2
        # Neither is the other from now on, and tags do not come along.
        put(dynamodb, f"{table}-again", "mine", "red")
        assert dynamodb.query(TableName=f"{table}-again", **query)["Count"] == 3
        assert ids(dynamodb, table) == ["i1", "i2", "later"]
        assert dynamodb.list_tags_of_resource(ResourceArn=restored["TableArn"])["Tags"] == []
        with refused(400, "TableAlreadyExistsException", message=f"Table already exists: {table}-again"):
            dynamodb.restore_table_from_backup(TargetTableName=f"{table}-again", BackupArn=made["BackupArn"])
    finally:
        dynamodb.delete_table(TableName=f"{table}-again")


def test_a_backup_outlives_its_table_and_the_server(fresh_server, tmp_path):
    server = fresh_server("--no-sdk", data_dir=tmp_path / "data")
    dynamodb = server.client(service="dynamodb")
    dynamodb.create_table(
        TableName="lost",
        KeySchema=[{"AttributeName": "id", "KeyType": "HASH"}],
        AttributeDefinitions=[{"AttributeName": "id", "AttributeType": "S"}],
        BillingMode="PAY_PER_REQUEST",
    )
    count = 2500
    for start in range(0, count, 25):
        requests = [{"PutRequest": {"Item": {"id": {"S": f"{number:05}"}}}} for number in range(start, start + 25)]
        dynamodb.batch_write_item(RequestItems={"lost": requests})
    arn = dynamodb.create_backup(TableName="lost", BackupName="kept")["BackupDetails"]["BackupArn"]
    dynamodb.delete_table(TableName="lost")
    server.kill()
    dynamodb = fresh_server("--no-sdk", data_dir=tmp_path / "data").client(service="dynamodb")
    assert dynamodb.restore_table_from_backup(TargetTableName="lost", BackupArn=arn)["TableDescription"]["ItemCount"] == count
    pages = dynamodb.get_paginator("scan").paginate(TableName="lost")
    assert len([item for page in pages for item in page["Items"]]) == count


def test_a_table_is_restored_with_other_settings(dynamodb, table):
    arn = dynamodb.create_backup(TableName=table, BackupName="settings")["BackupDetails"]["BackupArn"]
    throughput = {"ReadCapacityUnits": 5, "WriteCapacityUnits": 6}
    restored = dynamodb.restore_table_from_backup(
        TargetTableName=f"{table}-bare",
        BackupArn=arn,
        BillingModeOverride="PROVISIONED",
        ProvisionedThroughputOverride=throughput,
        GlobalSecondaryIndexOverride=[],
    )["TableDescription"]
    assert "GlobalSecondaryIndexes" not in restored and restored["ProvisionedThroughput"]["WriteCapacityUnits"] == 6
    assert [one["AttributeName"] for one in restored["AttributeDefinitions"]] == ["id"]
    dynamodb.delete_table(TableName=f"{table}-bare")
    for mode, given in (("PROVISIONED", {}), ("PAY_PER_REQUEST", {"ProvisionedThroughputOverride": throughput})):
        with refused(400, "ValidationException", contains=["ReadCapacityUnits", mode]):
            dynamodb.restore_table_from_backup(
                TargetTableName=f"{table}-wrong", BackupArn=arn, BillingModeOverride=mode, **given
            )
    index = {"IndexName": "other", "KeySchema": [{"AttributeName": "id", "KeyType": "HASH"}], "Projection": {"ProjectionType": "ALL"}}
    with refused(400, "ValidationException", contains=["other"]):
        dynamodb.restore_table_from_backup(TargetTableName=f"{table}-wrong", BackupArn=arn, GlobalSecondaryIndexOverride=[index])


def test_backups_are_described_listed_and_deleted(dynamodb, table, server):
    arns = [dynamodb.create_backup(TableName=table, BackupName=f"b-{number}")["BackupDetails"]["BackupArn"] for number in range(3)]
    described = dynamodb.describe_backup(BackupArn=arns[0])["BackupDescription"]
    assert described["BackupDetails"]["BackupStatus"] == "AVAILABLE"
    assert (described["SourceTableDetails"]["TableName"], described["SourceTableDetails"]["ItemCount"]) == (table, 3)
    assert described["SourceTableFeatureDetails"]["GlobalSecondaryIndexes"][0]["IndexName"] == "by-kind"
    page = dynamodb.list_backups(TableName=table, Limit=2)
    assert [one["BackupArn"] for one in page["BackupSummaries"]] == arns[:2] and page["LastEvaluatedBackupArn"] == arns[1]
    rest = dynamodb.list_backups(TableName=table, ExclusiveStartBackupArn=arns[1])
    assert [one["BackupArn"] for one in rest["BackupSummaries"]] == arns[2:] and "LastEvaluatedBackupArn" not in rest
    assert dynamodb.list_backups(TableName=table, BackupType="SYSTEM")["BackupSummaries"] == []
    stranger = server.client(service="dynamodb", access_key="555555555512")
    assert stranger.list_backups()["BackupSummaries"] == []
    with refused(400, "BackupNotFoundException"):
        stranger.describe_backup(BackupArn=arns[0])
    with refused(400, "TableNotFoundException"):
        stranger.create_backup(TableName=f"arn:aws:dynamodb:us-east-1:555555555511:table/{table}", BackupName="theirs")
    assert dynamodb.delete_backup(BackupArn=arns[0])["BackupDescription"]["BackupDetails"]["BackupStatus"] == "DELETED"
    for call in (
        lambda: dynamodb.describe_backup(BackupArn=arns[0]),
        lambda: dynamodb.delete_backup(BackupArn=arns[0]),
        lambda: dynamodb.restore_table_from_backup(TargetTableName="none", BackupArn=arns[0]),
    ):
        with refused(400, "BackupNotFoundException", message=f"Backup not found: {arns[0]}"):
            call()
    with refused(400, "BackupNotFoundException"):
        dynamodb.describe_backup(BackupArn=ABSENT)
    with refused(400, "TableNotFoundException", message="Table not found: absent"):
        dynamodb.create_backup(TableName="absent", BackupName="none")
    for arn in arns[1:]:
        dynamodb.delete_backup(BackupArn=arn)
