//! Custom runtimes, which bring their own program, and what they share with the others.

use sha2::{Digest, Sha256};

use super::{PlanRequest, RuntimePlan, Waits, visible};
use crate::environment::log_frames::{LOG_DESCRIPTOR, LOG_DESCRIPTOR_VARIABLE};

/// The program of a package that brings its own runtime.
pub(super) const BOOTSTRAP: &str = "/var/task/bootstrap";

/// The plan for a program of the package. Whether it is there, and can be run, is found out when it is started.
pub(super) fn plan(request: &PlanRequest<'_>, program: &str) -> RuntimePlan {
    let mut environment = variables("");
    // Recorded: absent for custom runtimes (N-02).
    let not_for_custom = ["AWS_EXECUTION_ENV", LOG_DESCRIPTOR_VARIABLE];
    let is_go = request.runtime == "go1.x";
    environment.retain(|(name, _)| is_go || !not_for_custom.contains(&name.as_str()));
    if is_go {
        set(&mut environment, "AWS_EXECUTION_ENV", "AWS_Lambda_go1.x");
    }
    RuntimePlan {
        runtime_version: runtime_version(request.runtime),
        runtime_version_arn: runtime_version_arn(request, ""),
        argv: vec![program.into()],
        compiler: None,
        is_wrapped: false,
        waits: Waits::Never,
        environment,
        working_directory: "/var/task".into(),
        binds: visible::system(),
        masks: Vec::new(),
    }
}

/// As AWS spells them: `provided:al2023.v1`, `go:1.v1`.
fn runtime_version(runtime: &str) -> String {
    match runtime {
        "go1.x" => "go:1.v1".to_owned(),
        other => format!("{}.v1", other.replacen('.', ":", 1)),
    }
}

/// Variables of every runtime as recorded on Lambda (N-02).
pub(super) fn variables(execution_env: &str) -> Vec<(String, String)> {
    [
        ("AWS_EXECUTION_ENV", execution_env),
        ("LANG", "en_US.UTF-8"),
        (
            "LD_LIBRARY_PATH",
            "/var/lang/lib:/lib64:/usr/lib64:/var/runtime:/var/runtime/lib:/var/task:/var/task/lib:/opt/lib",
        ),
        ("PATH", "/var/lang/bin:/usr/local/bin:/usr/bin/:/bin:/opt/bin"),
        ("TZ", ":UTC"),
        (LOG_DESCRIPTOR_VARIABLE, &LOG_DESCRIPTOR.to_string()),
    ]
    .into_iter()
    .map(|(name, value)| (name.to_owned(), value.to_owned()))
    .collect()
}

fn set(environment: &mut [(String, String)], name: &str, value: &str) {
    for (_, old) in environment.iter_mut().filter(|(known, _)| known == name) {
        value.clone_into(old);
    }
}

/// `arn:aws:lambda:<region>::runtime:<sha256>`: names what a function really runs on.
pub(super) fn runtime_version_arn(request: &PlanRequest<'_>, program: &str) -> String {
    let digest = Sha256::new()
        .chain_update(request.runtime)
        .chain_update(program)
        .chain_update(env!("CARGO_PKG_VERSION"))
        .finalize();
    format!("arn:aws:lambda:{}::runtime:{digest:x}", request.region)
}
