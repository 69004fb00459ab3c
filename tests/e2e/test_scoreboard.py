"""The scoreboard: every attack as a package through the public API, on a machine of the test's own, judged by a letter.

`cargo xtask attack` runs each a hundred times and writes the table to docs/internals/attacks.md; here each is run a few times.
"""

import os
import random
import tempfile
import threading
import time
from collections import Counter
from contextlib import contextmanager
from pathlib import Path

import botocore.exceptions
import pytest

import networks
from attacks.catalog import ATTACKS
from attacks.scoreboard import CASES, GROUPS
from functions import Deployer, log_of
from packages import make_zip
from test_attacks import HELLO, Bait, package
from test_network import pytestmark  # noqa: F401

RUNS = int(os.environ.get("LAMBENT_ATTACK_RUNS", "2"))
REPORT = os.environ.get("LAMBENT_ATTACK_REPORT")
# Zero of these, ever.
NEVER = {"L", "E", "H"}
SLIPPED = [Path("/tmp/lambent-attack-slip"), Path("/lambent-attack-slip")]
# How a function ends that took too much.
DEATHS = ("Runtime.TruncatedResponse", "Sandbox.Timedout", "Runtime.ExitError", "Runtime.OutOfMemory", "Function.ResponseSizeTooLarge")
CATALOG = {attack.name: attack for attack in ATTACKS}


class Range:
    """Where attacks are run: a server on a machine, a neighbour, and bait."""

    def __init__(self, built, server, deployer, folder):
        self.networks, self.server, self.deployer = built, server, deployer
        self.folder = folder
        self.neighbour = deployer(HELLO, Timeout=10)
        statvfs = "import os\ndef handler(event, context):\n    return os.statvfs('/tmp').f_files\n"
        measuring = deployer(statvfs)
        self.tmp_inodes = measuring.invoke({}).payload
        measuring.delete()
        self.bait = Bait(folder, self.tmp_inodes)

    def event(self):
        """What an attack is told: everything that it could have found out otherwise."""
        return {
            **self.bait.event(self.server),
            "internet": networks.INTERNET,
            "machine": networks.MACHINE,
            "host_addresses": ["127.0.0.1", networks.MACHINE, "198.18.0.1", "169.254.100.1"],
            "server_port": int(self.server.endpoint.rsplit(":", 1)[1]),
            "seed": random.randrange(1 << 30),
        }

    def number(self):
        """One that nobody else has."""
        return random.randrange(1 << 30)

    def deploy(self, code, **options):
        """A package with the prelude of attacks."""
        return self.deployer(package(code), **{"Timeout": 30, "MemorySize": 256, **options})

    def deploy_whole(self, code, **options):
        """The same with a handler of its own."""
        return self.deploy(code, **options)

    def deploy_package(self, code):
        """A function of these bytes, or of this place; none when they are refused, which must be the caller's fault."""
        where = code if isinstance(code, dict) else {"ZipFile": code}
        try:
            return self.deployer(b"", Code=where)
        except botocore.exceptions.ClientError as error:
            assert error.response["ResponseMetadata"]["HTTPStatusCode"] in (400, 413), error
            return None

    def layer(self, files):
        """The ARN of a layer."""
        made = self.server.client().publish_layer_version(
            LayerName=f"attack-{self.number()}", Content={"ZipFile": make_zip(files)}
        )
        return made["LayerVersionArn"]

    def letter(self, function, stopped, succeeded, more=None):
        """One invocation, judged."""
        outcome = function.invoke({**self.event(), **(more or {})})
        if outcome.error is not None:
            # Out of time, out of memory, dead: contained. An attack that does not even run proves nothing.
            assert stopped == "C" and outcome.payload.get("errorType") in DEATHS, f"the attack is broken: {outcome}"
            return stopped
        return succeeded if outcome.payload["succeeded"] else stopped

    @contextmanager
    def running(self, function, event=None):
        """While the function runs; gives a way to learn its request id."""
        caller = threading.Thread(target=lambda: function.invoke(event or {**self.event(), "stay": 1.5}))
        caller.start()
        time.sleep(0.4)
        yield lambda: self.request_id_of(function)
        caller.join()

    @contextmanager
    def taken_away(self):
        """Functions that are made meanwhile go at the end, and their environments with them."""
        before = len(self.deployer.made)
        yield
        for function in self.deployer.made[before:]:
            function.delete()
        del self.deployer.made[before:]

    def request_id_of(self, function):
        """Of the last START line."""
        return log_of(self.server, function, "START RequestId: ").split("START RequestId: ")[-1].split()[0]

    def neighbour_answers(self):
        """Whether it does, and soon."""
        started = time.monotonic()
        return self.neighbour.invoke({}).payload == "hello" and time.monotonic() - started < 5

    def slipped(self):
        """Whether a package wrote outside of its place."""
        found = [path for path in SLIPPED if path.exists()]
        for path in found:
            path.unlink()
        return bool(found) or self.bait.file.read_text() != self.bait.mark

    def is_unharmed(self):
        """The server, the neighbour, the bait."""
        well = self.server.process.poll() is None and self.server.health()["status"] == "ok"
        return well and self.neighbour_answers() and self.bait.is_alive() and not self.slipped()


@pytest.fixture(scope="module")
def letters():
    """Every letter of every case; written down at the end. Of a run of some cases, the others' lines stay as they are."""
    counted = {}
    yield counted
    if REPORT and counted:
        Path(REPORT).write_text(page(counted, lines_of(Path(REPORT))))


@pytest.fixture(scope="module")
def attacked(all_servers, python_runtime):
    """The range; the module's tests are on its machine."""
    built = networks.Networks(all_servers.folder)
    try:
        with built.inside():
            server = built.start(tempfile.mkdtemp(prefix="data-", dir=all_servers.folder), "--no-sdk")
            deployer = Deployer(server.client(), python_runtime)
            range_ = Range(built, server, deployer, Path(tempfile.mkdtemp(dir=all_servers.folder)))
            yield range_
            range_.bait.close()
            deployer.close()
            server.stop()
    finally:
        built.close()


def run_once(range_, case, functions):
    """The worst letter of the case's parts."""
    found = []
    if case.run:
        with range_.taken_away():
            found.append(case.run(range_))
    found += [range_.letter(function, case.stopped, case.succeeded) for function in functions]
    if not range_.is_unharmed():
        found.append("H")
    return max(found, key="PCDLEH".index)


@pytest.mark.parametrize("case", [case for case in CASES if not case.why_not], ids=lambda case: f"{case.number:02}")
def test_an_attack_of_the_scoreboard(case, attacked, letters):
    functions = [attacked.deploy(code, **case.options) for code in case.codes]
    for name in case.catalog:
        attack = CATALOG[name]
        functions.append(attacked.deploy(attack.code, **{**attack.options, **case.options}))
    counted = letters[case.number] = Counter(run_once(attacked, case, functions) for _ in range(RUNS))
    for function in functions:
        function.delete()
    assert not NEVER & set(counted), f"{case.number} {case.title}: {dict(counted)}"
    assert counted["D"] <= RUNS * 0.02


@pytest.mark.parametrize(
    "case", [case for case in CASES if case.succeeds_with], ids=lambda case: f"{case.number:02}"
)
def test_an_attack_of_the_scoreboard_succeeds_without_what_stops_it(case, attacked, python_runtime):
    server = attacked.networks.start(tempfile.mkdtemp(prefix="data-", dir=attacked.folder), "--no-sdk", *case.succeeds_with)
    try:
        deployer = Deployer(server.client(), python_runtime)
        event = {**attacked.event(), "server_port": int(server.endpoint.rsplit(":", 1)[1])}
        for code in case.codes:
            outcome = deployer(package(code), **{"Timeout": 30, **case.options}).invoke(event)
            assert outcome.error is None and outcome.payload["succeeded"], outcome
        deployer.close()
    finally:
        server.stop()


def test_every_number_of_the_scoreboard_is_here():
    assert [case.number for case in CASES] == list(range(1, 74))
    for case in CASES:
        assert bool(case.why_not) != bool(case.codes or case.catalog or case.run), case.number


def lines_of(report):
    """The lines of cases in an earlier report, and what is behind them."""
    text = report.read_text() if report.exists() else ""
    rows, _, neighbours = text.partition("\n## A neighbour")
    lines = {int(line[2:4]): line for line in rows.splitlines() if line[:2] == "| " and line[2:4].isdigit()}
    return lines, f"\n## A neighbour{neighbours}" if neighbours else ""


def page(counted, before):
    """The table, as Markdown."""
    earlier, neighbours = before
    lines = [
        "# Attacks",
        "",
        "Written by `cargo xtask attack`. P prevented, C contained (only its own environment is hurt), D degraded but detected, L leaked,",
        "E escaped, H the host or the server harmed. Each attack is a package of `tests/e2e/attacks`, invoked through the API on a server at",
        "the level `sandbox`, network `internet`; after each run the server, a neighbour function and the bait are looked at.",
        "",
    ]
    for title, cases in GROUPS.items():
        lines += [f"## {title}", "", "| | attack | runs | letters |", "|---|---|---|---|"]
        for case in cases:
            of_case = counted.get(case.number, {})
            found = ", ".join(f"{letter} {of_case[letter]}" for letter in "PCDLEH" if of_case.get(letter))
            what = f"does not apply: {case.why_not}" if case.why_not else found or "not run"
            line = f"| {case.number:02} | {case.title} | {sum(of_case.values()) or ''} | {what} |"
            lines.append(line if of_case or case.why_not else earlier.get(case.number, line))
        lines.append("")
    return "\n".join(lines) + neighbours
