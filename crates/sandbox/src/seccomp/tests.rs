//! The filters as data: what must never be on the list, and that both architectures compile.

use super::*;

const NEVER: &[&str] = &[
    "\"add_key\"",
    "\"bpf\"",
    "\"chroot\"",
    "\"init_module\"",
    "\"io_uring_setup\"",
    "\"kexec_load\"",
    "\"keyctl\"",
    "\"open_by_handle_at\"",
    "\"perf_event_open\"",
    "\"process_vm_readv\"",
    "\"ptrace\"",
    "\"reboot\"",
    "\"request_key\"",
    "\"splice\"",
    "\"swapon\"",
    "\"userfaultfd\"",
];

#[test]
fn both_architectures_compile_and_forbid_the_same() {
    let files = [
        (include_str!("x86_64.json"), TargetArch::x86_64),
        (include_str!("aarch64.json"), TargetArch::aarch64),
    ];
    for (text, arch) in files {
        let filters = compile(text, arch).unwrap();
        assert!(filters.environment.len() < 4096, "the kernel's bound on a program");
        for name in NEVER {
            assert!(!text.contains(name), "{name} on {arch:?}");
        }
    }
}

#[test]
fn what_the_set_up_needs_is_closed_again() {
    let text = include_str!("x86_64.json");
    for line in text.lines().filter(|line| line.contains("closed before exec")) {
        let name = line.split('"').nth(3).unwrap();
        let is_closed = name == "clone3" || closing::CLOSED.iter().any(|(closed, _)| *closed == name);
        assert!(is_closed, "{name} stays open");
    }
}

/// What the closing filter answers, by the rules of classic BPF.
fn verdict(number: libc::c_long, first_argument: u32) -> u32 {
    let program = closing::program();
    let (mut at, mut accumulator) = (0, 0);
    loop {
        let instruction = &program[at];
        let jump = |taken: bool| usize::from(if taken { instruction.jt } else { instruction.jf });
        at += 1 + match instruction.code {
            0x20 => {
                accumulator = if instruction.k == 0 { number as u32 } else { first_argument };
                0
            }
            0x15 => jump(accumulator == instruction.k),
            0x45 => jump(accumulator & instruction.k != 0),
            _ => return instruction.k,
        };
    }
}

#[test]
fn the_closing_filter_refuses_what_is_closed_and_nothing_else() {
    const ALLOWED: u32 = 0x7fff_0000;
    assert!(closing::program().len() <= 20, "installed at each start");
    for (name, number) in closing::CLOSED {
        assert_eq!(verdict(number, 0), 0x0005_0000 | libc::EPERM as u32, "{name}");
    }
    assert_eq!(verdict(libc::SYS_clone3, 0), 0x0005_0000 | libc::ENOSYS as u32, "libraries try clone next");
    assert_eq!(verdict(libc::SYS_read, u32::MAX), ALLOWED);
    assert_eq!(verdict(libc::SYS_clone, libc::SIGCHLD as u32), ALLOWED);
    assert_ne!(verdict(libc::SYS_clone, libc::CLONE_NEWUSER as u32 | 17), ALLOWED);
}
