//! The embedded AWS-like services.
