//! What functions are isolated with on this host, and what it lacks.

use std::path::PathBuf;

use lambda_model::error::with_causes;
use sandbox::{HostReport, IsolationLevel, Launcher, LauncherConfig, Layers, NetworkLevel, SandboxError};

use super::BuildError;
use crate::configuration::Configuration;

/// What the host cannot enforce, in sentences; refused unless the operator accepts it.
fn check_host(configuration: &Configuration) -> Result<Vec<String>, BuildError> {
    if configuration.execution.isolation == IsolationLevel::Process {
        return Ok(vec!["isolation level process: functions run as ordinary processes of this user, with nothing between them and this machine".into()]);
    }
    take_own_group();
    let report = HostReport::probe();
    if let Some(missing) = report.missing_for_sandbox() {
        return Err(BuildError::HostLacks(format!(
            "this host cannot isolate functions: {missing} (or start with --isolation process)"
        )));
    }
    if !report.can_enforce_memory() && !allows_unenforced_memory(configuration) {
        return Err(BuildError::HostLacks(memory_refusal("there is no memory controller for it")));
    }
    Ok(report.unenforced())
}

/// Started from a shell the server shares its control group with it, and could bound nothing.
fn take_own_group() {
    match sandbox::take_own_group() {
        Ok(true) => tracing::info!("this process is now in a scope of its own, which systemd gave it"),
        Ok(false) => {}
        Err(error) => tracing::warn!(%error, "systemd gives this process no control group of its own"),
    }
}

/// The launcher, and what it does without, in sentences. `run_dir` and `id` are those of the data directory, which is locked.
pub(super) fn start_launcher(
    configuration: &mut Configuration,
    run_dir: PathBuf,
    id: &str,
) -> Result<(Launcher, Vec<String>), BuildError> {
    let mut unenforced = check_host(configuration)?;
    let mut layers = Layers::from(configuration.execution.isolation);
    for name in &configuration.without_layers {
        layers = layers.without(name.parse().map_err(BuildError::Failed)?);
    }
    let lacks = |error: SandboxError| BuildError::HostLacks(with_causes(&error));
    // Under the directory's lock: whatever carries its id is a dead server's.
    let swept = sandbox::sweep(id, &run_dir).map_err(lacks)?;
    tracing::info!(?swept, "swept what an earlier server left");
    let config = LauncherConfig::new(id.to_owned(), run_dir).with_layers(layers);
    let networks = &mut configuration.execution.networks;
    let launcher = match Launcher::start(config.clone().with_networks(networks.policies())) {
        Err(error @ SandboxError::NetworkUnavailable(_)) if !configuration.network_is_wanted => {
            unenforced.push(error.to_string());
            networks.policy.level = NetworkLevel::None;
            Launcher::start(config.with_networks(networks.policies()))
        }
        started => started,
    };
    let launcher = launcher.map_err(lacks)?;
    match launcher.memory_unbounded() {
        Some(why) if !allows_unenforced_memory(configuration) => {
            Err(BuildError::HostLacks(memory_refusal(&why)))
        }
        _ => Ok((launcher, unenforced)),
    }
}

fn allows_unenforced_memory(configuration: &Configuration) -> bool {
    configuration.allow_unenforced.iter().any(|name| name == "memory")
}

fn memory_refusal(why: &str) -> String {
    format!(
        "this host cannot bound the memory of functions ({why}): see lambent doctor, or start with --allow-unenforced memory"
    )
}
