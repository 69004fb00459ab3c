//! Refuses every target but Linux in one sentence, before the compiler says the same in hundreds; and compiles what is in `programs`, which
//! the library has inside.

use std::env;
use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::process::Command;

fn main() {
    println!("cargo::rerun-if-changed=build.rs");
    println!("cargo::rerun-if-changed=programs");
    // The target's system, not the one that this script runs on.
    if env::var("CARGO_CFG_TARGET_OS").is_ok_and(|system| system != "linux") {
        println!(
            "cargo::error=Lambent runs on Linux only: on macOS build it inside Lima or a Linux container, on Windows inside WSL2"
        );
        return;
    }
    // Of the second nothing but its instructions.
    let bare = ["-Wl,--oformat=binary", "-Wl,--script=programs/between/sections.ld"];
    for (name, options) in [("waiting", &[][..]), ("between", &bare[..])] {
        let source = Path::new("programs").join(name).join("main.rs");
        if let Err(why) = compile(&source, name, options) {
            println!("cargo::error={}: {why}", source.display());
        }
    }
}

/// A program without any library, for the target, in cargo's folder for what is made. `options` are the linker's.
fn compile(source: &Path, name: &str, options: &[&str]) -> Result<(), String> {
    let variable = |name: &str| env::var_os(name).ok_or_else(|| format!("cargo did not say {name}"));
    let mut rustc = Command::new(variable("RUSTC")?);
    rustc.args(["--edition", "2024", "--crate-type", "bin", "--crate-name", name, "-D", "warnings"]);
    rustc
        .arg("--target")
        .arg(variable("TARGET")?)
        .arg("-o")
        .arg(PathBuf::from(variable("OUT_DIR")?).join(name));
    for option in ["opt-level=s", "panic=abort", "relocation-model=static", "strip=symbols"] {
        rustc.args(["-C", option]);
    }
    for argument in ["-nostdlib", "-nostartfiles", "-static", "-Wl,--build-id=none"].iter().chain(options) {
        rustc.arg("-C").arg(format!("link-arg={argument}"));
    }
    if let Some(linker) = env::var_os("RUSTC_LINKER") {
        let mut option = OsString::from("linker=");
        option.push(linker);
        rustc.arg("-C").arg(option);
    }
    let output = rustc.arg(source).output().map_err(|error| error.to_string())?;
    // One line: cargo shows no more of an error.
    let said = String::from_utf8_lossy(&output.stderr).replace('\n', " | ");
    if output.status.success() { Ok(()) } else { Err(said) }
}
