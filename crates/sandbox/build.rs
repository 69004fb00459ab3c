//! Refuses every target but Linux in one sentence, before the compiler says the same in hundreds.

fn main() {
    println!("cargo::rerun-if-changed=build.rs");
    // The target's system, not the one that this script runs on.
    if std::env::var("CARGO_CFG_TARGET_OS").is_ok_and(|system| system != "linux") {
        println!(
            "cargo::error=Lambent runs on Linux only: on macOS build it inside Lima or a Linux container, on Windows inside WSL2"
        );
    }
}
