//! Formats generated code as the project's own.

use std::io::Write;
use std::process::{Command, Stdio};

use crate::failure::Failure;

/// Runs `rustfmt` over `text` with the project's settings.
pub(crate) fn format(text: &str) -> Result<String, Failure> {
    let failed = |error: &dyn std::fmt::Display| Failure::new(format!("rustfmt: {error}"));
    let mut child = Command::new("rustfmt")
        .args(["--edition", "2024", "--config-path", "rustfmt.toml"])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .map_err(|error| failed(&error))?;
    let mut stdin = child.stdin.take().ok_or_else(|| failed(&"no standard input"))?;
    let text = text.to_owned();
    // On a thread of its own: rustfmt may answer before it has read everything.
    let writer = std::thread::spawn(move || stdin.write_all(text.as_bytes()));
    let output = child.wait_with_output().map_err(|error| failed(&error))?;
    let written = writer.join().map_err(|_| failed(&"the writer ended"))?;
    written.map_err(|error| failed(&error))?;
    if !output.status.success() {
        return Err(failed(&output.status));
    }
    String::from_utf8(output.stdout).map_err(|error| failed(&error))
}
