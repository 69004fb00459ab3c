//! `cargo xtask vm-test`: the sandbox's tests where most users are: on a Debian with systemd and unified control groups v2, as root
//! and as an ordinary user. `cargo xtask check` runs a short form of it.
//!
//! ```text
//! mmdebstrap ──► system disk (kept in target/vm) ─┐
//! debug build, tests, Python packages ──► payload ┴─► qemu, without network ──► what tests/vm/run.sh prints
//! ```
//! The processor is emulated, so it works on any machine and takes its time.

mod machine;
mod page;
mod payload;
mod system;

use std::path::PathBuf;
use std::process::Command;

use crate::failure::Failure;
use crate::shell::{self, Finished};

/// Which end-to-end tests run; the sandbox's unit tests always do.
pub(crate) struct Form<'a> {
    /// Of these, only those with this word in their names.
    only: Option<&'a str>,
    /// Arguments of pytest, as root.
    root: &'static str,
    /// The same for the ordinary user.
    ordinary: &'static str,
    /// For all of it.
    seconds_max: u32,
}

/// A few minutes.
pub(crate) const SHORT: Form<'static> = Form {
    only: None,
    root: "test_systemd.py test_control_groups.py test_ordinary_user.py test_environment_view.py \
           test_attacks.py::test_an_attack_succeeds_without_its_layer_and_fails_with_it[fork-bomb] \
           test_attacks.py::test_an_attack_succeeds_without_its_layer_and_fails_with_it[control-groups] \
           --deselect test_environment_view.py::test_n_04_half_the_memory_is_half_the_cpu_under_quota",
    ordinary: "test_systemd.py::test_the_doctor_knows_that_systemd_will_give_a_group \
               test_systemd.py::test_started_beside_others_the_server_has_a_scope_of_its_own test_control_groups.py \
               test_invoke.py::test_e_04_too_much_memory_kills_only_the_environment",
    seconds_max: 900,
};

/// Everything that the sandbox and its environments promise. An ordinary user's `/tmp` is memory, and `lambent doctor` says so; only
/// root installs services, and there is no compiler for programs of the tests' own.
const FULL: Form<'static> = Form {
    only: None,
    root: "test_attacks.py test_control_groups.py test_durability.py test_environment_view.py test_extensions.py test_invoke.py \
           test_lifecycle.py test_network.py test_ordinary_user.py test_scoreboard.py test_systemd.py test_telemetry.py \
           --deselect test_extensions.py::test_x_01_a_static_program_extends_any_runtime \
           --deselect test_attacks.py::test_g_07_a_flood_of_output_is_bounded \
           --deselect test_attacks.py::test_g_07_what_is_dropped_of_a_flood_is_told_in_the_functions_log",
    ordinary: "test_attacks.py test_control_groups.py test_environment_view.py test_extensions.py test_invoke.py test_lifecycle.py \
               test_systemd.py::test_the_doctor_knows_that_systemd_will_give_a_group \
               test_systemd.py::test_started_beside_others_the_server_has_a_scope_of_its_own test_telemetry.py \
               --deselect test_extensions.py::test_x_01_a_static_program_extends_any_runtime \
               --deselect test_attacks.py::test_g_07_a_flood_of_output_is_bounded \
               --deselect test_attacks.py::test_g_07_what_is_dropped_of_a_flood_is_told_in_the_functions_log \
               --deselect test_environment_view.py::test_tmp_can_be_filled_without_running_out_of_memory",
    seconds_max: 10_800,
};

/// Runs the long form, prints what the tests say, and leaves the page. With `--only WORD` those tests alone run again whose names have
/// the word in them, and the page says so beside what the last whole run said.
///
/// # Errors
/// When a tool is missing, something cannot be built, or a test fails.
pub(crate) fn run(arguments: &[String]) -> Result<(), Failure> {
    if let Some(missing) = missing() {
        return Err(Failure::new(missing));
    }
    let only = match arguments {
        [] => None,
        [flag, word] if flag == "--only" => Some(word.as_str()),
        _ => return Err(Failure::new("usage: cargo xtask vm-test [--only WORD]")),
    };
    let finished = run_form(&Form { only, ..FULL })?;
    print!("{}", finished.output);
    let path = shell::repository_root().join(page::PATH);
    let text = match only {
        None => page::text(&finished.output),
        Some(word) => {
            page::with_again(std::fs::read_to_string(&path).unwrap_or_default(), word, &finished.output)
        }
    };
    std::fs::write(&path, text).map_err(|e| Failure::during(path.display(), e))?;
    match finished.success {
        true => Ok(()),
        false => Err(Failure::new(format!("log in {}", finished.log.display()))),
    }
}

/// What keeps the virtual machine from being made here, if anything does.
pub(crate) fn missing() -> Option<String> {
    if std::env::consts::ARCH != "x86_64" {
        return Some("the virtual machine has an x86-64 processor, and runs what is built here".to_owned());
    }
    if shell::output_of(Command::new("id").arg("-u")).is_ok_and(|id| id.trim() != "0") {
        return Some("only root can make the disk of the virtual machine".to_owned());
    }
    let tools =
        [("mmdebstrap", "mmdebstrap"), ("qemu-system-x86_64", "qemu-system-x86"), ("mkfs.ext4", "e2fsprogs")];
    let absent = tools.iter().filter(|(tool, _)| Command::new(tool).arg("--version").output().is_err());
    let packages: Vec<&str> = absent.map(|(_, package)| *package).collect();
    (!packages.is_empty()).then(|| format!("apt install {}", packages.join(" ")))
}

/// Makes what is needed, runs one form, and says whether every suite passed.
pub(crate) fn run_form(form: &Form<'_>) -> Result<Finished, Failure> {
    let system = system::System::prepared()?;
    let payload = payload::pack(form)?;
    machine::run(&system, &payload, form.seconds_max)
}

/// Where the disks are.
fn directory() -> Result<PathBuf, Failure> {
    let directory = shell::target_directory().join("vm");
    std::fs::create_dir_all(&directory).map_err(|e| Failure::during(directory.display(), e))?;
    Ok(directory)
}
