"""What the tests of DynamoDB have in common."""

import uuid

import boto3

ACCOUNT = "000000000000"
REGION = "us-east-1"
ON_DEMAND = {"BillingMode": "PAY_PER_REQUEST"}


def unique(kind):
    return f"{kind}-{uuid.uuid4().hex[:12]}"


def schema(partition, sort=None):
    elements = [{"AttributeName": partition, "KeyType": "HASH"}]
    return elements + ([{"AttributeName": sort, "KeyType": "RANGE"}] if sort else [])


def definitions(**kinds):
    return [{"AttributeName": name, "AttributeType": kind} for name, kind in kinds.items()]


def index(name, partition, sort=None, projection=None):
    return {"IndexName": name, "KeySchema": schema(partition, sort), "Projection": projection or {"ProjectionType": "ALL"}}


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


def resource_of(server):
    """boto3's tables, whose items have Python's types."""
    keys = {"aws_access_key_id": "test", "aws_secret_access_key": "test"}
    return boto3.resource("dynamodb", endpoint_url=server.endpoint, region_name=REGION, **keys)


class Tables:
    """Makes tables, and deletes them."""

    def __init__(self, server):
        self.client = server.client(service="dynamodb")
        self.resource = resource_of(server)
        self.made = []

    def __call__(self, partition="p", sort=None, kinds=None, **more):
        name = unique("table")
        kinds = kinds or {"p": "S", **({"s": "N"} if sort else {})}
        request = {"KeySchema": schema(partition, sort), "AttributeDefinitions": definitions(**kinds)}
        self.client.create_table(TableName=name, **request, **{**ON_DEMAND, **more})
        self.made.append(name)
        return self.resource.Table(name)

    def delete(self):
        for name in self.made:
            self.client.delete_table(TableName=name)
