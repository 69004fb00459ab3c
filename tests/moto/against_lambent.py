"""A pytest plugin that points moto's tests at a running Lambent, and writes down how each of them ended.

moto's tests know how to run against a server (TEST_SERVER_MODE); only the way in which that server is emptied is its own, and the
role that its tests of Lambda make beforehand: moto takes any text for a trust policy, AWS and this server do not.
"""

import json
import os
import sys
import urllib.request

import botocore.client
import moto.core.models as models

#: Where outcomes are written: a line of JSON per test.
OUTCOMES = os.environ["LAMBENT_MOTO_OUTCOMES"]


def reset(self):
    """Empties the server before and after each test."""
    request = urllib.request.Request(f"{self._test_server_mode_endpoint}/_lambent/reset", method="POST")
    urllib.request.urlopen(request, timeout=60).close()


models.ServerModeMockAWS.reset = reset

#: What the role of a function needs to have for its trust policy.
LAMBDA_TRUST = json.dumps(
    {
        "Version": "2012-10-17",
        "Statement": [
            {"Effect": "Allow", "Principal": {"Service": "lambda.amazonaws.com"}, "Action": "sts:AssumeRole"}
        ],
    }
)
#: Folders whose tests are about something else than roles.
WITHOUT_TRUST = "tests/test_awslambda/"
call = botocore.client.BaseClient._make_api_call
current = {"test": ""}


def call_with_trust(self, operation, parameters):
    """Gives a role the trust policy that its test left out."""
    if operation == "CreateRole" and current["test"].startswith(WITHOUT_TRUST):
        try:
            json.loads(parameters["AssumeRolePolicyDocument"])
        except ValueError:
            parameters = {**parameters, "AssumeRolePolicyDocument": LAMBDA_TRUST}
    return call(self, operation, parameters)


botocore.client.BaseClient._make_api_call = call_with_trust


def pytest_runtest_logstart(nodeid, location):
    """Which test runs."""
    current["test"] = nodeid


def pytest_runtest_logreport(report):
    """One line when a test fails in any phase, else when its body is over."""
    if report.when == "call" or report.outcome != "passed":
        reason = ""
        if report.outcome == "failed":
            reason = str(getattr(report.longrepr, "reprcrash", report.longrepr)).splitlines()[0][:300]
        with open(OUTCOMES, "a", encoding="utf-8") as file:
            json.dump({"test": report.nodeid, "outcome": report.outcome, "reason": reason}, file)
            file.write("\n")


def pytest_unconfigure(config):
    """Ends at once: moto's own threads, which nobody here needs, would keep the process."""
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(0)
