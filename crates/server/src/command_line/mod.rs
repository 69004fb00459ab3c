//! The command line. Exit codes: 0 done, 1 the command failed, 2 wrong usage (clap), 3 the address or the data directory is taken,
//! 4 a right or a host feature is missing.

mod client;
#[cfg(debug_assertions)]
mod crash_points;
mod doctor;
mod env;
mod front;
mod invoke;
mod logs;
mod runtime;
mod serve;
mod watch;

use std::process::ExitCode;

use clap::{Args, Parser, Subcommand};

/// AWS Lambda on your own machines.
#[derive(Debug, Parser)]
#[command(name = "lambent", version, about)]
pub(crate) struct CommandLine {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Start the server.
    Serve(Box<serve::ServeArguments>),
    /// Print shell exports that point AWS clients at the server: eval "$(lambent env)".
    Env(Client),
    /// Say what this host offers, and what each missing piece costs.
    Doctor(doctor::DoctorArguments),
    /// Print the logs of a function.
    Logs(logs::LogsArguments),
    /// Invoke a function and print its response.
    Invoke(invoke::InvokeArguments),
    /// Run the files of a folder as a function's code: the next invocation after a save runs the new files.
    Watch(watch::WatchArguments),
    /// Prepare what runtimes need ahead of time.
    #[command(subcommand)]
    Runtime(runtime::RuntimeCommand),
}

/// How to reach a running server.
#[derive(Debug, Clone, Args)]
struct Client {
    /// Base URL of the server.
    #[arg(long, env = "LAMBENT_ENDPOINT", default_value = "http://127.0.0.1:4566")]
    endpoint: String,
    /// Region to act in.
    #[arg(long, env = "LAMBENT_REGION", default_value = "us-east-1")]
    region: String,
    /// Account to act in: twelve digits.
    #[arg(long, env = "LAMBENT_ACCOUNT_ID", default_value = "000000000000")]
    account_id: String,
}

/// Why a command ended badly; the text is for the person at the terminal.
#[derive(Debug, thiserror::Error)]
enum CommandError {
    #[error("{0}")]
    Failed(String),
    #[error("{0}")]
    Taken(String),
    #[error("{0}")]
    HostLacks(String),
}

impl CommandError {
    fn exit_code(&self) -> ExitCode {
        ExitCode::from(match self {
            Self::Failed(_) => 1,
            Self::Taken(_) => 3,
            Self::HostLacks(_) => 4,
        })
    }
}

/// Runs the command.
pub(crate) fn run(command_line: CommandLine) -> ExitCode {
    let done = match command_line.command {
        Command::Serve(arguments) => serve::run(*arguments),
        Command::Env(client) => env::run(&client),
        Command::Doctor(arguments) => doctor::run(&arguments),
        Command::Logs(arguments) => logs::run(&arguments),
        Command::Invoke(arguments) => invoke::run(&arguments),
        Command::Watch(arguments) => watch::run(arguments),
        Command::Runtime(command) => runtime::run(command),
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("lambent: {error}");
            error.exit_code()
        }
    }
}
