//! Python: the interpreter, its standard library, our bootstrap; packages of the host stay hidden.

use std::path::{Path, PathBuf};

use super::{
    Compiler, PlanRequest, RuntimeBind, RuntimePlan, Waits,
    custom::{runtime_version_arn, variables},
    discovery::{self, Interpreter},
    visible::{self, LANGUAGE, RUNTIME},
};

/// The plan for an interpreter with `directory` as the runtime's own.
pub(super) fn plan(request: &PlanRequest<'_>, interpreter: &Interpreter, directory: PathBuf) -> RuntimePlan {
    let library = request.runtime;
    let mut binds = visible::system();
    let prefix = discovery::prefix(&interpreter.program);
    let inside = if visible::is_of_the_system(&interpreter.program) {
        prefix
    } else {
        binds.push(RuntimeBind { source: prefix.to_owned(), target: LANGUAGE.into() });
        Path::new(LANGUAGE)
    };
    let name = interpreter.program.file_name().unwrap_or_default();
    let program = inside.join("bin").join(name);
    binds.push(visible::runtime(directory));
    let version = library.trim_start_matches("python");
    let mut environment = variables(&format!("AWS_Lambda_{}", request.runtime));
    environment.push(("PYTHONPATH".into(), RUNTIME.into()));
    RuntimePlan {
        runtime_version: format!("python:{version}.v1"),
        runtime_version_arn: runtime_version_arn(request, &interpreter.program.to_string_lossy()),
        compiler: Some(compiler(&program)),
        argv: vec![program.into(), format!("{RUNTIME}/bootstrap.py").into()],
        is_wrapped: false,
        waits: Waits::ForkedFromOne,
        environment,
        working_directory: "/var/task".into(),
        binds,
        masks: masks(inside, library),
    }
}

/// On its own: nothing of what it compiles is imported, and no folder is looked into.
fn compiler(program: &Path) -> Compiler {
    Compiler {
        argv: vec![program.into(), "-IBS".into(), format!("{RUNTIME}/_lambent_compiler.py").into()],
        sources: &[".py"],
        source_bytes: (4 << 10)..=(64 << 20),
        growth_max: 2,
        is_product: |path| {
            path.extension().is_some_and(|extension| extension == "pyc")
                && path.parent().and_then(Path::file_name).is_some_and(|folder| folder == "__pycache__")
        },
        variables: "PYTHON",
    }
}

/// Where packages of the host would be found by an interpreter of `prefix`, and where Debian's look beside that.
fn masks(prefix: &Path, library: &str) -> Vec<PathBuf> {
    let mut masks = vec![PathBuf::from("/usr/lib/python3/dist-packages")];
    let mut prefixes = vec![prefix];
    prefixes
        .extend([Path::new("/usr"), Path::new("/usr/local")].into_iter().filter(|other| *other != prefix));
    for root in prefixes.iter().flat_map(|prefix| ["lib", "lib64"].map(|folder| prefix.join(folder))) {
        masks.extend(["site-packages", "dist-packages"].map(|kind| root.join(library).join(kind)));
    }
    masks
}
