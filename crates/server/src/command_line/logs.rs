//! `lambent logs FUNCTION [--follow]`: what a function printed, from a running server.

use clap::Args;

use super::{Client, CommandError};

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
        client.account_id, client.region, arguments.function, arguments.follow
    );
    super::client::copy_to_stdout(client, &super::client::Call { method: "GET", path: &path, body: None })
}
