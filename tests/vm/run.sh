#!/bin/sh
# Inside the virtual machine: the sandbox's tests as root and as an ordinary user. What is printed here is what `cargo xtask vm-test`
# reads: a heading for each suite, how it ended, and a last line when all of them passed.
set -u
# Names of tests have brackets.
set -f
here=/opt/payload
. "$here/form" # ROOT_TESTS, ORDINARY_TESTS: arguments of pytest

export PYTHONPATH="$here/site-packages" PYTHONDONTWRITEBYTECODE=1
export PYTEST_ADDOPTS="-q -rfEs --color=no --tb=short -p no:cacheprovider --timeout=900 --durations=10"
export LAMBENT_BIN="$here/lambent" LAMBENT_TARGET_DIR="$here/target"
# The tests leave files beside themselves.
mkdir -p "$LAMBENT_TARGET_DIR"
chown -R ordinary:ordinary "$here/tests" "$LAMBENT_TARGET_DIR"
cd "$here/tests/e2e" || exit 1

failed=
suite() { # NAME COMMAND...
    echo "== $1"
    name=$1
    shift
    "$@" 2>&1 || failed="$failed [$name]"
}
as_ordinary() {
    runuser -u ordinary -- env HOME=/home/ordinary XDG_RUNTIME_DIR=/run/user/1000 "$@"
}

echo "kernel $(uname -r), systemd $(systemctl --version | sed -n '1s/.*(\(.*\)).*/\1/p'), cgroups $(stat -f -c %T /sys/fs/cgroup)"
[ "$(stat -f -c %T /sys/fs/cgroup)" = cgroup2fs ] || failed=" [cgroup v2 is not unified]"

suite "sandbox, root" "$here/sandbox-tests" --show-output
# A scope of its own: the test program is not the server, which asks for one itself.
suite "sandbox, ordinary user" as_ordinary systemd-run --user --scope -q -p Delegate=yes "$here/sandbox-tests" --show-output
suite "end to end, root" python3 -m pytest $ROOT_TESTS
suite "end to end, ordinary user" as_ordinary python3 -m pytest $ORDINARY_TESTS

case $failed in
'') echo "vm-test: passed" ;;
*) echo "vm-test: failed:$failed" ;;
esac
