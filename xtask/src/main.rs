//! The project's own commands: `cargo xtask <command>`.
//!
//! Each command is one module with one `run`. This file only lists them, so that the list in the help text,
//! the list that `tidy` holds the README against and the dispatch are the same table.

mod arguments;
mod attack;
mod bench;
mod check;
mod codegen;
mod coverage;
mod crash;
mod dist;
mod failure;
mod fuzz;
mod oracle;
mod powerloss;
mod shell;
mod soak;
mod tidy;
mod vm_test;

use std::env;
use std::process::ExitCode;

use failure::Failure;

/// One command of `cargo xtask`.
struct Command {
    name: &'static str,
    help: &'static str,
    run: fn(&[String]) -> Result<(), Failure>,
}

/// Every command, in the order of the help text.
const COMMANDS: &[Command] = &[
    Command { name: "check", help: "the one door: everything CI runs", run: check::run },
    Command { name: "tidy", help: "house rules that the compiler cannot check", run: tidy::run },
    Command {
        name: "codegen",
        help: "regenerate aws-api from the API models (--check: only compare)",
        run: codegen::run,
    },
    Command {
        name: "coverage",
        help: "write docs/internals/coverage.md (--check: only compare)",
        run: coverage::run,
    },
    Command {
        name: "bench",
        help: "invokes, events, sources and APIs beside their floors (--short)",
        run: bench::run,
    },
    Command {
        name: "powerloss",
        help: "the power-loss test at hundreds of points (--points N)",
        run: powerloss::run,
    },
    Command {
        name: "crash",
        help: "the server is killed at every labelled point (--times N)",
        run: crash::run,
    },
    Command {
        name: "attack",
        help: "every attack of the scoreboard a hundred times (--runs N)",
        run: attack::run,
    },
    Command { name: "fuzz", help: "every fuzz target for a minute (--seconds N)", run: fuzz::run },
    Command { name: "oracle", help: "DynamoDB beside another implementation (--seeds N)", run: oracle::run },
    Command { name: "soak", help: "invocations of fifteen minutes", run: soak::run },
    Command {
        name: "vm-test",
        help: "the sandbox's tests in a virtual machine, as root and as an ordinary user",
        run: vm_test::run,
    },
    Command {
        name: "moto",
        help: "moto's own tests as a ratchet (--update; names of services)",
        run: check::moto::command,
    },
    Command { name: "dist", help: "release build packed as a tarball in target/dist", run: dist::run },
];

fn main() -> ExitCode {
    let arguments: Vec<String> = env::args().skip(1).collect();
    let Some((name, rest)) = arguments.split_first() else {
        eprint!("{}", help());
        return ExitCode::from(2);
    };
    let Some(command) = COMMANDS.iter().find(|command| command.name == name) else {
        eprint!("xtask: there is no command `{name}`\n\n{}", help());
        return ExitCode::from(2);
    };
    match (command.run)(rest) {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => {
            eprintln!("xtask {name}: {failure}");
            ExitCode::FAILURE
        }
    }
}

fn help() -> String {
    let mut text = String::from("usage: cargo xtask <command>\n\n");
    for command in COMMANDS {
        text.push_str(&format!("  {:<10} {}\n", command.name, command.help));
    }
    text
}
