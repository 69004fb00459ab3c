//! Asynchronous invocation (B.9): what is queued, when it is tried again, who is told of its end.
//!
//! ```text
//!  accept ──► waiting ──due──► running ──succeeded──────────────────► ended: Success
//!                ▲  │             │
//!                │  └ too old, reserved concurrency zero, a loop ───► ended: EventAgeExceeded, ZeroReservedConcurrency, ...
//!                │                │ function error: after 1 min, then 2 min; none left ──► ended: RetriesExhausted
//!                └────────────────┤ refused (429, 5xx): after 1 s, doubling to 5 min
//!                                 └ what would come too late ───────► ended: EventAgeExceeded
//! ```
//! Every change of state is durable before anything follows from it, except the claim: an event that was running when the server
//! died waits again.

pub mod dead_letter;
pub mod delivery;
pub mod destination_record;
pub mod event;
pub mod retry;
pub mod share;

pub use delivery::{Delivery, DeliveryKind, DeliveryOrigin, MessageAttribute, Sender, Tries};
pub use event::{AsyncEvent, EventId, Progress, Settlement};
pub use retry::{AttemptEnd, Condition, Next, RetryPolicy};
