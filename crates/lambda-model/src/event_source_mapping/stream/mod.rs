//! How a stream is read (B.12): shards in lanes, batches in order, what fails again and again, windows with state.
//!
//! ```text
//! shard ──► as many lanes as the parallelization factor: a record's key says which ([`lanes`])
//!
//! lane:  ┌──► next ──► batch ──► invoked ──► done: behind it
//!        │                          │
//!        │                          ├──► failed at a record: what was before it is done, the rest is a part
//!        │    ┌─────────────────────┴──► failed: a part, or two halves of one
//!        │    ▼
//!        │  parts, the first is next ──► too often, or too old: to the destination, and behind it
//!        └────┘
//! ```
//! A lane is what is kept of it: after a crash the same batches come again. It never moves past a record that is not done ([`lane`]).

pub mod failure_record;
mod lane;
pub mod lanes;
mod settings;
mod window;

pub use lane::{Judged, Lane, Part, Patience, Settled, pause_ms};
pub use settings::{StartingPosition, StreamSettings};
pub use window::{STATE_BYTES_MAX, Window};
