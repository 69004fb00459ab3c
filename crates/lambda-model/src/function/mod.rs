//! Functions: what they are called, how they are configured, which state they are in.

pub mod configuration;
pub mod key;
pub mod record;
pub mod settings;
pub mod state;

pub use configuration::FunctionConfiguration;
pub use key::FunctionKey;
pub use record::{CodeReference, FunctionRecord};
pub use state::{FunctionState, LastUpdateStatus};

/// The qualifier of the unpublished version.
pub const LATEST: &str = "$LATEST";
