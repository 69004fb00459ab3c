"""moto's own published tests against the real binary: what passed once must pass for ever.

    python ratchet.py [--update] [SERVICE...]

The tests come from moto's source package on PyPI, at the version of requirements.txt, and are not kept here. `passing.txt` lists
those that pass; one of them that fails is a failure of this run. With `--update` the list is written anew, which may only add to it.
`failing.md` says of each of the others why it fails: an invention of moto's, or a gap of ours. One that it does not name is a failure
of this run as well, and so are more gaps than GAPS_MAX of a service's tests.
"""

import json
import os
import re
import subprocess
import sys
import tarfile
import tempfile
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent / "e2e"))

import lambent  # noqa: E402

#: Folders of moto's tests, by service; every other one is a share.
SERVICES = {
    "lambda": "test_awslambda",
    "iam": "test_iam",
    "sts": "test_sts",
    "s3": "test_s3",
    "sqs": "test_sqs",
    "sns": "test_sns",
    "dynamodb": "test_dynamodb",
    "scheduler": "test_scheduler",
    "apigateway": "test_apigateway",
    "apigatewayv2": "test_apigatewayv2",
    "dynamodbstreams": "test_dynamodbstreams",
    "kinesis": "test_kinesis",
    "events": "test_events",
}
PASSING = HERE / "passing.txt"
FAILING = HERE / "failing.md"
#: Named gaps of a service, as a part of its tests.
GAPS_MAX = 0.05
TEST_TIMEOUT_S = 60
#: What runs at a time.
SHARES = 2
#: moto's default account.
ACCOUNT = "123456789012"
#: The runtime that moto's tests use is newer than the Python of most machines: theirs stands in for it.
RUNTIME = "python3.14"


def fetch(folder):
    """The tests of the pinned version, unpacked once."""
    version = next(
        line.split("==")[1]
        for line in (HERE / "requirements.txt").read_text().splitlines()
        if line.startswith("moto==")
    )
    tests = folder / f"moto-{version}"
    if not (tests / "tests").is_dir():
        folder.mkdir(parents=True, exist_ok=True)
        command = [sys.executable, "-m", "pip", "download", f"moto=={version}", "--no-deps", "--no-binary", ":all:"]
        subprocess.run([*command, "--quiet", "--dest", str(folder)], check=True)
        with tarfile.open(folder / f"moto-{version}.tar.gz") as archive:
            archive.extractall(folder, filter="data")
    return tests


def run(tests, services):
    """Outcomes by test, the server started for them and stopped after."""
    with tempfile.TemporaryDirectory(prefix="lambent-moto-") as scratch:
        outcomes = Path(scratch) / "outcomes.jsonl"
        outcomes.touch()
        server = lambent.Server(
            Path(scratch) / "data",
            *["--account-id", ACCOUNT, "--accept-inert-settings", "--allow-foreign-architecture", "--no-sdk"],
            *["--runtime-path", f"{RUNTIME}={os.path.realpath('/usr/bin/python3')}"],
        )
        try:
            environment = {
                **os.environ,
                "TEST_SERVER_MODE": "true",
                "TEST_SERVER_MODE_ENDPOINT": server.endpoint,
                "LAMBENT_MOTO_OUTCOMES": str(outcomes),
                "PYTHONPATH": os.pathsep.join([str(HERE), str(tests)]),
                "AWS_ACCESS_KEY_ID": "test",
                "AWS_SECRET_ACCESS_KEY": "test",
                "AWS_DEFAULT_REGION": "us-east-1",
                "TESTS_SKIP_REQUIRES_DOCKER": "true",
            }
            command = [sys.executable, "-m", "pytest", "-q", "-p", "against_lambent"]
            command += ["-p", "no:cacheprovider", "--tb=no", "--timeout", str(TEST_TIMEOUT_S), "--color=no"]
            folders = [f"tests/{SERVICES[service]}" for service in services]
            subprocess.run([*command, *folders], cwd=tests, env=environment, check=False)
        finally:
            server.stop()
        lines = [json.loads(line) for line in outcomes.read_text().splitlines()]
    # A test that fails when it is taken down fails, whatever came before.
    ended = {}
    for line in lines:
        if ended.get(line["test"], {}).get("outcome") != "failed":
            ended[line["test"]] = line
    return ended


def run_shares(tests, services):
    """The same, of several shares at a time, each with a server of its own: much of it is waiting."""
    shares = [share for share in (services[number::SHARES] for number in range(SHARES)) if share]
    with ThreadPoolExecutor(SHARES) as pool:
        ended = list(pool.map(lambda share: run(tests, share), shares))
    return {test: end for share in ended for test, end in share.items()}


def explained():
    """The kind of reason, such as `gap`, by each test that `failing.md` names."""
    kinds, kind = {}, None
    for line in FAILING.read_text().splitlines():
        if heading := re.match(r"## ([a-z ]+): ", line):
            kind = heading[1]
        elif named := re.match(r"- `(tests/.*)`$", line):
            kinds[named[1]] = kind
    return kinds


def judge(ended, services):
    """What is wrong with the explanations: failures that nobody explains, and too many gaps."""
    kinds = explained()
    for test, end in sorted(ended.items()):
        if end["outcome"] == "failed" and test not in kinds:
            yield f"UNEXPLAINED {test}: {end['reason']}"
    for service in services:
        mine = [test for test, end in ended.items() if f"/{SERVICES[service]}/" in test and end["outcome"] != "skipped"]
        gaps = sum(kinds.get(test) == "gap" and ended[test]["outcome"] == "failed" for test in mine)
        print(f"{service:<8} {gaps} gaps of {len(mine)} tests")
        if gaps > GAPS_MAX * len(mine):
            yield f"GAPS {service}: more than {GAPS_MAX:.0%}"


def main(arguments):
    """Runs, compares, says what changed. Exit status 1 when something that passed does not any more."""
    update = "--update" in arguments
    services = [argument for argument in arguments if argument in SERVICES] or list(SERVICES)
    target = lambent.target_directory() / "moto"
    ended = run_shares(fetch(target), services)
    (target / "outcomes.json").write_text(json.dumps(sorted(ended.values(), key=lambda e: e["test"]), indent=1))
    passed = {test for test, end in ended.items() if end["outcome"] == "passed"}
    folders = tuple(f"tests/{SERVICES[service]}/" for service in services)
    listed = set(PASSING.read_text().split("\n")) - {""} if PASSING.is_file() else set()
    of_these = {test for test in listed if test.startswith(folders)}
    for service in services:
        mine = [end for test, end in ended.items() if test.startswith(f"tests/{SERVICES[service]}/")]
        count = {word: sum(end["outcome"] == word for end in mine) for word in ("passed", "failed", "skipped")}
        print(f"{service:<8} {count['passed']} passed, {count['failed']} failed, {count['skipped']} not for servers")
    lost = sorted(of_these - passed)
    for test in lost:
        print(f"LOST {test}: {ended.get(test, {}).get('reason', 'did not run')}")
    new = sorted(passed - listed)
    if new and update:
        PASSING.write_text("".join(f"{test}\n" for test in sorted(listed | passed)))
    elif new:
        print(f"{len(new)} more pass than are listed: --update lists them")
    wrong = [*judge(ended, services)]
    print("\n".join(wrong))
    return 1 if lost or wrong else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
