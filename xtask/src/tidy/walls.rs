//! The walls between our crates: the dependency table of ARCHITECTURE.md in a form that can be checked, and
//! the check of the paths that source files name.

use super::tokens;
use super::violation::Violation;
use super::workspace::RustFile;

/// What one crate may see.
pub(crate) struct Wall {
    /// The crate's name.
    pub(crate) name: &'static str,
    /// Its folder.
    pub(crate) folder: &'static str,
    /// Crates of ours that it may depend on.
    pub(crate) may_use: &'static [&'static str],
    /// Libraries that its manifest must not name (tests may).
    pub(crate) never_named: &'static [&'static str],
    /// Libraries that must not be in its build at all, not even through others.
    pub(crate) never_reached: &'static [&'static str],
    /// Paths that its source must not name: a path and everything below it.
    pub(crate) never_paths: &'static [&'static str],
    /// Exceptions to `never_paths`.
    pub(crate) but_paths: &'static [&'static str],
    /// The sentence that the wall stands for.
    pub(crate) why: &'static str,
}

/// The table. Order as in ARCHITECTURE.md.
pub(crate) const WALLS: &[Wall] = &[
    Wall {
        name: "aws-api",
        folder: "crates/aws-api/",
        may_use: &[],
        never_named: &["nix", "rustix", "libc"],
        never_reached: &["tokio", "hyper", "hyper-util", "rusqlite"],
        never_paths: &["std::fs", "std::net", "std::process", "std::env", "std::thread"],
        but_paths: &[],
        why: "aws-api is AWS's wire world and knows nothing of Lambent",
    },
    Wall {
        name: "lambda-model",
        folder: "crates/lambda-model/",
        may_use: &["aws-api"],
        never_named: &["rand", "nix", "rustix", "libc", "jiff", "uuid"],
        never_reached: &["tokio", "hyper", "hyper-util", "rusqlite"],
        never_paths: &[
            "std::fs",
            "std::net",
            "std::process",
            "std::env",
            "std::thread",
            "std::time",
            "std::io",
            "TcpListener::bind",
            "async",
            "await",
        ],
        // The port for the endpoint inside an environment hands a listener on; it is bound elsewhere. An address is a number.
        but_paths: &["std::time::Duration", "std::net::TcpListener", "std::net::IpAddr"],
        why: "lambda-model decides, and nothing else: no I/O, no clock, no randomness, no async; `now` is a parameter",
    },
    Wall {
        name: "sandbox",
        folder: "crates/sandbox/",
        may_use: &[],
        never_named: &["http"],
        never_reached: &["tokio", "hyper", "hyper-util", "rusqlite"],
        never_paths: &[],
        but_paths: &[],
        why: "sandbox is Linux isolation: it knows no HTTP, no tokio and no Lambda words",
    },
    Wall {
        name: "store",
        folder: "crates/store/",
        may_use: &["lambda-model"],
        never_named: &["http", "http-body", "http-body-util", "nix"],
        never_reached: &["hyper", "hyper-util"],
        never_paths: &[],
        but_paths: &[],
        why: "store is durable state and nothing else",
    },
    Wall {
        name: "execution",
        folder: "crates/execution/",
        may_use: &["lambda-model", "sandbox"],
        never_named: &[],
        never_reached: &["rusqlite"],
        never_paths: &[],
        but_paths: &[],
        why: "execution owns environments; what is stored and who invokes is not its business",
    },
    Wall {
        name: "invocation",
        folder: "crates/invocation/",
        may_use: &["lambda-model"],
        never_named: &["http", "http-body", "http-body-util", "nix", "rustix", "libc"],
        never_reached: &["rusqlite", "hyper", "hyper-util"],
        never_paths: &[],
        but_paths: &[],
        why: "invocation stands between a request and an environment, and sees both only through ports",
    },
    Wall {
        name: "services",
        folder: "crates/services/",
        may_use: &["aws-api", "lambda-model", "store"],
        never_named: &["rusqlite", "nix", "libc"],
        never_reached: &[],
        never_paths: &[],
        but_paths: &[],
        why: "services are control planes; they reach functions through ports and data through store",
    },
    Wall {
        name: "server",
        folder: "crates/server/",
        may_use: &["aws-api", "lambda-model", "store", "sandbox", "execution", "invocation", "services"],
        never_named: &["rusqlite", "nix", "libc"],
        never_reached: &[],
        never_paths: &[],
        but_paths: &[],
        why: "server wires the others; SQL is store's and system calls are sandbox's",
    },
    Wall {
        name: "xtask",
        folder: "xtask/",
        may_use: &["aws-api"],
        never_named: &[],
        never_reached: &["tokio", "rusqlite"],
        never_paths: &[],
        but_paths: &[],
        why: "xtask is built before anything else and must build fast",
    },
    Wall {
        name: "simulation",
        folder: "tests/simulation/",
        may_use: &["invocation", "lambda-model"],
        never_named: &[],
        never_reached: &["hyper", "rusqlite"],
        never_paths: &[
            "std::fs",
            "std::net",
            "std::process",
            "std::thread",
            "std::time::Instant",
            "std::time::SystemTime",
        ],
        but_paths: &[],
        why: "a run of the simulation is a function of its seed",
    },
    Wall {
        name: "lambent-tests",
        folder: "tests/",
        may_use: &[],
        never_named: &[],
        never_reached: &[],
        never_paths: &[],
        but_paths: &[],
        why: "tests of the whole system use the binary from outside, as its users do",
    },
];

/// The wall of a crate, by the crate's name.
pub(crate) fn of_crate(name: &str) -> Option<&'static Wall> {
    WALLS.iter().find(|wall| wall.name == name)
}

/// Paths in one source file that its crate must not name.
pub(crate) fn check(file: &RustFile) -> Vec<Violation> {
    let Some(wall) = WALLS.iter().find(|wall| file.path.starts_with(wall.folder)) else {
        return Vec::new();
    };
    let mut found = Vec::new();
    for named in tokens::paths(&file.tokens) {
        if is_forbidden(&named.path, wall) {
            found.push(Violation::at(
                &file.path,
                named.line,
                format!("names `{}`", named.path),
                wall.why,
                "take the value as a parameter, or move the code to the crate that owns this concern",
            ));
        }
    }
    found
}

/// `use std::time;` names the module itself, which the exceptions below it do not excuse.
fn is_forbidden(path: &str, wall: &Wall) -> bool {
    let matches = |list: &[&str]| list.iter().any(|listed| is_below(path, listed));
    matches(wall.never_paths) && !matches(wall.but_paths)
}

fn is_below(path: &str, listed: &str) -> bool {
    path.strip_prefix(listed).is_some_and(|rest| rest.is_empty() || rest.starts_with("::"))
}

#[cfg(test)]
mod tests;
