//! `lambent logs FUNCTION [--follow]`: what a function printed, from a running server.

use clap::Args;

use super::{
    Client, CommandError,
    client::{self, Call, encoded},
};

#[derive(Debug, Args)]
pub(super) struct LogsArguments {
    /// Name of the function.
    function: String,
    /// Go on as more is printed.
    #[arg(long, short)]
    follow: bool,
    #[command(flatten)]
    client: Client,
}

/// Prints the log; with `--follow` until interrupted.
pub(super) fn run(arguments: &LogsArguments) -> Result<(), CommandError> {
    let client = &arguments.client;
    let path = format!(
        "/_lambent/logs?account={}&region={}&function={}&follow={}",
        encoded(&client.account_id),
        encoded(&client.region),
        encoded(&arguments.function),
        arguments.follow
    );
    client::copy_to_stdout(client, &Call { method: "GET", path: &path, body: None })
}
