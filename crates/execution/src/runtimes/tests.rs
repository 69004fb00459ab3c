//! Discovery and planning on folders of the test's own; the bootstraps on the interpreters of this machine.

mod bootstraps;
mod fetching;

use std::os::unix::fs::PermissionsExt;

use super::*;

/// A file that begins as programs do.
fn fake_program(path: &Path) -> PathBuf {
    std::fs::create_dir_all(path.parent().unwrap()).unwrap();
    std::fs::write(path, b"\x7fELFfake").unwrap();
    std::fs::set_permissions(path, std::fs::Permissions::from_mode(0o755)).unwrap();
    std::fs::canonicalize(path).unwrap()
}

/// A program with the library of that version beside it, as Python has it.
fn fake_python(prefix: &Path, version: &str) -> PathBuf {
    let library = prefix.join("lib").join(version);
    std::fs::create_dir_all(&library).unwrap();
    std::fs::write(library.join("os.py"), "").unwrap();
    fake_program(&prefix.join("bin").join(version))
}

fn host(named: &[(&str, &Path)]) -> (tempfile::TempDir, HostRuntimes) {
    let data = tempfile::tempdir().unwrap();
    let named: Vec<_> = named.iter().map(|(name, path)| ((*name).to_owned(), path.to_path_buf())).collect();
    let runtimes = HostRuntimes::discover(data.path(), &named);
    (data, runtimes)
}

fn request(runtime: &str) -> PlanRequest<'_> {
    PlanRequest { runtime, handler: "app.handler", region: "eu-west-1" }
}

#[test]
fn an_interpreter_outside_the_system_is_mounted_with_its_prefix_alone() {
    let folder = tempfile::tempdir().unwrap();
    let program = fake_python(&folder.path().join("versions/3.8.1"), "python3.8");
    let (_data, runtimes) = host(&[("python3.8", &program)]);
    let plan = runtimes.plan(&request("python3.8")).unwrap();
    assert_eq!(plan.argv, ["/var/lang/bin/python3.8", "/var/runtime/bootstrap.py"].map(OsString::from));
    let prefix = program.parent().unwrap().parent().unwrap().to_path_buf();
    assert!(plan.binds.contains(&RuntimeBind { source: prefix, target: "/var/lang".into() }));
    assert!(plan.masks.contains(&PathBuf::from("/var/lang/lib/python3.8/site-packages")));
    assert!(plan.runtime_version_arn.starts_with("arn:aws:lambda:eu-west-1::runtime:"));
    let hidden = ["/root", "/home", "/var", "/"];
    assert!(plan.binds.iter().all(|bind| !hidden.iter().any(|path| bind.source == Path::new(path))));
}

#[test]
fn the_runtimes_own_directory_has_the_bootstrap_and_is_made_again_when_damaged() {
    let folder = tempfile::tempdir().unwrap();
    let program = fake_python(folder.path(), "python3.9");
    let (_data, runtimes) = host(&[("python3.9", &program)]);
    let directory = |runtimes: &HostRuntimes| {
        let plan = runtimes.plan(&request("python3.9")).unwrap();
        plan.binds.iter().find(|bind| bind.target == Path::new("/var/runtime")).unwrap().source.clone()
    };
    let bootstrap = directory(&runtimes).join("bootstrap.py");
    let text = std::fs::read_to_string(&bootstrap).unwrap();
    // Whether or not it was looked at before.
    for _ in 0..3 {
        std::fs::write(&bootstrap, "torn").unwrap();
        assert_eq!(directory(&runtimes).join("bootstrap.py"), bootstrap);
        assert_eq!(std::fs::read_to_string(&bootstrap).unwrap(), text);
        directory(&runtimes);
    }
}

#[test]
fn what_the_operator_names_counts_alone_and_must_be_a_program() {
    let folder = tempfile::tempdir().unwrap();
    let script = folder.path().join("python3.11");
    std::fs::write(&script, "#!/bin/sh\n").unwrap();
    let (_data, runtimes) = host(&[("python3.11", &script)]);
    let refused = runtimes.plan(&request("python3.11")).unwrap_err().to_string();
    assert!(refused.contains("python3.11") && refused.contains("--runtime-path"), "{refused}");
}

#[test]
fn another_version_than_the_runtimes_is_refused_also_when_the_operator_names_it() {
    let folder = tempfile::tempdir().unwrap();
    let program = fake_python(&folder.path().join("python"), "python3.11");
    let (_data, runtimes) = host(&[("python3.8", &program)]);
    let refused = runtimes.plan(&request("python3.8")).unwrap_err().to_string();
    assert!(refused.contains("no Python 3.8"), "{refused}");
    let shell = std::fs::canonicalize("/bin/sh").unwrap();
    let (_data, runtimes) = host(&[("nodejs20.x", &shell)]);
    assert!(runtimes.plan(&request("nodejs20.x")).is_err());
}

#[test]
fn an_interpreter_that_would_show_private_folders_with_it_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let program = fake_python(folder.path(), "python3.9");
    let data = folder.path().join("data");
    std::fs::create_dir(&data).unwrap();
    let runtimes = HostRuntimes::discover(&data, &[("python3.9".to_owned(), program)]);
    let refused = runtimes.plan(&request("python3.9")).unwrap_err().to_string();
    assert!(refused.contains("folder of its own"), "{refused}");
}

#[test]
fn an_interpreter_that_comes_later_is_found() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("python/bin/python3.9");
    let (_data, runtimes) = host(&[("python3.9", &path)]);
    assert!(runtimes.plan(&request("python3.9")).is_err());
    fake_python(&folder.path().join("python"), "python3.9");
    assert!(runtimes.plan(&request("python3.9")).is_ok());
}

#[test]
fn a_runtime_that_is_not_there_is_never_another_one() {
    let (_data, runtimes) = host(&[]);
    let missing = runtimes.plan(&request("python3.99")).unwrap_err().to_string();
    assert!(missing.contains("python3.99") && missing.contains("install"), "{missing}");
    let unbuilt = runtimes.plan(&request("ruby3.2")).unwrap_err().to_string();
    assert!(unbuilt.contains("ruby3.2"), "{unbuilt}");
}

#[test]
fn custom_runtimes_run_the_packages_own_program() {
    let (_data, runtimes) = host(&[]);
    let plan = runtimes.plan(&request("provided.al2023")).unwrap();
    assert_eq!(plan.argv, [OsString::from("/var/task/bootstrap")]);
    assert!(!plan.environment.iter().any(|(name, _)| name == "AWS_EXECUTION_ENV"));
    let go = runtimes.plan(&PlanRequest { handler: "main", ..request("go1.x") }).unwrap();
    assert_eq!(go.argv, [OsString::from("/var/task/main")]);
}

#[test]
fn what_a_compiler_names_is_what_stands_for_a_source() {
    let folder = tempfile::tempdir().unwrap();
    let interpreter = Interpreter { program: fake_program(&folder.path().join("bin/program")) };
    let compiler = |runtime: &str| {
        let (request, directory) = (request(runtime), folder.path().to_owned());
        let plan = if runtime.starts_with("python") { python::plan } else { nodejs::plan };
        plan(&request, &interpreter, directory).compiler
    };
    let names = |runtime: &str, path: &str| (compiler(runtime).unwrap().is_product)(Path::new(path));
    assert!(names("python3.9", "a/__pycache__/b.pyc") && names("nodejs22.x", "a/b.js.v8"));
    assert!(["a.pyc", "__pycache__/a.py", "__pycache__/.."].iter().all(|path| !names("python3.9", path)));
    assert!(["a.js", "v8", ".."].iter().all(|path| !names("nodejs22.x", path)));
    assert!(compiler("nodejs18.x").is_none(), "it has no import() for scripts that are compiled elsewhere");
}
