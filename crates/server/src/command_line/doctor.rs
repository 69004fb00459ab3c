//! `lambent doctor`: what this host offers, and what each missing piece costs.

use clap::Args;
use execution::runtimes::HostRuntimes;
use sandbox::HostReport;

use super::CommandError;

#[derive(Debug, Args)]
pub(super) struct DoctorArguments {
    /// Print only the runtime that a first function should use here.
    #[arg(long)]
    first_runtime: bool,
}

/// Prints the report, or the first runtime.
pub(super) fn run(arguments: &DoctorArguments) -> Result<(), CommandError> {
    let runtimes = HostRuntimes::discover(&std::env::temp_dir(), &[]);
    if arguments.first_runtime {
        println!("{}", runtimes.first_runtime());
        return Ok(());
    }
    for line in HostReport::probe().describe() {
        println!("{line}");
    }
    println!("runtimes:");
    for line in runtimes.describe() {
        println!("  {line}");
    }
    Ok(())
}
