//! What the last long run said, for those who do not run it.

use std::fmt::Write as _;

use crate::check::tally;

pub(super) const PATH: &str = "docs/internals/virtual-machine.md";

const BEGINNING: &str = "# The sandbox in a virtual machine

Written by `cargo xtask vm-test`: the tests of the sandbox and of environments on a Debian with systemd and unified control groups
(v2), on an emulated processor without a network. The ordinary user has services of its own (systemd's), `pasta`, and ranges in
`/etc/subuid` and `/etc/subgid`; what it cannot have, `/tmp` on a disk, is not asked of it.

";

/// The page, of what `tests/vm/run.sh` printed.
pub(super) fn text(output: &str) -> String {
    let mut page = BEGINNING.to_owned();
    let machine = output.lines().find(|line| line.starts_with("kernel "));
    // Writing to a string cannot fail.
    let _ = writeln!(page, "Last run: {}\n", machine.unwrap_or("no word of the machine").trim_end());
    page.push_str("| suite | tests |\n|---|---|\n");
    for (name, tally) in tally::suites(output) {
        let _ = writeln!(page, "| {name} | {tally} |");
    }
    page
}

/// The page with what ran again since.
pub(super) fn with_again(mut page: String, word: &str, output: &str) -> String {
    for (name, tally) in tally::suites(output).into_iter().filter(|(name, _)| name.starts_with("end to end"))
    {
        let _ = writeln!(page, "| {name}; again since then: tests with `{word}` in their names | {tally} |");
    }
    page
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_suite_has_its_line() {
        let output = "kernel 6.1, systemd 252\r\n== one, root\r\n5 passed in 1.00s\r\n== two\r\n2 passed, 1 skipped in 3.00s\r\n";
        let page = text(output);
        assert!(page.contains("Last run: kernel 6.1, systemd 252\n"));
        assert!(page.contains(
            "| one, root | 5 passed, 0 failed, 0 skipped |\n| two | 2 passed, 0 failed, 1 skipped |\n"
        ));
    }

    #[test]
    fn what_ran_again_is_beside_the_last_whole_run() {
        let page = with_again(
            text("kernel 6.1\n"),
            "word",
            "== sandbox\n3 passed\n== end to end, root\n1 passed in 2.00s\n",
        );
        assert!(page.ends_with(
            "|---|---|\n| end to end, root; again since then: tests with `word` in their names | 1 passed, 0 failed, 0 skipped |\n"
        ));
    }
}
