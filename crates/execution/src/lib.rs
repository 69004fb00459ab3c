//! Execution environments: pool, lifecycle, Runtime API, logs, runtimes.
