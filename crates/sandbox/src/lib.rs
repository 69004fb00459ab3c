//! Linux isolation: namespaces, mounts, cgroups, seccomp.
