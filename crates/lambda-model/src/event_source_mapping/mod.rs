//! Event source mappings: which sources there are, and what may be asked of each (B.11 to B.14).

pub mod configuration;
pub mod filter;
pub mod source;

pub use configuration::MappingRequest;
pub use source::SourceKind;
