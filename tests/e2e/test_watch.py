"""`lambent watch`: the next invocation after a save runs what was saved."""

import os
import select
import signal
import subprocess
import time

import pytest

from lambent import binary

SAYS = "def handler(event, context):\n    return {!r}\n"
START_TIMEOUT_S = 30


class Watcher:
    """One running `lambent watch`."""

    def __init__(self, server, function, folder):
        self.process = subprocess.Popen(
            [str(binary()), "watch", function, str(folder), "--endpoint", server.endpoint],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            # A job that a shell runs in the background ignores it, and so would whatever it starts.
            preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),
        )

    def wait_for_deployment(self):
        """Until it says that it has deployed."""
        output = select.poll()
        output.register(self.process.stdout, select.POLLIN)
        readable = output.poll(START_TIMEOUT_S * 1000)
        assert readable, "nothing was deployed"
        return self.process.stdout.readline().decode()

    def stop(self):
        """Interrupts it, as a person would."""
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGINT)
        return self.process.communicate(timeout=10)[1].decode()


@pytest.fixture
def watch(server):
    """Starts watchers, which end with the test."""
    started = []

    def start(function, folder):
        started.append(Watcher(server, function, folder))
        return started[-1]

    yield start
    for watcher in started:
        watcher.stop()


def save(folder, word):
    """Writes as editors do: a new file in the place of the old one."""
    new = folder / "app.py.new"
    new.write_text(SAYS.format(word))
    os.replace(new, folder / "app.py")


def test_every_invocation_runs_what_was_saved_before_it(deploy, watch, tmp_path):
    function = deploy(SAYS.format("uploaded"))
    save(tmp_path, "first")
    watch(function.name, tmp_path).wait_for_deployment()
    assert function.invoke().payload == "first"
    for number in range(10):
        save(tmp_path, f"save {number}")
        assert function.invoke().payload == f"save {number}"
    # The same file, written in place.
    (tmp_path / "app.py").write_text(SAYS.format("in place"))
    assert function.invoke().payload == "in place"


def test_new_files_folders_modes_and_links_come_along(deploy, watch, tmp_path):
    function = deploy(SAYS.format("uploaded"))
    save(tmp_path, "x")
    watch(function.name, tmp_path).wait_for_deployment()
    (tmp_path / "package").mkdir()
    (tmp_path / "package" / "words.py").write_text("WORD = 'from a package'\n")
    (tmp_path / "program").write_text("#!/bin/sh\necho run\n")
    (tmp_path / "program").chmod(0o755)
    (tmp_path / "link.py").symlink_to("package/words.py")
    (tmp_path / ".git").mkdir()
    (tmp_path / ".git" / "HEAD").write_text("secret")
    (tmp_path / "app.py").write_text(
        "import os\nimport link\nimport package.words\n\n"
        "def handler(event, context):\n"
        "    return [link.WORD, package.words.WORD, os.access('program', os.X_OK), sorted(os.listdir('.'))]\n"
    )
    assert function.invoke().payload == [
        "from a package",
        "from a package",
        True,
        ["app.py", "link.py", "package", "program"],
    ]
    os.remove(tmp_path / "program")
    assert function.invoke().payload[2] is False


def test_saves_are_deployed_also_when_nobody_invokes(deploy, watch, tmp_path):
    function = deploy(SAYS.format("uploaded"))
    save(tmp_path, "one")
    watcher = watch(function.name, tmp_path)
    assert str(tmp_path) in watcher.wait_for_deployment()
    save(tmp_path, "two")
    assert function.name in watcher.wait_for_deployment()


def test_published_versions_stay_as_they_are(deploy, watch, tmp_path):
    function = deploy(SAYS.format("published"))
    function.client.publish_version(FunctionName=function.name)
    save(tmp_path, "edited")
    watch(function.name, tmp_path).wait_for_deployment()
    assert function.invoke(Qualifier="1").payload == "published"
    assert function.invoke().payload == "edited"


def test_a_watcher_that_is_gone_holds_nobody_up(deploy, watch, tmp_path):
    function = deploy(SAYS.format("uploaded"))
    save(tmp_path, "watched")
    watcher = watch(function.name, tmp_path)
    watcher.wait_for_deployment()
    assert function.invoke().payload == "watched"
    watcher.process.kill()
    watcher.process.wait()
    save(tmp_path, "nobody looks")
    started = time.monotonic()
    assert function.invoke().payload == "watched"
    assert time.monotonic() - started < 10


def test_what_cannot_be_watched(server, deploy, watch, tmp_path):
    save(tmp_path, "x")
    nowhere = watch("no-such-function", tmp_path)
    assert nowhere.process.wait(START_TIMEOUT_S) == 1
    assert "Function not found" in nowhere.stop()
    function = deploy(SAYS.format("x"))
    missing = watch(function.name, tmp_path / "missing")
    assert missing.process.wait(START_TIMEOUT_S) == 1
    assert "missing" in missing.stop()
