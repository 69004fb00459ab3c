//! Python: the interpreter, its standard library, our bootstrap; packages of the host stay hidden.

use std::path::{Path, PathBuf};

use super::{
    PlanRequest, RuntimeBind, RuntimePlan,
    custom::{runtime_version_arn, variables},
    discovery::Interpreter,
    visible::{self, LANGUAGE, RUNTIME},
};

/// The plan for an interpreter with `directory` as the runtime's own.
pub(super) fn plan(request: &PlanRequest<'_>, interpreter: &Interpreter, directory: PathBuf) -> RuntimePlan {
    let library = request.runtime;
    let mut binds = visible::system();
    let program = if visible::is_of_the_system(&interpreter.program) {
        interpreter.program.clone()
    } else {
        let (prefix, name) = prefix_and_name(&interpreter.program);
        binds.push(RuntimeBind { source: prefix, target: LANGUAGE.into() });
        Path::new(LANGUAGE).join("bin").join(name)
    };
    binds.push(visible::runtime(directory));
    let version = library.trim_start_matches("python");
    let mut environment = variables(&format!("AWS_Lambda_{}", request.runtime));
    environment.push(("PYTHONPATH".into(), RUNTIME.into()));
    RuntimePlan {
        runtime_version: format!("python:{version}.v1"),
        runtime_version_arn: runtime_version_arn(request, &interpreter.program.to_string_lossy()),
        argv: vec![program.into(), format!("{RUNTIME}/bootstrap.py").into()],
        environment,
        working_directory: "/var/task".into(),
        binds,
        masks: masks(library),
    }
}

/// `<prefix>/bin/<name>`: Python finds its library from where its program lies.
fn prefix_and_name(program: &Path) -> (PathBuf, PathBuf) {
    let name = program.file_name().map(PathBuf::from).unwrap_or_default();
    let prefix = program.parent().and_then(Path::parent).unwrap_or_else(|| Path::new("/"));
    (prefix.to_owned(), name)
}

/// Where packages of the host would be found.
fn masks(library: &str) -> Vec<PathBuf> {
    let mut masks = vec![PathBuf::from("/usr/lib/python3/dist-packages")];
    for root in ["/usr/lib", "/usr/lib64", "/usr/local/lib", "/usr/local/lib64", "/var/lang/lib"] {
        for kind in ["site-packages", "dist-packages"] {
            masks.push(Path::new(root).join(library).join(kind));
        }
    }
    masks
}
