"""What was acknowledged survives a power loss, and every fsync is needed for that.

The real binary runs with a library that records its writes and syncs (`powerloss/recorder.c`). A model of a disk
(`powerloss/disk.py`) then gives what may be left at any moment: what was synced, and a random part of the rest. The
real server is started on it, and held to what it had answered to its clients.

`LAMBENT_POWER_LOSS_POINTS` is the number of moments; `cargo xtask powerloss` asks for more than the default.
"""

import os
import random
import shutil
import tempfile
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from powerloss import disk, survival
from powerloss.judge import Judge
from powerloss.recording import record, record_after_a_death
from powerloss.report import Report

POINTS = int(os.environ.get("LAMBENT_POWER_LOSS_POINTS", "40"))
SEED = int(os.environ.get("LAMBENT_POWER_LOSS_SEED", "1"))
REPORT = os.environ.get("LAMBENT_POWER_LOSS_REPORT")
JUDGES = 4
#: Starts of the server that the search for the loss behind a missing sync may take.
TRIES = 40
#: Syncs of a first start, at each of which it is killed.
FIRST_SYNCS = 6
#: Which records' answers are followed by a power loss in the test of what is left of a stream.
FOLLOWED_EACH = 5

#: Syncs that may be left out without a loss that the judge finds, and why.
REDUNDANT = {
    "data directory, by SQLite": "Store::open syncs the same directory once its files are made",
    "rollback journal, by SQLite": "a file that is torn while it is made is set aside, and nothing is in it",
    "rollback journal of what waits, by SQLite": "the same",
    "rollback journal of tables, by SQLite": "the same",
}


@pytest.fixture(scope="module")
def folder(all_servers):
    """Where disks are; below the folder of all servers, so that nothing left behind goes unseen."""
    folder = Path(tempfile.mkdtemp(prefix="power-loss-", dir=all_servers.folder))
    yield folder
    shutil.rmtree(folder)


@pytest.fixture(scope="module")
def recording(folder, python_runtime):
    """One recorded run, for all tests of this file."""
    return record(folder, python_runtime)


@pytest.fixture(scope="module")
def report(recording):
    """What the tests find; written down where that is asked for."""
    calls = sum(len(steps) for steps in recording.history.steps.values())
    report = Report(SEED, records=len(recording.records), calls=calls)
    yield report
    if REPORT is not None:
        Path(REPORT).write_text(report.render())


@pytest.fixture(scope="module")
def judge(recording, folder, python_runtime):
    """Its judge."""
    return Judge(recording, folder, python_runtime)


def test_the_record_is_complete(recording):
    """What the records give is what is really there: nothing is written that the recorder does not see."""
    recorded = disk.Disk.after(recording.records).image(survival.EVERYTHING)
    assert set(recorded) == set(recording.at_the_end)
    different = [path for path, what in recorded.items() if recording.at_the_end[path] != what]
    assert different == []


def test_the_clients_did_all_kinds_of_things(recording):
    """The run is worth judging: functions were made, changed, deleted and made again."""
    states = [step.state for steps in recording.history.steps.values() for step in steps]
    assert len(states) > 50
    assert any(state is None for state in states)
    kinds = " ".join(recording.kinds)
    for place in ("write-ahead log", "database", "package", "data directory", "object", "directory of objects"):
        assert place in kinds


@pytest.mark.timeout(60 + POINTS * 5)
def test_what_was_acknowledged_survives_a_power_loss(judge, recording, report):
    started = time.monotonic()
    points = list(judge.random_points(random.Random(SEED), POINTS))
    with ThreadPoolExecutor(JUDGES) as judges:
        verdicts = list(judges.map(lambda point: judge.judge(*point), points))
    report.points, report.seconds = len(points), time.monotonic() - started
    report.lost = sum(1 for problems in verdicts if problems)
    report.ways.update(survives.way for _, survives in points)
    lost = [
        f"after {count} of {len(recording.records)} records, with {survives}:\n  " + "\n  ".join(problems)
        for (count, survives), problems in zip(points, verdicts, strict=True)
        if problems
    ]
    if lost:
        pytest.fail(f"{len(lost)} of {POINTS} power losses are not survived\n" + "\n".join(lost[:5]), pytrace=False)


def test_what_is_left_of_a_stream_is_followed_after_a_power_loss(judge, recording):
    """Nothing that was put is passed: what no function had got before gets there afterwards."""
    answers = [steps[0].end for name, steps in recording.history.steps.items() if name.startswith("record:")]
    # Behind its answer a record is rarely followed yet.
    for end in sorted(answers)[::FOLLOWED_EACH]:
        assert judge.follow(recording.count_at(end), survival.NOTHING) == []


def check_answers(judge):
    """Right behind each answer, with nothing left of what was not synced, what was answered is there."""
    recording = judge.recording
    answers = sorted({recording.count_at(end) for end in recording.history.acknowledgements()})
    with ThreadPoolExecutor(JUDGES) as judges:
        verdicts = list(judges.map(lambda count: judge.judge(count, survival.NOTHING), answers))
    judged = zip(answers, verdicts, strict=True)
    lost = [f"after {count} records: {problems[0]}" for count, problems in judged if problems]
    if lost:
        pytest.fail(f"{len(lost)} of {len(answers)} answers came too early\n" + "\n".join(lost[:5]), pytrace=False)


def test_nothing_is_answered_too_early(judge):
    check_answers(judge)


@pytest.mark.parametrize("die_at", range(1, FIRST_SYNCS + 1))
def test_a_first_start_that_was_cut_short_leaves_no_gap(folder, python_runtime, die_at):
    """What the first server made and did not come to sync is synced by the second, which finds it there."""
    place = folder / f"die-at-{die_at}"
    place.mkdir()
    check_answers(Judge(record_after_a_death(place, python_runtime, die_at), place, python_runtime))


def test_code_is_unpacked_again_after_a_power_loss(judge, recording):
    """Unpacked files are not synced: where they are there and empty, they are made again before they run."""
    image = disk.Disk.after(recording.records).image(survival.EVERYTHING)
    emptied = {path: b"" if "/tree/" in path and what else what for path, what in image.items()}
    assert emptied != image
    assert judge.invoke_all(emptied) == []


@pytest.mark.timeout(900)
def test_leaving_out_any_sync_is_found(judge, recording, report, subtests):
    assert set(REDUNDANT) <= set(recording.kinds), "a sync that is said to be redundant is made no more"
    for kind, dropped in recording.kinds.items():
        with subtests.test(msg=kind):
            found = loss_without(judge, dropped)
            redundant = f"nothing is lost: {REDUNDANT.get(kind, 'why, is not known')}"
            report.syncs[kind] = (len(dropped), found or redundant)
            if kind in REDUNDANT and found:
                pytest.fail(f"the {kind} is no longer redundant: {found}", pytrace=False)
            if kind not in REDUNDANT and not found:
                pytest.fail(f"nothing is lost without the {len(dropped)} syncs of the {kind}", pytrace=False)


def loss_without(judge, dropped):
    """The first loss that comes of leaving out some syncs, or None. Where there is one anyway, it proves nothing."""
    points = judge.points_without(dropped)
    points = points[:: max(1, len(points) // TRIES)]
    with ThreadPoolExecutor(JUDGES) as judges:
        for start in range(0, len(points), JUDGES):
            some = points[start : start + JUDGES]
            for point, problems in zip(some, judges.map(lambda point: judge.judge(*point, dropped), some), strict=True):
                if problems and not judge.judge(*point):
                    return f"after {point[0]} records, with {point[1]}: {problems[0]}"
    return None
