//! The filter that takes away what only the set-up needs. It is installed at each start of a process, at about two
//! microseconds per instruction, so it is assembled by hand: one comparison per call.

use seccompiler::{BpfProgram, sock_filter};

/// What makes mounts, roots and namespaces, and the host name. Nobody without a capability could use them; a kernel bug in
/// one of them is out of reach all the same.
pub(super) const CLOSED: [(&str, libc::c_long); 12] = [
    ("mount", libc::SYS_mount),
    ("umount2", libc::SYS_umount2),
    ("pivot_root", libc::SYS_pivot_root),
    ("unshare", libc::SYS_unshare),
    ("setns", libc::SYS_setns),
    ("sethostname", libc::SYS_sethostname),
    ("fsopen", libc::SYS_fsopen),
    ("fsconfig", libc::SYS_fsconfig),
    ("fsmount", libc::SYS_fsmount),
    ("move_mount", libc::SYS_move_mount),
    ("open_tree", libc::SYS_open_tree),
    ("mount_setattr", libc::SYS_mount_setattr),
];

/// `struct seccomp_data` of linux/seccomp.h: where the number and the first argument's lower half are.
const NUMBER_OFFSET: u32 = 0;
const FIRST_ARGUMENT_OFFSET: u32 = 16;

// From linux/bpf_common.h and linux/seccomp.h.
const LOAD: u16 = 0x20;
const JUMP_IF_EQUAL: u16 = 0x15;
const JUMP_IF_SET: u16 = 0x45;
const RETURN: u16 = 0x06;
const ALLOW: u32 = 0x7fff_0000;
const REFUSE_WITH_EPERM: u32 = 0x0005_0000 | libc::EPERM as u32;
const REFUSE_WITH_ENOSYS: u32 = 0x0005_0000 | libc::ENOSYS as u32;

/// Other architectures' calls never come here: the allow-list, which every process inherits, ends them first.
pub(super) fn program() -> BpfProgram {
    let mut program = vec![instruction(LOAD, NUMBER_OFFSET, 0, 0)];
    let count = CLOSED.len() as u8;
    for (position, (_, number)) in (0u8..).zip(CLOSED) {
        // To the refusal: over the other comparisons and the five instructions after them.
        program.push(instruction(JUMP_IF_EQUAL, number as u32, count - position - 1 + 5, 0));
    }
    program.extend([
        // Its flags cannot be seen here: libraries shall use clone, whose flags can.
        instruction(JUMP_IF_EQUAL, libc::SYS_clone3 as u32, 5, 0),
        instruction(JUMP_IF_EQUAL, libc::SYS_clone as u32, 0, 2),
        instruction(LOAD, FIRST_ARGUMENT_OFFSET, 0, 0),
        // A new user namespace is where every other one could come from without a capability.
        instruction(JUMP_IF_SET, libc::CLONE_NEWUSER as u32, 1, 0),
        instruction(RETURN, ALLOW, 0, 0),
        instruction(RETURN, REFUSE_WITH_EPERM, 0, 0),
        instruction(RETURN, REFUSE_WITH_ENOSYS, 0, 0),
    ]);
    program
}

fn instruction(code: u16, k: u32, if_true: u8, if_false: u8) -> sock_filter {
    sock_filter { code, jt: if_true, jf: if_false, k }
}
