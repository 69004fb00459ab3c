"""The tour of the README, executed as pasted."""

import os
import re
import shutil
import subprocess

import pytest

import lambent
import toolbox

README = lambent.REPOSITORY / "README.md"
FENCE = re.compile(r"^```(\w*)\n(.*?)^```$", re.MULTILINE | re.DOTALL)


def blocks(kind):
    return [body for name, body in FENCE.findall(README.read_text()) if name == kind]


def clis():
    second = toolbox.aws_cli_2()
    return [("v1", toolbox.aws_cli_1())] + ([("v2", second)] if second else [])


@pytest.fixture
def checkout(tmp_path):
    """A folder that stands for the checkout, with the built binary where the README looks for it."""
    release = tmp_path / "target" / "release"
    release.mkdir(parents=True)
    os.symlink(lambent.binary(), release / "lambent")
    return tmp_path


@pytest.mark.parametrize(("name", "cli"), clis())
def test_the_tour_works_as_pasted(fresh_server, checkout, name, cli):
    server = fresh_server()
    script = "set -eu\n" + "\n".join(blocks("sh"))
    tools = checkout / "tools"
    tools.mkdir()
    os.symlink(cli, tools / "aws")
    done = subprocess.run(
        ["bash", "-c", script],
        cwd=checkout,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=150,
        env={
            "HOME": str(checkout),
            "PATH": f"{tools}:{os.environ['PATH']}",
            "LAMBENT_ENDPOINT": server.endpoint,
        },
    )
    assert done.returncode == 0, done.stdout + done.stderr
    for expected in blocks("text"):
        assert expected.strip() in done.stdout, done.stdout
    assert "greeting world" in done.stdout
    assert "REPORT RequestId: " in done.stdout
    assert shutil.which("aws", path=str(tools))


def test_the_readme_names_the_two_commands():
    text = README.read_text()
    assert "cargo run --release --bin lambent -- serve" in text
    assert "cargo xtask check" in text
    assert "cargo xtask check" in (lambent.REPOSITORY / ".ci" / "run").read_text()
    assert "sudo cargo" not in text.replace("never build with `sudo cargo`", "")
