//! Event source mappings: which sources there are, and what may be asked of each (B.11 to B.14).

pub mod broker;
pub mod configuration;
pub mod filter;
mod mapping;
pub mod partial_failure;
pub mod queue;
pub mod source;
pub mod stream;

pub use configuration::MappingRequest;
pub use mapping::{EventSourceMapping, ProvisionedPollers};
pub use source::SourceKind;
