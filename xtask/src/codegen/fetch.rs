//! The pinned botocore package, fetched once into `target/codegen` and checked against its hash.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use sha2::{Digest, Sha256};

use crate::failure::Failure;

const VERSION: &str = "1.44.5";
const SHA256: &str = "8f16a56d1dff125dd65322ae021efa7ba5195a6db5102b96862566055b748921";

/// The directory of the unpacked package.
pub(crate) fn botocore() -> Result<PathBuf, Failure> {
    let directory = Path::new("target/codegen").join(format!("botocore-{VERSION}"));
    if directory.join("complete").exists() {
        return Ok(directory);
    }
    fs::create_dir_all(&directory)
        .map_err(|error| Failure::new(format!("{}: {error}", directory.display())))?;
    let wheel = directory.join(format!("botocore-{VERSION}-py3-none-any.whl"));
    if !wheel.exists() {
        let requirement = format!("botocore=={VERSION}");
        let directory = directory.to_string_lossy();
        run(
            "python3",
            &["-m", "pip", "download", "--no-deps", "--quiet", "--dest", &directory, &requirement],
        )?;
    }
    verify(&wheel)?;
    let (wheel, target) = (wheel.to_string_lossy(), directory.to_string_lossy());
    run("python3", &["-m", "zipfile", "-e", &wheel, &target])?;
    fs::write(directory.join("complete"), "").map_err(|error| Failure::new(error.to_string()))?;
    Ok(directory)
}

fn verify(wheel: &Path) -> Result<(), Failure> {
    let bytes = fs::read(wheel).map_err(|error| Failure::new(format!("{}: {error}", wheel.display())))?;
    let digest: String = Sha256::digest(&bytes).iter().map(|byte| format!("{byte:02x}")).collect();
    if digest == SHA256 {
        return Ok(());
    }
    Err(Failure::new(format!("{}: sha256 is {digest}, expected {SHA256}", wheel.display())))
}

fn run(program: &str, arguments: &[&str]) -> Result<(), Failure> {
    let status = Command::new(program).args(arguments).status();
    match status {
        Ok(status) if status.success() => Ok(()),
        Ok(status) => Err(Failure::new(format!("{program} {}: {status}", arguments.join(" ")))),
        Err(error) => Err(Failure::new(format!("{program}: {error}"))),
    }
}
