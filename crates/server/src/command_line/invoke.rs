//! `lambent invoke FUNCTION [--payload JSON]`: one synchronous invocation, without an AWS client at hand.

use clap::Args;

use super::{Client, CommandError, client};

#[derive(Debug, Args)]
pub(super) struct InvokeArguments {
    /// Name or ARN of the function.
    function: String,
    /// The event, JSON.
    #[arg(long, default_value = "{}")]
    payload: String,
    #[command(flatten)]
    client: Client,
}

/// Prints the response; fails when the function did.
pub(super) fn run(arguments: &InvokeArguments) -> Result<(), CommandError> {
    let path = format!("/2015-03-31/functions/{}/invocations", client::encoded(&arguments.function));
    let call = client::Call { method: "POST", path: &path, body: Some(&arguments.payload) };
    let done = client::copy_to_stdout(&arguments.client, &call);
    println!();
    done
}
