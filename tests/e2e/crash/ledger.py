"""The ledger's auditor, a program of its own: reads what clients were acknowledged and what functions saw, and says what is wrong.

A folder has files of JSON lines. Of events: `acknowledged` (written by the client after its 202), `attempts` (by the function, at the
beginning of each) and `ends` (by the function that is the destination of both outcomes); `telling` (by the client), `told` and
`objects` (what a queue and a bucket got of their ends). Of messages: `sent` (by the client), `read` (by the function), `dead` (what the
dead-letter queue got). Of a topic: `published` (by the client), `notified` (what its subscriber was told). Of a bucket: `put` (by the
client), `kept` (what is in it), `happened` (what a queue was told of it). Of a bus: `matching` (by the client), `ruled` (what the queue
of its rule got). Of a table: `written` (by the client), `items` and `indexed` (what is in it), `followed` (by the function that its stream
goes to), `abandoned` (what the queue of its failures got). The program knows nothing of the server.

    python ledger.py FOLDER --retries N --crashes N --receives N
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


def audit_records(folder):
    """What is wrong with the records that a queue and a bucket got, each exactly one."""
    got = {name: Counter(record["id"] for record in lines(Path(folder) / name)) for name in ("told", "objects")}
    events = {record["id"]: record["fails"] for record in lines(Path(folder) / "telling")}
    for name in got:
        # What was not acknowledged may have been accepted.
        events |= {record["id"]: record["fails"] for record in lines(Path(folder) / name)}
    wrong = []
    for event, fails in sorted(events.items()):
        told, objects = got["told"][event], got["objects"][event]
        if (told, objects) != ((0, 1) if fails else (1, 0)):
            wrong.append(f"{event}, which {'fails' if fails else 'succeeds'}, is told {told} times in the queue and {objects} in the bucket")
    return wrong


def audit_messages(folder, receives):
    """What is wrong with messages: each is read or given up, in the order of its group, and not received too often."""
    sent, read, dead = (lines(Path(folder) / name) for name in ("sent", "read", "dead"))
    reads, given_up = Counter(message["id"] for message in read), Counter(message["id"] for message in dead)
    wrong = []
    for message in {message["id"]: message for message in [*sent, *read, *dead]}.values():
        name, fails = message["id"], message["fails"]
        if given_up[name] != (1 if fails else 0):
            wrong.append(f"{name}, which {'fails' if fails else 'succeeds'}, is {given_up[name]} times in the dead-letter queue")
        if not (0 if fails else 1) <= reads[name] <= receives:
            wrong.append(f"{name} was read {reads[name]} times, of {receives} receives")
    for group in {message["group"] for message in sent}:
        order = [message["id"] for message in sent if message["group"] == group]
        firsts = [name for name in dict.fromkeys(message["id"] for message in read) if name in order]
        if firsts != [name for name in order if name in firsts]:
            wrong.append(f"{group} was read in the order {firsts}, and sent in the order {order}")
    return wrong


def audit_notices(folder):
    """What is wrong with what a subscriber was told: each message, and none twice."""
    published = {record["id"] for record in lines(Path(folder) / "published")}
    notified = Counter(record["id"] for record in lines(Path(folder) / "notified"))
    names = sorted(published | set(notified))
    return [f"{name} was told {notified[name]} times" for name in names if notified[name] != 1]


def audit_rules(folder):
    """What is wrong with what the queue of a rule got: each event that was taken, and none twice."""
    taken = {record["id"] for record in lines(Path(folder) / "matching")}
    got = Counter(record["id"] for record in lines(Path(folder) / "ruled"))
    names = sorted(taken | set(got))
    return [f"{name} came {got[name]} times to the target of its rule" for name in names if got[name] != 1]


def audit_archive(folder):
    """What is wrong with an archive, of which all was replayed at last: each event that was taken, and none twice."""
    taken = {record["id"] for record in lines(Path(folder) / "matching")}
    got = Counter(record["id"] for record in lines(Path(folder) / "replayed") if record["replay"] == "last")
    return [f"{name} is {got[name]} times in the archive" for name in sorted(taken | set(got)) if got[name] != 1]


def audit_calls(folder, crashes):
    """What is wrong with what a server of the web was sent: each event that was taken, once for each crash and once more at most."""
    taken = {record["id"] for record in lines(Path(folder) / "matching")}
    got = Counter(record["id"] for record in lines(Path(folder) / "called"))
    wrong = [name for name in sorted(taken | set(got)) if not 1 <= got[name] <= 1 + crashes]
    return [f"{name} was sent {got[name]} times to a server of the web" for name in wrong]


def audit_happenings(folder, crashes):
    """What is wrong with what a queue was told of a bucket: each object that is there, and none that is not, once for each crash and
    once more at most, and always as the same event."""
    put, kept, happened = (lines(Path(folder) / name) for name in ("put", "kept", "happened"))
    told, sequencers = Counter(record["id"] for record in happened), defaultdict(set)
    for record in happened:
        sequencers[record["id"]].add(record["sequencer"])
    there = {record["id"] for record in kept}
    wrong = [f"{record['id']} was acknowledged, and is not there" for record in put if record["id"] not in there]
    for name in sorted(there | set(told)):
        if not (1 if name in there else 0) <= told[name] <= (1 + crashes if name in there else 0):
            wrong.append(f"{name}, which is {'' if name in there else 'not '}there, was told of {told[name]} times")
        if len(sequencers[name]) > 1:
            wrong.append(f"{name} was told of as {sequencers[name]}")
    return wrong


def audit_items(folder):
    """What is wrong with a table: each item that was acknowledged is there and in the index, and as many as are there were counted."""
    written, items, indexed = ({record["id"] for record in lines(Path(folder) / name)} for name in ("written", "items", "indexed"))
    counted = sum(record["n"] for record in lines(Path(folder) / "items"))
    items.discard("count")
    wrong = [f"{name} was acknowledged, and is not in the table" for name in sorted(written - items)]
    wrong += [f"{name} is in the table or in its index alone" for name in sorted(items ^ indexed)]
    return wrong + ([] if counted == len(items) else [f"{counted} items were counted, and {len(items)} are there"])


def audit_stream(folder):
    """What is wrong with what a function saw of a table's stream (I4): each item, in the order in which they were written, and of those
    that fail, and of no other, the queue of what is given up got exactly one record."""
    items = {record["id"]: record["fails"] for record in lines(Path(folder) / "items") if record["id"] != "count"}
    sequences = {record["id"]: record["sequence"] for record in lines(Path(folder) / "followed")}
    abandoned = Counter((record["first"], record["last"]) for record in lines(Path(folder) / "abandoned"))
    wrong = [f"{name} was passed, and not followed" for name in sorted(set(items) - set(sequences))]
    # A dictionary is in the order of its first insertions.
    if list(sequences.values()) != sorted(sequences.values()):
        wrong.append(f"the stream was followed in the order {list(sequences)}")
    for name, sequence in sequences.items():
        told = abandoned.pop((sequence, sequence), 0)
        if told != (1 if items.get(name) else 0):
            wrong.append(f"{name}, which {'fails' if items.get(name) else 'succeeds'}, was given up {told} times")
    return wrong + [f"what was given up is no item: {left}" for left in abandoned]


def main():
    """The command."""
    parser = argparse.ArgumentParser()
    parser.add_argument("folder")
    parser.add_argument("--retries", type=int, required=True)
    parser.add_argument("--crashes", type=int, required=True)
    parser.add_argument("--receives", type=int, required=True)
    arguments = parser.parse_args()
    wrong, acknowledged, attempts = audit(arguments.folder, arguments.retries, arguments.crashes)
    wrong += audit_records(arguments.folder) + audit_messages(arguments.folder, arguments.receives)
    wrong += audit_notices(arguments.folder) + audit_rules(arguments.folder) + audit_happenings(arguments.folder, arguments.crashes)
    wrong += audit_archive(arguments.folder) + audit_calls(arguments.folder, arguments.crashes)
    wrong += audit_items(arguments.folder) + audit_stream(arguments.folder)
    print(json.dumps({"wrong": wrong, "acknowledged": acknowledged, "attempts": attempts}))
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
