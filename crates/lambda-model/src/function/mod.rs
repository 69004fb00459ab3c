//! Functions: what they are called, how they are configured, which state they are in.

pub mod alias;
pub mod configuration;
pub mod key;
pub mod layer;
pub mod record;
pub mod resource_policy;
pub mod settings;
pub mod state;
pub mod url;
pub mod version;

pub use alias::Alias;
pub use configuration::{FunctionConfiguration, FunctionLayer, LoggingConfiguration};
pub use key::FunctionKey;
pub use layer::{LayerKey, LayerVersion};
pub use record::{CodeReference, FunctionRecord, PreviousVersion};
pub use state::{FunctionState, LastUpdateStatus};

/// The qualifier of the unpublished version.
pub const LATEST: &str = "$LATEST";
