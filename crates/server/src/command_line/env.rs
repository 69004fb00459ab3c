//! `lambent env`: what AWS clients need, as shell exports.

use super::{Client, CommandError};

/// Prints the exports. The access key id selects the account; with `--auth off` any secret will do.
pub(super) fn run(client: &Client) -> Result<(), CommandError> {
    println!("export AWS_ENDPOINT_URL={}", client.endpoint);
    println!("export AWS_ACCESS_KEY_ID={}", client.account_id);
    println!("export AWS_SECRET_ACCESS_KEY=lambent");
    println!("unset AWS_SESSION_TOKEN AWS_PROFILE");
    println!("export AWS_DEFAULT_REGION={}", client.region);
    println!("export AWS_REGION={}", client.region);
    println!("export AWS_PAGER=");
    Ok(())
}
