"""A pytest plugin that points moto's tests at a running Lambent, and writes down how each of them ended.

moto's tests know how to run against a server (TEST_SERVER_MODE); only the way in which that server is emptied is its own.
"""

import json
import os
import sys
import urllib.request

import moto.core.models as models

#: Where outcomes are written: a line of JSON per test.
OUTCOMES = os.environ["LAMBENT_MOTO_OUTCOMES"]


def reset(self):
    """Empties the server before and after each test."""
    request = urllib.request.Request(f"{self._test_server_mode_endpoint}/_lambent/reset", method="POST")
    urllib.request.urlopen(request, timeout=60).close()


models.ServerModeMockAWS.reset = reset


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
