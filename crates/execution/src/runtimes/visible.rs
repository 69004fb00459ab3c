//! What of the host every environment sees: the system's programs and libraries, and where an interpreter comes to lie.

use std::{
    path::{Path, PathBuf},
    sync::LazyLock,
};

use super::RuntimeBind;

/// Programs and libraries, where distributions keep them.
const SYSTEM: [&str; 6] = ["/usr", "/bin", "/sbin", "/lib", "/lib32", "/lib64"];

/// Where an interpreter lies that is not the system's, as on Lambda.
pub(super) const LANGUAGE: &str = "/var/lang";

/// The runtime's own directory (`LAMBDA_RUNTIME_DIR`).
pub(super) const RUNTIME: &str = "/var/runtime";

/// Those that this machine has, looked for once: somebody waits while an environment starts.
static PRESENT: LazyLock<Vec<RuntimeBind>> = LazyLock::new(|| {
    let present = SYSTEM.iter().filter(|path| Path::new(path).exists());
    present.map(|path| RuntimeBind { source: path.into(), target: path.into() }).collect()
});

/// The binds of every environment.
pub(super) fn system() -> Vec<RuntimeBind> {
    PRESENT.clone()
}

/// Whether the system's binds show `program` already.
pub(super) fn is_of_the_system(program: &Path) -> bool {
    SYSTEM.iter().any(|path| program.starts_with(path))
}

/// The bind of the runtime's own directory.
pub(super) fn runtime(source: PathBuf) -> RuntimeBind {
    RuntimeBind { source, target: RUNTIME.into() }
}
