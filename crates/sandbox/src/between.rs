//! The instructions with which a zygote forks (`programs/between`), for the target.

/// They may lie anywhere in the zygote's memory.
pub(crate) const INSTRUCTIONS: &[u8] = include_bytes!(concat!(env!("OUT_DIR"), "/between"));
