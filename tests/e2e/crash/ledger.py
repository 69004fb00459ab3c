"""The ledger's auditor, a program of its own: reads what clients were acknowledged and what functions saw, and says what is wrong.

A folder has three files of JSON lines: `acknowledged` (written by the client after its 202), `attempts` (by the function, at the
beginning of each) and `ends` (by the function that is the destination of both outcomes). The program knows nothing of the server.

    python ledger.py FOLDER --retries N --crashes N
"""

import argparse
import json
import sys
from collections import Counter, defaultdict
from pathlib import Path


def lines(path):
    """The records of a file; a line that a crash tore off is none."""
    records = []
    for line in path.read_text().splitlines() if path.exists() else []:
        try:
            records.append(json.loads(line))
        except ValueError:
            pass
    return records


def audit(folder, retries, crashes):
    """What is wrong, in sentences."""
    folder = Path(folder)
    attempts = Counter(record["id"] for record in lines(folder / "attempts"))
    fails = {record["id"]: record["fails"] for record in lines(folder / "attempts")}
    requests = defaultdict(set)
    for record in lines(folder / "attempts"):
        requests[record["id"]].add(record["request"])
    # The destination is a function too: it may run twice for one record, but then it has the same request id.
    ends = defaultdict(dict)
    for record in lines(folder / "ends"):
        ends[record["id"]][record["own"]] = record["condition"]
    wrong = []
    acknowledged = {record["id"] for record in lines(folder / "acknowledged")}
    for event in sorted(acknowledged | set(attempts) | set(ends)):
        told = ends.get(event, {})
        if len(told) != 1:
            wrong.append(f"{event} has {len(told)} ends: {told}")
            continue
        expected = "Success" if fails.get(event, 0) <= retries else "RetriesExhausted"
        if set(told.values()) != {expected}:
            wrong.append(f"{event} ended with {told}, not with {expected}")
        needed = min(fails.get(event, 0), retries) + 1
        if not needed <= attempts[event] <= needed + crashes:
            wrong.append(f"{event} was attempted {attempts[event]} times, not {needed} (and {crashes} crashes)")
        if len(requests[event]) != 1:
            wrong.append(f"{event} had the request ids {requests[event]}")
    return wrong, len(acknowledged), sum(attempts.values())


def main():
    """The command."""
    parser = argparse.ArgumentParser()
    parser.add_argument("folder")
    parser.add_argument("--retries", type=int, required=True)
    parser.add_argument("--crashes", type=int, required=True)
    arguments = parser.parse_args()
    wrong, acknowledged, attempts = audit(arguments.folder, arguments.retries, arguments.crashes)
    print(json.dumps({"wrong": wrong, "acknowledged": acknowledged, "attempts": attempts}))
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
