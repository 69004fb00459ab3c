//! Names of runtimes, as the API has them.

/// Runtimes that need an interpreter of the host.
pub(super) const INTERPRETED: [&str; 12] = [
    "python3.8",
    "python3.9",
    "python3.10",
    "python3.11",
    "python3.12",
    "python3.13",
    "python3.14",
    "nodejs16.x",
    "nodejs18.x",
    "nodejs20.x",
    "nodejs22.x",
    "nodejs24.x",
];

/// Runtimes that run the package's own program.
pub(super) const CUSTOM: &[&str] = &["provided", "provided.al2", "provided.al2023", "go1.x"];

/// Runtimes of Lambda's that this server does not run, by their languages.
pub(super) const NOT_BUILT: &str = "java, ruby, dotnet";

/// In the order in which a first function should use them.
pub(super) const PREFERRED: &[&str] = &[
    "python3.14",
    "python3.13",
    "python3.12",
    "python3.11",
    "python3.10",
    "python3.9",
    "python3.8",
    "nodejs22.x",
    "nodejs24.x",
    "nodejs20.x",
    "nodejs18.x",
    "nodejs16.x",
];

/// What a runtime's name says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Family {
    /// Python 3.
    Python {
        /// The minor version.
        minor: u32,
    },
    /// Node.js.
    Nodejs {
        /// The major version.
        major: u32,
    },
    /// The package's `bootstrap`.
    Custom,
    /// The program that the handler names.
    Go,
    /// A runtime of Lambda's that this server does not run.
    Other,
}

impl Family {
    /// Parses a name such as `python3.11` or `nodejs20.x`.
    pub(super) fn of(runtime: &str) -> Self {
        if let Some(minor) = runtime.strip_prefix("python3.").and_then(|minor| minor.parse().ok()) {
            return Self::Python { minor };
        }
        if let Some(major) =
            runtime.strip_prefix("nodejs").and_then(|rest| rest.strip_suffix(".x")?.parse().ok())
        {
            return Self::Nodejs { major };
        }
        match runtime {
            "provided" | "provided.al2" | "provided.al2023" => Self::Custom,
            "go1.x" => Self::Go,
            _ => Self::Other,
        }
    }
}
