//! `lambent runtime prepare RUNTIME...`: fetch what a runtime needs before a function asks for it.

use std::path::PathBuf;

use clap::Subcommand;
use execution::runtimes::{HostRuntimes, SdkState};

use super::CommandError;

#[derive(Debug, Subcommand)]
pub(super) enum RuntimeCommand {
    /// Fetch the AWS SDK of each runtime into the data directory.
    Prepare {
        /// Such as python3.11 or nodejs20.x.
        #[arg(required = true)]
        runtimes: Vec<String>,
        /// Directory of the server's data.
        #[arg(long, env = "LAMBENT_DATA_DIR", default_value = ".lambent")]
        data_dir: PathBuf,
    },
    /// Say which runtimes this host has, and where.
    List,
}

/// Runs the command.
pub(super) fn run(command: RuntimeCommand) -> Result<(), CommandError> {
    match command {
        RuntimeCommand::Prepare { runtimes, data_dir } => prepare(&runtimes, data_dir),
        RuntimeCommand::List => {
            for line in HostRuntimes::discover(&std::env::temp_dir(), &[]).describe() {
                println!("{line}");
            }
            Ok(())
        }
    }
}

fn prepare(names: &[String], data_dir: PathBuf) -> Result<(), CommandError> {
    let host = HostRuntimes::discover(&data_dir, &[]);
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .map_err(|error| CommandError::Failed(error.to_string()))?;
    for name in names {
        match runtime.block_on(host.ensure_sdk(name)) {
            SdkState::Present(directory) => println!("{name}: {}", directory.display()),
            SdkState::NotNeeded => println!("{name}: needs nothing"),
            SdkState::Missing(reason) => return Err(CommandError::Failed(format!("{name}: {reason}"))),
        }
    }
    Ok(())
}
