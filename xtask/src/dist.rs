//! `cargo xtask dist`: a release as a tarball in `target/dist`: the stripped binary, a systemd unit, a
//! Dockerfile, LICENSE and README.
//!
//! Packing is left to `strip` and `tar`, which every machine with a C compiler has.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use sha2::{Digest, Sha256};

use crate::failure::Failure;
use crate::shell;

/// What goes into the tarball beside the binary: where it lies in the checkout, and its name there.
const FILES: &[(&str, &str)] = &[
    ("xtask/dist/lambent.service", "lambent.service"),
    ("xtask/dist/Dockerfile", "Dockerfile"),
    ("LICENSE", "LICENSE"),
    ("README.md", "README.md"),
];

/// Builds the release and packs it.
///
/// # Errors
/// When a step of the build or of the packing fails.
pub(crate) fn run(_arguments: &[String]) -> Result<(), Failure> {
    let name = format!("lambent-{}-{}-linux", env!("CARGO_PKG_VERSION"), std::env::consts::ARCH);
    let directory = shell::target_directory().join("dist");
    build()?;
    stage(&directory.join(&name))?;
    let tarball = pack(&directory, &name)?;
    println!("{}", tarball.display());
    Ok(())
}

fn build() -> Result<(), Failure> {
    let mut cargo = shell::cargo();
    cargo.args(["build", "--locked", "--quiet", "--release", "--bin", "lambent"]);
    shell::succeed("dist-build", &mut cargo)
}

/// Makes the folder that becomes the tarball.
fn stage(folder: &Path) -> Result<(), Failure> {
    if folder.exists() {
        fs::remove_dir_all(folder).map_err(|e| Failure::during(folder.display(), e))?;
    }
    fs::create_dir_all(folder).map_err(|e| Failure::during(folder.display(), e))?;
    let built = shell::target_directory().join("release/lambent");
    let mut strip = Command::new("strip");
    strip.arg("--strip-all").arg("-o").arg(folder.join("lambent")).arg(&built);
    shell::succeed("dist-strip", &mut strip)?;
    for (from, to) in FILES {
        let from = shell::repository_root().join(from);
        fs::copy(&from, folder.join(to)).map_err(|e| Failure::during(from.display(), e))?;
    }
    Ok(())
}

/// Packs the folder, owned by root whoever built it, and writes the checksum beside it.
fn pack(directory: &Path, name: &str) -> Result<PathBuf, Failure> {
    let tarball = directory.join(format!("{name}.tar.gz"));
    let mut tar = Command::new("tar");
    tar.current_dir(directory)
        .args(["--owner=0", "--group=0", "--sort=name", "-czf"])
        .arg(&tarball)
        .arg(name);
    shell::succeed("dist-tar", &mut tar)?;
    let bytes = fs::read(&tarball).map_err(|e| Failure::during(tarball.display(), e))?;
    let digest: String = Sha256::digest(&bytes).iter().map(|byte| format!("{byte:02x}")).collect();
    let sums = directory.join(format!("{name}.tar.gz.sha256"));
    fs::write(&sums, format!("{digest}  {name}.tar.gz\n")).map_err(|e| Failure::during(sums.display(), e))?;
    Ok(tarball)
}
