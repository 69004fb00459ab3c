//! Everything between an invoke request and an execution environment.
