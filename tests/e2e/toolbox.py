"""What the tests need from the machine and the package registries: interpreters, packages, compilers."""

import contextlib
import fcntl
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

from lambent import target_directory

NODE_VERSIONS = ("16", "18", "20", "22", "24")
PYTHON_VERSIONS = ("3.8", "3.9", "3.10", "3.11", "3.12", "3.13", "3.14")


def cache(name):
    """A folder below the target directory that outlives a run."""
    folder = target_directory() / "e2e-cache" / name
    folder.mkdir(parents=True, exist_ok=True)
    return folder


def preloaded(source):
    """The path of a library to be loaded before libc, built with the machine's compiler from one file of C."""
    library = cache(source.parent.name) / f"{source.stem}.so"
    if not library.is_file() or library.stat().st_mtime < source.stat().st_mtime:
        command = ["cc", "-shared", "-fPIC", "-O1", "-Wall", "-Werror", "-o", str(library), str(source), "-ldl"]
        subprocess.run(command, check=True, timeout=120)
    return library


@contextlib.contextmanager
def filling(folder):
    """While a folder is filled: whoever else wants to fill it, in another process of the run, waits and finds it full."""
    with open(folder.with_name(f"{folder.name}.lock"), "w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield folder


def _version_of(program):
    try:
        answer = subprocess.run([program, "--version"], capture_output=True, text=True, timeout=20, check=True)
    except (OSError, subprocess.SubprocessError):
        return None
    match = re.search(r"(\d+)\.(\d+)", answer.stdout + answer.stderr)
    return f"{match[1]}.{match[2]}" if match else None


def pythons():
    """Python versions of this machine that Lambda knows, by version: PATH, and pyenv's own folders."""
    found = {}
    for version in PYTHON_VERSIONS:
        candidates = [shutil.which(f"python{version}")]
        pyenv = Path(os.environ.get("PYENV_ROOT", Path.home() / ".pyenv")) / "versions"
        candidates += [str(path) for path in sorted(pyenv.glob(f"{version}.*/bin/python{version}"))]
        for candidate in filter(None, candidates):
            if _version_of(candidate) == version:
                found[version] = candidate
                break
    return found


def node(major):
    """The path of Node.js `major`, installed from the npm package `node` on first use."""
    return npm_folder(f"node-{major}", f"node@{major}") / "node_modules" / "node" / "bin" / "node"


def npm_folder(name, *packages):
    """A folder with packages from npm in its `node_modules`, installed once."""
    with filling(cache(name)) as folder:
        stamp = folder / ".installed"
        if not stamp.is_file():
            npm = shutil.which("npm")
            if npm is None:
                raise FileNotFoundError("npm is not installed, so its packages cannot be fetched")
            install = [npm, "install", "--prefix", str(folder), "--no-audit", "--no-fund", "--loglevel=error"]
            subprocess.run([*install, *packages], check=True, capture_output=True, timeout=300)
            stamp.write_text("\n".join(packages))
    return folder


def chromium():
    """The path of Chromium, installed by root on Debian and Ubuntu on first use."""
    with filling(cache("chromium")):
        if shutil.which("chromium") is None and os.geteuid() == 0 and shutil.which("apt-get"):
            install = ["apt-get", "install", "-y", "-qq", "--no-install-recommends", "chromium"]
            subprocess.run(install, env={**os.environ, "DEBIAN_FRONTEND": "noninteractive"}, capture_output=True, timeout=400, check=False)
    return shutil.which("chromium")


def node_if_possible(major):
    """The path of Node.js `major`, or None where it cannot be had."""
    try:
        return node(major)
    except (OSError, subprocess.SubprocessError):
        return None


def pip_target(name, *requirements, python=None):
    """A folder with packages from PyPI, installed once, as `pip install --target` lays it out."""
    with filling(cache(f"pip-{name}")) as folder:
        stamp = folder / ".installed"
        if not stamp.is_file():
            command = [sys.executable, "-m", "pip", "install", "--quiet", "--disable-pip-version-check"]
            command += ["--target", str(folder), "--upgrade"]
            if python:
                command += ["--only-binary=:all:", "--python-version", python]
            subprocess.run([*command, *requirements], check=True, capture_output=True, timeout=300)
            stamp.write_text("\n".join(requirements))
    return folder


def aws_cli_1():
    """The AWS CLI version 1 of the virtual environment that runs the tests."""
    return Path(sys.executable).parent / "aws"


def aws_cli_2():
    """An AWS CLI version 2 of this machine, or None.

    Before 2.13 it does not read AWS_ENDPOINT_URL: such a one comes behind a script that tells it, and is otherwise as it is.
    """
    places = os.environ.get("PATH", "").split(":") + ["/usr/bin", "/usr/local/bin"]
    for place in places:
        program = Path(place) / "aws"
        if not program.is_file():
            continue
        try:
            answer = subprocess.run([program, "--version"], capture_output=True, text=True, timeout=30)
        except (OSError, subprocess.SubprocessError):
            continue
        version = re.match(r"aws-cli/2\.(\d+)", answer.stdout + answer.stderr)
        if version:
            return program if int(version[1]) >= 13 else with_endpoint(program)
    return None


def with_endpoint(program):
    """A script that passes AWS_ENDPOINT_URL on as an argument."""
    with filling(cache("aws-cli-2")) as folder:
        script = folder / "aws"
        if not script.is_file():
            text = f'#!/bin/sh\nexec {program} --endpoint-url "$AWS_ENDPOINT_URL" "$@"\n'
            (folder / "new").write_text(text)
            (folder / "new").chmod(0o755)
            (folder / "new").rename(script)
    return script


def static_program(name):
    """The bytes of a static program, built from `programs/<name>.c` with the machine's compiler."""
    source = Path(__file__).parent / "programs" / f"{name}.c"
    with filling(cache("static")) as folder:
        program = folder / name
        if not program.is_file() or program.stat().st_mtime < source.stat().st_mtime:
            subprocess.run(["cc", "-static", "-O1", "-o", str(program), str(source)], check=True, timeout=120)
        return program.read_bytes()
