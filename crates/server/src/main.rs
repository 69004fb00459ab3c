//! The `lambent` binary: AWS Lambda on your own machines.
//!
//! The story of the process: become a spawner of sandboxes if that is what we were started for, else read the command line and
//! run the command. `lambent serve` goes on in [`command_line::serve`].

mod admin;
mod authentication;
mod catalog;
mod clock;
mod command_line;
mod configuration;
mod connection;
mod deployment;
mod event_source_mappings;
mod gateway;
mod http;
mod https;
mod identity;
mod json_api;
mod lambda_api;
mod listeners;
mod metrics;
mod open_files;
mod outside;
mod pieces;
mod preparation;
mod query_api;
mod rest_json_api;
mod router;
mod s3_api;
mod service_endpoints;
mod signed_path;
mod subscribed_functions;
mod tls;
mod topic_rules;
mod waiting;
mod watches;
mod wiring;

use std::process::ExitCode;

use clap::Parser;

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> ExitCode {
    // Before anything else starts a thread: the spawner must stay single-threaded.
    sandbox::spawner_main_if_requested();
    // The allocator asks for pages of 2 MiB, and each thread's first few bytes took one: 82 MB where 15 do. A kernel that knows no such
    // pages needs no telling.
    let _ = rustix::thread::disable_transparent_huge_pages(true);
    command_line::run(command_line::CommandLine::parse())
}
