//! Node.js: the interpreter and our bootstrap; modules of the host stay hidden.

use std::path::{Path, PathBuf};

use super::{
    PlanRequest, RuntimeBind, RuntimePlan, Waits,
    custom::{runtime_version_arn, variables},
    discovery::Interpreter,
    visible::{self, LANGUAGE, RUNTIME},
};

/// The plan for an interpreter with `directory` as the runtime's own.
pub(super) fn plan(request: &PlanRequest<'_>, interpreter: &Interpreter, directory: PathBuf) -> RuntimePlan {
    let mut binds = visible::system();
    let program = if visible::is_of_the_system(&interpreter.program) {
        interpreter.program.clone()
    } else {
        // One file is all that Node.js needs.
        let inside = Path::new(LANGUAGE).join("bin/node");
        binds.push(RuntimeBind { source: interpreter.program.clone(), target: inside.clone() });
        inside
    };
    let modules = directory.join("node_modules");
    if modules.is_dir() {
        // `import` does not know NODE_PATH; it looks in the folders above the package.
        binds.push(RuntimeBind { source: modules, target: "/node_modules".into() });
    }
    binds.push(visible::runtime(directory));
    let major = request.runtime.trim_start_matches("nodejs").trim_end_matches(".x");
    let mut environment = variables(&format!("AWS_Lambda_{}", request.runtime));
    environment.push((
        "NODE_PATH".into(),
        format!("/opt/nodejs/node{major}/node_modules:/opt/nodejs/node_modules:{RUNTIME}/node_modules:{RUNTIME}:/var/task"),
    ));
    RuntimePlan {
        runtime_version: format!("nodejs:{major}.v1"),
        runtime_version_arn: runtime_version_arn(request, &interpreter.program.to_string_lossy()),
        argv: vec![program.into(), format!("{RUNTIME}/bootstrap.cjs").into()],
        compiler: Vec::new(),
        is_wrapped: false,
        waits: Waits::Alone,
        environment,
        working_directory: "/var/task".into(),
        binds,
        masks: masks(),
    }
}

/// Where modules of the host would be found. In `/usr/share/nodejs` Debian keeps some that its Node.js itself needs: there our
/// bootstrap hides them from the function.
fn masks() -> Vec<PathBuf> {
    ["/usr/lib/node_modules", "/usr/local/lib/node_modules"].into_iter().map(PathBuf::from).collect()
}
