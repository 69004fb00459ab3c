"""The SDKs of other languages against the server, unmodified: JavaScript v3 and Rust."""

import os
import shutil
import subprocess
import uuid
from pathlib import Path

import pytest

import toolbox
from lambent import target_directory
from packages import make_zip

HERE = Path(__file__).parent
ECHO = "def handler(event, context):\n    return event\n"
INSTALL_TIMEOUT_S = 600


@pytest.fixture
def packages(tmp_path):
    """The paths of a function's package and of a layer's."""
    function, layer = tmp_path / "function.zip", tmp_path / "layer.zip"
    function.write_bytes(make_zip({"app.py": ECHO}))
    layer.write_bytes(make_zip({"python/shared.py": "WORD = 1\n"}))
    return function, layer


def drive(server, *command, cwd=None):
    """Runs a program with the environment that the README tells to set, and expects that it succeeds."""
    environment = {**os.environ, **server.environment()}
    done = subprocess.run(
        [str(part) for part in command], env=environment, cwd=cwd, capture_output=True, text=True, timeout=180
    )
    assert done.returncode == 0, f"{done.stdout}\n{done.stderr}"
    assert done.stdout.endswith("done\n")


@pytest.fixture(scope="module")
def javascript():
    """The folder of the JavaScript programs, beside their SDK."""
    npm, node = shutil.which("npm"), shutil.which("node")
    if not npm or not node:
        pytest.skip("skipped: Node.js with npm is not on this machine")
    folder = toolbox.cache("javascript")
    manifest = (HERE / "javascript" / "package.json").read_text()
    if not (folder / ".installed").is_file() or (folder / ".installed").read_text() != manifest:
        (folder / "package.json").write_text(manifest)
        command = [npm, "install", "--no-audit", "--no-fund", "--loglevel=error"]
        subprocess.run(command, cwd=folder, check=True, capture_output=True, timeout=INSTALL_TIMEOUT_S)
        (folder / ".installed").write_text(manifest)
    for program in (HERE / "javascript").glob("*.mjs"):
        shutil.copy(program, folder)
    return folder


def test_the_javascript_sdk_manages_functions(server, python_runtime, javascript, packages):
    name = f"js-{uuid.uuid4().hex[:10]}"
    drive(server, shutil.which("node"), javascript / "functions.mjs", name, python_runtime, *packages)


def test_the_rust_sdk_manages_functions(server, python_runtime, packages):
    target = target_directory() / "rust-sdk"
    build = ["cargo", "build", "--quiet", "--manifest-path", HERE / "rust_sdk" / "Cargo.toml", "--target-dir", target]
    done = subprocess.run(
        [*map(str, build), "--locked"], capture_output=True, text=True, timeout=INSTALL_TIMEOUT_S * 2
    )
    assert done.returncode == 0, done.stderr
    name = f"rust-{uuid.uuid4().hex[:10]}"
    drive(server, target / "debug" / "lambent-e2e-rust-sdk", name, python_runtime, packages[0])
