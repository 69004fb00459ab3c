//! Code generated from AWS's API models, a folder per service.

pub mod lambda;
