//! The instructions with which a zygote makes a process whose parent is another one than itself. In other words
//!
//! ```c
//! long between(struct clone_args *how, size_t size, pid_t (*fork)(void), int *number) {
//!     long child = clone3(how, size);      // shares the zygote's memory, and the zygote waits until it has ended
//!     if (child != 0) return child;        // the zygote: the number of the process between, or minus that of an error
//!     *number = fork();                    // the process between, in the zygote's memory
//!     if (*number == 0) return 0;          // what was forked, in a copy of that memory
//!     exit_group(0);                       // now somebody else is its parent
//! }
//! ```
//! A process that forks twice has its memory copied twice, and one of the copies thrown away: of a Python interpreter that is a fifth of all
//! that a start takes. No language that a zygote is written in can do this: whatever the process between does in shared memory it does
//! to the zygote, whose frames must be as they were. So it only calls `fork` of the C library, deeper on the stack than where the zygote
//! waits. They may lie anywhere; `build.rs` assembles them, and what the compiler adds is left out (`sections.ld`); `src/between.rs` has them.

#![no_std]
#![no_main]

use core::arch::global_asm;

#[cfg(target_arch = "x86_64")]
global_asm!(
    ".pushsection .between, \"ax\", %progbits",
    "endbr64",
    "push rbx",
    "push r12",
    // Where `fork` is called the stack is a multiple of 16.
    "sub rsp, 8",
    "mov rbx, rdx",
    "mov r12, rcx",
    "mov eax, 435",
    "syscall",
    "test rax, rax",
    "jz 3f",
    "2:",
    "add rsp, 8",
    "pop r12",
    "pop rbx",
    "ret",
    "3:",
    "call rbx",
    "test eax, eax",
    "jz 4f",
    "mov dword ptr [r12], eax",
    "xor edi, edi",
    "mov eax, 231",
    "syscall",
    "4:",
    "xor eax, eax",
    "jmp 2b",
    ".popsection",
);

#[cfg(target_arch = "aarch64")]
global_asm!(
    ".pushsection .between, \"ax\", %progbits",
    "stp x29, x30, [sp, #-32]!",
    "stp x19, x20, [sp, #16]",
    "mov x29, sp",
    "mov x19, x2",
    "mov x20, x3",
    "mov x8, #435",
    "svc #0",
    "cbz x0, 3f",
    "2:",
    "ldp x19, x20, [sp, #16]",
    "ldp x29, x30, [sp], #32",
    "ret",
    "3:",
    "blr x19",
    "cbz w0, 4f",
    "str w0, [x20]",
    "mov x0, #0",
    "mov x8, #94",
    "svc #0",
    "4:",
    "mov x0, #0",
    "b 2b",
    ".popsection",
);

/// Nothing here can.
#[panic_handler]
fn panic(_: &core::panic::PanicInfo<'_>) -> ! {
    loop {}
}
