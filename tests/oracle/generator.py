"""Random requests for DynamoDB: mostly right, on few keys and few attributes, so that they meet one another."""

import random

#: Tables that every run has: one key, two keys of other types with indexes, a key of bytes.
TABLES = [
    {
        "TableName": "plain",
        "KeySchema": [{"AttributeName": "id", "KeyType": "HASH"}],
        "AttributeDefinitions": [{"AttributeName": "id", "AttributeType": "S"}],
        "BillingMode": "PAY_PER_REQUEST",
    },
    {
        "TableName": "sorted",
        "KeySchema": [{"AttributeName": "id", "KeyType": "HASH"}, {"AttributeName": "at", "KeyType": "RANGE"}],
        "AttributeDefinitions": [
            {"AttributeName": "id", "AttributeType": "S"},
            {"AttributeName": "at", "AttributeType": "N"},
            {"AttributeName": "kind", "AttributeType": "S"},
            {"AttributeName": "rank", "AttributeType": "N"},
        ],
        "GlobalSecondaryIndexes": [
            {
                "IndexName": "by-kind",
                "KeySchema": [{"AttributeName": "kind", "KeyType": "HASH"}, {"AttributeName": "rank", "KeyType": "RANGE"}],
                "Projection": {"ProjectionType": "ALL"},
            }
        ],
        "LocalSecondaryIndexes": [
            {
                "IndexName": "by-rank",
                "KeySchema": [{"AttributeName": "id", "KeyType": "HASH"}, {"AttributeName": "rank", "KeyType": "RANGE"}],
                "Projection": {"ProjectionType": "KEYS_ONLY"},
            }
        ],
        "BillingMode": "PAY_PER_REQUEST",
    },
    {
        "TableName": "bytes",
        "KeySchema": [{"AttributeName": "id", "KeyType": "HASH"}, {"AttributeName": "part", "KeyType": "RANGE"}],
        "AttributeDefinitions": [{"AttributeName": "id", "AttributeType": "N"}, {"AttributeName": "part", "AttributeType": "B"}],
        "BillingMode": "PAY_PER_REQUEST",
    },
]
KEYS = {"plain": {"id": "S"}, "sorted": {"id": "S", "at": "N"}, "bytes": {"id": "N", "part": "B"}}
NUMBERS = ["0", "1", "-1", "2.50", "1e3", "007", "-0.0", "123456789012345678901234567890", "1E-20", "0.1"]
TEXTS = ["a", "b", "ab", "abc", "", "Ä", "z z"]
#: Attributes that are no keys; a reserved word is among them.
NAMES = ["n", "s", "list", "map", "set", "size", "kind", "rank", "gone"]


class Generator:
    """Requests from a seed."""

    def __init__(self, seed):
        self.dice = random.Random(seed)

    def request(self):
        """An operation and its parameters."""
        return self.dice.choice([self.put, self.put, self.update, self.update, self.delete, self.get, self.query, self.scan, self.batch, self.transact])()

    # --- Values -----------------------------------------------------------------------------------------------

    def value(self, depth=0):
        kinds = ["S", "N", "N", "BOOL", "NULL", "B", "SS", "NS"] + (["L", "M"] if depth < 2 else [])
        kind = self.dice.choice(kinds)
        return {
            "S": lambda: {"S": self.dice.choice(TEXTS)},
            "N": lambda: {"N": self.dice.choice(NUMBERS)},
            "BOOL": lambda: {"BOOL": self.dice.random() < 0.5},
            "NULL": lambda: {"NULL": True},
            "B": lambda: {"B": self.dice.choice([b"", b"\0", b"ab"])},
            "SS": lambda: {"SS": self.dice.sample(TEXTS, self.dice.randint(1, 3))},
            "NS": lambda: {"NS": self.dice.sample(["1", "2", "2.5", "-3"], self.dice.randint(1, 3))},
            "L": lambda: {"L": [self.value(depth + 1) for _ in range(self.dice.randint(0, 3))]},
            "M": lambda: {"M": {name: self.value(depth + 1) for name in self.dice.sample(NAMES, self.dice.randint(0, 2))}},
        }[kind]()

    def key_value(self, kind):
        return {
            "S": lambda: {"S": self.dice.choice(["a", "b", "c"])},
            "N": lambda: {"N": self.dice.choice(["1", "2", "-3.5", "10"])},
            "B": lambda: {"B": self.dice.choice([b"\0", b"a", b"ab", b"\xff"])},
        }[kind]()

    def key(self, table):
        key = {name: self.key_value(kind) for name, kind in KEYS[table].items()}
        if self.dice.random() < 0.03:
            key.pop(self.dice.choice(list(key)))
        return key

    def table(self):
        return self.dice.choice(list(KEYS))

    def item(self, table):
        item = {name: self.value() for name in self.dice.sample(NAMES, self.dice.randint(0, 4))}
        # Keys of indexes are of their types, mostly.
        for name, kind in (("kind", "S"), ("rank", "N")):
            if name in item and self.dice.random() < 0.9:
                item[name] = self.key_value(kind)
        return {**item, **self.key(table)}

    # --- Expressions ------------------------------------------------------------------------------------------

    def path(self, names):
        """A path; its names stand in `names`."""
        name = self.dice.choice(NAMES)
        placeholder = f"#{name}"
        names[placeholder] = name
        end = self.dice.random()
        return placeholder + ("[0]" if end < 0.1 else "[1]" if end < 0.15 else ".#n" if end < 0.25 and names.setdefault("#n", "n") else "")

    def operand(self, values, value=None):
        placeholder = f":v{len(values)}"
        values[placeholder] = value or self.value(1)
        return placeholder

    def condition(self, names, values, depth=0):
        way = self.dice.randint(0, 9 if depth < 2 else 6)
        if way == 0:
            return f"attribute_exists({self.path(names)})"
        if way == 1:
            return f"attribute_not_exists({self.path(names)})"
        if way == 2:
            return f"{self.path(names)} {self.dice.choice(['=', '<>', '<', '<=', '>', '>='])} {self.operand(values)}"
        if way == 3:
            return f"begins_with({self.path(names)}, {self.operand(values, {'S': self.dice.choice(['a', 'ab', ''])})})"
        if way == 4:
            return f"contains({self.path(names)}, {self.operand(values)})"
        if way == 5:
            return f"size({self.path(names)}) {self.dice.choice(['=', '>', '<='])} {self.operand(values, {'N': self.dice.choice(['0', '1', '2'])})}"
        if way == 6:
            kind = self.dice.choice(["S", "N", "B", "BOOL", "NULL", "L", "M", "SS", "NS"])
            return f"attribute_type({self.path(names)}, {self.operand(values, {'S': kind})})"
        if way == 7:
            low, high = sorted(self.dice.sample(["1", "2", "3", "10"], 2), key=float)
            return f"{self.path(names)} BETWEEN {self.operand(values, {'N': low})} AND {self.operand(values, {'N': high})}"
        if way == 8:
            return f"NOT {self.condition(names, values, depth + 1)}"
        joint = self.dice.choice(["AND", "OR"])
        return f"({self.condition(names, values, depth + 1)} {joint} {self.condition(names, values, depth + 1)})"

    def update_expression(self, names, values):
        clauses, used = [], set()

        def fresh():
            left = [name for name in NAMES if name not in used]
            name = self.dice.choice(left)
            used.add(name)
            names[f"#{name}"] = name
            return f"#{name}"

        def assigned():
            target = fresh()
            way = self.dice.randint(0, 4)
            if way == 0:
                return f"{target} = {self.path(names)} {self.dice.choice('+-')} {self.operand(values, {'N': self.dice.choice(NUMBERS)})}"
            if way == 1:
                return f"{target} = if_not_exists({self.path(names)}, {self.operand(values)})"
            if way == 2:
                return f"{target} = list_append({self.path(names)}, {self.operand(values, {'L': [self.value(2)]})})"
            return f"{target} = {self.operand(values)}"

        if self.dice.random() < 0.7:
            clauses.append("SET " + ", ".join(assigned() for _ in range(self.dice.randint(1, 2))))
        if self.dice.random() < 0.3:
            clauses.append("REMOVE " + fresh() + self.dice.choice(["", "", "[0]"]))
        if self.dice.random() < 0.3:
            clauses.append(f"ADD {fresh()} {self.operand(values, self.dice.choice([{'N': '1'}, {'NS': ['7']}, {'SS': ['a']}]))}")
        if self.dice.random() < 0.2 or not clauses:
            clauses.append(f"DELETE {fresh()} {self.operand(values, self.dice.choice([{'NS': ['1', '2']}, {'SS': ['a', 'b']}]))}")
        return " ".join(clauses)

    def with_names(self, request, names, values):
        if names:
            request["ExpressionAttributeNames"] = names
        if values:
            request["ExpressionAttributeValues"] = values
        return request

    # --- Operations -------------------------------------------------------------------------------------------

    def conditional(self, request, names=None, values=None):
        names, values = names if names is not None else {}, values if values is not None else {}
        if self.dice.random() < 0.4:
            request["ConditionExpression"] = self.condition(names, values)
        return self.with_names(request, names, values)

    def put(self):
        table = self.table()
        request = {"TableName": table, "Item": self.item(table), "ReturnValues": self.dice.choice(["NONE", "ALL_OLD"])}
        return "put_item", self.conditional(request)

    def update(self):
        table, names, values = self.table(), {}, {}
        request = {
            "TableName": table,
            "Key": self.key(table),
            "UpdateExpression": self.update_expression(names, values),
            "ReturnValues": self.dice.choice(["NONE", "ALL_OLD", "UPDATED_OLD", "ALL_NEW", "UPDATED_NEW"]),
        }
        return "update_item", self.conditional(request, names, values)

    def delete(self):
        table = self.table()
        request = {"TableName": table, "Key": self.key(table), "ReturnValues": self.dice.choice(["NONE", "ALL_OLD"])}
        return "delete_item", self.conditional(request)

    def projected(self, request, names):
        if self.dice.random() < 0.3:
            request["ProjectionExpression"] = ", ".join(sorted({self.path(names) for _ in range(2)}))

    def get(self):
        table, names = self.table(), {}
        request = {"TableName": table, "Key": self.key(table), "ConsistentRead": self.dice.random() < 0.5}
        self.projected(request, names)
        return "get_item", self.with_names(request, names, {})

    def query(self):
        names, values = {}, {}
        if self.dice.random() < 0.3:
            index, partition, sort, kind = self.dice.choice([("by-kind", "kind", "rank", "N"), ("by-rank", "id", "rank", "N")])
            request = {"TableName": "sorted", "IndexName": index}
        else:
            table = self.dice.choice(["sorted", "bytes"])
            (partition, _), (sort, kind) = KEYS[table].items()
            request = {"TableName": table}
        kinds = {**KEYS[request["TableName"]], "kind": "S"}
        names["#p"] = partition
        expression = f"#p = {self.operand(values, self.key_value(kinds[partition]))}"
        way = self.dice.randint(0, 5)
        if way:
            names["#s"] = sort
        if way == 1:
            expression += f" AND #s BETWEEN {self.operand(values, self.key_value(kind))} AND {self.operand(values, self.key_value(kind))}"
        elif way == 2 and kind == "B":
            expression += f" AND begins_with(#s, {self.operand(values, {'B': b'a'})})"
        elif way:
            expression += f" AND #s {self.dice.choice(['=', '<', '<=', '>', '>='])} {self.operand(values, self.key_value(kind))}"
        request |= {"KeyConditionExpression": expression, "ScanIndexForward": self.dice.random() < 0.5}
        if self.dice.random() < 0.3:
            request["FilterExpression"] = self.condition(names, values)
        if "IndexName" not in request and self.dice.random() < 0.3:
            request["Limit"] = self.dice.randint(1, 3)
        self.projected(request, names)
        return "query", self.with_names(request, names, values)

    def scan(self):
        names, values = {}, {}
        request = {"TableName": self.table()}
        if request["TableName"] == "sorted" and self.dice.random() < 0.3:
            request["IndexName"] = self.dice.choice(["by-kind", "by-rank"])
        if self.dice.random() < 0.5:
            request["FilterExpression"] = self.condition(names, values)
        if self.dice.random() < 0.2:
            request["Select"] = "COUNT"
        else:
            self.projected(request, names)
        return "scan", self.with_names(request, names, values)

    def batch(self):
        table = self.table()
        if self.dice.random() < 0.5:
            return "batch_get_item", {"RequestItems": {table: {"Keys": [self.key(table) for _ in range(self.dice.randint(1, 3))]}}}
        one = lambda: {"PutRequest": {"Item": self.item(table)}} if self.dice.random() < 0.6 else {"DeleteRequest": {"Key": self.key(table)}}
        return "batch_write_item", {"RequestItems": {table: [one() for _ in range(self.dice.randint(1, 3))]}}

    def transact(self):
        def one():
            way, table = self.dice.randint(0, 3), self.table()
            if way == 0:
                return {"Put": self.conditional({"TableName": table, "Item": self.item(table)})}
            if way == 1:
                return {"Delete": self.conditional({"TableName": table, "Key": self.key(table)})}
            names, values = {}, {}
            if way == 2:
                request = {"TableName": table, "Key": self.key(table), "UpdateExpression": self.update_expression(names, values)}
                return {"Update": self.conditional(request, names, values)}
            request = {"TableName": table, "Key": self.key(table), "ConditionExpression": self.condition(names, values)}
            return {"ConditionCheck": self.with_names(request, names, values)}

        if self.dice.random() < 0.3:
            tables = [self.table() for _ in range(self.dice.randint(1, 3))]
            return "transact_get_items", {"TransactItems": [{"Get": {"TableName": table, "Key": self.key(table)}} for table in tables]}
        return "transact_write_items", {"TransactItems": [one() for _ in range(self.dice.randint(1, 3))]}
