"""DynamoDB held against another implementation of it: the same random requests to both, and what they answer differently.

    python differential.py ORACLE [--seeds N] [--requests N] [--report FILE]

ORACLE is the program of dynoxide-rs, which runs in a process of its own. What is answered differently is a class: the operation, and how
each answers. `verdicts.json` says of each who is right and why; a class that it does not name is a failure of this run.
"""

import argparse
import json
import os
import re
import socket
import subprocess
import sys
import tempfile
import time
from collections import Counter
from pathlib import Path

import boto3
from botocore.config import Config
from botocore.exceptions import ClientError, ParamValidationError

HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent / "e2e"))

import lambent  # noqa: E402
from generator import KEYS, TABLES, Generator  # noqa: E402

VERDICTS = HERE / "verdicts.json"


def client(endpoint):
    """Whatever listens there."""
    config = Config(retries={"total_max_attempts": 1}, read_timeout=30)
    return boto3.client(
        "dynamodb", endpoint_url=endpoint, region_name="us-east-1", aws_access_key_id="test", aws_secret_access_key="test", config=config
    )


def free_port():
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        return found.getsockname()[1]


class Oracle:
    """The other implementation."""

    def __init__(self, program, folder):
        port = free_port()
        self.endpoint = f"http://127.0.0.1:{port}"
        command = [program, "serve", "--host", "127.0.0.1", "--port", str(port)]
        self.log = open(Path(folder) / "oracle.log", "w")
        self.process = subprocess.Popen(command, stdout=self.log, stderr=subprocess.STDOUT, cwd=folder)
        deadline = time.monotonic() + 20
        while True:
            try:
                client(self.endpoint).list_tables()
                return
            except Exception:
                assert self.process.poll() is None and time.monotonic() < deadline, "the oracle does not start"
                time.sleep(0.1)

    def stop(self):
        self.process.terminate()
        self.process.wait()
        self.log.close()


def plain(value, in_set=False):
    """A value that can be compared: sets without order, numbers as numbers."""
    if isinstance(value, dict):
        if len(value) == 1:
            (kind, inside) = next(iter(value.items()))
            if kind in ("SS", "NS", "BS") and isinstance(inside, list):
                return {kind: sorted(map(repr, inside))}
        return {name: plain(inside) for name, inside in value.items()}
    if isinstance(value, list):
        return [plain(inside) for inside in value]
    return repr(value) if isinstance(value, bytes) else value


def answer(to, operation, request):
    """What is answered, as far as it must be the same."""
    try:
        found = getattr(to, operation)(**request)
    except ClientError as error:
        told = {"code": error.response["Error"]["Code"], "message": error.response["Error"].get("Message", "")}
        if "CancellationReasons" in error.response:
            told["reasons"] = [reason.get("Code") for reason in error.response["CancellationReasons"]]
        if "Item" in error.response:
            told["item"] = plain(error.response["Item"])
        return told
    found = {name: inside for name, inside in found.items() if name not in ("ResponseMetadata", "ConsumedCapacity")}
    # The order of a scan, and of equal keys of an index, is nobody's promise; nor is that of a batch.
    is_ordered = operation == "query" and "IndexName" not in request
    if "Items" in found and not is_ordered:
        found["Items"] = sorted(found["Items"], key=lambda item: json.dumps(plain(item), sort_keys=True))
    if "Responses" in found and isinstance(found["Responses"], dict):
        found["Responses"] = {
            table: sorted(items, key=lambda item: json.dumps(plain(item), sort_keys=True)) for table, items in found["Responses"].items()
        }
    return plain(found)


def shape(found):
    """What is left of an answer that names no keys, so that differences of one kind are one."""
    if "code" in found:
        message = re.sub(r"(:v\d+|#\w+|\d+)", "_", found["message"])
        # Which operator and which type makes no other kind of it.
        message = re.sub(r"(operator or function: )[<>]=?(, operand type: )\w+", r"\1_\2_", message)
        message = re.sub(r"Actual: \w+", "Actual: _", message)
        message = re.sub(r"AttributeValue: \{B:[^}]*\}", "AttributeValue: {B:_}", message)
        message = re.sub(r"specific reasons \[.*\]", "specific reasons", message)
        reasons = f" {sorted(set(found['reasons']) - {'None'})}" if "reasons" in found else ""
        return f"{found['code']}: {message[:160]}{reasons}"
    return "an answer"


def difference(operation, request, ours, theirs):
    """The class of a difference."""
    ours_shape, theirs_shape = shape(ours), shape(theirs)
    if ours_shape == theirs_shape == "an answer":
        asked = [request.get(name) for name in ("ReturnValues", "IndexName") if request.get(name)]
        asked += ["projected"] if "ProjectionExpression" in request else []
        members = sorted(name for name in {*ours, *theirs} if ours.get(name) != theirs.get(name))
        told = lambda found: ", ".join(name for name in members if name in found) or "nothing"
        return f"{' '.join([operation, *asked])}: {told(ours)} | {told(theirs)}"
    return f"{operation}: {ours_shape} | {theirs_shape}"


def dump(to):
    """Every item of every table."""
    found = {}
    for table in KEYS:
        items = to.get_paginator("scan").paginate(TableName=table, ConsistentRead=True).build_full_result()["Items"]
        found[table] = sorted(json.dumps(plain(item), sort_keys=True) for item in items)
    return found


def run(ours, theirs, seed, count, classes, examples):
    """Sends `count` requests; how many were answered alike."""
    generator, alike = Generator(seed), 0
    for table in TABLES:
        for to in (ours, theirs):
            if table["TableName"] in to.list_tables()["TableNames"]:
                to.delete_table(TableName=table["TableName"])
            to.create_table(**table)
            to.get_waiter("table_exists").wait(TableName=table["TableName"], WaiterConfig={"Delay": 1})
    for _ in range(count):
        operation, request = generator.request()
        try:
            mine, other = answer(ours, operation, request), answer(theirs, operation, request)
        except ParamValidationError:
            continue
        if mine == other:
            alike += 1
            continue
        kind = difference(operation, request, mine, other)
        classes[kind] += 1
        examples.setdefault(kind, {"request": plain(request), "ours": mine, "theirs": other})
        # From the same state again: what follows is not another difference.
        for table in KEYS:
            level(ours, theirs, table)
    return alike


def level(ours, theirs, table):
    """Has the other hold what this server holds."""
    def items(to):
        found = to.get_paginator("scan").paginate(TableName=table, ConsistentRead=True).build_full_result()["Items"]
        return {json.dumps(plain({name: item[name] for name in KEYS[table]}), sort_keys=True): item for item in found}

    mine, other = items(ours), items(theirs)
    for key, item in other.items():
        if key not in mine:
            theirs.delete_item(TableName=table, Key={name: item[name] for name in KEYS[table]})
    for key, item in mine.items():
        if key not in other or plain(other[key]) != plain(item):
            try:
                theirs.put_item(TableName=table, Item=item)
            except ClientError:
                ours.delete_item(TableName=table, Key={name: item[name] for name in KEYS[table]})


def verdict_of(kind, verdicts):
    """Who is right of a class, and why."""
    return next((verdict for verdict in verdicts if re.search(verdict["class"], kind)), None)


def page(arguments, asked, alike, classes, verdicts):
    """What is committed of a run."""
    lines = [
        "# DynamoDB beside another implementation",
        "",
        "Written by `cargo xtask oracle`: random requests (puts, updates, deletes, reads, queries, scans, batches, transactions with",
        f"conditions, filters, projections and updates) go to this server and to {arguments.name}, which runs in a process of its own.",
        "",
        f"{asked} requests of {arguments.seeds} seeds, {alike} answered alike; {sum(classes.values())} otherwise, in {len(classes)} classes.",
        "",
        "| times | class (ours \\| theirs) | who is right, and why |",
        "|---|---|---|",
    ]
    for kind, times in classes.most_common():
        verdict = verdict_of(kind, verdicts)
        told = f"{verdict['right']}: {verdict['why']}" if verdict else "not explained"
        lines.append(f"| {times} | {kind.replace('|', chr(92) + '|')} | {told} |")
    return "\n".join([*lines, ""])


def main():
    """The command."""
    parser = argparse.ArgumentParser()
    parser.add_argument("oracle")
    parser.add_argument("--name", default="dynoxide-rs")
    parser.add_argument("--seeds", type=int, default=5)
    parser.add_argument("--requests", type=int, default=1_000)
    parser.add_argument("--report")
    arguments = parser.parse_args()
    verdicts = json.loads(VERDICTS.read_text())
    classes, examples, alike = Counter(), {}, 0
    with tempfile.TemporaryDirectory(prefix="lambent-oracle-") as folder:
        server = lambent.Server(Path(folder) / "data", "--no-sdk")
        oracle = Oracle(arguments.oracle, folder)
        try:
            ours, theirs = client(server.endpoint), client(oracle.endpoint)
            for seed in range(arguments.seeds):
                alike += run(ours, theirs, seed, arguments.requests, classes, examples)
        finally:
            oracle.stop()
            server.stop()
    asked = alike + sum(classes.values())
    if arguments.report:
        Path(arguments.report).write_text(page(arguments, asked, alike, classes, verdicts))
    unexplained = [kind for kind in classes if verdict_of(kind, verdicts) is None]
    print(f"{asked} requests, {alike} answered alike, {len(classes)} classes of differences, {len(unexplained)} not explained")
    for kind in unexplained:
        print(f"NOT EXPLAINED {classes[kind]} {kind}\n  {json.dumps(examples[kind], default=repr)[:1500]}")
    return 1 if unexplained else 0


if __name__ == "__main__":
    os.environ.setdefault("AWS_EC2_METADATA_DISABLED", "true")
    sys.exit(main())
