//! How messages look on the wire, a file per protocol.

pub mod aws_json;
pub mod event_stream;
pub mod query;
pub mod query_compatible;
pub mod rest_json;

use bytes::Bytes;
use serde::de::DeserializeOwned;
use serde_json::{Map, Value};

use crate::error_response::ApiError;

/// A decoded request: every member but a payload in one JSON object, under the model's names.
pub struct Decoded {
    /// Members from wherever the protocol has them.
    pub input: Map<String, Value>,
    /// The body as a whole, where a blob member takes it.
    pub payload: Option<Bytes>,
}

impl Decoded {
    /// The members as the operation's input structure.
    ///
    /// # Errors
    /// `SerializationException` for a value of a type that validation cannot see, such as a broken base64 text.
    pub fn typed<T: DeserializeOwned>(self) -> Result<T, ApiError> {
        serde_json::from_value(Value::Object(self.input))
            .map_err(|error| ApiError::user("SerializationException", 400, error.to_string()))
    }
}
