//! What the front door reads, waits for and keeps; the limits of a connection are in [`crate::listeners`].

/// The body of a request to a function's URL, bytes (P-01: 6 MB for the event; its base64 and the rest of the event come on top, and are
/// checked with it).
pub(super) const URL_BODY_BYTES_MAX: usize = lambda_model::limits::SYNC_REQUEST_PAYLOAD_BYTES_MAX;
