//! The virtual machine itself.

use std::path::Path;
use std::process::Command;

use super::system::System;
use crate::failure::Failure;
use crate::shell::{self, Finished};

/// The last line of `tests/vm/run.sh` when every suite passed.
const PASSED: &str = "vm-test: passed";

/// What the tests need at the same time, bombs included.
const MEMORY: &str = "4G";
const PROCESSORS: &str = "2";

/// Boots, and waits until it turns itself off. The system disk stays as it is: what is written goes to a file that nobody sees.
///
/// The second serial port carries what the tests print; the first, the console, goes to a file.
pub(super) fn run(system: &System, payload: &Path, seconds_max: u32) -> Result<Finished, Failure> {
    let console = super::directory()?.join("console.log");
    let drive =
        |path: &Path, options: &str| format!("file={},format=raw,if=virtio,{options}", path.display());
    let mut qemu = Command::new("timeout");
    qemu.arg(seconds_max.to_string()).arg("qemu-system-x86_64");
    qemu.args(["-accel", "tcg,thread=multi", "-cpu", "max", "-smp", PROCESSORS, "-m", MEMORY]);
    qemu.args(["-display", "none", "-monitor", "none", "-nic", "none", "-no-reboot"]);
    qemu.args(["-serial", &format!("file:{}", console.display()), "-serial", "stdio"]);
    qemu.arg("-kernel").arg(&system.kernel).arg("-initrd").arg(&system.initial_ram_disk);
    qemu.args(["-append", "root=/dev/vda rw console=ttyS0 quiet panic=-1"]);
    qemu.args(["-drive", &drive(&system.disk, "snapshot=on,cache=unsafe")]);
    qemu.args(["-drive", &drive(payload, "readonly=on")]);
    let finished = shell::run_logged("vm-test", &mut qemu)?;
    let passed = finished.output.lines().any(|line| line.trim_end() == PASSED);
    Ok(Finished { success: finished.success && passed, ..finished })
}
