//! The instructions with which a zygote makes a process whose parent is another one than itself. In other words
//!
//! ```c
//! struct frame { long number, failed, left; struct { long call, arguments[6]; } calls[]; };
//!
//! long between(struct clone_args *how, size_t size, pid_t (*fork)(void), struct frame *frame) {
//!     if (how == NULL) return the thread pointer;
//!     long child = clone3(how, size);             // shares the zygote's memory, and the zygote waits until it has ended
//!     if (child != 0) return child;               // the zygote: the number of the process between, or minus that of an error
//!     int number = fork();                        // the process between, in the zygote's memory
//!     if (number != 0) {
//!         frame->number = number;
//!         exit_group(0);                          // now somebody else is the parent of
//!     }                                           // what was forked, in a copy of that memory:
//!     for (; frame->left > 0; frame->left--) {
//!         frame->failed = syscall(next call);
//!         if (failed is an error) return 0;
//!     }
//!     frame->failed = 0;
//!     return 0;
//! }
//! ```
//! A process that forks twice has its memory copied twice, and one of the copies thrown away: of a Python interpreter that is a fifth of all
//! that a start takes. No language that a zygote is written in can do this: whatever the process between does in shared memory it does
//! to the zygote, whose frames must be as they were. So it only calls `fork` of the C library, deeper on the stack than where the zygote
//! waits. The calls are what takes the new process into its sandbox; an interpreter would copy pages for each. The instructions may lie
//! anywhere; `build.rs` assembles them, and what the compiler adds is left out (`sections.ld`); `src/between.rs` has them.

#![no_std]
#![no_main]

use core::arch::global_asm;

#[cfg(target_arch = "x86_64")]
global_asm!(
    ".pushsection .between, \"ax\", %progbits",
    "endbr64",
    "test rdi, rdi",
    "jz 8f",
    "push rbx",
    "push r12",
    "push r13",
    "push r14",
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
    "pop r14",
    "pop r13",
    "pop r12",
    "pop rbx",
    "ret",
    "3:",
    "call rbx",
    "test eax, eax",
    "jz 4f",
    "movsxd rax, eax",
    "mov qword ptr [r12], rax",
    "xor edi, edi",
    "mov eax, 231",
    "syscall",
    "4:",
    "mov r14, qword ptr [r12 + 16]",
    "lea r13, [r12 + 24]",
    "5:",
    "test r14, r14",
    "jz 6f",
    "mov rax, qword ptr [r13]",
    "mov rdi, qword ptr [r13 + 8]",
    "mov rsi, qword ptr [r13 + 16]",
    "mov rdx, qword ptr [r13 + 24]",
    "mov r10, qword ptr [r13 + 32]",
    "mov r8, qword ptr [r13 + 40]",
    "mov r9, qword ptr [r13 + 48]",
    "syscall",
    "cmp rax, -4095",
    "jae 7f",
    "add r13, 56",
    "dec r14",
    "jmp 5b",
    "7:",
    "mov qword ptr [r12 + 8], rax",
    "mov qword ptr [r12 + 16], r14",
    "6:",
    "xor eax, eax",
    "jmp 2b",
    "8:",
    "mov rax, qword ptr fs:[0]",
    "ret",
    ".popsection",
);

#[cfg(target_arch = "aarch64")]
global_asm!(
    ".pushsection .between, \"ax\", %progbits",
    "cbz x0, 8f",
    "stp x29, x30, [sp, #-48]!",
    "stp x19, x20, [sp, #16]",
    "stp x21, x22, [sp, #32]",
    "mov x29, sp",
    "mov x19, x2",
    "mov x20, x3",
    "mov x8, #435",
    "svc #0",
    "cbz x0, 3f",
    "2:",
    "ldp x21, x22, [sp, #32]",
    "ldp x19, x20, [sp, #16]",
    "ldp x29, x30, [sp], #48",
    "ret",
    "3:",
    "blr x19",
    "cbz w0, 4f",
    "sxtw x0, w0",
    "str x0, [x20]",
    "mov x0, #0",
    "mov x8, #94",
    "svc #0",
    "4:",
    "ldr x22, [x20, #16]",
    "add x21, x20, #24",
    "5:",
    "cbz x22, 6f",
    "ldr x8, [x21]",
    "ldp x0, x1, [x21, #8]",
    "ldp x2, x3, [x21, #24]",
    "ldp x4, x5, [x21, #40]",
    "svc #0",
    "cmn x0, #4095",
    "b.hs 7f",
    "add x21, x21, #56",
    "sub x22, x22, #1",
    "b 5b",
    "7:",
    "str x0, [x20, #8]",
    "str x22, [x20, #16]",
    "6:",
    "mov x0, #0",
    "b 2b",
    "8:",
    "mrs x0, tpidr_el0",
    "ret",
    ".popsection",
);

/// Nothing here can.
#[panic_handler]
fn panic(_: &core::panic::PanicInfo<'_>) -> ! {
    loop {}
}
