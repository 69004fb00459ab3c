//! Node.js: the interpreter and our bootstrap; modules of the host stay hidden.

use std::path::{Path, PathBuf};

use super::{
    Compiler, PlanRequest, RuntimeBind, RuntimePlan, Waits,
    custom::{runtime_version_arn, variables},
    discovery::Interpreter,
    visible::{self, LANGUAGE, RUNTIME},
};

/// The first version in which a script that was compiled elsewhere can `import()` as any other: `USE_MAIN_CONTEXT_DEFAULT_LOADER` of
/// `vm` came with 20.12.
const COMPILES_FROM: u32 = 20;

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
        compiler: major.parse::<u32>().is_ok_and(|major| major >= COMPILES_FROM).then(|| compiler(&program)),
        argv: vec![program.into(), format!("{RUNTIME}/bootstrap.cjs").into()],
        is_wrapped: false,
        waits: Waits::Alone,
        environment,
        working_directory: "/var/task".into(),
        binds,
        masks: masks(),
    }
}

/// What is compiled of a script is all of its functions, which takes some four times the bytes of a source that was minified.
fn compiler(program: &Path) -> Compiler {
    Compiler {
        argv: vec![program.into(), format!("{RUNTIME}/compiler.cjs").into()],
        sources: &[".js", ".cjs"],
        source_bytes: (16 << 10)..=(16 << 20),
        growth_max: 8,
        is_product: |path| path.extension().is_some_and(|extension| extension == "v8"),
        variables: "NODE_",
    }
}

/// Where modules of the host would be found. In `/usr/share/nodejs` Debian keeps some that its Node.js itself needs: there our
/// bootstrap hides them from the function.
fn masks() -> Vec<PathBuf> {
    ["/usr/lib/node_modules", "/usr/local/lib/node_modules"].into_iter().map(PathBuf::from).collect()
}
