"""The server is killed at labelled points through the whole path of an event, and nothing that was acknowledged is lost (I1, I3).

`LAMBENT_CRASH_TIMES` is how often at each point; without it a fourth of the points is a sample. `cargo xtask crash` asks for more.
"""

import json
import os
import random
import shutil
import tempfile
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from crash.ledger import (
    audit,
    audit_archive,
    audit_calls,
    audit_happenings,
    audit_items,
    audit_messages,
    audit_notices,
    audit_records,
    audit_rules,
    audit_stream,
)
from crash.points import AT_START, all_points
from crash.stage import Stage

#: Without a number every fourth point is a sample.
IS_SAMPLE = "LAMBENT_CRASH_TIMES" not in os.environ
TIMES = int(os.environ.get("LAMBENT_CRASH_TIMES", "1"))
SEED = int(os.environ.get("LAMBENT_CRASH_SEED", "1"))
REPORT = os.environ.get("LAMBENT_CRASH_REPORT")
POINTS = all_points()
#: Stages on which servers are killed at a time: a crash is mostly waiting.
STAGES = 1 if IS_SAMPLE else 3


@pytest.fixture(scope="module")
def stages(all_servers, python_runtime):
    """Below the folder of all servers, so that nothing left behind goes unseen."""
    folders = [Path(tempfile.mkdtemp(prefix="crash-", dir=all_servers.folder)) for _ in range(STAGES)]
    stages = [Stage(folder, python_runtime) for folder in folders]
    yield stages
    for stage in stages:
        stage.close()
    for folder in folders:
        shutil.rmtree(folder)


@pytest.fixture(scope="module")
def report():
    """What each point came to; written down where that is asked for. Of a run of some points, the others' lines stay as they are."""
    rows = {}
    yield rows
    if REPORT is not None:
        Path(REPORT).write_text(render({**rows_of(Path(REPORT)), **rows}))


def rows_of(page):
    """What a page says of the points that are still there."""
    lines = page.read_text().splitlines() if page.exists() else []
    cells = [[cell.strip() for cell in line.strip("|").split("|")] for line in lines if line.startswith("| ")]
    names = ("kills", "acknowledged", "attempts", "wrong")
    return {label: dict(zip(names, map(int, counts), strict=True)) for label, *counts in cells if label in POINTS}


def render(rows):
    """The page."""
    kills = sum(row["kills"] for row in rows.values())
    acknowledged = sum(row["acknowledged"] for row in rows.values())
    wrong = sum(row["wrong"] for row in rows.values())
    heading = [
        "# Crashes",
        "",
        "Written by `cargo xtask crash`: a server with waiting events and a client that sends more is killed (SIGKILL) at each",
        "labelled point, a few times at its first passages; another is started on what is left, and a program that knows only what",
        "clients and functions saw says what is wrong.",
        "",
        f"{len(rows)} points, {kills} kills, {acknowledged} events acknowledged; {wrong} found wrong by the auditor.",
        "",
        "| point | kills | events acknowledged | attempts | wrong |",
        "|---|---|---|---|---|",
    ]
    lines = [
        f"| {label} | {row['kills']} | {row['acknowledged']} | {row['attempts']} | {row['wrong']} |"
        for label, row in sorted(rows.items())
    ]
    return "\n".join([*heading, *lines, ""])


def test_there_are_points_through_the_whole_path():
    assert len(POINTS) >= 40
    parts = {label.split(":")[0] for label in POINTS}
    assert parts == {
        "accept", "attempt", "backlog", "claims", "deliveries", "entries", "events", "open", "queue", "resume", "s3", "tables", "wake", "writer",
    }  # fmt: skip


@pytest.mark.timeout(60 + TIMES * 60)
@pytest.mark.parametrize("label", POINTS[::4] if IS_SAMPLE else POINTS)
def test_nothing_acknowledged_is_lost_at(label, stages, report):
    dice = random.Random(f"{SEED} {label}")
    row = report[label] = {"kills": 0, "acknowledged": 0, "attempts": 0, "wrong": 0}
    # What is passed but once at a start is passed but once.
    passages = [1 if label.startswith(AT_START) else dice.randint(1, 6) for _ in range(TIMES)]
    with ThreadPoolExecutor(len(stages)) as pool:
        shares = [passages[number :: len(stages)] for number in range(len(stages))]
        crashes = [crash for share in pool.map(crash_in_turn, stages, [label] * len(stages), shares) for crash in share]
    for audited in crashes:
        assert audited is not None, "it was never reached"
        row["kills"] += 1
        row["acknowledged"] += audited["acknowledged"]
        row["attempts"] += audited["attempts"]
        row["wrong"] += len(audited["wrong"])
    assert [wrong for audited in crashes for wrong in audited["wrong"]] == []


def crash_in_turn(stage, label, passages):
    """What the auditor says of each."""
    return [stage.crash_at(label, times) or stage.crash_at(label, 1) for times in passages]


def test_the_auditor_finds_what_is_wrong(tmp_path):
    def write(name, *records):
        (tmp_path / name).write_text("".join(f"{record}\n" for record in records))

    attempt = '{"id": "a", "fails": 0, "request": "r"}'
    end = '{"id": "a", "condition": "Success", "own": "1"}'
    write("acknowledged", '{"id": "a"}')
    write("attempts", attempt)
    write("ends", end, end, '{"id": "torn')
    assert audit(tmp_path, 1, 0)[0] == []
    write("ends")
    assert "0 ends" in audit(tmp_path, 1, 0)[0][0]
    write("ends", end, end.replace('"1"', '"2"'))
    assert "2 ends" in audit(tmp_path, 1, 0)[0][0]
    write("ends", end.replace("Success", "RetriesExhausted"))
    assert "not with Success" in audit(tmp_path, 1, 0)[0][0]
    write("ends", end)
    write("attempts", attempt, attempt)
    assert "attempted 2 times" in audit(tmp_path, 1, 0)[0][0]
    assert audit(tmp_path, 1, 1)[0] == []
    write("attempts", attempt, attempt.replace('"r"', '"s"'))
    assert "request ids" in audit(tmp_path, 1, 1)[0][0]


def test_the_auditor_finds_what_is_wrong_with_messages_and_records(tmp_path):
    def write(name, *records):
        (tmp_path / name).write_text("".join(f"{record}\n" for record in records))

    first, second, bad = (
        f'{{"id": "{name}", "group": "g", "fails": {fails}}}' for name, fails in (("a", "false"), ("b", "false"), ("c", "true"))
    )
    write("sent", first, second, bad)
    write("read", first, second, bad, bad)
    write("dead", bad)
    assert audit_messages(tmp_path, 2) == []
    write("read", second, first, bad)
    assert "in the order" in audit_messages(tmp_path, 2)[0]
    write("read", first, bad)
    assert "b was read 0 times" in audit_messages(tmp_path, 2)[0]
    write("read", first, second, bad, bad, bad)
    assert "c was read 3 times" in audit_messages(tmp_path, 2)[0]
    write("read", first, second)
    write("dead", bad, bad)
    assert "2 times in the dead-letter queue" in audit_messages(tmp_path, 2)[0]
    well, ill = '{"id": "a", "fails": false}', '{"id": "b", "fails": true}'
    write("telling", well, ill)
    write("told", well)
    write("objects", ill)
    assert audit_records(tmp_path) == []
    write("told", well, well)
    assert "a, which succeeds, is told 2 times" in audit_records(tmp_path)[0]
    write("told", well)
    write("objects")
    assert "b, which fails, is told 0 times" in audit_records(tmp_path)[0]
    write("published", well, ill)
    write("notified", well, ill)
    assert audit_notices(tmp_path) == []
    write("notified", well, well)
    assert audit_notices(tmp_path) == ["a was told 2 times", "b was told 0 times"]
    write("matching", well)
    write("ruled", well, well)
    assert audit_rules(tmp_path) == ["a came 2 times to the target of its rule"]
    write("ruled")
    assert audit_rules(tmp_path) == ["a came 0 times to the target of its rule"]
    write("ruled", well, ill)
    assert audit_rules(tmp_path) == []
    write("replayed", '{"id": "a", "replay": "last"}', '{"id": "a", "replay": "other"}')
    write("called", well, well)
    assert audit_archive(tmp_path) == [] and audit_calls(tmp_path, 1) == []
    write("replayed", '{"id": "a", "replay": "last"}', '{"id": "a", "replay": "last"}')
    assert audit_archive(tmp_path) == ["a is 2 times in the archive"]
    write("replayed", '{"id": "a", "replay": "other"}')
    assert audit_archive(tmp_path) == ["a is 0 times in the archive"]
    assert audit_calls(tmp_path, 0) == ["a was sent 2 times to a server of the web"]
    write("called")
    assert audit_calls(tmp_path, 1) == ["a was sent 0 times to a server of the web"]
    first, again = '{"id": "a", "sequencer": "1"}', '{"id": "a", "sequencer": "2"}'
    write("put", well)
    write("kept", well)
    write("happened", first, first)
    assert audit_happenings(tmp_path, 1) == []
    assert "told of 2 times" in audit_happenings(tmp_path, 0)[0]
    write("happened", first, again)
    assert "told of as" in audit_happenings(tmp_path, 1)[0]
    write("happened")
    assert "told of 0 times" in audit_happenings(tmp_path, 1)[0]
    write("kept")
    assert "a was acknowledged, and is not there" in audit_happenings(tmp_path, 1)[0]
    write("happened", first)
    assert "not there, was told of 1 times" in audit_happenings(tmp_path, 1)[1]
    one = '{"id": "a", "n": 0}'
    write("written", one)
    write("items", one, '{"id": "count", "n": 1}')
    write("indexed", one)
    assert audit_items(tmp_path) == []
    write("indexed")
    assert audit_items(tmp_path) == ["a is in the table or in its index alone"]
    write("items")
    assert audit_items(tmp_path) == ["a was acknowledged, and is not in the table"]
    write("items", one)
    write("indexed", one)
    assert audit_items(tmp_path) == ["0 items were counted, and 1 are there"]


def test_the_auditor_finds_what_is_wrong_with_a_stream(tmp_path):
    def write(name, *records):
        (tmp_path / name).write_text("".join(f"{json.dumps(record)}\n" for record in records))

    well, ill = {"id": "a", "fails": False, "n": 0}, {"id": "b", "fails": True, "n": 0}
    one, two, told = {"id": "a", "sequence": "1"}, {"id": "b", "sequence": "2"}, {"first": "2", "last": "2"}
    write("items", well, ill)
    write("followed", one, two, one, two)
    write("abandoned", told)
    assert audit_stream(tmp_path) == []
    write("abandoned", told, told)
    assert audit_stream(tmp_path) == ["b, which fails, was given up 2 times"]
    write("abandoned", told, {"first": "1", "last": "2"})
    assert audit_stream(tmp_path) == ["what was given up is no item: ('1', '2')"]
    write("abandoned", told)
    write("followed", two, one)
    assert audit_stream(tmp_path) == ["the stream was followed in the order ['b', 'a']"]
    write("followed", two)
    assert audit_stream(tmp_path) == ["a was passed, and not followed"]
